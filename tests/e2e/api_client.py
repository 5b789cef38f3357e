"""A client of the /v1 API that holds every answer against doc/openapi.yaml: status, content type, headers, body.

What the document does not say is a fault, also a member that it does not have.
"""
import copy
import http.client
import itertools
import json
import re

import jsonschema
import yaml
from conftest import ROOT

DOCUMENT = yaml.safe_load((ROOT / "doc" / "openapi.yaml").read_text())
METHODS = ("get", "post", "patch", "put", "delete")
# Headers that mean something to a client: where one comes, the document has to have it.
TOLD_HEADERS = ("location", "retry-after", "www-authenticate", "accept-patch", "allow")
SCOPES = "patients,links,codes,reports,alerts,release"


def resolve(item):
    """What a reference stands for."""
    while isinstance(item, dict) and set(item) == {"$ref"}:
        place = DOCUMENT
        for part in item["$ref"].removeprefix("#/").split("/"):
            place = place[part]
        item = place
    return item


def operations():
    """(path, method, operation) of everything that the document has."""
    return [(path, method.upper(), operation) for path, item in DOCUMENT["paths"].items()
            for method, operation in item.items() if method in METHODS]


def _close(schema):
    """Objects with no other members than those that are described."""
    if isinstance(schema, dict):
        if isinstance(schema.get("properties"), dict) and not {"$ref", "additionalProperties", "unevaluatedProperties"} & set(schema):
            schema["additionalProperties"] = False
        for value in schema.values():
            _close(value)
    elif isinstance(schema, list):
        for value in schema:
            _close(value)


STRICT = copy.deepcopy(DOCUMENT)
for name, schema in STRICT["components"]["schemas"].items():
    # What is asked for is closed by the document itself, where it is; PatientValues is closed by those that refer to it.
    if name != "PatientValues":
        _close(schema)


def validate(value, schema, strict=True):
    resolver = jsonschema.RefResolver("", STRICT if strict else DOCUMENT)
    jsonschema.Draft202012Validator(schema, resolver=resolver).validate(value)


def find(method, path):
    """The document's operation for a request; None where it has none."""
    for pattern, way, operation in operations():
        if way == method and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", pattern), path.partition("?")[0]):
            return operation
    return None


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.raw = status, headers, body
        self.type = (headers.get("Content-Type") or "").partition(";")[0]
        self.json = json.loads(body) if self.type in ("application/json", "application/problem+json") else None

    def __repr__(self):
        return f"{self.status} {dict(self.headers)} {self.raw[:2000]!r}"

    @property
    def problem(self):
        """The word of a problem."""
        assert self.type == "application/problem+json", self
        return self.json["type"].removeprefix("urn:hersys-gateway:problem:")

    @property
    def pointers(self):
        return [error["pointer"] for error in self.json["errors"]]

    def good(self, status=200):
        assert self.status == status, self
        return self.json

    def bad(self, status, problem):
        assert (self.status, self.problem) == (status, problem), self
        assert self.json["status"] == status
        return self.json


def hold_against_document(method, path, answer):
    operation = find(method, path)
    if operation is None:  # the common answers to what is not there
        told = DOCUMENT["components"]["responses"][{404: "NotFound", 405: "MethodNotAllowed"}[answer.status]]
    else:
        assert str(answer.status) in operation["responses"], f"{method} {path}: {answer} is not in the document"
        told = resolve(operation["responses"][str(answer.status)])
    assert answer.type in told["content"], f"{method} {path}: {answer}"
    if answer.json is not None:
        validate(answer.json, told["content"][answer.type]["schema"])
    else:
        validate(answer.raw.decode(), told["content"][answer.type]["schema"])
    headers = {name.lower(): resolve(header) for name, header in told.get("headers", {}).items()}
    for name, header in headers.items():
        value = answer.headers.get(name)
        assert value is not None or not header.get("required"), f"{method} {path}: no {name} in {answer}"
        if value is not None:
            validate(value, header["schema"])
    for name in TOLD_HEADERS:
        assert name not in answer.headers or name in headers, f"{method} {path}: {name} is not in the document"


class Api:
    """One client: a daemon and a token."""

    keys = itertools.count(1)

    def __init__(self, gateway, token=None):
        self.gateway, self.token = gateway, token

    def call(self, method, path, body=None, *, raw=None, type=None, key=None, headers=None, token=...):
        sent = dict(headers or {})
        token = self.token if token is ... else token
        if token is not None:
            sent.setdefault("Authorization", f"Bearer {token}")
        if key is not None:
            sent["Idempotency-Key"] = key
        data = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        if raw is not None or body is not None or type is not None:
            sent["Content-Type"] = type or ("application/merge-patch+json" if method == "PATCH" else "application/json")
        connection = http.client.HTTPConnection("127.0.0.1", self.gateway.port, timeout=60)
        try:
            try:
                connection.request(method, path, body=data, headers=sent)
            except (BrokenPipeError, ConnectionResetError):
                pass  # it was refused before all of it was read
            answer = connection.getresponse()
            answer = Answer(answer.status, answer.headers, answer.read())
        finally:
            connection.close()
        hold_against_document(method, path, answer)
        return answer

    def get(self, path, **more):
        return self.call("GET", path, **more)

    def post(self, path, body=None, **more):
        return self.call("POST", path, body, **more)

    def patch(self, path, body=None, **more):
        return self.call("PATCH", path, body, **more)

    # ---- what is done often

    numbers = itertools.count(1)

    def new_patient(self, **values):
        """Registers somebody who is nobody."""
        n = next(self.numbers)
        body = {"input_id": f"{2000000 + n}", "family_name": "見本", "given_name": f"例{n}", "date_of_birth": "1980-01-31", **values}
        return self.post("/v1/patients", {key: value for key, value in body.items() if value is not ...}).good(201)
