"""E-mail through the daemon: asked for over the API, rendered, handed to a relay with STARTTLS and AUTH, finished by its answer."""
import collections
import email
import email.policy
import itertools
import re
import sys
import time

import pytest
from api_client import Api
from conftest import ROOT, phone, wait_for

sys.path.insert(0, str(ROOT / "tests" / "peers"))
from certificates import Certificates  # noqa: E402
from smtp_server import SmtpServer  # noqa: E402

PASSWORD = "correct-horse-battery"
AUTH = {"auth": ["PLAIN", "LOGIN"], "login": ["gateway", PASSWORD], "auth_required": True}


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def relay(certificates, tmp_path):
    """relay(script): an SMTP server on localhost that knows the gateway's password."""
    relays, numbers = [], itertools.count(1)

    def start(script=None, certificate=None, port=0):
        relays.append(SmtpServer({**AUTH, **(script or {})}, tls=certificate or certificates.localhost(), port=port,
                                 mails=tmp_path / f"mails-{next(numbers)}.jsonl"))
        return relays[-1]

    yield start
    for server in relays:
        server.stop()


@pytest.fixture
def mailing(make_gateway, certificates, tmp_path):
    """mailing(relay): a daemon, not started yet, that mails by this relay."""
    def make(relay, name="gateway", **options):
        password = tmp_path / "relay.password"
        password.write_text(PASSWORD + "\n")
        password.chmod(0o640)
        return make_gateway(name, **{
            "email__relay": f"localhost:{relay.port}", "email__ca_file": str(certificates.ca_file()), "email__user": "gateway",
            "email__password_file": str(password), "email__from": "no-reply@my.example.jp", "email__from_name": "My HER-SYS",
            "email__timeout_seconds": 10, **options})

    return make


@pytest.fixture
def post(mailing):
    """The same, at work."""
    return lambda *args, **kwargs: mailing(*args, **kwargs).start()


def parsed(mail):
    return email.message_from_bytes(mail["data"].encode("utf-8", "surrogateescape"), policy=email.policy.default)


def body(mail, subtype="plain"):
    return parsed(mail).get_body((subtype,)).get_content().replace("\r\n", "\n")


def ask(gateway, db, address="person@example.jp", language="ja"):
    """A code for an address; gives back the client and the code's id."""
    api = Api(gateway, gateway.token(db.centre(), "desk", "codes"))
    return api, api.post("/v1/codes", {"channel": "email", "address": address, "language": language}).good(202)["id"]


def first_mail(relay):
    return wait_for(lambda: relay.mails() and relay.mails()[0], what="the mail")


def state(db, code):
    return db.sql("SELECT m.state::text, m.attempts, m.error FROM hersys.confirmation c, LATERAL ("
                  "SELECT state, attempts, error FROM hersys.outbox WHERE id = c.message_id UNION ALL "
                  "SELECT state, attempts, error FROM hersys.outbox_history WHERE id = c.message_id) AS m WHERE c.id = %s", code)[0]


# ---- a code, all the way


def test_a_code_is_asked_for_mailed_typed_and_verified(relay, post, db):
    server = relay()
    gateway = post(server)
    api, code = ask(gateway, db)
    mail = first_mail(server)
    message = parsed(mail)
    assert (mail["tls"], mail["user"], mail["to"]) == (True, "gateway", ["<person@example.jp>"])
    assert message["To"] == "person@example.jp" and str(message["From"]) == "My HER-SYS <no-reply@my.example.jp>"
    assert "見本市保健所" in message["Subject"] and message["Content-Language"] == "ja"
    digits = re.search(r"^(\d{6})$", body(mail), re.M).group(1)
    assert digits not in message["Subject"], "a notification on a locked screen shows the subject"
    assert digits in body(mail, "html")
    wait_for(lambda: state(db, code) == ("sent_unconfirmed", 1, None), what="the end of the message")
    assert api.post(f"/v1/codes/{code}/verify", {"code": digits}).good() == {"id": code, "verified": True}
    api.post(f"/v1/codes/{code}/verify", {"code": digits}).bad(409, "not-possible")
    assert digits not in gateway.log() and "person@" not in gateway.log() and PASSWORD not in gateway.log()


@pytest.mark.parametrize("language, words", [
    ("ja", "確認コード"), ("en", "code"), ("zh-Hans", "验证码"), ("zh-Hant", "驗證碼"), ("ko", "인증번호"), ("es", "código"), ("pt", "código")])
def test_a_code_comes_in_the_language_that_was_asked_for(relay, post, db, language, words):
    server = relay()
    ask(post(server), db, language=language)
    mail = first_mail(server)
    assert words in body(mail) and parsed(mail)["Content-Language"] == language
    assert f'lang="{language}"' in body(mail, "html")


def test_a_link_by_mail_is_that_of_the_row_and_shows_no_name(relay, post, db):
    server = relay()
    gateway = post(server)
    centre = db.centre()
    patient = db.patient(centre, None, email="person@example.jp")
    api = Api(gateway, gateway.token(centre, "desk", "links"))
    batch = api.post("/v1/links", {"patients": [patient], "channel": "email"}).good(202)
    mail = first_mail(server)
    assert re.search(rf"^https://my-her-sys\.example\.jp/r/{batch['links'][0]['link']}-[a-z2-7]{{20}}$", body(mail), re.M)
    assert "見本例" not in mail["data"] and "例1" not in body(mail)
    wait_for(lambda: api.get(f"/v1/links/{batch['links'][0]['link']}").good()["message"]["state"] == "sent_unconfirmed", what="its state")


# ---- a relay that is not as it should be


def test_a_mail_that_is_tried_again_says_the_same_code_under_the_same_message_id(relay, post, db):
    server = relay({"lose": 1})
    _, code = ask(post(server), db)
    wait_for(lambda: len(server.mails()) == 2, 30, what="the second try")
    first, second = server.mails()
    assert parsed(first)["Message-ID"] == parsed(second)["Message-ID"]
    assert body(first) == body(second)
    wait_for(lambda: state(db, code)[0] == "sent_unconfirmed", what="the end")


def test_what_may_go_out_once_alone_is_not_sent_again_after_a_lost_answer(relay, post, db):
    db.sql("UPDATE hersys.message_kind SET at_most_once = true WHERE kind = 'confirmation_code'")
    server = relay({"lose": 1})
    _, code = ask(post(server), db)
    wait_for(lambda: state(db, code)[0] == "unknown", what="unknown")
    assert len(server.mails()) == 1


def test_a_recipient_who_is_refused_for_good_is_dead_and_the_others_get_theirs(relay, post, db):
    server = relay()
    gateway = post(server)
    api, refused = ask(gateway, db, "rcpt-550-5.1.1-x@example.jp")
    taken = api.post("/v1/codes", {"channel": "email", "address": "other@example.jp", "language": "en"}).good(202)["id"]
    wait_for(lambda: state(db, refused) == ("dead", 1, "smtp_550_5.1.1"), what="the refusal")
    wait_for(lambda: state(db, taken)[0] == "sent_unconfirmed", what="the other")
    assert api.get(f"/v1/codes/{refused}").good()["message"]["error"] == "smtp_550_5.1.1"
    assert "example.jp" not in gateway.log()


@pytest.mark.parametrize("script, certificate, error", [
    ({"starttls": False}, None, "no_starttls"),
    ({"inject": "250 injected\r\n"}, None, "tls_injection"),
    ({"login": ["gateway", "another"]}, None, "auth_refused"),
    ({}, "of another name", "tls_failed")])
def test_a_relay_that_cannot_be_trusted_gets_nothing_and_no_attempt_is_spent(relay, post, db, certificates, script, certificate, error):
    if certificate:
        certificate = certificates.made("elsewhere", "DNS:smtp.example.org")
    server = relay(script, certificate)
    gateway = post(server)
    _, code = ask(gateway, db)
    wait_for(lambda: state(db, code) == ("retry", 0, error), what="the mail to wait")
    assert server.mails() == [] and not any(line.startswith("RCPT") for _, line in server.lines)
    assert any("link=email" in line for line in gateway.events("link_paused"))


def test_a_sender_whom_the_relay_refuses_kills_no_mail(relay, post, db):
    server = relay({"at": {"MAIL": {"say": "550 5.7.1 no", "times": 1}}})
    gateway = post(server)
    ask(gateway, db)
    wait_for(server.mails, 30, what="the mail")
    assert len(gateway.events("link_paused")) == 1


def test_what_is_kept_of_a_mail_is_its_message_id(relay, post, db):
    server = relay()
    ask(post(server), db)
    ((link, provider_id),) = wait_for(lambda: db.sql("SELECT carrier_link, provider_id FROM hersys.message_part"), what="the finish")
    assert (link, f"<{provider_id}>") == ("email", parsed(server.mails()[0])["Message-ID"])


def test_a_password_that_everybody_can_read_ends_the_daemon_at_its_start(relay, mailing, tmp_path):
    gateway = mailing(relay())
    (tmp_path / "relay.password").chmod(0o644)
    gateway.spawn()
    assert gateway.process.wait(20) == 1
    gateway.process = None
    assert "email.password_file" in gateway.log() and "everybody" in gateway.log() and PASSWORD not in gateway.log()


def test_what_the_daemon_needs_for_its_relay_is_looked_at_beforehand(relay, mailing, tmp_path):
    gateway = mailing(relay())
    assert "valid" in gateway.ctl("check-config")
    (tmp_path / "relay.password").unlink()
    gateway.configure(email__ca_file=str(tmp_path / "none.crt"))
    said = gateway.ctl("check-config", status=1)
    assert "email.password_file: " in said and "relay.password" in said and "email.ca_file: " in said and "none.crt" in said
    gateway.configure(email__user="", email__relay="localhost:465")
    said = gateway.ctl("check-config", status=1)
    assert "email.password_file: is of no use without email.user" in said and "port 465" in said


def test_a_relay_that_hangs_does_not_hold_up_the_daemons_end(relay, post, db):
    server = relay({"at": {"DOT": {"hang": True}}})
    gateway = post(server, shutdown__drain_seconds=1)
    ask(gateway, db)
    wait_for(lambda: server.commands.get("DOT"), what="the mail on the wire")
    start = time.monotonic()
    assert gateway.stop() == 0
    assert time.monotonic() - start < 5 and "drain timed out" in gateway.log()


def test_a_recipient_at_whom_the_relay_always_ends_the_session_keeps_no_other_mail_back(relay, make_gateway, post, db):
    portal = make_gateway("portal", sandbox__enabled=False).start()
    others = [f"sample{n}@example.jp" for n in range(5)]
    api, first = ask(portal, db, "rcpt-421-4.7.0-x@example.jp")
    for address in others:
        api.post("/v1/codes", {"channel": "email", "address": address, "language": "en"}).good(202)
    portal.stop()
    server = relay()
    post(server, email__sessions=1)
    wait_for(lambda: sorted(mail["to"][0] for mail in server.mails()) == sorted(f"<{to}>" for to in others), 30, what="the others")
    word, attempts, error = state(db, first)
    assert word in ("retry", "sending") and attempts >= 1 and error == "smtp_421_4.7.0"


def test_sms_go_on_while_the_relay_is_away(relay, post, db):
    server = relay()
    gateway = post(server)
    server.stop()
    _, code = ask(gateway, db)
    wait_for(lambda: state(db, code)[0] == "retry", what="the mail to wait")
    db.enqueue(phone(1))
    wait_for(lambda: gateway.texts(phone(1)), what="the SMS")


def test_many_mails_go_through_few_sessions(relay, post, db):
    server = relay()
    gateway = post(server, email__sessions=2, email__messages_per_session=20)
    mail_everybody(gateway, db, 100)
    wait_for(lambda: len(server.mails()) == 100, 60, what="100 mails")
    assert server.connections < 20 and server.most_open <= 2


def test_a_daemon_that_is_told_to_end_finishes_what_is_on_the_wire(relay, post, db):
    server = relay({"slow": 0.05})
    gateway = post(server, email__sessions=2)
    mail_everybody(gateway, db, 30)
    wait_for(lambda: server.mails(), what="the first mail")
    assert gateway.stop() == 0
    sent = len(server.mails())
    assert db.one("SELECT count(*) FROM hersys.outbox_history WHERE state = 'sent_unconfirmed'") == sent
    assert db.one("SELECT count(*) FROM hersys.outbox WHERE state <> 'sending'") == 30 - sent


# ---- all together


def mail_everybody(gateway, db, count):
    """Links by e-mail to so many patients, as fast as they can be had; gives back the addresses."""
    centre = db.centre()
    db.sql("UPDATE hersys.centre SET links_per_second = 1000")
    db.sql("INSERT INTO hersys.patient (centre_id, input_id, family_name, given_name, date_of_birth, email, monitoring_from, monitoring_until) "
           "SELECT %s, (2000000 + n)::text, '見本', '例', '1980-01-01', 'person' || n || '@example.jp', '2020-01-01', '2099-12-31' "
           "FROM generate_series(1, %s) AS n", centre, count)
    api = Api(gateway, gateway.token(centre, "desk", "links"))
    patients = [row[0] for row in db.sql("SELECT id FROM hersys.patient ORDER BY id")]
    api.post("/v1/links", {"patients": patients, "channel": "email"}).good(202)
    return {f"person{n}@example.jp" for n in range(1, count + 1)}


def test_a_thousand_mails_arrive_by_a_relay_that_puts_off_half_and_drops_a_tenth_after_the_dot(relay, post, db):
    server = relay({"grey": 0.5, "lose": 0.1})
    gateway = post(server, email__sessions=4, email__messages_per_session=50)
    wanted = mail_everybody(gateway, db, 1000)
    wait_for(lambda: db.one("SELECT count(*) FROM hersys.outbox_history WHERE state = 'sent_unconfirmed'") == 1000, 240, what="1,000 mails")
    arrived = collections.defaultdict(list)
    for mail in server.mails():
        arrived[mail["to"][0].strip("<>")].append(parsed(mail)["Message-ID"])
    assert set(arrived) == wanted
    assert all(len(set(ids)) == 1 for ids in arrived.values()), "a second copy can be told from its Message-ID"
    twice = {address for address, ids in arrived.items() if len(ids) > 1}
    # The script lost what it had told: at least a tenth, less chance; none twice that was not lost.
    assert 50 < len(server.lost) < 150 and len(twice) <= len(server.lost)
    assert len(server.told_later) > 350
    assert db.one("SELECT count(*) FROM hersys.outbox") == 0


def test_a_kill_in_the_middle_of_a_thousand_mails_loses_none(relay, post, db):
    server = relay()
    gateway = post(server, email__sessions=4, delivery__lease_seconds=25)
    wanted = mail_everybody(gateway, db, 1000)
    wait_for(lambda: len(server.mails()) > 300, 60, what="the middle")
    gateway.kill()
    gateway.start()
    wait_for(lambda: db.one("SELECT count(*) FROM hersys.outbox_history WHERE state = 'sent_unconfirmed'") == 1000, 240, what="1,000 mails")
    arrived = collections.Counter(mail["to"][0].strip("<>") for mail in server.mails())
    assert set(arrived) == wanted
    assert sum(n - 1 for n in arrived.values()) <= 4 * 25, "twice is at most what was on the wire"
