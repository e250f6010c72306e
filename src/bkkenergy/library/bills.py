"""Bills of a metered series under the schedules of MEA, and what other schedules would cost."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from bkkenergy.errors import InputError
from bkkenergy.library.arguments import checked
from bkkenergy.library.charts import Picture, bars
from bkkenergy.library.errors import warn
from bkkenergy.library.packaged import figures, schedule_named
from bkkenergy.library.series import complete, energy_of, interval_of
from bkkenergy.tariff.bill import Bill, bills_of
from bkkenergy.tariff.compare import offers, open_to
from bkkenergy.tariff.quantities import Quantities, quantities_of
from bkkenergy.tariff.schedule import Customer, Schedule, Supply, Utility

__all__ = ["Bills", "bill", "compare_schedules", "schedules"]

QUARTER_HOUR = pd.Timedelta(minutes=15)
FIRM = ("measured", "edited")


@dataclass(frozen=True, repr=False)
class Bills:
    """Bills of months, item by item.

    Attributes
    ----------
    bills : tuple of bkkenergy.tariff.bill.Bill
        One for each month, in order.
    schedule : bkkenergy.tariff.schedule.Schedule
        Whose rates they use.
    known_ratio : Series
        Share of each month whose energy is known, 0 to 1.

    Examples
    --------
    >>> import bkkenergy as bk
    >>> bk.bill(bk.examples.office_quarters("2025-11"), schedule="mea-3-2-lv")
    Bills(mea-3-2-lv, 2025-11: 10,169 kWh, 43 kW, 51,697.29 THB)
    """

    bills: tuple[Bill, ...]
    schedule: Schedule
    known_ratio: pd.Series

    @property
    def total_thb(self) -> float:
        """Return what is to be paid for all months [THB], with VAT."""
        return round(sum(one.total_thb for one in self.bills), 2)

    @property
    def lines(self) -> pd.DataFrame:
        """Return each line: ``month``, ``item``, ``quantity``, ``unit``, ``rate_thb`` and ``amount_thb``."""
        rows = [
            (pd.Timestamp(one.month), line.item, line.quantity, line.unit, line.rate_thb, line.amount_thb)
            for one in self.bills
            for line in one.lines
        ]
        return pd.DataFrame(rows, columns=["month", "item", "quantity", "unit", "rate_thb", "amount_thb"])

    @property
    def months(self) -> pd.DataFrame:
        """Return by month: energy [kWh], demand [kW], total [THB], mean price, share known, whether provisional."""
        energy_kwh = np.array([one.quantities.energy_kwh for one in self.bills])
        total_thb = np.array([one.total_thb for one in self.bills])
        thb_per_kwh = np.divide(total_thb, energy_kwh, out=np.full(len(energy_kwh), np.nan), where=energy_kwh > 0)
        columns = {
            "energy_kwh": energy_kwh,
            "demand_kw": [self._demand_kw(one) for one in self.bills],
            "total_thb": total_thb,
            "thb_per_kwh": thb_per_kwh,
            "known_ratio": self.known_ratio.to_numpy(),
            "is_provisional": [bool(one.provisional) for one in self.bills],
        }
        return pd.DataFrame(columns, index=pd.DatetimeIndex([one.month for one in self.bills], name="month"))

    @property
    def sources(self) -> list[str]:
        """Return where the rates and the Ft come from."""
        return list(dict.fromkeys(one.source for one in self.bills))

    def summary(self) -> pd.Series:
        """Sum the items over all months.

        Returns
        -------
        Series
            THB by item, and ``total``.

        Examples
        --------
        >>> import bkkenergy as bk
        >>> bill = bk.bill(bk.examples.office_quarters("2025-11"), schedule="mea-3-2-lv")
        >>> list(bill.summary().index)
        ['energy_on_peak', 'energy_off_peak', 'demand', 'service', 'ft', 'vat', 'total']
        """
        items = self.lines.groupby("item", sort=False)["amount_thb"].sum().round(2)
        items["total"] = self.total_thb
        return items

    def plot(self) -> Picture:
        """Draw the total of each month.

        Returns
        -------
        Picture
            SVG, which a notebook shows; `save` writes it.

        Examples
        --------
        >>> import bkkenergy as bk
        >>> bk.bill(bk.examples.office_quarters("2025"), schedule="mea-3-2-lv").plot()
        <Picture: Bills under mea-3-2-lv>
        """
        labels = [f"{one.month:%Y-%m}" for one in self.bills]
        totals = [one.total_thb for one in self.bills]
        return bars(labels, {"total": totals}, title=f"Bills under {self.schedule.id}", unit="THB")

    def _demand_kw(self, one: Bill) -> float:
        return max(one.quantities.demand_kw.values(), default=0.0)

    def __repr__(self) -> str:
        first, last = f"{self.bills[0].month:%Y-%m}", f"{self.bills[-1].month:%Y-%m}"
        span = first if first == last else f"{first} to {last}"
        energy = sum(one.quantities.energy_kwh for one in self.bills)
        demand = max(self._demand_kw(one) for one in self.bills)
        part = (
            "" if bool((self.known_ratio >= 1).all()) else f", {self.known_ratio.mean():.1%} known".replace("%", " %")
        )
        return (
            f"Bills({self.schedule.id}, {span}: {energy:,.0f} kWh, {demand:,.0f} kW, {self.total_thb:,.2f} THB{part})"
        )


@checked
def bill(
    series: pd.Series | pd.DataFrame,
    *,
    schedule: str,
    peak_kvar: float | None = None,
    highest_demand_thb: float | None = None,
    earlier: pd.Series | pd.DataFrame | None = None,
    utility: Utility = "mea",
    meter_side: Literal["high", "low"] | None = None,
) -> Bills:
    """Compute the bills of a metered series, as MEA's paper bills have them.

    Parameters
    ----------
    series : Series or DataFrame
        Energy of quarter-hours [kWh] by their start, with a time zone; intervals that divide them are summed. The table
        of `intervals` will do: its estimated intervals count as energy and never set a demand.
    schedule : str
        The tariff schedule; `schedules` lists them.
    peak_kvar : float, optional
        Highest 15-minute mean reactive power of the month [kvar]: for one month, where a meter measures it.
    highest_demand_thb : float, optional
        Highest demand charge of the eleven months before the first one [THB], for the minimum charge.
    earlier : Series or DataFrame, optional
        Energy of the months before [kWh], as `series`, instead of `highest_demand_thb`: their demand charges count in
        the minimum charge, so that a month costs the same alone and within its year. They are not billed.
    utility : {"mea", "pea"}
        Who bills: MEA bills demand in whole kW, PEA as it was measured.
    meter_side : {"high", "low"}, optional
        Of the customer's own transformer: on its low side kWh and kW are raised for its losses.

    Returns
    -------
    Bills
        One bill for each month, each line rounded to the satang.

    Raises
    ------
    InputError
        If the schedule is not known, the index has no time zone, the unit is not kWh, a month is before the first known
        Ft, or `earlier` does not end before the series begins.

    Warns
    -----
    EnergyWarning
        If a month is not known wholly, energy is below zero, intervals do not fill quarter-hours where demand is
        charged, or a month's rates, Ft or VAT have expired or were read in no source.

    References
    ----------
    .. [1] Metropolitan Electricity Authority, "Electricity tariffs"; `Bills.sources` names rates and Ft with dates.

    Examples
    --------
    >>> import bkkenergy as bk
    >>> november = bk.bill(bk.examples.office_quarters("2025-11"), schedule="mea-3-2-lv")
    >>> november.lines[["item", "amount_thb"]].iloc[0].to_dict()
    {'item': 'energy_on_peak', 'amount_thb': 27007.31}
    >>> bk.bill(bk.examples.office_quarters(), schedule="mea-3-2-vl")
    Traceback (most recent call last):
    bkkenergy.errors.InputError: schedule 'mea-3-2-vl' is not known. Did you mean mea-3-2-...
    """
    chosen, tariffs = schedule_named(schedule), figures().tariffs
    months, known_ratio, step = months_of(series)
    if peak_kvar is not None:
        if len(months) > 1:
            raise InputError(f"peak_kvar is of one month, and the series has {len(months)}. Bill each month by itself.")
        months = [replace(months[0], peak_kvar=peak_kvar)]
    months = [replace(months[0], highest_demand_thb=highest_demand_thb), *months[1:]]
    before = [] if earlier is None else _months_before(earlier, months[0].month)
    every = [replace(month, supply=Supply(utility, meter_side)) for month in (*before, *months)]
    bills = Bills(tuple(bills_of(every, chosen, tariffs)[len(before) :]), chosen, known_ratio)
    if notes := _notes(bills, step) + _export_note(series):
        warn(" ".join(notes))
    return bills


def schedules() -> pd.DataFrame:
    """List the tariff schedules that `bill` knows.

    Returns
    -------
    DataFrame
        By id: ``name`` in English, ``kind`` (plain, tou, tod), ``valid_from`` of the newest rates, and ``source``.

    Examples
    --------
    >>> import bkkenergy as bk
    >>> bk.schedules().loc["mea-3-2-mv", "name"]
    '3.2 medium general TOU, 12-24 kV'
    """
    known = figures().tariffs.schedules
    newest = {name: max(one.rates, key=lambda rates: rates.valid_from) for name, one in known.items()}
    rows = {
        name: (one.name_en, one.kind, pd.Timestamp(newest[name].valid_from), newest[name].source)
        for name, one in known.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index", columns=["name", "kind", "valid_from", "source"])


@checked
def compare_schedules(series: pd.Series | pd.DataFrame, *, schedule: str, customer: Customer = "state") -> pd.DataFrame:
    """Compute what the same use would cost under the schedules that the customer may take.

    Parameters
    ----------
    series : Series or DataFrame
        Energy of quarter-hours [kWh], as for `bill`.
    schedule : str
        Today's schedule. Others of the same voltage are compared with it.
    customer : {"state", "business", "hotel", "non_profit", "agriculture", "temporary"}
        The kind of customer: state bodies take schedules 2 to 4, by size.

    Returns
    -------
    DataFrame
        By schedule, the cheapest first: ``name``, ``total_thb`` [THB] over the series, and ``change_thb`` against
        today's.

    Raises
    ------
    InputError
        As `bill`.

    Warns
    -----
    EnergyWarning
        If a month is not known wholly, or energy is below zero.

    References
    ----------
    .. [1] MEA, schedules 2 and 4: small below 30 kW, medium from there to 999 kW and 250,000 kWh a month, large above.

    Examples
    --------
    >>> import bkkenergy as bk
    >>> bk.compare_schedules(bk.examples.office_quarters("2025"), schedule="mea-3-1-lv").index.tolist()
    ['mea-3-1-lv', 'mea-3-2-lv']
    """
    chosen, tariffs = schedule_named(schedule), figures().tariffs
    months, known_ratio, _ = months_of(series)
    if notes := _gap_note(known_ratio) + _export_note(series):
        warn(" ".join(notes))
    comparison = offers(months, open_to(chosen, tariffs, months, customer=customer), tariffs)
    today_thb = next(offer.total_thb for offer in comparison if offer.schedule.id == chosen.id)
    rows = {
        offer.schedule.id: (offer.schedule.name_en, round(offer.total_thb, 2), round(offer.total_thb - today_thb, 2))
        for offer in comparison
    }
    return pd.DataFrame.from_dict(rows, orient="index", columns=["name", "total_thb", "change_thb"])


def _months_before(earlier: pd.Series | pd.DataFrame, first: dt.date) -> list[Quantities]:
    months, _, _ = months_of(earlier)
    if months[-1].month >= first:
        raise InputError(
            f"earlier has energy of {months[-1].month:%Y-%m}, which is billed. End it before {first:%Y-%m}."
        )
    return months


def months_of(series: pd.Series | pd.DataFrame) -> tuple[list[Quantities], pd.Series, pd.Timedelta]:
    """Return the quantities of months, the share of each that is known, and the length of intervals."""
    energy = complete(energy_of(series), what="series")
    index = pd.DatetimeIndex(energy.index)
    step = interval_of(index, what="series")
    if step > pd.Timedelta(hours=1):
        raise InputError(f"series has intervals of {step}. A bill needs quarter-hours.")
    if ((index - index.floor("D")) % step != pd.Timedelta(0)).any():
        raise InputError("intervals of series do not divide the hours of Bangkok's clock. Resample them first.")
    energy_kwh, demand_kwh, length = _quarter_hours(energy, _firm(series, energy), step)
    quantities = quantities_of(
        energy_kwh.to_numpy(np.float64),
        pd.DatetimeIndex(energy_kwh.index),
        figures().tariffs,
        interval_h=length / pd.Timedelta(hours=1),
        demand_kwh=demand_kwh.to_numpy(np.float64),
    )
    known = energy.notna().groupby([index.year, index.month]).sum().to_numpy()
    whole = [pd.Timestamp(month.month).days_in_month * pd.Timedelta(days=1) / step for month in quantities]
    return (
        quantities,
        pd.Series(known / np.array(whole), [month.month for month in quantities], name="known_ratio"),
        step,
    )


def _quarter_hours(energy: pd.Series, firm: pd.Series, step: pd.Timedelta) -> tuple[pd.Series, pd.Series, pd.Timedelta]:
    """Return energy, what may set a demand, and their length: shorter intervals as the quarter-hours that they fill.

    A demand is a mean of 15 minutes: of a quarter-hour that is known in part, the energy counts and no demand.
    """
    if step >= QUARTER_HOUR or QUARTER_HOUR % step != pd.Timedelta(0):
        return energy, firm, step
    whole = round(QUARTER_HOUR / step)
    return (
        energy.resample(QUARTER_HOUR).sum(min_count=1),
        firm.resample(QUARTER_HOUR).sum(min_count=whole),
        QUARTER_HOUR,
    )


def _firm(series: pd.Series | pd.DataFrame, energy: pd.Series) -> pd.Series:
    """Return the energy that may set a demand: all of it, or what the table says was measured or edited."""
    if not isinstance(series, pd.DataFrame) or "quality" not in series:
        return energy
    return energy.where(series["quality"].isin(FIRM).reindex(energy.index, fill_value=False))


def _gap_note(known_ratio: pd.Series) -> list[str]:
    part = known_ratio[known_ratio < 1]
    listed = ", ".join(f"{month:%Y-%m} ({share:.1%})" for month, share in part.items())
    said = f"Not all energy is known of {listed}: what is missing counts as nothing, and the bill is too low."
    return [said] if len(part) else []


def _export_note(series: pd.Series | pd.DataFrame) -> list[str]:
    """Say that a series holds energy that flowed to the grid, which no bill takes off what came from it."""
    energy = energy_of(series)
    below = int((energy < 0).sum())
    said = (
        f"{below:,} of {len(energy):,} intervals are below zero, and are taken off the others. A bill charges what "
        "came from the grid: give import alone, series.clip(lower=0)."
    )
    return [said] if below else []


def _notes(bills: Bills, step: pd.Timedelta) -> list[str]:
    notes = _gap_note(bills.known_ratio)
    has_demand = any(line.item.startswith("demand") for one in bills.bills for line in one.lines)
    if has_demand and QUARTER_HOUR % step != pd.Timedelta(0):
        minutes = step / pd.Timedelta(minutes=1)
        side = "low" if step > QUARTER_HOUR else "high"
        notes.append(f"Demand is a mean of 15 minutes; from means of {minutes:g} minutes it is too {side}.")
    for figure, name in (("ft", "Ft"), ("rates", "rates"), ("vat", "VAT")):
        months = [f"{one.month:%Y-%m}" for one in bills.bills if any(note.figure == figure for note in one.provisional)]
        if months:
            notes.append(
                f"Provisional: the {name} of {', '.join(months)} could not be read; the last known stands for it."
            )
    return notes
