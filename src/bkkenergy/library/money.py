"""Money of a solar project over its life."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import pandas as pd

from bkkenergy.errors import InputError
from bkkenergy.library.arguments import checked, day_named
from bkkenergy.library.charts import Picture, bars
from bkkenergy.library.errors import unknown_name
from bkkenergy.library.skies import solar_config
from bkkenergy.solar.assumptions import ZERO_EXPORT, FinanceAssumptions
from bkkenergy.solar.finance import Investment, Result, Way, capex_thb, evaluate, tornado
from bkkenergy.solar.terms import NUMBERS, with_terms

__all__ = ["Finance", "finance"]

WAYS = ("own", "loan", "ppa", "esco")


@dataclass(frozen=True, repr=False)
class Finance:
    """What an investor asks of a project.

    Attributes
    ----------
    project : bkkenergy.solar.finance.Project
        Cost, saving and assumptions.
    result : bkkenergy.solar.finance.Result
        Net present value, rate of return, paybacks and levelised cost.
    day : date
        Whose terms of export hold.

    Examples
    --------
    >>> import bkkenergy as bk
    >>> bk.finance(capacity_kwp=100, saving_thb=560_000, energy_kwh=140_000)
    Finance(own, 100 kWp: NPV 5,264,780 THB, IRR 19.6 %, payback 5.1 years, LCOE 1.82 THB/kWh)
    """

    project: Investment
    result: Result
    day: dt.date

    @property
    def cash_thb(self) -> pd.Series:
        """Return the cash of each year [THB], from year 0."""
        return pd.Series(self.result.cash_thb, name="cash_thb").rename_axis("year")

    @property
    def terms(self) -> pd.Series:
        """Return under what surplus is sold: the scheme, its price [THB/kWh] and years, on which day."""
        money = self.project.money
        values = {
            "day": self.day,
            "export_scheme": money.export_scheme,
            "export_thb_per_kwh": money.export.on_peak_thb_per_kwh,
            "export_years": money.export_years,
        }
        return pd.Series(values, name="terms", dtype=object)

    @property
    def sensitivity(self) -> pd.DataFrame:
        """Return the NPV [THB] of own purchase with each factor 20 % lower and 20 % higher, the widest first."""
        rows = tornado(self.project)
        return pd.DataFrame(rows, columns=["factor", "low_thb", "high_thb"]).set_index("factor")

    def summary(self) -> pd.Series:
        """Return the figures.

        Returns
        -------
        Series
            ``capex_thb``, ``npv_thb`` [THB], ``irr`` (a share), ``payback_years``, ``discounted_payback_years``,
            ``lcoe_thb_per_kwh``; None where one does not exist.

        Examples
        --------
        >>> import bkkenergy as bk
        >>> bk.finance(capacity_kwp=100, saving_thb=560_000, energy_kwh=140_000).summary()["capex_thb"]
        2728500.0
        """
        result = self.result
        return pd.Series(
            {
                "way": result.way,
                "capex_thb": self.project.capex_thb,
                "npv_thb": result.npv_thb,
                "irr": result.irr,
                "payback_years": result.payback_years,
                "discounted_payback_years": result.discounted_payback_years,
                "lcoe_thb_per_kwh": result.lcoe_thb_per_kwh,
            },
            name="finance",
            dtype=object,
        )

    def plot(self) -> Picture:
        """Draw the sum of cash up to each year.

        Returns
        -------
        Picture
            SVG, which a notebook shows; `save` writes it.

        Examples
        --------
        >>> import bkkenergy as bk
        >>> bk.finance(capacity_kwp=100, saving_thb=560_000, energy_kwh=140_000).plot()
        <Picture: Cash up to each year>
        """
        sums = self.cash_thb.cumsum()
        return bars(
            [str(year) for year in sums.index], {"cash": sums.tolist()}, title="Cash up to each year", unit="THB"
        )

    def __repr__(self) -> str:
        result = self.result
        irr = "none" if result.irr is None else f"{100 * result.irr:.1f} %"
        if len(result.rates_of_return) > 1:
            irr = "not unique: " + ", ".join(f"{100 * rate:.1f} %" for rate in result.rates_of_return)
        back = "none" if result.payback_years is None else f"{result.payback_years:.1f} years"
        money = f"NPV {result.npv_thb:,.0f} THB, IRR {irr}, payback {back}, LCOE {result.lcoe_thb_per_kwh:.2f} THB/kWh"
        return f"Finance({result.way}, {self.project.capacity_kwp:g} kWp: {money})"


@checked
def finance(
    *,
    capacity_kwp: float,
    saving_thb: float,
    energy_kwh: float,
    capex: float | None = None,
    way: Way = "own",
    degradation_per_year: float | None = None,
    surplus_kwh: float = 0.0,
    export: str | None = None,
    building_type: str = "office",
    day: str | dt.date | None = None,
    **assumptions: Any,
) -> Finance:
    """Compute the money of a solar project over its life.

    Parameters
    ----------
    capacity_kwp : float
        Module power at standard test conditions [kWp].
    saving_thb : float
        What the first year's bills cost less [THB], with VAT.
    energy_kwh : float
        PV that is used or sold in the first year [kWh].
    capex : float, optional
        Turn-key cost [THB]. By default the price of this size in the configuration.
    way : {"own", "loan", "ppa", "esco"}
        Own purchase, with a loan, a power purchase agreement, or shared savings.
    degradation_per_year : float, optional
        Share of energy lost each year. By default that of the configuration.
    surplus_kwh : float
        The part of `energy_kwh` that is sold, at one price for all hours [kWh].
    export : str, optional
        The scheme under which it is sold, such as "school-hospital"; or the price is ``export_thb_per_kwh=``.
    building_type : str
        The kind of building: a scheme may be open to some alone.
    day : str or date, optional
        On which the scheme is joined, as 2026-06-01; today by default.
    **assumptions
        Fields of `bkkenergy.solar.assumptions.FinanceAssumptions` to change, such as ``discount_rate=0.05``.

    Returns
    -------
    Finance
        Net present value, rate of return, paybacks, levelised cost, cash of each year.

    Raises
    ------
    InputError
        If a capacity or an assumption cannot be used, a scheme is not open to the building on that day, or a price of
        surplus is given without surplus, or one that only `design` can apply.

    References
    ----------
    .. [1] Short, Packey and Holt 1995, "A manual for the economic evaluation of energy efficiency and renewable energy
       technologies", NREL/TP-462-5173.

    Examples
    --------
    >>> import bkkenergy as bk
    >>> cheap = bk.finance(capacity_kwp=100, saving_thb=560_000, energy_kwh=140_000, capex=2_000_000)
    >>> cheap.result.npv_thb > bk.finance(capacity_kwp=100, saving_thb=560_000, energy_kwh=140_000).result.npv_thb
    True
    >>> sold = bk.finance(
    ...     capacity_kwp=100, saving_thb=400_000, energy_kwh=140_000, surplus_kwh=40_000, export="school-hospital",
    ...     building_type="school", day="2026-11-27",
    ... )
    >>> sold.project.export_thb, sold.terms["export_years"]
    (40000.0, 10)
    """
    if way not in WAYS:
        raise unknown_name("way", way, WAYS)
    for name, value in (("capacity_kwp", capacity_kwp), ("energy_kwh", energy_kwh)):
        if not value > 0:
            raise InputError(f"{name} is {value}. Give a size above zero.")
    config, on_day = solar_config(), day_named(day)
    for name in assumptions:
        if name not in NUMBERS or name == "export_scheme":
            raise unknown_name("assumption", name, [one for one in NUMBERS if one != "export_scheme"])
    money = with_terms(config, building_type, export=export, values=assumptions, day=on_day).finance
    sold_thb = _sold_thb(money, surplus_kwh, energy_kwh, is_asked=export not in {None, ZERO_EXPORT})
    cost_thb = capex_thb(capacity_kwp, money.paid_capex) if capex is None else capex
    loss = config.losses.degradation_per_year if degradation_per_year is None else degradation_per_year
    project = Investment(capacity_kwp, cost_thb, saving_thb, energy_kwh, loss, money, sold_thb)
    return Finance(project, evaluate(project, way), on_day)


def _sold_thb(money: FinanceAssumptions, surplus_kwh: float, energy_kwh: float, *, is_asked: bool) -> float:
    """Return what surplus earns in the first year [THB]. Raises InputError where terms and surplus do not meet."""
    if not 0 <= surplus_kwh <= energy_kwh:
        raise InputError(f"surplus_kwh is {surplus_kwh}. It is a part of energy_kwh: give 0 to {energy_kwh:g}.")
    terms = money.export
    if (is_asked or terms.is_allowed) and not surplus_kwh:
        raise InputError("there is a price for surplus, and no surplus. Give surplus_kwh=, or leave the price out.")
    if surplus_kwh and not terms.is_allowed:
        raise InputError("there is surplus, and nothing to sell it under. Give export= or export_thb_per_kwh=.")
    if terms.is_netted_by_month or terms.on_peak_thb_per_kwh != terms.off_peak_thb_per_kwh:
        raise InputError("these terms differ by hours or months. Use bk.design, which knows them.")
    return surplus_kwh * terms.on_peak_thb_per_kwh
