"""A centre with a bit of everything, a second one, and a valid call for each operation of the API."""
import base64
import contextlib
import hashlib
import hmac
import itertools
import re
import struct

from api_client import SCOPES, Api, operations
from conftest import phone, wait_for


@contextlib.contextmanager
def database_away(db):
    """The database lets nobody in, and throws out who is."""
    with contextlib.closing(db.postgres.connect("postgres")) as connection:
        cursor = connection.cursor()
        cursor.execute(f"ALTER DATABASE {db.name} ALLOW_CONNECTIONS false")
        # Again and again: one that was just coming in is not seen the first time.
        try:
            wait_for(lambda: cursor.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (db.name,))
                     or not cursor.fetchall(), what="the last connection's end")
            yield
        finally:
            cursor.execute(f"ALTER DATABASE {db.name} ALLOW_CONNECTIONS true")


def mint_code(gateway, db, code):
    """The code as secret.h says that it is minted, made by another implementation from the row and the key file."""
    key_id, salt, generation, recipient, digits = db.sql(
        "SELECT key_id, salt, generation, recipient, digits FROM hersys.confirmation WHERE id = %s", code)[0]
    key = bytes.fromhex((gateway.folder / "keys" / f"code-{key_id}.key").read_text().strip())
    fields = [b"code", struct.pack(">H", key_id), bytes(salt), struct.pack(">I", generation), recipient.encode()]
    digest = hmac.new(key, b"".join(struct.pack(">I", len(field)) + field for field in fields), hashlib.sha256).digest()
    at = digest[31] & 15
    return f"{(int.from_bytes(digest[at:at + 4], 'big') & 0x7fffffff) % 10 ** digits:0{digits}d}"


def mint_link(gateway, db, link):
    """The token of a link, in the same way."""
    key_id, salt, generation, recipient = db.sql(
        "SELECT key_id, salt, generation, recipient FROM hersys.registration_link WHERE id = %s", link)[0]
    key = bytes.fromhex((gateway.folder / "keys" / f"link-{key_id}.key").read_text().strip())
    fields = [b"link", struct.pack(">H", key_id), bytes(salt), struct.pack(">I", generation), recipient.encode()]
    digest = hmac.new(key, b"".join(struct.pack(">I", len(field)) + field for field in fields), hashlib.sha256).digest()
    return base64.b32encode(digest).decode().lower()[:20]


def wrong_code(right):
    """Another code of the same length."""
    return f"{(int(right) + 1) % 10 ** len(right):0{len(right)}d}"


def report(db, centre, patient, cursor=None, **columns):
    """Writes a report as the staff does; with a cursor, in that one's transaction."""
    columns = {"centre_id": centre, "patient_id": patient, "source": "staff", "reported_at": "2026-02-01 08:00+09", "temperature_c": 36.9,
               "spo2": 97, "symptoms": False, **columns}
    query = (f"INSERT INTO hersys.status_report ({', '.join(columns)}) VALUES ({', '.join(['%s'] * len(columns))}) RETURNING id")
    if cursor is None:
        return db.one(query, *columns.values())
    cursor.execute(query, list(columns.values()))
    return cursor.fetchone()[0]


class World:
    numbers = itertools.count(1)

    def __init__(self, gateway, db):
        self.gateway, self.db = gateway, db
        self.centre, self.other_centre = db.centre(), db.centre("別保健所")
        self.tokens, self.ready = {}, {}
        self.api = Api(gateway, gateway.token(self.centre, "desk-1"))
        self.second = gateway.token(self.centre, "desk-2")
        self.stranger = gateway.token(self.other_centre, "desk-1")
        self.slot = db.slot(self.centre, "00:00:01", "23:59:59")
        self.patient = self.api.new_patient(phone="070-0000-0001", phone_confirmed=True)["id"]
        self.alert = db.insert("alert", {"centre_id": self.centre, "patient_id": self.patient, "report_id": report(db, self.centre, self.patient),
                                         "level": "watch", "reasons": ["spo2_fall"]})
        batch = self.api.post("/v1/links", {"patients": [self.patient], "channel": "sms"}).good(202)
        self.batch, self.link = batch["id"], batch["links"][0]["link"]
        self.code = self.new_code()["id"]
        self.call_task = db.insert("call_task", {"centre_id": self.centre, "patient_id": self.patient, "reason": "silent"})

    def person(self):
        n = next(self.numbers)
        return {"input_id": f"{3000000 + n}", "family_name": "見本", "given_name": f"例{n}", "date_of_birth": "1980-01-31"}

    def new_code(self, **values):
        body = {"channel": "email", "address": f"sample{next(self.numbers)}@example.jp", "language": "ja", **values}
        return self.api.post("/v1/codes", body).good(202)

    def held_batch(self):
        """A batch of desk-1 that waits for a second person."""
        self.db.sql("UPDATE hersys.centre SET daily_cap = 0 WHERE id = %s", self.centre)
        held = self.api.post("/v1/links", {"patients": [self.patient], "channel": "sms"}).good(202)
        self.db.sql("UPDATE hersys.centre SET daily_cap = 2000 WHERE id = %s", self.centre)
        assert held["state"] == "held"
        return held["id"]

    def scope_of(self, name):
        return next(operation["security"][0]["token"][0] for _, _, operation in operations() if operation["operationId"] == name)

    def token_without(self, name):
        """A token of the centre that may do everything but this."""
        scope = self.scope_of(name)
        if scope not in self.tokens:
            others = ",".join(word for word in SCOPES.split(",") if word != scope)
            self.tokens[scope] = self.gateway.token(self.centre, f"all-but-{scope}", others)
        return self.tokens[scope]

    def until_up(self):
        """Until the daemon has its database again."""
        wait_for(lambda: self.api.get("/v1/patients?limit=1").status == 200, 30, "the database's return")

    def prepare(self, name):
        """Method, path, body and token of a call that is right; kept for the next call of it."""
        if name not in self.ready:
            self.ready[name] = self.valid(name)
        return self.ready[name]

    def valid(self, name):
        path, method = next((path, method) for path, method, operation in operations() if operation["operationId"] == name)
        token, body = self.api.token, None
        if name == "releaseBatch":
            path, token = f"/v1/batches/{self.held_batch()}/release", self.second
        elif name in ("getBatch", "cancelBatch"):
            path = path.format(id=self.batch)
        elif name in ("seeAlert", "closeAlert"):
            path = path.format(id=self.alert)
        elif name == "getLink":
            path = path.format(id=self.link)
        elif name in ("getCode", "verifyCode"):
            path = path.format(id=self.code)
        elif name == "closeCall":
            path = path.format(id=self.call_task)
        else:
            path = path.format(id=self.patient)
        if name == "createPatient":
            body = self.person()
        elif name == "changePatient":
            body = {"onset_on": "2026-02-01"}
        elif name == "sendLinks":
            body = {"patients": [self.patient], "channel": "sms"}
        elif name == "requestCode":
            body = {"channel": "email", "address": "again@example.jp", "language": "ja"}
        elif name == "verifyCode":
            body = {"code": mint_code(self.gateway, self.db, self.code)}
        return method, path, body, token

    def call(self, name, *, other_id=None, query=None, path=None, **more):
        """Does what the operation does, as it should be done but for what is given."""
        method, where, body, token = self.prepare(name)
        where = path or where
        if other_id is not None:
            where = re.sub(r"/\d+", f"/{other_id}", where)
        if query is not None:
            where += f"?{query}"
        if "raw" not in more:
            more.setdefault("body", body)
        return self.api.call(method, where, **{"token": token, **more})
