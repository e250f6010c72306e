"""Decisions are numbered 1, 2, 3 and so on, each once; every list and link of them is true, and so are the modules of the list."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.conftest import ROOT

FOLDER = ROOT / "docs/decisions"
DECISIONS = sorted(FOLDER.glob("*.md"))
PAGES = sorted([*(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md")])
LINK = re.compile(r"\[([^]]*)\]\(([^)\s#]*decisions/)?(\d{4})-([a-z0-9-]+)(?:\.md)?(?:#[^)]*)?\)")
HEADING = re.compile(r"# (\d+)\. (.+)\n\nDate: \d{4}-\d\d-\d\d\. Status: \w.*")


def misnumbered(names: Iterable[str]) -> list[str]:
    """Names whose number is not the next one: doubled, left out, or none at all."""
    return [name for number, name in enumerate(sorted(names), 1) if not name.startswith(f"{number:04}-")]


def title(path: Path) -> str:
    """What a decision is called, by its heading, which has its number."""
    found = HEADING.match(path.read_text(encoding="utf-8"))
    assert found, f'{path.name}: begin it with "# NUMBER. TITLE", an empty line, and "Date: DAY. Status: ..."'
    assert int(found[1]) == int(path.name[:4]), f"{path.name} is headed {found[1]}"
    return found[2]


def test_numbers_follow_one_another_and_none_is_used_twice():
    wrong = misnumbered(path.name for path in DECISIONS)
    assert not wrong, f"Give these the next free number, in order of landing: {', '.join(wrong)}"


@pytest.mark.parametrize(
    ("names", "wrong"),
    [
        (["0001-a.md", "0002-b.md", "0002-c.md"], ["0002-c.md"]),
        (["0001-a.md", "0003-b.md"], ["0003-b.md"]),
        (["0001-a.md", "draft.md"], ["draft.md"]),
        (["0000-a.md"], ["0000-a.md"]),
    ],
    ids=["doubled", "left-out", "none", "zero"],
)
def test_a_number_that_is_not_the_next_one_is_refused(names, wrong):
    assert misnumbered(names) == wrong


def test_the_architecture_lists_every_decision_by_its_title_in_order():
    listed = re.findall(
        r"^- \[(.*)\]\(docs/decisions/(.*)\)$", (ROOT / "ARCHITECTURE.md").read_text("utf-8"), re.MULTILINE
    )
    names = [name for _, name in listed]
    assert names == [path.name for path in DECISIONS]
    assert [said.removesuffix(".") for said, _ in listed] == [title(path) for path in DECISIONS]


def test_every_module_that_the_architecture_names_is_there():
    modules = [f"/{path.relative_to(ROOT)}" for folder in ("src", "tests") for path in (ROOT / folder).rglob("*.py")]
    names = re.findall(r"`([\w/]+\.py)\b", (ROOT / "ARCHITECTURE.md").read_text("utf-8"))
    assert len(names) > 200
    assert [name for name in names if not any(module.endswith(f"/{name}") for module in modules)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_link_to_a_decision_leads_to_it_and_says_its_number(page):
    for text, folder, number, slug in LINK.findall(page.read_text(encoding="utf-8")):
        name = f"{number}-{slug}.md"
        assert (page.parent / folder / name).is_file(), f"{page}: {name} is not there"
        assert not text.isdigit() or int(text) == int(number), f"{page}: {text} is said of {name}"


def test_every_decision_named_in_code_is_there():
    for path in sorted([*(ROOT / "src").rglob("*.py"), *(ROOT / "tests").rglob("*.py")]):
        for name in re.findall(r"decisions/(\d{4}-[a-z0-9-]+)", path.read_text(encoding="utf-8")):
            assert (FOLDER / f"{name}.md").is_file(), f"{path}: {name}"
