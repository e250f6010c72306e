"""What the explorer shows of a request: the series, what it is compared with, its weather, and notes on it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote, urlencode

import numpy as np
import pandas as pd

from bkkenergy.adapters.state.notes import DayNote
from bkkenergy.calendar import BANGKOK, Period
from bkkenergy.errors import InputError
from bkkenergy.i18n import Words
from bkkenergy.readings import FloatArray
from bkkenergy.reports.notes import note_time
from bkkenergy.reports.savings.phrasing import finding_texts
from bkkenergy.usecases.explore import (
    CHANNEL_OF,
    QUANTITIES,
    SEEN_STEPS,
    Quantity,
    SeenStep,
    Subject,
    as_then,
    checked_period,
    is_mean,
    shown_unit,
    step_for,
    subject_of,
    with_channels,
)
from bkkenergy.usecases.explore_compare import (
    Comparison,
    Look,
    closed_days,
    compared,
    look_series,
    step_of_baseline,
    weather_beside,
)
from bkkenergy.usecases.explore_series import SeenSeries
from bkkenergy.usecases.notes import notes_seen
from bkkenergy.usecases.standing import last_day_of, site_then
from bkkenergy.web.building import findings_of, findings_shown
from bkkenergy.web.exploretime import period_text, step_text
from bkkenergy.web.security import Visitor

DAYS_AT_FIRST = 7
MORE_QUANTITIES = frozenset(QUANTITIES[6:])
"""Those that have the name of their channel."""
UNIT_KEYS = {
    "kW": "kw", "kWh": "kwh", "degC": "degc", "W/m2": "wm2", "kvar": "kvar", "kvarh": "kvarh", "kVA": "kva", "m3": "m3",
    "m3/h": "m3h", "V": "v", "A": "a", "1": "ratio",
}  # fmt: skip
MAX_MARKS = 20
MOST_RATIO = 0.95
"""A comparison over less of the time than this says over how much."""


@dataclass(frozen=True, slots=True)
class ExploreRequest:
    """What an address asks for. step "" : one that fits; against "" : nothing; per "" : not divided."""

    kind: str
    key: str
    first: dt.date | None = None
    last: dt.date | None = None
    quantity: str = ""
    step: str = ""
    against: str = ""
    per: str = ""

    def path(self, base: str = "/explore", **changes: object) -> str:
        """Return the address of this request, or of one that differs from it; what is usual is left out."""
        changed = replace(self, **changes)  # type: ignore[arg-type]
        named = {"first": changed.first, "last": changed.last, "quantity": changed.quantity, "step": changed.step}
        named |= {"compare": changed.against, "per": changed.per}
        query = urlencode({name: str(value) for name, value in named.items() if value})
        return f"{base}/{changed.kind}/{quote(changed.key, safe='')}" + (f"?{query}" if query else "")


@dataclass(frozen=True, slots=True)
class Mark:
    """Something to know of an instant of the period: noted, found or done then, and where to read on."""

    at: pd.Timestamp
    number: int
    kind: str
    date: str
    text: str
    href: str


@dataclass(frozen=True, slots=True)
class ExploreView:
    """What is shown.

    asked : the request with what was chosen for it. why_not : why there is no comparison. ended : the last day of what
    is no more, within the period or before it.
    """

    asked: ExploreRequest
    look: Look
    series: SeenSeries
    comparison: Comparison | None
    why_not: str
    weather: SeenSeries | None
    closed: Sequence[dt.date]
    notes: Sequence[DayNote]
    marks: Sequence[Mark]
    marks_left: int
    ended: dt.date | None = None


def explored(visitor: Visitor, asked: ExploreRequest) -> ExploreView:
    """Return what a request asks to see.

    Raises StoreUnavailable, NotThere for what is not the visitor's, and InputError for what cannot be shown.
    """
    here = visitor.here
    site = here.opened.refreshed()
    subject = subject_of(site.portfolio, visitor.actor, asked.kind, asked.key, here.today)
    ended = last_day_of(site.portfolio, asked.key) if asked.kind in {"building", "meter"} else None
    last = asked.last or asked.first or (here.today if ended is None else min(ended, here.today))
    first = asked.first or last - dt.timedelta(days=DAYS_AT_FIRST - 1)
    period = checked_period(first, last)
    if asked.kind in {"building", "meter"}:
        site = site_then(site, asked.key, period)
        subject = as_then(site.portfolio, subject, period.last_day)
    subject = with_channels(site.ledger, subject)
    quantity, step = _quantity_and_step(subject, period, asked)
    if asked.against == "baseline" and not asked.step and subject.kind == "building":
        step = step_of_baseline(site, subject.buildings[0], step)
    look = Look(subject, quantity, period, step, asked.per)
    series = look_series(site, look)
    comparison, why_not = None, ""
    try:
        comparison = compared(site, visitor.actor, look, asked.against)
    except InputError as why:
        why_not = why.said(visitor.lang)
    notes = notes_on(visitor, look)
    return ExploreView(
        replace(asked, first=first, last=last),
        look,
        series,
        comparison,
        why_not,
        weather_beside(site, look),
        closed_days(site, look),
        notes,
        *marks_of(visitor, look, notes),
        ended if ended is not None and ended < period.last_day else None,
    )


def _quantity_and_step(subject: Subject, period: Period, asked: ExploreRequest) -> tuple[Quantity, SeenStep]:
    """Return what is shown, and in which step. A baseline is of gross use, and so that is shown."""
    wished = "use" if asked.against == "baseline" and subject.kind == "building" else asked.quantity
    if wished and wished not in QUANTITIES:
        raise InputError.of("explore_quantity", given=wished)
    quantity = wished if wished in subject.quantities else subject.quantities[0]
    step = asked.step if asked.step in SEEN_STEPS else None
    return quantity, step_for(subject, period, quantity, step)


def notes_of(view: ExploreView, words: Words) -> list[str]:
    """Return where something else is shown than was asked for, and why."""
    shown, asked = view.look.quantity, view.asked.quantity
    said = [view.why_not[0].upper() + view.why_not[1:]] if view.why_not else []
    if view.ended is not None:
        said.append(words("explore.ended", date=words.date(view.ended)))
    if view.asked.against == "baseline" and asked not in {"", shown}:
        said.append(words("explore.other_for_baseline"))
    elif asked not in {"", shown}:
        names = quantity_name(asked, words), quantity_name(shown, words)
        said.append(words("explore.other_quantity", asked=names[0], shown=names[1]))
    if view.asked.step not in {"", view.look.step}:
        said.append(words("explore.other_step", step=words(f"explore.step_{view.look.step}")))
    return said


def marks_of(visitor: Visitor, look: Look, notes: Sequence[DayNote]) -> tuple[list[Mark], int]:
    """Return what to know of a period: what persons noted, a building's findings on their first day, and its projects
    on the day on which they were done. The first in order of time, and how many more there are.
    """
    words, start = visitor.words, look.period.start
    noted = [
        (max(pd.Timestamp(note.first), start), "note", _mark_text(note, look, visitor), f"#note-{note.number}")
        for note in notes
    ]
    noted += [
        (pd.Timestamp(day, tz=BANGKOK), kind, text, href) for day, kind, text, href in _days_to_mark(visitor, look)
    ]
    inside = sorted(mark for mark in noted if start <= mark[0] < look.period.end)
    marks = [
        Mark(at, number, kind, words.day_year(at.date()), text, href)
        for number, (at, kind, text, href) in enumerate(inside[:MAX_MARKS], 1)
    ]
    return marks, len(inside) - len(marks)


def _days_to_mark(visitor: Visitor, look: Look) -> list[tuple[dt.date, str, str, str]]:
    building, here, words = look.subject.building, visitor.here, visitor.words
    if building is None or look.subject.kind != "building" or building.id not in here.portfolio.buildings:
        return []
    marked: list[tuple[dt.date, str, str, str]] = []
    for finding in findings_shown(here, building, findings_of(here, building)):
        name, what, _, _ = finding_texts(finding, words)
        marked.append((finding.since, finding.severity, f"{name}: {what}", f"/buildings/{building.id}#findings"))
    for project in here.site.projects:
        if project.building == building.id and project.done_on is not None:
            name = words.either(th=project.name_th, en=project.name_en)
            marked.append((project.done_on, "project", words("explore.mark_project", name=name), "/plan"))
    return marked


def notes_on(visitor: Visitor, look: Look) -> list[DayNote]:
    """Return the notes that touch the period, of what is looked at: a building's with its agency's, or an agency's with
    those of its buildings; none of the whole city. Raises StoreUnavailable.
    """
    subject = look.subject
    if subject.kind == "city":
        return []
    buildings = None if subject.kind == "agency" else [building.id for building in subject.buildings]
    return notes_seen(visitor.here.opened.state, subject.agency, buildings, look.period)


def _mark_text(note: DayNote, look: Look, visitor: Visitor) -> str:
    """Return what a note says, with its building where an agency is looked at."""
    building = visitor.here.portfolio.buildings.get(note.building)
    if look.subject.building is not None or building is None:
        return note.text
    return f"{visitor.words.either(th=building.name_th, en=building.name_en)}: {note.text}"


def note_text(note: DayNote, visitor: Visitor) -> str:
    """Return a note in a line: when, of which building, what, and whose it is."""
    words, building = visitor.words, visitor.here.portfolio.buildings.get(note.building)
    of = "" if building is None else words.either(th=building.name_th, en=building.name_en)
    of = of or note.building or words("explore.whole_agency")
    return f"{of} · {note_time(note, words)}: {note.text} ({note.by})"


def unit_of(look: Look, words: Words) -> str:
    """Return the unit of what is shown."""
    unit = words(f"explore.unit_{UNIT_KEYS[shown_unit(look.step, look.quantity)]}")
    return f"{unit}/{per_name(look.divisor, words)}" if look.divisor else unit


def quantity_name(quantity: str, words: Words) -> str:
    """Return the name of a quantity."""
    if quantity in MORE_QUANTITIES:
        name = words(f"channel.{quantity}")
        return name[:1].upper() + name[1:]
    return words(f"explore.quantity_{quantity}")


def per_name(divisor: str, words: Words) -> str:
    """Return what energy is divided by, in words."""
    return words.name("explore", f"per_{divisor}").removeprefix("per_")


def subject_name(subject: Subject, words: Words) -> str:
    """Return the name of what is looked at; a meter's with its building's."""
    if subject.kind == "city":
        return words("explore.city")
    name = words.either(th=subject.name_th, en=subject.name_en)
    if subject.kind == "meter" and subject.building is not None:
        building = subject.building
        return f"{words.either(th=building.name_th, en=building.name_en)} · {name}"
    return name


def comparison_name(comparison: Comparison, words: Words) -> str:
    """Return what a series is compared with, in words."""
    if comparison.period is not None:
        return period_text(comparison.period, words)
    if comparison.kind == "building" and comparison.building is not None:
        return words.either(th=comparison.building.name_th, en=comparison.building.name_en)
    if comparison.kind == "type" and comparison.building is not None:
        kind = words(f"building_type.{comparison.building.type}")
        return words("explore.line_type", type=kind, count=comparison.count)
    return words("explore.line_phases" if comparison.kind == "phases" else "explore.line_baseline")


def sentences(view: ExploreView, words: Words) -> list[str]:
    """Return what is to be read off the picture, in words."""
    look, series, unit = view.look, view.series, unit_of(view.look, words)
    said = [_total(view, words)] if not is_mean(look.quantity) else []
    complete = np.flatnonzero(series.is_complete)
    if len(complete):
        values = series.values[complete]
        digits = digits_of(values)
        if is_mean(look.quantity):
            said.append(words("explore.mean", value=words.number(float(values.mean()), max(digits, 1)), unit=unit))
        top = int(complete[values.argmax()])
        at = step_text(series.starts[top], look.step, words)
        highest = words.number(float(series.values[top]), digits)
        said.append(words("explore.highest", value=highest, unit=unit, at=at))
    if view.comparison is not None:
        said.append(_change(view.comparison, series, words))
    return said


def _total(view: ExploreView, words: Words) -> str:
    series, look = view.series, view.look
    total = series.total_kwh
    if total is None:
        return words("explore.total_none")
    unit = unit_of(replace(look, step="day"), words)
    energy = words.number(total, 2 if look.divisor else 0 if CHANNEL_OF[look.quantity].unit == "kWh" else 1)
    known = series.total_known_ratio
    if known < 1:
        share = words.percent(min(known, 0.999), 1)
        return words("explore.total_known", energy=energy, unit=unit, share=share)
    return words("explore.total", energy=energy, unit=unit)


def _change(comparison: Comparison, series: SeenSeries, words: Words) -> str:
    ratio, name = comparison.change_ratio(series), comparison_name(comparison, words)
    if ratio is None:
        return words("explore.change_none")
    text = words.percent(abs(ratio), 1)
    is_same = text == words.percent(0.0, 1)
    key = "change_same" if is_same else "change_more" if ratio > 0 else "change_less"
    said = words(f"explore.{key}", name=name, **({} if is_same else {"ratio": text}))
    shared = comparison.shared_ratio(series)
    if shared >= MOST_RATIO:
        return said
    return f"{said} ({words('explore.change_part', share=words.percent(max(shared, 0.01)))})"


def digits_of(values: FloatArray) -> int:
    """Return how many decimals values of this size need."""
    known = np.abs(values[np.isfinite(values)])
    most = float(known.max()) if len(known) else 0.0
    return 0 if most >= 100 else 1 if most >= 10 else 2 if most >= 0.1 else 4  # noqa: PLR2004 - sizes
