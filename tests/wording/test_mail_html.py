"""The HTML part of the e-mails, as a parser reads it: well-formed, saying the text part's words, and loading nothing."""
import html.parser
import json
import os
import pathlib
import re
import subprocess

import pytest

TEMPLATES = pathlib.Path(__file__).resolve().parent.parent.parent / "templates"
PROGRAM = pathlib.Path(os.environ["HERSYS_BUILD"]) / "mail_lines"

LANGUAGES = ["ja", "en", "zh-Hans", "zh-Hant", "ko", "es", "pt"]
CENTRE = {"centre": "見本区保健所", "centre_phone": "03-0000-0000"}
URL = "https://my.example.jp/r/1-ABCDEFGH"
CONSOLE = "https://console.example.jp/alerts"
MEMBERS = [{"number": 1, "name": "花子"}, {"number": 2}]
PARAMS = {
    "confirmation_code": {**CENTRE, "code": "012345", "minutes": "30"},
    "registration_link": {**CENTRE, "url": URL, "input_id": "00000000"},
    "reminder": {**CENTRE, "due": "08:30"},
    "nudge": {**CENTRE, "due": "16:00", "members": MEMBERS},
    "monitoring_ended": {**CENTRE, "member": "2", "name": "花子"},
    "alert_urgent": {"centre": "見本区保健所", "alert": 1024, "patient": 2048, "again": True, "console": CONSOLE},
    "alert_digest": {
        "centre": "見本区保健所",
        "count": 9,
        "alerts": [{"alert": 1024, "patient": 2048}, {"alert": 1025}],
        "more": 7,
        "console": CONSOLE,
    },
    "call_list": {"centre": "見本区保健所", "day": "2026-02-01", "count": 3, "console": CONSOLE},
}
PHONE = "tel:0300000000"
# Everything that can be tapped, in order: a number stands where it is asked for, and in the signature.
TARGETS = {
    "confirmation_code": [PHONE],
    "registration_link": [URL, PHONE],
    "reminder": [PHONE, PHONE],
    "nudge": [PHONE, PHONE],
    "monitoring_ended": [PHONE, PHONE],
    "alert_urgent": [CONSOLE],
    "alert_digest": [CONSOLE],
    "call_list": [CONSOLE],
}
VOID = {"meta", "br"}


@pytest.fixture(scope="module")
def render():
    with subprocess.Popen([PROGRAM, TEMPLATES], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8") as program:

        def render(kind, language, **changes):
            job = {"kind": kind, "language": language, "params": {**PARAMS[kind], **changes}}
            program.stdin.write(json.dumps(job) + "\n")
            program.stdin.flush()
            return json.loads(program.stdout.readline())

        yield render
        program.stdin.close()
        assert program.wait() == 0


class Page(html.parser.HTMLParser):
    """Fails on a tag that is not closed in order; gathers paragraphs of lines, elements, and the title."""

    def __init__(self, source):
        super().__init__(convert_charrefs=True)
        self.open, self.elements, self.paragraphs, self.title = [], [], [], ""
        self.feed(source)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"{tag} with an attribute twice"
        self.elements.append((tag, dict(attrs)))
        if tag == "br":
            self.paragraphs[-1].append("")
        elif tag == "p":
            assert "p" not in self.open
            self.paragraphs.append([""])
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-1:]}"
        self.open.pop()

    def handle_data(self, data):
        if "title" in self.open:
            self.title += data
        elif "p" in self.open:
            self.paragraphs[-1][-1] += data
        else:
            assert data.strip() == "", f"text outside of a paragraph: {data!r}"

    def handle_comment(self, data):
        raise AssertionError(f"a comment reaches the patient: {data!r}")

    def lines(self):
        return [line.strip() for paragraph in self.paragraphs for line in paragraph]


@pytest.fixture(params=[(kind, language) for kind in PARAMS for language in LANGUAGES], ids="-".join)
def mail(request, render):
    kind, language = request.param
    return {"kind": kind, "language": language, **render(kind, language)}


def links(mail):
    return [target for target in TARGETS[mail["kind"]] if target != PHONE]


def test_the_page_is_well_formed_and_in_its_language(mail):
    page = Page(mail["html"])
    assert mail["html"].startswith("<!DOCTYPE html>\n")
    assert page.title == mail["subject"]
    said = [attrs["lang"] for tag, attrs in page.elements if "lang" in attrs]
    assert said == [mail["language"]] * 2  # mail pages drop the first one, of <html>
    assert ("meta", {"charset": "utf-8"}) in page.elements


def test_both_parts_say_the_same_words_in_the_same_paragraphs(mail):
    page = Page(mail["html"])
    assert page.lines() == [line for line in mail["text"].split("\n") if line]
    assert ["\n".join(line.strip() for line in paragraph) for paragraph in page.paragraphs] == mail["text"].strip().split("\n\n")


def test_nothing_is_loaded_and_nothing_follows_the_reader(mail):
    page = Page(mail["html"])
    allowed = {"html", "head", "meta", "title", "body", "div", "p", "br", "a"}
    assert {tag for tag, _ in page.elements} <= allowed
    targets = [attrs["href"] for _, attrs in page.elements if "href" in attrs]
    assert targets == TARGETS[mail["kind"]]
    for _, attrs in page.elements:
        assert set(attrs) <= {"lang", "charset", "name", "content", "style", "href"}
        assert not re.search(r"url\(|@import|expression", attrs.get("style", ""))
    assert mail["html"].count("://") == 2 * len(links(mail))


def test_no_line_is_too_long_for_a_mail_server(mail):
    assert max(len(line.encode()) for part in ("text", "html") for line in mail[part].split("\n")) <= 998


def test_a_link_shows_the_address_that_it_opens(mail):
    class Anchors(html.parser.HTMLParser):
        shown, inside = "", False

        def handle_starttag(self, tag, attrs):
            self.inside = tag == "a" and dict(attrs)["href"].startswith("https:")

        def handle_endtag(self, tag):
            self.inside = self.inside and tag != "a"

        def handle_data(self, data):
            self.shown += data if self.inside else ""

    anchors = Anchors()
    anchors.feed(mail["html"])
    assert anchors.shown == "".join(links(mail))


def test_a_code_is_large_in_one_piece_and_selected_whole(render):
    for language in LANGUAGES:
        source = render("confirmation_code", language)["html"]
        style = re.search(r'<p style="([^"]*)">012345</p>', source).group(1)
        properties = dict(item.split(":") for item in style.split(";"))
        assert int(properties["font-size"].removesuffix("px")) >= 30
        assert properties["white-space"] == "nowrap"
        assert properties["user-select"] == "all"
        assert properties["letter-spacing"].endswith("em")


def test_the_layout_leaves_colours_to_the_readers_dark_or_light_screen(render):
    source = render("registration_link", "ja")["html"]
    assert '<meta name="color-scheme" content="light dark">' in source
    assert not re.search(r"[;\"](color|background(-color)?):", source)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("centre", ["<b>&\"'", "</p><img>", "&lt;", "<!--", "{{code}}", "\">x<a b=\"", "]]>--"])
def test_a_value_is_shown_as_it_is(render, language, centre):
    mail = render("confirmation_code", language, centre=centre)
    page = Page(mail["html"])
    assert centre in page.title and centre in mail["subject"]
    assert centre in page.lines()
    assert page.lines() == [line for line in mail["text"].split("\n") if line]
    assert [tag for tag, _ in page.elements] == [tag for tag, _ in Page(render("confirmation_code", language)["html"]).elements]


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n", "\u2028", "\x85"])
def test_a_value_brings_no_line_of_its_own(render, end):
    assert render("confirmation_code", "ja", centre=f"見本{end}Bcc: x") == {"why": "parameter with a control character"}
