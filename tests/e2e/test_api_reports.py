"""Reports read out by cursor, and who has not reported."""
import contextlib
import random
import threading
import time

import pytest
from api_client import Api
from api_world import report
from conftest import phone, wait_for


@pytest.fixture
def office(gateway, db):
    api = Api(gateway, None)
    api.centre = db.centre()
    api.token = gateway.token(api.centre)
    return api


@contextlib.contextmanager
def transaction(db):
    """A cursor whose transaction is committed at the end."""
    connection = db.postgres.connect(db.name)
    connection.autocommit = False
    try:
        yield connection.cursor()
        connection.commit()
    finally:
        connection.close()


def read_on(office, after):
    """All that is there behind a cursor, and the cursor behind it."""
    found, more = [], True
    while more:
        page = office.get(f"/v1/reports?after={after}&limit=3").good()
        found += page["reports"]
        after, more = page["next"], page["more"]
    return found, after


def test_a_patients_answer_is_read_out_with_what_was_understood(office, db):
    db.hold_clock("2026-02-03 08:00:00+09")
    patient = office.new_patient(phone=phone(1), phone_confirmed=True)["id"]
    other = office.new_patient(phone=phone(2))["id"]
    assert office.gateway.bring(phone(1), "36.9 97 N") == office.gateway.bring(phone(2), "38.25 93 Y") == 200
    first, second = office.get("/v1/reports").good()["reports"]
    assert {**first, "id": 0} == {"id": 0, "patient": patient, "reported_at": "2026-02-02T23:00:00.000Z", "source": "sms", "temperature_c": 36.9, "spo2": 97,
                                  "symptoms": False, "red_flag": False, "needs_review": False, "unconfirmed": False, "superseded_by": None, "withdrawn_at": None, "alert": None}
    assert second["alert"] == "urgent", "who reads reports need not know what is dangerous"
    assert second["patient"] == other and second["unconfirmed"] is True and second["symptoms"] is True and second["spo2"] == 93


def test_reports_are_read_on_from_where_one_has_stopped(office, db):
    patient = office.new_patient()["id"]
    assert office.get("/v1/reports").good() == {"reports": [], "next": "0-0", "more": False}
    ids = [report(db, office.centre, patient) for _ in range(7)]
    found, cursor = read_on(office, "0-0")
    assert [r["id"] for r in found] == ids
    assert office.get(f"/v1/reports?after={cursor}").good() == {"reports": [], "next": cursor, "more": False}
    new = report(db, office.centre, patient)
    assert [r["id"] for r in read_on(office, cursor)[0]] == [new]


def test_a_report_whose_writing_took_long_is_not_left_out(office, db):
    patient = office.new_patient()["id"]
    with transaction(db) as slow:
        late = report(db, office.centre, patient, slow)
        quick = report(db, office.centre, patient)
        found, cursor = read_on(office, "0-0")
        assert found == [], "what was written after the one that is not committed yet waits for it"
    found, _ = read_on(office, cursor)
    assert [r["id"] for r in found] == [late, quick]


def test_a_reader_beside_writers_of_every_speed_gets_each_report_once(office, db):
    patient = office.new_patient()["id"]
    written, found, cursor = [], [], "0-0"
    rng = random.Random(7)
    waits = [[rng.random() * 0.08 for _ in range(12)] for _ in range(6)]

    def write(pauses):
        for pause in pauses:
            with transaction(db) as cursor:
                written.append(report(db, office.centre, patient, cursor))
                time.sleep(pause)

    writers = [threading.Thread(target=write, args=(pauses,)) for pauses in waits]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        more, cursor = read_on(office, cursor)
        found += more
    for writer in writers:
        writer.join()
    wait_for(lambda: not db.sql("SELECT 1 FROM pg_stat_activity WHERE datname = %s AND backend_xid IS NOT NULL AND pid <> pg_backend_pid()", db.name))
    found += read_on(office, cursor)[0]
    assert sorted(r["id"] for r in found) == sorted(written) and len(written) == 72


def test_a_report_that_is_corrected_comes_again(office, db):
    patient = office.new_patient()["id"]
    old = report(db, office.centre, patient)
    _, cursor = read_on(office, "0-0")
    new = report(db, office.centre, patient, temperature_c=38.1)
    db.sql("UPDATE hersys.status_report SET superseded_by = %s WHERE id = %s", new, old)
    found, _ = read_on(office, cursor)
    assert [(r["id"], r["superseded_by"]) for r in found] == [(new, None), (old, new)]


def test_after_a_dump_was_restored_old_cursors_are_refused_and_all_reports_are_read(office, db):
    patient = office.new_patient()["id"]
    old = report(db, office.centre, patient, xact="900000000000")  # where that database had got to
    assert "begin again" in office.get(f"/v1/reports?after=900000000000-{old}").bad(400, "invalid-parameter")["detail"]
    new = report(db, office.centre, patient)
    _, cursor = read_on(office, "0-0")
    db.sql("SELECT hersys.housekeeping()")
    assert {r["id"] for r in read_on(office, "0-0")[0]} == {old, new}
    assert [r["id"] for r in read_on(office, cursor)[0] if r["id"] != new] == [old], "nor does who read meanwhile miss it"


def test_a_day_that_is_too_far_away_is_refused_by_name(office, db):
    slot = db.slot(office.centre, "08:00", "12:00")
    assert office.get(f"/v1/unreported?slot={slot}&day=1999-01-01").bad(400, "invalid-parameter")["parameter"] == "day"


@pytest.mark.parametrize("after", ["x", "1", "1-", "-1", "1-2-3", "1-x", "0x1-1", "-1-1", "1--1", "1 - 1", "9999999999999999999-1"])
def test_what_is_no_cursor_is_refused(office, after):
    from urllib.parse import quote
    assert office.get(f"/v1/reports?after={quote(after)}").bad(400, "invalid-parameter")["parameter"] == "after"


# ---- who has not reported

def monitored(office, **values):
    return office.new_patient(monitoring_from="2026-02-01", monitoring_until="2026-02-20", **values)["id"]


def test_who_has_not_reported_for_the_slot_that_it_is_now_is_told(office, db):
    db.hold_clock("2026-02-03 06:00:00+09")
    slot = db.slot(office.centre, "07:00", "08:30")
    silent, reported, ended = monitored(office, phone=phone(1), phone_confirmed=True), monitored(office, phone=phone(2)), monitored(office)
    report(db, office.centre, silent, reported_at="2026-02-02 08:00+09")  # for yesterday's slot
    report(db, office.centre, reported, reported_at="2026-02-03 05:00+09")
    office.patch(f"/v1/patients/{ended}", {"ended": True}).good()
    answer = office.get("/v1/unreported").good()
    assert answer["slot"] == {"id": slot, "remind_at": "07:00", "due_at": "08:30", "day": "2026-02-03", "since": "2026-02-01T23:30:00.000Z",
                              "until": "2026-02-02T23:30:00.000Z"}
    patient, = answer["patients"]
    assert (patient["id"], patient["phone_confirmed"], patient["last_report_at"], patient["reminder_state"]) == (silent, True, "2026-02-01T23:00:00.000Z", None)


def test_who_was_reminded_and_whether_it_arrived_stands_beside(office, db):
    db.hold_clock("2026-02-03 07:00:00+09")
    db.slot(office.centre, "07:00", "08:30")
    monitored(office, phone=phone(1))
    wait_for(lambda: office.get("/v1/unreported").good()["patients"][0]["reminder_state"] == "delivered", what="the reminder")
    assert office.get("/v1/unreported").good()["patients"][0]["reminded_at"] is not None
    assert office.gateway.bring(phone(1), "36.9 97 N") == 200
    assert office.get("/v1/unreported").good()["patients"] == []


def test_another_slot_and_another_day_can_be_asked_for(office, db):
    db.hold_clock("2026-02-03 10:00:00+09")
    morning, evening = db.slot(office.centre, "07:00", "08:30"), db.slot(office.centre, "15:00", "16:00")
    patient = monitored(office)
    report(db, office.centre, patient, reported_at="2026-02-02 08:00+09")
    assert office.get("/v1/unreported").good()["slot"]["id"] == evening
    assert [p["id"] for p in office.get(f"/v1/unreported?slot={morning}").good()["patients"]] == [patient]
    assert office.get(f"/v1/unreported?slot={morning}&day=2026-02-02").good()["patients"] == []
    assert office.get(f"/v1/unreported?slot={evening}&day=2026-02-02").good()["slot"]["day"] == "2026-02-02"
    assert office.get(f"/v1/unreported?slot={morning}&day=2026-01-31").good()["patients"] == [], "it had not begun"


def test_the_silent_ones_are_listed_in_pages_each_once(office, db):
    db.hold_clock("2026-02-03 10:00:00+09")
    db.slot(office.centre, "15:00", "16:00")
    ids = [monitored(office) for _ in range(5)]
    seen, after = [], 0
    while after is not None:
        page = office.get(f"/v1/unreported?limit=2&after={after}").good()
        seen += [patient["id"] for patient in page["patients"]]
        after = page["next"]
    assert seen == ids


@pytest.mark.parametrize("query, parameter", [("day=2026-02-03", "slot"), ("slot=1&day=2026-02-30", "day"), ("slot=0", "slot"), ("slot=1&day=today", "day")])
def test_a_day_or_slot_that_is_none_is_refused_by_name(office, query, parameter):
    assert office.get(f"/v1/unreported?{query}").bad(400, "invalid-parameter")["parameter"] == parameter


def test_a_day_that_is_years_away_is_refused_by_name(office, db):
    slot = db.slot(office.centre, "07:00", "08:30")
    assert office.get(f"/v1/unreported?slot={slot}&day=2149-12-31").bad(400, "invalid-parameter")["parameter"] == "day"


def test_without_slots_nobody_is_late(office, db):
    assert office.get("/v1/unreported").bad(409, "not-possible")["detail"] == "the centre has no slots"
