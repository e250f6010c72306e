"""What a year's energy comes to: what each step leaves, and what is exceeded in most years."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import pandas as pd

from bkkenergy.calendar import BANGKOK
from bkkenergy.readings import FloatArray
from bkkenergy.solar.assumptions import Uncertainty
from bkkenergy.solar.load import YearLoad
from bkkenergy.solar.production import STEPS, Production

WEEK_DAYS = 7
WEEK_MONTH = 4


@dataclass(frozen=True, slots=True)
class LossLine:
    """What is left after a step, kWh a year, and what the step did to it (-0.03 is a loss of 3 %)."""

    step: str
    energy_kwh: float
    change_ratio: float


@dataclass(frozen=True, slots=True)
class Week:
    """PV on the load in one week: (n,) kW."""

    starts: pd.DatetimeIndex
    load_kw: FloatArray
    pv_kw: FloatArray


def sigma_ratio(uncertainty: Uncertainty, interannual: float | None = None) -> float:
    """Compute the relative standard deviation of a year's energy: independent parts, added in squares.

    Parameters
    ----------
    uncertainty : Uncertainty
        Parts, each a share.
    interannual : float, optional
        Of the weather's own years, where they are enough.

    Returns
    -------
    float
        Standard deviation, as a share of the energy.

    Examples
    --------
    >>> from bkkenergy.solar.outcome import sigma_ratio
    >>> from bkkenergy.library.skies import solar_config
    >>> 0.03 < sigma_ratio(solar_config().uncertainty) < 0.15
    True
    """
    years = uncertainty.interannual if interannual is None else interannual
    return float(np.sqrt(years**2 + uncertainty.irradiance**2 + uncertainty.model**2))


def exceeded_ratio(sigma: float, probability: float) -> float:
    """Compute the share of P50 that is exceeded with a probability, for a normal distribution.

    Parameters
    ----------
    sigma : float
        Relative standard deviation of a year's energy.
    probability : float
        The probability, 0 to 1: 0.9 for P90.

    Returns
    -------
    float
        The share of P50.

    Examples
    --------
    >>> from bkkenergy.solar.outcome import exceeded_ratio
    >>> exceeded_ratio(0.1, 0.5), round(exceeded_ratio(0.1, 0.9), 4)
    (1.0, 0.8718)
    """
    return 1 + NormalDist().inv_cdf(1 - probability) * sigma


def loss_lines(production: Production, capacity_kwp: float) -> tuple[LossLine, ...]:
    """List what is left after each step, from horizontal light on the modules' power to AC energy.

    Parameters
    ----------
    production : Production
        What planes produce.
    capacity_kwp : float
        Their power at standard test conditions [kWp].

    Returns
    -------
    tuple of LossLine
        Energy of a year [kWh] after each step; each is the one before x (1 + change).

    Examples
    --------
    >>> from bkkenergy.solar.design import loss_lines
    >>> import bkkenergy as bk
    >>> losses = bk.simulate(bk.Roof(area_m2=500, tilt_deg=10, azimuth_deg=180)).losses
    >>> losses.index[0], losses.index[-1]
    ('ghi', 'unavailability')
    """
    before = production.ghi_kwh_m2 * capacity_kwp / production.years
    lines = [LossLine("ghi", before, 0.0)]
    for step in STEPS:
        after = float(production.step_kwh[step].sum()) / production.years
        lines.append(LossLine(step, after, after / before - 1 if before else 0.0))
        before = after
    return tuple(lines)


def week_of(load: YearLoad, pv_kwh: FloatArray) -> Week:
    """Return a week of April, from its first Monday: the sun is highest, and offices work.

    Parameters
    ----------
    load : YearLoad
        The building's load of n intervals.
    pv_kwh : (n,) array
        Energy of the PV [kWh].

    Returns
    -------
    Week
        Both in the week [kW]; the first seven days of the load where it has no such Monday.

    Examples
    --------
    >>> import numpy as np
    >>> import bkkenergy as bk
    >>> from bkkenergy.solar.load import YearLoad
    >>> from bkkenergy.solar.outcome import week_of
    >>> use = bk.examples.office()["2025"]
    >>> week = week_of(YearLoad(use.index, use.to_numpy(), 1.0, 1.0), np.zeros(len(use)))
    >>> len(week.load_kw), str(week.starts[0].date())
    (168, '2025-04-07')
    """
    local = load.starts.tz_convert(BANGKOK)
    april = np.flatnonzero(
        (local.month == WEEK_MONTH) & (local.day_of_week == 0) & (local.hour == 0) & (local.minute == 0)
    )
    at = int(april[0]) if len(april) else 0
    rows = slice(at, at + round(WEEK_DAYS * 24 / load.interval_h))
    return Week(load.starts[rows], load.energy_kwh[rows] / load.interval_h, pv_kwh[rows] / load.interval_h)
