"""Readings, ledger and worker of a test, on each of the stores that the product knows."""

from __future__ import annotations

import itertools
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr
from sqlalchemy import create_engine, text

from bkkenergy.adapters.engines import file_engine
from bkkenergy.adapters.influx import InfluxStore
from bkkenergy.adapters.ledger.beside import MarksBeside
from bkkenergy.adapters.ledger.sql import SqlLedger
from bkkenergy.portfolio import Portfolio
from bkkenergy.ports.ledger import EnergyLedger
from bkkenergy.ports.readings import ReadingStore
from bkkenergy.settings import InfluxSettings, LedgerSettings, Settings
from bkkenergy.site.open import open_ledger, open_writable
from bkkenergy.usecases.recompute import Recomputed, recompute
from bkkenergy.usecases.uptodate import UpToDate
from bkkenergy.usecases.worker import Worker, own_name

numbers = itertools.count()


def postgresql_database(port: int, prefix: str = "test") -> SecretStr:
    """The URL of a new database on a test's server."""
    name = f"{prefix}{next(numbers)}"
    admin = create_engine(f"postgresql+psycopg://bkk@127.0.0.1:{port}/postgres", isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    admin.dispose()
    return SecretStr(f"postgresql+psycopg://bkk@127.0.0.1:{port}/{name}")


def on_postgresql(settings: Settings, port: int) -> Settings:
    """The settings with the ledger in a new database."""
    return settings.model_copy(update={"ledger": LedgerSettings(url=postgresql_database(port, "energy"))})


@dataclass(frozen=True)
class Energy:
    """A store of readings with its ledger."""

    settings: Settings
    portfolio: Portfolio
    store: ReadingStore
    ledger: EnergyLedger

    @property
    def worker(self) -> Worker:
        return Worker(
            self.store, self.ledger, self.portfolio, self.settings, own_name(), lambda: time.time_ns() // 1000
        )

    @property
    def fresh(self) -> UpToDate:
        """The ledger as commands read it: computed first."""
        return UpToDate(self.ledger, self.worker)

    def bring_up(self) -> Recomputed:
        return recompute(self.worker, within_s=600)


@contextmanager
def energy(settings: Settings, portfolio: Portfolio) -> Iterator[Energy]:
    with ExitStack() as stack:
        store = stack.enter_context(closing(open_writable(settings)))
        ledger = stack.enter_context(closing(open_ledger(settings)))
        yield Energy(settings, portfolio, store, ledger)


def bring_up(settings: Settings, portfolio: Portfolio) -> Recomputed:
    """Compute all that waits in a site's ledger."""
    with energy(settings, portfolio) as site:
        return site.bring_up()


def own_marks() -> MarksBeside:
    """Marks of a ledger that belongs to one store of a test."""
    return MarksBeside(SqlLedger(file_engine(Path(tempfile.mkdtemp(prefix="bkk-ledger-")) / "ledger.sqlite")))


def influx_store(settings: InfluxSettings) -> InfluxStore:
    """A store that may be written, as `open_writable` makes it."""
    return InfluxStore(settings, own_marks())
