"""The health of numbers: who is out of SMS' reach is called and mailed, and a list that has slipped by a row waits for a second person."""
import re

import pytest
from api_client import Api
from api_world import mint_link
from conftest import phone, wait_for


@pytest.fixture
def office(gateway, db):
    api = Api(gateway, None)
    api.centre = db.centre()
    api.token = gateway.token(api.centre, "desk-1")
    api.second = Api(gateway, gateway.token(api.centre, "desk-2"))
    return api


def send(office, *patients, channel="sms", **more):
    return office.post("/v1/links", {"patients": list(patients), "channel": channel}, **more)


def calls(db, patient):
    return [row[0] for row in db.sql("SELECT reason FROM hersys.call_task WHERE patient_id = %s AND closed_at IS NULL ORDER BY id", patient)]


def mails(gateway, address):
    return [m for m in gateway.messages(address) if m["direction"] == "out"]


# ---- numbers that SMS does not reach

def test_a_link_to_a_number_that_does_not_exist_is_mailed_and_the_patient_is_called(office, db):
    patient = office.new_patient(phone=phone(91), email="sample@example.jp")["id"]
    first = send(office, patient).good(202)["links"][0]["link"]
    mail, = wait_for(lambda: mails(office.gateway, "sample@example.jp"), what="the mail")
    assert calls(db, patient) == ["number_dead"]
    assert office.get(f"/v1/patients/{patient}").good()["takes_sms"] is False
    (link,), = db.sql("SELECT id FROM hersys.registration_link WHERE patient_id = %s AND channel = 'email'", patient)
    assert f"https://my-her-sys.example.jp/r/{link}-{mint_link(office.gateway, db, link)}" in mail["text"]
    assert office.get(f"/v1/links/{first}").good()["state"] == "revoked" and office.get(f"/v1/links/{link}").good()["state"] == "open"


def test_without_an_address_the_patient_is_called_all_the_same(office, db):
    patient = office.new_patient(phone=phone(91))["id"]
    send(office, patient).good(202)
    wait_for(lambda: calls(db, patient) == ["number_dead"], what="the call")
    assert db.one("SELECT count(*) FROM hersys.registration_link WHERE patient_id = %s", patient) == 1


def test_two_messages_in_a_row_that_are_not_delivered_make_a_call(office, db):
    patient = office.new_patient(phone=phone(94))["id"]
    first = send(office, patient).good(202)["links"][0]["link"]
    wait_for(lambda: office.get(f"/v1/links/{first}").good()["message"]["state"] == "undelivered", what="the first receipt")
    assert calls(db, patient) == [] and office.get(f"/v1/patients/{patient}").good()["takes_sms"] is True
    send(office, patient).good(202)
    wait_for(lambda: calls(db, patient) == ["undelivered"], what="the call")
    assert office.get(f"/v1/patients/{patient}").good()["takes_sms"] is False


def test_an_opt_out_at_the_carrier_is_called_and_mailed(office, db):
    patient = office.new_patient(phone=phone(95), email="sample@example.jp")["id"]
    send(office, patient).good(202)
    wait_for(lambda: mails(office.gateway, "sample@example.jp"), what="the mail")
    assert calls(db, patient) == ["carrier_opt_out"]
    assert "has stopped messages" in send(office, patient).good(202)["links"][0]["reason"]


def test_another_telephone_ends_the_calls_about_the_old_one(office, db):
    patient = office.new_patient(phone=phone(91))["id"]
    send(office, patient).good(202)
    wait_for(lambda: calls(db, patient) == ["number_dead"])
    changed = office.patch(f"/v1/patients/{patient}", {"phone": phone(1)}).good()
    assert changed["takes_sms"] is True and calls(db, patient) == []


def test_a_familys_reminder_falls_over_to_each_member_who_has_an_address(make_gateway, db):
    db.hold_clock("2026-02-01 07:00:00+09")
    centre = db.centre()
    db.slot(centre, "07:00", "08:30")
    number = phone(91)
    one, two, _ = (db.patient(centre, number, email=email) for email in ("one@example.jp", "two@example.jp", None))
    gateway = make_gateway().start()
    for patient, address in ((one, "one@example.jp"), (two, "two@example.jp")):
        mail, = wait_for(lambda address=address: mails(gateway, address), what="the mail")
        assert "08:30" in mail["text"] and "03-0000-0000" in mail["text"]
        assert db.sql("SELECT o.recipient FROM hersys.reminder r JOIN (SELECT id, recipient FROM hersys.outbox UNION SELECT id, recipient FROM hersys.outbox_history) o"
                      " ON o.id = r.message_id WHERE r.patient_id = %s AND r.step = 0", patient) == [(address,)]
    wait_for(lambda: db.one("SELECT count(*) FROM hersys.call_task WHERE reason = 'number_dead'") == 3, what="the calls")


def test_nothing_is_mailed_to_whom_nothing_is_to_be_sent(office, db):
    patient = office.new_patient(phone=phone(98), email="sample@example.jp")["id"]  # switched off: it waits
    send(office, patient).good(202)
    db.sql("INSERT INTO hersys.suppression (channel, address, reason) VALUES ('sms', %s, 'stop')", phone(98))
    db.sql("UPDATE hersys.outbox SET not_before = hersys.clock_now()")
    wait_for(lambda: db.one("SELECT count(*) FROM hersys.outbox_history WHERE state = 'suppressed'") == 1, what="its end")
    assert mails(office.gateway, "sample@example.jp") == []


# ---- batches that look wrong

def people(office, *names):
    return [office.new_patient(phone=phone(n), family_name=name) for n, name in enumerate(names, 1)]


def test_a_list_that_has_slipped_by_a_row_waits_for_a_second_person(office, db):
    rows = people(office, "見本", "試験", "例")
    slipped = [{"patient": row["id"], "phone": other["phone"]} for row, other in zip(rows, rows[1:] + rows[:1])]
    held = send(office, *slipped).good(202)
    assert (held["state"], held["held_for"]) == ("held", "shifted") and {link["state"] for link in held["links"]} == {"held"}
    assert db.one("SELECT count(*) FROM hersys.outbox") == 0
    path = f"/v1/batches/{held['id']}"
    said = office.gateway.ctl("batch", "list")
    assert re.search(rf"^{held['id']} .*\n +telephones or input IDs are those of other patients", said, re.M)
    office.post(f"{path}/release").bad(409, "not-possible")
    assert office.second.post(f"{path}/release").good()["state"] == "sent"
    wait_for(lambda: {m["phone"] for m in office.gateway.spooled()} == {row["phone"] for row in rows}, what="the links, by the register")


def test_a_list_that_says_what_the_register_says_is_sent(office):
    rows = people(office, "見本", "試験")
    batch = send(office, {"patient": rows[0]["id"], "phone": "０７０-0000-0001", "input_id": rows[0]["input_id"]}, rows[1]["id"]).good(202)
    assert batch["state"] == "sent"


def test_a_telephone_that_is_nobodys_refuses_its_patient_alone(office):
    rows = people(office, "見本", "試験")
    batch = send(office, {"patient": rows[0]["id"], "phone": phone(77)}, {"patient": rows[1]["id"], "phone": None}).good(202)
    assert [link["state"] for link in batch["links"]] == ["refused", "queued"]
    assert batch["links"][0]["reason"] == f"the telephone that was given for patient {rows[0]['id']} is not the one in the register"


def test_two_families_on_one_telephone_wait_and_one_family_does_not(office):
    family = [office.new_patient(phone=phone(5), family_name="家族")["id"] for _ in range(3)]
    assert send(office, *family).good(202)["state"] == "sent"
    couple = [office.new_patient(phone=phone(6), family_name=name)["id"] for name in ("見本", "別姓")]
    held = send(office, *couple).good(202)
    assert held["held_for"] == "repeated_phone"
    said = office.gateway.ctl("link", "send", *couple)
    assert re.fullmatch(r"batch (\d+) is held: patients of different family names have one telephone .* hersysctl batch release \1\n", said)


@pytest.mark.parametrize("item, pointer", [
    ({}, "/patients/0/patient"), ({"patient": 0}, "/patients/0/patient"), ({"patient": "1"}, "/patients/0/patient"), ({"patient": None}, "/patients/0/patient"),
    ({"patient": 1, "phone": "12"}, "/patients/0/phone"), ({"patient": 1, "phone": 7}, "/patients/0/phone"),
    ({"patient": 1, "input_id": "12345"}, "/patients/0/input_id"), ({"patient": 1, "name": "見本"}, "/patients/0/name"), ([1], "/patients/0"),
])
def test_an_item_of_the_list_that_is_none_is_refused_where_it_is_wrong(office, item, pointer):
    refused = send(office, item)
    refused.bad(422, "invalid-values")
    assert refused.pointers == [pointer]


def test_a_patient_stands_once_whatever_the_form(office):
    refused = send(office, 7, {"patient": 7})
    refused.bad(422, "invalid-values")
    assert refused.pointers == ["/patients/1"]


def test_the_operators_list_is_compared_with_the_register(office, db, tmp_path):
    rows = people(office, "見本", "試験")
    path = tmp_path / "list.csv"
    path.write_text(f"{rows[0]['id']},070-0000-0001,{rows[0]['input_id']}\r\n\n{rows[1]['id']},\n")
    assert re.fullmatch(r"(link \d+ queued as message \d+\n){2}", office.gateway.ctl("link", "send", "--list", path))
    slipped = f"{rows[0]['id']},{rows[1]['phone']}\n{rows[1]['id']},,{rows[1]['input_id']}\n"
    said = office.gateway.ctl("link", "send", "--list", "-", text=slipped)
    assert re.fullmatch(r"batch (\d+) is held: telephones or input IDs .* hersysctl batch release \1\n", said)
    for wrong in ("x\n", "0\n", "1,12\n", "1,,12345\n", "1,070-0000-0001,1234567,more\n"):
        told = office.gateway.ctl("link", "send", "--email", "--list", "-", text=wrong, status=1)
        assert "line 1 of the list" in told and "070" not in told
    assert "is empty" in office.gateway.ctl("link", "send", "--list", "-", text="", status=1)
    assert db.one("SELECT count(*) FROM hersys.send_batch") == 2


def test_links_that_are_asked_for_at_night_go_out_in_the_morning_and_live_from_then(office, db):
    db.sql("UPDATE hersys.centre SET quiet_from = '21:00', quiet_until = '08:00'")
    db.hold_clock("2026-02-03 23:00:00+09")
    link = send(office, *(row["id"] for row in people(office, "見本"))).good(202)["links"][0]["link"]
    assert office.get(f"/v1/links/{link}").good()["expires_at"] == "2026-02-06T23:00:00.000Z"
    assert office.gateway.spooled() == []
    db.hold_clock("2026-02-04 08:00:00+09")
    wait_for(lambda: office.gateway.texts(phone(1)), what="the link")
