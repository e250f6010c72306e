"""Money over a system's life: own purchase, power purchase agreement or shared savings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy import optimize

from bkkenergy.readings import FloatArray
from bkkenergy.solar.assumptions import CapexPoint, FinanceAssumptions

Way = Literal["own", "ppa", "esco"]
SENSITIVITY = 0.2
"""Each factor of the tornado is moved down and up by this share."""
FACTORS = ("energy", "capex", "tariff", "om", "discount_rate")


@dataclass(frozen=True, slots=True)
class Investment:
    """What a system costs and brings in its first year, THB; all of the bill's saving, with VAT.

    energy_kwh : PV that is used or sold in the first year.
    """

    capacity_kwp: float
    capex_thb: float
    saving_thb: float
    energy_kwh: float
    degradation_per_year: float
    money: FinanceAssumptions


@dataclass(frozen=True, slots=True)
class Result:
    """What an investor asks. None where it does not exist: no payback within the years, no rate of return.

    cash_thb : (years + 1,) from year 0.
    """

    way: Way
    npv_thb: float
    irr: float | None
    payback_years: float | None
    discounted_payback_years: float | None
    lcoe_thb_per_kwh: float
    cash_thb: tuple[float, ...]


def capex_thb(capacity_kwp: float, points: Sequence[CapexPoint]) -> float:
    """Compute the turn-key price of a size.

    The price of a kWp lies on a straight line of log(size) between the points, and is level beyond them.

    Parameters
    ----------
    capacity_kwp : float
        Module power at standard test conditions [kWp].
    points : sequence of CapexPoint
        Prices at sizes [THB/kWp].

    Returns
    -------
    float
        Price [THB].

    Examples
    --------
    >>> from bkkenergy.solar.finance import capex_thb
    >>> from bkkenergy.solar.assumptions import CapexPoint
    >>> capex_thb(100.0, [CapexPoint(kwp=10, thb_per_kwp=40_000), CapexPoint(kwp=1_000, thb_per_kwp=20_000)])
    3000000.0
    """
    ordered = sorted(points, key=lambda point: point.kwp)
    sizes = np.log([point.kwp for point in ordered])
    prices = [point.thb_per_kwp for point in ordered]
    return float(np.interp(np.log(max(capacity_kwp, 1e-6)), sizes, prices)) * capacity_kwp


def counted_kwh(made_kwh: float, used_kwh: float, money: FinanceAssumptions) -> float:
    """Return the PV energy that is worth something: all of it where export is paid, else what the building uses.

    Parameters
    ----------
    made_kwh, used_kwh : float
        Energy of a year that is produced, and that is used on the spot [kWh].
    money : FinanceAssumptions
        With the price of export.

    Returns
    -------
    float
        Energy that counts [kWh].

    Examples
    --------
    >>> from bkkenergy.solar.finance import counted_kwh
    >>> from bkkenergy.library.skies import solar_config
    >>> money = solar_config().finance.model_copy(update={"export_thb_per_kwh": 0.0})
    >>> counted_kwh(100.0, 80.0, money)
    80.0
    """
    return made_kwh if money.export_thb_per_kwh > 0 else used_kwh


def evaluate(project: Investment, way: Way = "own") -> Result:
    """Compute net present value, rate of return, paybacks and levelised cost of a project.

    NPV = sum of cash_t / (1 + r)^t; LCOE = present cost / present energy.

    Parameters
    ----------
    project : Investment
        Cost, saving and assumptions.
    way : {"own", "ppa", "esco"}
        Own purchase, a power purchase agreement, or shared savings.

    Returns
    -------
    Result
        Money [THB], rates (shares) and years; None where one does not exist.

    See Also
    --------
    bkkenergy.finance : The same with defaults of the configuration.

    References
    ----------
    .. [1] Short, Packey and Holt 1995, "A manual for the economic evaluation of energy efficiency and renewable
       energy technologies", NREL/TP-462-5173.

    Examples
    --------
    >>> from bkkenergy.library.skies import solar_config
    >>> from bkkenergy.solar.finance import Investment, evaluate
    >>> money = solar_config().finance.model_copy(
    ...     update={
    ...         "discount_rate": 0.0, "analysis_years": 10, "om_share_of_capex": 0.0, "inverter_replacement_year": 0,
    ...         "tariff_escalation": 0.0,
    ...     }
    ... )
    >>> found = evaluate(Investment(10.0, 300_000.0, 60_000.0, 14_000.0, 0.0, money))
    >>> found.npv_thb, found.payback_years
    (300000.0, 5.0)
    """
    money = project.money
    year = np.arange(1, money.analysis_years + 1)
    discount = (1 + money.discount_rate) ** year
    energy = project.energy_kwh * (1 - project.degradation_per_year) ** (year - 1)
    saving = (
        project.saving_thb
        * (1 - project.degradation_per_year) ** (year - 1)
        * (1 + money.tariff_escalation) ** (year - 1)
    )
    costs = np.full(len(year), project.capex_thb * money.om_share_of_capex)
    replacement = (year == money.inverter_replacement_year) * project.capex_thb * money.inverter_share_of_capex
    own_costs = costs + replacement
    if way == "own":
        cash = np.concatenate([[-project.capex_thb], saving - own_costs])
    elif way == "ppa":
        share = np.where(year <= money.ppa_years, money.ppa_discount, 1.0)
        cash = np.concatenate([[0.0], share * saving - np.where(year > money.ppa_years, own_costs, 0.0)])
    else:
        share = np.where(year <= money.esco_years, 1 - money.esco_share, 1.0)
        cash = np.concatenate([[0.0], share * saving - np.where(year > money.esco_years, own_costs, 0.0)])
    present_energy = float((energy / discount).sum())
    present_cost = project.capex_thb + float((own_costs / discount).sum())
    rates = np.concatenate([[1.0], discount])
    return Result(
        way,
        float((cash / rates).sum()),
        irr(cash),
        payback_years(cash),
        payback_years(cash / rates),
        present_cost / present_energy if present_energy > 0 else float("inf"),
        tuple(float(value) for value in cash),
    )


def irr(cash: FloatArray) -> float | None:
    """Find the rate at which cash is worth nothing.

    Parameters
    ----------
    cash : (years + 1,) array
        Cash of each year [THB], from year 0.

    Returns
    -------
    float or None
        The rate, a share; None where no rate between -99 % and 1,000 % does that.

    Examples
    --------
    >>> import numpy as np
    >>> from bkkenergy.solar.finance import irr
    >>> round(irr(np.array([-100.0, 110.0])), 6), irr(np.array([-100.0, 0.0]))
    (0.1, None)
    """

    def worth(rate: float) -> float:
        return float((cash / (1 + rate) ** np.arange(len(cash))).sum())

    if cash[0] >= 0 or worth(-0.99) * worth(10.0) > 0:
        return None
    return float(optimize.brentq(worth, -0.99, 10.0, xtol=1e-10))


def payback_years(cash: FloatArray) -> float | None:
    """Compute the years until the money is back, with the share of the last year.

    Parameters
    ----------
    cash : (years + 1,) array
        Cash of each year [THB], from year 0.

    Returns
    -------
    float or None
        Years; None where it never is, 0 where none was spent.

    Examples
    --------
    >>> import numpy as np
    >>> from bkkenergy.solar.finance import payback_years
    >>> payback_years(np.array([-100.0, 40.0, 40.0, 40.0]))
    2.5
    """
    if cash[0] >= 0:
        return 0.0
    sums = np.cumsum(cash)
    back = np.flatnonzero(sums >= 0)
    if len(back) == 0:
        return None
    year = int(back[0])
    return float(year - 1 + -sums[year - 1] / cash[year])


def tornado(project: Investment) -> list[tuple[str, float, float]]:
    """Compute how each factor, moved by 20 %, changes the net present value of own purchase.

    Parameters
    ----------
    project : Investment
        Cost, saving and assumptions.

    Returns
    -------
    list of (str, float, float)
        Factor, NPV with 20 % less and with 20 % more [THB], the widest first.

    Examples
    --------
    >>> from bkkenergy.solar.finance import tornado
    >>> import bkkenergy as bk
    >>> project = bk.finance(capacity_kwp=100, saving_thb=560_000, energy_kwh=140_000).project
    >>> [name for name, _, _ in tornado(project)][:2]
    ['energy', 'tariff']
    """
    rows = [
        (
            name,
            evaluate(_moved(project, name, 1 - SENSITIVITY)).npv_thb,
            evaluate(_moved(project, name, 1 + SENSITIVITY)).npv_thb,
        )
        for name in FACTORS
    ]
    return sorted(rows, key=lambda row: -abs(row[2] - row[1]))


def _moved(project: Investment, name: str, by: float) -> Investment:
    money = project.money
    ways: dict[str, Callable[[], Investment]] = {
        "energy": lambda: replace(project, energy_kwh=project.energy_kwh * by, saving_thb=project.saving_thb * by),
        "capex": lambda: replace(project, capex_thb=project.capex_thb * by),
        "tariff": lambda: replace(project, saving_thb=project.saving_thb * by),
        "om": lambda: replace(
            project, money=money.model_copy(update={"om_share_of_capex": money.om_share_of_capex * by})
        ),
        "discount_rate": lambda: replace(
            project, money=money.model_copy(update={"discount_rate": money.discount_rate * by})
        ),
    }
    return ways[name]()
