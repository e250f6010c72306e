"""The table of OWASP ASVS names tests that there are, and says of each line how it is."""

from __future__ import annotations

import re

from tests.conftest import ROOT

CELLS = 4
TEST = re.compile(r"^`(test_\w+\.py): (test_\w+)`$")
HOW = {"met", "part", "not met", "n.a.", "not assessed"}


def rows():
    lines = (ROOT / "docs/asvs.md").read_text("utf-8").splitlines()
    tables = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| ")]
    return [row for row in tables if row[0][0].isdigit() and len(row) == CELLS]


def test_each_line_says_how_it_is_and_by_which_test_or_why_not():
    assert len(rows()) > 100
    for line, how, why, test in rows():
        assert how in HOW, line
        assert TEST.match(test) or not test, (line, test)
        assert test or how != "met", f"{line} is met by no test"
        assert why or how in {"met", "not assessed"}, f"{line}: say why"


def test_no_line_is_there_twice_in_a_chapter():
    names = [name for line, *_ in rows() for name in re.split(r", | to ", line)]
    assert sorted(set(names)) == sorted(names)


def test_every_test_that_is_named_is_there():
    defined = {
        (path.name, name)
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text("utf-8"), re.MULTILINE)
    }
    named = set(re.findall(r"`(test_\w+\.py): (test_\w+)`", (ROOT / "docs/asvs.md").read_text("utf-8")))
    assert named <= defined, sorted(named - defined)
