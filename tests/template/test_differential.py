#!/usr/bin/python3
"""The template renderer against pystache, an independent implementation, on generated templates.

Run by pytest (make check); for more templates: HERSYS_BUILD=BUILD-FOLDER test_differential.py COUNT SEED

pystache 0.6.0 differs from the specification 1.4, or from what template.h chooses, in these points; the generator keeps off
the first three, and the renderer below is told of the others:
  - a tag with blanks behind it on its line does not count as standing alone;
  - a comment of white space alone swallows the next tag;
  - empty lines of an indented partial get no indentation;
  - {} is falsy;
  - what is no string prints as Python prints it;
  - ' is escaped as &#x27;.
"""
import json
import os
import pathlib
import random
import subprocess
import sys

import pystache


def text_of(value):
    if value is None or isinstance(value, (dict, list)):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"}


class Oracle(pystache.Renderer):
    def str_coerce(self, val):
        return text_of(val)


def oracle(job):
    escape = (lambda s: "".join(ENTITIES.get(c, c) for c in s)) if job["html"] else (lambda s: s)
    return Oracle(partials=job["partials"], escape=escape).render(job["template"], job["data"])


NAMES = ["a", "b", "c", "l", "m", "gone"]


def value(rng, depth):
    kind = rng.randrange(10 if depth else 6)
    if kind == 0:
        return rng.choice(["", "x", "<&>\"'", "two\nlines", "症状", "{{a}}"])
    if kind == 1:
        return rng.choice([0, 1, 85, -3])
    if kind == 2:
        return rng.choice([1.21, 36.9, -0.5, 3.0, 0.0])
    if kind == 3:
        return rng.choice([True, False])
    if kind == 4:
        return None
    if kind == 5:
        return "v%d" % rng.randrange(100)
    if kind in (6, 7):
        return [value(rng, depth - 1) for _ in range(rng.randrange(4))]
    return context(rng, depth - 1)


def context(rng, depth):
    # "k" keeps an object from being empty, which pystache takes for falsy.
    return dict({n: value(rng, depth) for n in NAMES[:5] if rng.random() < 0.6}, k="k")


def name(rng):
    if rng.random() < 0.1:
        return "."
    return ".".join(rng.choice(NAMES) for _ in range(rng.choice([1, 1, 1, 2, 3])))


class Source:
    """One template. Delimiters change within it."""

    def __init__(self, rng, partials):
        self.rng, self.partials, self.open, self.close = rng, partials, "{{", "}}"

    def tag(self, sigil, content, end=""):
        pad = self.rng.choice(["", "", " "])
        return self.open + sigil + pad + content + pad + end + self.close

    def piece(self, depth):
        rng = self.rng
        kind = rng.randrange(14)
        if kind < 4:
            text = rng.choice(["x", " ", "  ", "\t", "|", "\n", "\n", "}", "<", "é", "体温", "]", "!"])
            return "x" if text in self.open + self.close else text
        if kind < 6:
            return self.tag("", name(rng))
        if kind == 6:
            return self.tag("{", name(rng), "}") if rng.random() < 0.5 else self.tag("&", name(rng))
        if kind == 7:
            return self.tag("!", rng.choice(["x", "a b", "two\nlines", "x\n"]))
        if kind == 8 and self.partials:
            return self.tag(">", rng.choice(self.partials))
        if kind == 9:
            pair = rng.choice([("<%", "%>"), ("|", "|"), ("{{", "}}"), ("[", "]")])
            text = self.tag("=", " ".join(pair), "=")
            self.open, self.close = pair
            return text
        if kind < 13 and depth > 0:
            n = name(rng)
            begin = rng.choice(["", "", "\n", "\n", " \n ", "\n  "])
            start = self.tag(rng.choice("##^"), n)
            body = self.body(depth - 1)
            return begin + start + rng.choice(["", "\n"]) + body + begin + self.tag("/", n) + \
                rng.choice(["", "\n"])
        return rng.choice(["\n", "\n  ", "."])

    def body(self, depth):
        return "".join(self.piece(depth) for _ in range(self.rng.randrange(1, 7)))


def without_known_differences(text, newline, partial):
    out = []
    for line in text.split("\n"):
        if line.endswith((" ", "\t")):
            line += "."
        if partial and line == "":
            line = "-"
        out.append(line)
    return newline.join(out)


def job(rng):
    partials = {}
    newline = rng.choice(["\n", "\n", "\r\n"])
    for p in ["p", "q", "r"]:
        # A partial includes only those before it, so that none is endless.
        source = Source(rng, list(partials))
        partials[p] = without_known_differences(source.body(2), newline, True)
    source = Source(rng, list(partials))
    return {"template": without_known_differences(source.body(3), newline, False), "partials": partials,
            "data": context(rng, 3), "html": rng.random() < 0.5}


def compare(count, seed):
    """Prints every difference; gives back how many templates were compared, and how many differ."""
    rng = random.Random(seed)
    jobs = [job(rng) for _ in range(count)]
    lines = "".join(json.dumps(j) + "\n" for j in jobs)
    run = subprocess.run([pathlib.Path(os.environ["HERSYS_BUILD"]) / "template_lines"], input=lines, capture_output=True, text=True, check=True)
    answers = [json.loads(line) for line in run.stdout.split("\n") if line]
    assert len(answers) == count, "%d answers to %d templates" % (len(answers), count)
    compared = differing = 0
    for j, answer in zip(jobs, answers):
        try:
            expected = oracle(j)
        except (pystache.parser.ParsingError, IndexError, ValueError):
            expected = None
        if expected is None or "error" in answer:
            if "error" in answer and expected is not None and answer["error"] == "":
                differing += 1
                print("not rendered:", json.dumps(j, ensure_ascii=False))
            elif "error" in answer and expected is not None:
                differing += 1
                print("refused:", answer["error"], json.dumps(j, ensure_ascii=False))
            continue
        compared += 1
        if answer["text"] != expected:
            differing += 1
            print(json.dumps({"job": j, "pystache": expected, "ours": answer["text"]}, ensure_ascii=False))
    print("%d templates, %d compared, %d differ" % (count, compared, differing))
    return compared, differing


def test_five_thousand_templates_render_as_pystache_renders_them():
    compared, differing = compare(5000, 1)
    assert differing == 0
    assert compared > 4500


if __name__ == "__main__":
    sys.exit(compare(int(sys.argv[1]), int(sys.argv[2]))[1] > 0)
