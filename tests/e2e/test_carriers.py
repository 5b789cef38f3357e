"""A carrier of one's own, described by the configuration: what goes out, and what its answers mean."""
import re
import signal
import time

import pytest
from conftest import phone, wait_for
from example_link import (API_KEY, PUBLIC_URL, Answer, bring, carrier, carriers, ended, example, harmful, link, provider_id, row,  # noqa: F401
                          two)
from sms_provider import DROP, HANG


# ---- what goes out, and the receipt

def test_a_message_reaches_the_carrier_as_described_and_its_receipt_is_noted(link, carrier, db):
    gateway = link()
    message = db.enqueue(phone(1))
    wait_for(lambda: db.state(message) == "sent")
    request, = carrier.requests
    assert (request.method, request.path) == ("POST", "/v1/messages")
    assert request.headers["X-Api-Key"] == API_KEY and request.headers["X-Request-Id"] == f"hersys-{message}"
    assert request.headers["Content-Type"] == "application/json" and "Authorization" not in request.headers
    fields = request.json
    text = fields.pop("text")
    assert fields == {"to": "817000000001", "from": "+817000000000", "client_reference": str(message),
                      "receipt_url": f"{PUBLIC_URL}/webhooks/example-sms/receipt"}
    assert "Mihon" in text and "\n" in text
    receipt = {"message_id": provider_id(db, message), "status": "DELIVRD"}
    assert bring(gateway, "receipt", receipt) == (200, b'{"ok": true}')
    assert db.state(message) == "delivered"


def test_receipts_say_what_their_words_mean_and_others_nothing(link, carrier, db):
    gateway = link()
    messages = [db.enqueue(phone(n)) for n in (1, 2, 3)]
    wait_for(lambda: all(db.state(m) == "sent" for m in messages))
    for message, word, state in zip(messages, ("UNDELIV", "EXPIRED", "ENROUTE"), ("undelivered", "expired", "sent")):
        receipt = {"message_id": provider_id(db, message), "status": word, "error_code": "E-17"}
        assert bring(gateway, "receipt", receipt)[0] == 200
        assert db.state(message) == state
    assert db.one("SELECT error FROM hersys.outbox_history WHERE id = %s", messages[0]) == "E-17"


def test_a_receipt_that_comes_before_the_answer_to_its_submit_is_not_lost(link, carrier, db):
    gateway = link()
    early = []

    def answer(request):
        identity = "early-" + request.json["client_reference"]
        early.append(bring(gateway, "receipt", {"message_id": identity, "status": "DELIVRD"})[0])
        return Answer(202, {"message": {"id": identity}})

    carrier.answer = answer
    message = db.enqueue(phone(1))
    wait_for(lambda: db.state(message) == "delivered")
    assert early == [200]


# ---- what the carrier says: accepted, permanent, temporary, throttled, opted out

@pytest.mark.parametrize("status, code, error", [
    (400, "INVALID_NUMBER", "invalid_number"), (400, "SOMETHING_ELSE", "SOMETHING_ELSE"), (422, "無効", "http_422")])
def test_what_is_refused_for_good_is_dead_at_once(link, carrier, db, status, code, error):
    link()
    carrier.script.append(Answer(status, {"error": {"code": code, "message": "+817000000001"}}))
    message = db.enqueue(phone(1))
    wait_for(lambda: db.state(message) == "dead")
    assert ended(db, message) == [("dead", 1, error)] and len(carrier.requests) == 1


@pytest.mark.parametrize("answer, error", [
    (Answer(409, {"error": {"code": "TRY_LATER"}}), "try_later"), (Answer(500, b"<html>oops</html>"), "http_500"),
    (Answer(503, b""), "http_503")])
def test_what_is_refused_for_now_is_tried_again(link, carrier, db, answer, error):
    link()
    carrier.script.append(answer)
    message = db.enqueue(phone(1))
    wait_for(lambda: row(db, message) == [("retry", 1, error)] or db.state(message) == "sent")
    wait_for(lambda: db.state(message) == "sent")
    assert len(carrier.requests) == 2


@pytest.mark.parametrize("answer", [
    Answer(429, b"", {"Retry-After": "3"}), Answer(503, b"", {"Retry-After": "3"}),
    Answer(400, {"error": {"code": "TOO_FAST"}}, {"Retry-After": "3"})])
def test_a_throttled_link_pauses_for_as_long_as_the_carrier_asks_and_no_attempt_is_spent(link, carrier, db, answer):
    gateway = link()
    carrier.script.append(answer)
    message = db.enqueue(phone(1))
    paused, = wait_for(lambda: gateway.events("link_paused"))
    assert "reason=throttled" in paused and "seconds=3" in paused
    wait_for(lambda: [r[:2] for r in row(db, message)] == [("retry", 0)])
    wait = db.one("SELECT extract(epoch FROM not_before - now())::float FROM hersys.outbox WHERE id = %s", message)
    assert wait <= 1, "another link may take it"
    other = db.enqueue(phone(2))
    wait_for(lambda: db.state(message) == "sent" and db.state(other) == "sent")
    assert gateway.events("link_resumed")
    assert [request.json["to"] for request in carrier.requests].count("817000000002") == 1
    assert db.one("SELECT attempts FROM hersys.outbox_history WHERE id = %s", message) == 1, "only the one that went through"


def test_who_opted_out_at_the_carrier_gets_nothing_more_that_we_begin(link, carrier, db):
    link()
    carrier.script.append(Answer(403, {"error": {"code": "BLACKLISTED"}}))
    message = db.enqueue(phone(1))
    wait_for(lambda: db.state(message) == "dead")
    assert db.sql("SELECT address, reason FROM hersys.suppression") == [(phone(1), "carrier_opt_out")]


@pytest.mark.parametrize("answer, error", [
    (Answer(401, b"no"), "auth_refused"), (Answer(403, b"no"), "auth_refused"), (Answer(404, b"what"), "http_404"),
    (Answer(302, b"", {"Location": "https://elsewhere.example.jp/"}), "http_302"),
    (Answer(402, {"error": {"code": "NO_CREDIT"}}), "no_credit")])
def test_no_message_is_dead_because_our_credentials_or_addresses_are(link, carrier, db, answer, error):
    gateway = link()
    carrier.script.append(answer)
    message = db.enqueue(phone(1))
    wait_for(lambda: row(db, message) == [("retry", 0, error)])
    assert "reason=link_down" in gateway.events("link_paused")[0]
    wait_for(lambda: db.state(message) == "sent")


# ---- the wire

LOST = [HANG, DROP, Answer(200, b"\xff\xfe not JSON"), Answer(200, {"message": {}}), Answer(502, b""), Answer(504, b"")]


@pytest.mark.parametrize("lost", LOST, ids=["timeout", "closed", "garbage", "no id", "502", "504"])
def test_where_nobody_knows_what_the_carrier_has_a_harmful_duplicate_is_never_sent(link, carrier, db, lost):
    """After the submit comes no answer, or none that can be read."""
    harmful(db)
    gateway = link({"timeout_seconds = 20": "timeout_seconds = 1"})
    carrier.script.append(lost)
    message = db.enqueue(phone(1))
    wait_for(lambda: db.state(message) == "unknown")
    assert "outcome=unknown" in gateway.events("message_not_accepted")[0]
    other = db.enqueue(phone(2))  # the link goes on, and takes this one only
    wait_for(lambda: db.state(other) == "sent")
    time.sleep(2)  # two polls
    assert [request.json["to"] for request in carrier.requests] == ["817000000001", "817000000002"]
    assert db.state(message) == "unknown"


@pytest.mark.parametrize("lost", LOST, ids=["timeout", "closed", "garbage", "no id", "502", "504"])
def test_where_nobody_knows_what_the_carrier_has_a_harmless_message_is_sent_again(link, carrier, db, lost):
    link({"timeout_seconds = 20": "timeout_seconds = 1"})
    carrier.script.append(lost)
    message = db.enqueue(phone(1))
    wait_for(lambda: db.state(message) == "sent")
    assert [request.json["client_reference"] for request in carrier.requests] == [str(message)] * 2


def test_a_carrier_that_knows_a_reference_again_is_asked_again_even_where_a_duplicate_would_harm(link, carrier, db):
    harmful(db)
    link({"#idempotent": "idempotent"})
    carrier.script.append(DROP)
    message = db.enqueue(phone(1))
    wait_for(lambda: db.state(message) == "sent")
    assert [request.json["client_reference"] for request in carrier.requests] == [str(message)] * 2


def test_a_carrier_that_is_not_there_costs_no_attempt_and_is_told_once(link, carrier, carriers, db, tmp_path):
    port = carrier.port
    carrier.close()
    gateway = link()
    messages = [db.enqueue(phone(n)) for n in (1, 2, 3)]
    wait_for(lambda: row(db, messages[0]) == [("retry", 0, "not_reached")])
    assert len(gateway.events("carrier_unreachable")) == 1
    # It comes back at the same place, with the same certificate.
    carriers("back", port=port)
    (tmp_path / "carrier" / "peer.crt").write_bytes((tmp_path / "back" / "peer.crt").read_bytes())
    wait_for(lambda: all(db.state(m) == "sent" for m in messages), seconds=30)


def test_a_carrier_whose_certificate_is_not_for_its_name_hears_nothing(carriers, make_gateway, db):
    impostor = carriers("impostor", name="DNS:other.example.jp")
    gateway = make_gateway(sandbox__enabled=False, http__public_url=PUBLIC_URL)
    gateway.configure(more=f"carriers:\n{{\n{example(gateway.folder, impostor)}}};\n")
    gateway.start()
    message = db.enqueue(phone(1))
    wait_for(lambda: row(db, message) == [("retry", 0, "not_reached")])
    assert "certificate" in gateway.events("carrier_unreachable")[0]
    assert impostor.requests == []


def test_a_carrier_whose_certificate_nobody_vouches_for_hears_nothing(link, carrier, db):
    gateway = link(start=False)
    gateway.configure(more=gateway.options["more"].replace(f'ca_file = "{carrier.certificate}";', ""))
    gateway.start()
    message = db.enqueue(phone(1))
    wait_for(lambda: row(db, message) == [("retry", 0, "not_reached")])
    assert carrier.requests == []


# ---- several links

def test_two_links_share_the_work_and_each_message_goes_out_once(two, db):
    _, peers = two
    messages = [db.enqueue(phone(n)) for n in range(1, 61)]
    wait_for(lambda: all(db.state(m) == "sent" for m in messages), seconds=30)
    sent = [[int(r.json["client_reference"]) for r in peer.requests] for peer in peers]
    assert sent[0] and sent[1] and sorted(sent[0] + sent[1]) == messages
    assert set(db.sql("SELECT DISTINCT carrier_link FROM hersys.message_part")) == {("one",), ("two",)}


def test_a_link_that_is_down_leaves_the_work_to_the_other(two, db):
    gateway, peers = two
    peers[0].answer = lambda request: Answer(401, b"")
    messages = [db.enqueue(phone(n)) for n in range(1, 21)]
    wait_for(lambda: all(db.state(m) == "sent" for m in messages), seconds=30)
    assert len(peers[1].requests) == 20


def test_a_message_that_one_link_gave_back_goes_out_by_the_other_before_that_one_tries_again(two, db):
    gateway, peers = two
    peers[0].answer = lambda request: Answer(401, b"")
    for n in range(1, 5):
        message = db.enqueue(phone(n))
        wait_for(lambda: db.state(message) == "sent")
    of_first = [request.json["to"] for request in peers[0].requests]
    assert len(of_first) == len(set(of_first))


def test_what_one_link_was_told_to_wait_with_does_not_wait_for_the_other(two, db):
    gateway, peers = two
    peers[0].answer = lambda request: Answer(429, b"", {"Retry-After": "600"})
    messages = [db.enqueue(phone(n)) for n in range(1, 11)]
    wait_for(lambda: all(db.state(m) == "sent" for m in messages), seconds=20)
    # It waits a little longer than it was told to, so that the other looks first.
    assert len(peers[0].requests) == 1 and re.search("seconds=60[0-9]", gateway.events("link_paused")[0])


def test_a_pause_is_not_cut_short_by_a_shorter_one(link, carrier, db):
    """Two messages on the wire at once: one is told to wait for ten minutes, then the other is refused for our credentials."""
    def answer(request):
        if request.json["to"].endswith("1"):
            return Answer(429, b"", {"Retry-After": "600"})
        time.sleep(1)
        return Answer(401, b"")

    carrier.answer = answer
    messages = [db.enqueue(phone(n)) for n in (1, 2)]
    gateway = link()
    wait_for(lambda: len(gateway.events("message_not_accepted")) == 2)
    wait_for(lambda: all(db.state(m) == "retry" for m in messages))
    time.sleep(7)  # longer than a link that is down waits by itself
    assert gateway.events("link_resumed") == [] and len(carrier.requests) == 2


# ---- the operator

def test_links_change_at_a_restart_only_and_a_reload_says_so(link, carrier, db):
    gateway = link()
    gateway.configure(more=gateway.options["more"].replace("ca_file", "# ca_file"))
    gateway.process.send_signal(signal.SIGHUP)
    wait_for(lambda: gateway.events("reloaded"))
    assert "option=carriers" in gateway.events("reload_needs_restart")[0]
    message = db.enqueue(phone(1))  # by the old certificate authority
    wait_for(lambda: db.state(message) == "sent")
