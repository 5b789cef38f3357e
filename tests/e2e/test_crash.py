"""A crash at any instant loses nothing that was acknowledged."""
import collections
import threading
import time

import pytest
from conftest import phone, wait_for


def enqueue_many(db, count):
    db.sql("SELECT hersys.outbox_enqueue('not_understood', 'en', '{\"centre\": \"Mihon\", \"centre_phone\": \"03-0000-0000\"}', 'sms', "
           "'+8170' || to_char(n, 'FM000000') || '10', 'crash:' || n, NULL, NULL) FROM generate_series(1, %s) AS n", count)
    db.sql("SELECT hersys.outbox_wake()")


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_killed_in_the_middle_of_1000_messages_each_arrives_and_duplicates_stay_within_what_was_in_flight(make_gateway, db, share):
    window = 32
    gateway = make_gateway(sandbox__window=window, sandbox__delay_milliseconds=20, delivery__lease_seconds=5).start()
    enqueue_many(db, 1000)
    wait_for(lambda: len(gateway.spooled()) >= 1000 * share, 60)
    gateway.kill()
    assert len(gateway.spooled()) < 1000, "it was killed in the middle"
    in_flight = db.one("SELECT count(*) FROM hersys.outbox WHERE state = 'sending'")
    assert in_flight <= window
    gateway.start()
    wait_for(lambda: db.one("SELECT count(*) FROM hersys.outbox") == 0, 60)
    arrived = collections.Counter(m["message"] for m in gateway.spooled())
    assert len(arrived) == 1000, "none is lost"
    assert sum(arrived.values()) - 1000 <= in_flight, "duplicates"
    wait_for(lambda: db.one("SELECT count(*) FROM hersys.outbox_history WHERE state = 'delivered'") == 1000, 60)


def test_killed_while_replies_come_in_every_acknowledged_one_is_stored_once(make_gateway, db):
    centre = db.centre()
    patients = {phone(n): db.patient(centre, phone(n)) for n in range(1, 31)}
    gateway = make_gateway().start()
    acknowledged, stop = [], threading.Event()

    def carrier(number):
        """Brings a message until it is acknowledged, as carriers do."""
        for round_ in range(6):
            provider_id = f"{number}-{round_}"
            while not stop.is_set():
                try:
                    if gateway.bring(number, f"36.{round_} 97 N", provider_id) == 200:
                        acknowledged.append((number, round_))
                        break
                except OSError:
                    pass
                time.sleep(0.05)

    carriers = [threading.Thread(target=carrier, args=(number,)) for number in patients]
    for thread in carriers:
        thread.start()
    for _ in range(3):
        time.sleep(0.25)
        gateway.kill()
        gateway.start()
    for thread in carriers:
        thread.join(60)
    stop.set()
    assert len(acknowledged) == 180
    stored = db.sql("SELECT patient_id, temperature_c::float, count(*) FROM hersys.status_report GROUP BY 1, 2")
    assert sorted((p, t, 1) for p, t, _ in stored) == sorted(stored), "each once"
    assert {(p, t) for p, t, _ in stored} == {(patients[n], float(f"36.{r}")) for n, r in acknowledged}
    assert db.one("SELECT count(*) FROM hersys.outbox_dedupe WHERE key LIKE 'answer:%%'") == 180, "one answer each"


def test_what_a_killed_daemon_had_on_the_wire_is_taken_up_after_its_lease_however_seldom_reminders_are_looked_for(make_gateway, db):
    options = {"delivery__lease_seconds": 8, "reminders__tick_seconds": 600}
    gateway = make_gateway(sandbox__window=1500, sandbox__delay_milliseconds=2000, **options).start()
    enqueue_many(db, 1500)
    wait_for(lambda: db.one("SELECT count(*) FROM hersys.outbox WHERE state = 'sending'") > 1000)
    gateway.kill()
    gateway.start()
    time.sleep(8)
    wait_for(lambda: db.one("SELECT count(*) FROM hersys.outbox WHERE lease_until < clock_timestamp()") == 0, 10)


def test_a_frozen_daemon_that_wakes_after_its_lease_finishes_nothing_of_the_others(make_gateway, db):
    import signal
    frozen = make_gateway("frozen", sandbox__delay_milliseconds=1000, delivery__lease_seconds=5).start()
    message = db.enqueue(phone(1))
    wait_for(lambda: db.state(message) == "sending")
    frozen.process.send_signal(signal.SIGSTOP)
    other = make_gateway("other", delivery__lease_seconds=5).start()
    wait_for(lambda: db.state(message) == "delivered", 30)
    epoch = db.one("SELECT epoch FROM hersys.outbox_history WHERE id = %s", message)
    assert epoch > 1
    frozen.process.send_signal(signal.SIGCONT)
    wait_for(lambda: frozen.events("finish_fenced"))
    assert db.state(message) == "delivered" and len(other.spooled()) == 1


def test_two_daemons_share_the_work_and_send_nothing_twice(make_gateway, db):
    gateways = [make_gateway(name, sandbox__window=8, sandbox__delay_milliseconds=10).start() for name in ("one", "two")]
    enqueue_many(db, 600)
    wait_for(lambda: db.one("SELECT count(*) FROM hersys.outbox") == 0, 60)
    shares = [[m["message"] for m in g.spooled()] for g in gateways]
    assert len(shares[0]) > 50 and len(shares[1]) > 50, "both worked"
    assert sorted(shares[0] + shares[1]) == sorted(set(shares[0] + shares[1])) and len(shares[0] + shares[1]) == 600
