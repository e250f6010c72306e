"""A year of PV, a battery and the grid on one load: which energy goes where, and what the bills become."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bkkenergy.readings import FloatArray
from bkkenergy.solar.batteryplan import dispatch_by_bill
from bkkenergy.solar.dispatch import BillChange, DispatchBalance, Storage, balance, bill_changes
from bkkenergy.solar.export import NO_EXPORT, ExportTerms
from bkkenergy.solar.load import YearLoad
from bkkenergy.tariff.schedule import Schedule, Tariffs

Dispatch = Literal["bill", "surplus"]


@dataclass(frozen=True, slots=True)
class BatteryUse:
    """What a battery does in a year.

    dispatch : by which rule. saving_thb : by the battery alone, of which bill_saving_thb is of the bills and the rest
    of sales. surplus_saving_thb : where it only stored what is left over. cycles : full discharges.
    """

    kwh: float
    kw: float
    dispatch: Dispatch
    saving_thb: float
    bill_saving_thb: float
    surplus_saving_thb: float
    charged_kwh: float
    discharged_kwh: float
    cycles: float


@dataclass(frozen=True, slots=True)
class Operation:
    """A year at work. battery : None where there is none."""

    flows: DispatchBalance
    bills: BillChange
    battery: BatteryUse | None


def operated(
    load: YearLoad,
    pv_kwh: FloatArray,
    schedule: Schedule,
    tariffs: Tariffs,
    storage: Storage | None,
    *,
    dispatch: Dispatch = "bill",
    export: ExportTerms = NO_EXPORT,
) -> Operation:
    """Compute flows and bills of a year; of two rules for the battery the cheaper one is taken.

    Parameters
    ----------
    load : YearLoad
        The building's load of n intervals.
    pv_kwh : (n,) array
        Energy of the PV [kWh].
    schedule : Schedule
        Whose rates hold.
    tariffs : Tariffs
        Ft and rules that all schedules share.
    storage : Storage or None
        A battery.
    dispatch : {"bill", "surplus"}
        By bill: a linear program over energy and demand charges, which knows the month in advance. By surplus: what PV
        leaves over, and no more.
    export : ExportTerms
        What exported energy earns, and whether months are netted.

    Returns
    -------
    Operation
        Flows [kWh], bills [THB], and what the battery did.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from bkkenergy.library.packaged import figures
    >>> from bkkenergy.solar.dispatch import Storage
    >>> from bkkenergy.solar.load import YearLoad
    >>> from bkkenergy.solar.operation import operated
    >>> tariffs = figures().tariffs
    >>> starts = pd.date_range("2025-11-01", "2025-12-01", freq="h", tz="Asia/Bangkok", inclusive="left")
    >>> load = YearLoad(starts, np.where(starts.hour == 14, 60.0, 20.0), 1.0, 1.0)
    >>> found = operated(load, np.zeros(len(starts)), tariffs.schedules["mea-3-2-lv"], tariffs, Storage(30, 30, 0.9))
    >>> found.battery.dispatch, found.battery.saving_thb > found.battery.surplus_saving_thb
    ('bill', True)
    """

    def billed(flows: DispatchBalance) -> BillChange:
        (change,) = bill_changes(flows, load.starts, schedule, tariffs, interval_h=load.interval_h, export=export)
        return change

    alone = balance(load.energy_kwh, pv_kwh[None, :], interval_h=load.interval_h)
    bills_alone = billed(alone)
    if storage is None:
        return Operation(alone, bills_alone, None)
    flows = balance(load.energy_kwh, pv_kwh[None, :], interval_h=load.interval_h, storage=storage)
    bills, rule = billed(flows), "surplus"
    surplus_thb = bills.saving_thb - bills_alone.saving_thb
    if dispatch == "bill":
        planned = dispatch_by_bill(
            load.energy_kwh, pv_kwh, storage, load.starts, schedule, tariffs, interval_h=load.interval_h,
            export=export,
        )  # fmt: skip
        planned_bills = billed(planned)
        if planned_bills.saving_thb > bills.saving_thb:
            flows, bills, rule = planned, planned_bills, "bill"
    discharged_kwh = float(flows.discharged_kwh.sum())
    battery = BatteryUse(
        storage.kwh,
        storage.kw,
        "bill" if rule == "bill" else "surplus",
        bills.saving_thb - bills_alone.saving_thb,
        bills.bill_saving_thb - bills_alone.bill_saving_thb,
        surplus_thb,
        float(flows.charged_kwh.sum()),
        discharged_kwh,
        discharged_kwh / storage.kwh,
    )
    return Operation(flows, bills, battery)
