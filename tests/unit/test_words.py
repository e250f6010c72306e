"""Plain English in what people read: docstrings, comments, guides, decisions and the comments of the configuration."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

WORDS = (ROOT / "tests/data/words-to-avoid.txt").read_text(encoding="utf-8").splitlines()
AVOIDED = re.compile(
    r"\b(" + "|".join(re.escape(word).replace(r"\ ", r"\s+") for word in WORDS) + r")\b", re.IGNORECASE
)
GLOSSARY = ROOT / "docs/glossary.md"
MODULES = sorted((ROOT / "src/bkkenergy").rglob("*.py"))
PAGES = sorted(
    {
        *(ROOT / name for name in ("README.md", "ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")),
        *(path for path in (ROOT / "docs").rglob("*.md") if "th" not in path.relative_to(ROOT).parts),
        *(ROOT / "config").rglob("*.toml"),
        ROOT / "src/bkkenergy/locales/en.toml",
    }
    - {GLOSSARY}
)


def avoided_words(text: str) -> list[str]:
    """Words of the list that a text holds, in its order."""
    return [" ".join(found[0].lower().split()) for found in AVOIDED.finditer(text)]


def prose(source: str) -> Iterator[tuple[int, str]]:
    """Docstrings, messages and comments of a module: (line, text). A run of comments is one text."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value
    comments = [
        (token.start[0], token.string.lstrip("# "))
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    ]
    run: list[str] = []
    for number, (line, text) in enumerate(comments):
        run.append(text)
        if number + 1 == len(comments) or comments[number + 1][0] != line + 1:
            yield line, " ".join(run)
            run = []


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_docstrings_messages_and_comments_are_plain_english(path: Path):
    found = [f"{path}:{line} {word}" for line, text in prose(path.read_text("utf-8")) for word in avoided_words(text)]
    assert not found, "Write it as the field does (docs/glossary.md): " + ", ".join(found)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_pages_are_plain_english(path: Path):
    found = avoided_words(path.read_text(encoding="utf-8").replace("\n# ", " "))
    assert not found, f"Write it as the field does (docs/glossary.md): {path}: {', '.join(found)}"


def test_the_glossary_names_each_avoided_word():
    named = GLOSSARY.read_text(encoding="utf-8").rpartition("\n\n")[2].replace("\n", " ").split(",")
    assert {word.strip() for word in named} >= set(WORDS)


@pytest.mark.parametrize("word", WORDS)
def test_an_avoided_word_is_found_in_a_docstring_and_in_a_comment(word):
    source = f'def f():\n    """A register {word} the store."""\n    x = 1  # it is {word.title()} here\n'
    assert [avoided_words(text) for _, text in prose(source)] == [[word], [word]]


def test_an_avoided_word_is_found_over_the_end_of_a_line():
    assert avoided_words("compared, or held\nagainst it") == ["held against"]
    source = "# the value is held\n# against the last one\nx = 1\n"
    assert [avoided_words(text) for _, text in prose(source)] == [["held against"]]


def test_part_of_a_word_and_a_name_in_the_code_are_not_refused():
    assert avoided_words("retold, the storey, a foretaste") == []
    assert list(prose("told_us = 1\n")) == []
