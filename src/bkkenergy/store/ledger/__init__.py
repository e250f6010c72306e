"""Where the energy ledger lives: the readings' own SQLite file, or PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bkkenergy.errors import ConfigError, Fault
from bkkenergy.settings import LEDGER_URL_VARIABLE, Settings

if TYPE_CHECKING:
    from bkkenergy.ports.ledger import EnergyLedger

__all__ = ["is_in_readings_file", "ledger_url", "open_ledger"]


def ledger_url(settings: Settings) -> str | None:
    """Return the URL of the ledger's database; None where it lives in the file of `store.path`."""
    if settings.ledger.url is not None:
        return settings.ledger.url.get_secret_value()
    state = settings.state.url.get_secret_value() if settings.state.url is not None else ""
    return state if state.startswith("postgresql") else None


def is_in_readings_file(settings: Settings) -> bool:
    """Whether readings and ledger share one SQLite file, so that a commit marks in its own transaction."""
    return settings.store.kind == "sqlite" and ledger_url(settings) is None


def open_ledger(settings: Settings, *, prepare: bool = True) -> EnergyLedger:
    """Open the ledger that the settings name. Raises ConfigError, StoreAway.

    prepare : whether to reach it at once and make its tables; otherwise call `prepare` before anything else.
    """
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError  # noqa: PLC0415 - the ingester may do without

    from bkkenergy.store.engines import file_engine, make_engine  # noqa: PLC0415
    from bkkenergy.store.ledger.sql import SqlLedger  # noqa: PLC0415

    url = ledger_url(settings)
    try:
        engine = file_engine(settings.store.path) if url is None else make_engine(url)
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        remedy = "Write postgresql+psycopg://USER@HOST/NAME, and install bkkenergy[postgres]."
        raise ConfigError([Fault(f"${LEDGER_URL_VARIABLE}", f"cannot be used ({error})", remedy)]) from None
    ledger = SqlLedger(engine)
    if prepare:
        ledger.prepare()
    return ledger
