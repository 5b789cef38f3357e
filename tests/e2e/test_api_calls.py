"""What every call of the API shares: tokens, hostile bodies, idempotency keys, a daemon or a database that dies, the log."""
import concurrent.futures
import contextlib
import itertools
import os
import re
import signal
import socket
import threading

import pytest
from api_client import SCOPES, Api, operations
from api_world import World, database_away, mint_code, report, wrong_code
from conftest import phone, wait_for

NAMES = [(operation["operationId"], method) for _, method, operation in operations() if operation.get("security") != []]
PERSON = {"input_id": "1234567", "family_name": "見本", "given_name": "花子", "date_of_birth": "1980-01-31"}


@pytest.fixture
def office(gateway, db):
    """A centre's client."""
    api = Api(gateway, None)
    api.centre = db.centre()
    api.token = gateway.token(api.centre)
    return api


def people(db):
    return db.one("SELECT count(*) FROM hersys.patient")


# ---- tokens

def flipped(token):
    """Another secret of the same form."""
    return token[:-2] + ("A" if token[-2] != "A" else "B") + token[-1]


@pytest.mark.parametrize("damage", [
    lambda t: "", lambda t: t.partition(".")[0], lambda t: t.replace(".", " "), lambda t: t + "x", lambda t: t[:-1], lambda t: t + " x",
    lambda t: t.partition(".")[0].upper() + "." + t.partition(".")[2], lambda t: "a" * 7 + t[12:], lambda t: "a" * 33 + t[12:],
    lambda t: t[:-1] + "+", lambda t: t[:-1] + "é".encode().decode("latin-1"), lambda t: "'; --" + t,
])
def test_a_token_that_is_malformed_opens_nothing(office, db, damage):
    refused = office.post("/v1/patients", PERSON, token=damage(office.token))
    refused.bad(401, "unauthorized")
    assert 'error="invalid_token"' in refused.headers["WWW-Authenticate"]
    assert people(db) == 0


@pytest.mark.parametrize("header", ["Basic {}", "{}", "Token {}", "Bearer", "Bearer  {}", "Bearer {}, Bearer {}"])
def test_no_other_way_of_showing_a_token_is_taken(office, header):
    office.get("/v1/patients", headers={"Authorization": header.format(office.token, office.token)}, token=None).bad(401, "unauthorized")


def test_the_scheme_of_a_token_is_written_in_any_case(office):
    office.get("/v1/patients", headers={"Authorization": f"bEARER {office.token}"}, token=None).good()


def test_two_tokens_in_one_request_are_none(office):
    answer = raw_request(office.gateway, "GET /v1/patients HTTP/1.1\r\nHost: x\r\n" + 2 * f"Authorization: Bearer {office.token}\r\n" + "\r\n")
    assert answer.startswith("HTTP/1.1 401 ")


def raw_request(gateway, text):
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=20) as connection:
        connection.sendall(text.encode())
        return connection.recv(65536).decode()


def test_without_a_token_nothing_is_said_of_an_error(office):
    refused = office.get("/v1/patients", token=None)
    refused.bad(401, "unauthorized")
    assert refused.headers["WWW-Authenticate"] == 'Bearer realm="hersys-gateway"'


def test_a_wrong_secret_an_unknown_name_an_expired_and_a_revoked_token_are_not_told_apart(gateway, db, office):
    expired = gateway.token(office.centre, "late", SCOPES, "--days", "1")
    revoked = gateway.token(office.centre, "gone")
    Api(gateway, expired).get("/v1/patients").good()
    Api(gateway, revoked).get("/v1/patients").good()
    assert gateway.ctl("token", "revoke", revoked.partition(".")[0]) == "revoked\n"
    assert "not revoked already" in gateway.ctl("token", "revoke", revoked.partition(".")[0], status=1)
    at = db.one("SELECT (now() + interval '25 hours')::text")
    db.hold_clock(at)
    answers = [office.get("/v1/patients", token=token) for token in
               (flipped(office.token), "abcdefgh2345" + office.token[12:], expired, revoked)]
    assert [answer.status for answer in answers] == [401] * 4
    assert len({(answer.raw, answer.headers["WWW-Authenticate"]) for answer in answers}) == 1
    office.get("/v1/patients").good()


def test_a_refused_token_stands_in_the_log_without_a_word_of_it(office):
    office.get("/v1/patients", token=flipped(office.token))
    office.get("/v1/patients", token=office.gateway.token(office.centre, "narrow", "codes"))
    line, other = office.gateway.events("api_refused")
    assert "path=/v1/patients" in line and "reason=token_not_valid" in line and "reason=scope_missing" in other
    assert office.token[:12] not in line and office.token[20:30] not in line


@pytest.mark.parametrize("name, method", NAMES)
def test_a_token_opens_what_its_scope_names_and_nothing_else(gateway, db, name, method):
    world = World(gateway, db)
    scope = world.scope_of(name)
    narrow = gateway.token(world.centre, "narrow", scope)
    refused = world.call(name, token=world.token_without(name))
    refused.bad(403, "insufficient-scope")
    assert refused.headers["WWW-Authenticate"].endswith(f', error="insufficient_scope", scope="{scope}"')
    assert world.call(name, token=narrow).status in (200, 201, 202)


def everything(db, centre):
    """All that a centre has, but for the audit trail and the tokens."""
    tables = ["patient", "registration_link", "confirmation", "send_batch", "send_request", "outbox", "status_report"]
    return {table: db.one(f"SELECT coalesce(string_agg(t::text, E'\\n' ORDER BY t::text), '') FROM hersys.{table} t WHERE t.centre_id = %s", centre)
            for table in tables}


def test_what_belongs_to_another_centre_is_not_there_and_is_not_changed(make_gateway, db):
    gateway = make_gateway(sandbox__receipt_milliseconds=0).start()
    world = World(gateway, db)
    with_id = [(operation["operationId"], method) for path, method, operation in operations() if "{id}" in path]
    assert len(with_id) == 11
    for name, _ in with_id:
        world.prepare(name)
    wait_for(lambda: db.one("SELECT count(*) FROM hersys.outbox WHERE channel = 'sms'") == 0, what="the link's way out")
    before = everything(db, world.centre)
    for name, method in with_id:
        foreign, unknown = world.call(name, token=world.stranger), world.call(name, token=world.stranger, other_id=999999)
        foreign.bad(404, "not-found")
        unknown.bad(404, "not-found")
        number = re.search(r"/(\d+)", world.prepare(name)[1]).group(1)
        assert foreign.json["detail"].replace(number, "999999") == unknown.json["detail"], "not told apart"
    assert everything(db, world.centre) == before
    mine = Api(gateway, world.stranger)
    assert mine.get("/v1/patients").good()["patients"] == []
    assert mine.get("/v1/reports").good()["reports"] == []
    mine.get(f"/v1/unreported?slot={world.slot}").bad(404, "not-found")
    refused = mine.post("/v1/links", {"patients": [world.patient], "channel": "sms"}).good(202)["links"]
    assert [(link["state"], link["reason"]) for link in refused] == [("refused", f"there is no patient {world.patient}")]
    taken = mine.post("/v1/patients", {**PERSON, "input_id": world.api.get(f"/v1/patients/{world.patient}").good()["input_id"]}).bad(409, "already-taken")
    assert taken["pointer"] == "/input_id" and not re.search(r"\d", taken["detail"]), "and whose it is stays unsaid"


# ---- the operator's side of tokens

def test_a_token_is_printed_once_and_alone_and_the_database_cannot_tell_it(make_gateway, db):
    gateway = make_gateway()
    token = gateway.ctl("token", "create", "--centre", db.centre(), "--actor", "desk", "--scope", "patients")
    assert re.fullmatch(r"[a-z2-7]{12}\.[A-Za-z0-9_-]{43}\n", token)
    secret = token.strip().partition(".")[2]
    everything = db.one("SELECT string_agg(t::text, ' ') FROM (SELECT query_to_xml('SELECT * FROM hersys.' || quote_ident(tablename), "
                        "true, false, '') AS t FROM pg_tables WHERE schemaname = 'hersys') AS x")
    assert secret not in everything
    shown = gateway.ctl("token", "list")
    assert token[:12] in shown and "alive" in shown and "desk" in shown and secret not in shown


def test_who_makes_a_token_is_told_on_standard_error_that_it_is_not_shown_again(make_gateway, db, capfd):
    import subprocess
    from conftest import BUILD
    gateway = make_gateway()
    done = subprocess.run([BUILD / "hersysctl", "-c", gateway.config, "token", "create", "--centre", str(db.centre()), "--actor", "desk",
                           "--scope", "patients,links", "--days", "7"], capture_output=True, text=True, check=True)
    assert "not shown again" in done.stderr and f"token revoke {done.stdout[:12]}" in done.stderr and done.stdout.strip()[13:] not in done.stderr


@pytest.mark.parametrize("words, said", [
    (["--actor", "x", "--scope", "patients", "--centre", "4711"], "there is no centre 4711"),
    (["--actor", "x", "--scope", "everything"], "the scopes are"), (["--actor", "x", "--scope", "patients", "--days", "91"], "1 to 90 days"),
    (["--actor", "x" * 97, "--scope", "patients"], "not possible"),
])
def test_a_token_that_cannot_be_is_refused_with_the_reason(make_gateway, db, words, said):
    words = words if "--centre" in words else [*words, "--centre", db.centre()]
    assert said in make_gateway().ctl("token", "create", *words, status=1)
    assert db.one("SELECT count(*) FROM hersys.api_token") == 0


def test_two_tokens_of_one_actor_live_at_once_and_no_third(make_gateway, db):
    gateway, centre = make_gateway(), db.centre()
    tokens = [gateway.token(centre), gateway.token(centre)]
    assert "revoke one" in gateway.ctl("token", "create", "--centre", centre, "--actor", "desk-1", "--scope", "links", status=1)
    gateway.ctl("token", "revoke", tokens[0].partition(".")[0])
    gateway.token(centre)


@pytest.mark.parametrize("words", [["create"], ["create", "--centre", "1", "--actor", "x"], ["create", "--centre"], ["revoke"], ["list", "all"],
                                   ["create", "--centre", "1", "--actor", "x", "--scope", ","], ["revoke", "abcdefgh2345." + "x" * 43]])
def test_a_wrong_command_line_for_tokens_is_told(make_gateway, words):
    assert "usage: hersysctl token" in make_gateway().ctl("token", *words, status=2)


def test_the_makers_and_enders_of_tokens_stand_in_the_audit_trail(make_gateway, db):
    gateway, centre = make_gateway(), db.centre()
    gateway.ctl("token", "revoke", gateway.token(centre).partition(".")[0])
    rows = db.sql("SELECT action, actor, centre_id FROM hersys.audit ORDER BY id")
    assert [row[0] for row in rows] == ["token_create", "token_revoke"] and {row[2] for row in rows} == {centre}
    assert all(row[1].startswith("os:") for row in rows)


# ---- bodies

@pytest.mark.parametrize("raw, said", [
    (b"", "no JSON"), (b"{", "no JSON"), (b'{"input_id": }', "no JSON"), (b'{"input_id": "1234567",}', "no JSON"), (b"{'input_id': 1}", "no JSON"),
    (b'{"input_id": "1234567"} x', "no JSON"), (b'{"input_id": 1e999}', "no JSON"), (b'{"x": 99999999999999999999999}', "no JSON"),
    (b'{"x": NaN}', "no JSON"), (b'{"family_name": "a\\u0000b"}', "no JSON"), (b'{"family_name": "\\ud800"}', "no JSON"), (b"\xef\xbb\xbf{}", "no JSON"),
    (b'{"family_name": "a\nb"}', "no JSON"), (b'{"family_name": "\xff"}', "not UTF-8"), ("{}".encode("utf-16"), "not UTF-8"), (b'{"x": "\xed\xa0\x80"}', "not UTF-8"),
    (b'{"input_id": "1234567", "input_id": "7654321"}', "twice"), (b'{"x": {"y": 1, "y": 2}}', "twice"),
    (b'{"x":' * 5000 + b"1" + b"}" * 5000, "nested"), (b"[" * 100000, "nested"), (b'{"a":"]]]]]]]\\"[[[[[[["', "no JSON"),
])
def test_a_body_that_is_no_json_as_we_want_it_is_refused_and_changes_nothing(office, db, raw, said):
    refused = office.post("/v1/patients", raw=raw).bad(400, "malformed-request")
    assert said in refused["detail"]
    assert people(db) == 0


def test_a_refusal_quotes_nothing_of_the_body(office):
    for raw in (b'{"SECRETNAME" "x"}', b'{"a": SECRETVALUE}', b'{"SECRETTWICE": 1, "SECRETTWICE": 2}'):
        assert b"SECRET" not in office.post("/v1/patients", raw=raw).raw


@pytest.mark.parametrize("raw", [b"[]", b'"x"', b"null", b"7", b"[{}]"])
def test_json_that_is_no_object_is_refused(office, raw):
    refused = office.post("/v1/patients", raw=raw)
    if refused.status == 400:  # RFC 8259 lets a text be a mere value; the reader wants a list or an object
        refused.bad(400, "malformed-request")
    else:
        assert refused.bad(422, "invalid-values")["pointer"] == ""


@pytest.mark.parametrize("type, status", [
    ("application/json", 201), ("application/json; charset=utf-8", 201), ("Application/JSON;charset=UTF-8", 201), ("text/json", 415), ("application/jsonx", 415),
    ("application/json; charset=shift_jis", 415), ("application/merge-patch+json", 415), ("application/x-www-form-urlencoded", 415), ("", 415)])
def test_a_body_has_to_be_of_the_described_type(office, db, type, status):
    import json
    answer = office.post("/v1/patients", raw=json.dumps(PERSON).encode(), headers={"Content-Type": type}, type=type or "x")
    if type == "":
        answer = office.post("/v1/patients", raw=json.dumps(PERSON).encode(), type=" ")
    assert answer.status == status and people(db) == (1 if status == 201 else 0)


def test_a_patch_says_which_type_it_wants(office):
    patient = office.new_patient()["id"]
    refused = office.patch(f"/v1/patients/{patient}", {"ended": True}, type="application/json")
    refused.bad(415, "unsupported-media-type")
    assert refused.headers["Accept-Patch"] == "application/merge-patch+json"
    assert office.get(f"/v1/patients/{patient}").good()["ended_at"] is None


def test_a_body_of_300_kib_is_refused_and_the_daemon_goes_on(office, db):
    assert office.post("/v1/patients", raw=b'{"x": "' + b"x" * 300 * 1024 + b'"}').status == 413
    office.post("/v1/patients", PERSON).good(201)


def test_all_faults_of_a_body_are_told_in_one_answer_each_at_its_place(office, db):
    refused = office.post("/v1/patients", {"input_id": "12345", "family_name": "", "given_name": 7, "date_of_birth": "1980-02-30", "language": "fr",
                                           "phone": "090-1234", "email": "a@", "phone_confirmed": "yes", "nickname": "x", "a/b~c": 1})
    refused.bad(422, "invalid-values")
    assert refused.pointers == ["/input_id", "/family_name", "/given_name", "/date_of_birth", "/language", "/phone", "/phone_confirmed", "/email",
                                "/nickname", "/a~1b~0c"]
    assert "pointer" not in refused.json and people(db) == 0


def test_a_single_fault_stands_in_the_problem_itself(office):
    refused = office.post("/v1/patients", {**PERSON, "nickname": "x"}).bad(422, "invalid-values")
    assert refused["pointer"] == "/nickname" and refused["detail"] == "There is no such member."


def test_thousands_of_faults_are_told_by_a_few_dozen(office):
    refused = office.post("/v1/patients", {f"x{n}": n for n in range(5000)})
    refused.bad(422, "invalid-values")
    assert 20 <= len(refused.json["errors"]) <= 100


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=-1", "limit=1e2", "limit=", "limit=٣", "limit=1&limit=1", "after=-1", "after=x", "after=1.0",
                                   "Limit=1", "limit=1&x", "after=99999999999999999999", "limit=%00", "limit=010", "limit=+1"])
def test_a_query_that_is_not_described_is_refused_by_name(office, query):
    from urllib.parse import quote
    refused = office.get(f"/v1/patients?{quote(query, safe='=&%+')}").bad(400, "invalid-parameter")
    assert refused["parameter"] in ("limit", "after", "Limit", "x")


def test_a_query_that_cannot_be_decoded_is_refused(office):
    office.get("/v1/patients?limit=%zz").bad(400, "malformed-request")
    office.get("/v1/patients/1?x=1").bad(400, "invalid-parameter")
    office.get("/v1/patients?%ff=1").bad(400, "invalid-parameter")


@pytest.mark.parametrize("path", ["/v1", "/v1/", "/v1/patients/", "/v1/patients/0", "/v1/patients/01", "/v1/patients/-1", "/v1/patients/1x", "/v1/patients/1/",
                                  "/v1/patients/9999999999999999999", "//v1/patients", "/v1/patients/%31", "/v1/batches/1/releases", "/V1/patients"])
def test_a_path_that_is_none_is_not_found_with_or_without_a_token(office, path):
    for token in (None, office.token):
        office.get(path, token=token).bad(404, "not-found")


def test_another_method_is_told_which_there_are(office):
    refused = office.call("DELETE", "/v1/patients/1")
    refused.bad(405, "method-not-allowed")
    assert refused.headers["Allow"] == "GET, PATCH"


@pytest.mark.parametrize("value", ["a\r\nBcc: stranger@example.org", "a\nb", "a\rb", "a\x00b", "a\x1bb", "a\x7fb", "a\u0085b", "a\u2028b", "a\u2029b", "a\u202eb", "\u2066a"])
def test_no_line_break_or_control_character_gets_into_a_name_or_an_address(office, db, value):
    patient = office.new_patient()["id"]
    for field in ("family_name", "given_name", "email", "phone", "passport_number", "input_id", "date_of_birth", "language"):
        for answer in (office.post("/v1/patients", {**PERSON, field: value}), office.patch(f"/v1/patients/{patient}", {field: value})):
            assert answer.status in (400, 422), (field, answer)
    assert office.post("/v1/codes", {"channel": "email", "address": "sample@example.jp" + value, "language": "ja"}).status in (400, 422)
    assert people(db) == 1 and db.one("SELECT count(*) FROM hersys.confirmation") == 0


# ---- idempotency keys

def test_the_same_request_with_the_same_key_gets_the_same_answer_and_is_done_once(office, db):
    first = office.post("/v1/patients", PERSON, key="k1")
    first.good(201)
    second = office.post("/v1/patients", PERSON, key="k1")
    assert (second.status, second.raw, second.headers["Location"]) == (201, first.raw, first.headers["Location"])
    assert people(db) == 1
    patient = f"/v1/patients/{first.json['id']}"
    office.patch(patient, {"ended": True}, key="k2").good()
    office.patch(patient, {"ended": False}).good()
    office.patch(patient, {"ended": True}, key="k2").good()
    assert office.get(patient).good()["ended_at"] is None, "it was not done again"


@pytest.mark.parametrize("name", ["createPatient", "changePatient", "sendLinks", "releaseBatch", "cancelBatch", "requestCode", "verifyCode", "seeAlert", "closeAlert",
    "closeCall"])
def test_every_write_is_repeated_by_its_key_without_being_done_again(gateway, db, name):
    world = World(gateway, db)
    first = world.call(name, key="the same")
    assert first.status in (200, 201, 202)
    before = everything(db, world.centre)
    for _ in range(2):
        again = world.call(name, key="the same")
        assert (again.status, again.raw) == (first.status, first.raw)
    after = everything(db, world.centre)
    del before["outbox"], after["outbox"]  # the daemon sends meanwhile
    if name == "verifyCode":
        del before["confirmation"], after["confirmation"]
    assert after == before


def test_every_write_is_in_that_list():
    writes = {operation["operationId"] for _, method, operation in operations() if method != "GET"}
    assert writes == {"createPatient", "changePatient", "sendLinks", "releaseBatch", "cancelBatch", "requestCode", "verifyCode", "seeAlert", "closeAlert",
                      "closeCall"}


def test_a_key_stands_for_one_request(office, db):
    office.post("/v1/patients", PERSON, key="k1").good(201)
    office.post("/v1/patients", {**PERSON, "input_id": "7654321"}, key="k1").bad(409, "idempotency-key-reused")
    office.post("/v1/links", {"patients": [1], "channel": "sms"}, key="k1").bad(409, "idempotency-key-reused")
    assert people(db) == 1


def test_the_key_of_another_token_is_another_key(office, db):
    other = Api(office.gateway, office.gateway.token(office.centre, "desk-2"))
    first = office.post("/v1/patients", PERSON, key="k1").good(201)
    second = other.post("/v1/patients", {**PERSON, "input_id": "7654321"}, key="k1").good(201)
    assert first["id"] != second["id"]
    other.post("/v1/patients", PERSON, key="k2").bad(409, "already-taken")


def test_a_request_that_was_refused_leaves_its_key_free(office, db):
    taken = office.new_patient()["input_id"]
    office.post("/v1/patients", {**PERSON, "input_id": taken}, key="k1").bad(409, "already-taken")
    office.post("/v1/patients", {**PERSON, "date_of_birth": "2099-01-01"}, key="k1").bad(422, "invalid-values")
    office.post("/v1/patients", PERSON, key="k1").good(201)


def test_after_a_day_a_key_is_forgotten(office, db):
    first = office.post("/v1/patients", PERSON, key="k1").good(201)
    db.hold_clock(db.one("SELECT (now() + interval '24 hours 1 minute')::text"))
    assert office.post("/v1/patients", PERSON, key="k1").bad(409, "already-taken")["detail"].endswith(f"patient {first['id']}")


@pytest.mark.parametrize("key", ["", "x" * 101, "caf\xe9", "tab\tin"])
def test_what_cannot_be_a_key_is_refused(office, db, key):
    office.post("/v1/patients", PERSON, key=key).bad(400, "malformed-request")
    assert people(db) == 0


@pytest.mark.parametrize("key", ["x", "x" * 100, "two words !~", '"quoted"'])
def test_a_key_is_1_to_100_printable_ascii_characters(office, key):
    first = office.post("/v1/patients", PERSON, key=key)
    assert office.post("/v1/patients", PERSON, key=key).good(201) == first.good(201)


def test_two_at_once_with_the_same_key_are_one(office, db):
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: office.post("/v1/patients", PERSON, key="k1"), range(16)))
    assert {(answer.status, answer.raw) for answer in answers} == {(201, answers[0].raw)} and people(db) == 1


@contextlib.contextmanager
def writers_wait(db):
    """Whoever writes a patient waits until the end of this."""
    blocker = db.postgres.connect(db.name)
    blocker.autocommit = False
    blocker.cursor().execute("LOCK TABLE hersys.patient IN SHARE MODE")
    try:
        yield
    finally:
        blocker.rollback()
        blocker.close()


def one_waits(db):
    return db.sql("SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = %s", db.name)


def in_background(act):
    """Runs it beside; what it said, or None where the connection broke."""
    said = []

    def run():
        try:
            said.append(act())
        except (OSError, __import__("http.client").client.HTTPException):
            said.append(None)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, said


def test_a_daemon_that_is_killed_before_it_could_answer_did_it_once_however_often_it_is_asked_again(gateway, db, office):
    with writers_wait(db):
        client, said = in_background(lambda: office.post("/v1/patients", PERSON, key="k1"))
        wait_for(lambda: one_waits(db), what="the call")
        gateway.kill()
        client.join(20)
    assert said == [None]
    gateway.start()
    wait_for(lambda: not one_waits(db))
    first = office.post("/v1/patients", PERSON, key="k1").good(201)
    assert office.post("/v1/patients", PERSON, key="k1").good(201) == first
    assert people(db) == 1


def test_a_call_that_the_database_rolled_back_says_that_nothing_was_stored(gateway, db, office):
    with writers_wait(db):
        client, said = in_background(lambda: office.post("/v1/patients", PERSON, key="k1"))
        db.sql("SELECT pg_terminate_backend(%s)", wait_for(lambda: one_waits(db), what="the call")[0][0])
        client.join(20)
    said[0].bad(503, "unavailable")
    assert int(said[0].headers["Retry-After"]) >= 1 and people(db) == 0


def test_a_call_whose_outcome_nobody_knows_says_so_and_is_done_once_with_its_key(gateway, db, office):
    with contextlib.suppress(Exception):
        with writers_wait(db):
            client, said = in_background(lambda: office.post("/v1/patients", PERSON, key="k1"))
            os.kill(wait_for(lambda: one_waits(db), what="the call")[0][0], signal.SIGKILL)  # PostgreSQL restarts itself
            client.join(20)
    said[0].bad(503, "outcome-unknown")
    assert wait_for(lambda: again if (again := office.post("/v1/patients", PERSON, key="k1")).status != 503 else None, 60).status == 201
    office.post("/v1/patients", PERSON, key="k1").good(201)
    assert people(db) == 1


def test_while_the_database_is_away_nothing_is_taken_and_afterwards_all_goes_on(gateway, db, office):
    with database_away(db):
        for call in (lambda: office.get("/v1/patients"), lambda: office.post("/v1/patients", PERSON), lambda: office.post("/v1/patients", PERSON, key="k1")):
            refused = call()
            refused.bad(503, "unavailable")
            assert int(refused.headers["Retry-After"]) >= 1
    wait_for(lambda: office.get("/v1/patients").status == 200, 30, "the database's return")
    assert people(db) == 0
    office.post("/v1/patients", PERSON, key="k1").good(201)


# ---- many at once

def test_a_call_that_waits_for_a_lock_holds_up_no_other_and_gives_up_soon(gateway, db, office):
    patient = office.new_patient()["id"]
    with concurrent.futures.ThreadPoolExecutor() as pool, contextlib.closing(db.postgres.connect(db.name)) as connection:
        connection.autocommit = False
        connection.cursor().execute("SELECT FROM hersys.patient WHERE id = %s FOR UPDATE", (patient,))
        waiting = pool.submit(office.patch, f"/v1/patients/{patient}", {"onset_on": "2026-02-01"})
        wait_for(lambda: db.sql("SELECT 1 FROM pg_stat_activity WHERE datname = %s AND wait_event_type = 'Lock'", db.name))
        for _ in range(8):
            office.get(f"/v1/patients/{patient}").good()
        assert not waiting.done(), "the others were answered meanwhile"
        assert "Retry-After" in waiting.result(20).headers and waiting.result().bad(503, "unavailable")
    assert office.patch(f"/v1/patients/{patient}", {"onset_on": "2026-02-01"}).good()["onset_on"] == "2026-02-01"


def test_64_clients_at_once_are_all_answered(gateway, db, office):
    patient = office.new_patient(phone=phone(1))["id"]
    numbers = itertools.count(5000000)

    def client(n):
        statuses = []
        for _ in range(3):
            statuses += [office.post("/v1/patients", {**PERSON, "input_id": str(next(numbers))}).status, office.get(f"/v1/patients/{patient}").status,
                         office.patch(f"/v1/patients/{patient}", {"onset_on": f"2026-02-{n % 28 + 1:02d}"}).status,
                         office.post("/v1/links", {"patients": [patient], "channel": "sms"}).status, office.get("/v1/reports").status,
                         office.post("/v1/codes", {"channel": "email", "address": f"sample{next(numbers)}@example.jp", "language": "ja"}).status,
                         office.get("/v1/patients", token=flipped(office.token)).status]
        return statuses

    with concurrent.futures.ThreadPoolExecutor(64) as pool:
        answers = list(pool.map(client, range(64)))
    assert answers == [[201, 200, 200, 202, 200, 202, 401] * 3] * 64
    assert people(db) == 1 + 64 * 3
    assert db.one("SELECT count(*) FROM hersys.registration_link WHERE consumed_at IS NULL AND revoked_at IS NULL") == 1
    assert not gateway.events("statement_failed")


# ---- what never stands in a log

def test_no_name_number_address_code_token_or_key_of_a_call_is_ever_logged(make_gateway, db):
    gateway = make_gateway(log__level="debug").start()
    world = World(gateway, db)
    api = world.api
    body = {"input_id": "94712345", "family_name": "SECRETFAMILY", "given_name": "SECRETGIVEN", "date_of_birth": "1947-11-08", "phone": phone(31),
            "email": "secretmail@example.jp", "passport_number": "SECRETPAS", "phone_confirmed": True}
    patient = api.post("/v1/patients", body, key="SECRETKEY").good(201)["id"]
    api.post("/v1/patients", body).bad(409, "already-taken")
    api.post("/v1/patients", {**body, "phone": "SECRETPHONE", "SECRETMEMBER": "x"}).bad(422, "invalid-values")
    api.post("/v1/patients", raw=b'{"SECRETBROKEN').bad(400, "malformed-request")
    api.get("/v1/patients?SECRETQUERY=1").bad(400, "invalid-parameter")
    api.get("/v1/SECRETPATH").bad(404, "not-found")
    api.get("/v1/patients", token="SECRETTOKEN").bad(401, "unauthorized")
    api.patch(f"/v1/patients/{patient}", {"given_name": "SECRETOTHER"}).good()
    api.post("/v1/links", {"patients": [patient], "channel": "sms"}).good(202)
    api.post("/v1/links", {"patients": [patient], "channel": "email"}).good(202)
    code = api.post("/v1/codes", {"channel": "email", "address": "secretcode@example.jp", "language": "ja", "client": "2001:db8:5ec::1"}).good(202)["id"]
    right = mint_code(gateway, db, code)
    api.post(f"/v1/codes/{code}/verify", {"code": wrong_code(right)}).bad(422, "wrong-code")
    api.post(f"/v1/codes/{code}/verify", {"code": right}).good()
    api.post("/v1/codes", {"channel": "sms", "address": phone(32), "language": "ja"}).good(202)
    report(db, world.centre, patient, note="SECRETNOTE")
    api.get("/v1/reports").good()
    api.get("/v1/unreported").good()
    db.sql("ALTER FUNCTION hersys.v1_patient_create RENAME TO gone")
    api.post("/v1/patients", {**body, "input_id": "94712346"}).bad(500, "internal")
    wait_for(lambda: gateway.texts(phone(31)), what="the link")
    gateway.stop()
    log = gateway.log()
    assert gateway.events("api_refused") and gateway.events("statement_failed")
    tokens = [part for token in (api.token, world.second) for part in (token.partition(".")[2], token.partition(".")[0])]
    for secret in ["SECRET", "secret", "94712345", "81700000", "70000000", "1947", "5ec", right, wrong_code(right), *tokens]:
        assert secret not in log, [line for line in log.splitlines() if secret in line]
