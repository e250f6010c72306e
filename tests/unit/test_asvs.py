"""The table of OWASP ASVS names tests that there are, and says of each line how it is."""

from __future__ import annotations

import re

from tests.conftest import ROOT

CELLS = 4
TEST = re.compile(r"^`(test_\w+\.py): (test_\w+)`$")
LINES = {
    "1.1": 2, "1.2": 9, "1.3": 11, "1.4": 3, "1.5": 2, "2.1": 3, "2.2": 3, "2.3": 4, "2.4": 1, "3.2": 2, "3.3": 4, "3.4": 6,
    "3.5": 5, "3.7": 2, "4.1": 3, "4.2": 1, "4.3": 2, "4.4": 4, "5.1": 1, "5.2": 3, "5.3": 2, "5.4": 3, "6.1": 3, "6.2": 12,
    "6.3": 4, "6.4": 4, "6.5": 5, "6.6": 3, "6.8": 4, "7.1": 3, "7.2": 4, "7.3": 2, "7.4": 5, "7.5": 2, "7.6": 2, "8.1": 2,
    "8.2": 3, "8.3": 1, "8.4": 1, "9.1": 3, "9.2": 4, "10.1": 2, "10.2": 2, "10.3": 4, "10.4": 11, "10.5": 5, "10.6": 2,
    "10.7": 3, "11.1": 2, "11.2": 3, "11.3": 3, "11.4": 4, "11.5": 1, "11.6": 1, "12.1": 3, "12.2": 2, "12.3": 4, "13.1": 1,
    "13.2": 5, "13.3": 2, "13.4": 5, "14.1": 2, "14.2": 4, "14.3": 3, "15.1": 3, "15.2": 3, "15.3": 7, "16.1": 1, "16.2": 5,
    "16.3": 4, "16.4": 3, "16.5": 3, "17.1": 1, "17.2": 4, "17.3": 2,
}  # fmt: skip
"""How many lines of level 1 and 2 each section of 5.0.0 has: they are the first ones of it, those of level 3 follow."""
HOW = {"met", "part", "not met", "n.a."}


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
        assert why or how == "met", f"{line}: say why"


def test_each_line_of_levels_1_and_2_is_there():
    given = {name for line, *_ in rows() for name in named_by(line)}
    wanted = {f"{section}.{number}" for section, count in LINES.items() for number in range(1, count + 1)}
    assert sorted(wanted - given) == []


def named_by(line):
    """Which lines of the standard one of the table is of: "1.3.8, 1.3.9", or "1.4.1 to 1.4.3"."""
    for part in line.split(", "):
        first, _, last = part.partition(" to ")
        section, _, number = first.rpartition(".")
        for each in range(int(number), int((last or first).rpartition(".")[2]) + 1):
            yield f"{section}.{each}"


def test_no_line_is_there_twice_in_a_chapter():
    names = [name for line, *_ in rows() for name in named_by(line)]
    assert sorted(set(names)) == sorted(names)


def test_every_test_that_is_named_is_there():
    defined = {
        (path.name, name)
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text("utf-8"), re.MULTILINE)
    }
    named = set(re.findall(r"`(test_\w+\.py): (test_\w+)`", (ROOT / "docs/asvs.md").read_text("utf-8")))
    assert named <= defined, sorted(named - defined)
