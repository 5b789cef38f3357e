"""The promises of io/http_client.h, against servers that follow a script. Above all: what was not sent is told apart
from what the peer may have acted on, and nothing is sent twice."""

import email.utils
import queue
import socket
import ssl
import struct
import subprocess
import threading
import time

import pytest


class Server:
    """Listens, and gives each request that has come whole to `script(number, request)`: bytes are sent, in a list one
    after the other; a number is a time to sleep; CLOSE and RESET end the connection."""

    CLOSE, RESET = "close", "reset"

    def __init__(self, script, tls=None):
        self.script, self.tls = script, tls
        self.requests, self.connections = [], 0
        self.lock = threading.Lock()
        self.sock = socket.create_server(("127.0.0.1", 0))
        self.port = self.sock.getsockname()[1]
        self.scheme = "https" if tls else "http"
        threading.Thread(target=self.accept, daemon=True).start()

    def url(self, path="/", host="127.0.0.1"):
        return f"{self.scheme}://{host}:{self.port}{path}"

    def accept(self):
        while True:
            try:
                conn, _ = self.sock.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.serve, args=(conn,), daemon=True).start()

    def serve(self, conn):
        try:
            if self.tls:
                conn = self.tls.wrap_socket(conn, server_side=True)
            while True:
                request = self.read(conn)
                if request is None:
                    conn.close()
                    return
                with self.lock:
                    self.requests.append(request)
                    number = len(self.requests)
                if not self.follow(conn, self.script(number, request)):
                    return
        except OSError:
            conn.close()

    def follow(self, conn, steps):
        for step in steps if isinstance(steps, list) else [steps]:
            if isinstance(step, (int, float)):
                time.sleep(step)
            elif step == self.CLOSE:
                conn.close()
                return False
            elif step == self.RESET:
                conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                conn.close()
                return False
            else:
                conn.sendall(step)
        return True

    @staticmethod
    def read(conn):
        data = b""
        while b"\r\n\r\n" not in data:
            more = conn.recv(65536)
            if not more:
                return None
            data += more
        head, body = data.split(b"\r\n\r\n", 1)
        length = 0
        for line in head.split(b"\r\n"):
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        while len(body) < length:
            more = conn.recv(65536)
            if not more:
                return None
            body += more
        return head + b"\r\n\r\n" + body


CLOSE, RESET = Server.CLOSE, Server.RESET


def ok(body=b"fine", fields=b"", status=b"200 OK"):
    return b"HTTP/1.1 %s\r\n%sContent-Length: %d\r\n\r\n%s" % (status, fields, len(body), body)


@pytest.fixture
def serve():
    servers = []

    def start(script, **kwargs):
        servers.append(Server(script, **kwargs))
        return servers[-1]

    yield start
    for server in servers:
        server.sock.close()


class Answer:
    def __init__(self, line):
        self.id, self.outcome, status, retry_after, self.error, body = line.split("\t")
        self.status, self.retry_after, self.body = int(status), int(retry_after), bytes.fromhex(body)


class Caller:
    def __init__(self, process):
        self.process, self.count, self.held = process, 0, None
        self.lines = queue.Queue()
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))

    def hold(self):
        """What is said from now on goes out at once with release()."""
        self.held = []

    def release(self):
        lines, self.held = "\n".join(self.held), None
        self.say(lines)

    def say(self, line):
        if self.held is not None:
            self.held.append(line)
            return
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def send(self, url, method="POST", body=b"to=1", headers=(), timeout_ms=5000, allow_http=True, name=None):
        self.count += 1
        name = name or str(self.count)
        fields = [name, method, url, str(timeout_ms), "1" if allow_http else "0", body.hex()]
        self.say("\t".join(fields + [header.encode("latin-1").hex() for header in headers]))
        return name

    def answer(self, timeout=15):
        return Answer(self.lines.get(timeout=timeout))

    def silent(self):
        time.sleep(0.2)
        return self.lines.empty()

    def call(self, *args, **kwargs):
        name = self.send(*args, **kwargs)
        answer = self.answer()
        assert answer.id == name
        if answer.outcome == "ANSWERED":
            assert answer.error == "" and answer.status >= 200
        else:
            assert answer.error != "" and answer.status == 0 and answer.body == b"" and answer.retry_after == -1
            assert "127.0.0.1" not in answer.error and "to=1" not in answer.error
        return answer


@pytest.fixture
def caller(spawn):
    process = spawn("http_call", 65536, stdin=subprocess.PIPE)
    yield Caller(process)
    process.stdin.close()
    process.wait(10)


# ---- answers


def test_an_answer_arrives_with_its_status_and_body(serve, caller):
    server = serve(lambda n, request: ok(b"a\0b\xff"))
    answer = caller.call(server.url("/send?x=1"), headers=["Content-Type: application/json", "X-Key: k"], body=b'{"a":"\0"}')
    assert (answer.outcome, answer.status, answer.body, answer.retry_after) == ("ANSWERED", 200, b"a\0b\xff", -1)
    head, body = server.requests[0].split(b"\r\n\r\n", 1)
    lines = head.split(b"\r\n")
    assert lines[0] == b"POST /send?x=1 HTTP/1.1"
    assert b"Content-Type: application/json" in lines and b"X-Key: k" in lines
    assert b"Content-Length: 9" in lines and body == b'{"a":"\0"}'
    assert not any(line.lower().startswith(b"expect:") for line in lines)
    assert any(line.startswith(b"User-Agent: hersys-gateway/") for line in lines)


@pytest.mark.parametrize("method, body", [("GET", b""), ("HEAD", b""), ("PUT", b"x"), ("DELETE", b""), ("POST", b""), ("PATCH", b"y")])
def test_the_method_is_sent(serve, caller, method, body):
    server = serve(lambda n, request: ok(b"" if method == "HEAD" else b"fine"))
    answer = caller.call(server.url(), method=method, body=body)
    assert answer.outcome == "ANSWERED"
    assert server.requests[0].startswith(method.encode() + b" / ") and server.requests[0].endswith(b"\r\n\r\n" + body)
    assert b"Content-Type" not in server.requests[0]


@pytest.mark.parametrize("status", [b"201 Created", b"302 Found", b"400 Bad", b"404 No", b"429 Slow", b"500 Oops", b"503 Later"])
def test_every_status_is_an_answer_and_no_redirect_is_followed(serve, caller, status):
    elsewhere = serve(lambda n, request: ok())
    server = serve(lambda n, request: ok(b"why", b"Location: %s\r\n" % elsewhere.url().encode(), status))
    answer = caller.call(server.url())
    assert (answer.outcome, answer.status, answer.body) == ("ANSWERED", int(status[:3]), b"why")
    assert len(server.requests) == 1 and elsewhere.connections == 0


@pytest.mark.parametrize(
    "value, low, high",
    [
        (b"120", 120, 120), (b" 0 ", 0, 0), (b"99999999999999999999", 86400, 86400), (b"86401", 86400, 86400),
        (b"soon", -1, -1), (b"-5", -1, -1), (b"", -1, -1), (b"1.5", -1, -1),
        (b"Sun, 06 Nov 1994 08:49:37 GMT", 0, 0),
        (email.utils.formatdate(time.time() + 300, usegmt=True).encode(), 200, 300),
        (email.utils.formatdate(time.time() + 864000, usegmt=True).encode(), 86400, 86400),
    ],
)
def test_retry_after_is_read_in_both_forms(serve, caller, value, low, high):
    server = serve(lambda n, request: ok(b"", b"retry-AFTER: %s\r\n" % value, b"429 Too Many Requests"))
    assert low <= caller.call(server.url()).retry_after <= high


def test_an_informational_answer_is_not_the_answer(serve, caller):
    server = serve(lambda n, request: [b"HTTP/1.1 103 Early Hints\r\nRetry-After: 7\r\n\r\n", 0.05, ok()])
    answer = caller.call(server.url())
    assert (answer.status, answer.retry_after) == (200, -1)


def test_an_answer_in_chunks_and_one_that_ends_with_the_connection_are_whole(serve, caller):
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfine\r\n0\r\n\r\n"
    server = serve(lambda n, request: chunked if n == 1 else [b"HTTP/1.1 200 OK\r\n\r\nfi", 0.05, b"ne", CLOSE])
    assert caller.call(server.url()).body == b"fine"
    assert caller.call(server.url()).body == b"fine"


def test_many_at_once_are_each_answered_once(serve, caller):
    server = serve(lambda n, request: [0.01, ok(request.split(b"\r\n\r\n")[1])])
    names = {caller.send(server.url(), body=b"%d" % i): b"%d" % i for i in range(200)}
    for _ in range(200):
        answer = caller.answer()
        assert answer.body == names.pop(answer.id)
    assert names == {} and caller.silent()


def test_connections_are_kept(serve, caller):
    server = serve(lambda n, request: ok())
    for _ in range(20):
        assert caller.call(server.url()).outcome == "ANSWERED"
    assert server.connections == 1


# ---- not sent


def test_a_refused_connection_means_not_sent(caller):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    assert caller.call(f"http://127.0.0.1:{port}/").outcome == "NOT_SENT"


def test_a_name_that_does_not_resolve_means_not_sent(caller):
    assert caller.call("http://nowhere.invalid/").outcome == "NOT_SENT"


def test_a_name_that_takes_too_long_holds_nobody_up(serve, caller):
    server = serve(lambda n, request: ok())
    began = time.monotonic()
    hung = caller.send("http://name.hang/", timeout_ms=400)
    assert caller.call(server.url()).outcome == "ANSWERED"
    answer = caller.answer()
    assert (answer.id, answer.outcome) == (hung, "NOT_SENT")
    assert caller.call(server.url()).outcome == "ANSWERED"
    assert time.monotonic() - began < 2  # the resolver is still at it


def test_a_connection_that_is_not_made_in_time_means_not_sent(caller):
    with socket.create_server(("127.0.0.1", 0), backlog=0) as deaf:
        held = []
        for _ in range(4):  # fills the queue of what nobody accepts
            held.append(socket.socket())
            held[-1].setblocking(False)
            held[-1].connect_ex(deaf.getsockname())
        began = time.monotonic()
        answer = caller.call(f"http://127.0.0.1:{deaf.getsockname()[1]}/", timeout_ms=500)
        assert answer.outcome == "NOT_SENT" and 0.4 < time.monotonic() - began < 3
        for sock in held:
            sock.close()


@pytest.mark.parametrize("url", ["", "http://", "nonsense", "ftp://127.0.0.1/", "file:///etc/passwd", "http://127.0.0.1:99999/",
                                 "http://127.0.0.1/a b", "http://127.0.0.1/\x01"])
def test_what_is_no_url_for_us_means_not_sent(caller, url):
    assert caller.call(url).outcome == "NOT_SENT"


def test_plain_http_is_refused_where_it_is_not_allowed(serve, caller):
    server = serve(lambda n, request: ok())
    assert caller.call(server.url(), allow_http=False).outcome == "NOT_SENT"
    assert server.connections == 0


@pytest.mark.parametrize("header", ["X: a\r\nY: b", "X: a\nY: b", "X: a\r", "no colon", "X: \x01"])
def test_a_malformed_header_means_not_sent(serve, caller, header):
    server = serve(lambda n, request: ok())
    assert caller.call(server.url(), headers=[header]).outcome == "NOT_SENT"
    assert server.connections == 0


# ---- broken


@pytest.mark.parametrize(
    "steps",
    [
        CLOSE, RESET, [b"garbage\r\n\r\n", CLOSE], [b"\x16\x03\x01", CLOSE], [b"HTTP/1.1", CLOSE],
        [b"HTTP/1.1 200 OK\r\n", CLOSE], [b"HTTP/1.1 200 OK\r\nContent-Le", CLOSE],
        [b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n", CLOSE],
        [b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", CLOSE],
        [b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", RESET],
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nha", CLOSE],
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", CLOSE],
        [b"HTTP/1.1 100 Continue\r\n\r\n", CLOSE],
    ],
)
def test_an_answer_that_is_not_whole_is_broken_and_the_request_not_repeated(serve, caller, steps):
    server = serve(lambda n, request: steps)
    assert caller.call(server.url()).outcome == "BROKEN"
    assert len(server.requests) == 1


@pytest.mark.parametrize("steps", [CLOSE, RESET])
@pytest.mark.parametrize("body", [b"to=1", b"", b"x" * 300000], ids=["short", "none", "long"])
def test_a_kept_connection_that_ends_at_the_second_request_does_not_send_it_twice(serve, caller, steps, body):
    server = serve(lambda n, request: ok() if n == 1 else steps)
    assert caller.call(server.url()).outcome == "ANSWERED"
    answer = caller.call(server.url(), body=body)
    assert answer.outcome == "BROKEN"
    time.sleep(0.3)
    assert len(server.requests) == 2


def test_a_get_whose_kept_connection_ends_is_repeated(serve, caller):
    server = serve(lambda n, request: CLOSE if n == 2 else ok())
    assert caller.call(server.url()).outcome == "ANSWERED"
    assert caller.call(server.url(), method="GET", body=b"").outcome == "ANSWERED"
    assert len(server.requests) == 3


@pytest.mark.parametrize("end", [CLOSE, RESET])
def test_a_connection_that_was_closed_between_requests_is_replaced(serve, caller, end):
    server = serve(lambda n, request: [ok(), end])
    for i in range(1, 6):
        assert caller.call(server.url()).outcome == "ANSWERED"
        time.sleep(0.1)
        assert len(server.requests) == i and server.connections == i


def test_time_that_runs_out_after_the_request_means_broken(serve, caller):
    server = serve(lambda n, request: 5)
    began = time.monotonic()
    assert caller.call(server.url(), timeout_ms=400).outcome == "BROKEN"
    assert 0.3 < time.monotonic() - began < 3


def test_an_answer_that_drips_ends_after_its_time(serve, caller):
    server = serve(lambda n, request: [b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"] + [b"x", 0.1] * 50)
    began = time.monotonic()
    assert caller.call(server.url(), timeout_ms=600).outcome == "BROKEN"
    assert 0.5 < time.monotonic() - began < 3


def test_an_answer_too_long_is_broken_and_said(serve, caller):
    bodies = {1: ok(b"x" * 65536), 2: ok(b"x" * 65537), 3: ok(fields=b"X: " + b"y" * 70000 + b"\r\n"),
              4: ok(fields=b"X: y\r\n" * 20000), 5: b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 200000}
    server = serve(lambda n, request: [bodies[n], CLOSE])
    assert len(caller.call(server.url()).body) == 65536
    for _ in range(4):
        answer = caller.call(server.url())
        assert (answer.outcome, answer.error) == ("BROKEN", "answer too long")


# ---- where nothing else may reach


def test_the_environment_changes_nothing(serve, spawn, tmp_path):
    proxy = serve(lambda n, request: ok(b"proxied"))
    server = serve(lambda n, request: ok(b"direct"))
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login u password p\n", encoding="ascii")
    env = {"http_proxy": proxy.url(), "https_proxy": proxy.url(), "all_proxy": proxy.url(), "HOME": str(tmp_path)}
    process = spawn("http_call", 65536, stdin=subprocess.PIPE, env=env)
    caller = Caller(process)
    assert caller.call(server.url()).body == b"direct"
    assert proxy.connections == 0 and b"uthorization" not in server.requests[0]
    process.stdin.close()
    process.wait(10)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    """A CA, and a server's certificate for 127.0.0.1 and localhost."""
    where = tmp_path_factory.mktemp("ca")

    def openssl(*args):
        subprocess.run(["openssl", *args], cwd=where, check=True, capture_output=True)

    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test CA", "-keyout", "ca.key", "-out", "ca.pem")
    for name, alt in (("good", "IP:127.0.0.1,DNS:localhost"), ("other", "DNS:other.example")):
        (where / "ext").write_text(f"subjectAltName={alt}\n", encoding="ascii")
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=" + name, "-keyout", name + ".key", "-out", name + ".csr")
        openssl("x509", "-req", "-in", name + ".csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
                "-extfile", "ext", "-out", name + ".pem")
    return where


def tls_server(certificates, name):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / f"{name}.pem", certificates / f"{name}.key")
    return context


def test_tls_is_verified_and_a_wrong_certificate_means_not_sent(serve, caller, certificates):
    good = serve(lambda n, request: ok(), tls=tls_server(certificates, "good"))
    other = serve(lambda n, request: ok(), tls=tls_server(certificates, "other"))
    assert caller.call(good.url(), allow_http=False).outcome == "NOT_SENT"  # an unknown CA
    caller.say(f"ca {certificates}/ca.pem")
    for _ in range(3):
        assert caller.call(good.url(), allow_http=False).outcome == "ANSWERED"
    assert caller.call(other.url(), allow_http=False).outcome == "NOT_SENT"  # another's name
    assert len(good.requests) == 3 and other.requests == []


def test_over_tls_too_a_kept_connection_that_ends_does_not_send_twice(serve, caller, certificates):
    server = serve(lambda n, request: ok() if n == 1 else CLOSE, tls=tls_server(certificates, "good"))
    caller.say(f"ca {certificates}/ca.pem")
    assert caller.call(server.url()).outcome == "ANSWERED"
    assert caller.call(server.url()).outcome == "BROKEN"
    time.sleep(0.3)
    assert len(server.requests) == 2


def test_a_handshake_that_never_ends_means_not_sent(caller):
    with socket.create_server(("127.0.0.1", 0)) as mute:
        answer = caller.call(f"https://127.0.0.1:{mute.getsockname()[1]}/", timeout_ms=500)
        assert answer.outcome == "NOT_SENT"


def test_a_peer_that_does_not_speak_tls_means_not_sent(serve, caller):
    server = serve(lambda n, request: ok())
    server.scheme = "https"
    with socket.create_server(("127.0.0.1", 0)) as plain:
        threading.Thread(target=lambda: plain.accept()[0].sendall(b"220 mail\r\n"), daemon=True).start()
        assert caller.call(f"https://127.0.0.1:{plain.getsockname()[1]}/").outcome == "NOT_SENT"


# ---- callbacks and the end


def test_a_callback_may_send_again(serve, caller):
    server = serve(lambda n, request: ok(b"%d" % n))
    caller.send(server.url(), name="again")
    assert caller.answer().body == b"1"
    answer = caller.answer()
    assert (answer.id, answer.body) == ("second", b"2")


def test_a_callback_of_a_refused_call_may_send_again(caller):
    caller.send("http://127.0.0.1:1/", headers=["bad"], name="again")
    assert caller.answer().outcome == "NOT_SENT"
    assert caller.answer().id == "second"


def test_a_freed_client_calls_nobody_back(serve, caller):
    server = serve(lambda n, request: [1, ok()])
    caller.hold()
    for _ in range(5):
        caller.send(server.url())
    caller.send("http://nowhere.invalid/")
    caller.send(server.url(), headers=["bad"])
    caller.say("free")
    caller.release()
    assert caller.lines.get(timeout=5) == "freed"
    assert caller.silent()


def test_a_callback_may_free_the_client(serve, caller):
    server = serve(lambda n, request: [0.1, ok()])
    for _ in range(20):
        caller.send(server.url())
    caller.send(server.url(), name="free")
    while caller.answer().id != "free":
        pass
    assert caller.silent()
