"""Sessions that race: connections, statements in threads, and how a test sees that one waits for another."""
import threading
import time

import psycopg2
import pytest

SALT = "\\x000102030405060708090a0b0c0d0e0f"


class Session:
    """A connection; every statement commits by itself unless `hold` opened a transaction."""

    def __init__(self):
        self.conn = psycopg2.connect("", connect_timeout=10)
        self.conn.autocommit = True
        self.cur = self.conn.cursor()
        self.cur.execute("SET statement_timeout = '60s'; SET deadlock_timeout = '100ms'")
        self.pid = self.conn.get_backend_pid()

    def all(self, sql, *args):
        self.cur.execute(sql, args)
        return self.cur.fetchall() if self.cur.description else []

    def one(self, sql, *args):
        rows = self.all(sql, *args)
        return rows[0][0] if rows else None

    def hold(self):
        self.all("BEGIN")

    def commit(self):
        self.all("COMMIT")


@pytest.fixture
def session():
    made = []

    def make():
        made.append(Session())
        return made[-1]

    yield make
    for each in made:
        each.conn.close()


@pytest.fixture
def db(session):
    """A session on a database with an empty outbox, one centre, and a running clock."""
    db = session()
    db.all("DELETE FROM hersys.outbox")
    db.all("SELECT hersys.clock_hold(NULL)")
    db.centre = db.one("INSERT INTO hersys.centre (name, short_name, phone) VALUES ('試験保健所', '試験', '119') RETURNING id")
    return db


class Later:
    """A statement in a thread of its own."""

    def __init__(self, work):
        self.result = self.error = None
        self.thread = threading.Thread(target=self._run, args=(work,))
        self.thread.start()

    def _run(self, work):
        try:
            self.result = work()
        except Exception as error:  # noqa: BLE001 - handed to the test
            self.error = error

    def join(self):
        self.thread.join(60)
        assert not self.thread.is_alive()
        if self.error:
            raise self.error
        return self.result


def blocked(db, other):
    """Waits until `other` waits for a lock."""
    for _ in range(600):
        if db.one("SELECT cardinality(pg_blocking_pids(%s))", other.pid) > 0:
            return True
        time.sleep(0.01)
    return False


counter = iter(range(1, 10_000_000))


def phone():
    return "+8170%08d" % next(counter)


def patient(db, number):
    return db.one(
        "INSERT INTO hersys.patient (centre_id, input_id, family_name, given_name, date_of_birth, phone, monitoring_from, monitoring_until)"
        " VALUES (%s, %s, '試験', '見本', '1980-01-01', %s, current_date - 3, current_date + 3) RETURNING id",
        db.centre, "%08d" % next(counter), number)


def race(*works):
    """Runs them at once, each in a thread; the first error is the test's."""
    start = threading.Barrier(len(works))

    def run(work):
        start.wait(30)
        return work()

    return [later.join() for later in [Later(lambda work=work: run(work)) for work in works]]
