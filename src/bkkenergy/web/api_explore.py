"""The JSON API of the explorer: what its picture shows, column by column."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import Response

from bkkenergy.calendar import epoch_us
from bkkenergy.readings import US_PER_S, Quality
from bkkenergy.usecases.energy import listed_values
from bkkenergy.usecases.explore import CHANNEL_OF, FROM_ANYWHERE, Quantity, SeenStep, SubjectKind, is_mean
from bkkenergy.usecases.explore_compare import ComparisonKind
from bkkenergy.usecases.explore_series import SeenSeries
from bkkenergy.web.api import tagged
from bkkenergy.web.api_rows import Row
from bkkenergy.web.explore import ExploreRequest, ExploreView, comparison_name, explored, unit_of
from bkkenergy.web.problems import PROBLEMS
from bkkenergy.web.security import ApiVisitor, Visitor

router = APIRouter(prefix="/api/v1", tags=["v1"], responses=PROBLEMS)
RESPONSES: dict[int | str, dict[str, Any]] = {
    304: {"description": "Nothing has changed since the ETag that was sent"},
}
DIGITS = 4
NOT_BEGUN = -1
"""In the place of the quality of a step that has not begun."""
SeenQuality = Literal["measured", "edited", "estimated", "incomplete", "missing"]
Short = Annotated[str, Query(max_length=120)]


class ComparedRow(Row):
    """What a series is compared with, (n,) each in its unit; null where there is nothing to compare.

    name : in the language that was asked for. first, last : of an earlier period. low, high : null without an interval.
    """

    kind: ComparisonKind
    name: str
    first: dt.date | None
    last: dt.date | None
    values: list[float | None]
    low: list[float | None] | None
    high: list[float | None] | None


class BesideRow(Row):
    """Weather over the same steps."""

    quantity: Literal["temperature", "irradiance"]
    values: list[float | None]


class QualityRow(Row):
    """Steps one after the other that are known alike: those from `begin` up to, not including, `end`."""

    quality: SeenQuality | None
    begin: int
    end: int


class NoteRow(Row):
    """Something to be noted of an instant. at_s : seconds since 1970 UTC."""

    at_s: int
    text: str
    href: str


class ExploreRow(Row):
    """A quantity of a subject over some days.

    step : that asked for, or a coarser one where the period is too long for it. starts_s : where each step begins,
    seconds since 1970 UTC. end_s : where the last one ends. step_s : how long each is, null of months.
    values : of steps up to an hour mean power (kW, kvar, m3/h), of days and months energy (kWh, kvarh, m3), means of
    all else; a step that is not known wholly has the value of the known part. is_mean : whether steps of any length are
    means.
    from_zero : whether its picture begins at zero. quality : the poorest of each step; null where it has not begun.
    quality_runs : the same by runs. total_kwh : the accepted energy, as in reports.
    total : the same of any quantity that adds up, in total_unit ("" of means).
    why_not_compared : why there is no comparison, "" where there is one or none was asked for.
    notes_left : how many notes of these days are not among `notes`.
    """

    kind: SubjectKind
    key: str
    quantity: Quantity
    first: dt.date
    last: dt.date
    step: SeenStep
    unit: str
    is_mean: bool
    from_zero: bool
    first_s: int
    step_s: int | None
    starts_s: list[int]
    end_s: int
    values: list[float | None]
    quality: list[SeenQuality | None]
    quality_runs: list[QualityRow]
    known_ratio: list[float]
    total_kwh: float | None
    total: float | None
    total_unit: str
    compared: ComparedRow | None
    why_not_compared: str
    weather: BesideRow | None
    closed_days: list[dt.date]
    notes: list[NoteRow]
    notes_left: int
    waiting_days: list[dt.date]


@router.get("/explore/{kind}/{key:path}", response_model=ExploreRow, responses=RESPONSES)
def explore(
    request: Request,
    kind: SubjectKind,
    key: str,
    visitor: ApiVisitor,
    first: dt.date | None = None,
    last: dt.date | None = None,
    quantity: Quantity | None = None,
    step: SeenStep | None = None,
    compare: Short = "",
    per: Short = "",
    compact: bool = False,
) -> Response:
    """Return a building, meter, agency, PV plant or the city over some days, the last seven where none are given.

    quantity : of a meter also each channel that it has, such as water, room_temp or reactive.
    compare : before, week, weeks4, month, weeks52, year, baseline, type, building:ID or phases. per : m2, or what the
    portfolio counts of what a building serves. A baseline is of gross use, whatever the quantity.
    compact : quality, known_ratio and, where step_s says as much, starts_s are empty: a third of the size.
    """
    asked = ExploreRequest(kind, key, first, last, quantity or "", step or "", compare, per)
    seen = explored(visitor, asked)
    if quantity is not None and quantity != seen.look.quantity and compare != "baseline":
        raise HTTPException(
            422, f"{quantity} is not shown of {key}. Ask for one of: {', '.join(seen.look.subject.quantities)}"
        )
    return tagged(request, msgspec.json.encode(record_of(seen, visitor, is_compact=compact)))


def record_of(seen: ExploreView, visitor: Visitor, *, is_compact: bool) -> dict[str, Any]:
    """Return a view as the API sends it. is_compact : without the columns that its runs and its step say as well."""
    look, series, words = seen.look, seen.series, visitor.words
    starts_s, end_s = epoch_us(series.starts) // US_PER_S, int(look.period.end.timestamp())
    lengths_s = np.unique(np.diff(starts_s, append=end_s))
    step_s, runs = int(lengths_s[0]) if len(lengths_s) == 1 else None, quality_runs(series)
    return {
        "kind": look.subject.kind,
        "key": look.subject.key,
        "quantity": look.quantity,
        "first": look.period.first_day,
        "last": look.period.last_day,
        "step": look.step,
        "unit": unit_of(look, words),
        "is_mean": is_mean(look.quantity),
        "from_zero": look.quantity not in FROM_ANYWHERE,
        "first_s": int(starts_s[0]),
        "step_s": step_s,
        "starts_s": [] if is_compact and step_s else starts_s.tolist(),
        "end_s": end_s,
        "values": listed_values(series.values, DIGITS),
        "quality": [] if is_compact else [run["quality"] for run in runs for _ in range(run["begin"], run["end"])],
        "quality_runs": runs,
        "known_ratio": [] if is_compact else np.round(series.known_ratio, DIGITS).tolist(),
        "total_kwh": series.total_kwh if CHANNEL_OF[look.quantity].unit == "kWh" else None,
        "total": None if is_mean(look.quantity) else series.total_kwh,
        "total_unit": "" if is_mean(look.quantity) else CHANNEL_OF[look.quantity].unit,
        "compared": _compared(seen, visitor),
        "why_not_compared": seen.why_not,
        "weather": None
        if seen.weather is None
        else {
            "quantity": "irradiance" if look.quantity == "production" else "temperature",
            "values": listed_values(seen.weather.values, DIGITS),
        },
        "closed_days": seen.closed,
        "notes_left": seen.marks_left,
        "notes": [{"at_s": int(mark.at.timestamp()), "text": mark.text, "href": mark.href} for mark in seen.marks],
        "waiting_days": series.waiting,
    }


def quality_runs(series: SeenSeries) -> list[dict[str, Any]]:
    """Return how the steps are known, those that are known alike and follow one another as one run."""
    codes = np.where(series.has_begun, series.quality.astype(np.int64), NOT_BEGUN)
    begins = np.flatnonzero(np.diff(codes, prepend=NOT_BEGUN - 1))
    return [
        {"quality": _quality_name(codes[begin]), "begin": begin, "end": end}
        for begin, end in pairwise([*begins.tolist(), len(codes)])
    ]


def _quality_name(code: int) -> str | None:
    return None if code == NOT_BEGUN else Quality(code).name.lower()


def _compared(seen: ExploreView, visitor: Visitor) -> dict[str, Any] | None:
    other = seen.comparison
    if other is None:
        return None
    has_interval = bool(np.isfinite(other.low).any())
    return {
        "kind": other.kind,
        "name": comparison_name(other, visitor.words),
        "first": None if other.period is None else other.period.first_day,
        "last": None if other.period is None else other.period.last_day,
        "values": listed_values(other.values, DIGITS),
        "low": listed_values(other.low, DIGITS) if has_interval else None,
        "high": listed_values(other.high, DIGITS) if has_interval else None,
    }
