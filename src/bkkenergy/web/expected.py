"""The curve that today is beside: the baseline's own hours where it has hours, else the median of days like today."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import numpy as np

from bkkenergy.calendar import Period, edges
from bkkenergy.portfolio import Building
from bkkenergy.readings import FloatArray
from bkkenergy.savings.baseline import Baseline, series_of
from bkkenergy.savings.hourly import HourlyModel, predict_hourly
from bkkenergy.savings.versions import BaselineVersion, judging
from bkkenergy.usecases.energy import air_temperature_c
from bkkenergy.usecases.gross import pv_of
from bkkenergy.web.context import AppContext


def baseline_hours_kw(
    here: AppContext, building: Building, versions: Sequence[BaselineVersion], day: dt.date
) -> FloatArray | None:
    """Return (24,) mean power that the judging baseline expects of the hours of a day; NaN where it does not say.

    None where no baseline has hours, where PV or an adjustment stands between it and what the grid gives, or where the
    weather of the day is not known and nothing replaces it.
    """
    version = judging(versions, day)
    baseline = version.baseline if version is not None else None
    if not isinstance(baseline, Baseline) or not isinstance(baseline.model, HourlyModel):
        return None
    site, period = here.site, Period.days(day, day)
    pv = pv_of(site.portfolio, site.projects, building, period)
    if building.has_pv or pv.is_unmetered or site.savings.adjustments_of(building.id):
        return None
    starts = edges(period, "60min")[:-1]
    temp_c = air_temperature_c(site.energy, site.portfolio, building, period)
    series = series_of(starts, np.zeros(len(starts)), temp_c, site.portfolio.days_open(building))
    hours = predict_hourly(baseline.model, series.temp_c, series.hour_slot)
    if isinstance(baseline.calendar, HourlyModel):
        hours = np.where(np.isfinite(hours), hours, predict_hourly(baseline.calendar, None, series.hour_slot))
    return hours if np.isfinite(hours).any() else None
