"""Rates of return and paybacks of a row of yearly cash."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy

from bkkenergy.readings import FloatArray

MIN_RATE, MAX_RATE = -0.99, 10.0
"""Between these rates of return are looked for: -99 % and 1,000 %."""
STEPS = 2_000


def rates_of_return(cash: FloatArray) -> tuple[float, ...]:
    """Find every rate at which cash is worth nothing.

    Cash that changes its sign more than once, as by a replacement that costs more than its year brings, may have
    several; then none of them is *the* rate of return.

    Parameters
    ----------
    cash : (years + 1,) array
        Cash of each year [THB], from year 0.

    Returns
    -------
    tuple of float
        Rates between -99 % and 1,000 %, as shares, the lowest first. Empty where there is none, or nothing is spent
        first.

    References
    ----------
    .. [1] Short, Packey and Holt 1995, "A manual for the economic evaluation of energy efficiency and renewable
       energy technologies", NREL/TP-462-5173, on multiple rates of return.

    Examples
    --------
    >>> import numpy as np
    >>> from bkkenergy.solar.rates import rates_of_return
    >>> [round(rate, 6) for rate in rates_of_return(np.array([-100.0, 230.0, -132.0]))]
    [0.1, 0.2]
    """
    if len(cash) == 0 or cash[0] >= 0:
        return ()
    year = np.arange(len(cash))

    def worth(log_growth: float) -> float:
        return float((cash * np.exp(-log_growth * year)).sum())

    low, high = float(np.log1p(MIN_RATE)), float(np.log1p(MAX_RATE))
    grid = np.linspace(low, high, STEPS if _sign_changes(cash) > 1 else 2)
    values = (cash * np.exp(-grid[:, None] * year)).sum(axis=1)
    roots = [
        float(grid[at]) if values[at] == 0 else float(scipy.optimize.brentq(worth, grid[at], grid[at + 1], xtol=1e-12))
        for at in np.flatnonzero((values[:-1] == 0) | (values[:-1] * values[1:] < 0))
    ]
    return tuple(float(np.expm1(root)) for root in roots)


def _sign_changes(cash: FloatArray) -> int:
    signs = np.sign(cash[cash != 0])
    return int((signs[1:] != signs[:-1]).sum())


def irr(rates: Sequence[float]) -> float | None:
    """Return the internal rate of return of cash that is worth nothing at some rates.

    Parameters
    ----------
    rates : sequence of float
        Of `rates_of_return`.

    Returns
    -------
    float or None
        The one, a share; None where there is none, or more than one.

    Examples
    --------
    >>> from bkkenergy.solar.rates import irr
    >>> irr((0.1,)), irr(()), irr((0.1, 0.2))
    (0.1, None, None)
    """
    return rates[0] if len(rates) == 1 else None


def payback_years(cash: FloatArray) -> float | None:
    """Compute the years until the money is back, with the share of the last year.

    Parameters
    ----------
    cash : (years + 1,) array
        Cash of each year [THB], from year 0.

    Returns
    -------
    float or None
        Years until the sum of cash is above zero and stays there; None where it never does, 0 where none was spent.

    Examples
    --------
    >>> import numpy as np
    >>> from bkkenergy.solar.rates import payback_years
    >>> payback_years(np.array([-100.0, 40.0, 40.0, 40.0])), payback_years(np.array([-10.0, 12.0, -8.0]))
    (2.5, None)
    """
    if cash[0] >= 0:
        return 0.0
    sums = np.cumsum(cash)
    short = np.flatnonzero(sums < 0)
    year = int(short[-1]) + 1
    if year == len(cash):
        return None
    return float(year - 1 + -sums[year - 1] / cash[year])
