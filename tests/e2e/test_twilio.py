"""A link by Twilio: submits, status callbacks and replies, signed as Twilio signs them."""
import base64
import signal
import sys
import urllib.parse

import pytest
from conftest import ROOT, phone, wait_for

sys.path.insert(0, str(ROOT / "tests" / "peers"))
from sms_provider import Answer, Twilio, refuse, sign_twilio  # noqa: E402

PUBLIC_URL = "https://gateway.example.jp"
ACCOUNT, TOKEN = "AC" + "0123456789abcdef" * 2, "SECRETAUTHTOKEN"
OUR_NUMBER = "+817000000000"


@pytest.fixture
def twilio(tmp_path):
    carrier = Twilio(tmp_path / "twilio")
    yield carrier
    carrier.close()


@pytest.fixture
def link(make_gateway, twilio):
    def make(sender=f'from = "{OUR_NUMBER}";', more="", public_url=PUBLIC_URL):
        gateway = make_gateway(sandbox__enabled=False, http__public_url=public_url)
        for name, text in (("twilio.token", TOKEN), ("twilio.key", "SECRETKEYSECRET")):
            (gateway.folder / name).write_text(text + "\n")
            (gateway.folder / name).chmod(0o640)
        gateway.configure(more=f'''carriers:
{{
    twilio:
    {{
        type = "twilio";
        account_sid = "{ACCOUNT}";
        auth_token_file = "twilio.token";
        {sender}
        api_url = "{twilio.url}";
        ca_file = "{twilio.certificate}";
        {more}
    }};
}};
''')
        return gateway.start()

    return make


def bring(gateway, what, fields, token=TOKEN, url=None, signature=None):
    """One request of Twilio; gives back status, body and type."""
    pairs = list(fields.items()) if isinstance(fields, dict) else fields
    path = f"/webhooks/twilio/{what}"
    headers = {"Content-Type": "application/x-www-form-urlencoded; charset=UTF-8",
               "X-Twilio-Signature": signature if signature is not None else sign_twilio(token, url or PUBLIC_URL + path, pairs)}
    status, body, answered = gateway.request("POST", path, urllib.parse.urlencode(pairs).encode(),
                                             {k: v for k, v in headers.items() if v})
    return status, body, answered["Content-Type"]


def message(number, text, sid="SM" + "f" * 32):
    """What Twilio sends of a reply, with an empty value among it."""
    return {"ToCountry": "JP", "SmsMessageSid": sid, "NumMedia": "0", "FromCity": "", "SmsSid": sid, "Body": text, "From": number,
            "To": OUR_NUMBER, "MessageSid": sid, "AccountSid": ACCOUNT, "ApiVersion": "2010-04-01"}


def status(sid, word, code=None):
    fields = {"SmsSid": sid, "SmsStatus": word, "MessageStatus": word, "To": phone(1), "MessageSid": sid, "AccountSid": ACCOUNT,
              "From": OUR_NUMBER, "ApiVersion": "2010-04-01"}
    return {**fields, "ErrorCode": str(code)} if code else fields


STORED = (200, b"<Response/>", "text/xml")


def test_a_message_is_submitted_as_twilio_wants_it_and_its_callback_is_noted(link, twilio, db):
    gateway = link()
    queued = db.enqueue(phone(1))
    wait_for(lambda: db.state(queued) == "sent")
    request, = twilio.requests
    assert (request.method, request.path) == ("POST", f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json")
    assert request.headers["Authorization"] == "Basic " + base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
    fields = request.form
    assert "Mihon" in fields.pop("Body")
    assert fields == {"To": phone(1), "From": OUR_NUMBER, "StatusCallback": f"{PUBLIC_URL}/webhooks/twilio/receipt#rc=5&rp=all"}
    for word in ("queued", "sending", "sent"):
        assert bring(gateway, "receipt", status(twilio.sid(1), word)) == STORED
        assert db.state(queued) == "sent"
    assert bring(gateway, "receipt", status(twilio.sid(1), "delivered")) == STORED
    assert db.state(queued) == "delivered"
    assert bring(gateway, "receipt", status(twilio.sid(1), "sent")) == STORED
    assert db.state(queued) == "delivered", "forward only"


def test_an_api_key_and_a_messaging_service_are_used_where_they_are_set(link, twilio, db):
    key, service = "SK" + "a" * 32, "MG" + "b" * 32
    link(f'messaging_service_sid = "{service}";', f'api_key_sid = "{key}"; api_key_secret_file = "twilio.key";')
    queued = db.enqueue(phone(1))
    wait_for(lambda: db.state(queued) == "sent")
    request, = twilio.requests
    assert request.headers["Authorization"] == "Basic " + base64.b64encode(f"{key}:SECRETKEYSECRET".encode()).decode()
    assert request.form["MessagingServiceSid"] == service and "From" not in request.form


@pytest.mark.parametrize("word, code, state, error", [
    ("undelivered", 30003, "undelivered", "unreachable"), ("failed", 30006, "undelivered", "landline"),
    ("undelivered", 30999, "undelivered", "twilio_30999")])
def test_a_callback_says_why_a_message_did_not_arrive(link, twilio, db, word, code, state, error):
    gateway = link()
    queued = db.enqueue(phone(1))
    wait_for(lambda: db.state(queued) == "sent")
    assert bring(gateway, "receipt", status(twilio.sid(1), word, code)) == STORED
    assert db.sql("SELECT state::text, error FROM hersys.outbox_history") == [(state, error)]


def test_who_has_stopped_at_twilio_gets_nothing_more_that_we_begin(link, twilio, db):
    link()
    twilio.script.append(refuse(400, 21610))
    queued = db.enqueue(phone(1))
    wait_for(lambda: db.state(queued) == "dead")
    assert db.sql("SELECT address, reason FROM hersys.suppression") == [(phone(1), "carrier_opt_out")]


def test_a_number_that_takes_no_messages_ends_the_message_at_once(link, twilio, db):
    link()
    twilio.script.append(refuse(400, 21614))
    queued = db.enqueue(phone(1))
    wait_for(lambda: db.state(queued) == "dead")
    assert db.one("SELECT error FROM hersys.outbox_history") == "no_mobile_number" and len(twilio.requests) == 1


@pytest.mark.parametrize("answer, outcome, error", [
    (refuse(429, 20429), "throttled", "rate_limit"), (refuse(400, 14107), "throttled", "rate_limit"),
    (refuse(401, 20003), "link_down", "auth_refused"), (refuse(404, 20404), "link_down", "not_found"),
    (refuse(400, 21606), "link_down", "sender_invalid"), (Answer(429, b""), "throttled", "http_429")])
def test_what_is_no_fault_of_the_message_pauses_the_link_and_costs_no_attempt(link, twilio, db, answer, outcome, error):
    gateway = link()
    twilio.script.append(answer)
    queued = db.enqueue(phone(1))
    wait_for(lambda: db.sql("SELECT attempts, error FROM hersys.outbox WHERE id = %s AND state = 'retry'", queued) == [(0, error)])
    assert f"reason={outcome}" in gateway.events("link_paused")[0]
    wait_for(lambda: db.state(queued) == "sent")


def test_after_an_internal_error_of_twilio_a_harmful_duplicate_is_never_sent(link, twilio, db):
    db.sql("UPDATE hersys.message_kind SET at_most_once = true WHERE kind = 'not_understood'")
    link()
    twilio.script.append(Answer(500, b""))
    queued = db.enqueue(phone(1))
    wait_for(lambda: db.state(queued) == "unknown")
    assert len(twilio.requests) == 1


def test_a_reply_becomes_a_report_and_its_answer_goes_out_by_twilio(link, twilio, db):
    gateway = link()
    patient = db.patient(db.centre(), phone(1))
    assert bring(gateway, "message", message(phone(1), "36.9 97 N")) == STORED
    assert db.sql("SELECT patient_id, temperature_c::float, spo2, symptoms FROM hersys.status_report") == [(patient, 36.9, 97, False)]
    wait_for(lambda: twilio.requests)
    echo = twilio.requests[0].form
    assert echo["To"] == phone(1) and "36.9" in echo["Body"] and "見本市保健所" in echo["Body"]
    assert bring(gateway, "message", message(phone(1), "36.9 97 N")) == STORED, "brought again"
    assert db.one("SELECT count(*) FROM hersys.inbound") == 1 and len(twilio.requests) == 1


def test_a_text_of_any_characters_keeps_its_signature(link, db):
    gateway = link()
    db.patient(db.centre(), phone(1))
    text = " 36.9 & 97 =ＮＯ 体温 😷 +%20\n"
    assert bring(gateway, "message", message(phone(1), text)) == STORED
    assert bytes(db.one("SELECT raw FROM hersys.inbound")) == text.encode()


def test_bytes_that_are_no_text_are_kept_as_they_came(link, db):
    gateway = link()
    fields = [(k, v) for k, v in message(phone(1), "").items() if k != "Body"] + [("Body", b"36.9 \xff")]
    body = urllib.parse.urlencode(fields).encode()
    # Signed over the bytes.
    import hashlib, hmac
    text = (PUBLIC_URL + "/webhooks/twilio/message").encode() + b"".join(
        n.encode() + (v if isinstance(v, bytes) else v.encode()) for n, v in sorted(fields, key=lambda f: f[0]))
    signature = base64.b64encode(hmac.new(TOKEN.encode(), text, hashlib.sha1).digest()).decode()
    assert gateway.request("POST", "/webhooks/twilio/message", body, {
        "Content-Type": "application/x-www-form-urlencoded", "X-Twilio-Signature": signature})[0] == 200
    assert bytes(db.one("SELECT raw FROM hersys.inbound")) == b"36.9 \xff"


@pytest.mark.parametrize("public_url, signed", [
    (PUBLIC_URL, PUBLIC_URL + ":443"), (PUBLIC_URL + ":8443", PUBLIC_URL), (PUBLIC_URL + ":8443", PUBLIC_URL + ":8443")])
def test_the_address_is_signed_with_its_port_or_without(link, db, public_url, signed):
    gateway = link(public_url=public_url)
    assert bring(gateway, "message", message(phone(1), "36.9 97 N"), url=signed + "/webhooks/twilio/message") == STORED


def test_after_a_reload_it_is_still_known_what_twilio_signs(link, db):
    gateway = link()
    patient = db.patient(db.centre(), phone(1))
    for turn in range(3):
        gateway.process.send_signal(signal.SIGHUP)
        wait_for(lambda: len(gateway.events("reloaded")) == turn + 1)
        assert bring(gateway, "message", message(phone(1), "36.9 97 N", f"SM{turn:032x}")) == STORED
    assert db.one("SELECT count(*) FROM hersys.status_report WHERE patient_id = %s", patient) == 3


@pytest.mark.parametrize("fragment", ["", "#rc=5&rp=all"])
def test_the_address_is_signed_with_its_connection_overrides_or_without(link, db, fragment):
    gateway = link()
    fields = message(phone(1), "36.9 97 N")
    assert bring(gateway, "message", fields, url=f"{PUBLIC_URL}/webhooks/twilio/message{fragment}") == STORED
    assert bring(gateway, "message", fields, url=f"{PUBLIC_URL}/webhooks/twilio/message#other")[0] == 403


@pytest.mark.parametrize("how", [
    {"signature": ""}, {"signature": "AAAA"}, {"token": "another"}, {"url": "https://elsewhere.example.jp/webhooks/twilio/message"},
    {"url": PUBLIC_URL + "/webhooks/twilio/message?more=1"}])
def test_what_twilio_has_not_signed_is_refused(link, db, how):
    gateway = link()
    assert bring(gateway, "message", message(phone(1), "36.9 97 N"), **how)[0] == 403
    assert db.one("SELECT count(*) FROM hersys.inbound") == 0
    refused, = gateway.events("webhook_refused")
    assert "link=twilio" in refused and ("reason=unsigned" if how == {"signature": ""} else "reason=bad_signature") in refused


def test_a_field_that_was_changed_or_added_on_its_way_is_refused(link, db):
    gateway = link()
    fields = message(phone(1), "36.9 97 N")
    signature = sign_twilio(TOKEN, PUBLIC_URL + "/webhooks/twilio/message", list(fields.items()))
    for changed in ({**fields, "From": phone(2)}, {**fields, "More": "x"}, {**fields, "Body": "36.9 97 Y"}):
        assert bring(gateway, "message", changed, signature=signature)[0] == 403
    assert bring(gateway, "receipt", fields, signature=signature)[0] == 403, "the signature of another address"
    assert bring(gateway, "message", fields, signature=signature) == STORED


def test_a_signed_request_without_a_name_of_the_message_is_refused(link, db):
    gateway = link()
    fields = message(phone(1), "36.9 97 N")
    del fields["MessageSid"]
    assert bring(gateway, "message", fields)[0] == 400
    assert gateway.request("POST", "/webhooks/twilio/message", b"{}", {"Content-Type": "application/json"})[0] == 415
    assert db.one("SELECT count(*) FROM hersys.inbound") == 0
