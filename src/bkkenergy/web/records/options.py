"""What a field that names other things may name: those in the reader's reach, with their names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bkkenergy.usecases.recordforms.fields import FormField
from bkkenergy.web.records.view import RecordWords
from bkkenergy.web.security import Visitor

MAX_IN_A_LIST = 80
"""Up to this many a form has a list to choose from; beyond it a text with suggestions."""


@dataclass(frozen=True, slots=True)
class Options:
    """What a field may name: (id, name)."""

    each: tuple[tuple[str, str], ...]

    @property
    def are_few(self) -> bool:
        """Whether they fit in a list."""
        return len(self.each) <= MAX_IN_A_LIST


def options_of(  # noqa: PLR0911 - one a kind of thing
    visitor: Visitor, field: FormField, texts: Mapping[str, str], read: RecordWords
) -> Options:
    """Return what a field may name. Meters are those of the form's building, where it has one."""
    match field.target:
        case "":
            return Options(())
        case "agency":
            known = visitor.account.reachable(visitor.here.portfolio.agencies)
            return Options((*_all(visitor, field, read), *((key, read.name_of("agency", key)) for key in known)))
        case "building":
            return Options(tuple(_buildings(visitor, texts, read)))
        case "calendar":
            return Options(tuple((key, read.name_of("calendar", key)) for key in visitor.here.portfolio.calendars))
        case "meter":
            return Options(tuple(_meters(visitor, field, texts, read)))
        case "tariff":
            return Options(tuple((key, read.name_of("tariff", key)) for key in read.tariffs))
        case "programme":
            return Options(tuple((key, read.name_of("programme", key)) for key in read.programmes))
        case "payload":
            return Options(tuple(_profiles(visitor, read)))
        case _:
            records = visitor.here.portfolio.records.on(field.target, visitor.here.today)
            return Options(
                tuple((key, read.title(field.target, key, thing.model_dump())) for key, thing in records.items())
            )


def _profiles(visitor: Visitor, read: RecordWords) -> Iterator[tuple[str, str]]:
    """Yield each profile; one that no source of the maker vouches for says so where it is chosen."""
    for key, profile in sorted(visitor.here.profiles.items()):
        yield key, read.words("record.profile_unverified", profile=key) if profile.unverified else key


def unverified_source(visitor: Visitor, texts: Mapping[str, str]) -> str:
    """Return what an unverified profile that a form names rests on; "" for any other."""
    profile = visitor.here.profiles.get(texts.get("f.payload", "").strip())
    return profile.source if profile is not None and profile.unverified else ""


def _all(visitor: Visitor, field: FormField, read: RecordWords) -> Iterator[tuple[str, str]]:
    """Yield every agency as one choice, where it may be named."""
    if field.name == "agencies" and visitor.account.sees_all:
        yield "all", read.words("web.all")


def _buildings(visitor: Visitor, texts: Mapping[str, str], read: RecordWords) -> Iterator[tuple[str, str]]:
    agency = texts.get("f.agency", "")
    for building in visitor.here.portfolio.buildings.values():
        if visitor.account.reaches(building.agency) and (not agency or building.agency == agency):
            yield building.id, read.words.either(th=building.name_th, en=building.name_en)


def _meters(
    visitor: Visitor, field: FormField, texts: Mapping[str, str], read: RecordWords
) -> Iterator[tuple[str, str]]:
    named = {texts.get("f.building", ""), *texts.get("f.buildings", "").split()} - {""}
    named |= {key.removeprefix("f.buildings.") for key in texts if key.startswith("f.buildings.")}
    buildings = visitor.here.portfolio.buildings
    chosen = [buildings[key] for key in sorted(named) if key in buildings] or list(buildings.values())
    for building in chosen:
        if visitor.account.reaches(building.agency):
            for meter in building.meters:
                if field.name != "pv_meter" or meter.pv:
                    yield meter.id, f"{read.words.either(th=meter.name_th, en=meter.name_en)} ({meter.id})"
