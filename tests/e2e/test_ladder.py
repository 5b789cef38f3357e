"""What happens because time passes: nudges, the call list, quiet hours, the end of monitoring."""
import time

import pytest
from api_client import Api
from api_world import report
from conftest import phone, wait_for


def let_it_tick(seconds=2.5):
    time.sleep(seconds)


def ward(db, *slots, **columns):
    centre = db.centre(**columns)
    for remind_at, due_at in slots:
        db.slot(centre, remind_at, due_at)
    return centre


def taken(*gateways):
    """Who got an SMS, in order, from any of the daemons."""
    return sorted(m["phone"] for gateway in gateways for m in gateway.spooled())


def at(db, when, seconds=2.5):
    """Lets the daemons tick at that time."""
    db.hold_clock(when)
    let_it_tick(seconds)


def settled(db):
    """Every message has left the outbox."""
    wait_for(lambda: db.one("SELECT count(*) FROM hersys.outbox WHERE not_before <= hersys.clock_now()") == 0, what="an empty outbox")


def listed(db):
    """The call list: patients and reasons."""
    return db.sql("SELECT patient_id, reason FROM hersys.call_task WHERE closed_at IS NULL ORDER BY 1, 2")


def kinds(db, number=None):
    """What was queued, and is sent or not, oldest first."""
    return [kind for kind, in db.sql(
        "SELECT kind FROM (SELECT id, kind, recipient FROM hersys.outbox UNION ALL SELECT id, kind, recipient FROM hersys.outbox_history) AS m "
        "WHERE %s IS NULL OR recipient = %s ORDER BY id", number, number)]


# ---- the ladder

def test_two_nudges_and_then_the_call_list_for_who_does_not_report(make_gateway, db):
    db.hold_clock("2026-02-01 06:00:00+09")
    centre = ward(db, ("07:00", "16:00"))
    silent = db.patient(centre, phone(1))
    for n in (2, 3):
        db.patient(centre, phone(n))
    gateway = make_gateway().start()
    db.hold_clock("2026-02-01 07:00:00+09")
    wait_for(lambda: taken(gateway) == [phone(1), phone(2), phone(3)])
    settled(db)
    db.hold_clock("2026-02-01 08:59:00+09")
    assert gateway.bring(phone(2), "36.9 97 N") == 200
    wait_for(lambda: len(gateway.texts(phone(2))) == 2)
    let_it_tick()
    assert len(gateway.texts(phone(1))) == 1
    db.hold_clock("2026-02-01 09:00:00+09")
    wait_for(lambda: len(gateway.texts(phone(1))) == 2 and len(gateway.texts(phone(3))) == 2)
    settled(db)
    assert gateway.bring(phone(3), "36.9 97 N") == 200
    at(db, "2026-02-01 12:59:59+09")
    assert len(gateway.texts(phone(1))) == 2
    db.hold_clock("2026-02-01 13:00:00+09")
    wait_for(lambda: len(gateway.texts(phone(1))) == 3)
    at(db, "2026-02-01 15:59:59+09")
    assert listed(db) == [] and len(gateway.texts(phone(1))) == 3
    db.hold_clock("2026-02-01 16:00:00+09")
    wait_for(lambda: listed(db) == [(silent, "silent")])
    assert len(gateway.texts(phone(2))) == 2 and len(gateway.texts(phone(3))) == 3, "reminder, nudge and echo"
    assert kinds(db, phone(1)) == ["reminder", "nudge", "nudge"]
    assert gateway.events("nudges_queued") and gateway.events("calls_raised")
    assert phone(1) not in gateway.log()


def test_a_family_is_nudged_once(make_gateway, db):
    db.hold_clock("2026-02-01 07:00:00+09")
    centre = ward(db, ("07:00", "16:00"))
    for name in ("花子", "太郎"):
        db.patient(centre, phone(1), given_name=name)
    gateway = make_gateway().start()
    wait_for(lambda: taken(gateway) == [phone(1)])
    settled(db)
    at(db, "2026-02-01 09:00:00+09")
    assert taken(gateway) == [phone(1), phone(1)]
    assert db.one("SELECT params -> 'members' FROM hersys.outbox_history WHERE kind = 'nudge'") == [
        {"number": "1", "name": "花子"}, {"number": "2", "name": "太郎"}]


def test_each_of_several_slots_has_its_own_ladder(make_gateway, db):
    db.hold_clock("2026-02-01 06:00:00+09")
    patient = db.patient(ward(db, ("07:00", "09:30"), ("14:00", "16:30")), phone(1))
    gateway = make_gateway().start()
    for n, when in enumerate(("07:00", "09:00", "14:00", "16:00"), 1):
        db.hold_clock(f"2026-02-01 {when}:00+09")
        wait_for(lambda n=n: len(gateway.texts(phone(1))) == n, what=when)
        settled(db)
    assert listed(db) == [(patient, "silent")], "since 9:30"
    at(db, "2026-02-01 16:30:00+09")
    assert listed(db) == [(patient, "silent")] and kinds(db) == ["reminder", "nudge"] * 2


def test_a_daemon_that_was_down_over_the_whole_slot_makes_the_call_list_and_reminds_nobody(make_gateway, db):
    db.hold_clock("2026-02-01 06:00:00+09")
    centre = ward(db, ("07:00", "08:30"))
    patient, fine = db.patient(centre, phone(1)), db.patient(centre, phone(2))
    gateway = make_gateway().start()
    gateway.kill()
    report(db, centre, fine, reported_at="2026-02-01 08:00+09")
    db.hold_clock("2026-02-02 05:00:00+09")
    gateway.start()
    wait_for(lambda: listed(db) == [(patient, "silent")])
    let_it_tick()
    assert listed(db) == [(patient, "silent")] and kinds(db) == []


def test_a_daemon_that_was_down_over_both_nudges_sends_them_apart(make_gateway, db):
    db.hold_clock("2026-02-01 07:00:00+09")
    db.patient(ward(db, ("07:00", "17:00")), phone(1))
    gateway = make_gateway().start()
    wait_for(lambda: taken(gateway) == [phone(1)])
    settled(db)
    gateway.stop()
    db.hold_clock("2026-02-01 14:00:00+09")
    gateway.start()
    wait_for(lambda: len(taken(gateway)) == 2)
    settled(db)
    at(db, "2026-02-01 15:59:59+09")
    assert len(taken(gateway)) == 2
    db.hold_clock("2026-02-01 16:00:00+09")
    wait_for(lambda: len(taken(gateway)) == 3)


def test_two_daemons_nudge_and_list_everybody_once(make_gateway, db):
    db.hold_clock("2026-02-01 07:00:00+09")
    centre = ward(db, ("07:00", "16:00"))
    numbers = [phone(n) for n in range(1, 81)]
    for number in numbers:
        db.patient(centre, number)
    gateways = [make_gateway(name).start() for name in ("one", "two")]
    for n, when in enumerate(("07:00", "09:00", "13:00"), 1):
        db.hold_clock(f"2026-02-01 {when}:00+09")
        wait_for(lambda n=n: len(taken(*gateways)) == 80 * n, what=when)
        settled(db)
        let_it_tick(1.5)
        assert taken(*gateways) == sorted(numbers * n)
    db.hold_clock("2026-02-01 16:00:00+09")
    wait_for(lambda: len(listed(db)) == 80)
    let_it_tick()
    assert db.one("SELECT count(*) FROM hersys.call_task") == 80


@pytest.mark.parametrize("day, offset", [("2026-03-29", "+01"), ("2026-10-25", "+00")])  # forward and back, at one o'clock UTC
def test_when_clocks_change_the_ladder_of_the_day_is_climbed_once(make_gateway, db, day, offset):
    db.hold_clock(f"{day} 00:00:00+00")
    patient = db.patient(ward(db, ("01:30", "03:30"), ("07:00", "12:00"), time_zone="Europe/London"), phone(1))
    make_gateway().start()
    for when in ("00:30", "01:00", "01:30", "02:00", "02:30", "03:00", "03:30", "06:00", "07:00", "08:00", "09:00", "11:00", "12:00"):
        db.hold_clock(f"{day} {when}:00+00")
        let_it_tick(1.3)
    settled(db)
    assert kinds(db) == ["reminder", "reminder", "nudge"]
    assert db.sql("SELECT goes_at FROM hersys.reminder WHERE slot_id = (SELECT max(id) FROM hersys.slot) AND step = 0") == \
        db.sql("SELECT %s::timestamptz", f"{day} 07:00{offset}")
    assert db.one("SELECT count(DISTINCT (slot_id, day)) FROM hersys.reminder") == 2
    assert db.sql("SELECT patient_id, reason FROM hersys.call_task") == [(patient, "silent")]


# ---- quiet hours

def test_at_night_a_reminder_waits_and_answers_do_not(make_gateway, db):
    db.hold_clock("2026-02-01 05:00:00+09")
    centre = ward(db, ("06:00", "17:00"), quiet_from="21:00", quiet_until="08:00")
    for n in (1, 2, 3):
        db.patient(centre, phone(n))
    gateway = make_gateway().start()
    db.hold_clock("2026-02-01 06:00:00+09")
    wait_for(lambda: db.one("SELECT count(*) FROM hersys.outbox WHERE kind = 'reminder'") == 3)
    assert gateway.bring(phone(1), "36.9 97 N") == 200
    assert gateway.bring(phone(2), "36.9 85 N") == 200
    wait_for(lambda: len(gateway.texts(phone(1))) == 1 and len(gateway.texts(phone(2))) == 1, what="the answers, the urgent one too")
    let_it_tick()
    assert taken(gateway) == [phone(1), phone(2)]
    db.hold_clock("2026-02-01 08:00:00+09")
    wait_for(lambda: taken(gateway) == [phone(1), phone(2), phone(3)])
    settled(db)
    assert taken(gateway) == [phone(1), phone(2), phone(3)], "who has reported meanwhile is not reminded"


def test_at_night_a_code_and_an_urgent_alert_are_sent_and_a_link_waits(make_gateway, db):
    db.hold_clock("2026-02-01 23:00:00+09")
    centre = ward(db, quiet_from="21:00", quiet_until="08:00")
    patient = db.patient(centre, phone(1))
    gateway = make_gateway().start()
    api = Api(gateway, gateway.token(centre))
    api.post("/v1/codes", {"channel": "sms", "address": phone(2), "language": "ja"}).good(202)
    wait_for(lambda: taken(gateway) == [phone(2)])
    message = gateway.send_link(patient)
    let_it_tick()
    assert taken(gateway) == [phone(2)] and db.state(message) == "queued"
    db.hold_clock("2026-02-02 08:00:00+09")
    wait_for(lambda: taken(gateway) == [phone(1), phone(2)])


def test_a_nudge_that_falls_into_the_night_is_a_call_at_that_moment(make_gateway, db):
    db.hold_clock("2026-02-01 19:30:00+09")
    patient = db.patient(ward(db, ("19:30", "23:30"), quiet_from="21:00", quiet_until="08:00"), phone(1))
    gateway = make_gateway().start()
    wait_for(lambda: taken(gateway) == [phone(1)])
    settled(db)
    at(db, "2026-02-01 21:29:59+09")
    assert listed(db) == []
    db.hold_clock("2026-02-01 21:30:00+09")
    wait_for(lambda: listed(db) == [(patient, "silent")])
    let_it_tick(1.5)
    assert taken(gateway) == [phone(1)]


# ---- out of reach

def test_whom_sms_does_not_reach_is_written_to_by_mail_and_called(make_gateway, db):
    db.hold_clock("2026-02-01 07:00:00+09")
    centre = ward(db, ("07:00", "16:00"))
    landline = db.patient(centre, "+81300000001", email="landline@example.jp", confirmed=False)
    nothing = db.patient(centre, None)
    stopped = db.patient(centre, phone(3), email="stopped@example.jp")
    db.sql("INSERT INTO hersys.suppression (channel, address, reason) VALUES ('sms', %s, 'stop')", phone(3))
    make_gateway().start()
    wait_for(lambda: listed(db) == [(landline, "no_sms"), (nothing, "no_sms")])
    let_it_tick(1.5)
    settled(db)
    assert db.sql("SELECT channel, recipient, kind, params ->> 'centre_phone' FROM hersys.outbox_history") == [
        ("email", "landline@example.jp", "reminder", "03-0000-0000")]
    db.hold_clock("2026-02-01 16:00:00+09")
    wait_for(lambda: (stopped, "silent") in listed(db))


# ---- the end

def three_well_days(db, centre, patient):
    for day in ("2026-02-08", "2026-02-09", "2026-02-10"):
        report(db, centre, patient, reported_at=f"{day} 09:00+09")


def test_monitoring_ends_the_morning_after_the_last_day_and_the_patient_is_told(make_gateway, db):
    db.hold_clock("2026-02-11 00:00:00+09")
    centre = ward(db, ("09:00", "16:00"), quiet_from="21:00", quiet_until="08:00")
    well, silent = (db.patient(centre, phone(n), monitoring_until="2026-02-10") for n in (1, 2))
    three_well_days(db, centre, well)
    gateway = make_gateway().start()
    at(db, "2026-02-11 07:59:59+09")
    assert taken(gateway) == [] and listed(db) == []
    db.hold_clock("2026-02-11 08:00:00+09")
    wait_for(lambda: taken(gateway) == [phone(1)])
    assert listed(db) == [(silent, "end_of_monitoring")]
    assert gateway.bring(phone(1), "36.9 97 N") == 200
    wait_for(lambda: db.one("SELECT answer_kind FROM hersys.inbound") == "not_watched")
    db.hold_clock("2026-02-11 09:00:00+09")
    wait_for(lambda: phone(2) in taken(gateway), what="the reminder of who is monitored on")
    settled(db)
    assert kinds(db, phone(1)) == ["monitoring_ended", "not_watched"]
    api = Api(gateway, gateway.token(centre))
    assert api.patch(f"/v1/patients/{silent}", {"ended": True}).good()["ended_at"] is not None
    assert listed(db) == []
    at(db, "2026-02-11 15:30:00+09")
    assert kinds(db, phone(2)) == ["reminder"], "the centre speaks with the patient"
    assert gateway.events("monitoring_ended")


def test_a_later_last_day_is_a_decision_as_well(make_gateway, db):
    db.hold_clock("2026-02-11 08:00:00+09")
    centre = ward(db, ("09:00", "16:00"))
    patient = db.patient(centre, phone(1), monitoring_until="2026-02-10", monitoring_from="2026-02-01")
    gateway = make_gateway().start()
    wait_for(lambda: listed(db) == [(patient, "end_of_monitoring")])
    api = Api(gateway, gateway.token(centre))
    calls = api.get("/v1/calls").good()["calls"]
    assert [(c["patient"], [r["reason"] for r in c["reasons"]], c["last_report_at"]) for c in calls] == [(patient, ["end_of_monitoring"], None)]
    api.patch(f"/v1/patients/{patient}", {"monitoring_until": "2026-02-14"}).good()
    let_it_tick()
    assert listed(db) == [] and api.get("/v1/calls").good() == {"calls": [], "next": None}
    db.hold_clock("2026-02-15 08:00:00+09")
    wait_for(lambda: (patient, "end_of_monitoring") in listed(db), what="another look the day after the new one")


def test_two_daemons_end_a_monitoring_once(make_gateway, db):
    db.hold_clock("2026-02-11 07:00:00+09")
    centre = ward(db)
    for n in range(1, 41):
        three_well_days(db, centre, db.patient(centre, phone(n), monitoring_until="2026-02-10"))
    gateways = [make_gateway(name).start() for name in ("one", "two")]
    db.hold_clock("2026-02-11 08:00:00+09")
    wait_for(lambda: len(taken(*gateways)) == 40)
    let_it_tick()
    assert taken(*gateways) == sorted(phone(n) for n in range(1, 41))


# ---- the list

def test_the_centre_reads_its_call_list_in_order_and_closes_what_is_done(make_gateway, db):
    db.hold_clock("2026-02-01 07:00:00+09")
    centre = ward(db, ("07:00", "08:30"))
    old, low = db.patient(centre, phone(1), date_of_birth="1930-01-01"), db.patient(centre, phone(2), date_of_birth="1990-01-01")
    report(db, centre, low, reported_at="2026-01-31 08:00+09", spo2=94)
    gateway = make_gateway().start()
    db.hold_clock("2026-02-01 08:30:00+09")
    wait_for(lambda: len(listed(db)) == 2)
    api = Api(gateway, gateway.token(centre))
    page = api.get("/v1/calls?limit=1").good()
    assert [c["patient"] for c in page["calls"]] == [low] and page["next"] == low
    page = api.get(f"/v1/calls?limit=1&after={low}").good()
    assert [c["patient"] for c in page["calls"]] == [old] and page["next"] is None
    call = page["calls"][0]["reasons"][0]
    closed = api.post(f"/v1/calls/{call['id']}/close").good()
    assert closed["closed_by"] == "api:desk-1" and closed["patient"] == old
    assert api.post(f"/v1/calls/{call['id']}/close").good() == closed
    assert [c["patient"] for c in api.get("/v1/calls").good()["calls"]] == [low]


def test_after_the_last_slot_of_the_day_the_centre_gets_one_mail_without_names(make_gateway, db):
    db.hold_clock("2026-02-01 06:00:00+09")
    centre = ward(db, ("07:00", "08:30"), ("15:00", "16:00"), email="centre@example.jp")
    db.patient(centre, phone(1), given_name="花子")
    make_gateway().start()
    at(db, "2026-02-01 08:30:00+09")
    assert "call_list" not in kinds(db)
    db.hold_clock("2026-02-01 16:00:00+09")
    wait_for(lambda: "call_list" in kinds(db))
    settled(db)
    let_it_tick(1.5)
    assert db.sql("SELECT recipient, params FROM hersys.outbox_history WHERE kind = 'call_list'") == [
        ("centre@example.jp", {"centre": "見本市保健所", "day": "2026-02-01", "count": "1"})]
