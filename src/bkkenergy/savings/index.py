"""Indices: energy by area and by what a building serves, its place among peers, and the state's own."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, prod, sqrt
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from bkkenergy.dated import DatedFigure, holding
from bkkenergy.errors import InputError
from bkkenergy.texts import Term

Energy = Literal["electricity", "fuel"]


class StandardUse(DatedFigure):
    """The state's standard use of one group of agencies, a month: what an agency of its kind would use.

    The sum of the constant, of each coefficient times its driver, and of each coefficient under `roots` times the
    square root of its driver; then times each coefficient under `times` times its driver: kWh, or litres of fuel.
    """

    group: Annotated[str, Field(min_length=1)]
    energy: Energy
    constant: float = 0.0
    coefficients: dict[str, float] = Field(default_factory=dict)
    roots: dict[str, float] = Field(default_factory=dict)
    times: dict[str, float] = Field(default_factory=dict)

    @property
    def drivers(self) -> tuple[str, ...]:
        """What must be known of the month."""
        return tuple(dict.fromkeys((*self.coefficients, *self.roots, *self.times)))

    def use(self, drivers: Mapping[str, float]) -> float:
        """Compute the standard use of a month, kWh or litres. Raise InputError where a driver is not known."""
        missing = [name for name in self.drivers if name not in drivers or not isfinite(drivers[name])]
        if missing:
            raise InputError.of(
                "index_drivers", group=self.group, missing=[Term(name, f"driver.{name}") for name in missing]
            )
        linear = sum(rate * drivers[name] for name, rate in self.coefficients.items())
        rooted = sum(rate * sqrt(drivers[name]) for name, rate in self.roots.items())
        return (self.constant + linear + rooted) * prod(rate * drivers[name] for name, rate in self.times.items())


@dataclass(frozen=True, slots=True)
class Rank:
    """A building among its peers by energy use intensity; rank 1 uses least. gap_kwh : to the best quarter."""

    building: str
    eui_kwh_m2: float
    rank: int
    peers: int
    median_kwh_m2: float
    quarter_kwh_m2: float
    gap_kwh: float


def rank_peers(eui_kwh_m2: Mapping[str, float], floor_m2: Mapping[str, float]) -> list[Rank]:
    """Rank buildings of one type by their intensity.

    Parameters
    ----------
    eui_kwh_m2 : mapping of str to float
        Energy use intensity of a year [kWh/m2] by building; one that is not known is left out.
    floor_m2 : mapping of str to float
        Gross floor area [m2] by building.

    Returns
    -------
    list of Rank
        The lowest intensity first, each with its gap to the best quarter [kWh].

    Examples
    --------
    >>> from bkkenergy.savings.index import rank_peers
    >>> [one.building for one in rank_peers({"a": 90.0, "b": 60.0}, {"a": 1_000.0, "b": 1_000.0})]
    ['b', 'a']
    """
    known = {name: value for name, value in eui_kwh_m2.items() if np.isfinite(value)}
    if not known:
        return []
    median, quarter = np.quantile(list(known.values()), [0.5, 0.25])
    ordered = sorted(known.items(), key=lambda pair: pair[1])
    return [
        Rank(
            name,
            value,
            number,
            len(known),
            float(median),
            float(quarter),
            max(0.0, value - float(quarter)) * floor_m2[name],
        )
        for number, (name, value) in enumerate(ordered, 1)
    ]


def percentiles(values: Mapping[str, float]) -> dict[str, float]:
    """Return what share of the others uses less than each building, by a year's energy for each thing that it serves.

    Parameters
    ----------
    values : mapping of str to float
        Energy for each m2, pupil, bed or case of a year [kWh] by building; one that is not known is left out.

    Returns
    -------
    dict of str to float
        0 for the building that uses least, 1 for the one that uses most; equal ones share their places. Empty where
        fewer than two are known.

    Examples
    --------
    >>> from bkkenergy.savings.index import percentiles
    >>> percentiles({"a": 90.0, "b": 60.0, "c": 75.0})
    {'a': 1.0, 'b': 0.0, 'c': 0.5}
    """
    known = {name: value for name, value in values.items() if np.isfinite(value)}
    others = len(known) - 1
    if others < 1:
        return {}
    every = np.array(list(known.values()))
    return {
        name: float((every < value).sum() + ((every == value).sum() - 1) / 2) / others for name, value in known.items()
    }


def standard_of(standards: Sequence[StandardUse], group: str, energy: Energy, month: dt.date) -> StandardUse:
    """Return the state's standard use of a group that holds in a month.

    Parameters
    ----------
    standards : sequence of StandardUse
        Of all groups, each with the days on which it holds.
    group : str
        The sub-group, such as "1-01".
    energy : {"electricity", "fuel"}
        What is judged.
    month : date
        A day of the month.

    Returns
    -------
    StandardUse
        The coefficients, with their source.

    Raises
    ------
    InputError
        If no public coefficients of the group are entered for the month.

    References
    ----------
    .. [1] Energy Policy and Planning Office (EPPO), e-report, equations of the standard use by sub-group.

    Examples
    --------
    >>> import datetime as dt
    >>> from bkkenergy.savings.index import standard_of
    >>> from bkkenergy.site.index_config import load_index
    >>> from bkkenergy.site.packaged import packaged_config_dir
    >>> standards = load_index(packaged_config_dir()).standard_use
    >>> standard_of(standards, "1-01", "electricity", dt.date(2026, 10, 1)).drivers
    ('staff', 'floor_area_m2', 'opening_hours', 'visitors', 'temperature_c')
    """
    of_group = [one for one in standards if one.group == group and one.energy == energy]
    if (standard := holding(of_group, month)) is None:
        raise InputError.of("index_group", group=group, month=f"{month:%Y-%m}")
    return standard


def public_index(actual: float, standard: float) -> float:
    """Compute the state's index of a public agency: (standard use - actual use) / standard use.

    Parameters
    ----------
    actual : float
        Energy of the period [kWh], or fuel [L].
    standard : float
        Standard use of the same period and unit.

    Returns
    -------
    float
        The index; above zero is below the standard use, as the state asks: 0.2 is its target.

    Raises
    ------
    ValueError
        If the standard use is not above zero.

    References
    ----------
    .. [1] Energy Policy and Planning Office (EPPO), e-report: "below the standard use, per cent".

    Examples
    --------
    >>> from bkkenergy.savings.index import public_index
    >>> round(public_index(7_007.00, 10_494.13), 4), round(public_index(39_612.00, 10_730.01), 4)
    (0.3323, -2.6917)
    """
    if not standard > 0:
        raise ValueError(f"a standard use of {standard:g} gives no index")
    return (standard - actual) / standard
