"""The same load under other schedules, a paper bill against ours, and what each saved kWh is worth."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from bkkenergy.calendar import BANGKOK
from bkkenergy.readings import FloatArray
from bkkenergy.tariff.bill import bills_of
from bkkenergy.tariff.quantities import Quantities
from bkkenergy.tariff.schedule import Customer, Eligibility, EnergyBlock, Schedule, Tariffs
from bkkenergy.tariff.windows import window_masks

MONTHS_OF_CLASS, MONTHS_OF_ENERGY = 12, 3
SiteChange = Literal["none", "tou_meter", "class"]
"""What a schedule would change on site: nothing, since it is today's; a meter that counts by time of use; or the class
of the customer alone."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A schedule with what the months would have cost under it, THB."""

    schedule: Schedule
    total_thb: float


def site_change(today: Schedule, other: Schedule) -> SiteChange:
    """Say what another schedule of the same voltage would change on site.

    Parameters
    ----------
    today, other : Schedule
        The schedule that holds, and the one that is looked at.

    Returns
    -------
    {"none", "tou_meter", "class"}
        Nothing, a meter that counts by time of use, or the class alone.

    Examples
    --------
    >>> from bkkenergy.library.packaged import figures
    >>> from bkkenergy.tariff.compare import site_change
    >>> schedules = figures().tariffs.schedules
    >>> today = schedules["mea-3-1-lv"]
    >>> [site_change(today, schedules[name]) for name in ("mea-3-1-lv", "mea-3-2-lv")]
    ['none', 'tou_meter']
    """
    if other.id == today.id:
        return "none"
    return "tou_meter" if other.kind == "tou" and today.kind != "tou" else "class"


def offers(
    months: Sequence[Quantities], schedules: Sequence[Schedule], tariffs: Tariffs, *, first: dt.date | None = None
) -> list[Offer]:
    """Compute what the same months cost under each schedule.

    Which schedules a customer may take, `open_to` says.

    Parameters
    ----------
    months : sequence of Quantities
        Energy [kWh] and demand [kW], in order.
    schedules : sequence of Schedule
        The schedules to compare.
    tariffs : Tariffs
        Ft and rules that all schedules share.
    first : date, optional
        The first month that counts; those before it are there for the minimum charge alone.

    Returns
    -------
    list of Offer
        The cheapest first, each with its total [THB].

    Examples
    --------
    >>> import datetime as dt
    >>> from bkkenergy.tariff.compare import offers
    >>> from bkkenergy.library.packaged import figures
    >>> from bkkenergy.tariff.quantities import Quantities
    >>> tariffs = figures().tariffs
    >>> month = Quantities(dt.date(2025, 11, 1), 10_000.0, 3_000.0, {"all": 40.0, "on_peak": 40.0})
    >>> chosen = [tariffs.schedules[name] for name in ("mea-3-1-lv", "mea-3-2-lv")]
    >>> [offer.schedule.id for offer in offers([month], chosen, tariffs)]
    ['mea-3-2-lv', 'mea-3-1-lv']
    """
    all_offers = []
    for schedule in schedules:
        since = max(tariffs.first_day, schedule.first_day)
        bills = bills_of([month for month in months if month.month >= since or not first], schedule, tariffs)
        counted = [bill for bill in bills if first is None or bill.month >= first]
        all_offers.append(Offer(schedule, sum(bill.total_thb for bill in counted)))
    return sorted(all_offers, key=lambda offer: offer.total_thb)


def open_to(
    schedule: Schedule, tariffs: Tariffs, months: Sequence[Quantities], *, customer: Customer = "state"
) -> list[Schedule]:
    """List the schedules of the same voltage that a customer may take, today's among them.

    The class follows the highest demand of the last twelve months and the mean energy of the last three. A customer of
    a larger class goes back to schedule 2 only after twelve months below its bound.

    Parameters
    ----------
    schedule : Schedule
        Today's schedule, which gives the voltage.
    tariffs : Tariffs
        All schedules, each with who may take it.
    months : sequence of Quantities
        Energy [kWh] and demand [kW], in order.
    customer : str
        The kind of customer; "state" for agencies of the state and the city.

    Returns
    -------
    list of Schedule
        Today's, and those that are open.

    References
    ----------
    .. [1] Metropolitan Electricity Authority (MEA), "Electricity tariffs", schedules 2 and 4: from 30 kW a customer is
       classed under 3.2, 4.2 or 5.2; 3.1 and 4.1 stay with who has them; large above 250,000 kWh, the mean of three
       months.

    Examples
    --------
    >>> import datetime as dt
    >>> from bkkenergy.tariff.quantities import Quantities
    >>> from bkkenergy.tariff.compare import open_to
    >>> from bkkenergy.library.packaged import figures
    >>> tariffs = figures().tariffs
    >>> month = Quantities(dt.date(2025, 11, 1), 9_000.0, 3_000.0, {"all": 45.0})
    >>> [one.id for one in open_to(tariffs.schedules["mea-3-1-lv"], tariffs, [month])]
    ['mea-3-1-lv', 'mea-3-2-lv']
    """
    if not months:
        return [schedule]
    peak_kw = max(max(month.demand_kw.values(), default=0.0) for month in months[-MONTHS_OF_CLASS:])
    mean_kwh = sum(month.energy_kwh for month in months[-MONTHS_OF_ENERGY:]) / len(months[-MONTHS_OF_ENERGY:])
    voltage = _voltage(schedule)
    return [
        one
        for one in tariffs.schedules.values()
        if one.id == schedule.id
        or (
            one.eligible is not None
            and not one.eligible.is_closed
            and customer in one.eligible.customers
            and _voltage(one) == voltage
            and _fits(one.eligible, peak_kw, mean_kwh)
            and (len(months) >= MONTHS_OF_CLASS or not _is_smaller(one.eligible, schedule.eligible))
        )
    ]


def _voltage(schedule: Schedule) -> str:
    return schedule.id.rsplit("-", 1)[1]


def _fits(eligible: Eligibility, peak_kw: float, mean_kwh: float) -> bool:
    if eligible.above_kwh_a_month is not None and mean_kwh > eligible.above_kwh_a_month:
        return True
    return (
        (eligible.max_kwh_a_month is None or mean_kwh <= eligible.max_kwh_a_month)
        and (eligible.min_kw is None or peak_kw >= eligible.min_kw)
        and (eligible.below_kw is None or peak_kw < eligible.below_kw)
    )


def _is_smaller(other: Eligibility, today: Eligibility | None) -> bool:
    """Whether a schedule is of a smaller class than today's."""
    return other.min_kw is None and today is not None and today.min_kw is not None


def avoided_thb_per_kwh(
    starts: pd.DatetimeIndex, schedule: Schedule, tariffs: Tariffs, *, energy_kwh_a_month: float
) -> FloatArray:
    """Compute what a kWh saved in each interval is worth, with Ft and VAT, without demand.

    Under blocks it is the price of the block in which the month ends.

    Parameters
    ----------
    starts : DatetimeIndex
        Starts of n intervals, with a time zone.
    schedule : Schedule
        Whose rates hold.
    tariffs : Tariffs
        Ft and rules that all schedules share.
    energy_kwh_a_month : float
        Energy of a usual month [kWh], which decides the block.

    Returns
    -------
    (n,) array
        Worth of a kWh [THB/kWh]; 0 before the first known rates and Ft, where no baht can be given.

    Examples
    --------
    >>> import pandas as pd
    >>> from bkkenergy.tariff.compare import avoided_thb_per_kwh
    >>> from bkkenergy.library.packaged import figures
    >>> tariffs = figures().tariffs
    >>> noon_and_night = pd.to_datetime(["2025-11-03 12:00", "2025-11-03 23:00"]).tz_localize("Asia/Bangkok")
    >>> schedule = tariffs.schedules["mea-3-2-lv"]
    >>> worth = avoided_thb_per_kwh(noon_and_night, schedule, tariffs, energy_kwh_a_month=9_000.0)
    >>> worth.round(4).tolist()
    [4.801, 2.9897]
    """
    local = starts.tz_convert(BANGKOK)
    masks = window_masks(starts, tariffs)
    month = local.year.to_numpy() * 12 + local.month.to_numpy() - 1
    price = np.zeros(len(starts))
    first_day = max(tariffs.first_day, schedule.first_day)
    for number in np.unique(month):
        day = dt.date(int(number) // 12, int(number) % 12 + 1, 1)
        if day < first_day:
            continue
        in_month = month == number
        price[in_month] = _energy_price(schedule, day, masks["on_peak"][in_month], energy_kwh_a_month)
        price[in_month] += tariffs.ft_on(day).thb_per_kwh
        price[in_month] *= 1 + tariffs.vat_on(day).ratio
    return price


def blocks_used(schedule: Schedule, energy_kwh_a_month: float) -> tuple[int, ...]:
    """Find the block in which a month ends, under each of a schedule's rates with blocks: it decides the price.

    Parameters
    ----------
    schedule : Schedule
        MEA's or another's.
    energy_kwh_a_month : float
        Energy of the month, kWh.

    Returns
    -------
    tuple of int
        Index of the block, for each of the rates that have blocks.

    Examples
    --------
    >>> from bkkenergy.site.figures import load_figures
    >>> from bkkenergy.site.packaged import packaged_config_dir
    >>> schedules = load_figures(packaged_config_dir()).tariffs.schedules
    >>> blocks_used(schedules["mea-2-1-lv"], 100.0) <= blocks_used(schedules["mea-2-1-lv"], 1000.0)
    True
    """
    return tuple(
        next(number for number, block in enumerate(rates.blocks) if _holds(block, energy_kwh_a_month))
        for rates in schedule.rates
        if rates.blocks
    )


def _holds(block: EnergyBlock, energy_kwh_a_month: float) -> bool:
    return block.up_to_kwh is None or energy_kwh_a_month <= block.up_to_kwh


def _energy_price(schedule: Schedule, day: dt.date, on_peak: np.ndarray, energy_kwh_a_month: float) -> FloatArray:
    rates = schedule.rates_on(day)
    if rates.on_peak_thb_per_kwh is not None and rates.off_peak_thb_per_kwh is not None:
        return np.where(on_peak, rates.on_peak_thb_per_kwh, rates.off_peak_thb_per_kwh)
    last = next(block for block in rates.blocks if _holds(block, energy_kwh_a_month))
    return np.full(len(on_peak), last.thb_per_kwh)
