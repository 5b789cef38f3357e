"""Confirmation codes by the API: asked for, typed, tried too often, asked for too often."""
import concurrent.futures
import subprocess

import pytest
from api_client import Api
from api_world import mint_code, wrong_code
from conftest import BUILD, phone, wait_for

START = "2026-02-03 09:00:00+09"


@pytest.fixture
def portal(gateway, db):
    """A portal's client; the clock stands still, and goes on by later()."""
    db.hold_clock(START)
    api = Api(gateway, None)
    api.centre = db.centre()
    api.token = gateway.token(api.centre, "portal", "codes")
    return api


def later(db, interval):
    db.sql("SELECT hersys.clock_hold(%s::timestamptz + %s::interval)", START, interval)


def ask(portal, address="sample@example.jp", channel="email", language="ja", **more):
    return portal.post("/v1/codes", {"channel": channel, "address": address, "language": language, **more})


def attempt(portal, code, typed):
    return portal.post(f"/v1/codes/{code}/verify", {"code": typed})


def state(portal, code):
    return portal.get(f"/v1/codes/{code}").good()


@pytest.mark.parametrize("channel, address, expires", [("email", "sample@example.jp", "2026-02-03T00:30:00.000Z"),
                                                       ("sms", "070-0000-0001", "2026-02-03T00:10:00.000Z")])
def test_a_code_that_is_typed_right_is_verified_and_used_up(portal, db, channel, address, expires):
    answer = ask(portal, address, channel)
    code = answer.good(202)
    assert answer.headers["Location"] == f"/v1/codes/{code['id']}"
    assert (code["expires_at"], code["resend_after"]) == (expires, "2026-02-03T00:01:00.000Z")
    assert (state(portal, code["id"])["state"], state(portal, code["id"])["attempts_left"]) == ("open", 5)
    right = mint_code(portal.gateway, db, code["id"])
    assert attempt(portal, code["id"], right).good() == {"id": code["id"], "verified": True}
    assert state(portal, code["id"])["state"] == "verified"
    assert attempt(portal, code["id"], right).bad(409, "not-possible")["detail"] == "verified already"


def test_a_code_has_as_many_digits_as_are_configured(make_gateway, db):
    gateway = make_gateway(codes__digits=8).start()
    portal = Api(gateway, gateway.token(db.centre()))
    code = ask(portal).good(202)["id"]
    right = mint_code(gateway, db, code)
    assert len(right) == 8
    attempt(portal, code, right[:6]).bad(422, "wrong-code")
    attempt(portal, code, right).good()


@pytest.mark.parametrize("form", [
    lambda c: c.translate({ord(str(n)): chr(0xFF10 + n) for n in range(10)}), lambda c: f" {c[:3]} {c[3:]} ", lambda c: f"{c[:3]}-{c[3:]}",
    lambda c: f"{c[:3]}　{c[3:]}", lambda c: f"{c[:2]}－{c[2:4]}‐{c[4:]}", lambda c: f"{c[:3]}ー{c[3:]}", lambda c: f"{c[:3]}−{c[3:]}"])
def test_a_code_is_read_as_people_type_it(portal, db, form):
    code = ask(portal).good(202)["id"]
    attempt(portal, code, form(mint_code(portal.gateway, db, code))).good()


@pytest.mark.parametrize("typed", ["", "12345", "123456789", "12345a", "12345.6", "１２３４５", "-", 123456, None, ["123456"], "1" * 5000, "一二三四五六"])
def test_what_cannot_be_a_code_is_refused_and_counts_for_nothing(portal, db, typed):
    code = ask(portal).good(202)["id"]
    assert attempt(portal, code, typed).bad(422, "invalid-values")["pointer"] == "/code"
    assert state(portal, code)["attempts_left"] == 5


def test_five_wrong_tries_lock_a_code_even_for_the_right_one(portal, db):
    code = ask(portal).good(202)["id"]
    right = mint_code(portal.gateway, db, code)
    left = [attempt(portal, code, wrong_code(right)).bad(422, "wrong-code")["attempts_left"] for _ in range(5)]
    assert left == [4, 3, 2, 1, 0]
    assert attempt(portal, code, right).bad(409, "not-possible")["detail"] == "locked: five wrong tries"
    assert (state(portal, code)["state"], state(portal, code)["attempts_left"]) == ("locked", 0)


def test_the_fifth_try_may_be_the_right_one(portal, db):
    code = ask(portal).good(202)["id"]
    right = mint_code(portal.gateway, db, code)
    for _ in range(4):
        attempt(portal, code, wrong_code(right)).bad(422, "wrong-code")
    attempt(portal, code, right).good()


def test_however_many_try_at_once_five_are_compared(portal, db):
    code = ask(portal).good(202)["id"]
    wrong = wrong_code(mint_code(portal.gateway, db, code))
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: attempt(portal, code, wrong), range(20)))
    assert sorted(answer.status for answer in answers) == [409] * 15 + [422] * 5


def test_of_many_right_ones_at_once_one_is_first(portal, db):
    code = ask(portal).good(202)["id"]
    right = mint_code(portal.gateway, db, code)
    with concurrent.futures.ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(lambda _: attempt(portal, code, right), range(5)))
    assert sorted(answer.status for answer in answers) == [200, 409, 409, 409, 409]


@pytest.mark.parametrize("channel, address, minutes", [("email", "sample@example.jp", 30), ("sms", phone(1), 10)])
def test_a_code_expires(portal, db, channel, address, minutes):
    code = ask(portal, address, channel).good(202)["id"]
    right = mint_code(portal.gateway, db, code)
    later(db, f"{minutes} minutes")
    assert attempt(portal, code, right).bad(409, "not-possible")["detail"] == "expired"
    assert state(portal, code)["state"] == "expired"


def test_a_new_code_ends_the_old_one_and_is_another(portal, db):
    old = ask(portal).good(202)["id"]
    right = mint_code(portal.gateway, db, old)
    later(db, "60 seconds")
    new = ask(portal).good(202)["id"]
    assert attempt(portal, old, right).bad(409, "not-possible")["detail"] == "ended"
    assert state(portal, old)["state"] == "ended"
    attempt(portal, new, mint_code(portal.gateway, db, new)).good()


def test_the_code_of_a_rotated_key_still_opens_and_one_of_a_lost_key_says_so(portal, db):
    gateway, folder = portal.gateway, portal.gateway.folder / "keys"
    code = ask(portal).good(202)["id"]
    right = mint_code(gateway, db, code)
    subprocess.run([BUILD / "hersysctl", "key", "new", folder / "code-2.key"], check=True)
    gateway.process.send_signal(1)
    wait_for(lambda: gateway.events("reloaded"))
    other = ask(portal, "other@example.jp").good(202)["id"]
    assert db.sql("SELECT key_id FROM hersys.confirmation ORDER BY id") == [(1,), (2,)]
    attempt(portal, code, right).good()
    attempt(portal, other, mint_code(gateway, db, other)).good()
    lost = ask(portal, "third@example.jp").good(202)["id"]
    right = mint_code(gateway, db, lost)
    (folder / "code-2.key").unlink()
    gateway.process.send_signal(1)
    wait_for(lambda: len(gateway.events("reloaded")) == 2)
    assert "Ask for a new one" in attempt(portal, lost, right).bad(409, "not-possible")["detail"]
    assert gateway.events("code_key_missing")


def test_the_message_of_a_code_carries_no_code_in_the_database(portal, db):
    code = ask(portal, phone(1), "sms").good(202)["id"]
    right = mint_code(portal.gateway, db, code)
    rows = db.sql("SELECT kind, params::text FROM hersys.outbox UNION ALL SELECT kind, params::text FROM hersys.outbox_history")
    assert [row[0] for row in rows] == ["confirmation_code"] and right not in rows[0][1]
    assert state(portal, code)["message"]["id"] == db.one("SELECT message_id FROM hersys.confirmation")


# ---- limits

def test_another_code_is_sent_after_60_seconds(portal, db):
    ask(portal).good(202)
    refused = ask(portal, "SAMPLE@example.jp")
    refused.bad(429, "too-many-requests")
    assert refused.headers["Retry-After"] == "60"
    later(db, "59.5 seconds")
    assert ask(portal).headers["Retry-After"] == "1"
    later(db, "60 seconds")
    ask(portal).good(202)
    assert db.one("SELECT count(*) FROM hersys.confirmation") == 2


def test_an_address_gets_5_codes_in_10_minutes_whoever_asks(portal, db, gateway):
    other = Api(gateway, gateway.token(db.centre("別保健所"), "portal", "codes"))
    for n in range(5):
        later(db, f"{n} minutes")
        ask(other if n % 2 else portal).good(202)
    later(db, "5 minutes")
    for asker in (portal, other):
        assert ask(asker).bad(429, "too-many-requests") and ask(asker).headers["Retry-After"] == "300"
    later(db, "10 minutes")
    ask(portal).good(202)


def test_an_address_gets_10_codes_a_day(portal, db):
    for n in range(10):
        later(db, f"{n * 11} minutes")
        ask(portal).good(202)
    later(db, "23 hours 59 minutes")
    assert ask(portal).headers["Retry-After"] == "60"
    ask(portal, "other@example.jp").good(202)
    later(db, "24 hours")
    ask(portal).good(202)


@pytest.mark.parametrize("same, other", [
    (["192.0.2.7", "::ffff:192.0.2.7", "::FFFF:c000:207"], "192.0.2.8"),
    (["2001:db8:1:2::1", "2001:0DB8:1:2:ffff::9", "2001:db8:1:2:3:4:192.0.2.1"], "2001:db8:1:3::1")])
def test_a_client_gets_60_codes_an_hour_ipv6_by_its_network(portal, db, same, other):
    for n in range(60):
        ask(portal, f"sample{n}@example.jp", client=same[n % len(same)]).good(202)
    refused = ask(portal, "sample60@example.jp", client=same[0])
    refused.bad(429, "too-many-requests")
    assert refused.headers["Retry-After"] == "3600"
    ask(portal, "sample60@example.jp", client=other).good(202)
    ask(portal, "sample61@example.jp").good(202)


def test_what_is_counted_is_known_to_the_database_by_no_address(portal, db):
    ask(portal, client="192.0.2.7").good(202)
    names = [bytes(row[0]) for row in db.sql("SELECT name FROM hersys.code_counter")]
    assert len(set(names)) == 2 and all(len(name) == 32 for name in names)
    assert not any(b"sample" in name or b"192" in name for name in names)


def test_one_address_asked_for_by_many_at_once_gets_one_code(portal, db):
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: ask(portal), range(12)))
    assert sorted(answer.status for answer in answers) == [202] + [429] * 11


# ---- what is asked for

@pytest.mark.parametrize("body, pointers", [
    ({}, ["/channel", "/address", "/language"]), ({"channel": "fax"}, ["/channel"]), ({"address": "sample"}, ["/address"]), ({"address": phone(1)}, ["/address"]),
    ({"channel": "sms"}, ["/address"]), ({"channel": "sms", "address": "03-0000-0001"}, ["/address"]), ({"language": "fr"}, ["/language"]),
    ({"client": "example.jp"}, ["/client"]), ({"client": "192.0.2.256"}, ["/client"]), ({"client": "192.0.2.7:80"}, ["/client"]), ({"client": "fe80::1%eth0"}, ["/client"]),
    ({"client": "192.0.2.07"}, ["/client"]), ({"client": ""}, ["/client"]), ({"digits": 4}, ["/digits"]), ({"address": "sample", "language": "x"}, ["/language", "/address"]),
])
def test_a_code_for_what_is_no_address_is_refused_where_it_is_wrong(portal, db, body, pointers):
    good = {"channel": "email", "address": "sample@example.jp", "language": "ja"} if body else {}
    assert portal.post("/v1/codes", {**good, **body}).pointers == pointers
    assert db.one("SELECT count(*) FROM hersys.code_counter") == 0


def test_no_code_goes_where_nothing_may_go(portal, db):
    db.sql("INSERT INTO hersys.suppression (channel, address, reason) VALUES ('email', 'stopped@example.jp', 'stop'), ('sms', %s, 'stop')", phone(2))
    db.sql("INSERT INTO hersys.phone (number, quarantined_at) VALUES (%s, now())", phone(3))
    for address, channel in (("stopped@example.jp", "email"), (phone(2), "sms"), (phone(3), "sms"), ("+12025550100", "sms")):
        refused = ask(portal, address, channel).bad(409, "not-possible")
        assert address not in refused["detail"]
    assert db.one("SELECT count(*) FROM hersys.outbox") == 0
