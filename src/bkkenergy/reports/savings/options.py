"""From the ledger to what a project's system saves: by its own meters (option B), or by a key parameter (option A)."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np

from bkkenergy.calendar import Period, edges
from bkkenergy.errors import InputError
from bkkenergy.plan import Measured, Project, as_yearly
from bkkenergy.plan.options import (
    SystemSaving,
    saved_against_before,
    saved_against_cop,
    saved_by_efficiency,
    saved_by_power,
)
from bkkenergy.plan.projects import MeasuredWay
from bkkenergy.portfolio import Building, Meter
from bkkenergy.ports.channels import CHANNELS
from bkkenergy.readings import FloatArray
from bkkenergy.savings.baseline import MIN_DAYS, Series, fit_baseline, saving_of, series_of
from bkkenergy.savings.uncertainty import band_of
from bkkenergy.site import Site
from bkkenergy.texts import Named
from bkkenergy.usecases.energy import air_temperature_c, meters_energy_kwh, meters_quarters

QUARTERS_AN_HOUR = 4
MIN_MEASURED_DAYS = 28
"""Below four weeks a saving says nothing of a year."""
DAYS_BEFORE = 365
COOLING = CHANNELS["chilled_water"]


def measured_option(site: Site, project: Project, last_day: dt.date) -> Measured:
    """Compute what a done project of option A or B saves in a year, as measured up to a day.

    Raises InputError with what is lacking, and StoreUnavailable.
    """
    done = project.done_on
    if done is None or (last_day - done).days < MIN_MEASURED_DAYS:
        raise InputError.of("too_early", days=MIN_MEASURED_DAYS)
    if project.option == "parameter":
        return _by_parameter(site, project, Period.days(done, last_day))
    return _by_system(site, project, Period.days(done, last_day))


def _by_parameter(site: Site, project: Project, period: Period) -> Measured:
    half = project.stipulated_half_ratio or 0.0
    if project.before_kw is not None and project.after_kw is not None and project.hours_a_year is not None:
        saved = saved_by_power(project.before_kw, project.after_kw, project.hours_a_year, half)
        facts = {"before_kw": project.before_kw, "after_kw": project.after_kw, "hours_a_year": project.hours_a_year}
        yearly = as_yearly(saved.saved_kwh, saved.half_width_kwh, saved.days)
        return replace(yearly, way="power", facts=facts | {"half_ratio": half}, days=len(period.dates))
    reference, now = project.reference_efficiency, project.project_efficiency
    if reference is None or now is None:
        raise InputError.of("option_is_bare", project=Named(project.id, project.name_th))
    energy_kwh = _days_kwh(site, _meters(site, project, project.system_meters), period)
    facts = {"reference_efficiency": reference, "project_efficiency": now, "half_ratio": half}
    return _measured(saved_by_efficiency(energy_kwh, reference, now, half), "efficiency", facts)


def _by_system(site: Site, project: Project, period: Period) -> Measured:
    meters = _meters(site, project, project.system_meters)
    if not project.cooling_meter:
        return _by_own_baseline(site, project, meters, period)
    cooling = _meters(site, project, (project.cooling_meter,))
    energy_kwh, made_kwh = _days_kwh(site, meters, period), _days_kwh(site, cooling, period, is_cooling=True)
    if project.reference_efficiency is not None:
        reference, half = project.reference_efficiency, project.stipulated_half_ratio or 0.0
        saved = saved_against_cop(energy_kwh, made_kwh, reference, half)
        return _measured(saved, "cop", {"reference_efficiency": reference, "half_ratio": half})
    before = _year_before(period.first_day)
    was = _days_kwh(site, meters, before), _days_kwh(site, cooling, before, is_cooling=True)
    return _measured(saved_against_before(energy_kwh, made_kwh, *was), "cooling", {})


def _by_own_baseline(site: Site, project: Project, meters: tuple[Meter, ...], period: Period) -> Measured:
    """Judge a system by a baseline of its own, fitted on the year before the project."""
    building = site.portfolio.buildings[project.building]
    before = _hours(site, building, meters, _year_before(period.first_day))
    if (valid := int(before.day_known.sum())) < MIN_DAYS:
        raise InputError.of("no_system_before", days=valid, needed=MIN_DAYS)
    baseline = fit_baseline(before)
    hours = _hours(site, building, meters, period)
    saving = saving_of(baseline, hours)
    if saving.days < MIN_MEASURED_DAYS or saving.adjusted_kwh <= 0:  # what stood still before has no use to save
        raise InputError.of("too_few_known_days", days=saving.days, needed=MIN_MEASURED_DAYS)
    band = band_of(saving, baseline, site.savings.placebo)
    yearly = as_yearly(saving.saving_kwh, band.half_width_ratio * saving.adjusted_kwh, saving.days)
    return replace(yearly, way="system", facts={"valid_days": float(baseline.valid_days)})


def _measured(saved: SystemSaving | None, way: MeasuredWay, facts: dict[str, float]) -> Measured:
    if saved is None or saved.days < MIN_MEASURED_DAYS:
        raise InputError.of("too_few_known_days", days=0 if saved is None else saved.days, needed=MIN_MEASURED_DAYS)
    if np.isfinite(saved.efficiency):
        facts = facts | {"efficiency": saved.efficiency}
    return replace(as_yearly(saved.saved_kwh, saved.half_width_kwh, saved.days), way=way, facts=facts)


def _meters(site: Site, project: Project, names: tuple[str, ...]) -> tuple[Meter, ...]:
    building = site.portfolio.buildings.get(project.building)
    known = {meter.id: meter for meter in building.meters} if building is not None else {}
    if not names or any(name not in known for name in names):
        raise InputError.of("option_is_bare", project=Named(project.id, project.name_th))
    return tuple(known[name] for name in names)


def _year_before(day: dt.date) -> Period:
    return Period.days(day - dt.timedelta(days=DAYS_BEFORE), day - dt.timedelta(days=1))


def _days_kwh(site: Site, meters: tuple[Meter, ...], period: Period, *, is_cooling: bool = False) -> FloatArray:
    """Read (n,) the energy of each day that is known wholly; NaN else."""
    channel = (COOLING,) if is_cooling else ()
    total: FloatArray = meters_energy_kwh(site.energy, meters, period, "day", *channel).sum(axis=1)
    return total


def _hours(site: Site, building: Building, meters: tuple[Meter, ...], period: Period) -> Series:
    energy_kwh = meters_quarters(site.energy, meters, period).known_kwh.reshape(-1, QUARTERS_AN_HOUR).sum(axis=1)
    temp_c = air_temperature_c(site.energy, site.portfolio, building, period)
    days_open = site.portfolio.days_open(building)
    return series_of(edges(period, "60min")[:-1], energy_kwh, temp_c, days_open, max_kwh=float("inf"))
