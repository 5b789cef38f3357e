"""The example of etc/carriers as a link of the daemon, and its carrier on the other side of the wire."""
import json
import sys

import pytest
from conftest import ROOT

sys.path.insert(0, str(ROOT / "tests" / "peers"))
from sms_provider import Answer, ExampleCarrier, sign_example  # noqa: E402,F401

PUBLIC_URL = "https://gateway.example.jp"
EXAMPLE = ROOT / "etc" / "carriers" / "example-sms.conf"
API_KEY, WEBHOOK_KEY = "SECRETAPIKEY", "SECRETWEBHOOKKEY"


def secret(folder, name, text):
    path = folder / name
    path.write_text(text + "\n")
    path.chmod(0o640)
    return path


def example(folder, carrier, name="example-sms", more="", webhook_key=WEBHOOK_KEY, replace=None):
    """One link: the shipped file as it is, but for the address and what a test replaces; what it adds stands behind."""
    home = folder / "carriers" / name
    home.mkdir(parents=True)
    text = EXAMPLE.read_text()
    for old, new in {"https://api.sms.example.jp": carrier.url, **(replace or {})}.items():
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    (home / "example-sms.conf").write_text(text)
    secret(home, "example-sms.key", API_KEY)
    secret(home, "example-sms.webhook-key", webhook_key)
    return f'{name}:\n{{\n@include "carriers/{name}/example-sms.conf"\nca_file = "{carrier.certificate}";\n{more}}};\n'


@pytest.fixture
def carriers(tmp_path):
    """Makes carriers, and ends them."""
    made = []

    def make(folder="carrier", **options):
        made.append(ExampleCarrier(tmp_path / folder, **options))
        return made[-1]

    yield make
    for carrier in made:
        carrier.close()


@pytest.fixture
def carrier(carriers):
    return carriers()


@pytest.fixture
def link(make_gateway, carrier, tmp_path):
    """Makes a daemon with the carrier as its only link; a line in `replace` stands instead of the example's."""

    def make(replace=None, more="", start=True, **options):
        gateway = make_gateway(**{"sandbox__enabled": False, "http__public_url": PUBLIC_URL, **options})
        links = example(gateway.folder, carrier, more=more, replace=replace)
        gateway.configure(more=f"carriers:\n{{\n{links}}};\n")
        return gateway.start() if start else gateway

    return make


def bring(gateway, what, body, key=WEBHOOK_KEY, link="example-sms", headers=None):
    """One request of the carrier; gives back status and body."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    status, answer, _ = gateway.request("POST", f"/webhooks/{link}/{what}", raw,
                                        sign_example(key, raw) if headers is None else headers)
    return status, answer


def reply(number, text, provider_id="r-1"):
    return {"id": provider_id, "from": number.lstrip("+"), "to": "817000000000", "text": text}


def provider_id(db, message):
    return db.one("SELECT provider_id FROM hersys.message_part WHERE message_id = %s", message)


def row(db, message):
    """What the outbox says of a message that waits: state, attempts, error."""
    return db.sql("SELECT state::text, attempts, error FROM hersys.outbox WHERE id = %s", message)


def ended(db, message):
    return db.sql("SELECT state::text, attempts, error FROM hersys.outbox_history WHERE id = %s", message)


def harmful(db):
    """From now on a second sending of these messages would do harm."""
    db.sql("UPDATE hersys.message_kind SET at_most_once = true WHERE kind = 'not_understood'")


@pytest.fixture
def two(carriers, make_gateway):
    """Two carriers, and a daemon with a link to each, one message at a time."""
    peers = carriers("one"), carriers("two")
    gateway = make_gateway(sandbox__enabled=False, http__public_url=PUBLIC_URL)
    links = "".join(example(gateway.folder, peer, name, webhook_key=f"key-of-{name}", replace={"window = 10": "window = 1"})
                    for peer, name in zip(peers, ("one", "two")))
    gateway.configure(more=f"carriers:\n{{\n{links}}};\n")
    return gateway.start(), peers
