"""Searches agencies, buildings and meters that an actor may see, by names in Thai or English, types and ids."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bkkenergy.access import Actor
from bkkenergy.portfolio import Building, Portfolio
from bkkenergy.texts import catalogue
from bkkenergy.usecases.explore import SubjectKind
from bkkenergy.usecases.powers import use_case

MAX_HITS = 100
MAX_TEXT = 100


@dataclass(frozen=True, slots=True)
class Hit:
    """Something that was searched for. of_th, of_en : what it is part of."""

    kind: SubjectKind
    key: str
    name_th: str
    name_en: str
    of_th: str
    of_en: str


@use_case("find.by_name", "see", "agency")
def find_by_name(portfolio: Portfolio, actor: Actor, text: str) -> list[Hit]:
    """Return what has every word of a text in its names, type or id: agencies first, then buildings, then meters."""
    actor.need("see")
    wished = _plain(text[:MAX_TEXT]).split()
    if not wished:
        return []
    matching = (hit for hit, said in _everything(portfolio, actor) if all(word in said for word in wished))
    return [hit for _, hit in zip(range(MAX_HITS), matching, strict=False)]


def _everything(portfolio: Portfolio, actor: Actor) -> Iterator[tuple[Hit, str]]:
    agencies = {key: portfolio.agencies[key] for key in actor.reachable(portfolio.agencies)}
    buildings = [building for building in portfolio.buildings.values() if building.agency in agencies]
    for key, agency in agencies.items():
        yield Hit("agency", key, agency.name_th, agency.name_en, "", ""), _said((agency.name_th, agency.name_en, key))
    for building in buildings:
        of = agencies[building.agency]
        hit = Hit("building", building.id, building.name_th, building.name_en, of.name_th, of.name_en)
        yield hit, _said((building.name_th, building.name_en, building.id, *_types(building)))
    for building in buildings:
        for meter in building.meters:
            hit = Hit("meter", meter.id, meter.name_th, meter.name_en, building.name_th, building.name_en)
            yield hit, _said((meter.name_th, meter.name_en, meter.id))


def _types(building: Building) -> tuple[str, str]:
    key = f"building_type.{building.type}"
    return catalogue("th")[key], catalogue("en")[key]


def _said(texts: Iterable[str]) -> str:
    return _plain("\n".join(texts))


def _plain(text: str) -> str:
    """Return a text without case, in one form of its characters (Thai SARA AM has two)."""
    return unicodedata.normalize("NFKC", text).casefold()
