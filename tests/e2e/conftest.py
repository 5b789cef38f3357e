"""What the end-to-end tests stand on: a real PostgreSQL, the real daemon, the sandbox carrier.

HERSYS_BUILD names the build folder. One PostgreSQL serves the run (tests/with-postgres); each test has a database of its own,
copied from one that `hersysctl migrate` made.
"""
import contextlib
import http.client
import hashlib
import hmac
import itertools
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import threading
import time
import urllib.parse

import psycopg2
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("HERSYS_BUILD", ROOT / ".build" / "release")).resolve()
GATEWAY_NUMBER = "+817000000000"


def phone(n):
    """A number that is nobody's; the last two digits are what the sandbox looks at."""
    return f"+8170{n:08d}"


def wait_for(question, seconds=20, what="it"):
    """Waits until question() is true, and gives back what it said."""
    end = time.monotonic() + seconds
    while True:
        answer = question()
        if answer:
            return answer
        assert time.monotonic() < end, f"waited {seconds} s in vain for {what}"
        time.sleep(0.03)


class Postgres:
    """The server: private, on a socket; can be stopped, killed and started again."""

    def __init__(self):
        self.process = subprocess.Popen(
            [ROOT / "tests" / "with-postgres", "sh", "-c", "env; echo READY; cat >/dev/null"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "HERSYS_PG_DURABLE": "1"})  # it is killed, and has to keep what it has committed
        self.env = {}
        for line in self.process.stdout:
            if line.strip() == "READY":
                break
            key, _, value = line.rstrip("\n").partition("=")
            self.env[key] = value
        assert "PGHOST" in self.env, "PostgreSQL did not start"
        self.host = self.env["PGHOST"]

    def ctl(self, *words):
        subprocess.run([self.env["PG_CTL"], *words], check=True)

    def connect(self, database, user="postgres"):
        connection = psycopg2.connect(host=self.host, dbname=database, user=user)
        connection.autocommit = True
        return connection

    def close(self):
        self.process.stdin.close()
        self.process.wait(30)


@pytest.fixture(scope="session")
def postgres():
    server = Postgres()
    yield server
    server.close()


@pytest.fixture(scope="session")
def template_database(postgres, tmp_path_factory):
    """A database with the schema, made by the operator's command."""
    folder = tmp_path_factory.mktemp("template")
    with contextlib.closing(postgres.connect("postgres")) as connection:
        connection.cursor().execute("CREATE DATABASE hersys_template")
        connection.cursor().execute("CREATE ROLE hersys_test LOGIN")
    config = write_config(folder, postgres, "hersys_template", user="postgres")
    subprocess.run([BUILD / "hersysctl", "-c", config, "migrate", "--schema", ROOT / "schema"], check=True,
                   capture_output=True)
    with contextlib.closing(postgres.connect("postgres")) as connection:
        connection.cursor().execute("GRANT hersys_gateway TO hersys_test")
    return "hersys_template"


class Database:
    """One test's database, seen by its owner."""

    numbers = itertools.count(1)

    def __init__(self, postgres, template):
        self.postgres = postgres
        self.name = f"hersys_{os.getpid()}_{next(self.numbers)}"
        self.patients = itertools.count(1)
        with contextlib.closing(postgres.connect("postgres")) as connection:
            connection.cursor().execute(f"CREATE DATABASE {self.name} TEMPLATE {template}")

    def sql(self, query, *values):
        """Runs one statement; gives back its rows."""
        with contextlib.closing(self.postgres.connect(self.name)) as connection:
            cursor = connection.cursor()
            cursor.execute(query, values or None)
            return cursor.fetchall() if cursor.description else []

    def one(self, query, *values):
        rows = self.sql(query, *values)
        assert len(rows) == 1 and len(rows[0]) == 1, rows
        return rows[0][0]

    def centre(self, short_name="見本市保健所", **columns):
        """Without quiet hours, whatever the time is where the tests run."""
        columns = {"name": "見本市保健所", "short_name": short_name, "phone": "03-0000-0000", "quiet_from": "00:00", "quiet_until": "00:00",
                   **columns}
        return self.insert("centre", columns)

    def slot(self, centre, remind_at, due_at):
        return self.insert("slot", {"centre_id": centre, "remind_at": remind_at, "due_at": due_at})

    def patient(self, centre, number, confirmed=True, **columns):
        n = next(self.patients)
        columns = {
            "centre_id": centre, "input_id": f"{1000000 + n}", "family_name": "見本", "given_name": f"例{n}",
            "date_of_birth": "1980-01-01", "phone": number, "monitoring_from": "2020-01-01",
            "monitoring_until": "2099-12-31", "phone_confirmed_at": "2020-01-01" if confirmed and number else None,
            **columns}
        return self.insert("patient", columns)

    def insert(self, table, columns):
        names = ", ".join(columns)
        marks = ", ".join(["%s"] * len(columns))
        return self.one(f"INSERT INTO hersys.{table} ({names}) VALUES ({marks}) RETURNING id", *columns.values())

    def hold_clock(self, at):
        self.sql("SELECT hersys.clock_hold(%s)", at)

    def state(self, message):
        """A message's state, wherever it stands."""
        return self.one("SELECT state::text FROM hersys.outbox WHERE id = %s UNION ALL "
                        "SELECT state::text FROM hersys.outbox_history WHERE id = %s", message, message)

    def enqueue(self, number, kind="not_understood", key=None, **columns):
        """Puts a message into the outbox as the schema's functions do, in one transaction: a daemon sees all of it or nothing."""
        with contextlib.closing(self.postgres.connect(self.name)) as connection:
            connection.autocommit = False
            cursor = connection.cursor()
            cursor.execute(
                "SELECT hersys.outbox_enqueue(%s, 'en', '{\"centre\": \"Mihon\", \"centre_phone\": \"03-0000-0000\"}', 'sms', %s, %s, NULL, NULL)",
                (kind, number, key or f"test:{time.monotonic_ns()}:{number}"))
            (message,) = cursor.fetchone()
            if columns:
                cursor.execute(f"UPDATE hersys.outbox SET {', '.join(f'{c} = %s' for c in columns)} WHERE id = %s",
                               (*columns.values(), message))
            cursor.execute("SELECT hersys.outbox_wake()")
            connection.commit()
        return message

    def drop(self):
        with contextlib.closing(self.postgres.connect("postgres")) as connection:
            connection.cursor().execute(f"DROP DATABASE {self.name} WITH (FORCE)")


@pytest.fixture
def db(postgres, template_database):
    database = Database(postgres, template_database)
    yield database
    database.drop()


# Below the ports that the system gives to clients, and for each worker its own: between the look and the daemon's bind nobody
# else takes it.
PORTS = itertools.cycle(range(20000, 20400))


def free_port():
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    for port in PORTS:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port + 400 * worker))
                return port + 400 * worker


def write_keys(folder):
    keys = folder / "keys"
    if not keys.exists():
        keys.mkdir()
        for name in ("link-1", "code-1", "counter-1", "sandbox-1"):
            subprocess.run([BUILD / "hersysctl", "key", "new", keys / f"{name}.key"], check=True)
    return keys


def write_config(folder, postgres, database, user="hersys_test", port=None, more="", **options):
    """A configuration; options are given as group__name=value, None leaves one out. `more` stands behind them as it is."""
    values = {
        "database__dsn": f"host={postgres.host} dbname={database} user={user}",
        "http__listen": f"127.0.0.1:{port or free_port()}",
        "links__base_url": "https://my-her-sys.example.jp",
        "keys__directory": str(write_keys(folder)),
        "templates__directory": str(ROOT / "templates"),
        "delivery__poll_seconds": 1,
        "reminders__tick_seconds": 1,
        "sandbox__enabled": True,
        "sandbox__spool": str(folder / "sandbox.jsonl"),
        "sandbox__number": GATEWAY_NUMBER,
        "sandbox__receipt_milliseconds": 20,
        **options}
    groups = {}
    for key, value in values.items():
        if value is not None:
            group, _, name = key.partition("__")
            groups.setdefault(group, []).append(f"{name} = {json.dumps(value)};")
    path = folder / "hersys-gateway.conf"
    path.write_text("".join(f"{group}: {{ {' '.join(lines)} }};\n" for group, lines in groups.items()) + more)
    path.chmod(0o640)
    return path


class Gateway:
    """One daemon and the operator's command for it."""

    def __init__(self, folder, postgres, db, **options):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.postgres, self.db, self.options = folder, postgres, db, options
        self.port = free_port()
        self.log_path = folder / "log"
        self.process = None
        self.config = self.configure()

    def configure(self, **options):
        self.options.update(options)
        self.config = write_config(self.folder, self.postgres, self.db.name, port=self.port, **self.options)
        return self.config

    # ---- the daemon

    def spawn(self, **environment):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([BUILD / "hersys-gatewayd", "-c", self.config], stderr=log, stdout=log,
                                            env={**os.environ, **environment})
        return self

    def start(self):
        seen = self.log().count(" ready ")
        self.spawn()
        wait_for(lambda: self.log().count(" ready ") > seen or self.process.poll() is not None, what="the daemon's start")
        assert self.process.poll() is None, self.log()
        return self

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def events(self, event):
        """The lines of one event."""
        return [line for line in self.log().splitlines() if re.search(rf" (error|warning|info|debug) {event}( |$)", line)]

    def stop(self, number=signal.SIGTERM, seconds=30):
        """Ends the daemon; gives back its status."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()  # or it would outlive the tests
            raise
        self.process = None
        return status

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process = None

    # ---- the operator

    def ctl(self, *words, text=None, status=0):
        """Runs hersysctl; gives back what it printed."""
        done = subprocess.run([BUILD / "hersysctl", "-c", self.config, *map(str, words)], capture_output=True,
                              input=text if isinstance(text, (bytes, type(None))) else text.encode())
        out, err = done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
        assert done.returncode == status, (words, done.returncode, out, err)
        return out if status == 0 else err

    def send_link(self, patient):
        """Asks for a registration link; gives back the message's id."""
        return int(re.fullmatch(r"link \d+ queued as message (\d+)\n", self.ctl("link", "send", patient)).group(1))

    def token(self, centre, actor="desk-1", scopes="patients,links,codes,reports,alerts,release", *words):
        """Makes a token of the API."""
        return self.ctl("token", "create", "--centre", centre, "--actor", actor, "--scope", scopes, *words).strip()

    # ---- the carrier

    def request(self, method, path, body=b"", headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read(), answer.headers
        finally:
            connection.close()

    def sign(self, body):
        key = bytes.fromhex((self.folder / "keys" / "sandbox-1.key").read_text().strip())
        return hmac.new(key, body, hashlib.sha256).hexdigest()

    def webhook(self, path, fields, signature=None, **headers):
        """One signed request of the carrier; gives back the status."""
        body = fields if isinstance(fields, bytes) else urllib.parse.urlencode(fields).encode()
        return self.request("POST", path, body, {
            "Content-Type": "application/x-www-form-urlencoded",
            "X-Sandbox-Signature": self.sign(body) if signature is None else signature, **headers})[0]

    def bring(self, number, text, provider_id=None):
        """The carrier brings a message, as the webhook sees it; gives back the status."""
        return self.webhook("/webhooks/sandbox/message", {
            "id": provider_id or f"in-{time.monotonic_ns()}-{threading.get_ident()}", "from": number, "to": GATEWAY_NUMBER, "text": text})

    def messages(self, number=None):
        query = f"?address={urllib.parse.quote(number)}" if number else ""
        status, body, _ = self.request("GET", f"/sandbox/messages{query}")
        assert status == 200
        return json.loads(body)

    def texts(self, number):
        """What a telephone got."""
        return [m["text"] for m in self.messages(number) if m["direction"] == "out"]

    def spooled(self):
        """All messages that the carrier ever took, from its file. A line that is being written, or that a kill has cut, is none:
        the gateway was never told that it was taken."""
        path = self.folder / "sandbox.jsonl"
        taken = []
        for line in path.read_text(errors="replace").splitlines() if path.exists() else []:
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            if entry.get("direction") == "out":
                taken.append(entry)
        return taken


@pytest.fixture
def make_gateway(postgres, db, tmp_path):
    """Makes daemons; those that still run are ended after the test, and must end well."""
    made = []

    def make(name="gateway", **options):
        made.append(Gateway(tmp_path / name, postgres, db, **options))
        return made[-1]

    yield make
    for gateway in made:
        status = gateway.stop()
        assert status in (None, 0), gateway.log()
        assert "Sanitizer" not in gateway.log(), gateway.log()
        assert " fatal " not in gateway.log(), gateway.log()


@pytest.fixture
def gateway(make_gateway):
    """One daemon at work."""
    return make_gateway().start()
