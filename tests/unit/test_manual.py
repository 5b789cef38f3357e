"""The manual pages say what the programs do: commands, options and log events, and neither less nor more."""
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


def plain(roff):
    """A page's source without its fonts."""
    roff = re.sub(r"\\f[BIR]", "", roff).replace(r"\-", "-").replace(r"\e", "\\")
    return re.sub(r"^\.(?:B|I|BR|RB|BI|IR|RI) ", "", roff, flags=re.M)


def section(page, name):
    """One section of a page in doc/."""
    source = plain((ROOT / "doc" / page).read_text())
    return re.search(rf"^\.SH {name}\n(.*?)(?=^\.SH |\Z)", source, re.M | re.S).group(1)


def headings(text):
    """The lines under which paragraphs hang."""
    return re.findall(r"^\.TP\n(.*)$", text, re.M)


def usage(build, program):
    return subprocess.run([build / program, "--help"], check=True, capture_output=True, text=True).stdout


def test_hersysctl_has_every_command_that_its_page_has_and_no_other(build):
    # Each stands on a line of its own, and what it is for on the next.
    told = [line.strip() for line in usage(build, "hersysctl").splitlines() if re.match(r"  [a-z]", line)]
    assert len(told) > 5
    assert sorted(headings(section("hersysctl.1", "COMMANDS"))) == sorted(told)


def test_hersysctl_runs_every_command_that_its_page_has(build, tmp_path):
    for heading in headings(section("hersysctl.1", "COMMANDS")):
        command = heading.split()[0]
        said = subprocess.run([build / "hersysctl", "-c", tmp_path / "none", command, "nonsense", "and", "more", "of", "it"],
                              capture_output=True, text=True, stdin=subprocess.DEVNULL)
        assert (said.returncode, f"usage: hersysctl {heading}\n" in said.stderr) == (2, True), said


@pytest.mark.parametrize("program, page", [("hersysctl", "hersysctl.1"), ("hersys-gatewayd", "hersys-gatewayd.8")])
def test_a_program_has_the_options_of_its_page(build, program, page):
    told = re.findall(r"^ {2,}.*?(--[a-z-]+)(?: |$)", re.sub(r"^  [a-z].*\n", "", usage(build, program), flags=re.M), re.M)
    written = re.findall(r"(--[a-z-]+)", " ".join(headings(section(page, "OPTIONS"))))
    assert len(told) >= 3
    assert sorted(written) == sorted(told)


def test_the_daemons_page_explains_every_log_event_and_no_other():
    logged = set()
    for source in (ROOT / "src").rglob("*.c"):
        for event in re.findall(r'\blog_(?:error|warning|info|debug)\(([^;]*?"[^;]*?),\s*LOG_', source.read_text(), re.S):
            logged.update(re.findall(r'"([a-z_]+)"', event))
    # The chores of the clock are a table: what each of them tells.
    chores = re.search(r"chores\[\] = \{\n(.*?)^\};", (ROOT / "src" / "flow" / "remind.c").read_text(), re.M | re.S).group(1)
    logged.update(re.findall(r'^ +\{"[a-z_]+", \w+, \w+, \w+, "([a-z_]+)"', chores, re.M))
    assert len(logged) > 30
    assert sorted(headings(section("hersys-gatewayd.8", "LOG"))) == sorted(logged)


@pytest.mark.parametrize("page", ["hersysctl.1", "hersys-gatewayd.8", "hersys-gateway.conf.5"])
def test_a_page_is_set_without_a_warning(page):
    said = subprocess.run(["man", "--warnings", "-l", "-Tutf8", "-E", "UTF-8", "-Z", ROOT / "doc" / page],
                          env={"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin", "MANWIDTH": "80"}, capture_output=True, text=True)
    assert (said.returncode, said.stderr) == (0, "")
