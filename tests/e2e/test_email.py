"""E-mail by the daemon: a code on its way to a relay, a relay that puts off and loses, and one that is set up wrongly."""
import email
import email.policy
import pathlib
import re
import subprocess
import sys
import time

import pytest
from api_client import Api
from api_world import mint_code
from conftest import wait_for

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "peers"))
from smtp_server import SmtpServer  # noqa: E402

PASSWORD = "correct-horse-battery"


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("relay")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "relay.key",
                    "-out", "relay.crt", "-days", "2", "-subj", "/CN=relay", "-addext", "subjectAltName=DNS:localhost"], cwd=folder,
                   check=True, capture_output=True)
    return folder / "relay.crt", folder / "relay.key"


@pytest.fixture
def relay(certificate):
    relays = []

    def start(**script):
        script = {"auth": ["PLAIN"], "login": ["gateway", PASSWORD], "auth_required": True, **script}
        relays.append(SmtpServer(script, tls=certificate))
        return relays[-1]

    yield start
    for server in relays:
        server.stop()


@pytest.fixture
def mailing(make_gateway, certificate, tmp_path):
    """mailing(relay): a daemon that hands its e-mail to that relay."""
    def make(server, mode=0o640, **options):
        password = tmp_path / "password"
        password.write_text(PASSWORD + "\n")
        password.chmod(mode)
        return make_gateway(email__relay=f"localhost:{server.port}", email__ca_file=str(certificate[0]), email__user="gateway",
                            email__password_file=str(password), email__from="no-reply@my.example.jp", email__from_name="My HER-SYS",
                            email__timeout_seconds=5, **options)

    return make


def ask_code(gateway, db, address="sample@example.jp", language="ja"):
    api = Api(gateway, gateway.token(db.centre(), "portal", "codes"))
    return api.post("/v1/codes", {"channel": "email", "address": address, "language": language}).good(202)["id"]


def read(mail):
    return email.message_from_string(mail["data"], policy=email.policy.default)


def test_a_code_arrives_by_e_mail(mailing, relay, db):
    server = relay()
    gateway = mailing(server).start()
    code = ask_code(gateway, db)
    wait_for(server.mails, what="the mail")
    (mail,) = server.mails()
    assert (mail["to"], mail["tls"], mail["user"]) == (["<sample@example.jp>"], True, "gateway")
    message = read(mail)
    assert message["From"].addresses[0].display_name == "My HER-SYS" and message["Content-Language"] == "ja"
    right = mint_code(gateway, db, code)
    for part in ("plain", "html"):
        assert right in message.get_body((part,)).get_content()
    for secret in (right, "sample@", PASSWORD):
        assert secret not in gateway.log()


def test_what_is_kept_of_a_mail_is_its_message_id(mailing, relay, db):
    server = relay()
    gateway = mailing(server).start()
    ask_code(gateway, db)
    rows = wait_for(lambda: db.sql("SELECT carrier_link, provider_id, message_id FROM hersys.message_part"), what="the finish")
    ((link, provider_id, message),) = rows
    assert link == "email" and provider_id.startswith(f"{message}.")
    assert read(server.mails()[0])["Message-ID"] == f"<{provider_id}>"


def test_a_relay_that_puts_off_and_loses_gets_every_code_through(mailing, relay, db):
    server = relay(grey=0.5, lose=0.1)
    gateway = mailing(server).start()
    api = Api(gateway, gateway.token(db.centre(), "portal", "codes"))
    wanted = {f"person{n}@example.jp" for n in range(30)}
    for address in wanted:
        api.post("/v1/codes", {"channel": "email", "address": address, "language": "en"}).good(202)
    wait_for(lambda: {mail["to"][0].strip("<>") for mail in server.mails()} == wanted, seconds=60, what="the mails")
    assert server.told_later


def test_a_relay_that_refuses_us_kills_no_mail(mailing, relay, db):
    server = relay(at={"MAIL": {"say": "550 5.7.1 no", "times": 1}})
    gateway = mailing(server).start()
    ask_code(gateway, db)
    wait_for(server.mails, seconds=30, what="the mail")
    assert len(gateway.events("link_paused")) == 1


def test_a_password_that_everybody_can_read_ends_the_daemon_at_its_start(mailing, relay):
    gateway = mailing(relay(), mode=0o644).spawn()
    assert gateway.process.wait(20) == 1
    gateway.process = None
    (line,) = gateway.events("email_refused")
    assert "everybody" in line and PASSWORD not in gateway.log()


def test_a_relay_that_hangs_does_not_hold_up_the_daemons_end(mailing, relay, db):
    server = relay(at={"DOT": {"hang": True}})
    gateway = mailing(server, shutdown__drain_seconds=1).start()
    ask_code(gateway, db)
    wait_for(lambda: server.commands.get("DOT"), what="the mail on the wire")
    start = time.monotonic()
    assert gateway.stop() == 0
    assert time.monotonic() - start < 5
    assert re.search("drain timed out", gateway.log())
