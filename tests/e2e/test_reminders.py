"""Reminders: due by the centre's slots and time zone, once a patient, day and slot, and never when the report is in."""
import time

from conftest import phone, wait_for


def reminded(gateway, db):
    """Who has been reminded, in all."""
    return sorted(m["phone"] for m in gateway.spooled())


def let_it_tick(seconds=2.5):
    time.sleep(seconds)


def ward(db, *slots, **columns):
    centre = db.centre(**columns)
    for remind_at, due_at in slots or [("07:00", "08:30")]:
        db.slot(centre, remind_at, due_at)
    return centre


def test_the_reminder_goes_out_when_the_local_time_has_reached_the_slot(make_gateway, db):
    db.hold_clock("2026-02-01 06:59:59+09")
    db.patient(ward(db), phone(1))
    gateway = make_gateway().start()
    let_it_tick()
    assert reminded(gateway, db) == []
    db.hold_clock("2026-02-01 07:00:00+09")
    wait_for(lambda: reminded(gateway, db) == [phone(1)])
    text, = gateway.texts(phone(1))
    assert "見本市保健所" in text and "36.9" in text and "http" not in text


def test_each_centre_has_its_own_time(make_gateway, db):
    db.hold_clock("2026-02-01 07:00:00+09")  # 22:00 of the day before in London
    db.patient(ward(db, short_name="東京"), phone(1))
    db.patient(ward(db, short_name="London", time_zone="Europe/London"), phone(2))
    gateway = make_gateway().start()
    wait_for(lambda: reminded(gateway, db) == [phone(1)])
    db.hold_clock("2026-02-01 07:00:00+00")
    wait_for(lambda: reminded(gateway, db) == [phone(1), phone(2)])


def test_nobody_is_reminded_twice_for_a_slot_and_everybody_again_for_the_next(make_gateway, db):
    db.hold_clock("2026-02-01 07:10:00+09")
    db.patient(ward(db, ("07:00", "08:30"), ("15:00", "16:00")), phone(1))
    gateway = make_gateway().start()
    wait_for(lambda: reminded(gateway, db) == [phone(1)])
    for at in ("07:20", "08:00", "08:29"):
        db.hold_clock(f"2026-02-01 {at}:00+09")
        let_it_tick(1.5)
    assert reminded(gateway, db) == [phone(1)]
    db.hold_clock("2026-02-01 15:00:00+09")
    wait_for(lambda: len(reminded(gateway, db)) == 2)
    db.hold_clock("2026-02-02 07:00:00+09")
    wait_for(lambda: len(reminded(gateway, db)) == 3)


def test_who_has_reported_for_the_slot_is_not_reminded(make_gateway, db):
    centre = ward(db)
    for n in (1, 2):
        db.patient(centre, phone(n))
    db.hold_clock("2026-02-01 06:00:00+09")  # after yesterday's 08:30: it counts for today
    gateway = make_gateway().start()
    assert gateway.bring(phone(1), "36.9 97 N") == 200
    wait_for(lambda: len(gateway.texts(phone(1))) == 1)
    db.hold_clock("2026-02-01 07:00:00+09")
    wait_for(lambda: phone(2) in reminded(gateway, db))
    assert len(gateway.texts(phone(1))) == 1, "the echo, and no reminder"


def test_a_reminder_that_still_waits_is_cancelled_when_the_report_comes_in(make_gateway, db):
    number = phone(98)  # switched off: refused for now, again and again
    db.hold_clock("2026-02-01 07:00:00+09")
    db.patient(ward(db), number)
    gateway = make_gateway().start()
    reminder = wait_for(lambda: db.sql("SELECT id FROM hersys.outbox WHERE kind = 'reminder' AND state = 'retry'"))[0][0]
    assert gateway.bring(number, "36.9 97 N") == 200
    db.hold_clock("2026-02-01 07:20:00+09")
    wait_for(lambda: db.state(reminder) == "cancelled")


def test_a_reminder_is_not_sent_after_the_report_was_due(make_gateway, db):
    db.hold_clock("2026-02-01 07:00:00+09")
    db.patient(ward(db), phone(98))
    make_gateway().start()
    reminder = wait_for(lambda: db.sql("SELECT id FROM hersys.outbox WHERE kind = 'reminder' AND state = 'retry'"))[0][0]
    db.hold_clock("2026-02-01 08:30:00+09")
    wait_for(lambda: db.state(reminder) == "expired")


def test_a_family_gets_one_reminder_that_lists_its_members(make_gateway, db):
    db.hold_clock("2026-02-01 07:00:00+09")
    centre = ward(db)
    db.patient(centre, phone(1), given_name="花子")
    db.patient(centre, phone(1), given_name="太郎")
    gateway = make_gateway().start()
    wait_for(lambda: reminded(gateway, db))
    let_it_tick(1.5)
    text, = gateway.texts(phone(1))
    assert "1 花子" in text and "2 太郎" in text


def test_two_daemons_never_remind_twice(make_gateway, db):
    db.hold_clock("2026-02-01 07:00:00+09")
    centre = ward(db)
    for n in range(1, 81):
        db.patient(centre, phone(n))
    gateways = [make_gateway(name).start() for name in ("one", "two")]
    wait_for(lambda: sum(len(g.spooled()) for g in gateways) == 80)
    let_it_tick()
    assert sorted(m["phone"] for g in gateways for m in g.spooled()) == sorted(phone(n) for n in range(1, 81))


def test_a_daemon_that_was_down_at_the_slot_reminds_when_it_is_back(make_gateway, db):
    db.hold_clock("2026-02-01 06:00:00+09")
    db.patient(ward(db), phone(1))
    gateway = make_gateway().start()
    gateway.kill()
    db.hold_clock("2026-02-01 08:00:00+09")
    gateway.start()
    wait_for(lambda: reminded(gateway, db) == [phone(1)])
