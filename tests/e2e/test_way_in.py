"""A message's way in: verified, read, stored with all that follows, and only then acknowledged."""
import socket
import threading

import pytest
from conftest import GATEWAY_NUMBER, phone, wait_for


def reports(db):
    return db.sql("SELECT patient_id, temperature_c::float, spo2, symptoms FROM hersys.status_report ORDER BY id")


def answers(gateway, number, count):
    return wait_for(lambda: len(gateway.texts(number)) >= count and gateway.texts(number), what="the answer")


def test_a_reply_becomes_a_report_and_is_echoed(gateway, db):
    patient = db.patient(db.centre(), phone(1))
    assert gateway.ctl("sandbox", "reply", phone(1), "36.9 97 N") == "stored\n"
    assert reports(db) == [(patient, 36.9, 97, False)]
    echo, = answers(gateway, phone(1), 1)
    assert "36.9" in echo and "97" in echo and "見本市保健所" in echo
    raw, outcome, kind = db.sql("SELECT raw, outcome, answer_kind FROM hersys.inbound")[0]
    assert (bytes(raw), outcome, kind) == (b"36.9 97 N", "report", "report_stored")


def test_the_answer_is_in_the_patients_language(gateway, db):
    centre = db.centre()
    said = {}
    for n, language in enumerate(("ja", "en", "zh-Hans", "zh-Hant", "ko", "es", "pt"), 1):
        db.patient(centre, phone(n), language=language)
        assert gateway.bring(phone(n), "36.9 97 N") == 200
        said[language], = answers(gateway, phone(n), 1)
    assert len(set(said.values())) == 7
    assert all("36.9" in text and "97" in text for text in said.values())


def test_the_acknowledgement_comes_after_the_commit(gateway, db):
    """While another transaction holds the telephone's row, the carrier waits."""
    db.patient(db.centre(), phone(1))
    blocker = db.postgres.connect(db.name)
    blocker.autocommit = False
    blocker.cursor().execute("SELECT FROM hersys.phone WHERE number = %s FOR UPDATE", (phone(1),))
    status = []
    carrier = threading.Thread(target=lambda: status.append(gateway.bring(phone(1), "36.9 97 N")))
    carrier.start()
    carrier.join(1)
    assert status == [] and reports(db) == []
    blocker.rollback()
    carrier.join(20)
    assert status == [200] and len(reports(db)) == 1
    blocker.close()


def test_a_message_that_is_brought_twice_is_stored_and_answered_once(gateway, db):
    db.patient(db.centre(), phone(1))
    assert [gateway.bring(phone(1), "36.9 97 N", "the-same") for _ in range(3)] == [200, 200, 200]
    assert len(reports(db)) == 1
    assert db.one("SELECT count(*) FROM hersys.inbound") == 1
    assert db.one("SELECT count(*) FROM hersys.outbox_dedupe") == 1


def test_a_message_that_arrives_twice_at_once_is_stored_once(gateway, db):
    db.patient(db.centre(), phone(1))
    statuses = []
    carriers = [threading.Thread(target=lambda: statuses.append(gateway.bring(phone(1), "36.9 97 N", "the-same"))) for _ in range(20)]
    for carrier in carriers:
        carrier.start()
    for carrier in carriers:
        carrier.join()
    assert statuses == [200] * 20
    assert len(reports(db)) == 1


def test_many_patients_at_once_each_get_their_own_report(gateway, db):
    centre = db.centre()
    patients = [db.patient(centre, phone(n)) for n in range(1, 41)]
    statuses = []
    carriers = [threading.Thread(target=lambda n=n: statuses.append(gateway.bring(phone(n), f"36.{n % 10} 9{n % 8 + 1} N")))
                for n in range(1, 41)]
    for carrier in carriers:
        carrier.start()
    for carrier in carriers:
        carrier.join()
    assert statuses == [200] * 40
    assert {(p, t, s) for p, t, s, _ in reports(db)} == {
        (patients[n - 1], float(f"36.{n % 10}"), 90 + n % 8 + 1) for n in range(1, 41)}


# ---- what must not become a report

@pytest.mark.parametrize("text, kind", [
    ("36.9 37 N", "ambiguous"), ("79.9 97 N", "out_of_range"), ("36.9 97", "incomplete"), ("hello there", "not_understood"),
    ("36.9 97 N cough", "ambiguous"), ("123 456", "not_understood"), ("", "not_understood"),
])
def test_what_is_no_report_is_asked_about_and_kept(gateway, db, text, kind):
    db.patient(db.centre(), phone(1))
    assert gateway.bring(phone(1), text) == 200
    assert reports(db) == []
    assert db.one("SELECT answer_kind FROM hersys.inbound") == kind
    answers(gateway, phone(1), 1)
    assert bytes(db.one("SELECT raw FROM hersys.inbound")) == text.encode()


@pytest.mark.parametrize("raw", [b"\xff\xfe36.9 97 N", b"36.9\x0097 N\x00", b"\x80" * 3000, b"36.9 97 N " * 300], ids=["not UTF-8", "NUL", "only continuation bytes", "too long"])
def test_bytes_that_are_no_text_are_kept_and_never_a_report(gateway, db, raw):
    db.patient(db.centre(), phone(1))
    assert gateway.bring(phone(1), raw) == 200
    assert bytes(db.one("SELECT raw FROM hersys.inbound")) == raw
    if raw != b"36.9\x0097 N\x00":  # a NUL separates the numbers (doc/reply-grammar.md, 5.16), so this one may be read
        assert reports(db) == []


def test_a_reply_with_any_bytes_can_be_looked_at_afterwards(gateway, db):
    db.patient(db.centre(), phone(1))
    gateway.ctl("sandbox", "reply", phone(1), text=b"36.9 97\x00N\xff")
    gateway.ctl("sandbox", "reply", phone(1), text=b"36.9 97\x00N")
    assert gateway.ctl("sandbox", "inbox", phone(1)).count("wrote") == 2
    gateway.stop()
    gateway.start()
    assert gateway.ctl("sandbox", "inbox", phone(1)).count("wrote") == 2
    assert not gateway.events("sandbox_spool_line_skipped")


def test_no_bytes_at_all_keep_a_message_from_being_taken_apart(gateway, db):
    """Whatever is written is read by the parser and stored with what it says; nothing is left to the operator."""
    import random
    dice = random.Random(20260201)
    db.patient(db.centre(), phone(1))
    pieces = [b"36.9", b"97", b" N", b"Y ", b"\x00", b"\xff", b"\xed\xa0\x80", b"\xef\xbf\xbf", "\u3000".encode(), b'"', b"\\", b"\\u0000", b"\n", b"\x01",
              "１".encode(), "症状".encode(), "😷".encode(), b"1 ", b"cough", b"'", b"\x7f", b"\xc2\x85", b"\xe2\x80\xa8"]
    for _ in range(300):
        assert gateway.bring(phone(1), b"".join(dice.choices(pieces, k=dice.randrange(1, 12)))) == 200
    assert db.one("SELECT count(*) FROM hersys.inbound WHERE outcome = 'failed'") == 0 and not gateway.events("inbound_failed")


def test_our_own_text_that_comes_back_is_no_report_and_gets_no_answer(gateway, db):
    patient = db.patient(db.centre(), phone(1))
    gateway.bring(phone(1), "36.9 97 N")
    echo, = answers(gateway, phone(1), 1)
    assert gateway.bring(phone(1), echo) == 200
    assert gateway.bring(phone(1), "Fwd: " + echo) == 200
    assert reports(db) == [(patient, 36.9, 97, False)]
    assert db.sql("SELECT outcome, answer_kind FROM hersys.inbound ORDER BY id OFFSET 1") == [("own_text", None)] * 2


# ---- who writes

def test_an_unknown_sender_is_answered_once_a_day_and_told_nothing_of_anybody(gateway, db):
    db.hold_clock("2026-02-01 09:00+09")
    db.centre()
    for _ in range(3):
        assert gateway.bring(phone(7), "36.9 97 N") == 200
    db.hold_clock("2026-02-02 09:01+09")
    assert gateway.bring(phone(7), "36.9 97 N") == 200
    assert reports(db) == []
    assert db.sql("SELECT answer_kind FROM hersys.inbound ORDER BY id") == [("unknown_sender",), (None,), (None,), ("unknown_sender",)]
    assert "見本市保健所" not in answers(gateway, phone(7), 1)[0]


@pytest.mark.parametrize("sender", ["MyBank", "10086", "0120-000-000", "+81300000000"])
def test_senders_that_are_no_mobile_telephone_are_stored_and_never_answered(gateway, db, sender):
    assert gateway.bring(sender, "36.9 97 N") == 200
    assert db.one("SELECT answer_kind FROM hersys.inbound") is None
    assert db.one("SELECT count(*) FROM hersys.outbox_dedupe") == 0


def test_after_the_monitoring_the_patient_is_told_so(gateway, db):
    db.patient(db.centre(), phone(1), monitoring_until="2020-02-01", ended_at="2020-02-02")
    assert gateway.bring(phone(1), "36.9 97 N") == 200
    assert reports(db) == [] and db.one("SELECT answer_kind FROM hersys.inbound") == "not_watched"


def test_a_family_says_whom_a_report_is_for_by_number_or_name(gateway, db):
    centre = db.centre()
    one = db.patient(centre, phone(1), given_name="花子")
    two = db.patient(centre, phone(1), given_name="太郎")
    assert gateway.bring(phone(1), "36.9 97 N") == 200
    assert reports(db) == []
    asked, = answers(gateway, phone(1), 1)
    assert "花子" in asked and "太郎" in asked
    assert gateway.bring(phone(1), "2 36.9 97 N") == 200
    assert gateway.bring(phone(1), "花子 37.0 96 N") == 200
    assert reports(db) == [(two, 36.9, 97, False), (one, 37.0, 96, False)]


def test_until_a_number_is_confirmed_it_is_told_no_names_and_its_reports_are_unconfirmed(gateway, db):
    centre = db.centre()
    for name in ("花子", "太郎"):
        db.patient(centre, phone(1), confirmed=False, given_name=name)
    gateway.bring(phone(1), "36.9 97 N")
    asked, = answers(gateway, phone(1), 1)
    assert "花子" not in asked and "太郎" not in asked
    gateway.bring(phone(1), "1 36.9 97 N")
    assert db.one("SELECT unconfirmed FROM hersys.status_report") is True


# ---- danger

def test_a_low_spo2_raises_one_alert_and_an_answer_that_says_what_to_do(gateway, db):
    patient = db.patient(db.centre(), phone(1))
    gateway.bring(phone(1), "37.5 91 Y", "once")
    gateway.bring(phone(1), "37.5 91 Y", "once")
    assert db.sql("SELECT patient_id, level, reasons FROM hersys.alert") == [(patient, "urgent", ["spo2_low"])]
    assert "119" in answers(gateway, phone(1), 1)[0]


def test_danger_in_a_message_that_is_no_report_raises_an_unconfirmed_alert(gateway, db):
    patient = db.patient(db.centre(), phone(1))
    gateway.bring(phone(1), "36.9 88 n cough")
    assert reports(db) == []
    assert db.sql("SELECT patient_id, reasons, unconfirmed FROM hersys.alert") == [(patient, ["spo2_low"], True)]
    assert "119" in answers(gateway, phone(1), 1)[0]


# ---- bad requests

FIELDS = {"id": "a", "from": phone(1), "to": GATEWAY_NUMBER, "text": "36.9 97 N"}


@pytest.mark.parametrize("fields", [
    {k: v for k, v in FIELDS.items() if k != missing} for missing in FIELDS
] + [b"id=a&id=b&from=1&to=2&text=x", b"id=%zz&from=1&to=2&text=x", b"id=&from=1&to=2&text=x", b"id=a%00&from=1&to=2&text=x",
     b"id=%ff&from=1&to=2&text=x", b"id=" + b"a" * 201 + b"&from=1&to=2&text=x", b"", b"&" * 100],
    ids=["no id", "no from", "no to", "no text", "id twice", "bad escape", "empty id", "NUL in id", "id no UTF-8", "id too long", "empty body",
         "too many fields"])
def test_a_malformed_webhook_is_refused_clearly_and_stores_nothing(gateway, db, fields):
    assert gateway.webhook("/webhooks/sandbox/message", fields) == 400
    assert db.one("SELECT count(*) FROM hersys.inbound") == 0
    assert gateway.events("webhook_malformed")


@pytest.mark.parametrize("signature", ["", "0" * 64, "g" * 64, "0" * 65, "x"])
def test_an_unsigned_or_wrongly_signed_webhook_is_refused(gateway, db, signature):
    assert gateway.webhook("/webhooks/sandbox/message", FIELDS, signature=signature) == 403
    assert gateway.webhook("/webhooks/sandbox/receipt", {"id": "a", "state": "delivered"}, signature=signature) == 403
    assert db.one("SELECT count(*) FROM hersys.inbound") == 0


def test_requests_that_fit_no_route_are_refused_with_the_right_status(gateway):
    assert gateway.request("GET", "/webhooks/sandbox/message")[0] == 405
    assert gateway.request("POST", "/nowhere")[0] == 404
    status, body, headers = gateway.request("POST", "/webhooks/sandbox/message", b"{}", {"Content-Type": "application/json"})
    assert status == 415 and headers["Content-Type"] == "application/problem+json" and b"form" in body


def test_a_receipt_of_an_unknown_state_is_refused(gateway, db):
    assert gateway.webhook("/webhooks/sandbox/receipt", {"id": "a", "state": "perhaps"}) == 400
    assert db.one("SELECT count(*) FROM hersys.message_part") == 0


def test_a_body_of_300_kib_is_refused_before_it_is_read_whole(gateway, db):
    status = None
    try:
        status = gateway.webhook("/webhooks/sandbox/message", {**FIELDS, "text": "x" * 300 * 1024})
    except (BrokenPipeError, ConnectionResetError):
        pass  # it may hang up while we still write
    assert status in (413, None)
    assert gateway.bring(phone(1), "hello") == 200, "and the gateway goes on"
    assert db.one("SELECT count(*) FROM hersys.inbound") == 1


def test_a_client_that_hangs_up_in_the_middle_harms_nobody(gateway, db):
    for cut in (b"POST /webhooks/san", b"POST /webhooks/sandbox/message HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nid=a"):
        with socket.create_connection(("127.0.0.1", gateway.port)) as client:
            client.sendall(cut)
    assert gateway.bring(phone(1), "hello") == 200
    assert db.one("SELECT count(*) FROM hersys.inbound") == 1
