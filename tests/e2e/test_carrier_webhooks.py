"""A carrier of one's own, described by the configuration: what it brings, and that it is really its."""
import json
import threading

import pytest
from conftest import phone, wait_for
from example_link import API_KEY, WEBHOOK_KEY, Answer, bring, carrier, carriers, link, reply, two  # noqa: F401
from sms_provider import sign_example


# ---- what comes in

def test_a_reply_becomes_a_report_and_its_answer_goes_out_by_the_carrier(link, carrier, db):
    gateway = link()
    patient = db.patient(db.centre(), phone(1))
    assert bring(gateway, "message", reply(phone(1), "36.9 97 N")) == (200, b'{"ok": true}')
    assert db.sql("SELECT patient_id, temperature_c::float, spo2, symptoms FROM hersys.status_report") == [(patient, 36.9, 97, False)]
    wait_for(lambda: carrier.requests)
    echo = carrier.requests[0].json
    assert echo["to"] == "817000000001" and "36.9" in echo["text"] and "97" in echo["text"]
    assert db.one("SELECT link FROM hersys.inbound") == "example-sms"


def test_what_is_brought_again_changes_nothing(link, db):
    gateway = link()
    db.patient(db.centre(), phone(1))
    assert [bring(gateway, "message", reply(phone(1), "36.9 97 N"))[0] for _ in range(3)] == [200, 200, 200]
    assert db.one("SELECT count(*) FROM hersys.inbound") == 1
    assert db.one("SELECT count(*) FROM hersys.outbox_dedupe") == 1


@pytest.mark.parametrize("sender", ["YAMATO", "32665"])
def test_a_sender_that_is_no_telephone_is_stored_as_it_is(link, carrier, db, sender):
    gateway = link()
    assert bring(gateway, "message", reply(sender, "hello"))[0] == 200
    assert db.sql("SELECT sender, answer_kind FROM hersys.inbound") == [(sender, None)]


UNPROVED = {
    "unsigned": {},
    "empty": {"X-Signature": ""},
    "prefix alone": {"X-Signature": "sha256="},
    "another key": sign_example("another", json.dumps(reply(phone(1), "36.9 97 N")).encode()),
    "another body": sign_example(WEBHOOK_KEY, b"{}"),
    "without prefix": {"X-Signature": sign_example(WEBHOOK_KEY, json.dumps(reply(phone(1), "36.9 97 N")).encode())
                       ["X-Signature"].removeprefix("sha256=")},
}


@pytest.mark.parametrize("how", UNPROVED)
def test_what_is_not_proved_to_be_from_the_carrier_is_refused(link, db, how):
    gateway = link()
    status, body = bring(gateway, "message", reply(phone(1), "36.9 97 N"), headers=UNPROVED[how])
    assert status == 403 and json.loads(body)["title"] == "Forbidden"
    assert bring(gateway, "receipt", {"message_id": "m", "status": "DELIVRD"}, headers=UNPROVED[how])[0] == 403
    assert db.one("SELECT count(*) FROM hersys.inbound") == 0 and db.one("SELECT count(*) FROM hersys.message_part") == 0
    assert all("link=example-sms" in line for line in gateway.events("webhook_refused"))
    assert len(gateway.events("webhook_refused")) == 2


@pytest.mark.parametrize("body", [
    b"", b"{", b"[]", json.dumps({**reply(phone(1), "x"), "id": ""}).encode(), json.dumps({**reply(phone(1), "x"), "id": "x" * 201}).encode(),
    json.dumps({**reply(phone(1), "x"), "from": None}).encode(), b'{"id": "a", "from": "8170", "to": "8170", "text": "\xff"}',
    b'{"id": "a", "id": "b", "from": "817000000001", "to": "8170", "text": "twice"}'])
def test_what_is_signed_but_cannot_be_read_is_refused_and_stores_nothing(link, db, body):
    gateway = link()
    assert bring(gateway, "message", body)[0] == 400
    assert db.one("SELECT count(*) FROM hersys.inbound") == 0
    assert gateway.events("webhook_malformed")


def test_a_receipt_that_cannot_be_read_is_refused(link, db):
    gateway = link({', "*=ignored"': ""})
    for body in ({"status": "DELIVRD"}, {"message_id": "m"}, {"message_id": "m", "status": "PERHAPS"}):
        assert bring(gateway, "receipt", body)[0] == 400
    assert db.one("SELECT count(*) FROM hersys.message_part") == 0


def test_a_body_of_300_kib_is_refused_before_it_is_read_whole(link, db):
    gateway = link()
    try:
        status = bring(gateway, "message", reply(phone(1), "x" * 300 * 1024))[0]
    except OSError:
        status = 413  # it closed while we were still sending
    assert status == 413 and db.one("SELECT count(*) FROM hersys.inbound") == 0


def test_while_the_database_is_away_the_carrier_is_asked_to_come_again(link, db, postgres):
    gateway = link()
    postgres.ctl("stop", "immediate")
    try:
        wait_for(lambda: bring(gateway, "message", reply(phone(1), "36.9 97 N"))[0] == 503)
        assert bring(gateway, "receipt", {"message_id": "m", "status": "DELIVRD"})[0] == 503
        assert bring(gateway, "message", reply(phone(1), "36.9 97 N"), key="another")[0] == 403, "even now"
    finally:
        postgres.ctl("start")
    wait_for(lambda: bring(gateway, "message", reply(phone(1), "36.9 97 N"))[0] == 200)
    assert db.one("SELECT count(*) FROM hersys.inbound") == 1


def test_only_the_paths_of_links_that_are_configured_exist(link):
    gateway = link()
    assert gateway.request("GET", "/webhooks/example-sms/message")[0] == 405
    for path in ("/webhooks/sandbox/message", "/webhooks/example/message", "/webhooks/example-sms/other", "/webhooks/example-sms"):
        assert gateway.request("POST", path, b"{}")[0] == 404


def test_a_link_that_brings_nothing_has_no_webhooks(link, carrier, db):
    gateway = link({', \\"receipt_url\\": \\"{{callback}}\\"': "", 'receipt_method = "POST"': 'receipt_method = "none"',
                    'reply_method = "POST"': 'reply_method = "none"', 'webhook_auth = "hmac"': 'webhook_auth = "none"'},
                   http__public_url="")
    assert bring(gateway, "message", reply(phone(1), "x"))[0] == 404
    assert bring(gateway, "receipt", {"message_id": "m", "status": "DELIVRD"})[0] == 404
    message = db.enqueue(phone(1))
    wait_for(lambda: db.state(message) == "sent")


# ---- several links

def test_the_secret_of_another_link_proves_nothing(two, db):
    gateway, _ = two
    body = reply(phone(1), "36.9 97 N")
    assert bring(gateway, "message", body, key="key-of-one", link="two")[0] == 403
    assert bring(gateway, "message", body, key="key-of-one", link="one")[0] == 200


def test_the_same_name_of_a_message_at_two_carriers_is_two_messages(two, db):
    gateway, peers = two
    both = threading.Barrier(2, timeout=20)  # each link holds one message, so that none takes both

    def answer(request):
        both.wait()
        return Answer(202, {"message": {"id": "same"}})

    for peer in peers:
        peer.answer = answer
    messages = [db.enqueue(phone(n)) for n in (1, 2)]
    wait_for(lambda: all(db.state(m) == "sent" for m in messages))
    of_link = dict(db.sql("SELECT carrier_link, message_id FROM hersys.message_part"))
    assert bring(gateway, "receipt", {"message_id": "same", "status": "DELIVRD"}, key="key-of-two", link="two")[0] == 200
    assert (db.state(of_link["one"]), db.state(of_link["two"])) == ("sent", "delivered")


# ---- secrets

def test_a_secret_that_everybody_can_read_is_refused_by_its_name(link):
    gateway = link(start=False)
    path = gateway.folder / "carriers" / "example-sms" / "example-sms.key"
    path.chmod(0o644)
    error = gateway.ctl("check-config", status=1)
    assert "carriers.example-sms: " in error and str(path) in error and "everybody" in error and API_KEY not in error


def test_nothing_of_a_patient_or_a_secret_stands_in_the_log(link, carrier, db):
    gateway = link(log__level="debug")
    db.patient(db.centre(), phone(1))
    carrier.script.append(Answer(400, {"error": {"code": "SECRET +817000000001", "message": "SECRETTEXT"}}))
    bring(gateway, "message", reply(phone(1), "36.9 97 N SECRETTEXT", "SECRETID"))
    gateway.request("POST", "/webhooks/example-sms/message?token=SECRETTOKEN", b"SECRETBODY", {"X-Signature": "SECRETSIGNATURE"})
    wait_for(lambda: carrier.requests)
    db.enqueue(phone(1))
    wait_for(lambda: len(carrier.requests) >= 2)
    log = gateway.log()
    assert "webhook_refused" in log and "message_not_accepted" in log
    for planted in ("SECRET", "7000000001", API_KEY, WEBHOOK_KEY, "36.9"):
        assert planted not in log
