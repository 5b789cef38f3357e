"""The daemon as a service: configuration, reload, stop, readiness, and what never stands in its log."""
import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time

import pytest
from conftest import BUILD, ROOT, phone, wait_for


def check(gateway):
    """--check-config of the daemon and check-config of the command have to say the same."""
    daemon = subprocess.run([BUILD / "hersys-gatewayd", "-c", gateway.config, "--check-config"], capture_output=True, text=True)
    command = subprocess.run([BUILD / "hersysctl", "-c", gateway.config, "check-config"], capture_output=True, text=True)
    assert daemon.returncode == command.returncode
    assert daemon.stderr.startswith(command.stderr)
    return daemon.returncode, daemon.stderr


def test_a_valid_configuration_is_called_valid(make_gateway):
    assert check(make_gateway()) == (0, "")


@pytest.mark.parametrize("options, fault", [
    ({"http__listn": "x"}, "http.listn: unknown option; did you mean http.listen?"),
    ({"delivery__lease_seconds": "soon"}, "delivery.lease_seconds: a whole number is wanted"),
    ({"delivery__lease_seconds": 1}, "delivery.lease_seconds"),
    ({"nonsense__x": 1}, "nonsense"),
    ({"keys__directory": "/nonexistent"}, "/nonexistent"),
    ({"templates__directory": "/nonexistent"}, "/nonexistent"),
    ({"links__base_url": "ftp://x"}, "links.base_url"),
    ({"http__listen": "0.0.0.0:8470"}, "http.listen: must be a loopback address"),
    ({"http__listen": "[::]:8470"}, "http.listen: must be a loopback address"),
])
def test_a_faulty_configuration_is_refused_with_the_place_and_the_reason(make_gateway, options, fault):
    gateway = make_gateway(**options)
    status, said = check(gateway)
    assert status == 1 and fault in said, said
    gateway.spawn()
    assert gateway.process.wait(20) == 1, "and the daemon does not start"
    gateway.process = None
    assert fault in gateway.log()


def test_every_fault_is_told_at_once(make_gateway):
    _, said = check(make_gateway(http__listn="x", delivery__lease_seconds="soon", keys__directry="y"))
    assert "http.listn" in said and "delivery.lease_seconds" in said and "keys.directry" in said


def test_a_file_that_is_no_configuration_is_refused_with_its_line(make_gateway):
    gateway = make_gateway()
    gateway.config.write_text("http: {\n  listen = ;\n};\n")
    status, said = check(gateway)
    assert status == 1 and ":2:" in said


def test_a_configuration_that_is_not_there_is_named(make_gateway, tmp_path):
    gateway = make_gateway()
    gateway.config.unlink()
    status, said = check(gateway)
    assert status == 1 and str(gateway.config) in said


def test_a_key_that_others_may_read_or_that_is_cut_is_refused(make_gateway):
    gateway = make_gateway()
    key = gateway.folder / "keys" / "link-1.key"
    key.chmod(0o644)
    status, said = check(gateway)
    assert status == 1 and "link-1.key" in said
    key.chmod(0o600)
    whole = key.read_text()
    key.write_text(whole[:20])
    status, said = check(gateway)
    assert status == 1 and "link-1.key" in said and whole[:20] not in said
    key.unlink()
    status, said = check(gateway)
    assert status == 1 and "link" in said


@pytest.mark.parametrize("damage, word", [
    (lambda d: (d / "reminder" / "ko.sms").unlink(), "reminder/ko.sms"),
    (lambda d: (d / "reminder" / "ko.sms").write_text("{{centr}}"), "centr"),
    (lambda d: (d / "reminder" / "ko.sms").write_text("{{#centre}}"), "reminder/ko.sms"),
    (lambda d: (d / "reminder" / "ko.sms").write_text("{{centre}} {{due}}" + "가" * 300), "reminder/ko.sms"),
])
def test_a_missing_or_broken_text_keeps_the_daemon_from_starting(make_gateway, tmp_path, damage, word):
    templates = shutil.copytree(ROOT / "templates", tmp_path / "templates")
    damage(templates)
    status, said = check(make_gateway(templates__directory=str(templates)))
    assert status == 1 and word in said, said


def test_an_address_that_is_taken_is_named(make_gateway):
    gateway = make_gateway()
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", gateway.port))
        taken.listen()
        gateway.spawn()
        assert gateway.process.wait(20) == 1
    gateway.process = None
    assert gateway.events("listen_failed")


# ---- reload

def test_a_reload_takes_a_valid_configuration_whole(gateway, db, tmp_path):
    templates = shutil.copytree(ROOT / "templates", tmp_path / "other")
    file = templates / "not_understood" / "en.sms"
    file.write_text(file.read_text().replace("our system", "the system"))
    gateway.configure(templates__directory=str(templates), log__level="debug")
    gateway.process.send_signal(signal.SIGHUP)
    wait_for(lambda: gateway.events("reloaded"))
    db.enqueue(phone(1))
    wait_for(lambda: gateway.texts(phone(1)))
    assert "the system" in gateway.texts(phone(1))[0]


def test_a_reload_of_a_faulty_configuration_changes_nothing(gateway, db):
    gateway.configure(delivery__poll_seconds=2, log__lvel="debug")
    gateway.process.send_signal(signal.SIGHUP)
    wait_for(lambda: gateway.events("reload_refused"))
    assert "log.lvel" in gateway.log()
    db.enqueue(phone(1))
    wait_for(lambda: gateway.texts(phone(1)))


@pytest.mark.parametrize("option, value", [
    ("database__statement_timeout_seconds", 7), ("sandbox__number", "+817000000099"), ("sandbox__window", 7),
    ("sandbox__delay_milliseconds", 7), ("sandbox__receipt_milliseconds", 7),
])
def test_a_reload_says_which_option_waits_for_a_restart(gateway, db, option, value):
    gateway.configure(**{option: value})
    gateway.process.send_signal(signal.SIGHUP)
    wait_for(lambda: gateway.events("reloaded"))
    assert any(option.replace("__", ".") in line for line in gateway.events("reload_needs_restart"))


def test_a_reload_takes_shorter_intervals_at_once_and_not_after_the_long_ones(make_gateway, db):
    gateway = make_gateway(delivery__poll_seconds=300, delivery__lease_seconds=3600, reminders__tick_seconds=600,
                           sandbox__delay_milliseconds=3000).start()
    db.hold_clock("2026-02-01 07:00:00+09")
    centre = db.centre()
    db.slot(centre, "07:00", "08:30")
    db.patient(centre, phone(2))
    gateway.configure(delivery__poll_seconds=1, delivery__lease_seconds=10, reminders__tick_seconds=1)
    gateway.process.send_signal(signal.SIGHUP)
    wait_for(lambda: gateway.events("reloaded"))
    wait_for(lambda: len(gateway.spooled()) == 1, what="the reminder")
    due = db.one("SELECT hersys.outbox_enqueue('not_understood', 'en', '{\"centre\": \"M\", \"centre_phone\": \"1\"}', 'sms', %s, 'quiet', NULL, NULL)",
                 phone(1))  # without a notification: the poll has to find it
    wait_for(lambda: db.state(due) == "sending")
    lease = "SELECT extract(epoch FROM lease_until - clock_timestamp()) FROM hersys.outbox WHERE id = %s"
    assert db.one(lease, due) <= 10


def test_a_rotated_key_mints_and_the_old_one_still_serves_what_it_began(make_gateway, db):
    centre = db.centre()
    old = db.patient(centre, phone(98))
    gateway = make_gateway().start()
    gateway.send_link(old)
    subprocess.run([BUILD / "hersysctl", "key", "new", gateway.folder / "keys" / "link-2.key"], check=True)
    gateway.process.send_signal(signal.SIGHUP)
    wait_for(lambda: gateway.events("reloaded"))
    gateway.send_link(db.patient(centre, phone(1)))
    wait_for(lambda: gateway.texts(phone(1)))
    assert db.sql("SELECT key_id FROM hersys.registration_link ORDER BY id") == [(1,), (2,)]


def test_a_key_is_never_overwritten(make_gateway):
    gateway = make_gateway()
    key = gateway.folder / "keys" / "link-1.key"
    before = key.read_text()
    assert "exists already" in gateway.ctl("key", "new", key, status=1)
    assert key.read_text() == before


# ---- stop and readiness

def test_sigterm_finishes_what_is_on_the_wire_and_claims_no_more(make_gateway, db):
    messages = [db.enqueue(phone(n)) for n in range(1, 21)]
    gateway = make_gateway(sandbox__delay_milliseconds=3000, sandbox__window=5, sandbox__receipt_milliseconds=60000).start()
    wait_for(lambda: len(gateway.spooled()) == 5)
    assert gateway.stop() == 0
    assert "drained" in gateway.log()
    assert len(gateway.spooled()) == 5
    assert sorted(db.state(message) for message in messages) == ["queued"] * 15 + ["sent"] * 5


def test_a_drain_that_takes_too_long_is_cut_and_loses_nothing(make_gateway, db):
    gateway = make_gateway(sandbox__delay_milliseconds=20000, shutdown__drain_seconds=1, delivery__lease_seconds=30).start()
    message = db.enqueue(phone(1))
    wait_for(lambda: db.state(message) == "sending")
    began = time.monotonic()
    assert gateway.stop() == 0
    assert time.monotonic() - began < 10
    assert db.state(message) == "sending", "it stands under its lease"


@pytest.mark.parametrize("way", ["webhook", "sandbox"])
def test_a_drain_that_is_cut_while_a_message_waits_for_its_commit_acknowledges_nothing(make_gateway, db, way):
    db.patient(db.centre(), phone(1))
    gateway = make_gateway(shutdown__drain_seconds=1).start()
    blocker = db.postgres.connect(db.name)
    blocker.autocommit = False
    blocker.cursor().execute("SELECT FROM hersys.phone WHERE number = %s FOR UPDATE", (phone(1),))
    said = []

    def bring():
        try:
            said.append(gateway.bring(phone(1), "36.9 97 N") if way == "webhook" else gateway.request(
                "POST", "/sandbox/replies", b"from=%2B817000000001&text=36.9+97+N", {"Content-Type": "application/x-www-form-urlencoded"})[0])
        except (OSError, http.client.HTTPException):
            said.append(None)

    carrier = threading.Thread(target=bring)
    carrier.start()
    wait_for(lambda: db.sql("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = %s", db.name))
    status = gateway.stop()
    carrier.join(20)
    blocker.rollback()
    blocker.close()
    assert status == 0, gateway.log()
    assert "drain timed out" in gateway.log()
    assert said in ([None], [503])


def test_a_daemon_that_drains_refuses_connections_so_that_carriers_go_elsewhere_at_once(make_gateway, db):
    gateway = make_gateway(sandbox__delay_milliseconds=3000).start()
    message = db.enqueue(phone(1))
    wait_for(lambda: db.state(message) == "sending")
    gateway.process.send_signal(signal.SIGTERM)
    wait_for(lambda: gateway.events("stopping"))
    with pytest.raises(ConnectionRefusedError):
        gateway.bring(phone(2), "36.9 97 N")
    assert gateway.process.poll() is None, "while it still drains"
    assert gateway.stop() == 0 and "drained" in gateway.log()


def test_systemd_hears_when_the_daemon_is_ready_reloads_and_stops(make_gateway, db, tmp_path):
    if b"libsystemd" not in subprocess.run(["ldd", BUILD / "hersys-gatewayd"], capture_output=True).stdout:
        pytest.fail("built without libsystemd")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        path = f"/tmp/hersys-notify-{os.getpid()}"
        manager.bind(path)
        manager.settimeout(20)
        heard = []

        def hear(word):
            while not any(word in message for message in heard):
                heard.append(manager.recv(4096).decode())

        try:
            gateway = make_gateway()
            gateway.spawn(NOTIFY_SOCKET=path, WATCHDOG_USEC="1000000")
            hear("READY=1")
            hear("WATCHDOG=1")
            gateway.process.send_signal(signal.SIGHUP)
            hear("RELOADING=1")
            gateway.process.send_signal(signal.SIGTERM)
            hear("STOPPING=1")
            assert gateway.stop() == 0
        finally:
            os.unlink(path)


def test_lines_have_a_time_unless_standard_error_itself_is_the_journal(make_gateway, tmp_path):
    stamped = make_gateway("file", database__dsn=f"host={tmp_path} dbname=nowhere user=nobody")
    stamped.spawn(JOURNAL_STREAM="1:2")  # the journal of whoever started us
    wait_for(lambda: stamped.events("starting"), what="the start")
    assert re.match(r"\d{4}-\d\d-\d\dT[\d:.]+Z hersys-gatewayd\[\d+\] ", stamped.log())
    journal = make_gateway("journal", database__dsn=f"host={tmp_path} dbname=nowhere user=nobody")
    journal.log_path.touch()
    status = journal.log_path.stat()
    journal.spawn(JOURNAL_STREAM=f"{status.st_dev}:{status.st_ino}")
    wait_for(lambda: "starting" in journal.log(), what="the start")
    assert journal.log().startswith("<6>hersys-gatewayd[")


def test_systemd_hears_nothing_of_readiness_from_a_reload_before_the_database_is_there_or_during_the_end(make_gateway, db):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        path = f"/tmp/hersys-notify-{os.getpid()}"
        manager.bind(path)
        manager.settimeout(1)

        def heard():
            messages = []
            try:
                while True:
                    messages.append(manager.recv(4096).decode())
            except TimeoutError:
                return " ".join(messages)

        try:
            gateway = make_gateway(database__dsn="host=/nonexistent", sandbox__delay_milliseconds=5000)
            gateway.spawn(NOTIFY_SOCKET=path)
            wait_for(lambda: gateway.events("database_unreachable"))
            gateway.process.send_signal(signal.SIGHUP)
            wait_for(lambda: gateway.events("reloaded"))
            assert "READY=1" not in heard()
            gateway.stop()
            gateway.configure(database__dsn=f"host={db.postgres.host} dbname={db.name} user=hersys_test")
            gateway.spawn(NOTIFY_SOCKET=path)
            wait_for(lambda: len(gateway.events("ready")) == 1)
            message = db.enqueue(phone(1))
            wait_for(lambda: db.state(message) == "sending")
            assert "READY=1" in heard()
            gateway.process.send_signal(signal.SIGTERM)
            wait_for(lambda: len(gateway.events("stopping")) == 2)
            gateway.process.send_signal(signal.SIGHUP)
            assert "READY=1" not in heard()
            assert gateway.stop() == 0
        finally:
            os.unlink(path)


@pytest.mark.parametrize("words, said", [
    (["frobnicate"], 'there is no command "frobnicate"'), (["retry"], "usage: hersysctl retry"), (["retry", "x"], "whole number"),
    (["link", "send"], "usage: hersysctl link"), (["link", "send", "1", "-3"], "whole number"), ([], "usage"), (["sandbox"], "usage"),
    (["queue", "all"], "usage: hersysctl queue"), (["--bogus"], "try: hersysctl --help"),
])
def test_a_wrong_command_line_is_told_and_does_nothing(make_gateway, words, said):
    assert said in make_gateway().ctl(*words, status=2)


def test_the_sandbox_is_off_unless_configured(make_gateway, db):
    gateway = make_gateway(sandbox__enabled=False).start()
    assert gateway.request("GET", "/sandbox/messages")[0] == 404
    assert gateway.bring(phone(1), "36.9 97 N") == 404
    assert "without the sandbox" in gateway.ctl("sandbox", "inbox", status=1)


def test_a_channel_by_which_nothing_can_be_sent_is_told_at_the_start(make_gateway):
    gateway = make_gateway(sandbox__enabled=False, email__relay="localhost:9", email__from="no-reply@my.example.jp").start()
    (line,) = gateway.events("no_carrier")
    assert "channel=sms" in line


# ---- what never stands in a log

def test_no_text_number_name_token_or_address_is_ever_logged(make_gateway, db):
    gateway = make_gateway(log__level="debug").start()
    centre = db.centre(short_name="SECRETCENTRE")
    patient = db.patient(centre, phone(31), given_name="SECRETGIVEN", family_name="SECRETFAMILY", language="en")
    for number in (91, 92, 95, 98):
        db.enqueue(phone(number), params='{"centre": "SECRETCENTRE", "centre_phone": "03-9999-9999"}')
    db.enqueue(phone(33), params='{"centre": 4711, "centre_phone": "SECRETPARAM-too-long-for-its-place"}')
    gateway.send_link(patient)
    for text in ("36.9 97 N", "SECRETTEXT 36.9", "36.9 97 N SECRETNOTE", b"\xffSECRETBYTES"):
        gateway.bring(phone(31), text, "SECRETID-" + str(len(text)))
    gateway.bring("SECRETSENDER", "36.9 97 N")
    gateway.webhook("/webhooks/sandbox/message", b"id=SECRETBAD&from=%zz")
    gateway.request("GET", "/SECRETPATH?phone=SECRETQUERY", headers={"X-Secret": "SECRETHEADER"})
    wait_for(lambda: any("/r/" in text for text in gateway.texts(phone(31))))
    token = re.search(r"/r/\d+-(\w+)", "".join(gateway.texts(phone(31)))).group(1)
    db.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()", db.name)
    wait_for(lambda: len(gateway.events("database_ready")) == 2, 30)
    gateway.stop()
    log = gateway.log()
    assert "inbound_stored" in log and "webhook_malformed" in log and "message_not_rendered" in log
    for secret in ("SECRET", token, "81700000", "70000000", "4711", "9999", "36.9", "1980"):
        assert secret not in log, [line for line in log.splitlines() if secret in line]
