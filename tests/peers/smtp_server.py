#!/usr/bin/python3
"""A relay that follows a script: for tests of the e-mail channel, and of the daemon with it. Standard library alone.

    with SmtpServer({"at": {"RCPT": {"say": "451 4.7.1 later"}}}, tls=("relay.crt", "relay.key"), mails="mails.jsonl") as relay:
        ... relay.port, relay.mails(), relay.lines ...

or, as a program, which prints its port: smtp_server.py MAILS [SCRIPT [CERTIFICATE KEY]]

Each mail that it accepts becomes a line of `mails`: {"from", "to", "data", "tls", "user", "connection"}. `lines` has what
each connection said, as (connection, line), and "<eof>" at its end.

The script:

    starttls     whether STARTTLS is offered (true where there is a certificate)
    inject       bytes that are sent together with the 220 of STARTTLS; "inject_later" a moment after it
    tls          "1.2", "1.3" or "" (both)
    auth         mechanisms to offer, such as ["PLAIN", "LOGIN"]; "login": [user, password]; "auth_required"
    extensions   further lines of the answer to EHLO
    at           what happens at a step instead of the usual:
                     GREETING EHLO STARTTLS HANDSHAKE AUTH MAIL RCPT DATA BODY DOT RSET QUIT
                 {"say": text} a reply, lines apart by "\\n"   {"drop": true} the connection is reset
                 {"hang": true} nothing more happens            {"drip": text, "every": seconds} byte by byte
                 {"stall": seconds} goes on after that time      {"take": true} the mail is kept before any of these
                 with "from": n, and "times": m, at the n-th and the m - 1 after it alone
    grey         this share of the recipients is told 451 the first time
    lose         this share of the mails is taken and the connection dropped before the answer, the first time
    slow         seconds before each reply
    narrow       little is on its way at once: who sends notices soon when nobody reads

A recipient such as rcpt-550-5.1.1-x@... is refused so at RCPT, data-554-5.7.1-x@... at DATA, dot-552-5.3.4-x@... after the end.
"""

import asyncio
import base64
import hashlib
import json
import socket
import ssl
import sys
import threading


class Dropped(Exception):
    """The script ends the connection."""


class SmtpServer:
    def __init__(self, script=None, tls=None, mails=None, port=0):
        self.script, self.path = script or {}, mails
        self.lines, self.connections, self.open, self.most_open = [], 0, 0, 0
        self.server_names, self.commands = [], {}
        self.accepted, self.told_later, self.lost = [], set(), set()
        self.context = self.tls_context(*tls) if tls else None
        self.loop, self.ready = asyncio.new_event_loop(), threading.Event()
        self.wanted_port = port
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()
        if not self.ready.wait(10):
            raise OSError("the relay did not start")

    def tls_context(self, certificate, key):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        wanted = self.script.get("tls", "")
        if wanted:
            version = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}[wanted]
            context.minimum_version = context.maximum_version = version
        context.sni_callback = lambda sock, name, ctx: self.server_names.append(name)
        return context

    # ---- from outside

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.stop()

    def stop(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)

    def mails(self):
        return list(self.accepted)

    def said(self, connection=None):
        """The commands of all connections, or of one, without what they end in."""
        return [line for number, line in list(self.lines) if connection in (None, number)]

    # ---- the loop

    def run(self):
        asyncio.set_event_loop(self.loop)
        sock = socket.create_server(("127.0.0.1", self.wanted_port))
        if self.script.get("narrow"):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.listener = self.loop.run_until_complete(asyncio.start_server(self.serve, sock=sock, limit=1 << 16))
        self.port = self.listener.sockets[0].getsockname()[1]
        self.ready.set()
        try:
            self.loop.run_forever()
        finally:
            self.listener.close()
            tasks = asyncio.all_tasks(self.loop)
            for task in tasks:
                task.cancel()
            self.loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))

    async def serve(self, reader, writer):
        self.connections += 1
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        talk = Talk(self, self.connections, reader, writer)
        try:
            await talk.run()
        except (Dropped, ConnectionError, ssl.SSLError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self.open -= 1
            self.lines.append((talk.number, "<eof>"))
            writer.close()

    def keep(self, mail):
        self.accepted.append(mail)
        if self.path:
            with open(self.path, "a", encoding="utf-8") as file:
                file.write(json.dumps(mail) + "\n")

    def falls_to(self, share, what, subject):
        """Whether the subject is one of that share: always the same, whatever the order."""
        digest = hashlib.sha256(f"{what}{subject}".encode()).digest()
        return int.from_bytes(digest[:4], "big") < share * 2**32


class Talk:
    """One connection."""

    def __init__(self, server, number, reader, writer):
        self.server, self.script, self.number = server, server.script, number
        self.reader, self.writer = reader, writer
        self.tls, self.user = False, None
        self.sender, self.recipients = None, []

    async def say(self, text):
        if self.script.get("slow"):
            await asyncio.sleep(self.script["slow"])
        self.writer.write("".join(line + "\r\n" for line in text.split("\n")).encode("utf-8", "surrogateescape"))
        await self.writer.drain()

    async def hang(self):
        await asyncio.sleep(3600)

    def drop(self):
        self.writer.transport.abort()
        raise Dropped

    async def act(self, step):
        """What the script wants at this step; true where it has answered."""
        action = self.script.get("at", {}).get(step)
        count = self.server.commands[step] = self.server.commands.get(step, 0) + 1
        if action is None or count < action.get("from", 1) or count >= action.get("from", 1) + action.get("times", 1 << 30):
            return False
        if "stall" in action:
            await asyncio.sleep(action["stall"])
        if "drip" in action:
            for byte in action["drip"].encode():
                self.writer.write(bytes([byte]))
                await self.writer.drain()
                await asyncio.sleep(action["every"])
        if "say" in action:
            await self.say(action["say"])
        if action.get("hang"):
            await self.hang()
        if action.get("drop"):
            self.drop()
        return "say" in action or "drip" in action

    async def line(self):
        data = await self.reader.readline()
        if not data.endswith(b"\n"):
            raise Dropped
        text = data.decode("utf-8", "surrogateescape").rstrip("\r\n")
        self.server.lines.append((self.number, text))
        return text

    async def run(self):
        if not await self.act("GREETING"):
            await self.say("220 relay.example.jp ESMTP")
        while True:
            line = await self.line()
            verb = line.split(" ")[0].upper()
            step = getattr(self, "do_" + verb.lower(), None)
            if step is None:
                await self.say("500 5.5.2 what?")
            elif verb in ("DATA", "AUTH", "STARTTLS", "EHLO", "RCPT", "MAIL"):
                if not await self.act(verb):
                    await step(line)
            elif not await self.act(verb):
                await step(line)

    # ---- commands

    async def do_ehlo(self, line):
        offers = ["relay.example.jp at your service"] + self.script.get("extensions", [])
        if self.server.context and not self.tls and self.script.get("starttls", True):
            offers.append("STARTTLS")
        if self.script.get("auth"):
            offers.append("AUTH " + " ".join(self.script["auth"]))
        await self.say("\n".join(["250-" + offer for offer in offers[:-1]] + ["250 " + offers[-1]]))

    async def do_helo(self, line):
        await self.say("250 relay.example.jp")

    async def do_starttls(self, line):
        self.writer.write(b"220 2.0.0 go ahead\r\n" + self.script.get("inject", "").encode())
        await self.writer.drain()
        if self.script.get("inject_later"):
            await asyncio.sleep(0.2)
            self.writer.write(self.script["inject_later"].encode())
        await self.act("HANDSHAKE")
        await self.writer.start_tls(self.server.context)
        self.reader._transport = self.writer.transport  # Python 3.11 leaves the old one there, and stops reading for good
        self.tls = True

    async def do_auth(self, line):
        words = line.split(" ")
        if words[1].upper() == "PLAIN":
            login = base64.b64decode(words[2]).decode().split("\0")[1:]
        else:
            user = words[2] if len(words) > 2 else await self.ask("VXNlcm5hbWU6")
            login = [base64.b64decode(word).decode() for word in (user, await self.ask("UGFzc3dvcmQ6"))]
        if login == self.script["login"]:
            self.user = login[0]
            await self.say("235 2.7.0 welcome")
        else:
            await self.say("535 5.7.8 no")

    async def ask(self, what):
        await self.say("334 " + what)
        return await self.line()

    async def do_mail(self, line):
        if self.script.get("auth_required") and self.user is None:
            await self.say("530 5.7.0 sign in")
            return
        self.sender, self.recipients = line[len("MAIL FROM:"):], []
        await self.say("250 2.1.0 fine")

    async def refuse_by_name(self, step):
        name = self.recipients[-1].strip("<>").split("@")[0].split("-")
        if name[0] != step:
            return False
        await self.say(f"{name[1]} {name[2]} no".replace("  ", " "))
        return True

    async def do_rcpt(self, line):
        recipient = line[len("RCPT TO:"):]
        self.recipients.append(recipient)
        if await self.refuse_by_name("rcpt"):
            self.recipients.pop()
        elif self.server.falls_to(self.script.get("grey", 0), "grey", recipient) and recipient not in self.server.told_later:
            self.server.told_later.add(recipient)
            self.recipients.pop()
            await self.say("451 4.7.1 come again")
        else:
            await self.say("250 2.1.5 fine")

    async def do_data(self, line):
        if not self.recipients:
            await self.say("554 5.5.1 to whom?")
            return
        if await self.refuse_by_name("data"):
            return
        await self.say("354 go on")
        await self.act("BODY")
        parts = []
        while True:
            part = await self.reader.readline()
            if not part.endswith(b"\n"):
                raise Dropped
            if part == b".\r\n":
                break
            parts.append(part[1:] if part.startswith(b".") else part)
        mail = {"from": self.sender, "to": self.recipients, "data": b"".join(parts).decode("utf-8", "surrogateescape"), "tls": self.tls,
                "user": self.user, "connection": self.number}
        await self.end(mail)

    async def end(self, mail):
        recipient = mail["to"][0]
        if self.server.falls_to(self.script.get("lose", 0), "lose", recipient) and recipient not in self.server.lost:
            self.server.lost.add(recipient)
            self.server.keep(mail)
            self.drop()
        if self.script.get("at", {}).get("DOT", {}).get("take"):
            self.server.keep(mail)
        if await self.act("DOT") or await self.refuse_by_name("dot"):
            return
        self.server.keep(mail)
        await self.say("250 2.0.0 queued as 4Xy7")

    async def do_rset(self, line):
        self.sender, self.recipients = None, []
        await self.say("250 2.0.0 forgotten")

    async def do_quit(self, line):
        await self.say("221 2.0.0 bye")
        raise Dropped


def main(mails, script="{}", *tls):
    relay = SmtpServer(json.loads(script), tls=tls or None, mails=mails)
    print(relay.port, flush=True)
    relay.thread.join()


if __name__ == "__main__":
    main(*sys.argv[1:])
