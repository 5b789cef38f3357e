"""A carrier for tests: an HTTPS server that answers as it is told, and remembers what it was asked.

It is the other side of the wire and shares nothing with the gateway. Its certificate is made when it starts.
"""
import base64
import collections
import hashlib
import hmac
import http.server
import json
import ssl
import subprocess
import threading
import urllib.parse

Answer = collections.namedtuple("Answer", "status body headers", defaults=({},))

DROP = "drop"  # takes the request whole and closes without a word
HANG = "hang"  # takes the request whole and says nothing until the carrier is closed


class Request:
    def __init__(self, handler, body):
        self.method, self.path, self.headers, self.body = handler.command, handler.path, handler.headers, body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def form(self):
        pairs = urllib.parse.parse_qsl(self.body.decode(), keep_blank_values=True, strict_parsing=True)
        fields = dict(pairs)
        assert len(fields) == len(pairs), "a field occurs twice"
        return fields


def make_certificate(folder, name="IP:127.0.0.1"):
    """A certificate that is its own authority; gives back its file and that of its key."""
    certificate, key = folder / "peer.crt", folder / "peer.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                    "-subj", "/CN=peer", "-addext", f"subjectAltName={name}", "-keyout", key, "-out", certificate],
                   check=True, capture_output=True)
    return certificate, key


class Carrier:
    """`answer(request)` says what to answer where the script is empty; the script is what comes first."""

    def __init__(self, folder, answer, name="IP:127.0.0.1", port=0):
        folder.mkdir(parents=True, exist_ok=True)
        self.answer, self.script, self.requests = answer, [], []
        self.lock, self.closing = threading.Lock(), threading.Event()
        self.certificate, key = make_certificate(folder, name)
        carrier = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                request = Request(self, body)
                with carrier.lock:
                    carrier.requests.append(request)
                    said = carrier.script.pop(0) if carrier.script else carrier.answer(request)
                if said == HANG:
                    carrier.closing.wait()
                if said in (HANG, DROP):
                    self.close_connection = True
                    return
                payload = said.body if isinstance(said.body, bytes) else json.dumps(said.body).encode()
                self.send_response(said.status)
                for header in ({"Content-Type": "application/json", **said.headers}).items():
                    self.send_header(*header)
                self.send_header("Content-Length", str(len(payload)))
                self.end_headers()
                self.wfile.write(payload)

            do_GET = do_PUT = do_POST

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass  # a client that does not like the certificate

        self.server = Server(("127.0.0.1", port), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.port = self.server.server_address[1]
        self.url = f"https://127.0.0.1:{self.port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def close(self):
        self.closing.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


# ---- what the example's carrier says and signs

class ExampleCarrier(Carrier):
    def __init__(self, folder, **options):
        super().__init__(folder, self.accept, **options)

    def accept(self, request):
        # The same request accepted twice is two messages.
        return Answer(202, {"message": {"id": f"m-{len(self.requests)}-{request.json['client_reference']}", "state": "queued"}})


def sign_example(key, body):
    return {"X-Signature": "sha256=" + hmac.new(key.encode(), body, hashlib.sha256).hexdigest(), "Content-Type": "application/json"}


# ---- Twilio, as its documentation describes it

class Twilio(Carrier):
    def __init__(self, folder, **options):
        super().__init__(folder, self.accept, **options)

    def accept(self, request):
        return Answer(201, {"sid": self.sid(len(self.requests)), "status": "queued", "error_code": None, "error_message": None})

    @staticmethod
    def sid(n):
        return f"SM{n:032x}"


def refuse(status, code):
    """Twilio's error body. It repeats the number, as the real one does."""
    return Answer(status, {"code": code, "message": "The 'To' number +817000000001 is not valid", "status": status,
                           "more_info": f"https://www.twilio.com/docs/errors/{code}"})


def sign_twilio(token, url, fields):
    """X-Twilio-Signature: base64 of HMAC-SHA1 over the address and the sorted parameters."""
    text = url + "".join(name + value for name, value in sorted(set(fields)))
    return base64.b64encode(hmac.new(token.encode(), text.encode(), hashlib.sha1).digest()).decode()
