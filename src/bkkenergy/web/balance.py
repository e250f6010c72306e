"""The part of a building's page that says where its energy comes from and goes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace

from markupsafe import Markup

from bkkenergy.calendar import Period
from bkkenergy.i18n import Words
from bkkenergy.portfolio import Building
from bkkenergy.ports.ledger import LedgerReader
from bkkenergy.reports.stacks import Piece, stack
from bkkenergy.usecases.balance import BuildingBalance, BuildingEnergy, Note, SubMeters, building_energy
from bkkenergy.usecases.balance_record import flows_of
from bkkenergy.usecases.flows import Flow
from bkkenergy.usecases.gross import pv_of
from bkkenergy.usecases.over import over
from bkkenergy.usecases.plants import plant_text, plant_yields
from bkkenergy.web.context import AppContext

DAYS_SHOWN = 30
SOURCES = ("grid_import", "production")
USES = ("gross_use", "tenants", "grid_export")
"""What a building's sources go into: both sides are the same energy where all of it is known."""
PART_COLOURS = 6


@dataclass(frozen=True, slots=True)
class BalanceLine:
    """A line of a table: its colour's class, name, energy, share of the whole, and how much of the time is known."""

    key: str
    name: str
    total_kwh: float | None
    share_ratio: float | None
    known_ratio: float | None


@dataclass(frozen=True, slots=True)
class SubMetersView:
    """A main meter with its sub-meters as a picture and a table."""

    name: str
    picture: Markup
    rows: Sequence[BalanceLine]
    exceed_main: bool
    notes: Sequence[str]


@dataclass(frozen=True, slots=True)
class BalanceView:
    """Everything of the section, in the reader's language."""

    period: Period
    pictures: Sequence[tuple[str, Markup]]
    rows: Sequence[BalanceLine]
    notes: Sequence[str]
    sub_meters: Sequence[SubMetersView]
    virtual_meters: Sequence[BalanceLine]
    plants: Sequence[tuple[str, str]] = ()

    @property
    def is_empty(self) -> bool:
        """Return whether nothing is known at all."""
        return all(row.total_kwh is None for row in self.rows)


def balance_view(here: AppContext, building: Building, words: Words, ledger: LedgerReader) -> BalanceView:
    """Return the balance of the last whole days, read by a reader of the page."""
    period = Period.days(here.today - dt.timedelta(days=DAYS_SHOWN), here.today - dt.timedelta(days=1))
    reader, building = over(ledger, here.portfolio, building, period)
    pv = pv_of(here.portfolio, here.site.projects if building.pv_meters else (), building, period)
    energy = building_energy(reader, building, period, "day", is_unmetered=pv.is_unmetered)
    plants = plant_yields(reader, here.portfolio, building, period)
    return replace(view_of(energy, period, words), plants=[(plant.id, plant_text(plant, words)) for plant in plants])


def view_of(energy: BuildingEnergy, period: Period, words: Words) -> BalanceView:
    """Return a balance as it is shown."""
    whole_kwh = _sources_kwh(energy.balance)
    rows = {
        name: _row(f"k-{name.replace('_', '-')}", words(f"balance.{name}"), flow, whole_kwh)
        for name, flow in flows_of(energy.balance).items()
        if flow is not None or name != "tenants"
    }
    return BalanceView(
        period,
        _pictures(rows, words),
        list(rows.values()),
        [words(f"balance.note_{note.value}") for note in energy.balance.notes],
        [_sub_meters(split, energy.balance.notes, words) for split in energy.sub_meters],
        [
            _row("", words.either(th=virtual.meter.name_th, en=virtual.meter.name_en), virtual.flow, None)
            for virtual in energy.virtual_meters
        ],
    )


def _sources_kwh(balance: BuildingBalance) -> float | None:
    """Sum what came in; None where a part of it is not known."""
    totals = [None if flow is None else flow.total_kwh for flow in (balance.grid_import, balance.production)]
    known = [total for total in totals if total is not None]
    return sum(known) if len(known) == len(totals) and sum(known) > 0 else None


def _pictures(rows: dict[str, BalanceLine], words: Words) -> list[tuple[str, Markup]]:
    """Draw sources over uses, to one scale; nothing where a part of them is not known.

    Export that is not known counts as zero in gross use, and so it does here.
    """
    uses = [name for name in USES if name in rows and (name != "grid_export" or rows[name].total_kwh is not None)]
    sides = [[rows[name] for name in side] for side in (SOURCES, uses)]
    if any(row.total_kwh is None for side in sides for row in side):
        return []
    max_kwh = max(sum(row.total_kwh or 0.0 for row in side) for side in sides)
    titles = words("balance.sources"), words("balance.uses")
    return [(title, _stack(side, title, words, max_kwh)) for title, side in zip(titles, sides, strict=True)]


def _stack(rows: Sequence[BalanceLine], title: str, words: Words, whole: float) -> Markup:
    pieces = [
        Piece(
            row.total_kwh or 0.0,
            row.key,
            words(
                "balance.label",
                name=row.name,
                energy=words.number(row.total_kwh),
                share=words.percent((row.total_kwh or 0.0) / whole if whole else None),
            ),
        )
        for row in rows
    ]
    return stack(pieces, title=title, whole=whole)


def _sub_meters(split: SubMeters, said: Sequence[Note], words: Words) -> SubMetersView:
    name = words.either(th=split.meter.name_th, en=split.meter.name_en)
    rows = [
        BalanceLine(
            f"k-part-{number % PART_COLOURS}",
            words.either(th=part.meter.name_th, en=part.meter.name_en)
            + (f" ({words('balance.tenant')})" if part.meter.tenant else ""),
            part.flow.total_kwh,
            part.share_ratio,
            part.flow.known_ratio,
        )
        for number, part in enumerate(split.parts)
    ]
    rest = split.rest
    rest_kwh, known = (None, None) if rest is None else (rest.total_kwh, rest.known_ratio)
    rows.append(BalanceLine("k-rest", words("balance.rest"), rest_kwh, split.rest_ratio, known))
    drawn = [row for row in rows if row.total_kwh is not None and row.total_kwh > 0]
    whole_kwh = 0.0 if split.whole is None else sum(row.total_kwh or 0.0 for row in drawn)
    whole_name = words("balance.with_pv", name=name) if split.pv else name
    return SubMetersView(
        name,
        _stack(drawn, name, words, whole_kwh),
        [_row("", whole_name, split.whole, None), *rows],
        split.exceed_main,
        [words(f"balance.note_{note.value}") for note in split.notes if note not in said],
    )


def _row(key: str, name: str, flow: Flow | None, whole_kwh: float | None) -> BalanceLine:
    if flow is None:
        return BalanceLine(key, name, None, None, None)
    share = None if whole_kwh is None or flow.total_kwh is None else flow.total_kwh / whole_kwh
    return BalanceLine(key, name, flow.total_kwh, share, flow.known_ratio)
