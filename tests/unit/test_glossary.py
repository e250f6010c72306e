"""The glossary binds: Thai texts and guides use its words, and none of those it replaces."""

from __future__ import annotations

import re
import tomllib
from itertools import chain

import pytest

from bkkenergy.i18n import catalogue
from tests.conftest import ROOT

GLOSSARY = (ROOT / "docs/glossary.md").read_text(encoding="utf-8")
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in GLOSSARY.splitlines() if line.startswith("|")]
TERMS = {english: thai for english, thai, _ in ROWS[2:]}
REPLACED = {word.strip(): thai for _, thai, words in ROWS[2:] if words for word in words.split(",")}
PRIVATE = [word.strip() for word in GLOSSARY.rpartition("\n\n")[2].replace("\n", " ").split(",")]
GUIDES = sorted((ROOT / "docs/th").rglob("*.md"))


def replaced_words(text: str) -> list[str]:
    """Words of the last column that a text holds, where they are not part of a word of the glossary."""
    terms = [part.strip() for thai in TERMS.values() for part in thai.split(",")]
    good = [found.span() for term in terms for found in re.finditer(re.escape(term), text)]
    return [
        f"{word}: write {better}"
        for word, better in REPLACED.items()
        for found in re.finditer(re.escape(word), text)
        if not any(first <= found.start() and found.end() <= last for first, last in good)
    ]


def private_words(text: str) -> list[str]:
    """English words that readers stop at."""
    return [word for word in PRIVATE if re.search(rf"\b{re.escape(word)}\b", text, re.IGNORECASE)]


def test_the_table_has_three_columns_and_each_term_once():
    assert len(TERMS) == len(ROWS) - 2 > 30
    assert len(REPLACED) == len(list(chain(*(row[2].split(",") for row in ROWS[2:] if row[2]))))


@pytest.mark.parametrize("word", REPLACED)
def test_a_replaced_word_is_found(word):
    assert any(line.startswith(f"{word}:") for line in replaced_words(f"เทียบกับ {word} ของอาคาร")), word


def test_a_word_of_the_glossary_that_holds_a_replaced_one_is_good():
    assert replaced_words("ทุกขั้นตอนใช้ไฟฟ้าตามค่าไฟฟ้าของปีอากาศตัวแทน") == []


def test_thai_texts_use_the_glossary():
    found = {key: words for key, text in catalogue("th").items() if (words := replaced_words(text))}
    assert found == {}


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.stem)
def test_thai_guides_use_the_glossary(guide):
    assert replaced_words(guide.read_text(encoding="utf-8")) == []


def test_english_texts_have_no_private_word():
    found = {key: words for key, text in catalogue("en").items() if (words := private_words(text))}
    assert found == {}


def test_a_private_word_is_found():
    assert private_words("The rest is told to nobody.") == ["told", "nobody"]
    assert private_words("A meter retold the storey.") == []


@pytest.mark.parametrize("key", ["web.admin", "web.jobs", "web.quarantine", "plan.state", "report.plan_state"])
def test_each_page_is_named_by_the_glossary(key):
    english = {
        "web.admin": "administration (the page)",
        "web.jobs": "scheduled jobs",
        "web.quarantine": "quarantined",
        "plan.state": "status",
        "report.plan_state": "status",
    }
    assert TERMS[english[key]] in catalogue("th")[key]


def thai_of(value: object) -> list[str]:
    """Every Thai text of a file of the configuration: sources, names, notes."""
    if isinstance(value, dict):
        return [text for inner in value.values() for text in thai_of(inner)]
    if isinstance(value, list):
        return [text for inner in value for text in thai_of(inner)]
    return [value] if isinstance(value, str) and re.search("[ก-๛]", value) else []


@pytest.mark.parametrize("path", sorted((ROOT / "config").rglob("*.toml")), ids=lambda path: path.stem)
def test_thai_of_the_configuration_uses_the_glossary(path):
    texts = thai_of(tomllib.loads(path.read_text(encoding="utf-8")))
    assert [words for text in texts if (words := replaced_words(text))] == []
