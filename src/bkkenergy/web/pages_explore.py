"""The explorer: any building, meter, agency, PV plant or weather station over any days, as a page and as files."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal
from urllib.parse import quote

import numpy as np
from fastapi import APIRouter, Depends, Query
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from bkkenergy.errors import InputError, NotThere
from bkkenergy.i18n import Words
from bkkenergy.portfolio import Building, MeterKind
from bkkenergy.recipients import CITY
from bkkenergy.usecases.explore import PHASES_OF, SEEN_STEPS, building_subject, is_rate, plants_on, subject_of
from bkkenergy.usecases.explore_compare import peers_of
from bkkenergy.usecases.explore_periods import AROUNDS, EARLIER, around, next_to, offered
from bkkenergy.web.explore import (
    ExploreRequest,
    ExploreView,
    comparison_name,
    digits_of,
    explored,
    note_text,
    notes_of,
    per_name,
    quantity_name,
    sentences,
    subject_name,
    unit_of,
)
from bkkenergy.web.exploredraw import legend, pictures
from bkkenergy.web.explorefile import columns_of, qualities, to_csv, to_xlsx
from bkkenergy.web.exploreparts import part_rows, peak_rows
from bkkenergy.web.exploretime import period_text, step_text
from bkkenergy.web.render import page
from bkkenergy.web.security import PageVisitor, Visitor

router = APIRouter(default_response_class=HTMLResponse)
SAID_QUALITIES = ("estimated", "edited", "incomplete", "missing")
MAX_TABLE_ROWS, MAX_OTHERS = 1500, 80
MEDIA = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
ShortText = Annotated[str, Query(max_length=200)]
FileForm = Annotated[Literal["", "html", "csv", "xlsx"], Query(alias="format")]


@dataclass(frozen=True, slots=True)
class Choice:
    """One entry of a list to choose from."""

    value: str
    text: str
    is_chosen: bool


def asked_for(
    first: ShortText = "",
    last: ShortText = "",
    quantity: ShortText = "",
    step: Literal["", "15min", "60min", "day", "month"] = "",
    compare: ShortText = "",
    per: ShortText = "",
) -> ExploreRequest:
    """Return what an address asks for, of what is still to be said. Raises InputError for what is no day."""
    return ExploreRequest("", "", _day(first), _day(last), quantity, step, compare, per)


def _day(text: str) -> dt.date | None:
    try:
        return dt.date.fromisoformat(text) if text else None
    except ValueError:
        raise InputError.of("explore_day", given=text) from None


Asked = Annotated[ExploreRequest, Depends(asked_for)]


@router.get("/explore")
def explore_start(visitor: PageVisitor, asked: Asked, agency: ShortText = "", of: ShortText = "") -> Response:
    """Go on to what was chosen: to the whole agency, where another agency was chosen than that of the building."""
    kind, _, key = of.partition(":")
    portfolio, today = visitor.here.portfolio, visitor.here.today
    if key:
        subject = subject_of(portfolio, visitor.actor, kind, key, today)
        if agency in {"", subject.agency}:
            return RedirectResponse(replace(asked, kind=kind, key=key).path(), 303)
    agencies = visitor.account.reachable(portfolio.agencies)
    chosen = agency or (CITY if visitor.account.sees_all else next(iter(agencies), ""))
    if not chosen:
        raise NotThere
    against = asked.against if asked.against in EARLIER else ""
    kind = "city" if chosen == CITY else "agency"
    return RedirectResponse(replace(asked, kind=kind, key=chosen, against=against, per="").path(), 303)


@router.get("/explore/{kind}/{key:path}")
def explore_page(
    kind: str, key: str, visitor: PageVisitor, asked: Asked, view: ShortText = "", form: FileForm = ""
) -> Response:
    """Show one subject over some days: a picture or a table, or a file of it."""
    words = visitor.words
    seen = explored(visitor, replace(asked, kind=kind, key=key))
    if form in MEDIA:
        return _file(seen, form, words)
    look, series, unit = seen.look, seen.series, unit_of(seen.look, words)
    name = subject_name(look.subject, words)
    return page(
        visitor,
        "explore.html.j2",
        title=name,
        here_path="/explore",
        asked=seen.asked,
        seen=seen,
        subject=look.subject,
        building=look.subject.building,
        period=period_text(look.period, words),
        quantity=quantity_name(look.quantity, words),
        unit=unit,
        sentences=sentences(seen, words),
        notes=notes_of(seen, words),
        pictures=pictures(seen, words) if view != "table" else (),
        table=_table(seen, words) if view == "table" else None,
        legend=legend(seen, words),
        qualities=json.dumps({one: words(f"explore.quality_{one}") for one in SAID_QUALITIES}, ensure_ascii=False),
        step=words(f"explore.step_{look.step}"),
        points=int(series.has_begun.sum()),
        choices=_choices(visitor, seen, words),
        around=_arounds(seen, words),
        steps_beside=_steps_beside(seen),
        compared=comparison_name(seen.comparison, words) if seen.comparison else "",
        parts=part_rows(visitor.here.opened, seen, words),
        has_earlier=seen.comparison is not None and seen.comparison.period is not None,
        peaks=peak_rows(visitor.here.opened, seen, words),
        seen_notes=[(note, note_text(note, visitor)) for note in seen.notes],
        note_subjects=_note_subjects(visitor, seen),
        may_note=look.subject.kind != "city" and visitor.account.may("edit", look.subject.agency),
        may_adjust=visitor.here.portfolio.revision > 0,
        is_demo=any(map(visitor.here.portfolio.is_simulated, look.subject.buildings)),
    )


def _note_subjects(visitor: Visitor, seen: ExploreView) -> list[Choice]:
    """Return what a note can be of: the building that is looked at, and its agency."""
    subject, words = seen.look.subject, visitor.words
    building = subject.building
    choices = [] if building is None else [Choice(building.id, subject_name(building_subject(building), words), True)]
    if subject.kind == "city":
        return choices
    agency = visitor.here.portfolio.agencies[subject.agency]
    name = f"{words('explore.whole_agency')} ({words.either(th=agency.name_th, en=agency.name_en)})"
    return [*choices, Choice(agency.id, name, building is None)]


def _file(seen: ExploreView, form: str, words: Words) -> Response:
    body = to_csv(seen, words) if form == "csv" else to_xlsx(seen, words)
    name = f"{seen.asked.key}_{seen.asked.first}_{seen.asked.last}.{form}"
    headers = {"Content-Disposition": f"attachment; filename*=utf-8''{quote(name)}"}
    return Response(body, media_type=MEDIA[form], headers=headers)


def _steps_beside(seen: ExploreView) -> dict[str, str]:
    """Return the addresses of the period before and after."""
    addresses = {}
    for name, direction in (("previous", -1), ("next", 1)):
        beside = next_to(seen.look.period, direction)  # type: ignore[arg-type]
        addresses[name] = seen.asked.path(first=beside.first_day, last=beside.last_day)
    return addresses


def _arounds(seen: ExploreView, words: Words) -> list[tuple[str, str, bool]]:
    """Return the day, week, month and years around the last day that is shown: name, address, whether it is shown."""
    shown, chosen = seen.look.period, []
    day = min(
        shown.last_day, max(shown.first_day, seen.series.starts[max(int(seen.series.has_begun.sum()) - 1, 0)].date())
    )
    for what in AROUNDS:
        period = around(day, what)
        is_shown = (period.first_day, period.last_day) == (shown.first_day, shown.last_day)
        address = seen.asked.path(first=period.first_day, last=period.last_day, step="")
        chosen.append((words(f"explore.{what}"), address, is_shown))
    return chosen


def _choices(visitor: Visitor, seen: ExploreView, words: Words) -> dict[str, Any]:
    """Return the lists to choose from."""
    look, subject = seen.look, seen.look.subject
    portfolio = visitor.here.portfolio
    named = {one: portfolio.agencies[one] for one in visitor.account.reachable(portfolio.agencies)}
    agencies = [Choice(CITY, words("explore.city"), subject.kind == "city")] if visitor.account.sees_all else []
    agencies += [
        Choice(one, words.either(th=agency.name_th, en=agency.name_en), one == subject.agency)
        for one, agency in named.items()
    ]
    quantities = [Choice(one, quantity_name(one, words), one == look.quantity) for one in subject.quantities]
    chosen_step = seen.asked.step if seen.asked.step in SEEN_STEPS else ""
    steps = [Choice("", words("explore.step_auto"), not chosen_step)]
    steps += [Choice(one, words(f"explore.step_{one}"), one == chosen_step) for one in SEEN_STEPS]
    divisors = [Choice("", words("explore.per_none"), not look.divisor)]
    divisors += [Choice(one, per_name(one, words), one == look.divisor) for one in subject.divisors]
    return {
        "agencies": agencies,
        "subjects": list(_subjects(visitor, seen, words)),
        "quantities": quantities,
        "steps": steps,
        "divisors": divisors if len(divisors) > 1 else [],
        "compare": list(_comparisons(visitor, seen, words)),
    }


def _subjects(visitor: Visitor, seen: ExploreView, words: Words) -> Iterator[tuple[str, list[Choice]]]:
    """Yield what can be looked at in the same agency, group by group."""
    subject, portfolio = seen.look.subject, visitor.here.portfolio

    def choice(kind: str, key: str, text: str) -> Choice:
        return Choice(f"{kind}:{key}", text, (kind, key) == (subject.kind, subject.key))

    def name(named: Any) -> str:
        return words.either(th=named.name_th, en=named.name_en)

    if subject.kind == "city":
        yield "", [choice("city", CITY, words("explore.city"))]
        return
    yield "", [choice("agency", subject.agency, words("explore.whole_agency"))]
    buildings = portfolio.buildings_of(subject.agency)
    if subject.building is not None and subject.building.id not in portfolio.buildings:
        buildings = (*buildings, subject.building)
    yield words("explore.buildings"), [choice("building", building.id, name(building)) for building in buildings]
    own_meters = (
        [meter for meter in subject.building.meters if meter.kind is not MeterKind.WEATHER] if subject.building else []
    )
    yield words("explore.meters"), [choice("meter", meter.id, name(meter)) for meter in own_meters]
    plants = [
        plant
        for plant in plants_on(portfolio, visitor.here.today)
        if _agency_of(portfolio.buildings, plant.building) == subject.agency
    ]
    yield words("explore.plants"), [choice("plant", plant.id, plant.id) for plant in plants]
    stations = [
        (building, meter) for building in buildings for meter in building.meters if meter.kind is MeterKind.WEATHER
    ]
    yield (
        words("explore.stations"),
        [choice("meter", meter.id, f"{name(building)} · {name(meter)}") for building, meter in stations],
    )


def _agency_of(buildings: dict[str, Building], building_id: str) -> str:
    building = buildings.get(building_id)
    return "" if building is None else building.agency


def _comparisons(visitor: Visitor, seen: ExploreView, words: Words) -> Iterator[tuple[str, list[Choice]]]:
    """Yield what the period can be compared with, group by group."""
    look, chosen = seen.look, seen.asked.against
    subject = look.subject

    def choice(value: str, text: str) -> Choice:
        return Choice(value, text, value == chosen)

    yield "", [choice("", words("explore.compare_none"))]
    yield words("explore.compare_time"), [choice(one, words(f"explore.compare_{one}")) for one in offered(look.period)]
    if look.quantity in PHASES_OF:
        yield words("explore.compare_model"), [choice("phases", words("explore.compare_phases"))]
    building = subject.building
    if subject.kind != "building" or building is None:
        return
    yield words("explore.compare_model"), [choice("baseline", words("explore.compare_baseline"))]
    peers = peers_of(visitor.here.opened, visitor.actor, building)
    others = [
        one
        for one in visitor.here.portfolio.buildings_of(building.agency)
        if one.id != building.id and one not in peers
    ]
    named = [
        choice(f"building:{one.id}", words.either(th=one.name_th, en=one.name_en))
        for one in [*peers, *others][:MAX_OTHERS]
    ]
    yield words("explore.compare_buildings"), [choice("type", words("explore.compare_type")), *named]


@dataclass(frozen=True, slots=True)
class SeenTable:
    """The picture as a table: (heading, is a number) of each column, and rows of (address of the day, cells)."""

    heads: list[str]
    rows: list[tuple[str, list[str]]]
    is_cut: bool


def _table(seen: ExploreView, words: Words) -> SeenTable:
    look, columns = seen.look, columns_of(seen, words)
    known = seen.series.known_ratio.tolist()
    digits = [0 if column.form == "0" else digits_of(column.values) for column in columns]
    rows = []
    for row, (start, quality) in enumerate(
        zip(seen.series.starts[:MAX_TABLE_ROWS], qualities(seen, words), strict=False)
    ):
        numbers = [
            words.number(float(column.values[row]), decimals) for column, decimals in zip(columns, digits, strict=True)
        ]
        is_drillable = not is_rate(look.step, look.quantity) and look.step == "day"
        address = seen.asked.path(first=start.date(), last=start.date(), step="") if is_drillable else ""
        share = words.percent(np.floor(known[row] * 1000) / 1000, 0) if quality else ""
        rows.append((address, [step_text(start, look.step, words), *numbers, quality, share]))
    heads = [words("explore.column_start"), *(column.heading for column in columns)]
    heads += [words("explore.column_quality"), words("explore.column_known")]
    return SeenTable(heads, rows, len(seen.series.starts) > MAX_TABLE_ROWS)
