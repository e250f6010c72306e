"""One flat rate for every kWh: a planning figure, not a bill."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from bkkenergy.dated import DatedFigure, Standing, holding
from bkkenergy.tariff.schedule import Tariffs


class FlatEnergy(DatedFigure):
    """The energy part of the flat rate, THB/kWh before Ft and VAT."""

    name_th: str
    name_en: str
    energy_thb_per_kwh: Annotated[float, Field(ge=0)]


@dataclass(frozen=True, slots=True)
class FlatRate:
    """What a kWh costs on a day with everything on it.

    energy_thb_per_kwh, ft_thb_per_kwh : THB/kWh before VAT. standing : "expired" or "unsourced" where one of its parts
    is, so that the rate is provisional.
    """

    name_th: str
    name_en: str
    energy_thb_per_kwh: float
    ft_thb_per_kwh: float
    vat_ratio: float
    source: str
    entered: dt.date
    source_th: str = ""
    standing: Standing = "sourced"

    @property
    def rate_thb_per_kwh(self) -> float:
        """What a kWh costs, with Ft and VAT."""
        return (self.energy_thb_per_kwh + self.ft_thb_per_kwh) * (1 + self.vat_ratio)


def flat_rate_on(day: dt.date, energies: Sequence[FlatEnergy], tariffs: Tariffs) -> FlatRate | None:
    """Make the flat rate of a day from its energy part, and the Ft and VAT that hold on it.

    Parameters
    ----------
    day : date
        The day.
    energies : sequence of FlatEnergy
        Energy parts [THB/kWh], with the days from which they hold.
    tariffs : Tariffs
        Ft and VAT.

    Returns
    -------
    FlatRate or None
        The rate [THB/kWh]; None before the first known Ft, where no baht can be given.

    References
    ----------
    .. [1] Metropolitan Electricity Authority (MEA), "Electricity tariffs": Ft is added to the energy charge, and VAT to
       the whole.

    Examples
    --------
    >>> import datetime as dt
    >>> from bkkenergy.library.packaged import figures
    >>> round(figures().flat_rate_on(dt.date(2026, 10, 1)).rate_thb_per_kwh, 4)
    4.3559
    >>> figures().flat_rate_on(dt.date(2010, 1, 1)) is None
    True
    """
    energy = holding(energies, day)
    if energy is None or day < tariffs.first_day:
        return None
    ft, vat = tariffs.ft_on(day), tariffs.vat_on(day)
    standings = {one.standing_on(day) for one in (energy, ft, vat)}
    return FlatRate(
        name_th=energy.name_th,
        name_en=energy.name_en,
        energy_thb_per_kwh=energy.energy_thb_per_kwh,
        ft_thb_per_kwh=ft.thb_per_kwh,
        vat_ratio=vat.ratio,
        source=f"{energy.source}; {ft.source}; {vat.source}",
        source_th="; ".join(one.source_th or one.source for one in (energy, ft, vat)),
        entered=max(energy.entered, ft.entered, vat.entered),
        standing=next((one for one in ("expired", "unsourced") if one in standings), "sourced"),
    )


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
    >>> import datetime as dt
    >>> from bkkenergy.tariff.flat import cost_thb
    >>> from bkkenergy.library.packaged import figures
    >>> rate = figures().flat_rate_on(dt.date(2026, 1, 1))
    >>> cost_thb(1_000.0, rate) == 1_000.0 * rate.rate_thb_per_kwh
    True
    """
    return energy_kwh * rate.rate_thb_per_kwh
