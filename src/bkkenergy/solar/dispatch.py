"""PV beside the building's load: what is used, what is left over, and what the bill becomes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from bkkenergy.readings import FloatArray
from bkkenergy.solar.export import NO_EXPORT, ExportTerms, netted
from bkkenergy.tariff.bill import Bill, bills_of
from bkkenergy.tariff.quantities import quantities_of_many
from bkkenergy.tariff.schedule import Schedule, Tariffs
from bkkenergy.tariff.windows import window_masks


@dataclass(frozen=True, slots=True)
class Storage:
    """A battery at the meter; capacity between empty and full, losses halved between charge and discharge."""

    kwh: float
    kw: float
    round_trip_efficiency: float
    price_thb: float = 0.0


@dataclass(frozen=True, slots=True)
class DispatchBalance:
    """Energy of k systems in n intervals: (k, n) kWh each. load + charged + surplus = grid + pv + discharged.

    surplus_kwh : PV that the building cannot use: exported, or held back where export is not allowed.
    """

    load_kwh: FloatArray
    pv_kwh: FloatArray
    grid_kwh: FloatArray
    surplus_kwh: FloatArray
    charged_kwh: FloatArray
    discharged_kwh: FloatArray

    @property
    def used_kwh(self) -> FloatArray:
        """(k,) PV that the building used, through the battery too."""
        used: FloatArray = (self.pv_kwh - self.surplus_kwh).sum(axis=1)
        return used

    @property
    def self_consumption_ratio(self) -> FloatArray:
        """(k,) share of the PV that was used."""
        production_kwh = self.pv_kwh.sum(axis=1)
        return np.where(production_kwh > 0, self.used_kwh / np.where(production_kwh > 0, production_kwh, 1.0), 0.0)

    @property
    def load_share_ratio(self) -> FloatArray:
        """(k,) share of the load that did not come from the grid."""
        load = self.load_kwh.sum()
        return 1 - self.grid_kwh.sum(axis=1) / load if load > 0 else np.zeros(len(self.pv_kwh))


def balance(
    load_kwh: FloatArray, pv_kwh: FloatArray, *, interval_h: float, storage: Storage | None = None
) -> DispatchBalance:
    """Compute what feeds the load in each interval: PV, a battery or the grid.

    A battery takes what is left over and gives it back as soon as PV is short: no forecast, no tariff.

    Parameters
    ----------
    load_kwh : (n,) array
        Energy that the building uses [kWh].
    pv_kwh : (k, n) array
        Energy of k systems [kWh]. Negative PV, an inverter's need at night, adds to the load.
    interval_h : float
        Length of an interval [h].
    storage : Storage, optional
        A battery.

    Returns
    -------
    DispatchBalance
        Energies of each system and interval [kWh]: load + charged + surplus = grid + PV + discharged.

    Examples
    --------
    >>> import numpy as np
    >>> from bkkenergy.solar.dispatch import Storage, balance
    >>> load_kwh, pv_kwh = np.array([2.0, 2.0]), np.array([[5.0, 0.0]])
    >>> found = balance(load_kwh, pv_kwh, interval_h=1.0, storage=Storage(10.0, 2.0, 1.0))
    >>> found.surplus_kwh.tolist(), found.grid_kwh.tolist()
    ([[1.0, 0.0]], [[0.0, 0.0]])
    """
    need = load_kwh - pv_kwh
    surplus, grid = np.maximum(-need, 0.0), np.maximum(need, 0.0)
    charged, discharged = np.zeros_like(pv_kwh), np.zeros_like(pv_kwh)
    if storage is not None and storage.kwh > 0:
        charged, discharged = _through_battery(surplus, grid, storage, interval_h)
        surplus, grid = surplus - charged, grid - discharged
    return DispatchBalance(load_kwh, pv_kwh, grid, surplus, charged, discharged)


def _through_battery(
    surplus: FloatArray, grid: FloatArray, storage: Storage, interval_h: float
) -> tuple[FloatArray, FloatArray]:
    """Return (k, n) charged and discharged kWh; the state runs through time, all systems side by side."""
    one_way = np.sqrt(storage.round_trip_efficiency)
    most = storage.kw * interval_h
    charged, discharged = np.zeros_like(surplus), np.zeros_like(grid)
    stored_kwh = np.zeros(len(surplus))
    for step in range(surplus.shape[1]):
        take = np.minimum(np.minimum(surplus[:, step], most), (storage.kwh - stored_kwh) / one_way)
        give = np.minimum(np.minimum(grid[:, step], most), stored_kwh * one_way)
        stored_kwh += take * one_way - give / one_way
        charged[:, step], discharged[:, step] = take, give
    return charged, discharged


@dataclass(frozen=True)
class BillChange:
    """A year of bills without and with PV, and what export earned, THB.

    netted_kwh : surplus that offset what was bought. netted_thb : the part of the bills' saving that came of it, which
    ends with the agreement on export.
    """

    before: tuple[Bill, ...]
    after: tuple[Bill, ...]
    export_thb: float
    netted_kwh: float = 0.0
    netted_thb: float = 0.0

    @cached_property
    def bill_saving_thb(self) -> float:
        """What the year's bills cost less, VAT and all."""
        return sum(b.total_thb for b in self.before) - sum(b.total_thb for b in self.after)

    @property
    def saving_thb(self) -> float:
        """What the year costs less: its bills, and what export earns."""
        return self.bill_saving_thb + self.export_thb


def bill_changes(
    flows: DispatchBalance,
    starts: pd.DatetimeIndex,
    schedule: Schedule,
    tariffs: Tariffs,
    *,
    interval_h: float,
    export: ExportTerms = NO_EXPORT,
) -> list[BillChange]:
    """Compute the bills of k systems beside the bill without any.

    Parameters
    ----------
    flows : Balance
        What feeds the load.
    starts : DatetimeIndex
        Starts of the n intervals, with a time zone.
    schedule : Schedule
        Whose rates hold.
    tariffs : Tariffs
        Ft and rules that all schedules share.
    interval_h : float
        Length of an interval [h].
    export : ExportTerms
        What exported energy earns, and whether months are netted.

    Returns
    -------
    list of BillChange
        For each system the bills before and after, and what export earned [THB].

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from bkkenergy.library.packaged import figures
    >>> from bkkenergy.solar.dispatch import balance, bill_changes
    >>> tariffs = figures().tariffs
    >>> starts = pd.date_range("2025-11-01", "2025-12-01", freq="15min", tz="Asia/Bangkok", inclusive="left")
    >>> found = balance(np.full(len(starts), 2.0), np.full((1, len(starts)), 0.5), interval_h=0.25)
    >>> (change,) = bill_changes(found, starts, tariffs.schedules["mea-2-1-lv"], tariffs, interval_h=0.25)
    >>> change.saving_thb > 0
    True
    """
    series = np.vstack([flows.load_kwh[None, :], flows.grid_kwh])
    months = quantities_of_many(series, starts, tariffs, interval_h=interval_h)
    before = tuple(bills_of(months[0], schedule, tariffs))
    afters = [tuple(bills_of(month_end, schedule, tariffs)) for month_end in months[1:]]
    if not export.is_netted_by_month:
        earned_thb = flows.surplus_kwh @ export.prices_thb_per_kwh(window_masks(starts, tariffs)["on_peak"])
        return [BillChange(before, after, float(thb)) for after, thb in zip(afters, earned_thb, strict=True)]
    surplus = quantities_of_many(flows.surplus_kwh, starts, tariffs, interval_h=interval_h)
    changes = []
    for bought, sent, after in zip(months[1:], surplus, afters, strict=True):
        net = netted(bought, sent, schedule, export)
        bills = tuple(bills_of(list(net.bought), schedule, tariffs))
        saved_thb = sum(bill.total_thb for bill in after) - sum(bill.total_thb for bill in bills)
        changes.append(BillChange(before, bills, net.earned_thb, net.netted_kwh, float(saved_thb)))
    return changes
