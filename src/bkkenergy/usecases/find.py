"""Searches agencies, buildings and meters that an actor may see, by names in Thai or English, types and ids."""

from __future__ import annotations

import datetime as dt
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bkkenergy.access import Actor
from bkkenergy.portfolio import Building, Portfolio
from bkkenergy.texts import catalogue
from bkkenergy.usecases.explore import SubjectKind
from bkkenergy.usecases.powers import use_case
from bkkenergy.usecases.standing import history_of, last_day_of, owner_of

MAX_HITS = 100
MAX_TEXT = 100


@dataclass(frozen=True, slots=True)
class Hit:
    """Something that was searched for. of_th, of_en : what it is part of. ended : its last day, of what is no more."""

    kind: SubjectKind
    key: str
    name_th: str
    name_en: str
    of_th: str
    of_en: str
    ended: dt.date | None = None


@use_case("find.by_name", "see", "agency")
def find_by_name(portfolio: Portfolio, actor: Actor, text: str) -> list[Hit]:
    """Return what has every word of a text in its names, type or id: agencies first, then buildings, then meters, then
    buildings and meters that are no more.
    """
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
    yield from _meters(buildings)
    yield from _ended(portfolio, actor)


def _meters(buildings: Iterable[Building]) -> Iterator[tuple[Hit, str]]:
    for building in buildings:
        for meter in building.meters:
            hit = Hit("meter", meter.id, meter.name_th, meter.name_en, building.name_th, building.name_en)
            yield hit, _said((meter.name_th, meter.name_en, meter.id))


def _ended(portfolio: Portfolio, actor: Actor) -> Iterator[tuple[Hit, str]]:
    """Return buildings and meters that the records have and today has not, as they were last, with their last day."""
    known = portfolio.records.by_kind
    there = {meter.id for meter in portfolio.meters}
    for key in known.get("building", {}):
        if key in portfolio.buildings or (last := last_day_of(portfolio, key)) is None:
            continue
        was = history_of(portfolio, key)[-1].value
        if actor.reaches(was.agency):
            of = portfolio.agencies.get(was.agency)
            part_of = (of.name_th, of.name_en) if of else ("", "")
            hit = Hit("building", key, was.name_th, was.name_en, *part_of, last)
            yield hit, _said((was.name_th, was.name_en, key, *_types(was)))
    for key in known.get("meter", {}):
        if key in there or (last := last_day_of(portfolio, key)) is None:
            continue
        was = history_of(portfolio, key)[-1].value
        owner = owner_of(portfolio, was.building)
        if owner is not None and actor.reaches(owner):
            house = portfolio.records.history("building", was.building)[-1].value
            yield (
                Hit("meter", key, was.name_th, was.name_en, house.name_th, house.name_en, last),
                _said((was.name_th, was.name_en, key)),
            )


def _types(building: Building) -> tuple[str, str]:
    key = f"building_type.{building.type}"
    return catalogue("th")[key], catalogue("en")[key]


def _said(texts: Iterable[str]) -> str:
    return _plain("\n".join(texts))


def _plain(text: str) -> str:
    """Return a text without case, in one form of its characters (Thai SARA AM has two)."""
    return unicodedata.normalize("NFKC", text).casefold()
