"""Registration links by the API and by hersysctl: sent, followed, held, released, taken back."""
import re
import subprocess

import pytest
from api_client import Api
from api_world import mint_link
from conftest import BUILD, phone, wait_for


@pytest.fixture
def office(gateway, db):
    """A centre's client, and a second person of the same centre."""
    api = Api(gateway, None)
    api.centre = db.centre()
    api.token = gateway.token(api.centre, "desk-1")
    api.second = Api(gateway, gateway.token(api.centre, "desk-2"))
    return api


def send(office, *patients, channel="sms", **more):
    return office.post("/v1/links", {"patients": list(patients), "channel": channel}, **more)


def cap(office, db, links):
    db.sql("UPDATE hersys.centre SET daily_cap = %s WHERE id = %s", links, office.centre)


def people(office, count, first=1):
    return [office.new_patient(phone=phone(first + n))["id"] for n in range(count)]


def test_a_link_reaches_the_patient_and_is_followed_down_to_the_receipt(office, db):
    patient, = people(office, 1)
    answer = send(office, patient)
    batch = answer.good(202)
    assert batch["state"] == "sent" and batch["requested_by"] == "api:desk-1" and batch["held_for"] is None
    link = batch["links"][0]["link"]
    text, = wait_for(lambda: office.gateway.texts(phone(1)), what="the link")
    assert f"https://my-her-sys.example.jp/r/{link}-{mint_link(office.gateway, db, link)}" in text
    wait_for(lambda: office.get(f"/v1/links/{link}").good()["message"]["state"] == "delivered", what="the receipt")
    followed = office.get(f"/v1/links/{link}").good()
    assert followed["state"] == "open" and followed["patient"] == patient and followed["message"]["attempts"] == 1
    assert office.get(answer.headers["Location"]).good()["links"] == [
        {"patient": patient, "link": link, "message": followed["message"]["id"], "state": "delivered", "reason": None, "error": None}]


def test_a_link_that_does_not_arrive_says_why(office):
    patient = office.new_patient(phone=phone(91))["id"]  # this number does not exist
    batch = send(office, patient).good(202)
    wait_for(lambda: office.get(f"/v1/batches/{batch['id']}").good()["links"][0]["state"] == "dead")
    link = office.get(f"/v1/batches/{batch['id']}").good()["links"][0]
    assert link["error"] == "no_such_number"
    assert office.get(f"/v1/links/{link['link']}").good()["message"]["error"] == "no_such_number"


def test_a_link_by_e_mail_is_minted_for_the_address(office, db):
    patient = office.new_patient(phone=phone(1), email="sample@example.jp")["id"]
    link = send(office, patient, channel="email").good(202)["links"][0]
    assert office.get(f"/v1/links/{link['link']}").good()["channel"] == "email"
    assert db.sql("SELECT channel, recipient FROM hersys.registration_link") == [("email", "sample@example.jp")]
    assert db.sql("SELECT channel, recipient FROM hersys.outbox WHERE id = %s UNION ALL SELECT channel, recipient FROM hersys.outbox_history WHERE id = %s",
                  link["message"], link["message"]) == [("email", "sample@example.jp")]


def test_a_new_link_ends_the_one_before(office):
    patient, = people(office, 1)
    first, second = (send(office, patient).good(202)["links"][0]["link"] for _ in range(2))
    assert [office.get(f"/v1/links/{link}").good()["state"] for link in (first, second)] == ["revoked", "open"]


def test_a_link_expires_after_three_days(office, db):
    db.hold_clock("2026-02-03 09:00:00+09")
    link = send(office, *people(office, 1)).good(202)["links"][0]["link"]
    db.hold_clock("2026-02-06 09:00:01+09")
    assert office.get(f"/v1/links/{link}").good()["state"] == "expired"


def test_who_cannot_get_a_link_is_refused_with_the_reason_and_the_others_go_on(office, db):
    good, = people(office, 1)
    nobody, landline = office.new_patient()["id"], office.new_patient(phone="03-0000-0001")["id"]
    ended = office.new_patient(phone=phone(2))["id"]
    office.patch(f"/v1/patients/{ended}", {"ended": True}).good()
    stopped = office.new_patient(phone=phone(3))["id"]
    db.sql("INSERT INTO hersys.suppression (channel, address, reason) VALUES ('sms', %s, 'stop')", phone(3))
    links = send(office, nobody, good, landline, ended, stopped, 4711).good(202)["links"]
    assert [link["state"] for link in links] == ["refused", "queued", "refused", "refused", "refused", "refused"]
    for link, reason in zip(links, ["has no telephone", None, "takes no SMS", "has ended", "has stopped messages", "there is no patient 4711"]):
        assert reason is None or (reason in link["reason"] and phone(3) not in link["reason"] and link["link"] is None)
    wait_for(lambda: office.gateway.texts(phone(1)))


@pytest.mark.parametrize("patients, pointer", [
    ([], "/patients"), ({}, "/patients"), (7, "/patients"), (None, "/patients"), ([0], "/patients/0"), ([1, -2], "/patients/1"), ([1, 2, 1], "/patients/2"),
    (["1"], "/patients/0"), ([1.0], "/patients/0"), ([1, None], "/patients/1"), ([True], "/patients/0"), (list(range(1, 5002)), "/patients"),
])
def test_a_list_of_patients_that_is_none_is_refused_where_it_is_wrong(office, db, patients, pointer):
    refused = office.post("/v1/links", {"patients": patients, "channel": "sms"})
    refused.bad(422, "invalid-values")
    assert refused.pointers == [pointer] and db.one("SELECT count(*) FROM hersys.send_batch") == 0


def test_a_batch_has_5000_patients_at_most_and_is_asked_for_in_one_call(office, db):
    links = send(office, *range(100001, 105001)).good(202)["links"]
    assert len(links) == 5000 and {link["state"] for link in links} == {"refused"}


def test_a_batch_goes_out_at_the_centres_pace(office, db):
    db.sql("UPDATE hersys.centre SET links_per_second = 2 WHERE id = %s", office.centre)
    ids = people(office, 4)
    send(office, *ids).good(202)
    rows = db.sql("SELECT extract(epoch FROM l.expires_at - min(l.expires_at) OVER ())::float FROM hersys.registration_link l ORDER BY l.id")
    assert [row[0] for row in rows] == [0, 0.5, 1, 1.5]
    wait_for(lambda: len(office.gateway.spooled()) == 4, what="all of them")


# ---- the cap

def test_a_batch_above_the_days_cap_is_held_whole_until_a_second_person_releases_it(office, db):
    cap(office, db, 2)
    ids = people(office, 3)
    held = send(office, *ids).good(202)
    batch = f"/v1/batches/{held['id']}"
    assert (held["state"], held["held_for"]) == ("held", "daily_cap") and [link["state"] for link in held["links"]] == ["held"] * 3
    assert db.one("SELECT count(*) FROM hersys.outbox") == 0 and db.one("SELECT count(*) FROM hersys.registration_link") == 0
    assert "cannot release" in office.post(f"{batch}/release").bad(409, "not-possible")["detail"]
    assert office.get(batch).good()["state"] == "held"
    released = office.second.post(f"{batch}/release").good()
    assert (released["state"], released["requested_by"], released["released_by"]) == ("sent", "api:desk-1", "api:desk-2")
    wait_for(lambda: {m["phone"] for m in office.gateway.spooled()} == {phone(n) for n in (1, 2, 3)}, what="the links")
    office.second.post(f"{batch}/release").bad(409, "not-possible")
    assert len(office.gateway.spooled()) == 3


def test_two_tokens_of_one_actor_are_one_person(office, db):
    cap(office, db, 0)
    held = send(office, *people(office, 1)).good(202)
    again = Api(office.gateway, office.gateway.token(office.centre, "desk-1"))
    again.post(f"/v1/batches/{held['id']}/release").bad(409, "not-possible")


def test_below_the_cap_nothing_is_held_and_each_centre_has_its_own(office, db):
    cap(office, db, 2)
    assert send(office, *people(office, 2)).good(202)["state"] == "sent"
    assert send(office, *people(office, 1, 5)).good(202)["state"] == "held"
    centre = db.centre("別保健所")
    other = Api(office.gateway, office.gateway.token(centre, "desk-1"))
    assert send(other, *people(other, 1, 7)).good(202)["state"] == "sent"


def test_after_24_hours_nobody_can_release_a_batch(office, db):
    db.hold_clock("2026-02-03 09:00:00+09")
    cap(office, db, 0)
    held = send(office, *people(office, 1)).good(202)
    db.hold_clock("2026-02-04 09:00:01+09")
    assert "ask for it again" in office.second.post(f"/v1/batches/{held['id']}/release").bad(409, "not-possible")["detail"]


def test_a_held_batch_that_is_taken_back_is_never_sent(office, db):
    cap(office, db, 0)
    held = send(office, *people(office, 2)).good(202)
    batch = f"/v1/batches/{held['id']}"
    cancelled = office.post(f"{batch}/cancel").good()
    assert cancelled["state"] == "cancelled" and [link["state"] for link in cancelled["links"]] == ["cancelled"] * 2
    office.second.post(f"{batch}/release").bad(409, "not-possible")
    assert office.post(f"{batch}/cancel", {}).good() == cancelled


def test_a_batch_that_was_sent_and_is_taken_back_opens_nothing_any_more(office, db):
    batch = send(office, *people(office, 1)).good(202)
    wait_for(lambda: office.gateway.texts(phone(1)))
    office.post(f"/v1/batches/{batch['id']}/cancel").good()
    assert office.get(f"/v1/links/{batch['links'][0]['link']}").good()["state"] == "revoked"


@pytest.mark.parametrize("way", ["release", "cancel"])
def test_a_word_on_a_batch_wants_no_body(office, db, way):
    cap(office, db, 0)
    batch = send(office, *people(office, 1)).good(202)["id"]
    path = f"/v1/batches/{batch}/{way}"
    office.second.post(path, raw=b"x=1", type="application/x-www-form-urlencoded").bad(415, "unsupported-media-type")
    office.second.post(path, {"sure": True}).bad(422, "invalid-values")
    assert office.get(f"/v1/batches/{batch}").good()["state"] == "held"


# ---- the operator

def test_the_operator_sends_several_links_as_a_batch(office, db):
    said = office.gateway.ctl("link", "send", *people(office, 2))
    assert re.fullmatch(r"(link \d+ queued as message \d+\n){2}", said)
    wait_for(lambda: office.gateway.texts(phone(1)) and office.gateway.texts(phone(2)))
    number = db.one("SELECT max(id) FROM hersys.send_batch")
    assert office.get(f"/v1/batches/{number}").good()["requested_by"].startswith("os:")


def test_the_operator_is_told_of_each_patient_who_gets_no_link(office, db):
    able = people(office, 2)
    unable = office.new_patient()["id"]
    said = office.gateway.ctl("link", "send", able[0], unable, able[1], status=1)
    assert said == f"hersysctl: not sent: patient {unable} has no telephone\n"
    wait_for(lambda: office.gateway.texts(phone(1)) and office.gateway.texts(phone(2)), what="those of the others")


def test_a_single_link_of_the_operator_above_the_cap_is_held_too(office, db):
    db.sql("UPDATE hersys.centre SET daily_cap = 0")
    said = office.gateway.ctl("link", "send", *people(office, 1))
    assert re.fullmatch(r"batch (\d+) is held: .* hersysctl batch release \1\n", said)


def test_the_operator_sends_a_link_by_e_mail(office, db):
    patient = office.new_patient(email="sample@example.jp")["id"]
    assert re.fullmatch(r"link \d+ queued as message \d+\n", office.gateway.ctl("link", "send", "--email", patient))
    assert db.sql("SELECT channel, recipient FROM hersys.registration_link") == [("email", "sample@example.jp")]
    assert "has no e-mail address" in office.gateway.ctl("link", "send", "--email", *people(office, 1), status=1)


def test_patients_of_two_centres_are_no_batch(office, db):
    mine, = people(office, 1)
    assert "several centres" in office.gateway.ctl("link", "send", mine, db.patient(db.centre("別保健所"), phone(7)), status=1)
    assert db.one("SELECT count(*) FROM hersys.registration_link") == 0


def test_a_batch_of_the_api_is_released_by_the_operator(office, db):
    assert office.gateway.ctl("batch", "list") == "(no batch is held)\n"
    cap(office, db, 0)
    batch = send(office, *people(office, 2)).good(202)["id"]
    assert re.search(rf"^{batch} +{office.centre} +sms +2 .*api:desk-1$", office.gateway.ctl("batch", "list"), re.M)
    assert office.gateway.ctl("batch", "release", batch) == "released: 2 links queued\n"
    assert office.get(f"/v1/batches/{batch}").good()["released_by"].startswith("os:")
    wait_for(lambda: office.gateway.texts(phone(1)) and office.gateway.texts(phone(2)))
    assert "is not held" in office.gateway.ctl("batch", "release", batch, status=1)
    assert "there is no batch 4711" in office.gateway.ctl("batch", "release", 4711, status=1)


def test_a_batch_of_the_operator_is_released_by_somebody_else(office, db):
    cap(office, db, 0)
    said = office.gateway.ctl("link", "send", *people(office, 2))
    batch = re.fullmatch(r"batch (\d+) is held: .* hersysctl batch release \1\n", said).group(1)
    assert "cannot release" in office.gateway.ctl("batch", "release", batch, status=1)
    assert office.get(f"/v1/batches/{batch}").good()["state"] == "held"
    assert office.second.post(f"/v1/batches/{batch}/release").good()["state"] == "sent"


@pytest.mark.parametrize("words", [["batch"], ["batch", "release"], ["batch", "release", "x"], ["batch", "list", "all"], ["link", "send", "--email"]])
def test_a_wrong_command_line_for_batches_is_told(make_gateway, words):
    done = subprocess.run([BUILD / "hersysctl", "-c", make_gateway().config, *words], capture_output=True, text=True)
    assert done.returncode == 2 and f"usage: hersysctl {words[0]}" in done.stderr
