"""What a measure is worth: in money over its life, and what a tonne of it costs. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor

from bkkenergy.readings import BoolArray, FloatArray

DAY_HOURS = slice(8, 18)
"""Hours whose price a measure saves: most equipment runs in them."""


@dataclass(frozen=True, slots=True)
class LifeWorth:
    """What a measure brings.

    saved_thb : of a year, with its 90 % interval. npv_thb : of its life, at the middle of its cost; npv_low_thb,
    npv_high_thb : at the dear end with the least saving, and at the cheap end with the most. payback_years : simple;
    None where nothing is saved. tco2e : a year. abatement_thb_per_t : the cost of each tonne over its life, negative
    where it earns; None without emissions.
    """

    saved_thb: float
    saved_low_thb: float
    saved_high_thb: float
    npv_thb: float
    npv_low_thb: float
    npv_high_thb: float
    payback_years: float | None
    tco2e: float
    abatement_thb_per_t: float | None


def day_price(thb_per_kwh: FloatArray, is_open: BoolArray) -> float:
    """Compute what a kWh saved by day is worth: the mean of open days' hours of work.

    Parameters
    ----------
    thb_per_kwh : (24 d,) array
        What a kWh of each hour is worth [THB/kWh].
    is_open : (d,) array
        Days on which the building works. Where there is none, all days count.

    Returns
    -------
    float
        The mean [THB/kWh].

    Examples
    --------
    >>> import numpy as np
    >>> from bkkenergy.retrofits.money import day_price
    >>> round(day_price(np.full(48, 4.5), np.array([True, False])), 2)
    4.5
    """
    days = thb_per_kwh.reshape(len(is_open), -1)
    return float(days[is_open if is_open.any() else slice(None)][:, DAY_HOURS].mean())


def annuity(years: float, discount_ratio: float) -> float:
    """Compute what one baht a year is worth today.

    Parameters
    ----------
    years : float
        For how long. Of a part of a year the part counts.
    discount_ratio : float
        By which later money is worth less each year.

    Returns
    -------
    float
        The sum of its present values, each at the end of its year.

    Examples
    --------
    >>> from bkkenergy.retrofits.money import annuity
    >>> annuity(2, 0.0), round(annuity(15, 0.05), 4), round(annuity(1.5, 0.0), 2)
    (2.0, 10.3797, 1.5)
    """
    whole = floor(years)
    sums = sum((1 + discount_ratio) ** -year for year in range(1, whole + 1))
    return float(sums + (years - whole) * (1 + discount_ratio) ** -(whole + 1))


def worth_of(
    saved_kwh: tuple[float, float, float],
    cost_thb: tuple[float, float],
    *,
    thb_per_kwh: float,
    kgco2e_per_kwh: float | None,
    life_years: float,
    discount_ratio: float,
    bill_thb: tuple[float, float, float] = (0.0, 0.0, 0.0),
) -> LifeWorth:
    """Compute what a measure is worth.

    Parameters
    ----------
    saved_kwh : tuple of float
        Energy of a year: low, middle, high [kWh].
    cost_thb : tuple of float
        Low and high [THB].
    thb_per_kwh : float
        What a kWh saved is worth, with Ft and VAT.
    kgco2e_per_kwh : float or None
        The grid's factor; None where it is not known.
    life_years : float
        How long the new thing lasts.
    discount_ratio : float
        Real, a year.
    bill_thb : tuple of float
        What a year's bills have less beside energy: low, middle, high [THB].

    Returns
    -------
    LifeWorth
        Prices and factor are taken to stay as they are.

    Examples
    --------
    >>> from bkkenergy.retrofits import worth_of
    >>> worth = worth_of((900, 1000, 1100), (8000, 12000), thb_per_kwh=4.0, kgco2e_per_kwh=0.5, life_years=10,
    ...                  discount_ratio=0.0)
    >>> worth.npv_thb, worth.payback_years, worth.tco2e, worth.abatement_thb_per_t
    (30000.0, 2.5, 0.5, -6000.0)
    """
    low, saved_thb, high = (kwh * thb_per_kwh + thb for kwh, thb in zip(saved_kwh, bill_thb, strict=True))
    low_thb, high_thb = cost_thb
    years = annuity(life_years, discount_ratio)
    cost = (low_thb + high_thb) / 2
    npv = saved_thb * years - cost
    tonnes = 0.0 if kgco2e_per_kwh is None else saved_kwh[1] * kgco2e_per_kwh / 1000
    over_life = tonnes * life_years
    return LifeWorth(
        saved_thb=saved_thb,
        saved_low_thb=low,
        saved_high_thb=high,
        npv_thb=npv,
        npv_low_thb=low * years - high_thb,
        npv_high_thb=high * years - low_thb,
        payback_years=cost / saved_thb if saved_thb > 0 else None,
        tco2e=tonnes,
        abatement_thb_per_t=-npv / over_life if over_life > 0 else None,
    )
