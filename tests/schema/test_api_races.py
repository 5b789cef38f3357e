"""What several callers of the health centres' interface do at once: codes, batches, keys, tokens, reports read out.

As test_concurrency.py: a test that waits for a lock shows it.
"""
import json
import random
import uuid

import psycopg2

from sessions import SALT, Later, blocked, counter, db, patient, phone, race, session  # noqa: F401 - db and session are fixtures

ROUNDS = 20
SCOPES = "{patients,links,codes,reports,alerts,release}"


def token(db, actor="sato", centre=None):
    kid = "race%012d" % next(counter)
    db.all("SELECT hersys.token_create(%s, sha256(%s::text::bytea), %s, %s, %s, 90, 'os:tester')", kid, kid, centre or db.centre, actor, SCOPES)
    return kid


def ask(each, kid, scope, function, *args, key=None, body="body"):
    """The answer as a dictionary; the SQLSTATE where it was refused."""
    places = "".join(", " + kind for kind in [a[0] for a in args])
    try:
        rows = each.all(
            "SELECT to_jsonb(r)::text FROM hersys.%s(ROW(%%s, sha256(%%s::text::bytea), %%s, %%s, sha256(%%s::text::bytea))::hersys.caller%s) AS r"
            % (function, places), kid, kid, scope, key, body, *[a[1] for a in args])
    except psycopg2.Error as error:
        return error.pgcode
    answer = json.loads(rows[0][0])
    return {**answer, **(answer.pop("body", None) or {})}


def big(value):
    return ("%s::bigint", value)


def words(value):
    return ("%s::text", value)


def get(each, kid, patient_id):
    return ask(each, kid, "patients", "v1_patient_get", big(patient_id))


def create(each, kid, input_id, key=None):
    return ask(each, kid, "patients", "v1_patient_create", ("%s::jsonb", json.dumps(
        {"input_id": input_id, "family_name": "試験", "given_name": "例", "date_of_birth": "1980-01-01"})), key=key, body=input_id)


def send(each, kid, patients, key=None):
    return ask(each, kid, "links", "v1_links_send", ("%s::bigint[]", patients), words("sms"), ("%s::int", 1),
               ("array_fill(%s::bytea, ARRAY[%%s])" % ("'%s'" % SALT), len(patients)), key=key)


def batch(each, kid, act, batch_id):
    return ask(each, kid, "release" if act == "release" else "links", "v1_batch_" + act, big(batch_id))


def code(each, kid, address, client=None, name=None):
    return ask(each, kid, "codes", "v1_code_request", words("email"), words(address), words(None), ("%s::int", 6), ("%s::int", 1),
               ("%s::bytea", SALT), ("sha256(%s::text::bytea)", name or address), ("sha256(%s::text::bytea)", client))


def code_act(each, kid, act, code_id):
    return ask(each, kid, "codes", "v1_code_" + act, big(code_id))


def address():
    return "a%d@example.jp" % next(counter)


def count(db, name, ago, times=1):
    """As if so many codes had been asked for under a name, so long ago."""
    db.all("INSERT INTO hersys.code_counter (name, at) SELECT sha256(%s::text::bytea), hersys.clock_now() - %s::interval FROM generate_series(1, %s)",
           name, ago, times)


def sorted_out(answers):
    """How many were answered, and the refusals of the others."""
    return sum(isinstance(a, dict) for a in answers), sorted({a for a in answers if isinstance(a, str)})


def input_id():
    return "%08d" % next(counter)


# ---------------------------------------------------------------------- codes


def test_two_who_verify_a_code_at_once_verify_it_once(db, session):
    kid, first, second = token(db), session(), session()
    asked = code(db, kid, address())
    assert code_act(first, kid, "try", asked["id"])["attempts_left"] == 4
    assert code_act(second, kid, "try", asked["id"])["attempts_left"] == 3
    first.hold()
    assert code_act(first, kid, "consume", asked["id"])["verified"]
    later = Later(lambda: code_act(second, kid, "consume", asked["id"]))
    assert blocked(db, second)
    first.commit()
    assert later.join() == "HS004"


def test_a_code_that_is_replaced_while_it_is_verified_is_one_or_the_other(db, session):
    kid, first, second = token(db), session(), session()
    for _ in range(ROUNDS):
        to = address()
        asked = code(db, kid, to)
        code_act(db, kid, "try", asked["id"])
        verified, replaced = race(lambda: code_act(first, kid, "consume", asked["id"]), lambda: code(second, kid, to, name=str(uuid.uuid4())))
        assert isinstance(replaced, dict)
        assert code_act(db, kid, "get", asked["id"])["state"] == ("ended" if verified == "HS004" else "verified")


def test_a_code_is_tried_five_times_however_many_try_at_once(db, session):
    kid, many = token(db), [session() for _ in range(8)]
    for _ in range(ROUNDS):
        asked = code(db, kid, address())
        got = race(*[lambda each=each: code_act(each, kid, "try", asked["id"]) for each in many])
        assert sorted_out(got) == (5, ["HS004"])
        assert sorted(a["attempts_left"] for a in got if isinstance(a, dict)) == [0, 1, 2, 3, 4]
        assert code_act(db, kid, "get", asked["id"])["state"] == "locked"


def test_requests_for_one_address_at_once_do_not_pass_its_limit(db, session):
    kid, many = token(db), [session() for _ in range(6)]
    other = token(db, centre=db.one("INSERT INTO hersys.centre (name, short_name, phone) VALUES ('西保健所', '西', '119') RETURNING id"))
    for _ in range(ROUNDS):
        to = address()
        count(db, to, "2 minutes", 4)
        got = race(*[lambda i=i, each=each: code(each, (kid, other)[i % 2], to) for i, each in enumerate(many)])
        assert sorted_out(got) == (1, ["HS007"])


def test_requests_of_one_client_at_once_do_not_pass_its_limit(db, session):
    kid, many = token(db), [session() for _ in range(6)]
    for _ in range(ROUNDS):
        client = str(uuid.uuid4())
        count(db, client, "2 minutes", 58)
        got = race(*[lambda each=each: code(each, kid, address(), client) for each in many])
        assert sorted_out(got) == (2, ["HS007"])


def test_names_that_are_counted_crosswise_never_lock_each_other_out(db, session):
    kid, one, two = token(db), address(), address()

    def work(each, mine, other):
        return [code(each, kid, mine, client=other) for _ in range(150)]

    got = race(*[lambda each=session(), names=names: work(each, *names) for names in [(one, two), (two, one)] * 2])
    assert sorted_out(sum(got, [])) == (1, ["HS007"])


def test_two_codes_for_one_address_under_different_names_leave_one_open(db, session):
    # As when the key of the names is changed, on one daemon before the other.
    kid, first, second = token(db), session(), session()
    for _ in range(ROUNDS):
        to = address()
        got = race(lambda: code(first, kid, to, name="old " + to), lambda: code(second, kid, to, name="new " + to))
        assert sorted_out(got) == (2, [])
        assert sorted(code_act(db, kid, "get", a["id"])["state"] for a in got) == ["ended", "open"]


# ---------------------------------------------------------------------- batches


def test_two_batches_at_once_do_not_pass_the_cap(db, session):
    kids, many = [token(db), token(db, "suzuki")], [session(), session()]
    db.all("UPDATE hersys.centre SET daily_cap = 5 WHERE id = %s", db.centre)
    for again in range(ROUNDS):
        # The first links that a centre ever sends, and those after.
        db.all("UPDATE hersys.send_pace SET sent = 0" if again % 2 else "DELETE FROM hersys.send_pace")
        threes = [[patient(db, phone()) for _ in range(3)] for _ in many]
        got = race(*[lambda kid=kid, each=each, three=three: send(each, kid, three) for kid, each, three in zip(kids, many, threes)])
        assert sorted(b["state"] for b in got) == ["held", "sent"]
        assert db.one("SELECT count(*) FROM hersys.registration_link WHERE patient_id = ANY (%s)", threes[0] + threes[1]) == 3


def test_batches_with_the_same_patients_in_opposite_order_never_lock_each_other_out(db, session):
    kid, first, second, third = token(db), session(), session(), session()
    patients = [patient(db, phone()) for _ in range(200)]
    db.all("UPDATE hersys.centre SET daily_cap = 1000000 WHERE id = %s", db.centre)
    for _ in range(ROUNDS // 2):
        one = send(db, kid, patients)
        there, back, cancelled = race(lambda: send(first, kid, patients), lambda: send(second, kid, patients[::-1]),
                                      lambda: batch(third, kid, "cancel", one["id"]))
        assert there["state"] == back["state"] == "sent" and cancelled["state"] == "cancelled"
        assert db.one("SELECT count(*) FROM hersys.registration_link WHERE patient_id = ANY (%s) AND consumed_at IS NULL AND revoked_at IS NULL",
                      patients) == len(patients)


def test_two_who_release_a_batch_at_once_release_it_once(db, session):
    kid, others, many = token(db), [token(db, "suzuki"), token(db, "tanaka")], [session(), session()]
    db.all("UPDATE hersys.centre SET daily_cap = 0 WHERE id = %s", db.centre)
    for _ in range(ROUNDS):
        patients = [patient(db, phone()) for _ in range(3)]
        held = send(db, kid, patients)
        got = race(*[lambda other=other, each=each: batch(each, other, "release", held["id"]) for other, each in zip(others, many)])
        assert sorted_out(got) == (1, ["HS004"])
        assert db.one("SELECT count(*) FROM hersys.registration_link WHERE patient_id = ANY (%s)", patients) == 3


def test_a_batch_that_is_cancelled_while_it_is_released_opens_nothing(db, session):
    kid, other, first, second = token(db), token(db, "suzuki"), session(), session()
    db.all("UPDATE hersys.centre SET daily_cap = 0 WHERE id = %s", db.centre)
    for _ in range(ROUNDS):
        patients = [patient(db, phone()) for _ in range(3)]
        held = send(db, kid, patients)
        released, cancelled = race(lambda: batch(first, other, "release", held["id"]), lambda: batch(second, kid, "cancel", held["id"]))
        assert cancelled["state"] == "cancelled" and (released == "HS004" or released["state"] == "sent")
        assert db.one("SELECT count(*) FROM hersys.registration_link WHERE patient_id = ANY (%s) AND revoked_at IS NULL", patients) == 0
        assert db.one("SELECT count(*) FROM hersys.outbox WHERE patient_id = ANY (%s)", patients) == 0


def test_a_link_that_is_sent_while_the_phone_changes_is_for_the_phone_or_ended(db, session):
    kid, first, second = token(db), session(), session()
    for _ in range(ROUNDS):
        who, new = patient(db, phone()), phone()
        sent, changed = race(lambda: send(first, kid, [who]),
                             lambda: ask(second, kid, "patients", "v1_patient_change", big(who), ("%s::jsonb", json.dumps({"phone": new}))))
        assert sent["state"] == "sent" and changed["phone"] == new
        assert db.one("SELECT bool_and(revoked_at IS NOT NULL OR recipient = %s) FROM hersys.registration_link WHERE patient_id = %s", new, who)


# ---------------------------------------------------------------------- calls


def test_a_request_that_comes_twice_at_once_is_done_once(db, session):
    kid, first, second, one = token(db), session(), session(), input_id()
    first.hold()
    made = create(first, kid, one, key="twice")
    later = Later(lambda: create(second, kid, one, key="twice"))
    assert blocked(db, second)
    first.commit()
    assert later.join() == made and made["status"] == 201
    assert db.one("SELECT count(*) FROM hersys.patient WHERE input_id = %s", one) == 1


def test_a_request_is_done_by_the_second_where_the_first_came_to_nothing(db, session):
    kid, first, second, one = token(db), session(), session(), input_id()
    first.hold()
    create(first, kid, one, key="lost")
    later = Later(lambda: create(second, kid, one, key="lost"))
    assert blocked(db, second)
    first.all("ROLLBACK")
    assert later.join()["status"] == 201
    assert db.one("SELECT count(*) FROM hersys.patient WHERE input_id = %s", one) == 1


def test_two_who_register_the_same_input_id_at_once_are_told_so(db, session):
    kid, many = token(db), [session() for _ in range(3)]
    for _ in range(ROUNDS):
        one = input_id()
        assert sorted_out(race(*[lambda each=each: create(each, kid, one) for each in many])) == (1, ["HS009"])


def test_a_token_that_is_revoked_while_it_is_used_ends_after_that_use(db, session):
    kid, who = token(db), patient(db, phone())
    user, operator, next_user = session(), session(), session()
    user.hold()
    assert get(user, kid, who)["id"] == who
    revoked = Later(lambda: operator.one("SELECT hersys.token_revoke(%s, 'os:tester')", kid))
    assert blocked(db, operator)
    refused = Later(lambda: get(next_user, kid, who))
    assert blocked(db, next_user)
    user.commit()
    assert revoked.join() is True
    assert refused.join() == "HS005"


def test_nothing_is_done_with_a_token_after_it_was_revoked(db, session):
    operator, users = session(), [session() for _ in range(3)]
    for _ in range(ROUNDS):
        kid = token(db, str(uuid.uuid4()))

        def revoke(kid=kid):
            operator.one("SELECT hersys.token_revoke(%s, 'os:tester')", kid)
            return operator.one("SELECT count(*) FROM hersys.patient WHERE centre_id = %s", db.centre)

        def use(each, kid=kid):
            while create(each, kid, input_id()) != "HS005":
                pass

        seen = race(revoke, *[lambda each=each: use(each) for each in users])[0]
        assert db.one("SELECT count(*) FROM hersys.patient WHERE centre_id = %s", db.centre) == seen


def test_tokens_of_one_actor_that_are_made_at_once_are_two(db, session):
    many = [session() for _ in range(4)]

    def make(each):
        try:
            return {"kid": token(each, "same", db.centre)}
        except psycopg2.Error as error:
            return error.pgcode

    assert sorted_out(race(*[lambda each=each: make(each) for each in many])) == (2, ["HS004"])


def test_calls_of_one_token_do_not_wait_for_each_other(db, session):
    kid, who, first, second = token(db), patient(db, phone()), session(), session()
    first.hold()
    get(first, kid, who)
    second.all("SET lock_timeout = '2s'")
    assert get(second, kid, who)["id"] == who
    first.commit()


# ---------------------------------------------------------------------- reports read out


def report(each, who, centre):
    return each.one("INSERT INTO hersys.status_report (patient_id, centre_id, source, reported_at, temperature_c, symptoms)"
                    " VALUES (%s, %s, 'staff', now(), 36.9, false) RETURNING id", who, centre)


def read(each, kid, cursor, limit=100):
    xact, last = cursor.split("-")
    got = ask(each, kid, "reports", "v1_reports_list", words(xact), big(last), ("%s::int", limit))
    return [r["id"] for r in got["reports"]], got["next"]


def test_a_report_whose_transaction_commits_late_is_not_passed_by(db, session):
    kid, who, late = token(db), patient(db, phone()), session()
    late.hold()
    first = report(late, who, db.centre)
    second = report(db, who, db.centre)
    got, cursor = read(db, kid, "0-0")
    assert got == [] and cursor == "0-0"
    late.commit()
    assert read(db, kid, cursor)[0] == [first, second]


def test_a_reader_gets_every_report_once_however_their_transactions_end(db, session):
    kid, who = token(db), patient(db, phone())
    writers, done = [session() for _ in range(4)], []

    def write(each):
        kept = []
        for _ in range(ROUNDS):
            each.hold()
            ids = [report(each, who, db.centre) for _ in range(random.randint(1, 5))]
            if random.random() < 0.8:
                each.commit()
                kept += ids
            else:
                each.all("ROLLBACK")
        done.append(each)
        return kept

    def follow():
        got, cursor = [], "0-0"
        while True:
            last = len(done) == len(writers)
            ids, cursor = read(db, kid, cursor, 3)
            got += ids
            if last and not ids:
                return got

    *kept, got = race(*[lambda each=each: write(each) for each in writers], follow)
    assert sorted(got) == sorted(sum(kept, []))


def test_a_report_that_is_replaced_behind_the_reader_is_read_again(db, session):
    kid, who = token(db), patient(db, phone())
    first = report(db, who, db.centre)
    got, cursor = read(db, kid, "0-0")
    assert got == [first]
    second = report(db, who, db.centre)
    db.all("UPDATE hersys.status_report SET superseded_by = %s WHERE id = %s", second, first)
    assert read(db, kid, cursor)[0] == [second, first]
