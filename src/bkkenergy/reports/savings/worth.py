"""From the store to what a saving is worth in baht, and to what it would be under typical weather."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from bkkenergy.calendar import Period
from bkkenergy.errors import InputError
from bkkenergy.portfolio import Building
from bkkenergy.readings import FloatArray
from bkkenergy.reports.content import BuildingSaving, NormalYear
from bkkenergy.reports.savings.gather import SavingsAssessment, hours_of
from bkkenergy.savings.adjust import adjustment_days
from bkkenergy.savings.baseline import Baseline, Series, expected_of
from bkkenergy.savings.facts import Facts
from bkkenergy.savings.normal import NORMAL_DAYS, NormalSaving, normal_saving
from bkkenergy.savings.versions import BaselineVersion, judging
from bkkenergy.savings.worth import Billing, Worth, saved_by_hour, worth_of
from bkkenergy.site import Site
from bkkenergy.solar.climate import typical_year
from bkkenergy.solar.weather import rows_at
from bkkenergy.tariff.schedule import Window
from bkkenergy.texts import Named
from bkkenergy.usecases.bills import measured_peaks, months_before, months_without_saving

QUARTERS_AN_HOUR = 4
MONTHS_A_YEAR, MAX_YEARS = 12, 10


def saving_worth(site: Site, judged: SavingsAssessment, hours: Series | InputError) -> Worth:
    """Compute what a judged saving is worth. hours : the building's, over the judged period.

    Raises InputError where nothing is judged, or no baht can be given, and StoreUnavailable.
    """
    saving, band, baseline, building = judged.saving, judged.band, judged.baseline, judged.building
    if saving is None or band is None or baseline is None:
        raise judged.why or InputError.of("no_valid_day")
    if isinstance(hours, InputError):
        raise hours
    period = Period.days(saving.first, saving.last)
    before = hours_of(site, building, Period.days(baseline.first, baseline.last))
    series = hours.between(saving.first, saving.last)
    saved_kwh = saved_by_hour(baseline, before, series, site.savings.adjustments_of(building.id))
    months = months_without_saving(site, building, period, np.repeat(saved_kwh / QUARTERS_AN_HOUR, QUARTERS_AN_HOUR))
    billing = Billing(
        months.billed,
        months.without,
        months.schedules,
        _peaks_before(site, building, baseline, period),
        set(measured_peaks(site, building, period)),
    )
    half_kwh = band.half_width_ratio * saving.adjusted_kwh
    return worth_of(billing, (saving.first, saving.last), half_kwh, site.figures.tariffs, site.savings.demand_change)


def _peaks_before(
    site: Site, building: Building, baseline: Baseline, period: Period
) -> dict[dt.date, tuple[Mapping[Window, float], int]]:
    """Return the peaks that each month of a period had in the baseline's time, and how many years ago that was."""
    known = measured_peaks(site, building, Period.days(baseline.first, baseline.last))
    month, peaks = period.first_day.replace(day=1), {}
    while month <= period.last_day:
        for years in range(1, MAX_YEARS + 1):
            if (demand_kw := known.get(months_before(month, MONTHS_A_YEAR * years))) is not None:
                peaks[month] = (demand_kw, years)
                break
        month = months_before(month, -1)
    return peaks


def year_under_typical_weather(
    site: Site, building: Building, last_day: dt.date, versions: Sequence[BaselineVersion]
) -> NormalSaving:
    """Compute what the year up to a day would have saved under typical weather, by the baseline that ended before it.

    Raises InputError where there is no such baseline, or too little is known, and StoreUnavailable.
    """
    period = Period.days(last_day - dt.timedelta(days=NORMAL_DAYS - 1), last_day)
    version = judging(versions, period.first_day)
    if version is not None and isinstance(version.baseline, InputError):
        raise version.baseline
    if version is None or version.usable is None or version.usable.last >= period.first_day:
        raise InputError.of(
            "no_baseline_before_year", building=Named(building.id, building.name_th), first=period.first_day
        )
    year, baseline = hours_of(site, building, period), version.usable
    adjustments = site.savings.adjustments_of(building.id)
    added_kwh = adjustment_days(year.day_index, adjustments, expected_of(baseline, year).energy_kwh).kwh
    temp_c = None if year.temp_c is None else _typical_c(site, year)
    return normal_saving(baseline, year, temp_c, np.nan_to_num(added_kwh), site.savings.placebo)


def with_normal_years(
    site: Site, rows: Sequence[BuildingSaving], facts: Sequence[Facts], last_day: dt.date
) -> tuple[BuildingSaving, ...]:
    """Add the last 365 days under typical weather to the savings of buildings with a finished project.

    A building without a baseline of before, or with too little that is known, has none. Raises StoreUnavailable.
    """
    done = {project.building for project in site.projects if project.done_on and project.done_on <= last_day}
    return tuple(
        replace(row, normal=_normal_year(site, known, last_day)) if row.building_id in done else row
        for row, known in zip(rows, facts, strict=True)
    )


def _normal_year(site: Site, facts: Facts, last_day: dt.date) -> NormalYear | None:
    try:
        normal = year_under_typical_weather(site, site.portfolio.buildings[facts.building], last_day, facts.versions)
    except InputError:  # nothing was judged: the building's page says why
        return None
    band = normal.band
    return NormalYear(
        last_day - dt.timedelta(days=NORMAL_DAYS - 1),
        last_day,
        normal.baseline_kwh,
        normal.reporting_kwh,
        band.saving_ratio,
        band.half_width_ratio,
        band.significant_ratio,
        band.verdict,
    )


def _typical_c(site: Site, year: Series) -> FloatArray:
    weather = typical_year(site.solar.climate)
    temp_c: FloatArray = weather.temp_air_c[rows_at(weather, year.starts)]
    return temp_c
