"""The promises of io/http_server.h, asked by clients of every kind: slow, huge, malformed, vanishing, too many."""

import signal
import socket
import struct
import time

import pytest

BODY_MAX = 256 * 1024
HEADERS_MAX = 8192
GET = b"GET /echo HTTP/1.1\r\nHost: gateway.example\r\n\r\n"


@pytest.fixture
def start(spawn):
    def begin(connections=100, idle=5, request=5, address="127.0.0.1:0", descriptors=None):
        args = [BODY_MAX, HEADERS_MAX, connections, idle, request, address]
        process = spawn("http_echo", *args, *([descriptors] if descriptors else []))
        process.said = process.stdout.readline().strip()
        process.port = int(process.said) if process.said.isdigit() else None
        return process

    return begin


@pytest.fixture
def server(start):
    return start()


class Client:
    """One connection; answers are read by their Content-Length."""

    def __init__(self, server, timeout=15):
        self.sock = socket.create_connection(("127.0.0.1", server.port), timeout=timeout)
        self.pending = bytearray()

    def send(self, data):
        self.sock.sendall(data)

    def fill(self):
        data = self.sock.recv(65536)
        self.pending += data
        return bool(data)

    def answer(self):
        """Status, headers (lower case) and body of the next answer; None where the server has hung up."""
        while b"\r\n\r\n" not in self.pending:
            if not self.fill():
                return None
        head, self.pending = self.pending.split(b"\r\n\r\n", 1)
        lines = head.decode("latin-1").split("\r\n")
        fields = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines[1:])}
        length = int(fields.get("content-length", 0))
        while len(self.pending) < length:
            assert self.fill(), "the answer is cut"
        body, self.pending = self.pending[:length], self.pending[length:]
        return int(lines[0].split(" ")[1]), fields, bytes(body)

    def at_end(self):
        try:
            while self.fill():
                pass
        except ConnectionResetError:
            pass
        return True

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


def ask(server, data):
    client = Client(server)
    client.send(data)
    return client.answer()


def post(body, fields=b"", length=None):
    return b"POST /echo HTTP/1.1\r\nHost: a\r\n%sContent-Length: %d\r\n\r\n%s" % (fields, len(body) if length is None else length, body)


def test_a_request_arrives_whole_and_the_answer_says_what_is_promised(server):
    status, fields, body = ask(server, b"POST /a%20b?x=1&y HTTP/1.1\r\nhOsT: h\r\nContent-Length: 5\r\n\r\na\0b\xffc")
    assert status == 200 and body.endswith(b"a\0b\xffc") and b"/a%20b" in body and b"x=1&y" in body
    assert fields["cache-control"] == "no-store" and fields["x-content-type-options"] == "nosniff"


def test_a_connection_is_kept_and_pipelined_requests_are_answered_in_order(server):
    client = Client(server)
    client.send(b"".join(GET.replace(b"/echo", b"/size?%d" % n) for n in range(1, 6)))
    assert [len(client.answer()[2]) for _ in range(5)] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("request_", [
    b"GET /echo HTTP/1.1\r\n\r\n",
    b"GET /echo HTTP/1.1\r\nHost:\r\n\r\n",
    b"GET /echo HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
    b"GET /echo HTTP/1.1\r\nHost: a b\r\n\r\n",
    b"GET /echo HTTP/1.1\r\nHost : a\r\n\r\n",
    b"GET /echo HTTP/1.1\r\nHost: a\r\nX A: b\r\n\r\n",
    b"GET /echo HTTP/1.1\r\nHost: a\r\nX\x01A: b\r\n\r\n",
    b"GET /echo HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n",
    b"GET /echo HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n",
    b"GET /echo HTTP/1.1\r\nHost: a\r\nX: a\x7fb\r\n\r\n",
    b"GET /echo HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n",
    b"GET /echo\r\n\r\n",
    b"GET /ec ho HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /echo#part HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET echo HTTP/1.1\r\nHost: a\r\n\r\n",
    b"BREW /echo HTTP/1.1\r\nHost: a\r\n\r\n",
    b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
    b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc",
    b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
    b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\nabc",
    b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: -3\r\n\r\nabc",
    b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    b"POST /echo HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
], ids=lambda request_: repr(request_[:70]))
def test_a_malformed_request_is_refused(server, request_):
    answer = ask(server, request_)
    assert answer is None or answer[0] >= 400
    assert ask(server, GET)[0] == 200, "and the server goes on"


# ---- limits


def test_a_body_at_the_limit_passes_and_one_above_does_not(server):
    assert ask(server, post(b"x" * BODY_MAX))[0] == 200
    assert ask(server, post(b"", length=BODY_MAX + 1))[0] == 413


def test_a_body_of_300_kib_is_refused_before_it_has_come(server):
    assert ask(server, post(b"", length=300 * 1024))[0] == 413
    chunk = b"1000\r\n" + b"x" * 4096 + b"\r\n"
    assert ask(server, b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk * 66)[0] == 413


def test_a_client_that_asks_before_it_sends_is_told(server):
    client = Client(server)
    client.send(post(b"", b"Expect: 100-continue\r\n", length=4))
    assert client.answer()[0] == 100
    client.send(b"body")
    assert client.answer()[2].endswith(b"body")
    assert ask(server, post(b"", b"Expect: 100-continue\r\n", length=300 * 1024))[0] in (413, 417)


def test_headers_too_long_are_refused(server):
    answer = ask(server, b"GET /echo HTTP/1.1\r\nHost: a\r\n" + b"X: %s\r\n" % (b"v" * 90) * 100 + b"\r\n")
    assert answer is None or answer[0] >= 400


# ---- time


@pytest.mark.parametrize("begin", [b"GET /echo HTTP/1.1\r\nX: ", post(b"", length=9999)], ids=["header", "body"])
def test_a_client_that_drips_is_ended_however_steadily_it_drips(start, begin):
    server = start(idle=1, request=2)
    client = Client(server)
    client.send(begin)
    began = time.monotonic()
    with pytest.raises(OSError):
        while time.monotonic() - began < 10:
            client.send(b"x")
            time.sleep(0.2)
    assert 2 <= time.monotonic() - began <= 6


def test_an_idle_connection_is_closed_and_a_handler_may_take_longer(start):
    server = start(idle=1, request=1)
    idle, waiting = Client(server), Client(server)
    waiting.send(GET.replace(b"/echo", b"/later?4000"))
    assert idle.at_end()
    assert waiting.answer()[0] == 200


# ---- clients that go away


def test_a_client_that_vanishes_harms_nobody_whenever_it_does(server):
    for path, wait in ((b"/later?300", 0.05), (b"/size?5000000", 0.0), (b"/echo", 0.0)):
        for _ in range(10):
            client = Client(server)
            client.send(GET.replace(b"/echo", path) * 2)
            time.sleep(wait)
            client.reset()
    for cut in range(1, len(GET), 5):
        client = Client(server)
        client.send(GET[:cut])
        client.reset()
    time.sleep(0.5)
    assert ask(server, GET)[0] == 200


def test_a_client_that_closes_its_half_still_gets_the_answer(server):
    client = Client(server)
    client.send(GET)
    client.sock.shutdown(socket.SHUT_WR)
    assert client.answer()[0] == 200


# ---- many


def test_connections_above_the_limit_wait_until_one_ends(start):
    server = start(connections=5)
    held = [Client(server) for _ in range(5)]
    for client in held:
        client.send(GET)
        assert client.answer()[0] == 200
    late = Client(server)
    late.send(GET)
    late.sock.settimeout(1)
    with pytest.raises(TimeoutError):
        late.answer()
    held[0].sock.close()
    late.sock.settimeout(10)
    assert late.answer()[0] == 200


def cpu_seconds(process):
    with open(f"/proc/{process.pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def test_without_descriptors_it_waits_instead_of_spinning(start):
    server = start(descriptors=40, connections=1000, idle=30)
    clients = [Client(server) for _ in range(60)]
    time.sleep(0.5)
    before = cpu_seconds(server)
    time.sleep(2)
    assert cpu_seconds(server) - before < 0.5
    for client in clients[:30]:
        client.sock.close()
    clients[-1].send(GET)
    assert clients[-1].answer()[0] == 200
    server.log.seek(0)
    assert server.log.read().count("http_accept_failed") < 20


# ---- the end


def test_a_stop_lets_requests_under_way_end_and_takes_no_more(server):
    busy = Client(server)
    busy.send(GET.replace(b"/echo", b"/later?800"))
    time.sleep(0.2)
    server.send_signal(signal.SIGTERM)
    time.sleep(0.2)
    with pytest.raises(ConnectionRefusedError):
        Client(server)
    assert busy.answer()[0] == 200
    assert server.wait(5) == 0


def test_a_large_answer_is_written_whole_before_a_stopped_server_ends(server):
    client = Client(server)
    client.send(GET.replace(b"/echo", b"/size?20000000"))
    time.sleep(0.3)
    server.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    assert len(client.answer()[2]) == 20000000


def test_freeing_the_server_leaves_what_is_handled_valid(server):
    clients = [Client(server) for _ in range(5)]
    for client in clients:
        client.send(GET.replace(b"/echo", b"/later?300"))
    time.sleep(0.1)
    server.send_signal(signal.SIGUSR1)
    assert all(client.at_end() for client in clients)
    server.wait(5)


@pytest.mark.parametrize("address", ["", "127.0.0.1", "127.0.0.1:", ":80", "127.0.0.1:1x", "localhost:80", "[::1]", "[::1:80", "::1:80"])
def test_an_address_that_is_none_is_said(start, address):
    server = start(address=address)
    assert "127.0.0.1:8470" in server.said
    assert server.wait(5) == 1
    server.expected_status = 1


def test_an_address_in_use_is_said(start):
    first = start()
    second = start(address=f"127.0.0.1:{first.port}")
    assert "in use" in second.said
    assert second.wait(5) == 1
    second.expected_status = 1
