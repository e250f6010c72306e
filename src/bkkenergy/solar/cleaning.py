"""Cleaning as a lever: what more or fewer cleanings a year cost, and what they bring."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bkkenergy.errors import InputError
from bkkenergy.solar.assumptions import Cleaning, Losses
from bkkenergy.solar.production import Production
from bkkenergy.solar.soiling import best_cleaning_days
from bkkenergy.solar.weather import Weather

COUNTS = (0, 1, 2, 3, 4, 6, 12)
MAX_COUNT = 12


@dataclass(frozen=True, slots=True)
class CleaningOption:
    """A number of cleanings a year, on the days that help most.

    days : month-day. soiling_ratio : share of the light that dust takes. gain_kwh, gain_thb : against no cleaning, in
    the first year; cost_thb : of a year. is_assumed : what the design's yield rests on. is_best : gain less cost is
    highest.
    """

    count_per_year: int
    days: tuple[str, ...]
    soiling_ratio: float
    energy_kwh: float
    gain_kwh: float
    gain_thb: float
    cost_thb: float
    is_assumed: bool = False
    is_best: bool = False

    @property
    def net_thb(self) -> float:
        """What is left of the gain."""
        return self.gain_thb - self.cost_thb


def cleaned_otherwise(weather: Weather, losses: Losses, count: int) -> Losses:
    """Return losses with another number of cleanings a year, on the days that help most.

    Parameters
    ----------
    weather : Weather
        Light and rain of a year.
    losses : Losses
        How fast dust grows, and what rain leaves.
    count : int
        Cleanings a year.

    Returns
    -------
    Losses
        With other days of cleaning.

    Raises
    ------
    InputError
        If there are more than twelve or fewer than none, or a table of months says how dirty modules are.

    Examples
    --------
    >>> from bkkenergy.library.skies import solar_config
    >>> from bkkenergy.solar.cleaning import cleaned_otherwise
    >>> from bkkenergy.solar.climate import typical_year
    >>> config = solar_config()
    >>> cleaned_otherwise(typical_year(config.climate), config.losses, 0).soiling_cleaned_on
    ()
    """
    if not 0 <= count <= MAX_COUNT:
        raise InputError.of("cleanings_not_possible", given=count, most=MAX_COUNT)
    if losses.soiling_months:
        raise InputError.of("cleanings_by_months")
    days = tuple(sorted(best_cleaning_days(weather, losses, count))) if count else ()
    return losses.model_copy(update={"soiling_cleaned_on": days})


def visit_thb(cleaning: Cleaning, module_m2: float) -> float:
    """Return what cleaning all modules once costs.

    Parameters
    ----------
    cleaning : Cleaning
        Prices of a visit and of an area.
    module_m2 : float
        Area of all modules [m2].

    Returns
    -------
    float
        Cost of one visit [THB].

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> from bkkenergy.solar.cleaning import visit_thb
    >>> visit_thb(SimpleNamespace(thb_per_visit=1000.0, thb_per_m2=10.0), 50.0)
    1500.0
    """
    return cleaning.thb_per_visit + cleaning.thb_per_m2 * module_m2


def cleaning_options(
    weather: Weather,
    losses: Losses,
    cleaning: Cleaning,
    *,
    module_m2: float,
    simulated: Callable[[Losses], Production],
    saved_thb: Callable[[Sequence[Production]], list[float]],
) -> tuple[CleaningOption, ...]:
    """Compare numbers of cleanings a year, each simulated and billed as the design is.

    Parameters
    ----------
    weather : Weather
        Light and rain of a year.
    losses : Losses
        How fast dust grows, what rain leaves, and the cleanings that the design assumes.
    cleaning : Cleaning
        What a cleaning costs [THB].
    module_m2 : float
        Area of all modules [m2].
    simulated : callable
        Simulates the design's planes with other losses.
    saved_thb : callable
        Computes what each of several productions saves in a year [THB].

    Returns
    -------
    tuple of CleaningOption
        The assumed one too; none where a table of months says how dirty modules are: it names no cleaning.

    Examples
    --------
    >>> import bkkenergy as bk
    >>> roof = bk.Roof(area_m2=500, tilt_deg=10, azimuth_deg=180)
    >>> found = bk.design(roof, schedule="mea-3-2-lv", floor_m2=3000, capacity_kwp=22).cleaning
    >>> int(found.index[0]), float(found["gain_kwh"].max()) > 0
    (0, True)
    """
    if losses.soiling_months:
        return ()
    assumed = tuple(sorted(losses.soiling_cleaned_on))
    best_first = best_cleaning_days(weather, losses, max(COUNTS))
    plans = [tuple(sorted(best_first[:count])) for count in COUNTS]
    if assumed not in plans:
        plans.append(assumed)
    plans.sort(key=lambda days: (len(days), days == assumed))
    productions = [simulated(losses.model_copy(update={"soiling_cleaned_on": days})) for days in plans]
    thb = saved_thb(productions)
    energy = [float(production.energy_kwh.sum()) for production in productions]
    once_thb = visit_thb(cleaning, module_m2)
    net_thb = [saved - thb[0] - len(days) * once_thb for days, saved in zip(plans, thb, strict=True)]
    best = int(np.argmax(net_thb))
    return tuple(
        CleaningOption(
            len(days),
            days,
            _soiling_ratio(production),
            kwh,
            kwh - energy[0],
            saved - thb[0],
            len(days) * once_thb,
            days == assumed,
            number == best,
        )
        for number, (days, production, kwh, saved) in enumerate(zip(plans, productions, energy, thb, strict=True))
    )


def _soiling_ratio(production: Production) -> float:
    """Return the share of the light in the glass that dust takes."""
    return 1 - float(production.step_kwh["soiling"].sum() / production.step_kwh["rear"].sum())


def cleaning_table(options: tuple[CleaningOption, ...]) -> pd.DataFrame:
    """Return options as a table, by cleanings a year.

    Parameters
    ----------
    options : tuple of CleaningOption
        Of a design.

    Returns
    -------
    DataFrame
        By ``count_per_year``: days, share that dust takes, energy [kWh], gain and cost [THB].

    Examples
    --------
    >>> from bkkenergy.solar.cleaning import cleaning_table
    >>> cleaning_table(()).index.name
    'count_per_year'
    """
    names = ("count_per_year", "days", "soiling_ratio", "energy_kwh", "gain_kwh", "gain_thb", "cost_thb", "net_thb",
             "is_assumed", "is_best")  # fmt: skip
    rows = [{name: getattr(option, name) for name in names} for option in options]
    return pd.DataFrame(rows, columns=list(names)).set_index("count_per_year")
