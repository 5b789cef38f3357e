"""A message's way out: asked for, rendered, sent, finished, confirmed by the carrier's receipt."""
import base64
import hashlib
import hmac
import re
import struct
import time

import pytest
from conftest import phone, wait_for


def arrived(gateway, number, count=1):
    return wait_for(lambda: len(gateway.texts(number)) >= count and gateway.texts(number), what="the message")


def test_a_registration_link_reaches_the_patient_and_its_receipt_comes_back(gateway, db):
    patient = db.patient(db.centre(), phone(1))
    message = gateway.send_link(patient)
    text, = arrived(gateway, phone(1))
    assert "見本市保健所" in text and "03-0000-0000" in text and "1000001" in text
    assert "見本例" not in text, "a link never shows a name"
    wait_for(lambda: db.state(message) == "delivered", what="the receipt")


def expected_token(gateway, db, link):
    """The token as secret.h says that it is minted, made by another implementation."""
    key_id, salt, generation, recipient = db.sql(
        "SELECT key_id, salt, generation, recipient FROM hersys.registration_link WHERE id = %s", link)[0]
    key = bytes.fromhex((gateway.folder / "keys" / f"link-{key_id}.key").read_text().strip())
    fields = [b"link", struct.pack(">H", key_id), bytes(salt), struct.pack(">I", generation), recipient.encode()]
    data = b"".join(struct.pack(">I", len(field)) + field for field in fields)
    digest = hmac.new(key, data, hashlib.sha256).digest()
    return base64.b32encode(digest).decode().lower()[:20]


def test_the_link_is_minted_from_the_row_and_a_key_that_the_database_never_sees(gateway, db):
    gateway.send_link(db.patient(db.centre(), phone(1)))
    text, = arrived(gateway, phone(1))
    link, token = re.search(r"https://my-her-sys\.example\.jp/r/(\d+)-([a-z2-7]{20})", text).groups()
    assert token == expected_token(gateway, db, int(link))
    everything = db.one("SELECT string_agg(t::text, ' ') FROM (SELECT query_to_xml('SELECT * FROM hersys.' || quote_ident(tablename), "
                        "true, false, '') AS t FROM pg_tables WHERE schemaname = 'hersys') AS x")
    assert token not in everything


def test_a_second_try_carries_the_same_link(gateway, db):
    number = phone(92)  # busy at the first try
    message = gateway.send_link(db.patient(db.centre(), number))
    wait_for(lambda: db.sql("SELECT 1 FROM hersys.outbox WHERE id = %s AND state = 'retry' AND error = 'busy'", message))
    link = db.one("SELECT id FROM hersys.registration_link")
    gateway.ctl("retry", message)
    text, = arrived(gateway, number)
    assert f"{link}-{expected_token(gateway, db, link)}" in text


def test_a_new_link_ends_the_one_before_even_while_that_still_waits(make_gateway, db):
    patient = db.patient(db.centre(), phone(1))
    gateway = make_gateway()
    first, second = gateway.send_link(patient), gateway.send_link(patient)
    gateway.start()
    arrived(gateway, phone(1))
    assert db.state(first) == "cancelled"
    wait_for(lambda: db.state(second) == "delivered")
    assert len(gateway.texts(phone(1))) == 1


@pytest.mark.parametrize("number, columns, reason", [
    (None, {}, "has no telephone"),
    ("+81300000001", {}, "takes no SMS"),
    (phone(1), {"ended_at": "2020-02-02"}, "has ended"),
])
def test_a_link_that_cannot_be_sent_is_refused_with_a_reason_and_without_the_number(make_gateway, db, number, columns, reason):
    patient = db.patient(db.centre(), number, **columns)
    error = make_gateway().ctl("link", "send", patient, status=1)
    assert reason in error and (number is None or number not in error)
    assert db.one("SELECT count(*) FROM hersys.outbox") == 0


def test_an_unknown_patient_is_refused(make_gateway, db):
    assert "there is no patient 4711" in make_gateway().ctl("link", "send", 4711, status=1)


def test_a_stopped_number_gets_no_link(make_gateway, db):
    patient = db.patient(db.centre(), phone(1))
    db.sql("INSERT INTO hersys.suppression (channel, address, reason) VALUES ('sms', %s, 'stop')", phone(1))
    assert "has stopped messages" in make_gateway().ctl("link", "send", patient, status=1)


# ---- what carriers do to a message; the last digits of the number choose

def test_a_number_that_does_not_exist_ends_the_message_at_once(gateway, db):
    message = db.enqueue(phone(91))
    wait_for(lambda: db.state(message) == "dead")
    assert db.one("SELECT error FROM hersys.outbox_history WHERE id = %s", message) == "no_such_number"
    assert gateway.spooled() == []


def test_a_dead_message_can_be_sent_again_by_the_operator_and_one_that_arrived_cannot(gateway, db):
    dead, arrives = db.enqueue(phone(91)), db.enqueue(phone(1))
    wait_for(lambda: db.state(dead) == "dead" and db.state(arrives) == "delivered")
    assert "the message is delivered" in gateway.ctl("retry", arrives, status=1)
    assert "no message of this id" in gateway.ctl("retry", 99999999, status=1)
    assert gateway.ctl("retry", dead) == "queued\n"
    wait_for(lambda: db.state(dead) == "dead" and db.one("SELECT epoch FROM hersys.outbox_history WHERE id = %s", dead) == 2)
    actor, = db.sql("SELECT actor FROM hersys.audit WHERE action = 'retry'")[0]
    assert actor.startswith("os:")


def test_a_busy_carrier_is_asked_again_later(gateway, db):
    message = db.enqueue(phone(92))
    wait_for(lambda: db.sql("SELECT 1 FROM hersys.outbox WHERE id = %s AND state = 'retry' AND attempts = 1", message))
    wait = db.one("SELECT extract(epoch FROM not_before - now())::float FROM hersys.outbox WHERE id = %s", message)
    assert wait <= 5, "full jitter below 5 s after the first attempt"
    wait_for(lambda: db.state(message) == "delivered")


def test_a_throttled_link_pauses_and_the_message_loses_no_attempt(gateway, db):
    message = db.enqueue(phone(93))
    wait_for(lambda: gateway.events("link_paused"))
    wait_for(lambda: db.sql("SELECT 1 FROM hersys.outbox WHERE id = %s AND state = 'retry' AND attempts = 0", message))
    other = db.enqueue(phone(1))
    time.sleep(1)
    assert db.state(other) == "queued", "the link pauses for everybody"
    wait_for(lambda: db.state(message) == "delivered" and db.state(other) == "delivered")
    assert gateway.events("link_resumed")


def test_who_opted_out_at_the_carrier_gets_nothing_more_that_we_begin(gateway, db):
    patient = db.patient(db.centre(), phone(95))
    message = gateway.send_link(patient)
    wait_for(lambda: db.state(message) == "dead")
    assert db.sql("SELECT reason FROM hersys.suppression") == [("carrier_opt_out",)]
    assert "has stopped messages" in gateway.ctl("link", "send", patient, status=1)


def test_when_the_wire_breaks_after_the_submit_a_harmless_message_is_sent_again(gateway, db):
    message = db.enqueue(phone(96))
    wait_for(lambda: db.state(message) == "delivered")
    assert [m["message"] for m in gateway.spooled()] == [message, message]


def test_when_the_wire_breaks_after_the_submit_an_at_most_once_message_is_never_sent_again(make_gateway, db):
    message = db.enqueue(phone(96), at_most_once=True)
    gateway = make_gateway().start()
    wait_for(lambda: db.state(message) == "unknown")
    assert [m["message"] for m in gateway.spooled()] == [message]


def test_an_undelivered_message_says_so(gateway, db):
    message = db.enqueue(phone(94))
    wait_for(lambda: db.state(message) == "undelivered")


def test_a_message_without_a_receipt_stays_sent_for_three_days_and_then_is_sent_unconfirmed(make_gateway, db):
    gateway = make_gateway().start()
    message = db.enqueue(phone(97))
    wait_for(lambda: db.state(message) == "sent")
    db.sql("UPDATE hersys.outbox_history SET finished_at = now() - interval '73 hours'")
    gateway.stop()
    gateway.start()
    wait_for(lambda: db.state(message) == "sent_unconfirmed")


def test_a_receipt_that_overtakes_the_answer_to_its_submit_is_matched(make_gateway, db):
    gateway = make_gateway(sandbox__delay_milliseconds=1500, sandbox__receipt_milliseconds=0).start()
    message = db.enqueue(phone(1))
    wait_for(lambda: db.sql("SELECT 1 FROM hersys.message_part WHERE message_id IS NULL AND state = 'delivered'"), what="the early receipt")
    assert db.state(message) == "sending"
    wait_for(lambda: db.state(message) == "delivered")


def test_a_message_that_is_queued_while_the_daemon_looks_for_others_does_not_wait_for_the_poll(make_gateway, db):
    db.sql("INSERT INTO hersys.suppression (channel, address, reason) VALUES ('sms', %s, 'stop')", phone(3))
    gateway = make_gateway(delivery__poll_seconds=300).start()
    before = db.enqueue(phone(2))
    wait_for(lambda: db.state(before) == "delivered")
    blocker = db.postgres.connect(db.name)
    blocker.autocommit = False
    blocker.cursor().execute("LOCK TABLE hersys.suppression IN ACCESS EXCLUSIVE MODE")
    stopped = db.enqueue(phone(3), begun_by_us=True, priority=3)
    wait_for(lambda: db.sql("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%%outbox_claim%%' AND datname = %s", db.name),
             what="a claim that waits")
    urgent = db.enqueue(phone(4), priority=0)  # the claim has looked at this priority already
    time.sleep(0.5)
    blocker.rollback()
    blocker.close()
    wait_for(lambda: db.state(urgent) == "delivered")
    assert db.state(stopped) == "suppressed", "that claim found nothing to send"


def test_a_carrier_that_takes_longer_than_the_lease_still_gets_messages_and_no_message_twice(make_gateway, db):
    gateway = make_gateway(delivery__lease_seconds=5, sandbox__delay_milliseconds=6000).start()
    message = db.enqueue(phone(1))
    wait_for(lambda: db.state(message) in ("sent", "delivered"), 15)
    assert not gateway.events("claim_released")
    assert [m["message"] for m in gateway.spooled()] == [message]


# ---- time

def test_nothing_goes_out_before_its_time_or_after_it(make_gateway, db):
    early = db.enqueue(phone(1), not_before="2098-01-01", not_after="2099-01-01")
    late = db.enqueue(phone(2), not_before="2020-01-01", not_after="2020-01-02")
    now = db.enqueue(phone(3))
    gateway = make_gateway().start()
    wait_for(lambda: db.state(now) == "delivered")
    assert db.state(early) == "queued" and db.state(late) == "expired"
    assert {m["phone"] for m in gateway.spooled()} == {phone(3)}


def test_answers_overtake_reminders(make_gateway, db):
    for n in range(200):
        db.enqueue(phone(n % 90), kind="reminder", params='{"centre": "Mihon", "due": "08:30"}')
    answer = db.enqueue(phone(1), kind="report_urgent")
    db.sql("UPDATE hersys.outbox SET begun_by_us = false, kind = 'not_understood', params = '{\"centre\": \"M\", \"centre_phone\": \"1\"}' WHERE kind = 'reminder'")
    gateway = make_gateway(sandbox__window=10).start()
    wait_for(lambda: db.one("SELECT count(*) FROM hersys.outbox") == 0)
    assert gateway.spooled()[0]["message"] == answer


def test_asking_twice_with_one_key_sends_once(gateway, db):
    assert db.enqueue(phone(1), key="the same") is not None
    assert db.one("SELECT hersys.outbox_enqueue('not_understood', 'en', '{}', 'sms', %s, 'the same', NULL, NULL)", phone(1)) is None


def test_the_queue_shows_counts_by_state_and_the_age_of_the_oldest(make_gateway, db):
    gateway = make_gateway()
    assert "nothing waits" in gateway.ctl("queue")
    db.enqueue(phone(1), not_before="2020-01-01")
    assert re.search(r"^sms +queued +1 +\d+\.\dh$", gateway.ctl("queue"), re.M)
    gateway.start()
    wait_for(lambda: re.search(r"^sms +delivered +1 +-$", gateway.ctl("queue"), re.M))
