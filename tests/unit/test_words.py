"""Plain English in what people read: docstrings, comments, guides, decisions and the comments of the configuration."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections import Counter
from collections.abc import Iterator

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


def may_avoid(source: str) -> bool:
    """Whether a word of the list is anywhere in a module, as text or as code: most have none, and need not be parsed."""
    letters = re.sub("[^a-z]+", " ", re.sub(r"\\[nt]", " ", source.lower()))
    return any(f" {word} " in f" {letters} " for word in WORDS)


def avoided_in(source: str) -> list[str]:
    """Words of the list in what a module says, with their lines."""
    if not may_avoid(source):
        return []
    return [f"{line} {word}" for line, text in prose(source) for word in avoided_words(text)]


def test_docstrings_messages_and_comments_are_plain_english():
    said = [f"{path}:{each}" for path in MODULES for each in avoided_in(path.read_text("utf-8"))]
    assert not said, "Write it as the field does (docs/glossary.md): " + ", ".join(said)


def test_pages_are_plain_english():
    said = [f"{path} {word}" for path in PAGES for word in avoided_words(path.read_text("utf-8").replace("\n# ", " "))]
    assert not said, "Write it as the field does (docs/glossary.md): " + ", ".join(said)


def test_the_glossary_names_each_avoided_word():
    named = GLOSSARY.read_text(encoding="utf-8").rpartition("\n\n")[2].replace("\n", " ").split(",")
    assert {word.strip() for word in named} >= set(WORDS)


@pytest.mark.parametrize("word", WORDS)
def test_an_avoided_word_is_found_in_a_docstring_and_in_a_comment(word):
    source = f'def f():\n    """A register {word} the store."""\n    x = 1  # it is {word.title()} here\n'
    assert [avoided_words(text) for _, text in prose(source)] == [[word], [word]]
    assert avoided_in(source) == [f"2 {word}", f"3 {word}"]


def test_an_avoided_word_is_found_over_the_end_of_a_line():
    assert avoided_words("compared, or held\nagainst it") == ["held against"]
    source = "# the value is held\n# against the last one\nx = 1\n"
    assert [avoided_words(text) for _, text in prose(source)] == [["held against"]]
    for text in (source, 'x = "held\\nagainst"', 'x = "held " "against"', 'x = "held\\tagainst"'):
        assert len(avoided_in(text)) == 1, text


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
    if NAMELESS.isdisjoint(re.findall(r"\w+", source)):
        return []
    return [f"{line} {name}" for line, name in sorted(bound_names(source)) if name in NAMELESS]


def test_each_variable_parameter_and_attribute_is_named_after_what_it_holds():
    names = [f"{path}:{each}" for path in MODULES for each in nameless(path.read_text("utf-8"))]
    assert not names, "Name the thing: building, run, meter, match, counts: " + ", ".join(names)


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
