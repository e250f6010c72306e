"""Series of what is looked at, from the energy ledger: what each step holds, and how it is known.

The energy of a period is the sum of what the ledger accepted, as in every report. A step that is not known wholly is
never shown as one that is: it is marked, and the power of a running hour is that of its quarter-hours that are known.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from bkkenergy.calendar import Period, edges
from bkkenergy.metering.quarters import WHOLE
from bkkenergy.ports.ledger import IMPORT, QUARTERS_PER_DAY, DayTotals, LedgerReader, Slots
from bkkenergy.readings import BoolArray, FloatArray, IntArray, Quality, QualityArray
from bkkenergy.site import Site
from bkkenergy.usecases.energy import POOREST_LAST, is_whole
from bkkenergy.usecases.explore import CHANNEL_OF, STEP_HOURS, Quantity, SeenStep, Subject, is_mean, is_rate
from bkkenergy.usecases.flows import FlowSeries
from bkkenergy.usecases.gross import gross_quarters, needs_balance

RANK: QualityArray = np.zeros(max(Quality) + 1, np.uint8)
RANK[list(POOREST_LAST)] = np.arange(len(POOREST_LAST))
BY_RANK: QualityArray = np.array(POOREST_LAST, np.uint8)
RANK_OF_MISSING = int(RANK[Quality.MISSING])
TableT = TypeVar("TableT", Slots, DayTotals)


@dataclass(frozen=True, slots=True)
class SeenSeries:
    """A series as it is shown, (n,) each.

    starts : Bangkok's time. values : mean power [kW], energy [kWh] or a mean [degC, W/m2, V] of each step, in the unit
    that `shown_unit` names; NaN where nothing can be said. quality : the poorest Quality of a step. known_ratio : share
    of it that is known wholly.
    has_begun : steps of which something can have been measured.
    energy_kwh : the accepted energy (kvarh, m3) of each step, NaN where nothing is known; of means all NaN.
    waiting : days that are still to be computed again.
    """

    starts: pd.DatetimeIndex
    values: FloatArray
    quality: QualityArray
    known_ratio: FloatArray
    has_begun: BoolArray
    energy_kwh: FloatArray
    waiting: tuple[dt.date, ...] = ()

    @property
    def is_complete(self) -> BoolArray:
        """Whether each step is known wholly."""
        complete: BoolArray = np.isin(self.quality, WHOLE) & np.isfinite(self.values)
        return complete

    @property
    def total_kwh(self) -> float | None:
        """The accepted energy of all steps; None where nothing of it is known."""
        return float(np.nansum(self.energy_kwh)) if np.isfinite(self.energy_kwh).any() else None

    @property
    def total_known_ratio(self) -> float:
        """Share of the time up to now that is known wholly, 0..1."""
        return float(self.known_ratio[self.has_begun].mean()) if self.has_begun.any() else 0.0

    def repeated(self, times: int, starts: pd.DatetimeIndex) -> SeenSeries:
        """Return the series in shorter steps, each value that many times."""
        quality, has_begun = np.repeat(self.quality, times), np.repeat(self.has_begun, times)
        values, known_ratio, energy_kwh = (
            np.repeat(each, times) for each in (self.values, self.known_ratio, self.energy_kwh)
        )
        return SeenSeries(starts, values, quality, known_ratio, has_begun, energy_kwh, self.waiting)

    def divided_by(self, divisor: float) -> SeenSeries:
        """Return the series for each m2, pupil or whatever it is divided by."""
        return SeenSeries(
            self.starts, self.values / divisor, self.quality, self.known_ratio, self.has_begun,
            self.energy_kwh / divisor, self.waiting,
        )  # fmt: skip


def seen_series(site: Site, subject: Subject, quantity: Quantity, period: Period, step: SeenStep) -> SeenSeries:
    """Return a quantity of what is looked at, over whole days. Raises StoreUnavailable.

    Raises InputError with the reason where a building's gross use cannot be known.
    """
    if is_mean(quantity):
        return _means(site, subject, quantity, period, step)
    if quantity == "use":
        (building,) = subject.buildings
        if building.id in needs_balance(site.energy, site.portfolio, [building], period):
            gross = gross_quarters(site.energy, site.portfolio, site.projects, building, period)
            waiting = _waiting(site.energy, [meter.id for meter in building.meters], period)
            return _of_flow(gross, period, step, _now(site), waiting)
    meters = list(dict.fromkeys(meter.id for meter in subject.meters_of(quantity)))
    days = period.first_day, period.last_day
    if is_rate(step, quantity):
        return _of_slots(site.energy.slots(meters, CHANNEL_OF[quantity], *days), period, step, _now(site))
    return _of_totals(site.energy.totals(meters, CHANNEL_OF[quantity], *days), period, step, _now(site))


def import_of_each(site: Site, subjects: Sequence[Subject], period: Period, step: SeenStep) -> Iterator[SeenSeries]:
    """Yield what the grid gave each of some subjects, read together. Raises StoreUnavailable."""
    meters = [list(dict.fromkeys(meter.id for meter in subject.meters_of("import"))) for subject in subjects]
    names = list(dict.fromkeys(name for each in meters for name in each))
    column = {name: number for number, name in enumerate(names)}
    days = period.first_day, period.last_day
    if is_rate(step, "import"):
        slots = site.energy.slots(names, IMPORT, *days)
        for each in meters:
            yield _of_slots(_columns(slots, [column[name] for name in each]), period, step, _now(site))
        return
    totals = site.energy.totals(names, IMPORT, *days)
    for each in meters:
        yield _of_totals(_columns(totals, [column[name] for name in each]), period, step, _now(site))


def _columns(table: TableT, numbers: list[int]) -> TableT:
    """Return some meters of what was read of many."""
    arrays = {field.name: getattr(table, field.name) for field in fields(table)}
    chosen: dict[str, Any] = {
        name: array[:, numbers] for name, array in arrays.items() if isinstance(array, np.ndarray)
    }
    return replace(table, meters=tuple(table.meters[number] for number in numbers), **chosen)


def _now(site: Site) -> pd.Timestamp:
    return pd.Timestamp(site.clock())


def _waiting(ledger: LedgerReader, meters: list[str], period: Period) -> tuple[dt.date, ...]:
    days = {day for marked in ledger.waiting(meters).values() for day in marked}
    return tuple(sorted(day for day in days if period.first_day <= day <= period.last_day))


def _of_slots(slots: Slots, period: Period, step: SeenStep, now: pd.Timestamp) -> SeenSeries:
    """Add quarter-hours of meters up to quarter-hours or hours."""
    meters, count = slots.meters, round(STEP_HOURS[step] * 4)
    whole = is_whole(slots)
    grid = (-1, count, len(meters))
    known_count = whole.reshape(grid).sum(axis=1)
    known_kwh = np.where(whole, slots.values, 0.0).reshape(grid).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        power_kw = np.where(known_count > 0, known_kwh * 4 / known_count, np.nan).sum(axis=1)
    accepted = slots.values.reshape(grid)
    is_any = np.isfinite(accepted).any(axis=(1, 2))
    rank = RANK[slots.quality].reshape(grid).max(axis=(1, 2), initial=0 if meters else RANK_OF_MISSING)
    days = np.flatnonzero(slots.is_waiting.any(axis=1)).tolist()
    return _seen(
        edges(period, step),
        power_kw if meters else np.full(len(power_kw), np.nan),
        rank,
        known_count.sum(axis=1) / max(count * len(meters), 1),
        np.where(is_any, np.nansum(accepted, axis=(1, 2)), np.nan),
        now,
        tuple(period.first_day + dt.timedelta(days=day) for day in days),
    )


def _of_totals(totals: DayTotals, period: Period, step: SeenStep, now: pd.Timestamp) -> SeenSeries:
    """Add days of meters up to days or months."""
    whole = totals.measured + totals.estimated + totals.edited
    slots = totals.channel.slots_per_day
    has_energy: BoolArray = np.logical_or.reduce(np.isfinite(totals.total), axis=1)
    day_kwh: FloatArray = np.where(has_energy, np.nansum(totals.total, axis=1), np.nan)
    ratio = whole.mean(axis=1) / slots if len(totals.meters) else np.zeros(len(day_kwh))
    rank = _day_rank(totals, whole).max(axis=1, initial=0 if totals.meters else RANK_OF_MISSING)
    at = edges(period, step)
    bounds = edges(period, "day").searchsorted(at)[:-1]
    count = np.add.reduceat(np.isfinite(day_kwh).astype(np.int64), bounds)
    total = np.where(count > 0, np.add.reduceat(np.nan_to_num(day_kwh), bounds), np.nan)
    days = np.diff(np.append(bounds, len(day_kwh)))
    waiting = np.flatnonzero(totals.is_waiting.any(axis=1)).tolist()
    return _seen(
        at,
        total,
        np.maximum.reduceat(rank, bounds),
        np.add.reduceat(ratio, bounds) / days,
        total,
        now,
        tuple(period.first_day + dt.timedelta(days=day) for day in waiting),
    )


def _day_rank(totals: DayTotals, whole: IntArray) -> QualityArray:
    """Return (days, m) the rank of each day's poorest slot."""
    rank = np.where(totals.edited > 0, RANK[Quality.EDITED], RANK[Quality.MEASURED])
    rank = np.where(totals.estimated > 0, RANK[Quality.ESTIMATED], rank)
    rank = np.where(totals.incomplete > 0, RANK[Quality.INCOMPLETE], rank)
    is_missing = whole + totals.incomplete < totals.channel.slots_per_day
    return np.where(is_missing, RANK_OF_MISSING, rank).astype(np.uint8)


def _of_flow(
    flow: FlowSeries, period: Period, step: SeenStep, now: pd.Timestamp, waiting: tuple[dt.date, ...]
) -> SeenSeries:
    """Add quarter-hours that were made of several meters up to steps."""
    quarters, at = edges(period, "15min")[:-1], edges(period, step)
    bounds = quarters.searchsorted(at)[:-1]
    count = np.diff(np.append(bounds, len(quarters)))
    known_count = np.add.reduceat(flow.is_known.astype(np.int64), bounds)
    is_any = np.add.reduceat(np.isfinite(flow.kwh).astype(np.int64), bounds) > 0
    energy_kwh = np.where(is_any, np.add.reduceat(np.nan_to_num(flow.kwh), bounds), np.nan)
    values = energy_kwh
    if step in STEP_HOURS:
        known_kwh = np.add.reduceat(np.where(flow.is_known, flow.kwh, 0.0), bounds)
        with np.errstate(invalid="ignore", divide="ignore"):
            values = np.where(known_count > 0, known_kwh * 4 / known_count, np.nan)
    quarter_rank = np.where(flow.is_firm, RANK[Quality.MEASURED], RANK[Quality.ESTIMATED])
    quarter_rank = np.where(flow.is_known, quarter_rank, RANK_OF_MISSING)
    return _seen(at, values, np.maximum.reduceat(quarter_rank, bounds), known_count / count, energy_kwh, now, waiting)


def _means(site: Site, subject: Subject, quantity: Quantity, period: Period, step: SeenStep) -> SeenSeries:
    """Return means of a meter or a weather station."""
    channel = CHANNEL_OF[quantity]
    slots = site.energy.slots([subject.meters[0].id], channel, period.first_day, period.last_day)
    values, rank = slots.values[:, 0], RANK[slots.quality[:, 0]]
    known = is_whole(slots)[:, 0] & np.isfinite(values)
    at = edges(period, step)
    own_step: SeenStep = "15min" if channel.slots_per_day == QUARTERS_PER_DAY else "60min"
    bounds = edges(period, own_step).searchsorted(at)[:-1]
    slots_count = np.diff(np.append(bounds, len(values)))
    count = np.add.reduceat(known.astype(np.int64), bounds)
    with np.errstate(invalid="ignore", divide="ignore"):
        means = np.where(count > 0, np.add.reduceat(np.where(known, values, 0.0), bounds) / count, np.nan)
    rank = np.maximum.reduceat(np.where(known, rank, np.maximum(rank, RANK[Quality.INCOMPLETE])), bounds)
    nothing = np.full(len(means), np.nan)
    days = np.flatnonzero(slots.is_waiting.any(axis=1)).tolist()
    waiting = tuple(period.first_day + dt.timedelta(days=day) for day in days)
    return _seen(at, means, rank, count / slots_count, nothing, _now(site), waiting)


def _seen(
    at: pd.DatetimeIndex,
    values: FloatArray,
    rank: np.ndarray,
    known_ratio: FloatArray,
    energy_kwh: FloatArray,
    now: pd.Timestamp,
    waiting: tuple[dt.date, ...],
) -> SeenSeries:
    """Put a series together. A step that has not ended is incomplete, not missing."""
    quality = BY_RANK[rank.astype(np.int64)]
    has_begun = np.asarray(at[:-1] <= now)
    is_running = has_begun & np.asarray(at[1:] > now)
    quality = np.where(is_running & (quality == Quality.MISSING), Quality.INCOMPLETE, quality).astype(np.uint8)
    starts = at[:-1]
    return SeenSeries(starts, values, quality, known_ratio, has_begun, energy_kwh, waiting)
