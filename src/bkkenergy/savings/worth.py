"""What a saving is worth under the tariff: the bills of a period, and those that would have come without it. Pure.

Both are computed under one tariff, that of the period, so that a change of prices is no saving. Energy is what was
judged, hour by hour. Demand is only what quarter-hours show: the peaks of a month
beside those of the same month before.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Self

import numpy as np
from pydantic import Field, model_validator

from bkkenergy.dated import Cited
from bkkenergy.readings import FloatArray
from bkkenergy.savings.adjust import Adjustment
from bkkenergy.savings.baseline import HOURS_PER_DAY, Baseline, Series, fit_form
from bkkenergy.savings.hourly import HourlyModel, predict_hourly
from bkkenergy.savings.yearly import adjusted_days
from bkkenergy.tariff.bill import Bill, Item, Provisional, bills_by_schedules
from bkkenergy.tariff.quantities import Quantities
from bkkenergy.tariff.schedule import Schedule, Tariffs, Window

ENERGY: tuple[Item, ...] = ("energy", "energy_on_peak", "energy_off_peak", "ft")
DEMAND: tuple[Item, ...] = ("demand", "demand_partial")

Halves = Annotated[tuple[tuple[Annotated[float, Field(ge=0)], ...], ...], Field(min_length=1)]


class DemandChange(Cited):
    """How far the peaks of some months are from those of the same months before, where nothing was done.

    half : 90 %, a share, by years between (rows) and months together (columns).
    """

    lag_years: Annotated[tuple[int, ...], Field(min_length=1)]
    months: Annotated[tuple[int, ...], Field(min_length=2)]
    half: Halves
    entered: dt.date

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if len(self.half) != len(self.lag_years) or any(len(row) != len(self.months) for row in self.half):
            raise ValueError(f"half needs {len(self.lag_years)} rows of {len(self.months)} values")
        return self

    def half_ratio(self, lag_years: int, months: int) -> float | None:
        """Return half the 90 % interval of a change; None of a lag that was not tested."""
        rows = [row for lag, row in zip(self.lag_years, self.half, strict=True) if lag >= lag_years]
        return float(np.interp(np.log(max(months, 1)), np.log(self.months), rows[0])) if rows else None


@dataclass(frozen=True, slots=True)
class WorthMonth:
    """A month of a saving.

    demand_kw, before_kw : the peak for which the month is charged, and that of the same month before; None where one of
    them is not measured, or the tariff has no charge for demand.
    """

    month: dt.date
    on_peak_kwh: float
    off_peak_kwh: float
    energy_thb: float
    demand_kw: float | None
    before_kw: float | None
    demand_thb: float | None


@dataclass(frozen=True, slots=True)
class Worth:
    """What a saving is worth [THB], with VAT.

    half_energy_thb, half_demand_thb : half of their 90 % intervals; of demand None where no month can be compared.
    schedules : under which it is computed; provisional : figures that may not hold.
    """

    first: dt.date
    last: dt.date
    months: tuple[WorthMonth, ...]
    half_energy_thb: float
    half_demand_thb: float | None
    schedules: tuple[str, ...]
    provisional: tuple[Provisional, ...]

    @property
    def on_peak_kwh(self) -> float:
        """Saved while energy is dear."""
        return sum(month.on_peak_kwh for month in self.months)

    @property
    def off_peak_kwh(self) -> float:
        """Saved while it is not."""
        return sum(month.off_peak_kwh for month in self.months)

    @property
    def energy_thb(self) -> float:
        """What the saved energy would have cost, with Ft and VAT."""
        return sum(month.energy_thb for month in self.months)

    @property
    def demand_thb(self) -> float | None:
        """What lower peaks saved; below zero where they rose."""
        known = [month.demand_thb for month in self.months if month.demand_thb is not None]
        return sum(known) if known else None

    @property
    def total_thb(self) -> float:
        """Energy and demand."""
        return self.energy_thb + (self.demand_thb or 0.0)

    @property
    def half_thb(self) -> float:
        """At most half of the 90 % interval of both: they may err together."""
        return self.half_energy_thb + (self.half_demand_thb or 0.0)


def saved_by_hour(
    baseline: Baseline, before: Series, series: Series, adjustments: Sequence[Adjustment] = ()
) -> FloatArray:
    """Spread the saving of each judged day over its hours; the sum is the saving.

    The day's baseline has the shape that such days had in the baseline's own time.

    Parameters
    ----------
    baseline : Baseline
        A fitted baseline.
    before : Series
        Hours of the baseline's time.
    series : Series
        Hours of the period that is judged.
    adjustments : sequence of Adjustment
        What persons entered as changes that are no savings.

    Returns
    -------
    (n,) array
        Saved energy of each hour [kWh]; 0 on days that are not judged.

    Examples
    --------
    >>> import bkkenergy as bk
    >>> from bkkenergy.library.findings import facts_of
    >>> from bkkenergy.savings.baseline import fit_baseline, saving_of
    >>> from bkkenergy.savings.worth import saved_by_hour
    >>> use = bk.examples.office(saving_ratio=0.2)
    >>> before, after = (facts_of(use[year], schedule="mea-3-2-lv").series for year in ("2024", "2025"))
    >>> baseline = fit_baseline(before)
    >>> abs(float(saved_by_hour(baseline, before, after).sum()) - saving_of(baseline, after).saving_kwh) < 1e-6
    True
    """
    expected, actual = adjusted_days(baseline, series, adjustments), series.day_energy_kwh
    shape = np.clip(_shape(before, series), 0, None)
    whole = shape.sum(axis=1, keepdims=True)
    shape = np.where(whole > 0, shape / np.where(whole > 0, whole, 1), 1 / HOURS_PER_DAY)
    known = series.known.reshape(-1, HOURS_PER_DAY)
    count = np.maximum(known.sum(axis=1), 1)
    energy_kwh = series.energy_kwh.reshape(-1, HOURS_PER_DAY)
    mean_kwh = np.where(known, energy_kwh, 0.0).sum(axis=1) / count
    hours = np.where(known, energy_kwh, mean_kwh[:, None])
    is_judged = np.isfinite(expected) & np.isfinite(actual)
    saved: FloatArray = np.where(is_judged[:, None], expected[:, None] * shape - hours, 0.0).ravel()
    return saved


def _shape(before: Series, series: Series) -> FloatArray:
    model = fit_form("hourly_calendar", before, np.ones(len(before.kind), np.bool_))
    if not isinstance(model, HourlyModel):
        raise TypeError("a model of hours is needed")
    return np.nan_to_num(predict_hourly(model, None, series.hour_slot)).reshape(-1, HOURS_PER_DAY)


@dataclass(frozen=True, slots=True)
class Billing:
    """Months as billed and without the saving, each part with its schedule; peaks of the same months before.

    before_kw : by month, with how many years lie between. is_whole : months whose peak is measured now.
    """

    billed: Sequence[Quantities]
    without: Sequence[Quantities]
    schedules: Sequence[Schedule]
    before_kw: Mapping[dt.date, tuple[Mapping[Window, float], int]]
    is_whole: Collection[dt.date]


def worth_of(
    billing: Billing, days: tuple[dt.date, dt.date], half_kwh: float, tariffs: Tariffs, change: DemandChange
) -> Worth:
    """Compute what a saving is worth, by the bills with and without it.

    Parameters
    ----------
    billing : Billing
        Quantities of the months; those before the first day are there for the minimum charge.
    days : (date, date)
        First and last day of the saving.
    half_kwh : float
        Half of its 90 % interval [kWh].
    tariffs : Tariffs
        Ft and rules that all schedules share.
    change : DemandChange
        How far peaks change by themselves.

    Returns
    -------
    Worth
        By month and in all.

    Raises
    ------
    InputError
        If a month is before the first known rates or Ft.

    Examples
    --------
    >>> import datetime as dt
    >>> from bkkenergy.library.packaged import figures, savings_figures
    >>> from bkkenergy.savings.worth import Billing, worth_of
    >>> from bkkenergy.tariff.quantities import Quantities
    >>> tariffs, month = figures().tariffs, dt.date(2025, 11, 1)
    >>> billed = Quantities(month, 9_000.0, 5_000.0, {"all": 40.0, "on_peak": 40.0})
    >>> without = Quantities(month, 10_000.0, 6_000.0, {"all": 40.0, "on_peak": 40.0})
    >>> before = {month: ({"all": 45.0, "on_peak": 45.0}, 1)}
    >>> billing = Billing([billed], [without], [tariffs.schedules["mea-3-2-lv"]], before, {month})
    >>> worth = worth_of(billing, (month, dt.date(2025, 11, 30)), 500.0, tariffs, savings_figures().demand_change)
    >>> round(worth.energy_thb), round(worth.demand_thb)
    (4801, 1124)
    """
    higher = [_with_peaks(part, billing) for part in billing.without]
    as_billed, without, with_peaks = (
        bills_by_schedules(parts, billing.schedules, tariffs) for parts in (billing.billed, billing.without, higher)
    )
    since = days[0].replace(day=1)
    triples = [one for one in zip(as_billed, without, with_peaks, strict=True) if one[0].month >= since]
    months = tuple(_month(billed, plain, high, billing) for billed, plain, high in triples)
    compared = [month for month in months if month.demand_thb is not None]
    lag = max((billing.before_kw[month.month][1] for month in compared), default=1)
    ratio = change.half_ratio(lag, len(compared))
    if ratio is None:
        months = tuple(replace(month, before_kw=None, demand_thb=None) for month in months)
    known = {month.month for month in compared}
    charge_thb = sum(_with_vat(high, DEMAND) for _, _, high in triples if high.month in known)
    schedules = tuple(dict.fromkeys(bill.schedule_id for billed, _, _ in triples for bill in billed.each))
    provisional = tuple(dict.fromkeys(one for billed, _, _ in triples for one in billed.provisional))
    half_demand = ratio * charge_thb if compared and ratio is not None else None
    return Worth(*days, months, half_kwh * _price(triples), half_demand, schedules, provisional)


def _with_peaks(part: Quantities, billing: Billing) -> Quantities:
    """Return a month with the peaks of the same month before, where both are measured."""
    return replace(part, demand_kw=billing.before_kw[part.month][0]) if _is_compared(part.month, billing) else part


def _is_compared(month: dt.date, billing: Billing) -> bool:
    return month in billing.before_kw and month in billing.is_whole


def _month(billed: Bill, without: Bill, higher: Bill, billing: Billing) -> WorthMonth:
    peaks, before = ([line.quantity for line in bill.lines if line.item == "demand"] for bill in (billed, higher))
    is_compared = bool(peaks) and _is_compared(billed.month, billing)
    on_peak = without.quantities.on_peak_kwh - billed.quantities.on_peak_kwh
    return WorthMonth(
        billed.month,
        on_peak,
        without.quantities.energy_kwh - billed.quantities.energy_kwh - on_peak,
        without.total_thb - billed.total_thb,
        max(peaks) if peaks else None,
        max(before) if is_compared else None,
        higher.total_thb - without.total_thb if is_compared else None,
    )


def _price(triples: Sequence[tuple[Bill, Bill, Bill]]) -> float:
    """Return what a kWh costs in the mean, with Ft and VAT [THB/kWh]."""
    used = sum(without.billed_kwh for _, without, _ in triples)
    return sum(_with_vat(without, ENERGY) for _, without, _ in triples) / used if used > 0 else 0.0


def _with_vat(bill: Bill, items: tuple[Item, ...]) -> float:
    before = bill.total_thb - bill.amount_thb("vat")
    return bill.amount_thb(*items) * bill.total_thb / before if before > 0 else 0.0
