"""Each of the seven languages, from the reminder to the end of monitoring: every text that a patient gets is of the language and the kind
that it should be, and the words that the texts say to send do what they say.

A text is known by the longest piece of its template that no value and no section changes, and that no other template holds.
"""
import datetime
import functools
import itertools
import re

import pytest
from api_client import Api
from conftest import ROOT, phone, wait_for

# What a patient sends: the words that doc/translating.md lists, a no, and the language's own name.
WORDS = {
    "ja": {"undo": "取消", "correct": "訂正", "stop": "停止", "start": "再開", "help": "ヘルプ", "no": "なし", "wrong": "違う",
           "wrong number": "人違い", "name": "日本語"},
    "en": {"undo": "UNDO", "correct": "UNDO", "stop": "STOP", "start": "START", "help": "HELP", "no": "n", "wrong": "Wrong.",
           "wrong number": "Wrong number", "name": "English"},
    "zh-Hans": {"undo": "撤销", "correct": "撤销", "stop": "停止", "start": "开始", "help": "帮助", "no": "无", "wrong": "wrong",
                "wrong number": "打错了", "name": "简体中文"},
    "zh-Hant": {"undo": "撤銷", "correct": "撤銷", "stop": "停止", "start": "開始", "help": "幫助", "no": "無", "wrong": "wrong",
                "wrong number": "打錯了", "name": "繁體中文"},
    "ko": {"undo": "취소", "correct": "정정", "stop": "중지", "start": "시작", "help": "도움말", "no": "없음", "wrong": "잘못",
           "wrong number": "wrong number", "name": "한국어"},
    "es": {"undo": "DESHACER", "correct": "CORREGIR", "stop": "PARAR", "start": "INICIAR", "help": "AYUDA", "no": "no", "wrong": "wrong",
           "wrong number": "número equivocado", "name": "Español"},
    "pt": {"undo": "DESFAZER", "correct": "CORRIGIR", "stop": "PARAR", "start": "INICIAR", "help": "AJUDA", "no": "nao", "wrong": "wrong",
           "wrong number": "número errado", "name": "Português"},
}
LANGUAGES = list(WORDS)
MORNING = datetime.datetime.fromisoformat("2026-02-01T07:00:00+09:00")
KINDS = [
    "reminder", "nudge", "report_stored", "report_urgent", "incomplete", "out_of_range", "ambiguous", "which_member", "not_understood",
    "not_watched", "undone", "nothing_to_undo", "correct_how", "cancel_which", "wrong_which", "wrong_number", "stopped", "started", "help",
    "language_changed", "code_confirmed", "code_wrong", "monitoring_ended",
]


def template(kind, language):
    return (ROOT / "templates" / kind / f"{language}.sms").read_text()


def pieces(kind, language, section=None):
    """The fixed pieces outside of every section, or inside of just this one: "again", "^again"."""
    found, inside = [], []
    for sign, name, text in re.findall(r"\{\{([#^/>]?)\s*(\w+)\s*\}\}|((?:(?!\{\{).)+)", template(kind, language)):
        if sign in ("#", "^"):
            inside.append(name if sign == "#" else "^" + name)
        elif sign == "/":
            inside.pop()
        elif text.strip() and inside == ([section] if section else []):
            found.append(text.strip())
    return found


def others(kind, language):
    """The same in another language, and everything else in this one."""
    return [template(kind, other) for other in LANGUAGES if other != language] + [template(other, language) for other in KINDS if other != kind]


@functools.cache
def phrase(kind, language):
    return max((p for p in pieces(kind, language) if not any(p in other for other in others(kind, language))), key=len, default="")


class Patients:
    """A telephone for each language, all of them followed by one centre; the clock goes on by ten minutes with each message."""

    def __init__(self, gateway, db, first=1, at=MORNING, members=1, **columns):
        self.gateway, self.db, self.at = gateway, db, at
        self.phones = {language: phone(first + 1000 * n) for n, language in enumerate(LANGUAGES)}
        self.centre = columns.pop("centre", None) or db.centre()
        for language, _ in itertools.product(LANGUAGES, range(members)):
            db.patient(self.centre, self.phones[language], language=language, **columns)
        self.read = dict.fromkeys(LANGUAGES, 0)

    def later(self, **more):
        self.at += datetime.timedelta(**more)
        self.db.hold_clock(self.at.isoformat())

    def get(self, kind, section=None, languages=None):
        """Each telephone gets one text, of this kind and in its language; no two got the same. `languages`: where they have changed."""
        texts = {}
        for language, number in self.phones.items():
            got = wait_for(lambda number=number, language=language: len(self.gateway.texts(number)) > self.read[language]
                           and self.gateway.texts(number), what=f"{kind} in {language}")
            self.read[language] += 1
            assert len(got) == self.read[language], (language, got)
            texts[language] = got[-1]
            spoken = (languages or {}).get(language, language)
            assert phrase(kind, spoken) in texts[language], (kind, spoken, texts[language])
            assert section is None or max(pieces(kind, spoken, section), key=len) in texts[language], (kind, section, spoken, texts[language])
        assert len(set(texts.values())) == len(LANGUAGES)
        return texts

    def say(self, message, kind, section=None, languages=None):
        """Each patient sends this, with `{undo}` and the like in its own words, and gets the answer."""
        self.later(minutes=10)
        for language, number in self.phones.items():
            assert self.gateway.bring(number, message.format(**WORDS[language])) == 200
        return self.get(kind, section, languages)

    def reports(self):
        """What stands as reported by each of them: the values of the reports that are neither taken back nor corrected."""
        rows = self.db.sql("SELECT p.phone::text, r.temperature_c::float, r.spo2, r.symptoms FROM hersys.status_report r"
                           " JOIN hersys.patient p ON p.id = r.patient_id"
                           " WHERE r.superseded_by IS NULL AND r.withdrawn_at IS NULL ORDER BY r.id")
        return {language: [values for to, *values in rows if to == number] for language, number in self.phones.items()}


@pytest.fixture
def patients(gateway, db):
    def make(first=1, **columns):
        made = Patients(gateway, db, first, **columns)
        made.later()
        return made

    return make


def everybody(*reports):
    return {language: [list(report) for report in reports] for language in LANGUAGES}


# ---- what the tests below rest on

@pytest.mark.parametrize("kind", KINDS)
def test_a_text_is_known_by_what_no_other_language_and_no_other_kind_says(kind):
    for language in LANGUAGES:
        assert len(phrase(kind, language)) >= 7, (language, phrase(kind, language))


# ---- a report, and what can be wrong with it

def test_the_reminders_example_sent_back_is_recorded_and_echoed(gateway, db):
    db.hold_clock(MORNING.isoformat())
    centre = db.centre()
    db.slot(centre, "07:00", "08:30")
    patients = Patients(gateway, db, centre=centre)
    reminders = patients.get("reminder")
    for language, reminder in reminders.items():
        example = re.search(r"^(?:例 |例：|예: |E[xj]: )(.+)\Z", reminder, re.M).group(1)
        assert gateway.bring(patients.phones[language], example) == 200
    echoes = patients.get("report_stored")
    assert patients.reports() == everybody((36.9, 97, False))
    for language, echo in echoes.items():
        assert "36.9" in echo and "97" in echo and WORDS[language]["undo"] in echo, echo


def test_who_does_not_answer_is_reminded_again(gateway, db):
    db.hold_clock(MORNING.isoformat())
    centre = db.centre()
    db.slot(centre, "07:00", "12:00")
    patients = Patients(gateway, db, centre=centre)
    patients.get("reminder")
    # The two hours begin when the reminder is known to have gone out.
    wait_for(lambda: db.one("SELECT count(*) FROM hersys.outbox") == 0, what="the carrier's answers")
    patients.later(hours=2, minutes=1)
    patients.get("nudge")


def test_what_is_missing_is_asked_for_and_then_supplied_alone(patients):
    all_of_them = patients()
    all_of_them.say("36.9 97", "incomplete", "missing_symptoms")
    all_of_them.say("{no}", "report_stored")
    assert all_of_them.reports() == everybody((36.9, 97, False))


def test_what_cannot_be_recorded_is_asked_about(patients):
    all_of_them = patients()
    all_of_them.say("79.9 97 {no}", "out_of_range", "temperature")
    all_of_them.say("36.9 30 {no}", "out_of_range", "spo2")
    all_of_them.say("36.9 37 {no}", "ambiguous", "^conflict")
    all_of_them.say("36.9 97 y n", "ambiguous", "conflict")
    all_of_them.say("good evening, a question", "not_understood")
    assert all_of_them.reports() == everybody()


def test_in_a_family_it_is_asked_whose_report_it_is(patients):
    families = patients(members=2)
    families.say("36.9 97 {no}", "which_member", "^again")
    echoes = families.say("2", "report_stored")
    assert families.reports() == everybody((36.9, 97, False))
    assert all(re.search(r"^2 .*36\.9", echo, re.M) for echo in echoes.values())
    families.say("36.9 97 {no}\n36.5 98 {no}", "ambiguous")


def test_danger_is_answered_with_what_to_do_now(patients):
    texts = patients().say("36.9 88 {no}", "report_urgent")
    assert all("119" in text and "03-0000-0000" in text for text in texts.values())


# ---- a report is put right

def test_a_report_is_taken_back_once(patients):
    all_of_them = patients()
    all_of_them.say("36.9 97 {no}", "report_stored")
    all_of_them.say("{undo}", "undone")
    assert all_of_them.reports() == everybody()
    all_of_them.say("{undo}", "nothing_to_undo")


def test_a_wrong_value_is_corrected_as_the_answer_says(patients):
    all_of_them = patients()
    all_of_them.say("36.9 97 {no}", "report_stored")
    all_of_them.say("{wrong}", "wrong_which")
    how = all_of_them.say("1", "correct_how")
    assert all(f"{WORDS[language]['correct']} 36.9 97" in text for language, text in how.items())
    all_of_them.say("{correct} 36.7 98 {no}", "report_stored", "replaced")
    assert all_of_them.reports() == everybody((36.7, 98, False))


def test_cancel_can_mean_the_report_or_the_messages(patients):
    all_of_them = patients()
    all_of_them.say("36.9 97 {no}", "report_stored")
    which = all_of_them.say("cancel", "cancel_which")
    assert all(WORDS[language][word] in text for language, text in which.items() for word in ("undo", "stop"))
    all_of_them.say("{undo}", "undone")


# ---- what else can be said

def test_stop_and_start_do_what_they_say(patients, db):
    all_of_them = patients()
    stopped = all_of_them.say("{stop}", "stopped")
    assert all(WORDS[language]["start"] in text for language, text in stopped.items())
    assert db.one("SELECT count(*) FROM hersys.suppression WHERE ended_at IS NULL") == len(LANGUAGES)
    all_of_them.say("{start}", "started")
    assert db.one("SELECT count(*) FROM hersys.suppression WHERE ended_at IS NULL") == 0


def test_stop_beside_a_report_is_a_report_and_says_how_to_stop(patients, db):
    all_of_them = patients()
    echoes = all_of_them.say("36.9 97 {no} {stop}", "report_stored", "how_to_stop")
    assert all(WORDS[language]["stop"] in text for language, text in echoes.items())
    assert all_of_them.reports() == everybody((36.9, 97, False))
    assert db.one("SELECT count(*) FROM hersys.suppression WHERE ended_at IS NULL") == 0


def test_help_names_the_words_that_can_be_sent(patients):
    texts = patients().say("{help}", "help")
    assert all(WORDS[language][word] in text for language, text in texts.items() for word in ("undo", "stop"))


def test_a_language_is_left_by_the_name_of_the_next_and_found_again_by_its_own(patients):
    all_of_them = patients()
    following = dict(zip(LANGUAGES, LANGUAGES[1:] + LANGUAGES[:1]))
    all_of_them.later(minutes=10)
    for language, number in all_of_them.phones.items():
        assert all_of_them.gateway.bring(number, WORDS[following[language]]["name"]) == 200
    all_of_them.get("language_changed", languages=following)
    all_of_them.say("{help}", "help", languages=following)
    all_of_them.say("{name}", "language_changed")
    all_of_them.say("{help}", "help")


def test_a_code_that_is_sent_back_is_confirmed_and_another_is_not(make_gateway, db):
    gateway = make_gateway(codes__confirm_by_sms=True).start()
    all_of_them = Patients(gateway, db)
    all_of_them.later()
    portal = Api(gateway, gateway.token(all_of_them.centre, "portal", "codes"))
    for language, number in all_of_them.phones.items():
        portal.post("/v1/codes", {"channel": "sms", "address": number, "language": language}).good(202)
    codes = {language: re.search(r"\d{6}", text).group() for language, text in all_of_them.get("confirmation_code").items()}
    for language, code in codes.items():
        assert gateway.bring(all_of_them.phones[language], f"{(int(code) + 1) % 1000000:06}") == 200
    all_of_them.get("code_wrong")
    for language, code in codes.items():
        assert gateway.bring(all_of_them.phones[language], code) == 200
    all_of_them.get("code_confirmed")


# ---- the end of it

def test_a_stranger_hears_nothing_of_the_patient(patients, db):
    all_of_them = patients()
    names = [name for row in db.sql("SELECT family_name, given_name FROM hersys.patient") for name in row]
    texts = all_of_them.say("{wrong number}", "wrong_number")
    assert not any(name in text.replace("見本市保健所", "") for text in texts.values() for name in names)
    assert db.one("SELECT count(*) FROM hersys.phone WHERE quarantined_at IS NOT NULL") == len(LANGUAGES)


def test_two_where_a_value_or_a_person_may_be_wrong_is_the_person(patients, db):
    all_of_them = patients()
    all_of_them.say("36.9 97 {no}", "report_stored")
    all_of_them.say("{wrong}", "wrong_which")
    all_of_them.say("2", "wrong_number")
    assert db.one("SELECT count(*) FROM hersys.phone WHERE quarantined_at IS NOT NULL") == len(LANGUAGES)


def test_the_end_of_monitoring_is_told_and_a_report_after_it_answered(gateway, db):
    db.hold_clock("2026-02-01 20:00:00+09")
    patients = Patients(gateway, db, at=datetime.datetime.fromisoformat("2026-02-01T20:00:00+09:00"),
                        monitoring_from="2026-02-01", monitoring_until="2026-02-01")
    patients.say("36.5 98 {no}", "report_stored")
    patients.later(hours=12)
    patients.get("monitoring_ended")
    patients.say("36.5 98 {no}", "not_watched")
    assert patients.reports() == everybody((36.5, 98, False))
