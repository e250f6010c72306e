"""Indices: energy by area and by what a building serves, its place among peers, and the state's own."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from bkkenergy.readings import FloatArray
from bkkenergy.tomlfiles import Frozen

MJ_PER_KWH = 3.6
Standing = Literal["below", "near", "reached"]


class Designated(Frozen):
    """From where on a building is designated under the Energy Conservation Promotion Act."""

    transformer_kva: Annotated[float, Field(gt=0)]
    meter_kw: Annotated[float, Field(gt=0)]
    energy_mj_a_year: Annotated[float, Field(gt=0)]
    warn_at_ratio: Annotated[float, Field(gt=0, le=1)]
    source: Annotated[str, Field(min_length=1)]
    entered: dt.date


class StandardUse(Frozen):
    """A group's standard use: a constant and kWh a month for each unit of its drivers, of the state's measure."""

    group: str
    constant_kwh: float
    kwh_by_driver: dict[str, float]
    source: Annotated[str, Field(min_length=1)]
    entered: dt.date


def standing(designated: Designated, *, peak_kw: float, energy_kwh_a_year: float) -> Standing:
    """Judge whether a building is designated under the Energy Conservation Promotion Act, or close to it.

    Transformer kVA are compared with kW: without reactive power they cannot be less.

    Parameters
    ----------
    designated : Designated
        From which size on a building is designated.
    peak_kw : float
        Highest 15-minute demand [kW].
    energy_kwh_a_year : float
        Energy of a year [kWh].

    Returns
    -------
    {"below", "near", "reached"}
        Where it stands.

    References
    ----------
    .. [1] Energy Conservation Promotion Act, B.E. 2535; Royal Decree on Designated Buildings, B.E. 2538.

    Examples
    --------
    >>> from bkkenergy.savings.index import standing
    >>> from bkkenergy.site.packaged import packaged_config_dir
    >>> from bkkenergy.site.savings_config import load_savings
    >>> rule = load_savings(packaged_config_dir()).designated
    >>> standing(rule, peak_kw=100.0, energy_kwh_a_year=300_000.0)
    'below'
    """
    shares = (
        peak_kw / designated.meter_kw,
        peak_kw / designated.transformer_kva,
        energy_kwh_a_year * MJ_PER_KWH / designated.energy_mj_a_year,
    )
    highest = max(shares)
    return "reached" if highest >= 1 else "near" if highest >= designated.warn_at_ratio else "below"


def rolling_eui(month_kwh: FloatArray, floor_m2: float) -> FloatArray:
    """Compute the energy use intensity of the twelve months up to each month.

    Parameters
    ----------
    month_kwh : (n,) array
        Energy of months [kWh].
    floor_m2 : float
        Gross floor area [m2].

    Returns
    -------
    (n,) array
        Intensity [kWh/m2]; NaN before there are twelve months, or where one is not known.

    Examples
    --------
    >>> import numpy as np
    >>> from bkkenergy.savings.index import rolling_eui
    >>> float(rolling_eui(np.full(12, 1_000.0), 100.0)[-1])
    120.0
    """
    sums = np.convolve(month_kwh, np.ones(12), "full")[: len(month_kwh)]
    sums[:11] = np.nan
    eui: FloatArray = sums / floor_m2
    return eui


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


def public_index(actual_kwh: float, standard: StandardUse, drivers: Mapping[str, float]) -> float:
    """Compute the state's index of a public agency: (standard use - actual use) / actual use.

    Parameters
    ----------
    actual_kwh : float
        Energy of the period [kWh].
    standard : StandardUse
        Coefficients of the agency's group.
    drivers : mapping of str to float
        What it serves in the period: area, staff, hours.

    Returns
    -------
    float
        The index; above zero is better than standard.

    Raises
    ------
    KeyError
        If a driver of the standard is missing.

    References
    ----------
    .. [1] Energy Policy and Planning Office (EPPO), energy use index (EUI) of public agencies.

    Examples
    --------
    >>> import datetime as dt
    >>> from bkkenergy.savings.index import StandardUse, public_index
    >>> standard = StandardUse(
    ...     group="office", constant_kwh=1_000.0, kwh_by_driver={"staff": 10.0}, source="an example",
    ...     entered=dt.date(2026, 1, 1),
    ... )
    >>> public_index(1_000.0, standard, {"staff": 20.0})
    0.2
    """
    use = standard.constant_kwh + sum(rate * drivers[name] for name, rate in standard.kwh_by_driver.items())
    return (use - actual_kwh) / actual_kwh


def submission_rows(
    month_kwh: Sequence[float], months: Sequence[dt.date], drivers: Mapping[str, float], floor_m2: float
) -> list[dict[str, object]]:
    """List the fields that an agency enters into the national e-report each month.

    Parameters
    ----------
    month_kwh : sequence of float
        Energy of months [kWh].
    months : sequence of date
        A day of each.
    drivers : mapping of str to float
        What the building serves.
    floor_m2 : float
        Gross floor area [m2].

    Returns
    -------
    list of dict
        A row for each month.

    Examples
    --------
    >>> import datetime as dt
    >>> from bkkenergy.savings.index import submission_rows
    >>> submission_rows([900.0], [dt.date(2025, 11, 1)], {"staff": 20.0}, 400.0)
    [{'month': '2025-11', 'electricity_kwh': 900.0, 'floor_area_m2': 400.0, 'staff': 20.0}]
    """
    return [
        {"month": f"{month:%Y-%m}", "electricity_kwh": kwh, "floor_area_m2": floor_m2, **drivers}
        for month, kwh in zip(months, month_kwh, strict=True)
    ]
