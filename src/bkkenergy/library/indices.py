"""Buildings side by side: the portfolio as a table, and its ranking by energy use intensity."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from bkkenergy.errors import InputError
from bkkenergy.library import packaged
from bkkenergy.library.arguments import checked
from bkkenergy.library.series import numbers_of
from bkkenergy.portfolio import Portfolio, load_portfolio
from bkkenergy.savings.index import rank_peers

__all__ = ["buildings", "portfolio_of", "rank"]

RANK_COLUMNS = ["rank", "eui_kwh_m2", "peers", "median_kwh_m2", "best_quarter_kwh_m2", "gap_kwh"]


def portfolio_of(given: Portfolio | Path | str | None) -> Portfolio:
    """Return a portfolio: as it is, of a configuration's folder, or the demonstration's."""
    if given is None:
        return packaged.demonstration()
    return given if isinstance(given, Portfolio) else load_portfolio(Path(given))


@checked
def buildings(portfolio: Portfolio | Path | str | None = None) -> pd.DataFrame:
    """List the buildings of a portfolio.

    Parameters
    ----------
    portfolio : Portfolio, Path or str, optional
        A portfolio, or the folder of a site's configuration. By default the made-up portfolio of the demonstration.

    Returns
    -------
    DataFrame
        By id: ``agency``, ``name``, ``type``, ``floor_m2`` [m2], ``tariff`` (of its electricity account, where it has
        one), ``calendar``, ``roofs`` (how many).

    Raises
    ------
    ConfigError
        If files of the folder have faults; the error lists all of them.

    Examples
    --------
    >>> import bkkenergy as bk
    >>> bk.buildings().shape
    (40, 7)
    """
    chosen = portfolio_of(portfolio)
    rows = {
        one.id: (
            one.agency,
            one.name_en,
            str(one.type),
            one.gross_floor_area_m2,
            chosen.schedule_of(one),
            one.calendar,
            len(one.roofs),
        )
        for one in chosen.buildings.values()
    }
    columns = ["agency", "name", "type", "floor_m2", "tariff", "calendar", "roofs"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns)


@checked
def rank(energy_kwh: pd.Series, floor_m2: pd.Series) -> pd.DataFrame:
    """Rank buildings of one type by energy use intensity.

    Parameters
    ----------
    energy_kwh : Series
        Energy of a year [kWh] by building.
    floor_m2 : Series
        Gross floor area [m2] by building.

    Returns
    -------
    DataFrame
        By building, the lowest intensity first: ``rank``, ``eui_kwh_m2`` [kWh/m2], ``peers`` (how many are ranked), the
        peers' ``median_kwh_m2`` and ``best_quarter_kwh_m2``, and ``gap_kwh`` to that quarter [kWh]. A building whose
        energy is not known stands last, without a rank.

    Raises
    ------
    InputError
        If a building has no floor area.

    References
    ----------
    .. [1] ASHRAE, "Procedures for Commercial Building Energy Audits", 2nd edition, 2011: intensity by gross floor area.

    Examples
    --------
    >>> import pandas as pd
    >>> import bkkenergy as bk
    >>> schools = pd.Series({"a": 100_000.0, "b": 60_000.0})
    >>> bk.rank(schools, pd.Series({"a": 1000.0, "b": 1000.0}))["eui_kwh_m2"].to_dict()
    {'b': 60.0, 'a': 100.0}
    """
    energy_kwh, floor_m2 = _by_building(energy_kwh, "energy_kwh"), _by_building(floor_m2, "floor_m2")
    missing = [str(name) for name in energy_kwh.index if not floor_m2.get(name, 0.0) > 0]
    if missing:
        raise InputError(f"floor_m2 has no area above zero for {', '.join(missing)}. Enter it, or leave these out.")
    area = floor_m2.reindex(energy_kwh.index)
    intensity = {str(name): float(value) for name, value in (energy_kwh / area).items()}
    ranks = rank_peers(intensity, {str(name): float(value) for name, value in area.items()})
    rows = {
        one.building: (one.rank, one.eui_kwh_m2, one.peers, one.median_kwh_m2, one.quarter_kwh_m2, one.gap_kwh)
        for one in ranks
    }
    table = pd.DataFrame.from_dict(rows, orient="index", columns=RANK_COLUMNS)
    order = [*rows, *(name for name in intensity if name not in rows)]
    return table.reindex(order).astype({"rank": "Int64", "peers": "Int64"})


def _by_building(series: pd.Series, what: str) -> pd.Series:
    """Return numbers by building. Raise InputError where a building is there twice, or a value is no number."""
    if series.index.has_duplicates:
        twice = series.index[series.index.duplicated()][0]
        raise InputError(f"{what} has several values for {twice}. Sum them first: {what}.groupby(level=0).sum().")
    return pd.Series(numbers_of(series, what), series.index)
