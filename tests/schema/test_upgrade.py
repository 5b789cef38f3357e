"""A database that was in use when the newer schema came: nothing of it is lost."""
import hashlib
import pathlib
import subprocess

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
FILES = sorted((TOP / "schema").glob("[0-9][0-9][0-9][0-9]_*.sql"))
MIGRATION = """
CREATE SCHEMA hersys;
CREATE TABLE hersys.migration (version integer PRIMARY KEY, name text NOT NULL, sha256 text NOT NULL,
                               applied_at timestamptz NOT NULL DEFAULT now(), applied_by text NOT NULL DEFAULT session_user);
"""


class Old:
    """A database of an older version."""

    def __init__(self, version):
        self.name = f"hersys_since_{version}"
        self.ask("CREATE DATABASE " + self.name, "postgres")
        self.ask(MIGRATION)
        self.bring(0, version)

    def ask(self, sql, database=None):
        """Runs statements; the last one's rows, one line each."""
        done = subprocess.run(["psql", "-qXAt", "-v", "ON_ERROR_STOP=1", "-d", database or self.name], input=f"SET client_min_messages = error;\n{sql}",
                              capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    def bring(self, after, until):
        """Applies the migrations between two versions, each in its transaction, as hersysctl does."""
        for path in FILES[after:until]:
            checksum = hashlib.sha256(path.read_bytes()).hexdigest()
            self.ask(f"BEGIN;\n\\o /dev/null\n\\i {path}\nRESET ROLE;\n"
                     f"INSERT INTO hersys.migration (version, name, sha256) VALUES ({int(path.name[:4])}, '{path.stem}', '{checksum}');\nCOMMIT;")

    def receive(self, name, parsed):
        self.ask(f"""SELECT hersys.inbound_store('[{{"link": "l", "provider_id": "{name}", "sender": "+817000000001", "recipient": "+817099999999",
                     "answerable": true, "raw": "3336", "own_text": false, "parsed": {parsed}}}]')""")


@pytest.fixture(scope="module", name="old")
def conversation():
    """One of version 11, with reports, alerts and an answer that waits; brought to the newest."""
    old = Old(11)
    old.ask("""INSERT INTO hersys.centre (id, name, short_name, phone) VALUES (1, '見本', '見本', '03-0000-0000');
               INSERT INTO hersys.patient (centre_id, input_id, family_name, given_name, date_of_birth, phone, monitoring_from, monitoring_until)
               VALUES (1, '1000001', '見本', '例', '1980-01-01', '+817000000001', current_date - 1, current_date + 5)""")
    old.receive("report", '{"outcome": "report", "red_flag": true, "reports": [{"temperature_c": 36.9, "spo2": 88, "symptoms": true}]}')
    old.receive("again", '{"outcome": "report", "red_flag": true, "reports": [{"temperature_c": 36.9, "spo2": 88, "symptoms": true}]}')
    old.receive("command", '{"outcome": "command", "command": "stop"}')
    old.receive("conflict", '{"outcome": "conflict", "red_flag": true}')
    # Of the first report one of two alerts is closed, of the second both are.
    old.ask("""UPDATE hersys.alert SET closed_at = now(), seen_at = now(), seen_by = 'nurse'
               WHERE reason = 'red_flag' AND report_id = 1 OR report_id = 2""")
    old.bring(11, len(FILES))
    return old


def test_several_alerts_of_a_report_become_one_that_is_open_as_long_as_one_of_them_was(old):
    assert old.ask("SELECT report_id, reasons, closed_at IS NULL, seen_at IS NULL, closed_by FROM hersys.alert ORDER BY id") == [
        "1|{red_flag,spo2_low}|t|t|", "2|{red_flag,spo2_low}|f|f|hersys", "|{red_flag}|t|t|"]


def test_an_answer_that_waits_can_still_be_said(old):
    assert old.ask("SELECT o.kind FROM hersys.outbox o WHERE o.kind NOT IN (SELECT k.kind FROM hersys.message_kind k)") == []
    assert old.ask("SELECT kind FROM hersys.outbox WHERE kind IN ('help', 'command_later')") == ["help"]
    assert old.ask("SELECT answer_kind FROM hersys.inbound WHERE provider_id = 'command'") == ["help"]


def test_the_conversation_goes_on(old):
    old.receive("undo", '{"outcome": "command", "command": "undo"}')
    assert old.ask("SELECT id FROM hersys.status_report WHERE withdrawn_at IS NOT NULL") == ["2"]
    assert old.ask("SELECT told FROM hersys.alerts_escalate(10)") == ["0"], "the open ones are told, if there is anybody to tell"
