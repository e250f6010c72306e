"""Which size: yield, bill and money of many sizes side by side, up to what the roof holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bkkenergy.readings import FloatArray
from bkkenergy.solar.assumptions import FinanceAssumptions
from bkkenergy.solar.dispatch import Storage, balance, bill_changes
from bkkenergy.solar.finance import Project, Result, capex_thb, counted_kwh, evaluate
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


def sizes_up_to(most_kwp: float, count: int = SIZES) -> FloatArray:
    """(count,) sizes in even steps up to the most."""
    return most_kwp * np.arange(1, count + 1) / count


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
) -> Sweep:
    """Every size under the building's own load and tariff.

    pv_kwh_per_kwp : (n,) AC energy of one kWp on the load's grid.
    """
    sizes = np.asarray(sizes_kwp, np.float64)
    found = balance(load.energy_kwh, sizes[:, None] * pv_kwh_per_kwp, interval_h=load.interval_h, storage=storage)
    changes = bill_changes(
        found, load.starts, schedule, tariffs, interval_h=load.interval_h, export_thb_per_kwh=money.export_thb_per_kwh
    )
    used, ratio, share = found.used_kwh, found.self_consumption_ratio, found.load_share_ratio
    made = found.pv_kwh.sum(axis=1)
    options = []
    for number, (size, change) in enumerate(zip(sizes, changes, strict=True)):
        capex = capex_thb(float(size), money.capex) + (storage.price_thb if storage else 0.0)
        counted = counted_kwh(float(made[number]), float(used[number]), money)
        project = Project(float(size), capex, change.saving_thb, counted, degradation_per_year, money)
        options.append(
            SizeOption(
                float(size),
                float(made[number]),
                float(used[number]),
                float(ratio[number]),
                float(share[number]),
                capex,
                change.saving_thb,
                evaluate(project),
            )
        )
    return Sweep(tuple(options))
