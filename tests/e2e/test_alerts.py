"""Triage through the daemon: what a report or a message means, who is told of it and when, until somebody has looked."""
import re
import time

import pytest
from api_client import Api
from conftest import phone, wait_for

CONSOLE = "https://console.example.jp"
FIRST, SECOND, THIRD = (f"{name}@staff.example.jp" for name in ("first", "second", "third"))
# Who is on duty has numbers that no patient has.
DUTY = {FIRST: phone(7001), SECOND: phone(7002), THIRD: None}
NAME = ("試験名", "秘密子")


@pytest.fixture
def desk(make_gateway, db):
    """A centre at noon with three contacts and a patient; a daemon at work."""
    return Desk(make_gateway, db)


class Desk:
    def __init__(self, make_gateway, db, contacts=DUTY, **columns):
        self.db, self.clock = db, None
        self.at("12:00:00")
        self.centre = db.centre(**columns)
        for place, (email, number) in enumerate(contacts.items(), 1):
            db.insert("contact", {"centre_id": self.centre, "place": place, "email": email, "phone": number})
        self.patient = self.new_patient(1)
        self.gateway = make_gateway(links__console_url=CONSOLE).start()
        self.api = Api(self.gateway, self.gateway.token(self.centre, "sato", "alerts,patients"))

    def new_patient(self, n, **columns):
        return self.db.patient(self.centre, phone(n), family_name=NAME[0], given_name=NAME[1], **columns)

    def at(self, clock, day="2026-02-03"):
        self.db.hold_clock(f"{day} {clock}+09")

    def bring(self, text, n=1):
        assert self.gateway.bring(phone(n), text) == 200

    def answered(self, count=1, n=1):
        return wait_for(lambda: len(self.gateway.texts(phone(n))) >= count and self.gateway.texts(phone(n)), what="the answer")[-1]

    def mails(self, address):
        return self.gateway.messages(address)

    def told(self):
        """Who was told what: (address or number, subject or text), in the order of sending."""
        staff = {*DUTY, *DUTY.values(), "desk@staff.example.jp"}
        return [(m.get("mailbox") or m["phone"], m.get("subject") or m["text"]) for m in self.gateway.spooled()
                if (m.get("mailbox") or m["phone"]) in staff]

    def until_told(self, *whom):
        """Until exactly these were told, in any order."""
        wait_for(lambda: len(self.told()) >= len(whom), what="the messages to staff")
        assert sorted(address for address, _ in self.told()) == sorted(whom)

    def alerts(self, state="open"):
        return self.api.get(f"/v1/alerts?state={state}").good()["alerts"]

    def alert(self):
        only, = self.alerts()
        return only

    def tick(self, seconds=2.5):
        time.sleep(seconds)


def judged(alert):
    return alert["level"], alert["reasons"]


# ---- what is dangerous

@pytest.mark.parametrize("text, level, reasons", [
    ("36.9 93 N", "urgent", ["spo2_low"]), ("36.9 94 N", "watch", ["spo2_watch"]), ("36.9 95 N", "watch", ["spo2_watch"]),
    ("38.5 97 N", "watch", ["temperature_high"]), ("39.0 88 Y", "urgent", ["spo2_low", "temperature_high"]),
])
def test_a_dangerous_value_in_a_report_raises_one_alert_with_all_its_reasons(desk, text, level, reasons):
    desk.bring(text)
    alert = desk.alert()
    assert judged(alert) == (level, reasons)
    assert (alert["patient"], alert["unconfirmed"]) == (desk.patient, False) and alert["report"] is not None
    assert ("119" in desk.answered()) == (level == "urgent"), "the answer calls for help where it is urgent, and only there"


@pytest.mark.parametrize("text", ["36.9 96 N", "38.4 97 Y", "37.9 96 Y"])
def test_a_report_without_danger_raises_none(desk, text):
    desk.bring(text)
    desk.answered()
    assert desk.alerts("all") == []


def test_a_fall_of_three_points_within_24_hours_is_watched(desk):
    desk.bring("36.9 99 N")
    desk.at("11:59:00", day="2026-02-04")
    desk.bring("36.9 96 N")
    desk.answered(2)
    assert judged(desk.alert()) == ("watch", ["spo2_fall"])


def test_fever_on_three_days_is_watched(desk):
    for count, day in enumerate(("2026-02-03", "2026-02-05", "2026-02-06"), 1):
        assert desk.alerts() == []
        desk.at("08:00:00", day=day)
        desk.bring("38.0 97 Y")
        desk.answered(count)
    assert judged(desk.alert()) == ("watch", ["fever_days"])


@pytest.mark.parametrize("text", ["息ができない", "can't breathe"])
def test_a_red_flag_in_any_message_is_urgent(desk, text):
    desk.bring(text)
    alert = desk.alert()
    assert judged(alert) == ("urgent", ["red_flag"]) and (alert["report"], alert["unconfirmed"]) == (None, True)
    assert "119" in desk.answered()


def test_a_dangerous_value_in_a_message_that_is_no_report_alerts_unconfirmed(desk):
    desk.bring("36.9 88 n cough")
    alert = desk.alert()
    assert judged(alert) == ("urgent", ["spo2_low"]) and (alert["report"], alert["unconfirmed"]) == (None, True)
    assert "119" in desk.answered()


def test_a_value_to_watch_in_such_a_message_is_watched_and_answered_as_what_it_is(desk):
    desk.bring("36.9 94")
    assert judged(desk.alert()) == ("watch", ["spo2_watch"])
    assert "119" not in desk.answered()


def test_a_report_from_a_number_that_is_not_confirmed_alerts_unconfirmed(desk):
    desk.new_patient(2, confirmed=False)
    desk.bring("36.9 90 N", n=2)
    assert desk.alert()["unconfirmed"] is True


def test_thresholds_are_the_patients_where_the_centre_has_set_them(desk):
    path = f"/v1/patients/{desk.patient}"
    assert desk.api.patch(path, {"spo2_urgent": 88, "spo2_watch": 90, "temperature_watch": 38.3}).good()["temperature_watch"] == 38.3
    desk.bring("36.9 91 N")
    desk.answered()
    assert desk.alerts() == []
    desk.bring("38.3 90 N")
    desk.answered(2)
    assert judged(desk.alert()) == ("watch", ["spo2_watch", "temperature_high"])
    desk.api.post(f"/v1/alerts/{desk.alert()['id']}/close").good()
    desk.api.patch(path, {"spo2_urgent": None, "spo2_watch": None}).good()
    desk.bring("36.9 91 N")
    assert "119" in desk.answered(3), "without thresholds of the patient's the centre's count again"


# ---- the centre is told at once

def test_an_urgent_alert_is_mailed_at_once_to_the_first_contact_with_numbers_and_the_console_and_nothing_of_the_patient(desk):
    desk.bring("39.4 87 Y 息ができない")
    desk.until_told(FIRST)
    mail, = desk.mails(FIRST)
    alert = desk.alert()
    assert str(alert["id"]) in mail["subject"] and str(desk.patient) in mail["text"] and CONSOLE in mail["text"]
    input_id = desk.db.one("SELECT input_id FROM hersys.patient WHERE id = %s", desk.patient)
    whole, read = mail["subject"] + mail["text"] + mail["html"], mail["subject"] + mail["text"].replace(CONSOLE, "")
    assert not [secret for secret in (*NAME, phone(1), phone(1)[3:], "070-", input_id, "39.4", "息", "red_flag", "1980") if secret in whole]
    assert not [secret for secret in ("87", "39", "SpO2", "spo2") if secret in read]
    assert alert["told_times"] == 1
    assert not any(secret in desk.gateway.log() for secret in (*NAME, phone(1), phone(7001), FIRST))


def test_a_centre_without_contacts_is_told_at_its_own_address(make_gateway, db):
    desk = Desk(make_gateway, db, contacts={}, email="desk@staff.example.jp")
    desk.bring("36.9 90 N")
    desk.until_told("desk@staff.example.jp")


def test_a_centre_without_any_address_is_told_to_the_operator_and_the_alert_stands_until_there_is_one(make_gateway, db):
    desk = Desk(make_gateway, db, contacts={})
    desk.bring("36.9 90 N")
    wait_for(lambda: desk.gateway.events("alert_without_contact"), what="the log line")
    desk.tick()
    line, = desk.gateway.events("alert_without_contact")
    assert line.endswith(f"centre={desk.centre}")
    assert desk.alert()["told_times"] == 0
    db.insert("contact", {"centre_id": desk.centre, "place": 1, "email": FIRST})
    desk.until_told(FIRST)


def test_without_a_console_the_mail_names_none(make_gateway, db):
    desk = Desk(make_gateway, db)
    desk.gateway.stop()
    desk.gateway.configure(links__console_url=None)
    desk.gateway.start()
    desk.bring("36.9 90 N")
    desk.until_told(FIRST)
    assert "http" not in desk.mails(FIRST)[0]["text"]


def test_quiet_hours_and_a_stop_hold_back_neither_the_urgent_answer_nor_the_mail(make_gateway, db):
    desk = Desk(make_gateway, db, quiet_from="21:00", quiet_until="08:00")
    desk.at("02:00:00", day="2026-02-04")
    db.sql("INSERT INTO hersys.suppression (channel, address, reason) VALUES ('sms', %s, 'stop'), ('email', %s, 'stop'), ('sms', %s, 'stop'), "
           "('email', %s, 'stop')", phone(1), FIRST, DUTY[SECOND], SECOND)
    desk.bring("36.9 90 N")
    assert "119" in desk.answered()
    desk.until_told(FIRST)
    desk.at("02:15:00", day="2026-02-04")
    desk.until_told(FIRST, SECOND, DUTY[SECOND])


def test_the_same_message_brought_twice_alerts_and_mails_once(desk):
    for _ in range(3):
        assert desk.gateway.bring(phone(1), "36.9 90 N", "the-same") == 200
    desk.until_told(FIRST)
    desk.tick(1.5)
    desk.until_told(FIRST)
    assert len(desk.alerts("all")) == 1


def test_an_alert_survives_a_kill_between_report_and_mail(make_gateway, db):
    """The mail is in the outbox when the report is acknowledged."""
    desk = Desk(make_gateway, db)
    desk.gateway.stop()
    desk.gateway.configure(sandbox__delay_milliseconds=3000, delivery__lease_seconds=5)
    desk.gateway.start()
    desk.bring("36.9 90 N")
    desk.gateway.kill()
    assert desk.told() == []
    assert db.one("SELECT count(*) FROM hersys.alert") == 1
    assert db.one("SELECT count(*) FROM hersys.outbox WHERE kind = 'alert_urgent'") == 1
    desk.gateway.start()
    wait_for(lambda: db.one("SELECT count(*) FROM hersys.outbox WHERE state = 'sending'") == 0, 30, "the end of what the dead one had claimed")
    desk.at("12:05:00")
    desk.until_told(FIRST)


# ---- again and again, until somebody looks

def test_what_is_not_seen_within_15_minutes_goes_to_the_next_contact_by_mail_and_sms_and_round_again(desk):
    desk.bring("36.9 90 N")
    desk.until_told(FIRST)
    desk.at("12:14:59")
    desk.tick()
    desk.until_told(FIRST)
    whom = [FIRST]
    for clock, more in (("12:15:00", [SECOND, DUTY[SECOND]]), ("12:30:00", [THIRD]), ("12:45:00", [FIRST, DUTY[FIRST]])):
        desk.at(clock)
        whom += more
        desk.until_told(*whom)
    assert desk.alert()["told_times"] == 4
    text, = desk.gateway.texts(DUTY[SECOND])
    assert str(desk.alert()["id"]) in text and CONSOLE in text and not re.search(r"36\.9|(?<!\d)90(?!\d)|見本例|119", text)
    assert not any(secret in text for secret in (*NAME, phone(1)))
    assert desk.gateway.events("alerts_not_seen")[0].endswith(f"centre={desk.centre} alerts=1")
    desk.tick()
    desk.until_told(*whom)


def test_who_says_that_it_was_seen_ends_that(desk):
    desk.bring("36.9 90 N")
    desk.until_told(FIRST)
    seen = desk.api.post(f"/v1/alerts/{desk.alert()['id']}/seen").good()
    assert (seen["seen_by"], seen["seen_at"], seen["closed_at"]) == ("api:sato", "2026-02-03T03:00:00.000Z", None)
    desk.at("18:00:00")
    desk.tick()
    desk.until_told(FIRST)
    assert desk.alert()["seen_by"] == "api:sato"


def test_who_closes_it_ends_that_too_and_it_is_not_lost(desk):
    desk.bring("36.9 90 N")
    desk.until_told(FIRST)
    alert = desk.alert()["id"]
    desk.api.post(f"/v1/alerts/{alert}/close").good()
    desk.at("18:00:00")
    desk.tick()
    desk.until_told(FIRST)
    assert desk.alerts() == []
    closed, = desk.alerts("all")
    assert (closed["id"], closed["seen_by"], closed["closed_by"]) == (alert, "api:sato", "api:sato")


def test_a_daemon_that_was_down_tells_the_next_contact_once_when_it_is_back(desk):
    desk.bring("36.9 90 N")
    desk.until_told(FIRST)
    desk.gateway.kill()
    desk.at("17:00:00")
    desk.gateway.start()
    desk.until_told(FIRST, SECOND, DUTY[SECOND])
    desk.tick()
    desk.until_told(FIRST, SECOND, DUTY[SECOND])


def test_two_daemons_tell_the_next_contact_once(desk, make_gateway, db):
    other = make_gateway("other").start()
    for n in range(2, 12):
        desk.new_patient(n)
        desk.bring("36.9 90 N", n=n)
    wait_for(lambda: db.one("SELECT count(*) FROM hersys.outbox") == 0)
    desk.at("12:15:00")
    wait_for(lambda: db.one("SELECT min(told_times) FROM hersys.alert") == 2)
    desk.tick()
    taken = [m for gateway in (desk.gateway, other) for m in gateway.spooled()]
    assert len([m for m in taken if m.get("mailbox") == SECOND]) == len([m for m in taken if m.get("phone") == DUTY[SECOND]]) == 10


# ---- by the hour

def test_what_is_to_be_watched_stands_in_one_digest_an_hour(desk):
    second = desk.new_patient(2)
    desk.bring("36.9 95 N")
    desk.bring("38.6 97 N", n=2)
    desk.answered(n=2)
    desk.at("12:59:59")
    desk.tick()
    assert desk.told() == []
    desk.at("13:00:00")
    desk.until_told(FIRST)
    mail, = desk.mails(FIRST)
    assert "2" in mail["subject"] and CONSOLE in mail["text"]
    for alert in desk.alerts():
        assert str(alert["id"]) in mail["text"] and str(alert["patient"]) in mail["text"]
    assert {alert["patient"] for alert in desk.alerts()} == {desk.patient, second}
    assert not any(secret in mail["subject"] + mail["text"] for secret in (*NAME, phone(1), phone(2), "95", "38.6", "97", "SpO2"))
    desk.at("13:30:00")
    desk.bring("36.9 94 N")
    desk.answered(2)
    desk.tick(1.5)
    desk.until_told(FIRST)
    desk.at("14:00:00")
    desk.until_told(FIRST, FIRST)
    desk.at("16:00:00")
    desk.tick(1.5)
    desk.until_told(FIRST, FIRST)


def test_what_was_seen_needs_no_digest(desk):
    desk.bring("36.9 95 N")
    desk.api.post(f"/v1/alerts/{desk.alert()['id']}/seen").good()
    desk.at("13:00:00")
    desk.tick()
    assert desk.told() == []


def test_no_digest_comes_in_quiet_hours_and_the_first_hour_after_them_has_all(make_gateway, db):
    desk = Desk(make_gateway, db, quiet_from="21:00", quiet_until="08:00")
    for clock, day in (("20:30:00", "2026-02-03"), ("23:30:00", "2026-02-03"), ("03:30:00", "2026-02-04")):
        desk.at(clock, day=day)
        desk.bring("36.9 95 N")
        desk.tick(1.5)
    assert desk.told() == []
    desk.at("07:59:59", day="2026-02-04")
    desk.tick(1.5)
    assert desk.told() == []
    desk.at("08:00:00", day="2026-02-04")
    desk.until_told(FIRST)
    assert "3" in desk.mails(FIRST)[0]["subject"]


# ---- over the API

def test_alerts_are_listed_urgent_first_and_each_once_in_pages(desk):
    texts = ("36.9 95 N", "36.9 90 N", "38.6 97 N", "36.9 91 N", "36.9 94 N")
    for n, text in enumerate(texts, 11):
        desk.new_patient(n)
        desk.bring(text, n=n)
    levels = [alert["level"] for alert in desk.alerts()]
    assert levels == ["urgent"] * 2 + ["watch"] * 3
    for state in ("open", "all"):
        ids, after = [], 0
        while after is not None:
            page = desk.api.get(f"/v1/alerts?state={state}&after={after}&limit=2").good()
            ids += [alert["id"] for alert in page["alerts"]]
            after = page["next"]
        assert ids == [alert["id"] for alert in desk.alerts(state)]
    assert ids == sorted(ids)


@pytest.mark.parametrize("query", ["state=closed", "state=", "state=open&state=all", "after=999999", "after=x", "limit=0"])
def test_a_query_that_is_not_possible_is_refused(desk, query):
    assert desk.api.get(f"/v1/alerts?{query}").bad(400, "invalid-parameter")["parameter"] == query.partition("=")[0]


def test_a_report_that_was_corrected_leaves_its_alert_which_says_so(desk):
    desk.bring("36.9 90 N")
    assert desk.alert()["report_superseded"] is False
    desk.bring("訂正 36.9 98 N")
    desk.answered(2)
    assert desk.alert()["report_superseded"] is True
