"""What base/mime.c writes is what Python's email package reads, and keeps to the RFCs' bounds."""

import email
import email.base64mime
import email.header
import email.policy
import email.utils
import json
import random
import re
import subprocess

import pytest

MAIL = {"from": "no-reply@my.example.jp", "to": "person@example.jp", "subject": "Sample", "text": "text\n", "html": "<p>html</p>\n",
        "language": "ja", "message_id": "7.0123456789abcdef@my.example.jp", "date": 1767225600}

KANA = "".join(chr(c) for c in range(0x3042, 0x3090))
SUBJECTS = [
    "Sample", "", " ", " spaces around ", "two  spaces", "=?UTF-8?B?44GC?=", "x" * 67, "x" * 68, "x" * 2000, "word " * 300 + "end",
    "確認コード", "【見本保健所】" + KANA * 3, (KANA * 5)[:200], "あ" * 39, "xあ" * 100, "é" * 500, "😷" * 120, "👨‍👩‍👧‍👦🇯🇵" * 40, "\u202e", "a\u3000b",
    'say "x" \\ <a@b>', "한국어 제목 " * 30, "中文（繁體）主旨" * 20,
]
TEXTS = [
    "text\n", "", "\n", "no end", "a\r\nb\rc\n", "体温 36.9\n" * 100, "x" * 5000 + "\n", "あ" * 5000, "=\n==\n=3D\n", ".\n..\n.x\n", "From here\n",
    "trailing \nblanks\t\n \n", "tab\tinside\n", "😷 " * 300, "https://my.example.jp/r/" + "a" * 200 + "\n", "--\n--=_\n", "\x7f\x01\n", "é=" * 200,
]


class Writer:
    def __init__(self, build):
        self.build = build

    def all(self, jobs):
        lines = "".join(json.dumps(job) + "\n" for job in jobs)
        run = subprocess.run([self.build / "mime_lines"], input=lines, capture_output=True, text=True, check=True)
        answers = [json.loads(line) for line in run.stdout.splitlines()]
        assert len(answers) == len(jobs)
        return answers

    def __call__(self, **parts):
        (answer,) = self.all([{**MAIL, **parts}])
        return answer["mail"]


@pytest.fixture
def write(build):
    return Writer(build)


def read(mail):
    return email.message_from_bytes(mail.encode("ascii"), policy=email.policy.default.clone(linesep="\n"))


def unended(text):
    """A text as a mail can bear it: whole lines, with one kind of end."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text if text.endswith("\n") or text == "" else text + "\n"


def content(part):
    return part.get_payload(decode=True).decode("utf-8").replace("\r\n", "\n")


def check_bytes(mail):
    """What holds for every mail, whatever is in it."""
    assert mail.isascii() and "\0" not in mail
    assert re.search("(?<!\r)\n|\r(?!\n)", mail) is None and mail.endswith("\r\n")
    head, body = mail.split("\r\n\r\n", 1)
    assert all(len(line) <= 76 for line in body.split("\r\n"))
    for line in head.split("\r\n"):
        assert len(line) <= 76 or " " not in line.split(": ", 1)[-1].strip()
        for word in re.findall(r"=\?.*?\?=", line):
            assert len(word) <= 75
            bare = re.fullmatch(r"=\?UTF-8\?B\?([A-Za-z0-9+/=]*)\?=", word).group(1)
            email.base64mime.decode(bare).decode("utf-8")  # whole characters
    assert re.search(r"[ \t]\r\n", body) is None


def check(mail, job):
    check_bytes(mail)
    message = read(mail)
    assert message.defects == []
    assert message["Subject"] == job["subject"]
    assert message.get_content_type() == "multipart/alternative"
    plain, html = message.iter_parts()
    assert (plain.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    assert (content(plain), content(html)) == (unended(job["text"]), unended(job["html"]))


@pytest.mark.parametrize("subject", SUBJECTS)
def test_every_subject_is_read_as_it_was(write, subject):
    check(write(subject=subject), {**MAIL, "subject": subject})


@pytest.mark.parametrize("text", TEXTS)
def test_every_text_is_read_as_it_was(write, text):
    check(write(text=text, html=text), {**MAIL, "text": text, "html": text})


def test_two_thousand_mails_of_chance_are_read_as_they_were(write):
    rng = random.Random(1)
    letters = "ab =?.\t\n\"\\<>" + KANA[:10] + "é😷한中\u200d"

    def some(longest, without=""):
        return "".join(c for c in rng.choices(letters, k=rng.randrange(longest)) if c not in without)

    jobs = [{**MAIL, "subject": some(150, "\t\n"), "text": some(400), "html": some(400)} for _ in range(2000)]
    for job, answer in zip(jobs, write.all(jobs)):
        check(answer["mail"], job)


@pytest.mark.parametrize("name", ["Sample Health Centre", "見本保健所", 'a "b" \\ c', "見本" * 60, "a, b: c; <d>", "x" * 80, "(comment)"])
def test_the_senders_name_is_read_as_it_was(write, name):
    mail = write(from_name=name)
    check_bytes(mail)
    # By the older reader, for the newer puts blanks between the encoded words of a name (Python 3.11).
    raw, address = email.utils.parseaddr(email.message_from_string(mail)["From"])
    assert (str(email.header.make_header(email.header.decode_header(raw))), address) == (name, MAIL["from"])


@pytest.mark.parametrize("name", [None, ""])
def test_without_a_name_the_address_stands_alone(write, name):
    assert "\r\nFrom: no-reply@my.example.jp\r\n" in write(from_name=name)


def test_the_fields_are_those_of_a_mail_that_a_machine_wrote(write):
    message = read(write())
    assert message["To"] == "person@example.jp"
    assert message["Message-ID"] == "<7.0123456789abcdef@my.example.jp>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Content-Language"] == "ja"
    assert message["MIME-Version"] == "1.0"
    assert message["Date"] == "Thu, 01 Jan 2026 00:00:00 +0000"
    assert email.utils.parsedate_to_datetime(message["Date"]).timestamp() == MAIL["date"]
    assert message["Reply-To"] is None and message["Bcc"] is None
    assert len(message.keys()) == len({key.lower() for key in message.keys()}) == 9


def test_a_text_of_letters_stays_readable_and_one_of_kana_small(write):
    assert "quoted-printable" in write(text="plain text\n", html="<p>plain</p>\n")
    assert "quoted-printable" not in write(text=KANA, html=KANA)
    assert len(write(text="あ" * 3000, html="あ" * 3000)) < 2 * 9000 * 1.5


def test_a_mail_without_html_has_one_part(write):
    mail = write(html=None)
    check_bytes(mail)
    assert read(mail).get_content_type() == "text/plain" and content(read(mail)) == "text\n"


LONG = "a" * 64 + "@" + ".".join(["b" * 60] * 3) + ".jp"


def test_a_long_address_stands_whole(write):
    mail = write(to=LONG, **{"from": LONG}, from_name="見本" * 40)
    check_bytes(mail)
    assert read(mail)["To"] == LONG and read(mail)["From"].addresses[0].addr_spec == LONG


@pytest.mark.parametrize("part, value, why", [
    ("subject", "a\r\nBcc: b@example.jp", "subject_malformed"), ("subject", "a\nb", "subject_malformed"), ("subject", "a\rb", "subject_malformed"),
    ("subject", "a\tb", "subject_malformed"), ("subject", "a\x7f", "subject_malformed"), ("from_name", "a\nb", "name_malformed"),
    ("to", "a@example.jp\r\nBcc: b@example.jp", "address_malformed"), ("to", "A@example.jp", "address_malformed"), ("to", "a", "address_malformed"),
    ("to", "", "address_malformed"), ("to", "a@example.jp b", "address_malformed"), ("from", "a@example.jp\n", "address_malformed"),
    ("language", "ja\nx", "language_malformed"), ("language", "", "language_malformed"), ("language", "j" * 36, "language_malformed"),
    ("message_id", "a@b\r\nX: y", "message_id_malformed"), ("message_id", "a>b@c", "message_id_malformed"),
    ("message_id", "", "message_id_malformed"), ("message_id", "ab", "message_id_malformed")])
def test_what_would_break_out_of_a_field_is_refused(write, part, value, why):
    assert write.all([{**MAIL, part: value}]) == [{"refused": why}]
