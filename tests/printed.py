"""What every printed page holds, of whatever kind: page one is read in a minute, sources are in the reader's language."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator

from bkkenergy.i18n import Lang
from tests.agencies import MAX_CHARS, MAX_WORDS, PageOneText
from tests.conftest import ROOT
from tests.unit.reports.test_render import Text


def page_one(page: str) -> str:
    """What is said before tables, pictures apart; of a memorandum, all of it, without lines to fill in by hand."""
    page = re.sub("<(style|title)>.*?</[a-z]+>", "", page, flags=re.DOTALL)
    said = PageOneText(page).text if 'class="one"' in page else " ".join(Text(page).words)
    return " ".join(re.sub(r"[.]{3,}", "", said).split())


def too_long(page: str, lang: Lang) -> str:
    """What page one says, where that is nothing or takes more than a minute; else nothing."""
    said = page_one(page)
    size = sum(any(sign.isalnum() for sign in word) for word in said.split()) if lang == "en" else len(said)
    return "" if 0 < size <= (MAX_WORDS if lang == "en" else MAX_CHARS) else f"{size}: {said}"


def _sources(value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        if isinstance(value.get("source"), str) and isinstance(value.get("source_th"), str):
            yield value["source"], value["source_th"]
        for inner in value.values():
            yield from _sources(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _sources(inner)


SOURCES = {
    pair
    for path in (ROOT / "config").rglob("*.toml")
    for pair in _sources(tomllib.loads(path.read_text(encoding="utf-8")))
    if pair[0] != pair[1]
}


def of_other_language(page: str, lang: Lang) -> list[str]:
    """Sources of the configuration that stand on a page in the language that is not its reader's."""
    said = " ".join(" ".join(Text(page).words).split())
    other = [en if lang == "th" else th for en, th in SOURCES]
    return [source for source in other if " ".join(source.split()) in said]
