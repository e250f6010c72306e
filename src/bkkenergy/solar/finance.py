"""Money over a system's life: own purchase, with a loan, power purchase agreement or shared savings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from bkkenergy.readings import FloatArray
from bkkenergy.solar.assumptions import CapexPoint, FinanceAssumptions
from bkkenergy.solar.rates import irr, payback_years, rates_of_return

Way = Literal["own", "loan", "ppa", "esco"]
PriceName = Literal["low", "central", "high"]
SENSITIVITY = 0.2
"""Each factor of the tornado is moved down and up by this share."""
FACTORS = ("energy", "capex", "tariff", "om", "discount_rate")
LOSS_YEARS = 5
"""For this number of years after it a loss is set against profit: Revenue Code of Thailand, section 65 ter (12)."""


@dataclass(frozen=True, slots=True)
class StorageMoney:
    """What a battery costs and brings, THB.

    saving_thb : its part of the first year's saving. fade_per_year : share of it that is lost each year since the
    battery is new. replacement_thb : what a new one costs in each replacement_years.
    """

    capex_thb: float
    saving_thb: float
    fade_per_year: float
    replacement_years: int
    replacement_thb: float


NO_STORAGE = StorageMoney(0.0, 0.0, 0.0, 0, 0.0)


@dataclass(frozen=True, slots=True)
class Investment:
    """What a system costs and brings in its first year, THB; all of the bill's saving, with VAT.

    capex_thb, saving_thb : of everything, the battery too. energy_kwh : PV that is used or sold in the first year.
    export_thb : earned by what is sold, beside the saving. netted_thb : the part of the saving that ends with the
    agreement on export. cleaning_thb : of a year, for cleanings beyond those that upkeep has.
    """

    capacity_kwp: float
    capex_thb: float
    saving_thb: float
    energy_kwh: float
    degradation_per_year: float
    money: FinanceAssumptions
    export_thb: float = 0.0
    storage: StorageMoney = NO_STORAGE
    netted_thb: float = 0.0
    cleaning_thb: float = 0.0


@dataclass(frozen=True, slots=True)
class Result:
    """What an investor asks. None where it does not exist: no payback within the years, no single rate of return.

    cash_thb : (years + 1,) from year 0. rates_of_return : every rate at which the cash is worth nothing; with more than
    one `irr` is None. lcoe_thb_per_kwh : all that the buyer pays in this way, for each kWh used or sold.
    """

    way: Way
    npv_thb: float
    irr: float | None
    payback_years: float | None
    discounted_payback_years: float | None
    lcoe_thb_per_kwh: float
    cash_thb: tuple[float, ...]
    rates_of_return: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class PriceCase:
    """Own purchase at one of today's prices."""

    name: PriceName
    capex_thb: float
    npv_thb: float
    irr: float | None
    payback_years: float | None


def capex_thb(capacity_kwp: float, points: Sequence[CapexPoint], price: PriceName = "central") -> float:
    """Compute the turn-key price of a size.

    The price of a kWp lies on a straight line of log(size) between the points, and is level beyond them.

    Parameters
    ----------
    capacity_kwp : float
        Module power at standard test conditions [kWp].
    points : sequence of CapexPoint
        Prices at sizes [THB/kWp].
    price : {"low", "central", "high"}
        Which of today's prices; a point without a range has one price.

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
    prices = [point.priced(price) for point in ordered]
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
    return made_kwh if money.export.is_allowed else used_kwh


def evaluate(project: Investment, way: Way = "own") -> Result:
    """Compute net present value, rate of return, paybacks and levelised cost of a project.

    NPV = sum of cash_t / (1 + r)^t; LCOE = present cost / present energy.

    Parameters
    ----------
    project : Investment
        Cost, saving and assumptions.
    way : {"own", "loan", "ppa", "esco"}
        Own purchase, with a loan, a power purchase agreement, or shared savings.

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
    year = np.arange(money.analysis_years + 1)
    income = _income(project)
    paid = _paid(project, way, income)
    cash = income - paid
    returns = rates_of_return(cash)
    rates = (1 + money.discount_rate) ** year
    energy = np.where(year > 0, project.energy_kwh * (1 - project.degradation_per_year) ** (year - 1.0), 0.0)
    present_energy = float((energy / rates).sum())
    present_cost = float((paid / rates).sum())
    return Result(
        way,
        float((cash / rates).sum()),
        irr(returns),
        payback_years(cash),
        payback_years(cash / rates),
        present_cost / present_energy if present_energy > 0 else float("inf"),
        tuple(float(value) for value in cash),
        returns,
    )


def _income(project: Investment) -> FloatArray:
    """Return (years + 1,) what PV and battery bring: the tariff grows, and an export price stays as it was agreed."""
    money, storage = project.money, project.storage
    year = np.arange(1, money.analysis_years + 1)
    left = (1 - project.degradation_per_year) ** (year - 1)
    grown = (1 + money.tariff_escalation) ** (year - 1)
    ended_thb = np.where(year > money.export_years, project.netted_thb, 0.0)
    saving = (project.saving_thb - storage.saving_thb - ended_thb) * left * grown
    age = (year - 1) % storage.replacement_years if storage.replacement_years else year - 1
    stored = storage.saving_thb * (1 - storage.fade_per_year) ** age * grown
    exported = np.where(year <= money.export_years, project.export_thb * left, 0.0)
    return np.concatenate([[0.0], saving + stored + exported])


def _costs(project: Investment) -> FloatArray:
    """Return (years + 1,) what an owner spends on keeping it at work."""
    money, storage = project.money, project.storage
    year = np.arange(money.analysis_years + 1)
    costs = np.where(year > 0, project.capex_thb * money.om_share_of_capex + project.cleaning_thb, 0.0)
    pv_thb = project.capex_thb - storage.capex_thb
    costs += ((year > 0) & (year == money.inverter_replacement_year)) * pv_thb * money.inverter_share_of_capex
    if storage.replacement_years:
        is_due = (year > 0) & (year % storage.replacement_years == 0) & (year < money.analysis_years)
        costs += is_due * storage.replacement_thb
    return costs


def _paid(project: Investment, way: Way, income: FloatArray) -> FloatArray:
    """Return (years + 1,) what the buyer pays: to the seller, the bank, the contractor and the state."""
    money = project.money
    year = np.arange(money.analysis_years + 1)
    costs = _costs(project)
    if way == "ppa":
        return np.where(year <= money.ppa_years, (1 - money.ppa_discount) * income, costs)
    if way == "esco":
        return np.where(year <= money.esco_years, money.esco_share * income, costs)
    owed_thb = project.capex_thb * money.loan_share if way == "loan" else 0.0
    paid_back, interest = _loan(owed_thb, money)
    down = np.where(year == 0, project.capex_thb - owed_thb, 0.0)
    return down + costs + paid_back + interest + _tax(project, income - costs - interest)


def _loan(owed_thb: float, money: FinanceAssumptions) -> tuple[FloatArray, FloatArray]:
    """Return (years + 1,) repayment and interest of a loan with equal payments at the end of each year."""
    repaid, interest = np.zeros(money.analysis_years + 1), np.zeros(money.analysis_years + 1)
    rate, years = money.loan_rate, min(money.loan_years, money.analysis_years)
    payment = owed_thb / years if rate == 0 else owed_thb * rate / (1 - (1 + rate) ** -years)
    for year in range(1, years + 1):
        interest[year] = owed_thb * rate
        repaid[year] = payment - interest[year]
        owed_thb -= repaid[year]
    return repaid, interest


def _tax(project: Investment, surplus: FloatArray) -> FloatArray:
    """Return (years + 1,) tax on what is left after costs, interest and depreciation; losses are carried forward."""
    money = project.money
    tax = np.zeros(len(surplus))
    if money.tax_rate == 0:
        return tax
    losses: list[tuple[int, float]] = []
    for year in range(1, len(surplus)):
        written_off = project.capex_thb / money.depreciation_years if year <= money.depreciation_years else 0.0
        profit = float(surplus[year]) - written_off
        losses = [(since, thb) for since, thb in losses if since >= year - LOSS_YEARS]
        if profit < 0:
            losses.append((year, -profit))
            continue
        carried: list[tuple[int, float]] = []
        for since, thb in losses:
            used = min(thb, profit)
            profit -= used
            if thb > used:
                carried.append((since, thb - used))
        losses = carried
        tax[year] = profit * money.tax_rate
    return tax


def price_range(project: Investment) -> tuple[PriceCase, ...]:
    """Compute own purchase at the low, the central and the high of today's prices.

    Parameters
    ----------
    project : Investment
        At the central price.

    Returns
    -------
    tuple of PriceCase
        Cost and worth [THB], rate of return and payback at each price.

    Examples
    --------
    >>> import bkkenergy as bk
    >>> from bkkenergy.solar.finance import price_range
    >>> project = bk.finance(capacity_kwp=100, saving_thb=560_000, energy_kwh=140_000).project
    >>> low, central, high = price_range(project)
    >>> low.payback_years < central.payback_years < high.payback_years
    True
    """
    points, size = project.money.paid_capex, project.capacity_kwp
    central_thb = capex_thb(size, points)
    cases = []
    names: tuple[PriceName, ...] = ("low", "central", "high")
    for name in names:
        pv_thb = project.capex_thb - project.storage.capex_thb
        cost_thb = pv_thb * capex_thb(size, points, name) / central_thb + project.storage.capex_thb
        result = evaluate(replace(project, capex_thb=cost_thb))
        cases.append(PriceCase(name, cost_thb, result.npv_thb, result.irr, result.payback_years))
    return tuple(cases)


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
        "energy": lambda: replace(
            project,
            energy_kwh=project.energy_kwh * by,
            saving_thb=project.saving_thb * by,
            export_thb=project.export_thb * by,
            netted_thb=project.netted_thb * by,
        ),
        "capex": lambda: replace(project, capex_thb=project.capex_thb * by),
        "tariff": lambda: replace(project, saving_thb=project.saving_thb * by, netted_thb=project.netted_thb * by),
        "om": lambda: replace(
            project, money=money.model_copy(update={"om_share_of_capex": money.om_share_of_capex * by})
        ),
        "discount_rate": lambda: replace(
            project, money=money.model_copy(update={"discount_rate": money.discount_rate * by})
        ),
    }
    return ways[name]()
