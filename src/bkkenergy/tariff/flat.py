"""One flat rate for every kWh: a planning figure, not a bill."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from pydantic import Field

from bkkenergy.tomlfiles import Frozen

NotNegative = Annotated[float, Field(ge=0)]


class FlatRate(Frozen):
    """Energy rate and Ft, THB/kWh before VAT, with where they come from."""

    name_th: str
    name_en: str
    energy_thb_per_kwh: NotNegative
    ft_thb_per_kwh: float
    vat_ratio: NotNegative
    source: Annotated[str, Field(min_length=1)]
    entered: dt.date

    @property
    def rate_thb_per_kwh(self) -> float:
        """What a kWh costs with everything on it."""
        return (self.energy_thb_per_kwh + self.ft_thb_per_kwh) * (1 + self.vat_ratio)


def cost_thb(energy_kwh: float, rate: FlatRate) -> float:
    """Compute the cost of energy at a flat rate, with Ft and VAT, not rounded.

    Parameters
    ----------
    energy_kwh : float
        Energy [kWh].
    rate : FlatRate
        The rate, with its source.

    Returns
    -------
    float
        Cost [THB].

    Examples
    --------
    >>> from bkkenergy.tariff.flat import cost_thb
    >>> from bkkenergy.library.packaged import figures
    >>> rate = figures().flat_rate
    >>> cost_thb(1_000.0, rate) == 1_000.0 * rate.rate_thb_per_kwh
    True
    """
    return energy_kwh * rate.rate_thb_per_kwh
