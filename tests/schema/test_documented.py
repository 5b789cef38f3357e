"""doc/schema.md says of every function that a role may call who that is and what its arguments are, and of no other."""
import pathlib
import re

import psycopg2

PAGE = pathlib.Path(__file__).resolve().parents[2] / "doc" / "schema.md"
SHORT = {"timestamp with time zone": "timestamptz"}


def granted():
    with psycopg2.connect("") as conn, conn.cursor() as cur:
        cur.execute("""
            SELECT p.proname, pg_get_function_identity_arguments(p.oid),
                   string_agg(r.letter, '' ORDER BY position(r.letter IN 'GPR'))
            FROM pg_proc p, (VALUES ('G', 'hersys_gateway'), ('P', 'hersys_portal'), ('R', 'hersys_readonly')) AS r (letter, role)
            WHERE p.pronamespace = 'hersys'::regnamespace AND has_function_privilege(r.role, p.oid, 'EXECUTE')
            GROUP BY p.oid""")
        return {(name, arguments(args)): letters for name, args, letters in cur.fetchall()}


def arguments(text):
    """'p_days integer' and 'days integer' alike."""
    out = []
    for each in filter(None, (part.strip() for part in text.split(","))):
        name, kind = each.split(" ", 1)
        out.append(name.removeprefix("p_") + " " + SHORT.get(kind, kind))
    return ", ".join(out)


def documented():
    rows = re.findall(r"^\| `(\w+)\(([^)]*)\)` → .*? \| ([GPR]+) \|", PAGE.read_text(encoding="utf-8"), re.M)
    return {(name, arguments(args)): letters for name, args, letters in rows}


def test_every_function_that_a_role_may_call_is_documented_with_its_arguments_and_callers():
    assert documented() == granted()


def test_every_error_of_the_product_is_documented():
    page = PAGE.read_text(encoding="utf-8")
    used = set()
    for file in (PAGE.parents[1] / "schema").glob("0*.sql"):
        used |= set(re.findall(r"ERRCODE = '(HS\d+)'", file.read_text(encoding="utf-8")))
    assert used == set(re.findall(r"^\| (HS\d+) \|", page, re.M))


def test_every_table_with_row_level_security_is_named_as_bound():
    page = PAGE.read_text(encoding="utf-8")
    bound = re.search(r"Bound to a centre: (.*?) \(messages", page, re.S).group(1)
    with psycopg2.connect("") as conn, conn.cursor() as cur:
        cur.execute("SELECT relname FROM pg_class WHERE relnamespace = 'hersys'::regnamespace AND relrowsecurity")
        assert set(re.findall(r"`(\w+)`", bound)) == {row[0] for row in cur.fetchall()}
