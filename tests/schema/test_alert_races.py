"""Alerts when several sessions are at them: nobody is told twice, and nobody who looks waits."""
import pytest
from sessions import db, session  # noqa: F401


@pytest.fixture
def centre(db):  # noqa: F811
    """One that may be written to at any hour, with two contacts."""
    db.all("UPDATE hersys.alert SET closed_at = now(), closed_by = 'test' WHERE closed_at IS NULL")
    db.all("UPDATE hersys.centre SET quiet_from = '00:00', quiet_until = '00:00' WHERE id = %s", db.centre)
    for place in (1, 2):
        db.all("INSERT INTO hersys.contact (centre_id, place, email) VALUES (%s, %s, %s)", db.centre, place, f"staff{place}@example.jp")
    return db.centre


def alert(db, centre, level):  # noqa: F811
    """One of three hours ago; its id."""
    message = db.one("INSERT INTO hersys.inbound (link, provider_id, sender, recipient, outcome) "
                     "VALUES ('link', gen_random_uuid()::text, '+817000000001', '', 'unrecognised') RETURNING id")
    reason = "spo2_low" if level == "urgent" else "spo2_watch"
    made = db.one("SELECT hersys.alert_raise(%s, NULL, NULL, %s, %s, ARRAY[%s], true)", centre, message, level, reason)
    db.all("UPDATE hersys.alert SET raised_at = now() - interval '3 hours', told_at = told_at - interval '3 hours' WHERE id = %s", made)
    return made


ESCALATE = "SELECT centre_id, told FROM hersys.alerts_escalate(100)"
DIGEST = "SELECT centre_id, told FROM hersys.alerts_digest()"


@pytest.mark.parametrize("level, tell", [("urgent", ESCALATE), ("watch", DIGEST)])
def test_two_daemons_tell_once(session, db, centre, level, tell):  # noqa: F811
    alert(db, centre, level)
    first, second = session(), session()
    first.hold()
    assert first.all(tell) == [(centre, 1)]
    assert second.all(tell) == [], "what another daemon is about to tell is left to it, without waiting"
    first.commit()
    assert second.all(tell) == []


def test_an_alert_that_somebody_is_just_marking_as_seen_is_not_told(session, db, centre):  # noqa: F811
    marked, other = alert(db, centre, "urgent"), alert(db, centre, "urgent")
    nurse, daemon = session(), session()
    nurse.hold()
    nurse.all("UPDATE hersys.alert SET seen_at = now(), seen_by = 'api:nurse' WHERE id = %s", marked)
    assert daemon.all(ESCALATE) == [(centre, 1)], "the other one is, and the daemon does not wait"
    nurse.commit()
    assert daemon.all(ESCALATE) == []
    assert db.all("SELECT id, told_times FROM hersys.alert WHERE id IN (%s, %s) ORDER BY id", marked, other) == [(marked, 1), (other, 2)]


def test_a_daemon_that_dies_while_it_tells_leaves_it_to_the_next(session, db, centre):  # noqa: F811
    alert(db, centre, "urgent"), alert(db, centre, "watch")
    dying, next_one = session(), session()
    dying.hold()
    assert dying.all(ESCALATE) == dying.all(DIGEST) == [(centre, 1)]
    dying.conn.close()
    assert next_one.all(ESCALATE) == next_one.all(DIGEST) == [(centre, 1)]
