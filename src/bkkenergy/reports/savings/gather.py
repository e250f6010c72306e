"""From the store to what savings, bills and findings are computed from."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bkkenergy.adapters.state.baselines import versions_of
from bkkenergy.calendar import Period, edges, fiscal_year_of
from bkkenergy.dated import holding
from bkkenergy.errors import InputError
from bkkenergy.portfolio import Building
from bkkenergy.portfolio.belongings import plants_of
from bkkenergy.ports.channels import QUARTERS_PER_DAY, VOLTAGES
from bkkenergy.readings import FloatArray
from bkkenergy.reports.savings.span import QUARTERS_A_YEAR, QUARTERS_AN_HOUR, FactsSpan
from bkkenergy.savings.adjust import adjustment_days
from bkkenergy.savings.baseline import (
    DAY_VALID_RATIO,
    Baseline,
    Saving,
    Series,
    expected_of,
    fit_baseline,
    saving_of,
    series_of,
)
from bkkenergy.savings.cusum import Cusum, cusum
from bkkenergy.savings.facts import DAYS_PER_MONTH, FOUR_WEEKS, WEEK, Facts, SubMeterSums
from bkkenergy.savings.insights import event_day
from bkkenergy.savings.phases import PhaseVoltages, phase_voltages
from bkkenergy.savings.uncertainty import Band, band_of, lag_of, total_band
from bkkenergy.savings.versions import BaselineVersion, judging
from bkkenergy.site import Site
from bkkenergy.solar.climate import typical_year
from bkkenergy.solar.production import Models, Plane, simulate
from bkkenergy.solar.strings import BEST_DC_AC_RATIO
from bkkenergy.solar.weather import rows_at
from bkkenergy.texts import Lang, Named
from bkkenergy.usecases.balance import sub_meters
from bkkenergy.usecases.channels import reactive_kvar_of
from bkkenergy.usecases.energy import (
    BuildingQuarters,
    air_temperature_c,
    meters_energy_kwh,
    power_factor_quarters,
    station_hours,
    station_of,
)
from bkkenergy.usecases.gross import gross_quarters, needs_balance
from bkkenergy.usecases.over import quarters_over
from bkkenergy.usecases.plantwork import PlantWork, plant_work

HOURS_PER_DAY, KVAR_DAYS = 24, 31
FITTED_AT_ONCE = 200
READ_AT_ONCE = 50
DROP_DAYS = 60
"""A drop of a plant that is older is known by now, or judged by the shortfall of four weeks."""
"""Buildings whose quarter-hours are in memory at a time."""
DAYS_OF_FACTS = 560
"""Enough for a half-year beside the same one a year before."""


def hours_of(site: Site, building: Building, period: Period) -> Series:
    """Read a building's gross use by hour over whole days, with the air of the nearest weather station.

    Raises StoreUnavailable, and InputError where gross use cannot be known.
    """
    quarters = gross_quarters(site.energy, site.portfolio, site.projects, building, period)
    energy = _hours(np.where(quarters.is_known, quarters.kwh, np.nan))
    starts = edges(period, "60min")[:-1]
    temp_c = air_temperature_c(site.energy, site.portfolio, building, period)
    days_open = site.portfolio.days_open(building)
    return series_of(starts, energy, temp_c, days_open, max_kwh=float("inf"))  # the ledger refused what cannot be


def _hours(quarters_kwh: FloatArray) -> FloatArray:
    energy_kwh: FloatArray = quarters_kwh.reshape(-1, QUARTERS_AN_HOUR).sum(axis=1)
    return energy_kwh


def fit_buildings(
    site: Site,
    buildings: Sequence[Building],
    period: Period,
    *,
    spread: Callable[..., Iterable[Any]] = map,
    with_site: Callable[..., Iterator[Any]] | None = None,
) -> Iterator[tuple[Building, Baseline | str]]:
    """Fit the baseline of each building, or say why there is none. spread : `map`, or the same on a cluster.

    with_site : reads and fits on a cluster. Without it the ledger is read here, some hundred buildings at a time, and
    fitted wherever `spread` does.
    """
    if with_site is not None:
        yield from zip(buildings, with_site(fitted_there, [(one.id, period) for one in buildings]), strict=True)
        return
    for at in range(0, len(buildings), FITTED_AT_ONCE):
        chunk = buildings[at : at + FITTED_AT_ONCE]
        yield from zip(
            chunk, spread(fitted, (_hours_or_why(site, building, period) for building in chunk)), strict=True
        )


def fitted_there(site: Site, asked: tuple[str, Period]) -> Baseline | str:
    """Read and fit a building by its id over a period, or say why there is no baseline."""
    return fitted(_hours_or_why(site, site.portfolio.buildings[asked[0]], asked[1]))


def fitted(series: Series | str) -> Baseline | str:
    """Fit a baseline, or say why there is none: too little was measured, or nothing."""
    try:
        return series if isinstance(series, str) else fit_baseline(series)
    except InputError as why:
        return str(why)


def _hours_or_why(site: Site, building: Building, period: Period) -> Series | str:
    hours = _known_hours(site, building, period)
    return str(hours) if isinstance(hours, InputError) else hours


def _known_hours(site: Site, building: Building, period: Period) -> Series | InputError:
    try:
        return hours_of(site, building, period)
    except InputError as why:
        return why


@dataclass(frozen=True, slots=True)
class SavingsAssessment:
    """A building's saving in a period, with its band; where it has none, why."""

    building: Building
    saving: Saving | None
    band: Band | None
    baseline: Baseline | None
    why: InputError | None = None

    def why_in(self, lang: Lang) -> str:
        """Return why there is no saving, in a language; nothing where there is one."""
        return self.why.said(lang) if self.why is not None else ""


def judge(
    site: Site,
    building: Building,
    period: Period,
    series: Series | InputError | None = None,
    versions: Sequence[BaselineVersion] | None = None,
) -> SavingsAssessment:
    """Compute what a building saved under the newest baseline that ended before a period.

    series : its hours over the period, or why there are none; versions : its baselines; where they are already read.
    """
    hours = _known_hours(site, building, period) if series is None else series
    known = versions_of(site.state, [building.id]).get(building.id, ()) if versions is None else versions
    version = judging(known, period.first_day)
    if version is None and isinstance(hours, InputError):
        return SavingsAssessment(building, None, None, None, hours)
    if version is None:
        key = "baseline_proposed" if any(one.state == "proposed" for one in known) else "no_baseline"
        why = InputError.of(key, building=Named(building.id, building.name_th))
        return SavingsAssessment(building, None, None, None, why)
    return judged_by(site, building, period, hours, version)


def judged_by(
    site: Site, building: Building, period: Period, hours: Series | InputError, version: BaselineVersion
) -> SavingsAssessment:
    """Compute what a building saved in a period under one of its baselines."""
    baseline = version.baseline
    if isinstance(baseline, InputError):
        return SavingsAssessment(building, None, None, None, baseline)
    if isinstance(hours, InputError):
        return SavingsAssessment(building, None, None, baseline, hours)
    if period.first_day <= baseline.last:
        why = InputError.of("within_baseline", first=baseline.first, last=baseline.last)
        return SavingsAssessment(building, None, None, baseline, why)
    hours = hours.between(period.first_day, period.last_day)
    adjustments = site.savings.adjustments_of(building.id)
    added = adjustment_days(hours.day_index, adjustments, expected_of(baseline, hours).energy_kwh)
    saving = saving_of(baseline, hours, adjustment_kwh=added.kwh, adjustment_half_kwh=added.half_width_kwh)
    if saving.days == 0:
        return SavingsAssessment(building, None, None, baseline, InputError.of("no_valid_day"))
    return SavingsAssessment(building, saving, band_of(saving, baseline, site.savings.placebo), baseline)


def judged_cusum(site: Site, building: Building, judged: SavingsAssessment, hours: Series | InputError) -> Cusum | None:
    """Sum a judged saving day by day; None where nothing is judged. hours : the building's, over the period."""
    if judged.saving is None or judged.baseline is None or isinstance(hours, InputError):
        return None
    series = hours.between(judged.saving.first, judged.saving.last)
    return cusum(judged.baseline, series, site.savings.adjustments_of(building.id))


def fiscal_year_so_far(last_day: dt.date, versions: Sequence[BaselineVersion]) -> Period:
    """Return the fiscal year up to a day; where no baseline ended before it, from the day after the one that judges."""
    first = fiscal_year_of(last_day).first_day
    version = judging(versions, first)
    if version is not None and version.last >= first:
        first = min(version.last + dt.timedelta(days=1), last_day)
    return Period.days(first, last_day)


def judged_total(site: Site, assessments: list[SavingsAssessment]) -> Band | None:
    """Compute the saving of all buildings that could be judged."""
    known = [
        (assessment.saving, assessment.band, lag_of(assessment.saving, assessment.baseline))
        for assessment in assessments
        if assessment.saving is not None and assessment.band is not None and assessment.baseline is not None
    ]
    if not known:
        return None
    savings, bands, lags = zip(*known, strict=True)
    return total_band(savings, bands, max(lags), site.savings.placebo)


def facts_of(site: Site, building: Building, *, last_day: dt.date) -> Facts:
    """Read what is known of a building up to a day, for its findings."""
    return next(facts_of_all(site, [building], last_day=last_day))


def facts_of_all(site: Site, buildings: Sequence[Building], *, last_day: dt.date) -> Iterator[Facts]:
    """Read what is known of each building up to a day: many at a time, what they share made once."""
    first = last_day - dt.timedelta(days=DAYS_OF_FACTS - 1)
    span = FactsSpan(site, Period.days(first, last_day))
    for at in range(0, len(buildings), READ_AT_ONCE):
        chunk = buildings[at : at + READ_AT_ONCE]
        factors = _power_factors(site, chunk, last_day)
        phases = _phases(site, chunk, last_day)
        kvars = _reactive(site, chunk, last_day)
        versions = versions_of(site.state, [building.id for building in chunk])
        balanced = needs_balance(site.energy, site.portfolio, chunk, span.period)
        for building, quarters in zip(chunk, _quarters(span, chunk), strict=True):
            gross_kwh = _gross(span, building) if building.id in balanced else _hours(quarters.known_kwh)
            of_building = (versions.get(building.id, ()), phases.get(building.id), kvars[building.id])
            yield _facts(span, building, quarters, gross_kwh, factors, *of_building, last_day)


def _quarters(span: FactsSpan, buildings: Sequence[Building]) -> Iterator[BuildingQuarters]:
    return quarters_over(span.site.energy, span.site.portfolio, buildings, span.period)


def _gross(span: FactsSpan, building: Building) -> FloatArray | InputError:
    """Return the hours of a building's gross use, or why they cannot be known."""
    site = span.site
    try:
        quarters = gross_quarters(site.energy, site.portfolio, site.projects, building, span.period)
    except InputError as why:
        return why
    return _hours(np.where(quarters.is_known, quarters.kwh, np.nan))


def _facts(
    span: FactsSpan,
    building: Building,
    quarters: BuildingQuarters,
    gross_kwh: FloatArray | InputError,
    factors: Mapping[str, pd.Series],
    versions: Sequence[BaselineVersion],
    phases: PhaseVoltages | None,
    counted_kvar: FloatArray,
    last_day: dt.date,
) -> Facts:
    site, days, tariffs = span.site, span.days_of(building), span.site.figures.tariffs
    hourly = _hours(quarters.known_kwh)
    known = float(np.nansum(hourly))
    a_month = known / max(np.isfinite(hourly).sum(), 1) * HOURS_PER_DAY * DAYS_PER_MONTH
    rates = holding(tariffs.schedules[site.portfolio.on(last_day).schedule_of(building)].rates, last_day)
    year = slice(-QUARTERS_A_YEAR, None)
    ahead_open, ahead_off = span.ahead(building)
    thb_per_kw, is_charged = span.demand(rates.demand_thb_per_kw if rates else {})
    version = judging(versions, last_day - dt.timedelta(days=FOUR_WEEKS - 1))
    factor = factors.get(building.main_meters[0].id) if len(building.main_meters) == 1 else None
    return Facts(
        building=building.id,
        series=span.series_of(
            building, np.full_like(hourly, np.nan) if isinstance(gross_kwh, InputError) else gross_kwh
        ),
        why=gross_kwh if isinstance(gross_kwh, InputError) else None,
        grid_kwh=hourly,
        is_open=days.is_open,
        hours=days.hours,
        thb_per_kwh=span.thb_per_kwh(building, a_month),
        on_peak=span.on_peak,
        baseline=None if version is None else version.usable,
        versions=versions,
        adjustments=site.savings.adjustments_of(building.id),
        events_seen_on=event_day(site.dismissals, building.id),
        demand_kw=quarters.firm_kwh[year] * QUARTERS_AN_HOUR,
        demand_starts=span.year_starts,
        demand_thb_per_kw=thb_per_kw,
        demand_charged=is_charged,
        free_kvar_per_kw=tariffs.rules.free_kvar_per_kw,
        kvar_thb=tariffs.rules.kvar_thb if rates and rates.has_power_factor_charge else 0.0,
        kvar=_kvar(counted_kvar, factor, quarters.known_kwh[year] * QUARTERS_AN_HOUR, span.year_starts),
        phases=phases,
        sub_meters=_sub_meters(site, building, last_day),
        ahead_open=ahead_open,
        ahead_off=ahead_off,
        **_pv(site, building, last_day),
        **plant_drop(site, building, last_day),
    )


def _power_factors(site: Site, buildings: Sequence[Building], last_day: dt.date) -> dict[str, pd.Series]:
    """Read the power factor of the last month's quarter-hours, by main meter, of those that send one."""
    meters = list(dict.fromkeys(building.main_meters[0] for building in buildings if len(building.main_meters) == 1))
    month = Period.days(last_day - dt.timedelta(days=KVAR_DAYS - 1), last_day)
    return power_factor_quarters(site.energy, meters, month)


def _reactive(site: Site, buildings: Sequence[Building], last_day: dt.date) -> dict[str, FloatArray]:
    """Read the reactive power of the last month's quarter-hours as the main meters count it, NaN where they do not."""
    month = Period.days(last_day - dt.timedelta(days=KVAR_DAYS - 1), last_day)
    kvars = reactive_kvar_of(site.energy, [building.main_meters for building in buildings], month)
    return {building.id: kvar for building, kvar in zip(buildings, kvars, strict=True)}


def _kvar(
    counted: FloatArray, factor: pd.Series | None, demand_kw: FloatArray, starts: pd.DatetimeIndex
) -> FloatArray | None:
    """(q,) reactive power of the last month's quarter-hours, NaN before: as the main meters count it.

    Where none does, by the main meter's power factor: Q = P tan(arccos(PF)); None without one.
    """
    if np.isfinite(counted).any():
        return np.concatenate((np.full(max(len(starts) - len(counted), 0), np.nan), counted))[-len(starts) :]
    if factor is None:
        return None
    mean = factor.reindex(starts.tz_convert("UTC")).to_numpy(np.float64)
    kvar: FloatArray = demand_kw * np.tan(np.arccos(mean))
    return kvar


def _pv(site: Site, building: Building, last_day: dt.date) -> dict[str, Any]:
    """Compute PV of the last four weeks and what its roofs should have made; nothing where either is not known.

    The estimate takes the irradiance of the nearest station where it was measured, else the typical year's.
    """
    meters = tuple(meter for meter in building.meters if meter.pv)
    roofs = [roof for roof in building.roofs if roof.installed_kwp]
    if not meters or not roofs or site.solar is None:
        return {}
    period = Period.days(last_day - dt.timedelta(days=FOUR_WEEKS - 1), last_day)
    energy_kwh = meters_energy_kwh(site.energy, meters, period, "day")
    if not np.isfinite(energy_kwh).all():
        return {}
    starts = edges(period, "60min")[:-1]
    typical = typical_year(site.solar.climate)
    rows = rows_at(typical, starts)
    station = station_of(site.portfolio, building)
    planes = [
        Plane(roof.tilt_deg, roof.azimuth_deg, capacity_kwp, capacity_kwp / BEST_DC_AC_RATIO)
        for roof in roofs
        if (capacity_kwp := roof.installed_kwp)
    ]
    models = Models(spread_ratio=site.solar.quarter_hours.spread_ratio)
    power = simulate(typical, planes, site.solar.losses, models).ac_kw.sum(axis=0)[rows]
    expected = float(power.sum())
    if station is not None:
        ghi = station_hours(site.energy, station, period)["ghi_wm2"].to_numpy(np.float64)
        if np.isfinite(ghi).mean() >= DAY_VALID_RATIO:
            expected *= float(np.nansum(ghi)) / max(float(typical.ghi_wm2[rows][np.isfinite(ghi)].sum()), 1.0)
    return {"pv_kwh": float(energy_kwh.sum()), "pv_expected_kwh": expected}


def plant_drop(site: Site, building: Building, last_day: dt.date) -> dict[str, Any]:
    """Return the widest drop of the building's plants that began within the last two months; nothing without any."""
    if site.solar is None:
        return {}
    drops: list[tuple[float, float, int]] = []
    for plant in plants_of(site.portfolio, building.id):
        try:
            work = plant_work(site, plant, today=last_day + dt.timedelta(days=1), years=1)
        except InputError:
            continue
        for drop in work.drops:
            since = (last_day - drop.day).days + 1
            if 1 <= since <= DROP_DAYS:
                part = 1 / len(plant.meters) if drop.meter is not None else 1.0
                drops.append((drop.drop_ratio, drop.drop_ratio * part * _month_kwh(work), since))
    if not drops:
        return {}
    ratio, kwh, since = max(drops)
    return {"pv_drop_ratio": ratio, "pv_drop_kwh": kwh, "pv_drop_days": since}


def _month_kwh(work: PlantWork) -> float:
    """Return what a plant in order would make in a month as the last two."""
    recent = work.months[-2:]
    days = (work.period.last_day - max(recent[0].month, work.period.first_day)).days + 1
    return sum(month.expected_kwh or 0.0 for month in recent) / days * DAYS_PER_MONTH


def _sub_meters(site: Site, building: Building, last_day: dt.date) -> SubMeterSums | None:
    """Sum what sub-meters right below main ones counted in four weeks, and what they could have; None where not
    known.
    """
    if not any(meter.parent for meter in building.meters):
        return None
    period = Period.days(last_day - dt.timedelta(days=FOUR_WEEKS - 1), last_day)
    splits = [split for split in sub_meters(site.energy, building, period, "15min") if split.meter.is_main]
    joints = [joint for split in splits if (joint := split.joint) is not None]
    if not joints or len(joints) < len(splits):
        return None
    return SubMeterSums(
        sum(joint.whole_kwh for joint in joints),
        sum(joint.parts_kwh for joint in joints),
        min(joint.known_ratio for joint in joints),
    )


def _phases(site: Site, buildings: Sequence[Building], last_day: dt.date) -> dict[str, PhaseVoltages | None]:
    """Judge the mean voltages of the last week's quarter-hours at the one main meter of each building that has one.

    Read at once for all of them.
    """
    meters = {building.main_meters[0].id: building.id for building in buildings if len(building.main_meters) == 1}
    week = Period.days(last_day - dt.timedelta(days=WEEK - 1), last_day)
    slots = [site.energy.slots(list(meters), channel, week.first_day, week.last_day).values for channel in VOLTAGES]
    voltage_v = np.stack(slots, axis=-1)
    band_ratio = site.savings.insights.voltage_band_ratio
    return {
        building: phase_voltages(voltage_v[:, number], HOURS_PER_DAY / QUARTERS_PER_DAY, band_ratio)
        for number, building in enumerate(meters.values())
    }
