"""Under which terms surplus is sold: a price by the time of day, and whether a month's surplus is netted first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from bkkenergy.readings import BoolArray, FloatArray
from bkkenergy.tariff.quantities import Quantities
from bkkenergy.tariff.schedule import Schedule


@dataclass(frozen=True, slots=True)
class ExportTerms:
    """What a kWh that the building sends out earns, by the tariff's windows; 0 in both is zero export.

    is_netted_by_month : within a month surplus first offsets energy that was bought, in the same window; what is then
    left is sold, and nothing is carried into the next month. Otherwise each kWh is sold: net billing.
    """

    on_peak_thb_per_kwh: float = 0.0
    off_peak_thb_per_kwh: float = 0.0
    is_netted_by_month: bool = False

    @property
    def is_allowed(self) -> bool:
        """Check whether surplus is worth anything: else it is held back."""
        return self.is_netted_by_month or max(self.on_peak_thb_per_kwh, self.off_peak_thb_per_kwh) > 0

    def prices_thb_per_kwh(self, is_on_peak: BoolArray) -> FloatArray:
        """Return (n,) what a kWh earns in each interval."""
        return np.where(is_on_peak, self.on_peak_thb_per_kwh, self.off_peak_thb_per_kwh)


NO_EXPORT = ExportTerms()


@dataclass(frozen=True, slots=True)
class Netting:
    """A year of months after netting. bought : what bills are computed from. netted_kwh : that surplus offset."""

    bought: tuple[Quantities, ...]
    netted_kwh: float
    earned_thb: float


def netted(
    bought: Sequence[Quantities], surplus: Sequence[Quantities], schedule: Schedule, terms: ExportTerms
) -> Netting:
    """Offset what each month buys by what it sends out, and sell the rest.

    On a tariff by the time of day on-peak offsets on-peak and off-peak offsets off-peak; on another one meter counts
    all hours, so that the month is offset as a whole. Demand is not netted: a meter's highest quarter-hour remains.

    Parameters
    ----------
    bought, surplus : sequence of Quantities
        The same months: energy from the grid, and energy sent out [kWh].
    schedule : Schedule
        Whose rates hold.
    terms : ExportTerms
        What the rest earns.

    Returns
    -------
    Netting
        Months to bill, what was offset [kWh], and what the rest earned [THB].

    Raises
    ------
    InputError
        If no rates are known for a month.

    Examples
    --------
    >>> import datetime as dt
    >>> from bkkenergy.library.packaged import figures
    >>> from bkkenergy.solar.export import ExportTerms, netted
    >>> from bkkenergy.tariff.quantities import Quantities
    >>> november = dt.date(2025, 11, 1)
    >>> bought, surplus = Quantities(november, 900.0, 300.0, {}), Quantities(november, 500.0, 400.0, {})
    >>> terms = ExportTerms(1.0, 1.0, is_netted_by_month=True)
    >>> after = netted([bought], [surplus], figures().tariffs.schedules["mea-3-2-lv"], terms)
    >>> after.bought[0].energy_kwh, after.bought[0].on_peak_kwh, after.netted_kwh, after.earned_thb
    (500.0, 0.0, 400.0, 100.0)
    """
    months, offset_kwh, earned_thb = [], 0.0, 0.0
    for month, out in zip(bought, surplus, strict=True):
        on_peak_kwh, off_peak_kwh = _offset(month, out, is_by_time=_is_by_time(schedule, month))
        months.append(
            replace(
                month,
                energy_kwh=max(0.0, month.energy_kwh - on_peak_kwh - off_peak_kwh),
                on_peak_kwh=max(0.0, month.on_peak_kwh - on_peak_kwh),
            )
        )
        offset_kwh += on_peak_kwh + off_peak_kwh
        earned_thb += _rest_thb(out, on_peak_kwh + off_peak_kwh, on_peak_kwh, terms, _is_by_time(schedule, month))
    return Netting(tuple(months), offset_kwh, earned_thb)


def _is_by_time(schedule: Schedule, month: Quantities) -> bool:
    return schedule.rates_on(month.month).on_peak_thb_per_kwh is not None


def _offset(month: Quantities, out: Quantities, *, is_by_time: bool) -> tuple[float, float]:
    """Return what of a month's on-peak and off-peak energy is offset [kWh]."""
    if is_by_time:
        return (
            min(month.on_peak_kwh, out.on_peak_kwh),
            min(month.energy_kwh - month.on_peak_kwh, out.energy_kwh - out.on_peak_kwh),
        )
    whole_kwh = min(month.energy_kwh, out.energy_kwh)
    share = whole_kwh / month.energy_kwh if month.energy_kwh > 0 else 0.0
    return month.on_peak_kwh * share, (month.energy_kwh - month.on_peak_kwh) * share


def _rest_thb(
    out: Quantities, offset_kwh: float, on_peak_offset_kwh: float, terms: ExportTerms, is_by_time: bool
) -> float:
    """Return what is earned by surplus that offset nothing; without windows it has the month's mean price."""
    off_peak_kwh = out.energy_kwh - out.on_peak_kwh
    if is_by_time:
        on_rest_kwh = out.on_peak_kwh - on_peak_offset_kwh
        off_rest_kwh = off_peak_kwh - (offset_kwh - on_peak_offset_kwh)
        return on_rest_kwh * terms.on_peak_thb_per_kwh + off_rest_kwh * terms.off_peak_thb_per_kwh
    if out.energy_kwh <= 0:
        return 0.0
    whole_thb = out.on_peak_kwh * terms.on_peak_thb_per_kwh + off_peak_kwh * terms.off_peak_thb_per_kwh
    return whole_thb * (1 - offset_kwh / out.energy_kwh)
