"""What a series is compared with: an earlier period, the baseline, another building, buildings of the same type."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from bkkenergy.access import Actor
from bkkenergy.adapters.state.baselines import latest_baseline
from bkkenergy.calendar import Period, edges
from bkkenergy.errors import InputError
from bkkenergy.portfolio import Building
from bkkenergy.ports.ledger import QUARTERS_PER_DAY
from bkkenergy.readings import FloatArray
from bkkenergy.savings.baseline import Baseline, Series, expected_of, series_of
from bkkenergy.savings.hourly import HourlyModel, predict_hourly
from bkkenergy.site import Site
from bkkenergy.texts import Named
from bkkenergy.usecases.energy import air_temperature_c, station_of
from bkkenergy.usecases.explore import (
    MAX_SLOTS,
    PHASES_OF,
    STEP_HOURS,
    Quantity,
    SeenStep,
    Subject,
    building_subject,
    meter_subject,
    subject_of,
)
from bkkenergy.usecases.explore_periods import EARLIER, earlier_by
from bkkenergy.usecases.explore_series import SeenSeries, import_of_each, seen_series

MAX_CLOSED_DAYS = 400
"""Of longer periods single days are not to be seen."""
MIN_PEERS = 3
"""Fewer buildings have no median that is worth the name."""
Z_90 = 1.6449
"""Half of a 90 % interval, in standard deviations of a normal distribution."""


ComparisonKind = Literal["earlier", "baseline", "building", "type", "phases"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """A second line in a picture, (n,) each, in the unit of the first.

    values : NaN where it has nothing to compare. low, high : an interval around it, NaN without one.
    period : of an earlier period. building : another building. count : of the buildings in a median.
    baseline : whose expectation it is.
    """

    kind: ComparisonKind
    values: FloatArray
    low: FloatArray
    high: FloatArray
    period: Period | None = None
    building: Building | None = None
    count: int = 0
    baseline: Baseline | None = None

    @classmethod
    def plain(cls, kind: ComparisonKind, values: FloatArray, **more: Any) -> Comparison:
        """Return a line without an interval."""
        nothing = np.full(len(values), np.nan)
        return cls(kind, values, nothing, nothing, **more)

    def shared_ratio(self, series: SeenSeries) -> float:
        """Return the share of the time up to now that both know wholly, 0..1."""
        both = series.is_complete & np.isfinite(self.values)
        return float(both.sum() / max(series.has_begun.sum(), 1))

    def change_ratio(self, series: SeenSeries) -> float | None:
        """Return the series against this, over the steps that both know wholly; None where there are none."""
        both = series.is_complete & np.isfinite(self.values)
        compared = float(self.values[both].sum())
        return float(series.values[both].sum()) / compared - 1 if both.any() and compared > 0 else None


@dataclass(frozen=True, slots=True)
class Look:
    """What is asked for: a quantity of a subject over a period, divided by something (m2, students; "" for nothing)."""

    subject: Subject
    quantity: Quantity
    period: Period
    step: SeenStep
    divisor: str = ""


def look_series(site: Site, look: Look) -> SeenSeries:
    """Return the series that is looked at. Raises StoreUnavailable, and InputError where it cannot be known."""
    series = seen_series(site, look.subject, look.quantity, look.period, look.step)
    divisor = divisor_of(look.subject, look.divisor)
    if divisor is None:
        raise InputError.of("explore_divisor", name=look.divisor)
    return series.divided_by(divisor) if look.divisor else series


def compared(site: Site, actor: Actor, look: Look, against: str) -> Comparison | None:
    """Return what a look is compared with; None for "".

    against : before, week, month, year, baseline, type, phases, or building:ID.

    Raises StoreUnavailable, NotThere for a building that is not the actor's, and InputError where it cannot be.
    """
    kind, _, key = against.partition(":")
    building = look.subject.building if look.subject.kind == "building" else None
    steps = len(edges(look.period, look.step)) - 1
    if not kind:
        return None
    if kind in EARLIER and not key:
        period = earlier_by(look.period, kind)
        earlier = look_series(site, replace(look, period=period))
        return Comparison.plain("earlier", laid_over(earlier, steps), period=period)
    if kind == "building" and look.subject.kind == "building":
        other = subject_of(site.portfolio, actor, kind, key, site.today)
        values = laid_over(look_series(site, replace(look, subject=other)), steps)
        return Comparison.plain("building", values, building=other.building)
    if kind == "phases" and not key and look.quantity in PHASES_OF:
        return phases_line(site, look)
    if kind == "baseline" and building is not None and look.quantity == "use":
        divisor = divisor_of(look.subject, look.divisor) or 1.0
        line = baseline_line(site, building, look.period, look.step)
        low, expected, high = (values / divisor for values in (line.low, line.expected, line.high))
        return Comparison("baseline", expected, low, high, baseline=line.baseline)
    if kind == "type" and building is not None:
        peers = peers_of(site, actor, building)
        scale = 1.0 if look.divisor else building.gross_floor_area_m2
        median = peer_line(site, peers, look.quantity, look.period, look.step, look.divisor or "m2")
        return Comparison.plain("type", median.values * scale, building=building, count=median.count)
    raise InputError.of("explore_against", given=against)


def phases_line(site: Site, look: Look) -> Comparison:
    """Return the mean of the three phases, between the lowest and the highest of them. Raises StoreUnavailable."""
    phases = [look_series(site, replace(look, quantity=quantity)) for quantity in PHASES_OF[look.quantity]]
    each = np.stack([np.where(one.is_complete, one.values, np.nan) for one in phases])
    return Comparison("phases", each.mean(axis=0), each.min(axis=0), each.max(axis=0))


@dataclass(frozen=True, slots=True)
class BaselineLine:
    """What the baseline expects, (n,) each, in the unit of the series; the interval is NaN where there is none.

    low, high : where a day of nine in ten would be, by the error over months that the model had not seen.
    """

    baseline: Baseline
    expected: FloatArray
    low: FloatArray
    high: FloatArray


@dataclass(frozen=True, slots=True)
class PeerLine:
    """The median of buildings of the same type, (n,), and how many there are."""

    values: FloatArray
    count: int


def laid_over(earlier: SeenSeries, steps: int) -> FloatArray:
    """Return (n,) an earlier series' values under the steps of another, the first under the first; NaN where it ends.

    Steps that are not known wholly are left out: they compare with nothing.
    """
    values = np.where(earlier.is_complete, earlier.values, np.nan)[:steps]
    return np.append(values, np.full(steps - len(values), np.nan))


def baseline_line(site: Site, building: Building, period: Period, step: SeenStep) -> BaselineLine:
    """Return what a building's baseline expects of its gross use.

    Raises StoreUnavailable, and InputError where there is no baseline, or one that says nothing of hours.
    """
    baseline = latest_baseline(site.state, building.id)
    if baseline is None:
        raise InputError.of("no_baseline", building=Named(building.id, building.name_th))
    if step in STEP_HOURS and not isinstance(baseline.model, HourlyModel):
        raise InputError.of("explore_daily_baseline")
    hours = _hours(site, building, period, needs_air="calendar" not in baseline.form)
    nothing = np.full(len(edges(period, step)) - 1, np.nan)
    if step in STEP_HOURS:
        hourly_kw = _expected_hours(baseline, hours)
        return BaselineLine(baseline, np.repeat(hourly_kw, round(1 / STEP_HOURS[step])), nothing, nothing)
    days_kwh = expected_of(baseline, hours).energy_kwh
    if step == "month":
        bounds = edges(period, "day").searchsorted(edges(period, "month"))[:-1]
        return BaselineLine(baseline, np.add.reduceat(days_kwh, bounds), nothing, nothing)
    half_kwh = Z_90 * baseline.held_out.cvrmse * _mean_day_kwh(site, building, baseline)
    return BaselineLine(baseline, days_kwh, np.maximum(days_kwh - half_kwh, 0.0), days_kwh + half_kwh)


def step_of_baseline(site: Site, building: Building, step: SeenStep) -> SeenStep:
    """Return the step in which a building's baseline can be compared: days, where it says nothing of hours."""
    try:
        baseline = latest_baseline(site.state, building.id)
    except InputError:  # what is wrong with it is said by the comparison
        return step
    is_hourly = baseline is None or isinstance(baseline.model, HourlyModel)
    return step if is_hourly or step not in STEP_HOURS else "day"


def _hours(site: Site, building: Building, period: Period, *, needs_air: bool) -> Series:
    starts = edges(period, "60min")[:-1]
    temp_c = air_temperature_c(site.energy, site.portfolio, building, period) if needs_air else None
    return series_of(starts, np.zeros(len(starts)), temp_c, site.portfolio.days_open(building))


def _expected_hours(baseline: Baseline, hours: Series) -> FloatArray:
    """Return (n,) what an hourly baseline expects of each hour, by the calendar alone where the weather is missing."""
    expected_kw = np.full(len(hours.starts), np.nan)
    has_weather = hours.temp_c is not None or baseline.form.endswith("calendar")
    models = [baseline.model if has_weather else None, baseline.calendar]
    for model in models:
        if isinstance(model, HourlyModel):
            temp_c = hours.temp_c if len(model.slopes) else None
            hours_kw = predict_hourly(model, temp_c, hours.hour_slot)
            expected_kw = np.where(np.isnan(expected_kw), hours_kw, expected_kw)
    return expected_kw


def _mean_day_kwh(site: Site, building: Building, baseline: Baseline) -> float:
    """Return the mean day of a baseline's own period: what its error is a share of."""
    period = Period.days(baseline.first, baseline.last)
    hours = _hours(site, building, period, needs_air="calendar" not in baseline.form)
    return float(np.nanmean(expected_of(baseline, hours).energy_kwh))


def peers_of(site: Site, actor: Actor, building: Building) -> list[Building]:
    """Return the other buildings of the same type that an actor may see, and that are metered."""
    return [
        other
        for other in site.portfolio.buildings.values()
        if other.type == building.type
        and other.id != building.id
        and other.main_meters
        and actor.may("see", other.agency)
    ]


def peer_line(
    site: Site, peers: Sequence[Building], quantity: Quantity, period: Period, step: SeenStep, divisor: str
) -> PeerLine:
    """Return the median of buildings for each of what they are divided by, such as m2.

    Raises StoreUnavailable, and InputError where too few have data, or too many have to be added up.
    """
    divided = [(peer, divisor_of(building_subject(peer), divisor)) for peer in peers]
    usable = [(peer, count) for peer, count in divided if count]
    meters = sum(len(peer.main_meters) for peer, _ in usable)
    if step in STEP_HOURS and meters * len(period.dates) * QUARTERS_PER_DAY > MAX_SLOTS:
        raise InputError.of("explore_many_peers")
    rows = []
    subjects = [building_subject(peer) for peer, _ in usable]
    each = (
        import_of_each(site, subjects, period, step)
        if quantity == "import"
        else (seen_series(site, subject, quantity, period, step) for subject in subjects)
    )
    for series, (_, count) in zip(each, usable, strict=True):
        values = np.where(series.is_complete, series.values / count, np.nan)
        if np.isfinite(values).any():
            rows.append(values)
    if len(rows) < MIN_PEERS:
        raise InputError.of("explore_few_peers", count=MIN_PEERS)
    grid = np.vstack(rows)
    enough = np.isfinite(grid).sum(axis=0) >= MIN_PEERS
    median = np.full(grid.shape[1], np.nan)
    median[enough] = np.nanmedian(grid[:, enough], axis=0)
    return PeerLine(median, len(rows))


def divisor_of(subject: Subject, name: str) -> float | None:
    """Return what a subject's energy is divided by; None where it has none of it."""
    return 1.0 if not name else subject.divisors.get(name)


def weather_beside(site: Site, look: Look) -> SeenSeries | None:
    """Return the air temperature at the nearest station, for PV its irradiance; None without a station."""
    building = next(iter(look.subject.buildings), None)
    station = None if look.subject.is_weather or building is None else station_of(site.portfolio, building)
    if station is None:
        return None
    there = meter_subject(site.portfolio.buildings[station.building], station)
    quantity: Quantity = "irradiance" if look.quantity == "production" else "temperature"
    if look.step != "15min":
        return seen_series(site, there, quantity, look.period, look.step)
    hours = seen_series(site, there, quantity, look.period, "60min")
    return hours.repeated(4, edges(look.period, "15min")[:-1])


def closed_days(site: Site, look: Look) -> list[dt.date]:
    """Return the days of a period on which a building is closed; none for what has several buildings."""
    building = look.subject.building
    if building is None or look.subject.is_weather or len(look.period.dates) > MAX_CLOSED_DAYS:
        return []
    calendar = site.portfolio.days_open(building)
    return [day for day in look.period.dates if not calendar.is_open(day)]
