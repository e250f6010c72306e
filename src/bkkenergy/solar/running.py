"""A PV plant at work: performance ratio, outages and clipping by month, from measured energy and light on its plane.

After IEC 61724-1: final yield over reference yield, as it is and corrected to cells of 25 degC.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bkkenergy.calendar import BANGKOK
from bkkenergy.readings import BoolArray, FloatArray
from bkkenergy.solar.module import STC_C, STC_WM2

MIN_LIGHT_RATIO = 0.1
"""Of the plant's capacity: below this expected output an hour says nothing about being out of order."""
OUT_RATIO = 0.02
"""An hour that makes less than this share of what is expected is an outage."""
CLIPPED_RATIO = 0.985
"""A quarter-hour at this share of the inverters' rating or above is clipped."""


@dataclass(frozen=True, slots=True, eq=False)
class PlantHours:
    """Hours of a plant, (n,) each; NaN is not known.

    energy_kwh : that its meters counted. poa_wm2 : light on its plane. cell_c : temperature of its cells, modelled.
    expected_kwh : by the model of a plant in order. starts : with a time zone.
    """

    starts: pd.DatetimeIndex
    energy_kwh: FloatArray
    poa_wm2: FloatArray
    cell_c: FloatArray
    expected_kwh: FloatArray
    capacity_kwp: float
    gamma_pmp_per_c: float

    @property
    def is_known(self) -> BoolArray:
        """(n,) whether both energy and light are known."""
        return np.isfinite(self.energy_kwh) & np.isfinite(self.poa_wm2) & np.isfinite(self.expected_kwh)

    @property
    def reference_kwh(self) -> FloatArray:
        """(n,) what lossless modules would make of the light [kWh]."""
        reference: FloatArray = self.capacity_kwp * self.poa_wm2 / STC_WM2
        return reference

    @property
    def warm_reference_kwh(self) -> FloatArray:
        """(n,) the same with cells as warm as they are [kWh]: the divisor of the corrected ratio."""
        warm: FloatArray = self.reference_kwh * (1 + self.gamma_pmp_per_c * (self.cell_c - STC_C))
        return warm

    @property
    def days(self) -> FloatArray:
        """(n,) ordinal of the day of each hour, in Bangkok."""
        local = self.starts.tz_convert(BANGKOK).tz_localize(None).normalize()
        ordinals: FloatArray = (local - pd.Timestamp(0)).days.to_numpy(np.float64)
        return ordinals


@dataclass(frozen=True, slots=True)
class PlantMonth:
    """A plant's month.

    expected_kwh, performance_ratio, pr_25c_ratio : of the hours that are known; None where none is. known_ratio : share
    of the month's daylight that is. outage_h : with light and next to no energy. availability_ratio : the rest of the
    hours with light. clipped_h : at the inverters' rating; None where that is not entered. All three are None where
    nothing is known.
    """

    month: dt.date
    energy_kwh: float | None
    expected_kwh: float | None
    performance_ratio: float | None
    pr_25c_ratio: float | None
    known_ratio: float
    outage_h: float | None
    availability_ratio: float | None
    clipped_h: float | None

    @property
    def against_expected_ratio(self) -> float | None:
        """Energy over what was expected."""
        if self.energy_kwh is None or not self.expected_kwh:
            return None
        return self.energy_kwh / self.expected_kwh


def plant_months(
    hours: PlantHours, *, quarter_kwh: FloatArray | None = None, inverter_kw: float | None = None
) -> tuple[PlantMonth, ...]:
    """Compute each month of a plant.

    PR = sum(energy) / sum(capacity x light / 1,000 W/m2); corrected, the divisor is what cells as warm as they were
    would make of the light.

    Parameters
    ----------
    hours : PlantHours
        Hours of whole days.
    quarter_kwh : (4 n,) array, optional
        Energy of quarter-hours [kWh], for clipping.
    inverter_kw : float, optional
        Rating of the inverters [kW].

    Returns
    -------
    tuple of PlantMonth
        In order; hours whose light or energy is not known are left out of both.

    References
    ----------
    .. [1] IEC 61724-1:2021, Photovoltaic system performance - Part 1: Monitoring, on performance ratios.
    .. [2] Dierauf et al. 2013, "Weather-corrected performance ratio", NREL/TP-5200-57991.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from bkkenergy.solar.running import PlantHours, plant_months
    >>> starts = pd.date_range("2026-03-01", "2026-04-01", freq="h", tz="Asia/Bangkok", inclusive="left")
    >>> light = np.where((starts.hour >= 8) & (starts.hour < 16), 500.0, 0.0)
    >>> made_kwh = light / 1000 * 10 * 0.8
    >>> (month,) = plant_months(PlantHours(starts, made_kwh, light, np.full(len(light), 45.0), made_kwh, 10.0, -0.004))
    >>> round(month.performance_ratio, 3), round(month.pr_25c_ratio, 3), month.availability_ratio
    (0.8, 0.87, 1.0)
    """
    local = hours.starts.tz_convert(BANGKOK)
    month_of = np.asarray(local.year * 12 + local.month - 1)
    clipped = None
    if quarter_kwh is not None and inverter_kw:
        clipped = (np.nan_to_num(quarter_kwh) * 4 >= CLIPPED_RATIO * inverter_kw).reshape(-1, 4).mean(axis=1)
    return tuple(
        _month(hours, month_of == number, dt.date(int(number) // 12, int(number) % 12 + 1, 1), clipped)
        for number in np.unique(month_of)
    )


def _month(hours: PlantHours, is_in: BoolArray, month: dt.date, clipped: FloatArray | None) -> PlantMonth:
    is_light = is_in & ~(hours.expected_kwh <= 0)
    known = is_in & hours.is_known
    energy_kwh, expected_kwh = _sum(hours.energy_kwh, known), _sum(hours.expected_kwh, known)
    has_light = known & (hours.expected_kwh >= MIN_LIGHT_RATIO * hours.capacity_kwp)
    is_out = has_light & (hours.energy_kwh < OUT_RATIO * hours.expected_kwh)
    return PlantMonth(
        month,
        _sum(hours.energy_kwh, is_in & np.isfinite(hours.energy_kwh)),
        expected_kwh,
        _ratio(energy_kwh, _sum(hours.reference_kwh, known)),
        _ratio(energy_kwh, _sum(hours.warm_reference_kwh, known)),
        float((known & is_light).sum() / is_light.sum()) if is_light.any() else 0.0,
        float(is_out.sum()) if has_light.any() else None,
        1 - float(is_out.sum() / has_light.sum()) if has_light.any() else None,
        float(clipped[is_in].sum()) if clipped is not None and np.isfinite(hours.energy_kwh[is_in]).any() else None,
    )


def _sum(values: FloatArray, chosen: BoolArray) -> float | None:
    return float(values[chosen].sum()) if chosen.any() else None


def _ratio(part: float | None, whole: float | None) -> float | None:
    return part / whole if part is not None and whole else None
