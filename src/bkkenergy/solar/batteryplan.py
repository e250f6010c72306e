"""A battery that lowers the bill: a linear program for each month, over energy and demand charges.

It knows the month in advance, as no controller does: what it saves is the most that this battery can.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy

from bkkenergy.calendar import BANGKOK
from bkkenergy.readings import BoolArray, FloatArray
from bkkenergy.solar.dispatch import DispatchBalance, Storage
from bkkenergy.solar.export import NO_EXPORT, ExportTerms
from bkkenergy.tariff.schedule import Rates, Schedule, Tariffs, Window
from bkkenergy.tariff.windows import window_masks

WEAR_THB_PER_KWH = 1e-3
"""So that energy is not moved where that is worth nothing."""


@dataclass(frozen=True, slots=True)
class MonthPrices:
    """What a month charges. thb_per_kwh : (n,) bought in each interval. export_thb_per_kwh : (n,) earned by surplus.

    demand_thb_per_kw : of the highest mean power in each window; that of "tod_partial" is for what exceeds "tod_peak".
    """

    thb_per_kwh: FloatArray
    export_thb_per_kwh: FloatArray
    demand_thb_per_kw: Mapping[Window, float]
    windows: Mapping[Window, BoolArray]


def dispatch_by_bill(
    load_kwh: FloatArray,
    pv_kwh: FloatArray,
    storage: Storage,
    starts: pd.DatetimeIndex,
    schedule: Schedule,
    tariffs: Tariffs,
    *,
    interval_h: float,
    export: ExportTerms = NO_EXPORT,
) -> DispatchBalance:
    """Compute when a battery charges and discharges so that each month's energy and demand charges are lowest.

    It may charge from PV and from the grid, and serves the building only. Each month begins and ends with it empty.
    Rounding of demand and the minimum charge are not part of the program; the bill that follows has them.

    Parameters
    ----------
    load_kwh, pv_kwh : (n,) array
        Energy that the building uses, and that PV makes [kWh].
    storage : Storage
        The battery.
    starts : DatetimeIndex
        Starts of the n intervals, with a time zone.
    schedule : Schedule
        Whose rates hold.
    tariffs : Tariffs
        Ft and rules that all schedules share.
    interval_h : float
        Length of an interval [h].
    export : ExportTerms
        What exported energy earns. Where months are netted, a kWh sent out is taken to be worth what one bought costs.

    Returns
    -------
    DispatchBalance
        Energies of one system [kWh], as `balance` returns them.

    Raises
    ------
    InputError
        If no rates are known for a month.

    See Also
    --------
    bkkenergy.solar.dispatch.balance : A battery that stores what is left over, and knows no price.

    References
    ----------
    .. [1] Huangfu and Hall 2018, "Parallelizing the dual revised simplex method", Mathematical Programming Computation
       10, 119: HiGHS, which solves the program.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from bkkenergy.library.packaged import figures
    >>> from bkkenergy.solar.batteryplan import dispatch_by_bill
    >>> from bkkenergy.solar.dispatch import Storage
    >>> tariffs = figures().tariffs
    >>> starts = pd.date_range("2025-11-03", "2025-11-04", freq="h", tz="Asia/Bangkok", inclusive="left")
    >>> load_kwh = np.where(starts.hour == 14, 50.0, 10.0)
    >>> found = dispatch_by_bill(
    ...     load_kwh, np.zeros(24), Storage(40.0, 40.0, 0.9), starts, tariffs.schedules["mea-3-2-lv"], tariffs,
    ...     interval_h=1.0,
    ... )
    >>> float(found.grid_kwh[0, 9:22].max().round(1))
    12.1
    """
    local = starts.tz_convert(BANGKOK)
    month_of = local.year * 12 + local.month - 1
    masks = window_masks(starts, tariffs)
    charged, discharged = np.zeros(len(load_kwh)), np.zeros(len(load_kwh))
    for month in np.unique(month_of):
        rows = np.flatnonzero(month_of == month)
        first = local[rows[0]].date()
        rates = schedule.rates_on(first)
        is_on_peak = masks["on_peak"][rows]
        ft_thb = tariffs.ft_on(first).thb_per_kwh
        bought_thb = _energy_prices(rates, is_on_peak, float(load_kwh[rows].sum())) + ft_thb
        prices = MonthPrices(
            bought_thb,
            bought_thb if export.is_netted_by_month else export.prices_thb_per_kwh(is_on_peak),
            rates.demand_thb_per_kw,
            {window: masks[window][rows] for window in rates.demand_thb_per_kw},
        )
        charged[rows], discharged[rows] = cheapest(load_kwh[rows] - pv_kwh[rows], storage, prices, interval_h)
    net = load_kwh - pv_kwh + charged - discharged
    return DispatchBalance(
        load_kwh,
        pv_kwh[None, :],
        np.maximum(net, 0.0)[None, :],
        np.maximum(-net, 0.0)[None, :],
        charged[None, :],
        discharged[None, :],
    )


def _energy_prices(rates: Rates, is_on_peak: BoolArray, month_kwh: float) -> FloatArray:
    """Return (n,) price of a kWh more: by the time of day, or by the block that the month reaches."""
    if rates.on_peak_thb_per_kwh is not None and rates.off_peak_thb_per_kwh is not None:
        return np.where(is_on_peak, rates.on_peak_thb_per_kwh, rates.off_peak_thb_per_kwh)
    reached = next(block for block in rates.blocks if block.up_to_kwh is None or month_kwh <= block.up_to_kwh)
    return np.full(len(is_on_peak), reached.thb_per_kwh)


def cheapest(
    net_kwh: FloatArray, storage: Storage, prices: MonthPrices, interval_h: float
) -> tuple[FloatArray, FloatArray]:
    """Find the charging and discharging of a month that costs least.

    Minimise sum(price x grid) + sum(demand price x peak) over grid, charge, discharge, stored energy and peaks, with
    grid >= net + charge - discharge; what the inequality leaves over is surplus.

    Parameters
    ----------
    net_kwh : (n,) array
        Load less PV [kWh].
    storage : Storage
        The battery.
    prices : MonthPrices
        Of the month.
    interval_h : float
        Length of an interval [h].

    Returns
    -------
    (n,) array
        Energy into the battery [kWh].
    (n,) array
        Energy out of it [kWh].

    Raises
    ------
    RuntimeError
        If the program is not solved, which it always can be: a battery may stand still.

    Examples
    --------
    >>> import numpy as np
    >>> from bkkenergy.solar.batteryplan import MonthPrices, cheapest
    >>> from bkkenergy.solar.dispatch import Storage
    >>> prices = MonthPrices(np.array([1.0, 5.0]), np.zeros(2), {}, {})
    >>> charged, discharged = cheapest(np.array([0.0, 3.0]), Storage(2.0, 9.0, 1.0), prices, 1.0)
    >>> charged.tolist(), discharged.tolist()
    ([2.0, 0.0], [0.0, 2.0])
    """
    sparse = scipy.sparse
    count = len(net_kwh)
    one_way = np.sqrt(storage.round_trip_efficiency)
    most_kwh = storage.kw * interval_h
    windows = list(prices.demand_thb_per_kw)
    export = np.minimum(prices.export_thb_per_kwh, prices.thb_per_kwh)
    eye = sparse.identity(count, format="csr")
    peaks = sparse.csr_matrix((count, len(windows)))
    # Columns: grid, charge, discharge, stored, peaks.
    cost = np.concatenate([
        prices.thb_per_kwh - export,
        export + WEAR_THB_PER_KWH,
        -export + WEAR_THB_PER_KWH,
        np.zeros(count),
        [prices.demand_thb_per_kw[window] for window in windows],
    ])  # fmt: skip
    meets_need = sparse.hstack([-eye, eye, -eye, sparse.csr_matrix((count, count)), peaks])
    upper, limits = [meets_need], [-net_kwh]
    for at, window in enumerate(windows):
        rows = np.flatnonzero(prices.windows[window])
        below = sparse.lil_matrix((len(rows), len(windows)))
        below[:, at] = -interval_h
        if window == "tod_partial" and "tod_peak" in windows:
            below[:, windows.index("tod_peak")] = -interval_h
        upper.append(sparse.hstack([eye[rows], sparse.csr_matrix((len(rows), 3 * count)), below]))
        limits.append(np.zeros(len(rows)))
    before = sparse.diags([np.ones(count), -np.ones(count - 1)], [0, -1], format="csr")
    stores = sparse.hstack([sparse.csr_matrix((count, count)), -one_way * eye, eye / one_way, before, peaks])
    bounds = np.concatenate([
        np.tile([[0.0, np.inf]], (count, 1)),
        np.tile([[0.0, most_kwh]], (count, 1)),
        np.column_stack([np.zeros(count), np.clip(net_kwh, 0.0, most_kwh)]),
        np.tile([[0.0, storage.kwh]], (count, 1)),
        np.tile([[0.0, np.inf]], (len(windows), 1)),
    ])  # fmt: skip
    bounds[4 * count - 1, 1] = 0.0
    solved = scipy.optimize.linprog(
        cost, A_ub=sparse.vstack(upper, format="csr"), b_ub=np.concatenate(limits), A_eq=stores, b_eq=np.zeros(count),
        bounds=bounds, method="highs",
    )  # fmt: skip
    if solved.x is None:
        raise RuntimeError(f"the battery's program was not solved: {solved.message}")
    charged: FloatArray = np.clip(solved.x[count : 2 * count], 0.0, most_kwh)
    discharged: FloatArray = np.clip(solved.x[2 * count : 3 * count], 0.0, most_kwh)
    return charged, discharged
