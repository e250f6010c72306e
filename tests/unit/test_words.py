"""Plain English in what people read: docstrings, comments, guides, decisions and the comments of the configuration."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

WORDS = (ROOT / "tests/data/words-to-avoid.txt").read_text(encoding="utf-8").splitlines()
AVOIDED = re.compile(
    r"\b(" + "|".join(re.escape(word).replace(r"\ ", r"\s+") for word in WORDS) + r")\b", re.IGNORECASE
)
NAMELESS = {"found", "held", "kept", "made", "own", "place", "some", "told", "wanted"}  # say nothing of what they hold
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


def bound_names(source: str) -> Iterator[tuple[int, str]]:
    """Names that a module gives to variables, parameters, attributes, functions, classes and imports: (line, name)."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.attr
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) or (
            isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name
        ):
            yield node.lineno, node.name
        elif isinstance(node, ast.MatchMapping) and node.rest:
            yield node.lineno, node.rest
        elif isinstance(node, ast.alias) and node.asname:
            yield node.lineno, node.asname


def nameless(source: str) -> list[str]:
    """Names of a module that are among those refused, in the order of its lines."""
    return [f"{line} {name}" for line, name in sorted(bound_names(source)) if name in NAMELESS]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_each_variable_parameter_and_attribute_is_named_after_what_it_holds(path: Path):
    assert not nameless(path.read_text("utf-8")), "Name the thing: building, run, meter, match, counts"


@pytest.mark.parametrize(
    "source",
    [
        "{} = 1",
        "{}: int",
        "{} += 1",
        "a, *{} = b",
        "self.{} = 1",
        "for {} in b: pass",
        "[a for a, {} in b]",
        "if ({} := f()): pass",
        "with f() as {}: pass",
        "lambda {}: 1",
        "def f(a, *, {}): pass",
        "def f(*{}): pass",
        "async def {}(): pass",
        "class A:\n def {}(self): pass",
        "class A:\n {}: int = 1",
        "class {}: pass",
        "import a as {}",
        "from a import b as {}",
        "try: pass\nexcept E as {}: pass",
        "match a:\n case [{}]: pass",
        "match a:\n case [*{}]: pass",
        "match a:\n case {{'b': c, **{}}}: pass",
    ],
)
def test_however_a_name_is_bound_it_is_refused(source):
    assert [name.split()[1] for name in nameless(source.format("found"))] == ["found"]
    assert nameless(source.format("found_us")) == []


def test_each_class_name_has_one_meaning():
    names = Counter(
        node.name
        for path in MODULES
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.ClassDef)
    )
    # The library's Baseline and Roof are the same things as those within, made easy to hold.
    assert {name for name, count in names.items() if count > 1} == {"Baseline", "Roof"}
