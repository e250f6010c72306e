"""Reads config/portfolio and config/calendars.toml, and gathers every fault in them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path

from bkkenergy.calendar import BANGKOK
from bkkenergy.errors import ConfigError, Fault
from bkkenergy.portfolio.check import cross_check
from bkkenergy.portfolio.document import Document
from bkkenergy.portfolio.kinds import KINDS
from bkkenergy.portfolio.records import Kinds, Records
from bkkenergy.portfolio.snapshot import Portfolio, portfolio_on
from bkkenergy.tomlfiles import Table, read_toml

FILE_KINDS = tuple(kind.name for kind in KINDS.values() if not kind.plural and kind.name != "calendar")
"""Kinds that have tables of their own in config/portfolio."""


def load_portfolio(
    config_dir: Path, *, tariffs: frozenset[str] | None = None, today: dt.date | None = None
) -> Portfolio:
    """Load a site's portfolio.

    Parameters
    ----------
    config_dir : Path
        The folder of the configuration.
    tariffs : frozenset of str, optional
        The schedules that exist; without it they are not checked.
    today : date, optional
        The day on which it is looked at; today by default.

    Returns
    -------
    Portfolio
        Agencies, buildings and calendars, by id.

    Raises
    ------
    ConfigError
        If there are faults; the error has every one of every file.

    Examples
    --------
    >>> from bkkenergy.portfolio.load import load_portfolio
    >>> from bkkenergy.site.packaged import packaged_config_dir
    >>> len(load_portfolio(packaged_config_dir()).buildings)
    40
    """
    portfolio, faults = inspect_portfolio(config_dir, tariffs=tariffs, today=today)
    if faults:
        raise ConfigError(faults)
    return portfolio


def inspect_portfolio(
    config_dir: Path, *, tariffs: frozenset[str] | None = None, today: dt.date | None = None
) -> tuple[Portfolio, list[Fault]]:
    """Load what can be read of a portfolio, with every fault in it.

    Parameters
    ----------
    config_dir : Path
        The folder of the configuration.
    tariffs : frozenset of str, optional
        The schedules that exist; without it they are not checked.
    today : date, optional
        The day on which it is looked at; today by default.

    Returns
    -------
    Portfolio
        What could be read.
    list of Fault
        Where, what is wrong, and the remedy.

    Examples
    --------
    >>> from bkkenergy.portfolio.load import inspect_portfolio
    >>> from bkkenergy.site.packaged import packaged_config_dir
    >>> portfolio, faults = inspect_portfolio(packaged_config_dir(), tariffs=frozenset())
    >>> len(faults) == len(portfolio.buildings)
    True
    """
    document = read_document(config_dir)
    faults = document.faults + cross_check(document.records, document.places, tariffs)
    day = today or dt.datetime.now(BANGKOK).date()
    return portfolio_on(document.records, day), faults


def read_document(config_dir: Path, kinds: Kinds = KINDS, *, needs_calendars: bool = True) -> Document:
    """Read the portfolio's files and the calendars. Faults between entries are not looked for.

    Parameters
    ----------
    config_dir : Path
        The folder of the configuration.
    kinds : mapping of str to Kind, optional
        The kinds of record that are read.
    needs_calendars : bool, optional
        Whether it is a fault that there is no calendars.toml.

    Returns
    -------
    Document
        Entries, the place of each thing in its file, and the faults of each file.

    Examples
    --------
    >>> from bkkenergy.portfolio.load import read_document
    >>> from bkkenergy.site.packaged import packaged_config_dir
    >>> read_document(packaged_config_dir()).faults
    []
    """
    document = Document(kinds)
    calendars = config_dir / "calendars.toml"
    if needs_calendars or calendars.exists():
        for where, kind, table in _tables(calendars, ("calendar",), document.faults.append):
            document.take(kind, table, where)
    folder = config_dir / "portfolio"
    paths = sorted(folder.rglob("*.toml"))
    unread = [path for path in sorted(folder.rglob("*")) if path.suffix != ".toml" and path.suffix.lower() == ".toml"]
    if not paths:
        document.faults.append(Fault.of("no_files", str(folder)))
    document.faults += [Fault.of("unread_file", str(path)) for path in unread]
    for path in paths:
        for where, kind, table in _tables(path, FILE_KINDS, document.faults.append):
            document.take(kind, table, where)
    return document


def _tables(
    path: Path, kinds: tuple[str, ...], on_fault: Callable[[Fault], object]
) -> Iterator[tuple[str, str, Table]]:
    """Yield each [[kind]] table of a file with its place and its kind."""
    try:
        tables = read_toml(path)
    except ConfigError as error:
        for fault in error.faults:
            on_fault(fault)
        return
    for key, entries in tables.items():
        if key not in kinds or not isinstance(entries, list):
            on_fault(Fault.of("unknown_table", f"{path}: {key}", known="]] or [[".join(kinds)))
            continue
        for number, table in enumerate(entries):
            yield f"{path}: {key}[{number}]", key, table


def records_of(config_dir: Path) -> Records:
    """Load the records of a portfolio's files.

    Parameters
    ----------
    config_dir : Path
        The folder of the configuration.

    Returns
    -------
    Records
        Every entry with the days on which it holds.

    Raises
    ------
    ConfigError
        If there are faults; the error has every one.

    Examples
    --------
    >>> import datetime as dt
    >>> from bkkenergy.portfolio.load import records_of
    >>> from bkkenergy.portfolio.snapshot import portfolio_on
    >>> from bkkenergy.site.packaged import packaged_config_dir
    >>> len(portfolio_on(records_of(packaged_config_dir()), dt.date(2026, 1, 1)).buildings)
    40
    """
    document = read_document(config_dir)
    if document.faults:
        raise ConfigError(document.faults)
    return document.records
