"""The database: migrated by the operator alone, away for a while, of the wrong version."""
import contextlib
import shutil
import subprocess
import time

import pytest
from conftest import BUILD, ROOT, Database, phone, wait_for, write_config


@pytest.fixture
def empty(postgres, tmp_path):
    """A database without the schema, and a configuration of its owner."""
    database = Database(postgres, "template1")
    config = write_config(tmp_path, postgres, database.name, user="postgres")
    yield database, config
    database.drop()


def migrate(config, schema=ROOT / "schema"):
    return subprocess.run([BUILD / "hersysctl", "-c", config, "migrate", "--schema", schema], capture_output=True, text=True)


def newest():
    return len(list((ROOT / "schema").glob("0*.sql")))


def test_migrate_makes_the_schema_and_has_nothing_to_do_the_second_time(empty):
    database, config = empty
    done = migrate(config)
    assert done.returncode == 0 and done.stdout.count("applied") == newest(), done
    assert database.one("SELECT hersys.schema_version()") == newest()
    assert "up to date" in migrate(config).stdout


def test_a_migration_that_fails_leaves_nothing_of_itself(empty, tmp_path):
    database, config = empty
    schema = shutil.copytree(ROOT / "schema", tmp_path / "schema")
    (schema / f"{newest() + 1:04d}_broken.sql").write_text("CREATE TABLE hersys.half (id int); SELECT 1/0;")
    done = migrate(config, schema)
    assert done.returncode == 1 and "division by zero" in done.stderr
    assert database.one("SELECT hersys.schema_version()") == newest()
    assert database.one("SELECT to_regclass('hersys.half')") is None


def test_a_migration_that_fails_at_a_row_says_nothing_of_what_stands_in_it(empty, tmp_path):
    database, config = empty
    assert migrate(config).returncode == 0
    centre = database.centre()
    database.patient(centre, phone(1), given_name="SECRETGIVEN")
    schema = shutil.copytree(ROOT / "schema", tmp_path / "schema")
    (schema / f"{newest() + 1:04d}_broken.sql").write_text("UPDATE hersys.patient SET family_name = NULL;")
    done = migrate(config, schema)
    assert done.returncode == 1 and "violates not-null constraint" in done.stderr
    assert "SECRET" not in done.stderr


def test_a_file_that_was_changed_after_it_was_applied_is_refused(empty, tmp_path):
    database, config = empty
    assert migrate(config).returncode == 0
    schema = shutil.copytree(ROOT / "schema", tmp_path / "schema")
    first = sorted(schema.glob("0001_*.sql"))[0]
    first.write_text(first.read_text() + "-- changed\n")
    done = migrate(config, schema)
    assert done.returncode == 1 and "checksum" in done.stderr


def test_a_gap_in_the_numbers_is_refused(empty, tmp_path):
    _, config = empty
    schema = shutil.copytree(ROOT / "schema", tmp_path / "schema")
    next(schema.glob("0002_*.sql")).unlink()
    done = migrate(config, schema)
    assert done.returncode == 1 and "migration 0002 is missing" in done.stderr


def test_two_migrations_at_once_apply_each_file_once(empty):
    database, config = empty
    both = [subprocess.Popen([BUILD / "hersysctl", "-c", config, "migrate", "--schema", ROOT / "schema"]) for _ in range(2)]
    assert [one.wait() for one in both] == [0, 0]
    assert database.one("SELECT count(*) FROM hersys.migration") == newest()


@pytest.mark.parametrize("change, word", [
    ("INSERT INTO hersys.migration (version, name, sha256) VALUES (%s, 'future', repeat('0', 64))", "install the newer program"),
    ("DELETE FROM hersys.migration WHERE version = %s - 1", "run hersysctl migrate"),
])
def test_a_schema_of_another_version_is_refused_by_daemon_and_command(make_gateway, db, change, word):
    db.sql(change, newest() + 1)
    gateway = make_gateway().spawn()
    assert gateway.process.wait(20) == 1
    gateway.process = None
    assert word in gateway.log()
    assert word in gateway.ctl("queue", status=1)


def test_a_daemon_that_runs_when_the_schema_is_migrated_sends_nothing_by_the_old_one(gateway, postgres, db, tmp_path):
    schema = shutil.copytree(ROOT / "schema", tmp_path / "schema")
    (schema / f"{newest() + 1:04d}_more.sql").write_text("SELECT 1;\n")
    owner = tmp_path / "owner"
    owner.mkdir()
    done = migrate(write_config(owner, postgres, db.name, user="postgres"), schema)
    assert done.returncode == 0, done.stderr
    wait_for(lambda: "install the newer program" in gateway.log(), what="the daemon's look at the schema")
    message = db.enqueue(phone(1))
    assert gateway.bring(phone(1), "36.9 97 N") == 503, "carriers bring it again"
    assert db.state(message) == "queued" and gateway.process.poll() is None


def test_a_database_without_the_schema_is_named_as_such(make_gateway, postgres, db):
    gateway = make_gateway(database__dsn=f"host={postgres.host} dbname=postgres user=hersys_test")
    assert "run hersysctl migrate" in gateway.ctl("queue", status=1)


def test_a_role_that_is_no_member_is_told_what_to_grant(make_gateway, postgres, db):
    with contextlib.closing(postgres.connect("postgres")) as connection:
        connection.cursor().execute(f"CREATE ROLE stranger_{db.name} LOGIN")
    gateway = make_gateway(database__dsn=f"host={postgres.host} dbname={db.name} user=stranger_{db.name}")
    assert f"the role stranger_{db.name} may not use the schema hersys: GRANT hersys_gateway TO it" in gateway.ctl("queue", status=1)


def test_migrate_takes_no_bare_name_and_repeats_no_password():
    for dsn in ("hersys", "host=db password=first second"):
        done = subprocess.run([BUILD / "hersysctl", "migrate", "--schema", ROOT / "schema", "--database", dsn],
                              capture_output=True, text=True)
        assert done.returncode == 1 and "like dbname=hersys" in done.stderr and "second" not in done.stderr, done


def test_the_daemon_never_migrates_and_has_no_right_to(make_gateway, db):
    make_gateway().start()
    with contextlib.closing(db.postgres.connect(db.name, "hersys_test")) as connection:
        with pytest.raises(Exception, match="permission denied"):
            connection.cursor().execute("SELECT * FROM hersys.patient")


# ---- away

def test_a_daemon_that_starts_before_its_database_waits_for_it(make_gateway, postgres, db):
    db.patient(db.centre(), phone(1))
    postgres.ctl("stop", "fast")
    try:
        gateway = make_gateway().spawn()
        time.sleep(2)
        assert gateway.process.poll() is None, "it waits"
        assert gateway.bring(phone(1), "36.9 97 N") == 503, "and accepts nothing meanwhile"
        assert "cannot be reached" in gateway.ctl("queue", status=1)
    finally:
        postgres.ctl("start")
    wait_for(lambda: gateway.events("ready"), 30)
    assert gateway.bring(phone(1), "36.9 97 N") == 200
    assert db.one("SELECT count(*) FROM hersys.status_report") == 1


@pytest.mark.parametrize("end", [("stop", "immediate"), ("kill",)])
def test_while_the_database_is_away_nothing_is_accepted_and_afterwards_everything_goes_on(make_gateway, postgres, db, end):
    db.patient(db.centre(), phone(1))
    gateway = make_gateway(delivery__lease_seconds=5).start()  # a claim whose answer was lost waits for its lease
    messages = [db.enqueue(phone(n), not_before="2020-01-01") for n in range(2, 12)]
    postgres.ctl(*end)
    try:
        wait_for(lambda: gateway.events("database_away"))
        status, body, headers = gateway.request("POST", "/sandbox/replies", b"from=%2B817000000001&text=36.9+97+N", {
            "Content-Type": "application/x-www-form-urlencoded"})
        assert status == 503 and headers["Retry-After"] and b"Nothing was stored" in body
    finally:
        postgres.ctl("start")
    wait_for(lambda: len(gateway.events("database_ready")) == 2, 30)
    assert gateway.bring(phone(1), "36.9 97 N") == 200
    wait_for(lambda: all(db.state(m) in ("delivered", "sent") for m in messages), 30)


def test_what_was_sent_while_the_database_was_away_longer_than_a_lease_is_not_sent_again(make_gateway, postgres, db):
    gateway = make_gateway(sandbox__delay_milliseconds=3000, sandbox__window=200, delivery__lease_seconds=9).start()
    messages = [m for m, in db.sql(
        "SELECT hersys.outbox_enqueue('not_understood', 'en', '{\"centre\": \"Mihon\", \"centre_phone\": \"03-0000-0000\"}', 'sms', "
        "'+8170' || to_char(n, 'FM000000') || '10', 'away:' || n, NULL, NULL) FROM generate_series(1, 100) AS n")]
    wait_for(lambda: db.one("SELECT count(*) FROM hersys.outbox WHERE state = 'sending'") == 100)
    postgres.ctl("stop", "fast")
    try:
        time.sleep(11)
    finally:
        postgres.ctl("start")
    wait_for(lambda: all(db.state(m) == "delivered" for m in messages), 30)
    assert len(gateway.spooled()) == 100 and not gateway.events("finish_fenced")


def test_a_terminated_backend_costs_nothing_but_a_moment(gateway, db):
    db.patient(db.centre(), phone(1))
    message = db.enqueue(phone(2), not_before="2098-01-01", not_after="2099-01-01")
    db.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()", db.name)
    wait_for(lambda: len(gateway.events("database_ready")) == 2, 30)
    db.sql("UPDATE hersys.outbox SET not_before = '2020-01-01' WHERE id = %s", message)
    wait_for(lambda: db.state(message) == "delivered")
    assert gateway.bring(phone(1), "36.9 97 N") == 200


def test_a_held_clock_without_the_sandbox_ends_the_daemon(make_gateway, db):
    db.hold_clock("2026-02-01 07:00:00+09")
    gateway = make_gateway(sandbox__enabled=False).spawn()
    assert gateway.process.wait(20) == 1
    gateway.process = None
    assert gateway.events("clock_held")
