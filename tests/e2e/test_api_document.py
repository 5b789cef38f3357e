"""doc/openapi.yaml against the daemon: it is sound in itself, has every route and no other, and every answer that it describes can be
provoked. Besides, api_client.py holds each answer of each test of the API against it."""
import re

import pytest
from api_client import DOCUMENT, Api, operations, resolve, validate
from api_world import World, database_away
from conftest import ROOT

SOURCE = (ROOT / "src" / "api" / "api.c").read_text()


def everything(item, path=""):
    """All values of the document, with where they stand."""
    yield path, item
    if isinstance(item, dict):
        for key, value in item.items():
            yield from everything(value, f"{path}/{key}")
    elif isinstance(item, list):
        for at, value in enumerate(item):
            yield from everything(value, f"{path}/{at}")


# ---- the document by itself

def test_every_reference_leads_somewhere_and_every_component_is_used():
    told = {value for path, value in everything(DOCUMENT) if path.endswith("/$ref")}
    for reference in told:
        assert resolve({"$ref": reference}) is not None, reference
    for group, items in DOCUMENT["components"].items():
        for name in items:
            unused = f"#/components/{group}/{name}" not in told
            assert not unused or group == "securitySchemes" or name == "MethodNotAllowed", f"{group}/{name}"


def test_every_example_is_what_its_schema_says():
    count = 0
    for path, item in everything(DOCUMENT):
        if isinstance(item, dict) and "examples" in item and "schema" in item:
            for example in item["examples"].values():
                validate(resolve(example)["value"], item["schema"])
                count += 1
    assert count > 15


def test_every_operation_has_a_name_of_its_own_a_summary_and_the_parameters_of_its_path():
    names = [operation["operationId"] for _, _, operation in operations()]
    assert len(set(names)) == len(names) == 20
    for path, _, operation in operations():
        assert operation["summary"] and operation["tags"][0] in [tag["name"] for tag in DOCUMENT["tags"]]
        parameters = [resolve(p) for p in DOCUMENT["paths"][path].get("parameters", []) + operation.get("parameters", [])]
        assert {p["name"] for p in parameters if p["in"] == "path"} == set(re.findall(r"\{(\w+)\}", path))


def test_every_write_takes_an_idempotency_key():
    for path, method, operation in operations():
        keyed = any(resolve(p)["name"] == "Idempotency-Key" for p in operation.get("parameters", []))
        assert keyed == (method != "GET"), path


def test_the_table_of_problems_is_that_of_the_program():
    source = (ROOT / "src" / "api" / "problem.c").read_text()
    made = set(re.findall(r'\[PROBLEM_\w+\] = \{"([a-z-]+)", (\d+),', source))
    told = set(re.findall(r"\| `urn:hersys-gateway:problem:([a-z-]+)` \| (\d+) \|", DOCUMENT["info"]["description"]))
    assert len(made) > 10 and told == made


def test_every_problem_of_the_table_is_the_type_of_an_answer():
    told = set(re.findall(r"\| `urn:hersys-gateway:problem:([a-z-]+)` \|", DOCUMENT["info"]["description"]))
    used = {word for _, value in everything(DOCUMENT["paths"] | DOCUMENT["components"]) if isinstance(value, str)
            for word in re.findall(r"^urn:hersys-gateway:problem:([a-z-]+)$", value)}
    assert used == told


# ---- the document and the routes

def routes():
    """(method, path, scope) of the table; scope None where no token is wanted."""
    calls = re.findall(r'API\("([A-Z]+)", "(/v1/[^"]+)", "([a-z]+)", v1_\w+\)', SOURCE)
    open_ones = re.findall(r'\.path = "(/v1/[^"]+)",\s*\.method = "([A-Z]+)",\s*\.access = ROUTE_ANYBODY', SOURCE)
    return {(method, path, scope) for method, path, scope in calls} | {(method, path, None) for path, method in open_ones}


def test_the_document_has_every_route_and_its_scope_and_no_other():
    told = set()
    for path, method, operation in operations():
        scopes = [scope for wanted in operation.get("security", [{}]) for scope in wanted.get("token", [None])] or [None]
        assert len(scopes) == 1, path
        told.add((method, path, scopes[0]))
    assert len(routes()) == SOURCE.count('"/v1/'), "this test reads the whole table"
    assert told == routes()


def test_the_daemon_gives_out_the_document_to_anybody(gateway):
    answer = Api(gateway).get("/v1/openapi.yaml", token=None)
    assert answer.status == 200 and answer.raw == (ROOT / "doc" / "openapi.yaml").read_bytes()


# ---- every answer that is described can be provoked

FUNCTIONS = {  # what an operation calls
    "createPatient": "v1_patient_create", "listPatients": "v1_patient_list", "getPatient": "v1_patient_get", "changePatient": "v1_patient_change",
    "sendLinks": "v1_links_send", "getLink": "v1_link_get", "getBatch": "v1_batch_get", "releaseBatch": "v1_batch_release",
    "cancelBatch": "v1_batch_cancel", "requestCode": "v1_code_request", "getCode": "v1_code_get", "verifyCode": "v1_code_consume",
    "listAlerts": "v1_alerts_list", "seeAlert": "v1_alert_seen", "closeAlert": "v1_alert_close",
    "listReports": "v1_reports_list", "listUnreported": "v1_unreported",
    "listCalls": "v1_calls_list", "closeCall": "v1_call_close"}


def unreadable(world, name, method):
    if method == "GET":
        return world.call(name, query="nonsense=1")
    return world.call(name, raw=b'{"x": ')


def without_token(world, name, method):
    return world.call(name, token=None)


def without_scope(world, name, method):
    return world.call(name, token=world.token_without(name))


def of_nobody(world, name, method):
    return world.call(name, path="/v1/unreported?slot=999999") if name == "listUnreported" else world.call(name, other_id=999999)


def key_used_before(world, name, method):
    if name == "listUnreported":
        return world.call(name, token=world.stranger)  # that centre has no slot
    token = world.prepare(name)[3]
    world.api.post("/v1/patients", {**world.person(), "phone": None}, key=f"before {name}", token=token).good(201)
    return world.call(name, key=f"before {name}")


def too_large(world, name, method):
    return world.call(name, raw=b'{"x": "' + b"x" * 300 * 1024 + b'"}')


def wrong_type(world, name, method):
    return world.call(name, raw=b"{}", type="text/plain")


def wrong_value(world, name, method):
    return world.call(name, body={"nonsense": 1})


def at_once_again(world, name, method):
    world.call(name).good(202)
    return world.call(name)


def function_gone(world, name, method):
    function = FUNCTIONS[name]
    world.db.sql(f"ALTER FUNCTION hersys.{function} RENAME TO gone")
    try:
        return world.call(name)
    finally:
        world.db.sql(f"ALTER FUNCTION hersys.gone RENAME TO {function}")


PROVOKE = {
    200: lambda world, name, method: world.call(name), 201: lambda world, name, method: world.call(name),
    202: lambda world, name, method: world.call(name), 400: unreadable, 401: without_token, 403: without_scope, 404: of_nobody,
    409: key_used_before, 413: too_large, 415: wrong_type, 422: wrong_value, 429: at_once_again, 500: function_gone,
    503: lambda world, name, method: world.call(name)}


def test_there_is_a_way_to_provoke_every_status_that_is_described():
    assert {int(status) for _, _, operation in operations() for status in operation["responses"]} == set(PROVOKE)


@pytest.mark.parametrize("status", sorted(PROVOKE))
def test_every_operation_gives_this_answer_that_is_described(make_gateway, db, status):
    world = World(make_gateway().start(), db)
    wanted = [(operation["operationId"], method) for _, method, operation in operations() if str(status) in operation["responses"]]
    assert wanted
    for name, method in wanted:
        if status == 503:
            world.prepare(name)
            with database_away(db):
                answer = PROVOKE[status](world, name, method)
            world.until_up()
        else:
            answer = PROVOKE[status](world, name, method)
        assert answer.status == status, (name, answer)
