"""What several sessions do at once around a conversation: its parts, its commands, and the centre at the same time."""
import json
import random
import uuid

from sessions import SALT, Later, blocked, db, patient, phone, race, session  # noqa: F401 - db and session are fixtures

ROUNDS = 100


def message(sender, parsed, **more):
    return {"link": "link", "provider_id": str(uuid.uuid4()), "sender": sender, "recipient": "+817099999999", "answerable": True,
            "raw": uuid.uuid4().hex, "own_text": False, "parsed": parsed, **more}


def receive(db, *messages):
    return [row[0] for row in db.all("SELECT answer_kind FROM hersys.inbound_store(%s) ORDER BY ordinal", json.dumps(messages))]


def part(member=None, **partial):
    missing = [field for field in ("temperature_c", "symptoms") if field not in partial]
    return {"outcome": "incomplete", "missing": missing, "partial": partial, **({"member": member} if member else {})}


def command(word, **more):
    return {"outcome": "command", "command": word, **more}


REPORT = {"outcome": "report", "reports": [{"temperature_c": 36.9, "spo2": 97, "symptoms": False}]}


def test_two_parts_that_come_at_once_are_one_report(db, session):
    number = phone()
    who = patient(db, number)
    first, second = session(), session()
    first.hold()
    assert receive(first, message(number, part(temperature_c=36.9, spo2=97))) == ["incomplete"]
    later = Later(lambda: receive(second, message(number, part(symptoms=False))))
    assert blocked(db, second)
    first.commit()
    assert later.join() == ["report_stored"]
    assert db.all("SELECT temperature_c::float, spo2, symptoms FROM hersys.status_report WHERE patient_id = %s", who) == [(36.9, 97, False)]


def test_two_undos_at_once_take_back_one_report_each(db, session):
    number = phone()
    who = patient(db, number)
    receive(db, message(number, REPORT))
    receive(db, message(number, REPORT))
    each = [session(), session(), session()]
    answers = race(*[lambda s=s: receive(s, message(number, command("undo"))) for s in each])
    assert sorted(kind for kind, in answers) == ["nothing_to_undo", "undone", "undone"]
    assert db.one("SELECT count(*) FROM hersys.status_report WHERE patient_id = %s AND withdrawn_at IS NOT NULL", who) == 2


def test_stop_is_confirmed_once_however_often_it_comes_at_once(db, session):
    number = phone()
    patient(db, number)
    each = [session() for _ in range(4)]
    answers = race(*[lambda s=s: receive(s, message(number, command("stop"))) for s in each])
    assert sorted(str(kind) for kind, in answers) == ["None", "None", "None", "stopped"]


def test_stop_while_a_report_comes_loses_neither(db, session):
    number = phone()
    who = patient(db, number)
    one, other = session(), session()
    race(lambda: receive(one, message(number, command("stop"))), lambda: receive(other, message(number, REPORT)))
    assert db.one("SELECT count(*) FROM hersys.status_report WHERE patient_id = %s", who) == 1
    assert db.one("SELECT count(*) FROM hersys.suppression WHERE address = %s AND ended_at IS NULL", number) == 1


def test_conversations_and_the_centres_work_never_lock_each_other_out(db, session):
    """Languages and wrong numbers change what the centre changes, in its own order: nobody waits in a circle."""
    numbers = [phone() for _ in range(4)]
    patients = [patient(db, number) for number in numbers]
    parsed = [REPORT, part(temperature_c=36.9), part(symptoms=True), command("lang", language="en"), command("wrong_number"), command("stop"),
              command("start"), command("undo")]

    def daemon(each, backwards):
        for _ in range(ROUNDS):
            batch = sorted(random.sample(numbers, 3), reverse=backwards)
            assert len(receive(each, *[message(number, random.choice(parsed)) for number in batch])) == 3

    def centre(each):
        for _ in range(ROUNDS):
            which = random.randrange(4)
            each.all("UPDATE hersys.phone SET quarantined_at = NULL WHERE number = %s", numbers[which])
            each.all("UPDATE hersys.suppression SET ended_at = now() WHERE address = %s AND ended_at IS NULL", numbers[which])
            try:
                each.all("SELECT * FROM hersys.link_send(%s, 1, %s::bytea, 'tester')", patients[which], SALT)
            except Exception as error:  # noqa: BLE001 - refused, because of what the others have just said
                assert error.pgcode == "HS004", error

    def mover(each):
        spare = phone()
        for _ in range(ROUNDS):
            which = random.randrange(4)
            each.all("UPDATE hersys.patient SET phone = %s, language = 'ja' WHERE id = %s", spare, patients[which])
            each.all("UPDATE hersys.patient SET phone = %s, language = 'ko' WHERE id = %s", numbers[which], patients[which])

    sessions = [session() for _ in range(4)]
    race(lambda: daemon(sessions[0], False), lambda: daemon(sessions[1], True), lambda: centre(sessions[2]), lambda: mover(sessions[3]))
