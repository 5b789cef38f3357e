"""The promises of channel/email.h, against relays that follow a script (tests/peers/smtp_server.py), and against a real one.
Above all: a mail is accepted only if the relay took it, none is lost, nothing leaves in the clear or unsigned, and nothing waits
for ever."""

import email
import email.policy
import json
import os
import pathlib
import queue
import socket
import ssl
import subprocess
import sys
import threading
import time

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "peers"))
from certificates import Certificates  # noqa: E402
from smtp_server import SmtpServer  # noqa: E402

SECRET = "correct-horse-battery"
BIG = "".join(f"{n:069d}\n" for n in range(50000))  # more than is on its way to a "narrow" relay


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("certificates"))


# ---- the caller


class Caller:
    """mail_call: mails in, outcomes out."""

    def __init__(self, process):
        self.process, self.count = process, 0
        self.lines = queue.Queue()
        threading.Thread(target=self.listen, daemon=True).start()
        self.limits = self.hear()

    def listen(self):
        for line in self.process.stdout:
            self.lines.put(json.loads(line))

    def hear(self, timeout=30):
        return self.lines.get(timeout=timeout)

    def say(self, **line):
        self.process.stdin.write(json.dumps(line) + "\n")
        self.process.stdin.flush()

    def post(self, to="person@example.jp", id=None, **parts):
        self.count += 1
        id = id or self.count
        mail = {"subject": "Sample", "text": "sample\n", "html": "<p>sample</p>\n", "language": "en", **parts}
        self.say(id=id, to=to, **mail)
        return id

    def send(self, *args, **kwargs):
        """Sends one, and waits for what became of it."""
        id = self.post(*args, **kwargs)
        answer = self.hear()
        assert answer["id"] == id
        assert (answer["error"] is None) == (answer["outcome"] == "accepted")
        assert (answer["provider_id"] is None) == (answer["outcome"] != "accepted")
        return answer

    def outcome(self, *args, **kwargs):
        answer = self.send(*args, **kwargs)
        return answer["outcome"], answer["error"]

    def send_all(self, *recipients):
        """Sends them together; what became of each, by recipient."""
        ids = {self.post(to): to for to in recipients}
        answers = [self.hear() for _ in recipients]
        assert sorted(answer["id"] for answer in answers) == sorted(ids)
        return {ids[answer["id"]]: (answer["outcome"], answer["error"]) for answer in answers}

    def log(self):
        self.process.log.seek(0)
        return self.process.log.read()


@pytest.fixture
def call(spawn, certificates, tmp_path):
    """call(relay, **options): a caller for that relay, whose certificate is for localhost, with STARTTLS."""
    callers = []

    def start(server=None, host="localhost", env=None, **options):
        if server is not None:
            options["relay"] = f"{host}:{server.port}"
        options = {"ca_file": str(certificates.ca_file()), "from": "no-reply@my.example.jp", **options}
        if "user" in options and "password_file" not in options:
            options["password_file"] = str(password_file(tmp_path))
        process = spawn("mail_call", json.dumps(options), stdin=subprocess.PIPE, env={**os.environ, **(env or {})})
        callers.append(Caller(process))
        return callers[-1]

    yield start
    for caller in callers:
        if not caller.process.stdin.closed:
            caller.process.stdin.close()
        caller.process.wait(20)
        assert SECRET not in caller.log() and "@" not in caller.log()


def password_file(folder, text=SECRET + "\n", mode=0o640):
    path = folder / "relay-password"
    path.write_text(text)
    path.chmod(mode)
    return path


@pytest.fixture
def relay(certificates):
    """relay(script): a relay with TLS; relay(script, tls=None) has none."""
    relays = []

    def start(script=None, tls=True, **kwargs):
        relays.append(SmtpServer(script, tls=certificates.localhost() if tls is True else tls, **kwargs))
        return relays[-1]

    yield start
    for server in relays:
        server.stop()


def wait_for(question, seconds=10):
    end = time.monotonic() + seconds
    while not question():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


AFTER_MAIL = ("RCPT", "DATA", "DOT")  # the mail itself may be the reason
AUTH = {"auth": ["PLAIN", "LOGIN"], "login": ["gateway", SECRET], "auth_required": True}


def parsed(mail):
    return email.message_from_bytes(mail["data"].encode("utf-8", "surrogateescape"), policy=email.policy.default)


def content(mail, subtype="plain"):
    """A part's text, with plain line ends."""
    return parsed(mail).get_body((subtype,)).get_content().replace("\r\n", "\n")


# ---- a mail arrives


def test_a_mail_arrives_encrypted_and_signed_in(relay, call):
    server = relay(AUTH)
    answer = call(server, user="gateway", from_name="見本保健所").send(
        "person@example.jp", id=42, subject="確認コード", text="コード: 123456\n", html="<p>コード: 123456</p>\n", language="ja")
    assert answer["outcome"] == "accepted"
    (mail,) = server.mails()
    assert (mail["from"], mail["to"]) == ("<no-reply@my.example.jp>", ["<person@example.jp>"])
    assert (mail["tls"], mail["user"]) == (True, "gateway")
    message = parsed(mail)
    assert message["Subject"] == "確認コード"
    assert message["From"].addresses[0].display_name == "見本保健所"
    assert content(mail) == "コード: 123456\n"
    assert content(mail, "html") == "<p>コード: 123456</p>\n"
    assert message["Message-ID"] == f"<{answer['provider_id']}>"


def test_each_header_field_stands_once_and_the_library_adds_none(relay, call):
    server = relay()
    call(server).send()
    names = [name.lower() for name in parsed(server.mails()[0]).keys()]
    assert sorted(names) == sorted(["date", "from", "to", "subject", "message-id", "auto-submitted", "mime-version",
                                    "content-language", "content-type"])


def test_lines_that_begin_with_a_dot_arrive_as_they_were(relay, call):
    server = relay()
    text = ".\n..\n.hidden\nFrom here\n"
    call(server).send(text=text, html=text)
    assert content(server.mails()[0]) == text


def test_a_long_mail_arrives_whole(relay, call):
    server = relay()
    text = "".join(f"{n} 体温 36.9 症状なし\n" for n in range(20000))
    call(server).send(text=text, html="<p>x</p>")
    assert content(server.mails()[0]) == text


def test_a_mail_that_is_tried_again_has_the_message_id_that_it_had(relay, call):
    server = relay()
    caller = call(server)
    ids = [caller.send(to, id=id)["provider_id"] for to, id in
           [("a@example.jp", 7), ("a@example.jp", 7), ("b@example.jp", 7), ("a@example.jp", 8)]]
    assert ids[0] == ids[1] and len(set(ids)) == 3
    local, domain = ids[0].split("@")
    assert domain == "my.example.jp" and local.startswith("7.") and len(local) == len("7.") + 16


def test_a_connection_carries_one_mail_after_the_other(relay, call):
    server = relay(AUTH)
    outcomes = call(server, user="gateway").send_all(*[f"person{n}@example.jp" for n in range(40)])
    assert set(outcomes.values()) == {("accepted", None)}
    assert len(server.mails()) == 40 and server.connections == 1


def test_a_session_ends_after_so_many_mails_and_another_begins(relay, call):
    server = relay()
    outcomes = call(server, messages_per_session=5).send_all(*[f"person{n}@example.jp" for n in range(20)])
    assert set(outcomes.values()) == {("accepted", None)}
    by_connection = [mail["connection"] for mail in server.mails()]
    assert len(by_connection) == 20 and max(by_connection.count(n) for n in set(by_connection)) == 5


def test_there_are_as_many_sessions_at_once_as_configured_and_no_more(relay, call):
    server = relay({"slow": 0.02})
    outcomes = call(server, sessions=3).send_all(*[f"person{n}@example.jp" for n in range(60)])
    assert set(outcomes.values()) == {("accepted", None)}
    assert server.most_open == 3


def test_each_outcome_is_told_as_it_comes(relay, call):
    server = relay({"at": {"MAIL": {"hang": True, "from": 2}}})
    caller = call(server, timeout_s=20)
    first, second = caller.post("a@example.jp"), caller.post("b@example.jp")
    assert caller.hear(5)["id"] == first  # while the other hangs
    assert second == 2


def test_how_long_a_send_may_take_is_told(relay, call):
    limits = call(relay(), sessions=2, timeout_s=10, messages_per_session=100).limits
    assert limits == {"window": 50, "send_max_s": 35}


# ---- what a reply means


@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA", "DOT"])
def test_a_4xx_is_tried_again_and_the_session_goes_on(relay, call, step):
    server = relay({"at": {step: {"say": "451 4.7.1 later, person@example.jp", "times": 1}}})
    outcomes = call(server).send_all("a@example.jp", "b@example.jp")
    assert outcomes == {"a@example.jp": ("retry", "smtp_451_4.7.1"), "b@example.jp": ("accepted", None)}
    assert len(server.mails()) == 1


@pytest.mark.parametrize("step", ["rcpt", "data", "dot"])
def test_a_5xx_for_the_recipient_or_the_mail_is_final_and_the_session_goes_on(relay, call, step):
    server = relay()
    refused = f"{step}-550-5.1.1-x@example.jp"
    assert call(server).send_all(refused, "b@example.jp") == {refused: ("rejected", "smtp_550_5.1.1"), "b@example.jp": ("accepted", None)}
    assert [mail["to"] for mail in server.mails()] == [["<b@example.jp>"]]


def test_a_refused_recipient_gets_no_empty_mail(relay, call):
    server = relay({"extensions": ["PIPELINING"]})
    call(server).send("rcpt-550-5.1.1-x@example.jp")
    assert "DATA" not in server.said() and server.mails() == []


def test_an_answer_without_an_enhanced_code_gives_its_code_alone(relay, call):
    server = relay({"at": {"RCPT": {"say": "550 5 people live here"}}})
    assert call(server).outcome() == ("rejected", "smtp_550")


@pytest.mark.parametrize("say, error", [
    ("550-5.1.1 no\n550-5.1.1 such\n550 5.1.1 user", "smtp_550_5.1.1"),
    ("550-5.1.1 no\n550 5.2.1 user", "smtp_550_5.1.1"),
    ("550-no\n550 user", "smtp_550"),
])
def test_an_answer_of_several_lines_is_one(relay, call, say, error):
    server = relay({"extensions": ["ENHANCEDSTATUSCODES"], "at": {"RCPT": {"say": say, "times": 1}}})
    assert call(server).send_all("a@example.jp", "b@example.jp") == {"a@example.jp": ("rejected", error), "b@example.jp": ("accepted", None)}


@pytest.mark.parametrize("say", [
    "250-2.0.0 ok\n250 2.6.0 queued",  # enhanced codes that differ
    "250-" + "x" * 400 + ("\n250-" + "y" * 400) * 15 + "\n250 queued",  # more than 4096 bytes
    "250",
])
def test_an_unusual_acceptance_is_one(relay, call, say):
    server = relay({"extensions": ["ENHANCEDSTATUSCODES"], "at": {"DOT": {"say": say, "take": True}}})
    assert call(server).outcome() == ("accepted", None)


@pytest.mark.parametrize("step", ["GREETING", "EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "DOT"])
def test_a_421_takes_the_link_down_wherever_it_comes(relay, call, step):
    server = relay({**AUTH, "at": {step: {"say": "421 4.3.2 closing"}}})
    answer = call(server, user="gateway").send()
    assert answer["outcome"] == ("retry" if step in AFTER_MAIL else "link_down")
    assert answer["error"] == ("auth_refused" if step == "AUTH" else "smtp_421_4.3.2")


@pytest.mark.parametrize("how", [{"say": "421 4.3.2 closing"}, {"drop": True}])
@pytest.mark.parametrize("step", ["RCPT", "DATA"])
def test_the_mail_at_which_the_link_went_down_spends_an_attempt_and_those_that_wait_do_not(relay, call, step, how):
    server = relay({"at": {step: how}})
    outcomes = call(server).send_all("a@example.jp", "b@example.jp", "c@example.jp")
    assert {to: outcome for to, (outcome, _) in outcomes.items()} == {
        "a@example.jp": "retry", "b@example.jp": "link_down", "c@example.jp": "link_down"}


@pytest.mark.parametrize("step, say", [
    ("GREETING", "554 5.7.1 not you"), ("EHLO", "550 5.7.1 not you"), ("STARTTLS", "454 4.7.0 not now"),
    ("MAIL", "530 5.7.0 sign in"), ("MAIL", "553 5.7.1 not your address"), ("MAIL", "550 5.1.8 unknown domain"),
    ("RCPT", "530 5.7.0 sign in"), ("RCPT", "503 5.5.1 order"), ("RCPT", "550 5.1.8 sender's domain"), ("DATA", "503 5.5.1 order"),
])
def test_a_5xx_that_is_our_own_fault_kills_no_mail(relay, call, step, say):
    server = relay({"at": {step: {"say": say}}})
    caller = call(server)
    outcomes = caller.send_all("a@example.jp", "b@example.jp")
    error = "smtp_" + "_".join(say.split()[:2])
    assert outcomes == {"a@example.jp": ("retry" if step in AFTER_MAIL else "link_down", error), "b@example.jp": ("link_down", error)}


@pytest.mark.parametrize("step", ["rcpt", "data", "dot"])
def test_a_policy_counts_against_the_mail_only_where_the_relay_takes_others(relay, call, step):
    server = relay()
    caller = call(server)
    refused = f"{step}-554-5.7.1-x@example.jp"
    assert caller.outcome(refused) == ("retry", "smtp_554_5.7.1")
    wait_for(lambda: server.open == 0)
    assert caller.send_all("a@example.jp", refused) == {"a@example.jp": ("accepted", None), refused: ("rejected", "smtp_554_5.7.1")}


def test_a_refusal_that_says_how_long_gives_back_all_that_wait(relay, call):
    server = relay({"at": {"MAIL": {"say": "421 4.7.0 too many"}}})
    outcomes = call(server).send_all(*[f"person{n}@example.jp" for n in range(10)])
    assert set(outcomes.values()) == {("link_down", "smtp_421_4.7.0")}
    assert server.connections == 1


def test_a_250_where_354_was_due_is_no_acceptance(relay, call):
    server = relay({"at": {"DATA": {"say": "250 2.0.0 fine"}}})
    assert call(server).outcome() == ("retry", "protocol_error")
    assert server.mails() == []


def test_an_acceptance_before_the_end_of_the_mail_is_none(relay, call):
    server = relay({"at": {"DATA": {"say": "354 go on\n250 2.0.0 queued"}}})
    assert call(server).outcome() == ("retry", "protocol_error")
    assert server.mails() == []


def test_an_answer_that_contradicts_itself_is_none(relay, call):
    server = relay({"at": {"DOT": {"say": "250-2.0.0 queued\n550 5.7.1 refused"}}})
    assert call(server).outcome() == ("unknown", "protocol_error")


def test_a_good_bye_right_behind_the_acceptance_does_not_undo_it(relay, call):
    server = relay({"at": {"DOT": {"say": "250 2.0.0 queued\n421 4.3.2 closing", "take": True, "times": 1}}})
    assert call(server).send_all("a@example.jp", "b@example.jp") == {"a@example.jp": ("accepted", None), "b@example.jp": ("accepted", None)}
    assert server.connections == 2


# ---- the wire breaks


@pytest.mark.parametrize("step", ["GREETING", "EHLO", "STARTTLS", "HANDSHAKE", "AUTH", "MAIL", "RCPT", "DATA"])
def test_a_connection_lost_before_the_mail_takes_the_link_down(relay, call, step):
    server = relay({**AUTH, "at": {step: {"drop": True}}})
    outcome, error = call(server, user="gateway").outcome()
    assert outcome == ("retry" if step in AFTER_MAIL else "link_down")
    assert error == ("tls_failed" if step == "HANDSHAKE" else "connection_lost")


@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA"])
def test_a_connection_lost_before_the_end_of_a_later_mail_is_tried_again(relay, call, step):
    server = relay({"at": {step: {"drop": True, "from": 2, "times": 1}}})
    outcomes = call(server).send_all("a@example.jp", "b@example.jp", "c@example.jp")
    assert outcomes == {"a@example.jp": ("accepted", None), "b@example.jp": ("retry", "connection_lost"), "c@example.jp": ("accepted", None)}


def test_a_connection_lost_within_the_mail_is_tried_again(relay, call):
    server = relay({"narrow": True, "at": {"BODY": {"drop": True}}})
    assert call(server).outcome(text=BIG) == ("retry", "connection_lost")
    assert server.mails() == []


def test_a_connection_lost_after_the_end_of_the_mail_leaves_it_unknown(relay, call):
    server = relay({"at": {"DOT": {"drop": True, "take": True}}})
    assert call(server).outcome() == ("unknown", "connection_lost")
    assert len(server.mails()) == 1


@pytest.fixture
def closed_port():
    """A port at which nobody listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock.getsockname()[1]


@pytest.fixture
def deaf_port():
    """A port at which connections are neither taken nor refused."""
    with socket.socket() as sock, socket.socket() as one, socket.socket() as two:
        sock.bind(("127.0.0.1", 0))
        sock.listen(0)
        for filler in (one, two):
            filler.setblocking(False)
            filler.connect_ex(sock.getsockname())
        yield sock.getsockname()[1]


def test_a_relay_that_does_not_listen_takes_the_link_down(call, closed_port):
    assert call(relay=f"localhost:{closed_port}").outcome() == ("link_down", "connect_failed")


def test_a_name_that_does_not_resolve_takes_the_link_down(call):
    assert call(relay="relay.invalid:25").outcome() == ("link_down", "name_unknown")


def test_the_link_comes_back_with_the_relay(relay, call):
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]
    caller = call(relay=f"localhost:{port}")
    assert caller.outcome() == ("link_down", "connect_failed")
    server = relay(port=port)
    assert caller.outcome() == ("accepted", None)
    assert len(server.mails()) == 1


# ---- nothing waits for ever


def timed(caller, **parts):
    start = time.monotonic()
    outcome = caller.outcome(**parts)
    return outcome, time.monotonic() - start


@pytest.mark.parametrize("step, outcome", [
    ("GREETING", "link_down"), ("EHLO", "link_down"), ("STARTTLS", "link_down"), ("HANDSHAKE", "link_down"), ("AUTH", "link_down"),
    ("MAIL", "link_down"), ("RCPT", "retry"), ("DATA", "retry"), ("DOT", "unknown")])
def test_a_relay_that_falls_silent_is_given_up(relay, call, step, outcome):
    server = relay({**AUTH, "at": {step: {"hang": True}}})
    (told, error), took = timed(call(server, user="gateway", timeout_s=1))
    assert (told, error) == (outcome, "timeout")
    assert 0.8 < took < 3.0


def test_a_relay_that_never_takes_the_connection_is_given_up(call, deaf_port):
    (outcome, error), took = timed(call(relay=f"127.0.0.1:{deaf_port}", timeout_s=1))
    assert outcome == "link_down" and error in ("timeout", "connect_failed")
    assert 0.8 < took < 3.0


def test_a_name_server_that_falls_silent_holds_no_mail_up(call):
    caller = call(relay="relay.hang:25", timeout_s=1, hang=6)
    outcome, took = timed(caller)
    assert outcome == ("link_down", "connect_failed") and took < 2.0
    assert timed(caller)[1] < 2.0  # though the thread is still there
    caller.process.stdin.close()
    caller.process.wait(10)


@pytest.mark.parametrize("step, text", [
    ("GREETING", "220 relay.example.jp ESMTP ready and so on and so forth\r\n"),
    ("EHLO", "250-one\r\n" * 30 + "250 last\r\n"),
])
def test_a_relay_that_answers_byte_by_byte_has_no_more_time(relay, call, step, text):
    server = relay({"at": {step: {"drip": text, "every": 0.1}}})
    (outcome, error), took = timed(call(server, timeout_s=1))
    assert (outcome, error) == ("link_down", "timeout") and took < 3.0


def test_an_endless_answer_is_given_up(relay, call):
    server = relay({"at": {"EHLO": {"say": "\n".join(["250-more"] * 100000)}}})
    (outcome, error), took = timed(call(server, timeout_s=2))
    assert outcome == "link_down" and error in ("timeout", "protocol_error") and took < 4.0


def test_a_mail_of_which_a_piece_got_stuck_is_not_sent(relay, call):
    """libesmtp goes on with the next piece, and such a mail would arrive with a hole."""
    server = relay({"narrow": True, "at": {"BODY": {"stall": 4}}})
    (outcome, error), took = timed(call(server, timeout_s=1), text=BIG)
    assert (outcome, error) == ("retry", "timeout") and took < 10
    wait_for(lambda: server.open == 0)
    assert server.mails() == []


def test_a_mail_that_waits_too_long_for_a_busy_relay_is_given_back(relay, call):
    server = relay({"slow": 0.25})
    outcomes = call(server, timeout_s=3).send_all(*[f"person{n}@example.jp" for n in range(25)])
    told = list(outcomes.values())
    assert set(told) == {("accepted", None), ("throttled", "waited_too_long")}
    assert len(server.mails()) == told.count(("accepted", None)) > 1


# ---- nobody but the relay


def refused_at_the_door(server, caller, error):
    answer = caller.send()
    assert (answer["outcome"], answer["error"], answer["pause_s"]) == ("link_down", error, 60)
    assert server.mails() == [] and not any(line.startswith(("MAIL", "AUTH")) for line in server.said())


def test_a_relay_without_starttls_gets_nothing(relay, call):
    server = relay({**AUTH, "starttls": False})
    refused_at_the_door(server, call(server, user="gateway"), "no_starttls")


def test_a_relay_that_knows_no_ehlo_gets_nothing(relay, call):
    server = relay({"at": {"EHLO": {"say": "502 5.5.2 what?"}}})
    refused_at_the_door(server, call(server), "no_starttls")


@pytest.mark.parametrize("inject", [
    "250-relay.example.jp\r\n250 AUTH PLAIN LOGIN\r\n", "250 x\r\n250 x\r\n250 x\r\n354 x\r\n250 queued\r\n", "x", "\r\n"])
def test_bytes_behind_the_220_of_starttls_end_the_session(relay, call, inject):
    server = relay({**AUTH, "inject": inject})
    refused_at_the_door(server, call(server, user="gateway"), "tls_injection")


def test_bytes_that_come_a_moment_after_the_220_are_no_tls(relay, call):
    server = relay({**AUTH, "inject_later": "250-relay.example.jp\r\n250 AUTH PLAIN LOGIN\r\n"})
    refused_at_the_door(server, call(server, user="gateway"), "tls_failed")


def test_an_answer_given_before_its_question_ends_the_session(relay, call):
    server = relay({"at": {"EHLO": {"say": "250-relay.example.jp\n250 STARTTLS\n220 go ahead"}}})
    answer = call(server).send()
    assert (answer["outcome"], answer["error"]) == ("link_down", "protocol_error")
    assert "STARTTLS" not in server.said()


CERTIFICATES = {
    "of a stranger": dict(names="DNS:localhost", by="stranger"),
    "of another name": dict(names="DNS:other.example.jp"),
    "of a part of the name": dict(names="DNS:local*"),
    "expired": dict(names="DNS:localhost", days=0),
    "with a common name alone": dict(names="", subject="/CN=localhost"),
    "of an address": dict(names="IP:127.0.0.1"),
}


@pytest.mark.parametrize("which", CERTIFICATES)
def test_a_certificate_that_is_not_the_relays_gets_nothing(relay, call, certificates, which):
    files = certificates.made(which.replace(" ", "-"), **CERTIFICATES[which])
    if which == "expired":
        time.sleep(1.1)
    server = relay(AUTH, tls=files)
    refused_at_the_door(server, call(server, user="gateway"), "tls_failed")


def test_a_numeric_relay_is_known_by_its_address_in_the_certificate(relay, call, certificates):
    files = certificates.made("address", "IP:127.0.0.1")
    assert call(relay(tls=files), host="127.0.0.1").outcome() == ("accepted", None)


def test_a_name_in_the_certificate_is_no_address(relay, call, certificates):
    server = relay(tls=certificates.made("name-for-address", "DNS:127.0.0.1,DNS:localhost", subject="/CN=127.0.0.1"))
    refused_at_the_door(server, call(server, host="127.0.0.1"), "tls_failed")


def test_the_system_authorities_do_not_know_ours(relay, call):
    server = relay()
    refused_at_the_door(server, call(server, ca_file=""), "tls_failed")


def test_the_relay_is_told_for_which_name_we_come(relay, call):
    server = relay()
    call(server).send()
    assert server.server_names == ["localhost"]


def test_a_relay_of_tls_1_2_is_spoken_to_and_one_of_1_3_alone_is_not(relay, call):
    assert call(relay({"tls": "1.2"})).outcome() == ("accepted", None)
    server = relay({"tls": "1.3"})
    refused_at_the_door(server, call(server), "tls_failed")


def test_a_relay_on_this_host_may_do_without_tls(relay, call):
    server = relay(AUTH, tls=None)
    assert call(server, host="127.0.0.1", starttls=False, user="gateway").outcome() == ("accepted", None)
    assert server.mails()[0]["tls"] is False


def test_a_relay_of_ipv6_is_reached(call):
    with socket.socket(socket.AF_INET6) as sock:
        sock.bind(("::1", 0))
        sock.listen(1)
        caller = call(relay=f"[::1]:{sock.getsockname()[1]}", timeout_s=2)
        caller.post()
        connection, _ = sock.accept()
        with connection:
            connection.sendall(b"220 relay.example.jp\r\n")
            assert connection.recv(100).startswith(b"EHLO ")
        assert caller.hear()["outcome"] == "link_down"


def test_what_lies_in_the_home_folder_changes_nothing(relay, call, tmp_path):
    """libesmtp looks there for a client's certificate, and sends nothing where it may not look."""
    home = tmp_path / "home"
    for folder in (home / ".config" / "libesmtp", home / "libesmtp"):
        (folder / "private").mkdir(parents=True)
        for name in ("ca.pem", "private/127.0.0.1.pem", "private/localhost.pem", "private/smtp-starttls.pem"):
            (folder / name).write_text("nonsense")
            (folder / name).chmod(0o644)
    for env in ({"HOME": str(home)}, {"HOME": str(home), "XDG_CONFIG_DIR": str(home)}, {"HOME": "/dev/null"}):
        assert call(relay(), env=env).outcome() == ("accepted", None)


# ---- who we are


def after(server, word):
    """What a connection said from the line that begins so."""
    said = server.said(1)
    return said[[line.startswith(word) for line in said].index(True):]


@pytest.mark.parametrize("say", ["535 5.7.8 no", "454 4.7.0 not now", "534 5.7.9 too weak", "504 5.5.4 not this one"])
def test_after_a_refusal_to_sign_in_nothing_is_sent_at_all(relay, call, say):
    server = relay({**AUTH, "auth": ["PLAIN", "LOGIN"], "at": {"AUTH": {"say": say}}})
    answer = call(server, user="gateway").send()
    assert (answer["outcome"], answer["error"], answer["pause_s"]) == ("link_down", "auth_refused", 60)
    wait_for(lambda: server.open == 0)
    assert len(after(server, "AUTH")) == 2 and after(server, "AUTH")[1] == "<eof>"


def test_a_wrong_password_is_tried_once(relay, call, tmp_path):
    server = relay(AUTH)
    caller = call(server, user="gateway", password_file=str(password_file(tmp_path, "wrong\n")))
    outcomes = caller.send_all(*[f"person{n}@example.jp" for n in range(5)])
    assert set(outcomes.values()) == {("link_down", "auth_refused")}
    assert sum(line.startswith("AUTH") for line in server.said()) == 1


@pytest.mark.parametrize("offered", [[], ["CRAM-MD5", "NTLM"], ["GSSAPI"]])
def test_a_relay_at_which_we_cannot_sign_in_gets_nothing(relay, call, offered):
    server = relay({**AUTH, "auth": offered, "auth_required": False})
    refused_at_the_door(server, call(server, user="gateway"), "no_auth")


@pytest.mark.parametrize("offered", [["PLAIN"], ["LOGIN"], ["NTLM", "CRAM-MD5", "LOGIN"], ["XPLAIN", "PLAINX", "plain"]])
def test_plain_and_login_are_spoken(relay, call, offered):
    server = relay({**AUTH, "auth": offered})
    assert call(server, user="gateway").outcome() == ("accepted", None)
    assert server.mails()[0]["user"] == "gateway"


def test_the_password_is_not_sent_before_tls(relay, call):
    server = relay({**AUTH, "starttls": True})
    call(server, user="gateway").send()
    said = server.said()
    assert said.index("STARTTLS") < [line.startswith("AUTH") for line in said].index(True)


@pytest.mark.parametrize("text, mode, why", [
    (SECRET, 0o644, "everybody"), (SECRET, 0o602, "everybody"), ("", 0o600, "empty"), ("\n", 0o600, "empty"),
    ("x" * 256, 0o600, "too long"), ("a\0b", 0o600, "plain ASCII")])
def test_a_password_file_that_is_open_or_holds_none_is_refused(call, tmp_path, text, mode, why):
    limits = call(relay="localhost:25", user="gateway", password_file=str(password_file(tmp_path, text, mode))).limits
    assert why in limits["refused"] and "relay-password" in limits["refused"]


def test_the_first_line_of_the_password_file_is_the_password(relay, call, tmp_path):
    path = password_file(tmp_path, SECRET + "\r\nand a remark\n")
    assert call(relay(AUTH), user="gateway", password_file=str(path)).outcome() == ("accepted", None)


@pytest.mark.parametrize("option, value", [
    ("password_file", "/nonexistent/password"), ("ca_file", "/nonexistent/ca.pem"), ("ca_file", "/dev/null"), ("from", "nobody"),
    ("from_name", "a\r\nBcc: b"), ("user", "x" * 256)])
def test_what_cannot_be_used_is_refused_at_the_start(call, option, value):
    options = {"relay": "localhost:25", "user": "gateway", option: value}
    assert call(**options).limits.keys() == {"refused"}


# ---- what we say


def test_only_the_plainest_smtp_is_spoken(relay, call):
    """What libesmtp does with these extensions is not safe (channel/email_reply.h)."""
    server = relay({**AUTH, "extensions": ["PIPELINING", "SIZE 1000", "CHUNKING", "BINARYMIME", "8BITMIME", "DSN", "ENHANCEDSTATUSCODES",
                                           "ETRN", "XUSR", "XEXCH50", "DELIVERBY", "SMTPUTF8", "\xe9\xff", "AUTH=LOGIN", "STARTTLSX"]})
    assert call(server, user="gateway").outcome() == ("accepted", None)
    wait_for(lambda: "<eof>" in server.said())
    verbs = [line.split(" ")[0].split(":")[0] for line in server.said()]
    assert verbs == ["EHLO", "STARTTLS", "EHLO", "AUTH", "MAIL", "RCPT", "DATA", "QUIT", "<eof>"]
    assert [line for line in server.said() if line.startswith(("MAIL", "RCPT"))] == [
        "MAIL FROM:<no-reply@my.example.jp>", "RCPT TO:<person@example.jp>"]


def test_we_greet_by_a_full_name_or_an_address(relay, call):
    server = relay()
    call(server).send()
    greeting = [line for line in server.said() if line.startswith("EHLO")][0]
    assert greeting == "EHLO [127.0.0.1]" or "." in greeting


@pytest.mark.parametrize("part, value, error", [
    ("to", "person@example.jp>\r\nRCPT TO:<other@example.jp", "address_malformed"), ("to", "a@example.jp,b@example.jp", "address_malformed"),
    ("to", "", "address_malformed"), ("subject", "x\r\nBcc: other@example.jp", "subject_malformed"), ("subject", "x\ny", "subject_malformed"),
    ("language", "ja\r\nX: y", "language_malformed")])
def test_what_would_break_out_of_a_field_is_refused_and_nothing_sent(relay, call, part, value, error):
    server = relay()
    answer = call(server).send(**{part: value})
    assert (answer["outcome"], answer["error"]) == ("rejected", error)
    assert server.connections == 0


# ---- the end


@pytest.mark.parametrize("step", ["GREETING", "HANDSHAKE", "MAIL", "DOT"])
def test_a_session_that_hangs_does_not_hold_up_the_end(relay, call, step):
    server = relay({"at": {step: {"hang": True}}})
    caller = call(server, timeout_s=60)
    caller.post()
    wait_for(lambda: server.commands.get(step))
    caller.say(free=True)
    told = caller.hear()
    assert told["freed"] < 1000 and told["unanswered"] == 1


def test_a_look_up_that_hangs_does_not_hold_up_the_end(call):
    caller = call(relay="relay.hang:25", timeout_s=60, hang=8)
    caller.post()
    time.sleep(0.3)
    start = time.monotonic()
    caller.say(free=True)
    told = caller.hear()
    assert 1500 < told["freed"] < 3000 and told["unanswered"] == 1
    caller.process.stdin.close()
    caller.process.wait(5)
    assert time.monotonic() - start < 5 and "email_thread_left" in caller.log()


# ---- a real server


class Mailbox:
    """What aiosmtpd hands over."""

    def __init__(self):
        self.mails = []

    async def handle_DATA(self, server, session, envelope):
        self.mails.append((envelope.mail_from, envelope.rcpt_tos, envelope.content, session.ssl is not None))
        return "250 2.0.0 queued"


@pytest.fixture
def aiosmtpd_relay(certificates):
    """A real server, that takes mail of whoever has signed in under TLS alone."""
    def sign_in(server, session, envelope, mechanism, login):
        return AuthResult(success=(login.login, login.password) == (b"gateway", SECRET.encode()), handled=False)

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificates.localhost())
    box = Mailbox()
    controller = Controller(box, hostname="127.0.0.1", port=0, tls_context=context, require_starttls=True, auth_required=True,
                            authenticator=sign_in)
    with socket.create_server(("127.0.0.1", 0)) as sock:
        controller.port = sock.getsockname()[1]
    controller.start()
    box.port = controller.port
    yield box
    controller.stop()


def test_a_real_server_takes_a_hundred_mails_of_every_script(aiosmtpd_relay, call):
    subjects = ["Sample", "確認コード", "验证码", "驗證碼", "인증 코드", "Código de confirmación", "Código de confirmação 😷"]
    caller = call(aiosmtpd_relay, user="gateway", sessions=2)
    for n in range(100):
        caller.post(f"person{n}@example.jp", subject=subjects[n % 7], text=f".{subjects[n % 7]}\n.\n{n}\n")
    assert {caller.hear()["outcome"] for _ in range(100)} == {"accepted"}
    assert len(aiosmtpd_relay.mails) == 100
    for sender, (recipient,), content, encrypted in aiosmtpd_relay.mails:
        n = int(recipient[len("person"):].split("@")[0])
        message = email.message_from_bytes(content, policy=email.policy.default)
        assert (sender, encrypted, message["Subject"]) == ("no-reply@my.example.jp", True, subjects[n % 7])
        text = message.get_body(("plain",)).get_content().replace("\r\n", "\n")
        assert text == f".{subjects[n % 7]}\n.\n{n}\n"


def test_a_real_server_refuses_a_wrong_password(aiosmtpd_relay, call, tmp_path):
    caller = call(aiosmtpd_relay, user="gateway", password_file=str(password_file(tmp_path, "wrong\n")))
    assert caller.outcome() == ("link_down", "auth_refused")
    assert aiosmtpd_relay.mails == []


# ---- all together


def test_a_thousand_mails_arrive_through_a_relay_that_puts_off_half_and_loses_a_tenth(relay, call, tmp_path):
    server = relay({**AUTH, "grey": 0.5, "lose": 0.1}, mails=tmp_path / "mails.jsonl")
    caller = call(server, user="gateway", sessions=4, messages_per_session=50)
    wanted = {n: f"person{n}@example.jp" for n in range(1, 1001)}
    waiting, flying, told, provider_ids = list(wanted), set(), {}, {}
    while waiting or flying:
        while waiting and len(flying) < caller.limits["window"]:
            n = waiting.pop(0)
            caller.post(wanted[n], id=n, text=f"mail {n}\n")
            flying.add(n)
        answer = caller.hear()
        flying.remove(answer["id"])
        told.setdefault(answer["id"], []).append(answer["outcome"])
        if answer["outcome"] == "accepted":
            provider_ids[answer["id"]] = answer["provider_id"]
        else:
            waiting.append(answer["id"])
    assert all(outcomes[-1] == "accepted" and "rejected" not in outcomes for outcomes in told.values())
    mails = [json.loads(line) for line in open(tmp_path / "mails.jsonl", encoding="utf-8")]
    arrived = {}
    for mail in mails:
        arrived.setdefault(mail["to"][0].strip("<>"), []).append(parsed(mail)["Message-ID"])
    assert sorted(arrived) == sorted(wanted.values())
    for n, recipient in wanted.items():
        assert set(arrived[recipient]) == {f"<{provider_ids[n]}>"}  # whichever was the second, it can be told
        assert len(arrived[recipient]) <= 1 + told[n].count("unknown")
    assert sum("retry" in outcomes for outcomes in told.values()) > 350
    assert 50 < sum("unknown" in outcomes for outcomes in told.values()) < 150
    assert server.most_open <= 4
