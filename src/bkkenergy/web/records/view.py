"""Records as their readers see them: labels, units, names instead of ids, and what changed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from bkkenergy.calendar import BANGKOK
from bkkenergy.i18n import Words, catalogue
from bkkenergy.portfolio import Portfolio
from bkkenergy.portfolio.records import Records
from bkkenergy.usecases.plan import plan_state
from bkkenergy.usecases.portfolio import PortfolioState, portfolio_state
from bkkenergy.usecases.portfolio_view import SeenChange
from bkkenergy.usecases.recordforms.fields import ALL_KINDS, FormField, choice_key, fields_of, label_key
from bkkenergy.usecases.recordforms.texts import plain
from bkkenergy.web.security import Visitor

PLAN_KIND = "project"
WHEN_FIELDS = ("valid_to",)


@dataclass(frozen=True, slots=True)
class OpenRecords:
    """The records that a kind is among: the portfolio's, or the plan's."""

    state: PortfolioState
    records: Records

    @property
    def is_open(self) -> bool:
        """Whether people change these records here: not where files are their source."""
        return self.state.source != "files" and (self.records.revision > 0 or self.state.source == "state")


def book_of(visitor: Visitor, kind: str) -> OpenRecords:
    """Return the records that a kind is among, as they are now."""
    opened = visitor.here.opened
    if kind == PLAN_KIND:
        state = plan_state(opened.state)
        return OpenRecords(state, state.records())
    return OpenRecords(portfolio_state(opened.config, opened.state), visitor.here.portfolio.records)


@dataclass(frozen=True, slots=True)
class Shown:
    """A value as it is shown. href : of the record that it names."""

    text: str
    href: str = ""

    @property
    def is_latin(self) -> bool:
        """Whether it has Latin letters alone: an id, a topic, or a name in English, whatever the page's language."""
        return self.text.isascii() and any(character.isalpha() for character in self.text)


@dataclass(frozen=True, slots=True)
class FieldLine:
    """A field with its value, or with what it was and what it became."""

    label: str
    values: tuple[Shown, ...]
    before: tuple[Shown, ...] = ()


@dataclass(frozen=True, slots=True)
class ChangeShown:
    """A change of a thing as it is shown. do : "new", "withdrawn" or "changed"."""

    kind: str
    key: str
    title: str
    href: str
    do: str
    since: str
    lines: tuple[FieldLine, ...]


@dataclass(frozen=True, slots=True)
class RecordWords:
    """One reader's words for records: of the portfolio as it is in that reader's reach."""

    words: Words
    portfolio: Portfolio
    tariffs: Mapping[str, Any]
    programmes: Mapping[str, Any]

    @classmethod
    def of(cls, visitor: Visitor) -> RecordWords:
        """Return a visitor's."""
        here = visitor.here
        plan = here.opened.plan
        programmes = {} if plan is None else {one.id: one for one in plan.programmes}
        return cls(visitor.words, here.portfolio, here.opened.figures.tariffs.schedules, programmes)

    @property
    def texts(self) -> Mapping[str, str]:
        """Every text of the language."""
        return catalogue(self.words.lang)

    def kind(self, kind: str) -> str:
        """Return the name of a kind."""
        return self.words.name("record_kind", kind)

    def label(self, kind: str, name: str) -> str:
        """Return the label of a field."""
        key = label_key(kind, name, self.texts)
        return self.texts.get(key, name)

    def hint(self, kind: str, name: str) -> str:
        """Return what helps to fill a field in; empty where its label says all."""
        return self.texts.get(f"record_hint.{kind}_{name}", self.texts.get(f"record_hint.{name}", ""))

    def choice(self, kind: str, name: str, choice: str) -> str:
        """Return the name of a choice."""
        return self.texts.get(choice_key(kind, name, choice, self.texts), choice)

    def name_of(self, kind: str, key: str) -> str:
        """Return the name of a thing by its id; the id where there is no such thing today."""
        thing = self._thing(kind, key)
        return key if thing is None else self.words.either(th=thing.name_th, en=thing.name_en)

    def _thing(self, kind: str, key: str) -> Any:
        things: Mapping[str, Mapping[str, Any]] = {
            "agency": self.portfolio.agencies,
            "building": self.portfolio.buildings,
            "calendar": self.portfolio.calendars,
            "meter": self.portfolio.meters_ever,
            "tariff": self.tariffs,
            "programme": self.programmes,
        }
        return things.get(kind, {}).get(key)

    def title(self, kind: str, key: str, value: Mapping[str, Any]) -> str:
        """Return what a record is called; of one without a name, what it is of, and its id there."""
        named = value.get(f"name_{self.words.lang}") or value.get("name_th") or value.get("name_en")
        named = named or value.get(f"what_{self.words.lang}") or value.get("reason") or value.get("to")
        if named:
            return str(named)
        name = str(value.get("name") or key.rpartition(".")[2])
        name = self.choice(kind, "name", name) if kind == "threshold" else name
        of_kind = next((one for one in ("meter", "building", "agency") if value.get(one)), "")
        is_person = kind == "contact"
        return name if is_person or not of_kind else f"{self.name_of(of_kind, value[of_kind])} · {name}"

    def lines(self, kind: str, value: Mapping[str, Any]) -> list[FieldLine]:
        """Return the fields of a record that say anything, in the order of its form."""
        return [
            FieldLine(self.label(kind, field.name), tuple(self.shown(kind, field, value[field.name])))
            for field in fields_of(kind)
            if field.name != "id" and value.get(field.name) not in (None, "", [], {})
        ]

    def shown(self, kind: str, field: FormField, value: Any) -> Iterator[Shown]:  # noqa: C901, PLR0912 - one a widget
        """Return a value as its readers read it."""
        if value is None or value in ("", [], {}):
            yield Shown(self.words("record.empty"))
            return
        match field.widget:
            case "tick":
                yield Shown(self.words("record.yes" if value else "record.no"))
            case "one":
                yield self._named(field.target, str(value))
            case "many":
                yield from (self._named(field.target, str(one)) for one in value)
            case "choice":
                yield Shown(self.choice(kind, field.name, str(value)))
            case "ticks":
                yield Shown(", ".join(self.choice(kind, field.name, str(one)) for one in value))
            case "date":
                yield Shown(self.day(str(value)))
            case "days":
                yield from (Shown(self.day(str(one))) for one in value)
            case "instant":
                yield Shown(self.moment(str(value)))
            case "hours":
                yield from (Shown(f"{self.choice(kind, 'hours', day)} {hours}") for day, hours in value.items())
            case "pairs":
                yield from (
                    Shown(f"{self.texts.get(f'driver.{key}', key)}: {number(one)}") for key, one in value.items()
                )
            case "points":
                yield from (Shown(" ".join(number(part) for part in point)) for point in value)
            case "rows":
                yield from (Shown(self._row(kind, field, row)) for row in value)
            case "plain":
                yield Shown(self.words("record.count", count=len(value)))
            case _:
                is_number = isinstance(value, int | float) and "year" not in field.name
                yield Shown(number(value) if is_number else plain(value))

    def _row(self, kind: str, field: FormField, row: Mapping[str, Any]) -> str:
        texts = [
            f"{self.label(kind, part.name)}: {', '.join(one.text for one in self.shown(kind, part, row[part.name]))}"
            for part in field.parts
            if row.get(part.name) not in (None, "")
        ]
        return " · ".join(texts)

    def _named(self, target: str, key: str) -> Shown:
        if target in ALL_KINDS:
            return Shown(self.name_of(target, key), href_of(target, key))
        return Shown(self.name_of(target, key))

    def number(self, value: float) -> str:
        """Return a number as it came."""
        return number(value)

    def day(self, text: str) -> str:
        """Return a day as its readers write it."""
        try:
            return self.words.date(dt.date.fromisoformat(text))
        except ValueError:
            return text

    def moment(self, text: str) -> str:
        """Return an instant as clocks in Bangkok show it."""
        try:
            return self.words.moment(dt.datetime.fromisoformat(text).astimezone(BANGKOK))
        except ValueError:
            return text

    def since(self, day: dt.date | None) -> str:
        """Return from which day something holds."""
        return self.words("record.always") if day is None else self.words.date(day)

    def changes(self, changes: Sequence[SeenChange]) -> list[ChangeShown]:
        """Return changes as they are shown: the fields that changed, before and after."""
        return [self._change(change) for change in changes]

    def _change(self, change: SeenChange) -> ChangeShown:
        before, after = change.before or {}, change.after or {}
        do = "changed" if change.before is not None and change.after is not None else "new"
        do = "withdrawn" if change.after is None else do
        whole = after or before
        title = self.title(change.kind, change.key, whole)
        if title == change.key.rpartition(".")[2]:
            title = self.name_of(change.kind, change.key)
        lines = (
            tuple(self._compared(change.kind, before, after))
            if do == "changed"
            else tuple(self.lines(change.kind, whole))
        )
        since = self.since(change.valid_from)
        return ChangeShown(change.kind, change.key, title, href_of(change.kind, change.key), do, since, lines)

    def _compared(self, kind: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[FieldLine]:
        for field in fields_of(kind):
            if field.name in after or field.name in before:
                sides = [tuple(self.shown(kind, field, side.get(field.name))) for side in (after, before)]
                yield FieldLine(self.label(kind, field.name), *sides)
        for name in WHEN_FIELDS:
            if name in after or name in before:
                sides = [
                    (Shown(self.day(str(side[name])) if side.get(name) else self.words("record.lasts")),)
                    for side in (after, before)
                ]
                yield FieldLine(self.words("record.ends"), *sides)


def number(value: Any) -> str:
    """Return a number as it was entered, with separators for thousands."""
    text = plain(value)
    whole, point, fraction = text.partition(".")
    is_large = whole.lstrip("-").isdigit() and len(whole.lstrip("-")) > 3  # noqa: PLR2004 - thousands
    return f"{int(whole):,}{point}{fraction}" if is_large else text


def href_of(kind: str, key: str, page: str = "one") -> str:
    """Return the address of a page of a record."""
    return f"/records/{page}/{kind}/{quote(key, safe='.')}"
