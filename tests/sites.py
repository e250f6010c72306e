"""Readings, ledger and worker of a test, on each of the stores that the product knows."""

from __future__ import annotations

import functools
import itertools
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from pydantic import SecretStr

from bkkenergy.adapters.engines import file_engine
from bkkenergy.adapters.influx import InfluxStore
from bkkenergy.adapters.ledger.beside import MarksBeside
from bkkenergy.adapters.ledger.sql import SqlLedger
from bkkenergy.adapters.state import open_state
from bkkenergy.jobs.service import Jobs
from bkkenergy.portfolio import Portfolio
from bkkenergy.ports.ledger import EnergyLedger, LedgerReader
from bkkenergy.ports.readings import ReadingStore
from bkkenergy.settings import InfluxSettings, LedgerSettings, PostgresSettings, Settings, StateSettings, StoreSettings
from bkkenergy.site import Clock, Configuration, Site, open_site, wall_clock
from bkkenergy.site.figures import RatesAndTariffs, load_figures
from bkkenergy.site.open import open_ledger, open_writable
from bkkenergy.usecases.follow import follow_configuration
from bkkenergy.usecases.recompute import Recomputed, recompute
from bkkenergy.usecases.uptodate import up_to_date
from bkkenergy.web.context import AppContext
from tests.conftest import ROOT
from tests.folders import shared_folder

numbers = itertools.count()


def postgresql_database(port: int, prefix: str = "test", *, address: str = "127.0.0.1") -> SecretStr:
    """The URL of a new database on a test's server."""
    name = f"{prefix}{next(numbers)}"
    with psycopg.connect(f"host={address} port={port} user=bkk dbname=postgres", autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}"')
    plain = "" if address == "127.0.0.1" else "?sslmode=disable"  # the servers of tests have no certificate
    return SecretStr(f"postgresql+psycopg://bkk@{address}:{port}/{name}{plain}")


def postgresql_copy(url: SecretStr, prefix: str = "copy") -> SecretStr:
    """The URL of a new database with all that another one has; no client may be connected to that one."""
    server, _, name = url.get_secret_value().rpartition("/")
    copy = f"{prefix}{next(numbers)}"
    with psycopg.connect(f"{server}/postgres".replace("+psycopg", ""), autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{copy}" TEMPLATE "{name}"')
    return SecretStr(f"{server}/{copy}")


with_tables: dict[int, SecretStr] = {}
"""By the port of a server: a state without rows, which no one has open."""


def postgresql_state(port: int) -> SecretStr:
    """The URL of a new state without rows: copied, since its tables would be made by 24 migrations, some hundred times."""
    if port not in with_tables:
        made = postgresql_database(port, "tables")
        open_state(StateSettings(url=made)).dispose()
        with_tables[port] = made
    url = postgresql_copy(with_tables[port], "state")
    with psycopg.connect(
        url.get_secret_value().replace("+psycopg", "")
    ) as copy:  # each state has an identity of its own
        copy.execute("UPDATE identity SET value = %s", (secrets.token_hex(8),))
    return url


def on_postgresql(settings: Settings, port: int) -> Settings:
    """The settings with readings and ledger in a new database."""
    url = postgresql_database(port, "energy")
    store = settings.store.model_copy(update={"kind": "postgresql", "postgresql": PostgresSettings(url=url)})
    return settings.model_copy(update={"store": store, "ledger": LedgerSettings(url=url)})


def postgres_readings(port: int, folder: Path) -> StoreSettings:
    """Readings in a new database."""
    url = postgresql_database(port, "readings")
    return StoreSettings(kind="postgresql", path=folder / "x.sqlite", postgresql=PostgresSettings(url=url))


@functools.cache
def shipped_figures() -> RatesAndTariffs:
    """The shipped figures, which are frozen: read once."""
    return load_figures(ROOT / "config")


@dataclass(frozen=True)
class Energy:
    """A store of readings with its ledger."""

    settings: Settings
    portfolio: Portfolio
    store: ReadingStore
    ledger: EnergyLedger

    @property
    def site(self) -> Site:
        """The site without a state: what computes energy asks for none."""
        config = Configuration(ROOT / "config", self.settings, shipped_figures(), self.portfolio, {})
        return Site(config, self.store, self.ledger, self.ledger, file_engine(self.settings.state.path))

    @property
    def fresh(self) -> LedgerReader:
        """The ledger as commands read it: computed first."""
        return up_to_date(self.site).energy

    def bring_up(self) -> Recomputed:
        return recompute(self.site, within_s=600)


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
    return MarksBeside(SqlLedger(file_engine(shared_folder("ledger") / "ledger.sqlite")))


def influx_store(settings: InfluxSettings) -> InfluxStore:
    """A store that may be written, as `open_writable` makes it."""
    return InfluxStore(settings, own_marks())


left_open = ExitStack()
"""Sites that are open until the test process ends."""


def make_jobs(config: Configuration, clock: Clock = wall_clock) -> Jobs:
    """A site's scheduler, not started."""
    return Jobs(up_to_date(left_open.enter_context(open_site(config, clock=clock))))


def make_context(config: Configuration, clock: Clock = wall_clock) -> AppContext:
    """A site as the web app has it open."""
    site = left_open.enter_context(open_site(config, clock=clock))
    follow_configuration(site)
    return AppContext(site)
