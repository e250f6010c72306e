"""Which size: yield, bill and money of many sizes side by side, up to what the roof holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bkkenergy.readings import FloatArray
from bkkenergy.solar.assumptions import Battery, FinanceAssumptions
from bkkenergy.solar.dispatch import BillChange, DispatchBalance, Storage, balance, bill_changes
from bkkenergy.solar.finance import NO_STORAGE, Investment, Result, StorageMoney, capex_thb, counted_kwh, evaluate
from bkkenergy.solar.load import YearLoad
from bkkenergy.tariff.schedule import Schedule, Tariffs

SIZES = 24
SELF_CONSUMPTION_GOAL = 0.95


@dataclass(frozen=True, slots=True)
class SizeOption:
    """One size with what comes of it in its first year."""

    capacity_kwp: float
    energy_kwh: float
    used_kwh: float
    self_consumption_ratio: float
    load_share_ratio: float
    capex_thb: float
    saving_thb: float
    money: Result


@dataclass(frozen=True, slots=True)
class Sweep:
    """Sizes in growing order, with the best by money and the largest that the building uses nearly whole."""

    options: tuple[SizeOption, ...]

    @property
    def best_by_npv(self) -> SizeOption:
        """The size with the highest net present value."""
        return max(self.options, key=lambda option: option.money.npv_thb)

    @property
    def best_by_self_consumption(self) -> SizeOption:
        """The largest size of which the building uses 95 %; the smallest one where none does."""
        used = [option for option in self.options if option.self_consumption_ratio >= SELF_CONSUMPTION_GOAL]
        return used[-1] if used else self.options[0]


def sizes_up_to(max_kwp: float, count: int = SIZES) -> FloatArray:
    """List sizes in even steps up to the largest.

    Parameters
    ----------
    max_kwp : float
        The largest size [kWp].
    count : int
        How many.

    Returns
    -------
    (count,) array
        Sizes [kWp].

    Examples
    --------
    >>> from bkkenergy.solar.sizing import sizes_up_to
    >>> sizes_up_to(100.0, 4).tolist()
    [25.0, 50.0, 75.0, 100.0]
    """
    return max_kwp * np.arange(1, count + 1) / count


def sweep(
    load: YearLoad,
    pv_kwh_per_kwp: FloatArray,
    sizes_kwp: Sequence[float] | FloatArray,
    schedule: Schedule,
    tariffs: Tariffs,
    money: FinanceAssumptions,
    *,
    degradation_per_year: float,
    storage: Storage | None = None,
    battery: Battery | None = None,
) -> Sweep:
    """Compute yield, bill and money of sizes under a building's own load and tariff.

    Parameters
    ----------
    load : YearLoad
        A year of load of n intervals.
    pv_kwh_per_kwp : (n,) array
        AC energy of one kWp on the load's grid [kWh/kWp].
    sizes_kwp : sequence of float
        Sizes [kWp].
    schedule : Schedule
        Whose rates hold.
    tariffs : Tariffs
        Ft and rules that all schedules share.
    money : FinanceAssumptions
        Rates, prices and years.
    degradation_per_year : float
        Share of energy lost each year.
    storage : Storage, optional
        A battery that stores what is left over.
    battery : Battery, optional
        How it fades, and when it is replaced.

    Returns
    -------
    Sweep
        An option for each size.

    See Also
    --------
    bkkenergy.design : `sizes` of a design are such a sweep.

    Examples
    --------
    >>> import numpy as np
    >>> from bkkenergy.solar.sizing import sweep
    >>> import bkkenergy as bk
    >>> from bkkenergy.library.packaged import figures
    >>> from bkkenergy.library.skies import solar_config
    >>> from bkkenergy.solar.load import YearLoad
    >>> use, tariffs = bk.examples.office()["2025"], figures().tariffs
    >>> load = YearLoad(use.index, use.to_numpy(), 1.0, 1.0)
    >>> noon = np.where(use.index.hour == 12, 0.5, 0.0)
    >>> found = sweep(
    ...     load, noon, [10.0, 20.0], tariffs.schedules["mea-3-2-lv"], tariffs, solar_config().finance,
    ...     degradation_per_year=0.005,
    ... )
    >>> [option.energy_kwh for option in found.options]
    [1825.0, 3650.0]
    """
    sizes = np.asarray(sizes_kwp, np.float64)
    pv_kwh = sizes[:, None] * pv_kwh_per_kwp

    def changed(flows: DispatchBalance) -> list[BillChange]:
        return bill_changes(flows, load.starts, schedule, tariffs, interval_h=load.interval_h, export=money.export)

    flows = balance(load.energy_kwh, pv_kwh, interval_h=load.interval_h, storage=storage)
    changes = changed(flows)
    alone = changed(balance(load.energy_kwh, pv_kwh, interval_h=load.interval_h)) if storage else changes
    used, ratio, share = flows.used_kwh, flows.self_consumption_ratio, flows.load_share_ratio
    production_kwh = pv_kwh.sum(axis=1)
    options = []
    for number, (size, change, without) in enumerate(zip(sizes, changes, alone, strict=True)):
        stored = storage_money(storage, battery, change.bill_saving_thb - without.bill_saving_thb)
        capex = capex_thb(float(size), money.paid_capex) + stored.capex_thb
        counted = counted_kwh(float(production_kwh[number]), float(used[number]), money)
        project = Investment(
            float(size), capex, change.bill_saving_thb, counted, degradation_per_year, money, change.export_thb, stored,
            change.netted_thb,
        )  # fmt: skip
        options.append(
            SizeOption(
                float(size),
                float(production_kwh[number]),
                float(used[number]),
                float(ratio[number]),
                float(share[number]),
                capex,
                change.saving_thb,
                evaluate(project),
            )
        )
    return Sweep(tuple(options))


def storage_of(battery: Battery, money: FinanceAssumptions, kwh: float | None) -> Storage | None:
    """Return a battery with its price, VAT included.

    Parameters
    ----------
    battery : Battery
        The configuration's.
    money : FinanceAssumptions
        With the VAT.
    kwh : float or None
        Its size [kWh]; None is the configuration's.

    Returns
    -------
    Storage or None
        None where its size is 0.

    Examples
    --------
    >>> from bkkenergy.library.skies import solar_config
    >>> from bkkenergy.solar.sizing import storage_of
    >>> config = solar_config()
    >>> storage_of(config.battery, config.finance, None), storage_of(config.battery, config.finance, 40.0).kw
    (None, 20.0)
    """
    size_kwh = battery.kwh if kwh is None else kwh
    if size_kwh <= 0:
        return None
    price_thb = size_kwh * battery.capex_thb_per_kwh * (1 + money.vat_ratio)
    return Storage(size_kwh, battery.kw or size_kwh / 2, battery.round_trip_efficiency, price_thb)


def storage_money(storage: Storage | None, battery: Battery | None, saving_thb: float) -> StorageMoney:
    """Return what a battery costs and brings over the years.

    Parameters
    ----------
    storage : Storage or None
        The battery, with its price.
    battery : Battery or None
        How it fades, and when it is replaced; None is never.
    saving_thb : float
        Its part of the first year's saving [THB].

    Returns
    -------
    StorageMoney
        Nothing at all without a battery.

    Examples
    --------
    >>> from bkkenergy.library.skies import solar_config
    >>> from bkkenergy.solar.dispatch import Storage
    >>> from bkkenergy.solar.sizing import storage_money
    >>> storage_money(Storage(10.0, 5.0, 0.9, 120_000.0), solar_config().battery, 9_000.0).replacement_thb
    72000.0
    """
    if storage is None:
        return NO_STORAGE
    if battery is None:
        return StorageMoney(storage.price_thb, saving_thb, 0.0, 0, 0.0)
    return StorageMoney(
        storage.price_thb,
        saving_thb,
        battery.fade_per_year,
        battery.replacement_years,
        storage.price_thb * battery.replacement_share_of_capex,
    )
