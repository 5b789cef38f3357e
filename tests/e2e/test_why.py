"""hersysctl why: a patient's story for the operator, in the order of time, and without anything personal."""
import json
import re
import subprocess

import pytest
from api_client import Api
from api_world import report
from conftest import BUILD, phone, wait_for

# What is planted, and must never be seen: names, numbers, addresses, texts, values.
NAMES = ["見本秘密", "例秘密"]
SECRETS = [*NAMES, phone(7)[1:], phone(7)[-9:], "secret@example.jp", "1980-01-01", "37.77", "38.88", "息切れ", "2222222", "3F2504E0"]


@pytest.fixture
def lived(gateway, db):
    """A patient around whom something of everything has happened."""
    centre = db.centre()
    patient = db.patient(centre, phone(7), family_name=NAMES[0], given_name=NAMES[1], email="secret@example.jp", input_id="2222222", passport_number="3F2504E0",
                         created_at="2020-01-01")
    gateway.ctl("link", "send", patient)
    assert gateway.bring(phone(7), "37.77 97 N") == 200
    assert gateway.bring(phone(7), "38.88 ???") == 200
    assert gateway.bring(phone(7), "息切れがする 37.77 88 Y") == 200
    report(db, centre, patient, temperature_c=37.77, note="息切れ")
    db.sql("INSERT INTO hersys.call_task (centre_id, patient_id, reason) VALUES (%s, %s, 'silent')", centre, patient)
    db.sql("INSERT INTO hersys.suppression (channel, address, reason) VALUES ('sms', %s, 'stop')", phone(7))
    # The link and three answers, as the carrier has them.
    wait_for(lambda: db.one("SELECT count(*) FROM hersys.message_part WHERE state = 'delivered'") == 4, what="the receipts")
    return patient


def lines(said):
    return [re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)  (\w+) +(\d*)((?: \w+=\S.*)?)", line).groups() for line in said.splitlines()]


def test_a_story_is_told_a_line_each_in_the_order_of_time(gateway, lived):
    told = lines(gateway.ctl("why", lived))
    assert [at for at, *_ in told] == sorted(at for at, *_ in told)
    words = {what for _, what, _, _ in told}
    assert words >= {"registered", "monitored_from", "monitored_until", "batch", "link", "message", "receipt", "received", "report", "alert", "call", "suppressed", "now"}
    assert any(what == "message" and "kind=registration_link" in detail and "state=delivered" in detail for _, what, _, detail in told)
    assert any(what == "received" and "outcome=report" in detail for _, what, _, detail in told)
    assert any(what == "now" and detail == " reach=held" for _, what, _, detail in told)


@pytest.mark.parametrize("words", [[], ["--json"]])
def test_a_story_holds_nothing_personal(gateway, lived, words):
    said = gateway.ctl("why", lived, *words)
    for secret in SECRETS:
        assert secret not in said
        assert secret.encode("unicode_escape").decode() not in said
    assert len(said.splitlines()) > 15


def test_a_story_as_json_says_the_same(gateway, lived):
    told = json.loads(gateway.ctl("why", lived, "--json"))
    assert all(set(event) <= {"at", "what", "id", "detail"} and isinstance(event["detail"], dict) for event in told)
    assert sorted(event["what"] for event in told) == sorted(what for _, what, _, _ in lines(gateway.ctl("why", lived)))


def test_who_asks_is_in_the_audit_trail(gateway, db, lived):
    gateway.ctl("why", lived)
    (actor, subject, number), = db.sql("SELECT actor, subject, subject_id FROM hersys.audit WHERE action = 'why'")
    assert actor.startswith("os:") and (subject, number) == ("patient", lived)


def test_a_reminder_that_was_not_sent_says_why(make_gateway, db):
    db.hold_clock("2026-02-01 06:30:00+09")
    centre = db.centre()
    db.slot(centre, "07:00", "08:30")
    stopped, prompt, silent = (db.patient(centre, number, created_at="2026-02-01 06:00+09") for number in (phone(1), phone(2), None))
    db.sql("INSERT INTO hersys.suppression (channel, address, reason) VALUES ('sms', %s, 'stop')", phone(1))
    gateway = make_gateway().start()
    assert gateway.bring(phone(2), "36.9 97 N") == 200
    db.hold_clock("2026-02-01 07:00:00+09")
    reminded = db.patient(centre, phone(3), created_at="2026-02-01 06:00+09")
    wait_for(lambda: any("08:30" in text for text in gateway.texts(phone(3))), what="the others' reminder")
    for patient, why in ((stopped, "stop"), (prompt, "reported"), (silent, "no_sms_no_email")):
        assert re.search(rf"^2026-01-31T22:00:00Z  no_reminder .* why={why}( |$)", gateway.ctl("why", patient), re.M)
    assert re.search(r"^2026-01-31T22:00:00Z  reminder ", gateway.ctl("why", reminded), re.M)


def test_a_message_that_failed_says_why_and_what_came_of_it(gateway, db):
    api = Api(gateway, gateway.token(db.centre(), "desk-1"))
    patient = api.new_patient(phone=phone(91), email="sample@example.jp")["id"]
    api.post("/v1/links", {"patients": [patient], "channel": "sms"}).good(202)
    wait_for(lambda: gateway.messages("sample@example.jp"), what="the mail")
    said = gateway.ctl("why", patient)
    assert re.search(r"  message .* error=no_such_number .*state=dead", said) and re.search(r"  call .* why=number_dead", said)
    assert re.search(r"  now .* reach=email", said) and "example.jp" not in said


def test_a_patient_who_is_not_there_has_no_story(gateway, db):
    assert gateway.ctl("why", 4711, status=1) == "hersysctl: there is no patient 4711\n"
    assert db.one("SELECT count(*) FROM hersys.audit") == 0


@pytest.mark.parametrize("words", [[], ["x"], ["0"], ["1", "--xml"], ["1", "--json", "2"]])
def test_a_wrong_command_line_is_told(make_gateway, words):
    done = subprocess.run([BUILD / "hersysctl", "-c", make_gateway().config, "why", *words], capture_output=True, text=True)
    assert done.returncode == 2 and "usage: hersysctl why" in done.stderr
