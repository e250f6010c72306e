"""Where a site's portfolio comes from: files, or the records in its state."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from bkkenergy.calendar import BANGKOK
from bkkenergy.collecting import without_collecting
from bkkenergy.errors import ConfigError, Fault
from bkkenergy.portfolio import Portfolio, load_portfolio
from bkkenergy.portfolio.check import cross_check
from bkkenergy.portfolio.records import Records
from bkkenergy.portfolio.snapshot import portfolio_on
from bkkenergy.settings import Settings
from bkkenergy.site.record_kinds import SITE_KINDS


def load_current(
    config_dir: Path, settings: Settings, *, tariffs: frozenset[str] | None = None, today: dt.date | None = None
) -> Portfolio:
    """Return the portfolio of today, from where the settings say.

    Raises ConfigError with every fault, StoreUnavailable.
    """
    records = state_records(settings)
    if records is None:
        return load_portfolio(config_dir, tariffs=tariffs, today=today)
    with without_collecting():
        if faults := cross_check(records, {}, tariffs):
            raise ConfigError(faults)
        return portfolio_on(records, today or dt.datetime.now(BANGKOK).date())


def state_records(settings: Settings) -> Records | None:
    """Return the records of the state where it is the source; None where files are.

    Raises ConfigError, StoreUnavailable.
    """
    source = settings.portfolio.source
    if source == "files":
        return None
    if has_state(settings):
        from bkkenergy.adapters.state import open_state, reading  # noqa: PLC0415 - not where files are the source
        from bkkenergy.adapters.state.portfolio import newest_revision, records_at  # noqa: PLC0415

        engine = open_state(settings.state)
        try:
            with reading(engine) as connection:
                if newest_revision(connection):
                    return records_at(connection, SITE_KINDS)
        finally:
            engine.dispose()
    if source == "state":
        raise ConfigError([Fault.of("state_empty", "portfolio.source")])
    return None


def has_state(settings: Settings) -> bool:
    """Return whether there is a state that could hold records, without making one."""
    return settings.state.url is not None or settings.state.path.exists()
