"""What several sessions do at once: claims, receipts, messages that come in, phones that change.

Runs against the database of PGHOST, PGUSER and PGDATABASE (tests/schema/run makes it). A test that waits for a lock
shows it: `blocked()` looks at PostgreSQL itself and never guesses by sleeping.
"""
import json
import random
import time
import uuid

from sessions import SALT, Later, blocked, db, patient, phone, race, session  # noqa: F401 - db and session are fixtures

ROUNDS = 300


def queue(db, count=1, kind="report_stored"):
    return [db.one("SELECT hersys.outbox_enqueue(%s, 'ja', '{}', 'sms', '+817000000001', %s, NULL, NULL)", kind, str(uuid.uuid4()))
            for _ in range(count)]


def claim(db, limit=100, lease="60 s"):
    return [row[0] for row in db.all("SELECT id FROM hersys.outbox_claim(%s::uuid, 'sms', %s, %s::interval)",
                                     "00000000-0000-4000-8000-000000000001", limit, lease)]


def finish(db, ids, outcome="accepted", names=None):
    names = names or ["n%d-%s" % (i, uuid.uuid4()) for i in ids]
    n = len(ids)
    return db.all("SELECT id, state FROM hersys.outbox_finish('link', %s::bigint[], %s::int[], %s, %s, %s::text[])",
                  ids, [1] * n, [outcome] * n, names, [None] * n)


def receipt(db, *names, state="delivered"):
    return db.one("SELECT hersys.receipt_store('link', %s, %s, %s::text[])", list(names), [state] * len(names), [None] * len(names))


def state(db, message):
    return db.one("SELECT state::text FROM hersys.outbox_history WHERE id = %s", message) or db.one("SELECT state::text FROM hersys.outbox WHERE id = %s", message)


def message(sender, name=None, answerable=True):
    return {"link": "link", "provider_id": name or str(uuid.uuid4()), "sender": sender, "recipient": "+817099999999",
            "answerable": answerable, "raw": "36", "own_text": False,
            "parsed": {"outcome": "report", "reports": [{"temperature_c": 36.9, "spo2": 97, "symptoms": False}]}}


def receive(db, *messages):
    return db.all("SELECT inbound_id, stored, answer_kind FROM hersys.inbound_store(%s)", json.dumps(messages))


# ---------------------------------------------------------------------- the outbox


def test_two_daemons_never_claim_the_same_message_nor_wait_for_each_other(db, session):
    ids = queue(db, 10)
    first, second = session(), session()
    first.hold()
    got_first = claim(first, 6)
    got_second = claim(second, 6)
    first.commit()
    assert len(got_first) == 6 and len(got_second) == 4
    assert sorted(got_first + got_second) == ids


def test_claims_in_a_race_share_out_every_message_once(db, session):
    ids = queue(db, 200)

    def worker(each):
        got = []
        while batch := claim(each, 7):
            got += batch
        return got

    got = race(*[lambda each=session(): worker(each) for _ in range(4)])
    assert sorted(sum(got, [])) == ids


def test_asking_twice_at_once_makes_one_message(db, session):
    first, second = session(), session()
    ask = "SELECT hersys.outbox_enqueue('report_stored', 'ja', '{}', 'sms', '+817000000001', 'at-once', NULL, NULL)"
    first.hold()
    assert first.one(ask) is not None
    later = Later(lambda: second.one(ask))
    assert blocked(db, second)
    first.commit()
    assert later.join() is None
    assert db.one("SELECT count(*) FROM hersys.outbox") == 1


def test_a_lease_that_runs_out_while_its_worker_finishes_is_settled_once(db, session):
    (m,) = queue(db)
    worker, reaper = session(), session()
    claim(worker, lease="0 s")
    worker.hold()
    assert finish(worker, [m]) == [(m, "sent")]
    assert reaper.one("SELECT hersys.outbox_reap()") == 0
    worker.commit()
    assert reaper.one("SELECT hersys.outbox_reap()") == 0
    assert state(db, m) == "sent"


def test_a_worker_that_finishes_while_its_lease_is_settled_finishes_nothing(db, session):
    (m,) = queue(db)
    worker, reaper = session(), session()
    claim(worker, lease="0 s")
    reaper.hold()
    assert reaper.one("SELECT hersys.outbox_reap()") == 1
    later = Later(lambda: finish(worker, [m]))
    assert blocked(db, worker)
    reaper.commit()
    assert later.join() == []
    assert state(db, m) == "retry"


def test_finishing_renewing_and_releasing_in_any_order_never_lock_each_other_out(db, session):
    for _ in range(ROUNDS // 10):
        ids = queue(db, 12)
        a, b, c = session(), session(), session()
        claim(a)

        def shuffled():
            return random.sample(ids, len(ids))

        owner = "00000000-0000-4000-8000-000000000001"
        race(lambda: finish(a, shuffled(), "retry"),
             lambda: b.all("SELECT hersys.outbox_renew(%s::uuid, %s::bigint[], %s::int[], '60 s')", owner, shuffled(), [1] * 12),
             lambda: c.all("SELECT hersys.outbox_release(%s::uuid, %s::bigint[], %s::int[])", owner, shuffled(), [1] * 12))
        for each in (a, b, c):
            each.conn.close()
        db.all("DELETE FROM hersys.outbox")


def test_opt_outs_in_opposite_order_never_lock_each_other_out(db, session):
    a, b = session(), session()
    for _ in range(ROUNDS // 10):
        numbers = [phone() for _ in range(6)]
        ids = {}
        for worker, order in ((a, numbers), (b, numbers[::-1])):
            ids[worker] = [db.one("SELECT hersys.outbox_enqueue('report_stored', 'ja', '{}', 'sms', %s, %s, NULL, NULL)", n, str(uuid.uuid4())) for n in order]
            claim(worker)
        race(lambda: finish(a, ids[a], "opted_out"), lambda: finish(b, ids[b], "opted_out"))
        assert db.one("SELECT count(*) FROM hersys.suppression WHERE address = ANY (%s)", numbers) == 6


# ---------------------------------------------------------------------- receipts


def parts(db, names):
    (m,) = queue(db)
    claim(db)
    n = len(names)
    db.all("SELECT * FROM hersys.outbox_finish('link', %s::bigint[], %s::int[], %s, %s, %s::text[])", [m] * n, [1] * n, ["accepted"] * n, names, [None] * n)
    return m


def test_receipts_of_two_parts_at_once_make_the_message_delivered(db, session):
    one, two = str(uuid.uuid4()), str(uuid.uuid4())
    m = parts(db, [one, two])
    first, second = session(), session()
    first.hold()
    receipt(first, one)
    later = Later(lambda: receipt(second, two))
    assert blocked(db, second)
    first.commit()
    later.join()
    assert state(db, m) == "delivered"


def test_a_receipt_that_comes_while_the_submit_is_finished_is_not_lost(db, session):
    name = str(uuid.uuid4())
    (m,) = queue(db)
    claim(db)
    worker, carrier = session(), session()
    worker.hold()
    finish(worker, [m], names=[name])
    later = Later(lambda: receipt(carrier, name))
    assert blocked(db, carrier)
    worker.commit()
    assert later.join() == 1
    assert state(db, m) == "delivered"


def test_a_submit_that_is_finished_while_its_receipt_comes_finds_it(db, session):
    name = str(uuid.uuid4())
    (m,) = queue(db)
    claim(db)
    worker, carrier = session(), session()
    carrier.hold()
    assert receipt(carrier, name) == 0
    later = Later(lambda: finish(worker, [m], names=[name]))
    assert blocked(db, worker)
    carrier.commit()
    assert later.join() == [(m, "delivered")]


def test_receipts_in_opposite_order_and_a_retry_never_lock_each_other_out(db, session):
    a, b, c = session(), session(), session()
    for _ in range(ROUNDS // 10):
        names = [[str(uuid.uuid4()) for _ in range(2)] for _ in range(5)]
        ids = [parts(db, pair) for pair in names]
        receipt(db, *[pair[0] for pair in names], state="undelivered")
        race(lambda: receipt(a, *[pair[0] for pair in names]), lambda: receipt(b, *[pair[1] for pair in names[::-1]]),
             lambda: [c.one("SELECT hersys.outbox_retry(%s, 'tester')", m) for m in ids[::-1]])


# ---------------------------------------------------------------------- messages that come in


def test_messages_of_the_same_phones_in_opposite_order_never_lock_each_other_out(db, session):
    known = [phone() for _ in range(4)]
    patients = [patient(db, number) for number in known]
    names = iter(range(10_000_000))

    def daemon(each, backwards):
        for _ in range(ROUNDS):
            # Known phones, new ones, and senders without a phone; some messages come to both daemons.
            fresh = ["+8180%08d" % (next(names) // 2) for _ in range(2)]
            numbers = random.sample(known, 3) + fresh
            batch = [message(number) for number in sorted(numbers, reverse=backwards)]
            shared = [message("NOTICE", "shared-%d" % (next(names) // 7), answerable=False) for _ in range(4)]
            shared.sort(key=lambda m: m["provider_id"], reverse=backwards)
            rows = receive(each, *(batch + shared))
            assert len(rows) == len(batch) + len(shared)
        return True

    def centre(each):
        for _ in range(ROUNDS):
            which = random.randrange(4)
            each.all("SELECT * FROM hersys.link_send(%s, 1, %s::bytea, 'tester')", patients[which], SALT)
        return True

    def mover(each):
        spare = phone()
        for _ in range(ROUNDS // 2):
            which = random.randrange(4)
            each.all("UPDATE hersys.patient SET phone = %s WHERE id = %s", spare, patients[which])
            each.all("UPDATE hersys.patient SET phone = %s WHERE id = %s", known[which], patients[which])
        return True

    def sender(each):
        for _ in range(ROUNDS // 3):
            ids = claim(each, 20)
            if ids:
                each.all("SELECT hersys.outbox_finish('link', array_agg(id), array_agg(epoch), array_agg('accepted'::text), array_agg('s' || id), array_agg(NULL::text))"
                         " FROM hersys.outbox WHERE id = ANY (%s)", ids)
        return True

    works = [lambda: daemon(session_a, False), lambda: daemon(session_b, True), lambda: centre(session_c), lambda: mover(session_d), lambda: sender(session_e)]
    session_a, session_b, session_c, session_d, session_e = (session() for _ in range(5))
    assert race(*works) == [True] * 5
    stored = db.one("SELECT count(*) FROM hersys.inbound WHERE sender = ANY (%s)", known)
    assert stored == 2 * ROUNDS * 3
    assert db.one("SELECT bool_and(cardinality(members) = (SELECT count(*) FROM hersys.patient p WHERE p.phone = f.number)) FROM hersys.phone f")


def test_two_messages_of_one_phone_wait_for_each_other(db, session):
    number = phone()
    who = patient(db, number)
    first, second = session(), session()
    first.hold()
    receive(first, message(number))
    later = Later(lambda: receive(second, message(number)))
    assert blocked(db, second)
    first.commit()
    assert later.join()[0][2] == "report_stored"
    assert db.one("SELECT count(*) FROM hersys.status_report WHERE patient_id = %s", who) == 2


def test_a_stranger_who_writes_to_two_daemons_at_once_is_answered_once(db, session):
    number = phone()
    first, second = session(), session()
    first.hold()
    assert receive(first, message(number))[0][2] == "unknown_sender"
    later = Later(lambda: receive(second, message(number)))
    assert blocked(db, second)
    first.commit()
    assert later.join()[0][2] is None


def test_a_message_that_is_brought_to_two_daemons_at_once_is_stored_once(db, session):
    number, name = phone(), str(uuid.uuid4())
    who = patient(db, number)
    first, second = session(), session()
    first.hold()
    (row,) = receive(first, message(number, name))
    later = Later(lambda: receive(second, message(number, name)))
    assert blocked(db, second)
    first.commit()
    assert later.join() == [(row[0], False, None)]
    assert db.one("SELECT count(*) FROM hersys.status_report WHERE patient_id = %s", who) == 1


def test_a_broken_message_that_is_brought_twice_at_once_has_one_id(db, session):
    first, second = session(), session()
    keep = "SELECT hersys.inbound_store_raw('link', %s, 'x', 'y', '\\x00')"
    name = str(uuid.uuid4())
    first.hold()
    kept = first.one(keep, name)
    later = Later(lambda: second.one(keep, name))
    assert blocked(db, second)
    first.commit()
    assert later.join() == kept


def test_a_report_is_not_taken_for_who_is_given_the_phone_at_that_moment(db, session):
    number = phone()
    old = patient(db, number)
    first, second = session(), session()
    first.hold()
    first.all("UPDATE hersys.patient SET phone = NULL WHERE id = %s", old)
    later = Later(lambda: receive(second, message(number)))
    assert blocked(db, second)
    first.commit()
    assert later.join()[0][2] == "unknown_sender"
    assert db.one("SELECT count(*) FROM hersys.status_report WHERE patient_id = %s", old) == 0


def test_a_phone_can_change_while_a_report_is_coming_in_from_it(db, session):
    number = phone()
    who = patient(db, number)
    first, second = session(), session()
    first.hold()
    receive(first, message(number))
    later = Later(lambda: second.all("UPDATE hersys.patient SET phone = %s WHERE id = %s", phone(), who))
    assert blocked(db, second)
    receive(first, message(number))
    first.commit()
    later.join()
    assert db.one("SELECT count(*) FROM hersys.status_report WHERE patient_id = %s", who) == 2


# ---------------------------------------------------------------------- patients, links, reminders


def test_two_members_who_are_registered_at_once_get_different_numbers(db, session):
    number = phone()
    first, second = session(), session()
    first.centre = second.centre = db.centre
    first.hold()
    patient(first, number)
    later = Later(lambda: patient(second, number))
    assert blocked(db, second)
    first.commit()
    later.join()
    assert db.all("SELECT member_number FROM hersys.patient WHERE phone = %s ORDER BY 1", number) == [(1,), (2,)]


def test_two_patients_can_exchange_their_phones_at_once(db, session):
    a, b = session(), session()
    for _ in range(ROUNDS // 5):
        one, two = phone(), phone()
        first, second = patient(db, one), patient(db, two)
        change = "UPDATE hersys.patient SET phone = %s WHERE id = %s"
        race(lambda: a.all(change, two, first), lambda: b.all(change, one, second))


def test_two_links_that_are_sent_at_once_leave_one_open(db, session):
    who = patient(db, phone())
    first, second = session(), session()
    send = "SELECT link_id FROM hersys.link_send(%s, 1, %s::bytea, 'tester')"
    first.hold()
    old = first.one(send, who, SALT)
    later = Later(lambda: second.one(send, who, SALT))
    assert blocked(db, second)
    first.commit()
    new = later.join()
    assert db.all("SELECT id FROM hersys.registration_link WHERE patient_id = %s AND revoked_at IS NULL", who) == [(new,)]
    assert new != old


def test_a_link_is_sent_to_the_phone_that_a_change_under_way_gives(db, session):
    who, new = patient(db, phone()), phone()
    first, second = session(), session()
    first.hold()
    first.all("UPDATE hersys.patient SET phone = %s WHERE id = %s", new, who)
    later = Later(lambda: second.one("SELECT message_id FROM hersys.link_send(%s, 1, %s::bytea, 'tester')", who, SALT))
    assert blocked(db, second)
    first.commit()
    assert db.one("SELECT recipient FROM hersys.outbox WHERE id = %s", later.join()) == new


def test_daemons_that_remind_at_once_remind_everybody_once(db, session):
    db.all("SELECT hersys.clock_hold((current_date || ' 07:30+09')::timestamptz)")
    slots = [db.one("INSERT INTO hersys.slot (centre_id, remind_at, due_at) VALUES (%s, '07:00', %s) RETURNING id", db.centre, due) for due in ("08:30", "09:00", "09:30")]
    patients = [patient(db, phone()) for _ in range(60)]

    def daemon(each):
        queued = idle = 0
        while idle < 3:
            n = each.one("SELECT hersys.remind_due(7)")
            queued += n or 0
            idle = idle + 1 if n is None else 0
        return queued

    queued = race(*[lambda each=session(): daemon(each) for _ in range(3)])
    db.all("SELECT hersys.clock_hold(NULL)")
    assert sum(queued) == len(patients) * len(slots)
    assert db.one("SELECT count(*) FROM hersys.reminder WHERE patient_id = ANY (%s)", patients) == len(patients) * len(slots)


# ---------------------------------------------------------------------- partitions


def test_a_new_partition_does_not_wait_for_a_long_transaction(db, session):
    db.all("SELECT hersys.history_prepare(3)")
    reader, daemon = session(), session()
    reader.hold()
    reader.all("SELECT count(*) FROM hersys.outbox_history")
    begun = time.monotonic()
    assert daemon.one("SELECT hersys.history_prepare(4)") == 0
    assert time.monotonic() - begun < 5
    reader.commit()
    assert daemon.one("SELECT hersys.history_prepare(4)") == 1


def test_daemons_that_start_at_once_make_each_partition_once(db, session):
    made = race(*[lambda each=session(): each.one("SELECT hersys.history_prepare(9)") for _ in range(4)])
    assert sum(made) <= 5
    assert db.one("SELECT hersys.history_prepare(9)") + sum(made) == 5
