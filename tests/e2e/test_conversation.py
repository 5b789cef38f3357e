"""The conversation around a report: whose it is, what is missing, taken back, stopped, a wrong number, and how much is answered."""
import pytest
from api_client import Api
from api_world import mint_code, wrong_code
from conftest import phone, wait_for

NOON = "2026-02-01 12:00+09"
PATIENT = phone(1)


@pytest.fixture
def talk(gateway, db):
    """One centre, and a clock that stands still."""
    return Talk(gateway, db)


class Talk:
    def __init__(self, gateway, db):
        self.gateway, self.db = gateway, db
        db.hold_clock(NOON)
        self.centre = db.centre()

    def say(self, *texts, number=PATIENT):
        """Writes, one after the other: the kinds of what is answered, '' for nothing."""
        last = self.db.one("SELECT coalesce(max(id), 0) FROM hersys.inbound")
        for text in texts:
            assert self.gateway.bring(number, text) == 200
        kinds = self.db.sql("SELECT coalesce(answer_kind, '') FROM hersys.inbound WHERE id > %s ORDER BY id", last)
        assert len(kinds) == len(texts)
        return " ".join(kind for kind, in kinds)

    def heard(self, count, number=PATIENT):
        """The last of `count` answers, as the telephone shows it."""
        return wait_for(lambda: len(self.gateway.texts(number)) >= count and self.gateway.texts(number)[-1], what="the answer")

    def queued(self, column):
        """Of each answer, wherever it stands."""
        return [value for value, in self.db.sql(f"SELECT {column} FROM (SELECT id, kind, language, params FROM hersys.outbox"
                                                " UNION ALL SELECT id, kind, language, params FROM hersys.outbox_history) AS o ORDER BY id")]

    def later(self, interval):
        self.db.sql("SELECT hersys.clock_hold(hersys.clock_now() + %s::interval)", interval)

    def reports(self, patient):
        """What counts: temperature, SpO2, symptoms."""
        return self.db.sql("SELECT temperature_c::float, spo2, symptoms FROM hersys.status_report"
                           " WHERE patient_id = %s AND withdrawn_at IS NULL AND superseded_by IS NULL ORDER BY id", patient)

    def family(self, **columns):
        return [self.db.patient(self.centre, PATIENT, given_name=name, **columns) for name in ("花子", "太郎")]

    def calls(self, patient):
        return [reason for reason, in self.db.sql("SELECT reason FROM hersys.call_task WHERE patient_id = %s AND closed_at IS NULL ORDER BY 1", patient)]

    def suppressed(self, number=PATIENT):
        return [reason for reason, in self.db.sql("SELECT reason FROM hersys.suppression WHERE address = %s AND ended_at IS NULL", number)]


# ---- whose report

@pytest.mark.parametrize("answer", ["2", "２", "太郎", "太郎さん", "太郎です"])
def test_a_family_is_asked_whose_report_it_is_and_answers_with_the_number_or_the_name(talk, answer):
    hanako, taro = talk.family()
    assert talk.say("36.9 97 n") == "which_member"
    asked = talk.heard(1)
    assert "花子" in asked and "太郎" in asked
    assert talk.say(answer) == "report_stored"
    assert (talk.reports(hanako), talk.reports(taro)) == ([], [(36.9, 97, False)])


def test_where_one_patient_has_the_telephone_no_number_is_needed_and_a_wrong_one_is_asked_about(talk, db):
    alice = db.patient(talk.centre, PATIENT)
    assert talk.say("36.9 97 n", "2 36.8 97 n", "ken 36.8 97 n") == "report_stored which_member which_member"
    assert talk.reports(alice) == [(36.9, 97, False)]


def test_names_are_told_only_to_a_telephone_that_is_confirmed_to_be_theirs(talk):
    talk.family(confirmed=False)
    assert talk.say("36.9 97 n") == "which_member"
    asked = talk.heard(1)
    assert "花子" not in asked and "太郎" not in asked


def test_of_several_reports_all_are_taken_or_none_with_one_answer(talk):
    hanako, taro = talk.family()
    assert talk.say("1 36.9 97 N\n7 38.1 95 Y") == "which_member"
    assert talk.say("1 36.9 97 N\n2 38.1 95") == "incomplete"
    assert talk.say("2 y") == "incomplete"
    assert talk.reports(hanako) == talk.reports(taro) == []
    assert talk.say("1 36.9 97 N\n2 38.1 96 Y") == "report_stored"
    assert (talk.reports(hanako), talk.reports(taro)) == ([(36.9, 97, False)], [(38.1, 96, True)])


def test_two_centres_that_follow_one_telephone_each_get_their_own_patients_report(talk, db):
    west = db.centre("西保健所")
    hanako = db.patient(talk.centre, PATIENT)
    taro = db.patient(west, PATIENT, language="en")
    assert talk.say("1 36.9 97 n\n2 37.1 96 n") == "report_stored"
    assert db.sql("SELECT patient_id, centre_id FROM hersys.status_report ORDER BY id") == [(hanako, talk.centre), (taro, west)]
    assert talk.say("2 37.2 96 n") == "report_stored"
    assert "西保健所" in talk.heard(2)


# ---- what is missing

@pytest.mark.parametrize("parts, stored", [
    (("36.9", "97 n"), (36.9, 97, False)),
    (("36.9 97", "n"), (36.9, 97, False)),
    (("97%", "y", "38"), (38.0, 97, True)),
])
def test_what_is_missing_is_asked_for_and_joined(talk, db, parts, stored):
    alice = db.patient(talk.centre, PATIENT)
    assert talk.say(*parts) == "incomplete " * (len(parts) - 1) + "report_stored"
    assert talk.reports(alice) == [stored]


@pytest.mark.parametrize("parts, stored", [
    (("2", "36.9 97 n"), (36.9, 97, False)),
    (("2 36.9 97", "n"), (36.9, 97, False)),
    (("36.9 97 n", "2"), (36.9, 97, False)),
    (("36.9 97", "n", "2"), (36.9, 97, False)),
    (("36.9 97", "2", "n"), (36.9, 97, False)),
    (("2 36.9", "太郎 97 n"), (36.9, 97, False)),
])
def test_what_is_missing_and_whose_it_is_are_joined_in_any_order(talk, parts, stored):
    hanako, taro = talk.family()
    kinds = talk.say(*parts).split()
    assert kinds[-1] == "report_stored" and "report_stored" not in kinds[:-1]
    assert (talk.reports(hanako), talk.reports(taro)) == ([], [stored])


@pytest.mark.parametrize("parts", [
    ("36.9 97", "37.2", "n"),           # a new beginning: 97 was said of another time
    ("36.9 97", "stop", "start", "n"),  # the question is closed
    ("36.9 97", "36.9 37 n", "n"),
])
def test_a_report_that_nobody_sent_is_never_made_up(talk, db, parts):
    alice = db.patient(talk.centre, PATIENT)
    talk.say(*parts)
    assert (36.9, 97, False) not in talk.reports(alice)


def test_after_half_an_hour_a_part_is_forgotten(talk, db):
    alice = db.patient(talk.centre, PATIENT)
    talk.say("36.9 97")
    talk.later("30 minutes")
    assert talk.say("n") == "incomplete"
    assert talk.reports(alice) == []


def test_what_is_not_understood_and_a_question_for_help_leave_the_question_open(talk, db):
    alice = db.patient(talk.centre, PATIENT)
    assert talk.say("36.9 97", "hello there", "help", "English", "n") == "incomplete not_understood help language_changed report_stored"
    assert talk.reports(alice) == [(36.9, 97, False)]


def test_the_words_and_the_danger_of_every_part_count(talk, db):
    alice = db.patient(talk.centre, PATIENT)
    assert talk.say("36.9 took a paracetamol", "97 n") == "incomplete report_stored"
    assert db.sql("SELECT note, needs_review FROM hersys.status_report") == [("took a paracetamol", True)]
    assert talk.say("息が苦しい", "36.9 97") == "report_urgent report_urgent"
    assert db.one("SELECT red_flag FROM hersys.status_report ORDER BY id DESC LIMIT 1") is True
    assert len(talk.reports(alice)) == 2


# ---- echo, undo, correction

def test_the_echo_says_how_to_stop_where_a_word_of_the_report_may_have_asked(talk, db):
    db.patient(talk.centre, PATIENT)
    assert talk.say("36.9 97 n stop", "36.9 97 n thank you") == "report_stored report_stored"
    assert talk.queued("params -> 'how_to_stop'") == [True, False]
    assert talk.suppressed() == []


def test_undo_takes_back_all_reports_of_the_last_message_and_says_which(talk):
    hanako, taro = talk.family()
    talk.say("1 36.5 98 n", "1 36.9 97 n\n2 38.1 96 y")
    assert talk.say("取消") == "undone"
    said = talk.heard(3)
    assert "36.9" in said and "38.1" in said
    assert (talk.reports(hanako), talk.reports(taro)) == ([(36.5, 98, False)], [])
    assert talk.say("undo", "undo") == "undone nothing_to_undo"


def test_after_a_day_a_report_is_not_taken_back_any_more(talk, db):
    alice = db.patient(talk.centre, PATIENT)
    talk.say("36.9 97 n")
    talk.later("24 hours")
    assert talk.say("undo") == "nothing_to_undo"
    assert len(talk.reports(alice)) == 1


def test_a_report_that_was_taken_back_is_told_to_the_centre_and_its_alert_stays(talk, db):
    db.patient(talk.centre, PATIENT)
    talk.say("36.9 88 n", "undo")
    report, = Api(talk.gateway, talk.gateway.token(talk.centre)).get("/v1/reports").good()["reports"]
    assert (report["withdrawn_at"], report["source"], report["alert"]) == ("2026-02-01T03:00:00.000Z", "sms", "urgent")
    assert db.one("SELECT count(*) FROM hersys.alert WHERE closed_at IS NULL") == 1


def test_a_correction_replaces_the_last_report_of_that_member(talk, db):
    hanako, taro = talk.family()
    talk.say("2 38.7 97 n", "1 36.5 98 n")
    assert talk.say("訂正 2 36.7 97 N") == "report_stored"
    assert talk.queued("params -> 'replaced'") == [False, False, True]
    assert (talk.reports(hanako), talk.reports(taro)) == ([(36.5, 98, False)], [(36.7, 97, False)])


# ---- stop, start, cancel, help, language

def test_stop_works_at_once_is_confirmed_once_and_the_centre_calls(talk, db):
    alice = db.patient(talk.centre, PATIENT)
    assert talk.say("STOP", "stop", "配信停止") == "stopped  "
    assert talk.suppressed() == ["stop"] and talk.calls(alice) == ["stopped"]
    talk.heard(1)
    assert talk.say("36.9 97 n") == "report_stored", "who has stopped our messages may still report"
    assert talk.say("start") == "started"
    assert talk.suppressed() == [] and talk.calls(alice) == []


def test_cancel_is_asked_about_where_it_could_mean_a_report(talk, db):
    db.patient(talk.centre, PATIENT)
    talk.say("36.9 97 n")
    assert talk.say("cancel") == "cancel_which" and talk.suppressed() == []
    assert talk.say("undo", "cancel") == "undone stopped" and talk.suppressed() == ["stop"]


def test_the_language_is_that_of_all_who_share_the_telephone(talk, db):
    talk.family()
    assert talk.say("한국어") == "language_changed"
    assert db.sql("SELECT DISTINCT language FROM hersys.patient") == [("ko",)]
    assert talk.queued("language") == ["ko"]


def test_commands_work_when_monitoring_is_over_and_a_report_is_told_so(talk, db):
    alice = db.patient(talk.centre, PATIENT, ended_at=NOON)
    assert talk.say("36.9 97 n", "help", "English", "stop", "start") == "not_watched help language_changed stopped started"
    assert talk.reports(alice) == [] and talk.calls(alice) == []
    assert bytes(db.sql("SELECT raw FROM hersys.inbound ORDER BY id")[0][0]) == b"36.9 97 n"


# ---- wrong

def test_a_wrong_number_is_quarantined_its_links_end_and_each_centre_is_told(talk, db):
    west = db.centre("西保健所")
    hanako, taro = db.patient(talk.centre, PATIENT), db.patient(west, PATIENT)
    talk.gateway.send_link(taro)
    assert talk.say("人違いです") == "wrong_number"
    assert db.one("SELECT count(*) FROM hersys.registration_link WHERE revoked_at IS NULL") == 0
    assert db.sql("SELECT centre_id, level, reasons FROM hersys.alert ORDER BY centre_id") == [(c, "watch", ["wrong_number"]) for c in (talk.centre, west)]
    assert talk.calls(hanako) == talk.calls(taro) == ["wrong_number"]
    assert talk.say("1 36.9 97 n") == "unknown_sender", "who writes from it is a stranger now"
    assert talk.reports(hanako) == []
    assert talk.say("息が苦しい") == "unknown_sender", "danger is answered though the stranger was, today"
    assert db.one("SELECT count(*) FROM hersys.alert WHERE unconfirmed AND 'red_flag' = ANY (reasons)") == 2


def test_wrong_from_a_telephone_that_never_reported_is_a_wrong_number(talk, db):
    db.patient(talk.centre, PATIENT)
    assert talk.say("違います") == "wrong_number"


def test_wrong_after_a_report_asks_whether_the_value_or_the_person_is(talk, db):
    db.patient(talk.centre, PATIENT)
    assert talk.say("36.9 97 n", "wrong", "1") == "report_stored wrong_which correct_how"
    assert talk.say("wrong") == "wrong_which"
    talk.later("23 hours")
    assert talk.say("2") == "wrong_number"
    assert db.one("SELECT quarantined_at IS NOT NULL FROM hersys.phone WHERE number = %s", PATIENT)


# ---- limits

def test_ten_answers_an_hour_and_everything_is_stored(talk, db):
    alice = db.patient(talk.centre, PATIENT)
    assert talk.say(*(f"36.{i} 97 n" for i in range(10)), "37.1 97 n", "37.2 97 n") == " ".join(["report_stored"] * 10) + "  "
    assert len(talk.reports(alice)) == 12
    assert talk.say("37.3 88 n") == "report_urgent"
    talk.later("1 hour")
    assert talk.say("37.4 97 n") == "report_stored"


def test_the_same_text_again_and_again_is_a_loop(talk, db):
    db.patient(talk.centre, PATIENT)
    assert talk.say(*["out of office"] * 6) == "not_understood " * 4 + " "
    talk.later("10 minutes")
    assert talk.say("out of office") == "not_understood"


def test_a_flood_is_not_answered_and_told_to_the_operator_once(talk, db):
    alice = db.patient(talk.centre, PATIENT)
    db.sql("INSERT INTO hersys.inbound (link, provider_id, sender, recipient, outcome, received_at)"
           " SELECT 'sandbox', 'flood-' || n, %s, '', 'empty', hersys.clock_now() FROM generate_series(1, 60) AS n", PATIENT)
    assert talk.say("36.9 88 n", "36.9 87 n") == " "
    assert len(talk.reports(alice)) == 2 and db.one("SELECT count(*) FROM hersys.alert") == 2
    assert len(talk.gateway.events("inbound_flood")) == 1
    assert PATIENT not in talk.gateway.log()


# ---- codes by SMS

@pytest.fixture
def code(make_gateway, db, request):
    """A code that was sent to the patient by SMS, at a gateway that takes it back so, or not."""
    gateway = make_gateway(codes__confirm_by_sms=request.param).start()
    talk = Talk(gateway, db)
    talk.api = Api(gateway, gateway.token(talk.centre, "portal", "codes"))
    talk.patient = db.patient(talk.centre, PATIENT, confirmed=False)
    talk.code = talk.api.post("/v1/codes", {"channel": "sms", "address": PATIENT, "language": "ja"}).good(202)["id"]
    return talk


def state(talk):
    answer = talk.api.get(f"/v1/codes/{talk.code}").good()
    return answer["state"], answer["attempts_left"]


@pytest.mark.parametrize("code", [True], indirect=True)
def test_a_code_may_be_confirmed_by_sms_from_the_telephone_that_got_it(code, db):
    right, wrong = mint_code(code.gateway, db, code.code), wrong_code(mint_code(code.gateway, db, code.code))
    db.patient(code.centre, phone(2))
    assert code.say(right, number=phone(2)) == "not_understood", "not from another telephone"
    assert code.say(wrong) == "code_wrong" and state(code) == ("open", 4)
    assert code.say(right) == "code_confirmed" and state(code)[0] == "verified"
    assert code.say(right) == "not_understood", "it is used up"
    assert db.one("SELECT phone_confirmed_at FROM hersys.patient WHERE id = %s", code.patient) is None, "whose telephone it is it does not say"
    assert right not in code.gateway.log() and wrong not in code.gateway.log()


@pytest.mark.parametrize("code", [True], indirect=True)
def test_after_five_wrong_codes_the_right_one_confirms_nothing(code, db):
    right = mint_code(code.gateway, db, code.code)
    wrong = wrong_code(right)
    assert code.say(*[f"{wrong[:3]}{' ' * n}{wrong[3:]}" for n in range(5)]) == " ".join(["code_wrong"] * 5)
    assert code.say(right) == "not_understood" and state(code) == ("locked", 0)


@pytest.mark.parametrize("code", [True], indirect=True)
def test_a_code_that_the_carrier_brings_twice_is_tried_once(code, db):
    wrong = wrong_code(mint_code(code.gateway, db, code.code))
    assert [code.gateway.bring(PATIENT, wrong, "the-same") for _ in range(3)] == [200] * 3
    assert state(code) == ("open", 4)


@pytest.mark.parametrize("code", [False], indirect=True)
def test_where_codes_are_not_confirmed_by_sms_a_code_is_not_understood(code, db):
    assert code.say(mint_code(code.gateway, db, code.code)) == "not_understood"
    assert state(code) == ("open", 5)
