"""Patients by the API: what is taken in which form, what is corrected, and who may see it."""
import pytest
from api_client import Api
from conftest import phone, wait_for

PERSON = {"input_id": "1234567", "family_name": "見本", "given_name": "花子", "date_of_birth": "1980-01-31"}


@pytest.fixture
def office(gateway, db):
    """A centre's client, on a morning in February."""
    db.hold_clock("2026-02-03 09:00:00+09")
    api = Api(gateway, None)
    api.centre = db.centre()
    api.token = gateway.token(api.centre)
    return api


def test_a_patient_is_registered_with_what_has_to_be_there_and_the_rest_is_the_centres(office):
    answer = office.post("/v1/patients", PERSON)
    patient = answer.good(201)
    assert answer.headers["Location"] == f"/v1/patients/{patient['id']}"
    assert {key: value for key, value in patient.items() if value is not None} == {
        **PERSON, "id": patient["id"], "language": "ja", "phone_confirmed": False, "takes_sms": False, "monitoring_from": "2026-02-03",
        "monitoring_until": "2026-02-13", "created_at": "2026-02-03T00:00:00.000Z"}
    assert office.get(answer.headers["Location"]).good() == patient


def test_a_patient_is_kept_with_all_that_is_given(office):
    body = {**PERSON, "language": "zh-Hant", "phone": phone(1), "phone_confirmed": True, "email": "sample@example.jp", "onset_on": "2026-02-01",
            "diagnosed_on": "2026-02-02", "entered_japan_on": "2026-01-20", "passport_number": "XX0000000", "monitoring_from": "2026-02-04",
            "monitoring_until": "2026-02-20", "spo2_urgent": 88, "spo2_watch": 90, "temperature_watch": 38.3}
    patient = office.post("/v1/patients", body).good(201)
    assert {key: patient[key] for key in body} == body
    assert patient["member_number"] == 1 and patient["takes_sms"] is True


@pytest.mark.parametrize("field, typed, kept", [
    ("input_id", "１２３４５６", "123456"), ("phone", "０７０－００００－０００１", phone(1)), ("phone", "070 0000 0001", phone(1)), ("phone", "+81 (0)70-0000-0001", phone(1)),
    ("phone", "03-0000-0001", "+81300000001"), ("email", " Sample@Example.JP ", "sample@example.jp"), ("passport_number", "ｘｘ12345", "XX12345"),
    ("family_name", "　見本 ", "見本"), ("given_name", "Ana María", "Ana María"), ("given_name", "例" * 60, "例" * 60), ("given_name", "𠮷" * 60, "𠮷" * 60),
    ("date_of_birth", "2000-02-29", "2000-02-29"), ("date_of_birth", "1890-01-01", "1890-01-01"), ("onset_on", None, None),
])
def test_what_people_type_is_kept_in_one_form(office, field, typed, kept):
    assert office.post("/v1/patients", {**PERSON, field: typed}).good(201)[field] == kept


@pytest.mark.parametrize("field, value", [
    ("input_id", "12345"), ("input_id", "123456789"), ("input_id", 1234567), ("input_id", "12345６x"), ("input_id", ""), ("input_id", None),
    ("family_name", ""), ("family_name", " 　"), ("family_name", "例" * 61), ("family_name", None), ("given_name", ["花子"]), ("given_name", {"a": 1}),
    ("date_of_birth", "1900-02-29"), ("date_of_birth", "2026-2-3"), ("date_of_birth", "1980-13-01"), ("date_of_birth", "1980-00-10"), ("date_of_birth", "1980-04-31"),
    ("date_of_birth", "1889-12-31"), ("date_of_birth", "2026-02-04"), ("date_of_birth", "1980/01/31"), ("date_of_birth", "１９８０-01-31"), ("date_of_birth", 19800131),
    ("language", "JA"), ("language", "zh"), ("phone", "9000000000"), ("phone", "12345"), ("phone", "090-1234-567"), ("phone", "MIHON"), ("phone", 817000000001),
    ("phone", "+81" + "7" * 5000), ("email", "sample"), ("email", "a b@example.jp"), ("email", "例@example.jp"), ("email", "a" * 65 + "@example.jp"), ("email", True),
    ("phone_confirmed", "true"), ("phone_confirmed", 1), ("phone_confirmed", True), ("passport_number", "XX12345678"), ("passport_number", "XX-1234"), ("passport_number", ""),
    ("onset_on", "2026-02-04"), ("diagnosed_on", "2027-01-01"), ("entered_japan_on", "2026-02-30"), ("monitoring_until", "2026-02-02"),
    ("spo2_urgent", 49), ("spo2_urgent", 101), ("spo2_watch", 90.5), ("spo2_watch", "90"), ("spo2_watch", True), ("temperature_watch", 33.99),
    ("temperature_watch", 42.01), ("temperature_watch", "38.5"), ("monitoring_until", "2062-02-13"), ("monitoring_from", "2062-02-03"), ("ended", True), ("id", 7), ("centre_id", 1), ("member_number", 2),
])
def test_a_value_that_is_not_possible_is_refused_at_its_place(office, db, field, value):
    refused = office.post("/v1/patients", {**PERSON, field: value})
    refused.bad(422, "invalid-values")
    assert refused.json["pointer"] == f"/{field}" and refused.pointers == [f"/{field}"]
    assert db.one("SELECT count(*) FROM hersys.patient") == 0


def test_an_input_id_belongs_to_one_patient_who_is_named_to_the_own_centre(office):
    first = office.post("/v1/patients", PERSON).good(201)
    refused = office.post("/v1/patients", {**PERSON, "given_name": "太郎"}).bad(409, "already-taken")
    assert refused["pointer"] == "/input_id" and refused["detail"].endswith(f"patient {first['id']}")
    other = office.new_patient()
    assert office.patch(f"/v1/patients/{other['id']}", {"input_id": "1234567"}).bad(409, "already-taken")["pointer"] == "/input_id"


def test_a_telephone_serves_nine_and_not_ten(office):
    numbers = [office.new_patient(phone=phone(1))["member_number"] for _ in range(9)]
    assert numbers == list(range(1, 10))
    office.post("/v1/patients", {**PERSON, "phone": phone(1)}).bad(409, "not-possible")


# ---- corrections

def test_a_correction_changes_what_it_names_and_nothing_else(office):
    before = office.new_patient(phone=phone(1), phone_confirmed=True, email="sample@example.jp", onset_on="2026-02-01", passport_number="XX1")
    path = f"/v1/patients/{before['id']}"
    assert office.patch(path, {}).good() == before
    after = office.patch(path, {"family_name": "例", "passport_number": None, "monitoring_until": "2026-02-25"}).good()
    assert after == {**before, "family_name": "例", "passport_number": None, "monitoring_until": "2026-02-25"}
    assert office.get(path).good() == after


def test_null_removes_what_may_be_missing_and_no_more(office):
    before = office.new_patient(phone=phone(1), phone_confirmed=True, email="sample@example.jp", onset_on="2026-02-01", diagnosed_on="2026-02-01",
                                entered_japan_on="2026-01-01", passport_number="XX1")
    path = f"/v1/patients/{before['id']}"
    for field in ("input_id", "family_name", "given_name", "date_of_birth", "language", "phone_confirmed", "monitoring_from", "monitoring_until", "ended"):
        assert office.patch(path, {field: None}).bad(422, "invalid-values")["pointer"] == f"/{field}"
    removable = ("phone", "email", "onset_on", "diagnosed_on", "entered_japan_on", "passport_number")
    after = office.patch(path, {field: None for field in removable}).good()
    assert [after[field] for field in removable] == [None] * 6 and after["phone_confirmed"] is False and after["member_number"] is None


def test_a_new_number_is_not_confirmed_unless_the_same_correction_says_so(office):
    path = f"/v1/patients/{office.new_patient(phone=phone(1), phone_confirmed=True)['id']}"
    assert office.patch(path, {"phone": phone(1)}).good()["phone_confirmed"] is True
    assert office.patch(path, {"phone": phone(2)}).good()["phone_confirmed"] is False
    assert office.patch(path, {"phone": phone(3), "phone_confirmed": True}).good()["phone_confirmed"] is True
    assert office.patch(path, {"phone_confirmed": False}).good()["phone_confirmed"] is False


def test_a_link_that_is_open_for_the_old_number_is_ended_by_a_new_one(office):
    patient = office.new_patient(phone=phone(1))["id"]
    link = office.post("/v1/links", {"patients": [patient], "channel": "sms"}).good(202)["links"][0]["link"]
    assert office.get(f"/v1/links/{link}").good()["state"] == "open"
    office.patch(f"/v1/patients/{patient}", {"phone": phone(2)}).good()
    assert office.get(f"/v1/links/{link}").good()["state"] == "revoked"


def test_an_input_id_that_was_corrected_is_never_sent_as_it_was(office, db):
    db.sql("UPDATE hersys.centre SET links_per_second = 1")
    first, second = (office.new_patient(phone=phone(n))["id"] for n in (1, 2))
    batch = office.post("/v1/links", {"patients": [first, second], "channel": "sms"}).good(202)
    assert office.patch(f"/v1/patients/{second}", {"input_id": "7654321"}).good()["input_id"] == "7654321"
    assert office.get(f"/v1/links/{batch['links'][1]['link']}").good()["state"] == "revoked"
    db.hold_clock("2026-02-03 09:00:02+09")
    wait_for(lambda: db.state(batch["links"][1]["message"]) == "cancelled", what="the end of the message with the wrong ID")
    assert wait_for(lambda: office.gateway.texts(phone(1)), what="the other one's link") and office.gateway.texts(phone(2)) == []


def test_the_monitoring_is_ended_and_taken_up_again(office, db):
    path = f"/v1/patients/{office.new_patient(phone=phone(1))['id']}"
    assert office.patch(path, {"ended": True}).good()["ended_at"] == "2026-02-03T00:00:00.000Z"
    db.hold_clock("2026-02-03 10:00:00+09")
    assert office.patch(path, {"ended": True}).good()["ended_at"] == "2026-02-03T00:00:00.000Z", "it ended then"
    assert office.patch(path, {"ended": False}).good()["ended_at"] is None


def test_whoever_is_registered_with_a_number_is_reminded_and_can_report_without_a_link(office, db):
    db.slot(office.centre, "10:00", "12:00")
    patient = office.new_patient(phone=phone(1), phone_confirmed=True)["id"]
    db.hold_clock("2026-02-03 10:00:00+09")
    wait_for(lambda: office.gateway.texts(phone(1)), what="the reminder")
    assert office.gateway.bring(phone(1), "36.9 97 N") == 200
    wait_for(lambda: [r["patient"] for r in office.get("/v1/reports").good()["reports"]] == [patient], what="the report")


# ---- lists

def test_patients_are_listed_in_pages_each_once(office):
    ids = [office.new_patient()["id"] for _ in range(7)]
    seen, after, pages = [], 0, 0
    while after is not None:
        page = office.get(f"/v1/patients?after={after}&limit=3").good()
        seen += [patient["id"] for patient in page["patients"]]
        after, pages = page["next"], pages + 1
    assert seen == ids and pages == 3
    assert [patient["id"] for patient in office.get("/v1/patients").good()["patients"]] == ids


def test_a_page_that_is_just_full_is_the_last_one(office):
    ids = [office.new_patient()["id"] for _ in range(3)]
    assert office.get("/v1/patients?limit=3").good()["next"] is None
    assert office.get(f"/v1/patients?after={ids[-1]}").good() == {"patients": [], "next": None}


def test_every_look_at_a_patient_and_every_change_stands_in_the_audit_trail_with_the_actor(office, db):
    patient = office.new_patient()["id"]
    office.get(f"/v1/patients/{patient}").good()
    office.patch(f"/v1/patients/{patient}", {"ended": True}).good()
    rows = db.sql("SELECT action, actor, subject_id, centre_id FROM hersys.audit WHERE subject = 'patient' ORDER BY id")
    assert rows == [(action, "api:desk-1", patient, office.centre) for action in ("patient_create", "patient_get", "patient_change")]
