"""Fixtures that every ring of tests shares: servers once a session, meters, readings, folders."""

from __future__ import annotations

import compileall
import functools
import gc
import itertools
import logging
import multiprocessing
import os
import pickle
import secrets
import sqlite3
import sys
import threading
import time
import tomllib
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import structlog
from _pytest.assertion import rewrite
from argon2 import PasswordHasher
from hypothesis import settings
from sqlalchemy import Engine

from bkkenergy.adapters import state
from bkkenergy.adapters.engines import make_engine
from bkkenergy.adapters.state import users
from tests.chromium import CHROMIUM, FLAGS, MOST_MS
from tests.folders import remove_shared_folders, shared_folder
from tests.servers import (
    Influx,
    ObjectStore,
    Server,
    influxdb,
    mosquitto,
    object_store,
    postgresql,
    started,
    victoria_metrics,
)

if TYPE_CHECKING:
    from playwright.sync_api import Browser

gc.disable()
"""No search for garbage among what is imported and collected, which stays; `pytest_collection_finish` begins with it."""

LOGGING = {
    "processors": [
        structlog.stdlib.add_log_level,
        structlog.processors.format_exc_info,
        structlog.dev.ConsoleRenderer(colors=False),
    ],
    "wrapper_class": structlog.make_filtering_bound_logger(logging.WARNING),
}
"""Tracebacks as the product logs them. By itself structlog draws every local variable: seconds, where one is a table."""
structlog.configure(**LOGGING)

SHIPPED_HASHER = users.hasher
users.hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
"""Argon2 with the smallest cost in test processes: most tests sign in. Processes that tests start have the product's."""

toml_loads = tomllib.loads


@functools.lru_cache(maxsize=1000)
def parsed(text: str) -> bytes:
    """What a TOML text says, pickled: each reader unpickles a copy for itself."""
    return pickle.dumps(toml_loads(text))


tomllib.loads = lambda text: pickle.loads(parsed(text))
"""Parsed once in a process: tests read the shipped configuration some thousand times, at a tenth of a test's cost."""

migrated = state.upgrade
one_at_a_time = threading.Lock()


@functools.cache
def new_state() -> sqlite3.Connection:
    """A state without rows, as the migrations make it; once in a process."""
    engine = make_engine(f"sqlite:///{shared_folder('state') / 'state.sqlite'}")
    migrated(engine)
    copy = sqlite3.connect(":memory:", check_same_thread=False)
    with closing(sqlite3.connect(engine.url.database)) as made:
        made.backup(copy)
    engine.dispose()
    return copy


def upgraded(engine: Engine) -> None:
    """Give an empty SQLite file the tables at once. Thirteen migrations are a twentieth of a second, some hundred times."""
    if engine.dialect.name == "sqlite":
        with one_at_a_time, suppress(sqlite3.Error), closing(sqlite3.connect(engine.url.database)) as target:
            if not target.execute("SELECT 1 FROM sqlite_master").fetchone():
                new_state().backup(target)
                with target:  # each state has an identity of its own
                    target.execute("UPDATE identity SET value = ?", (secrets.token_hex(8),))
                return
    migrated(engine)


state.upgrade = upgraded

IS_FAST = "TEST_FAST" in os.environ
"""Whether `make test-fast` runs: laws take a fifth of their inputs. `make test`, which CI runs, has them take all."""


def inputs(count: int) -> int:
    """How many of `count` inputs a law takes in this run."""
    return max(3, count // 5) if IS_FAST else count


settings.register_profile("steady", max_examples=inputs(100), derandomize=True, deadline=None, print_blob=True)
settings.register_profile("fuzz", max_examples=2000, deadline=None, print_blob=True)
IS_FUZZED = "FUZZ" in os.environ and os.environ.get("CI") != "true"
"""Whether `make fuzz` asks for inputs at random. Everywhere else, and in CI always, a test is the same each time."""
settings.load_profile("fuzz" if IS_FUZZED else "steady")

CONFIG_PARTS = (
    "portfolio",
    "tariffs",
    "payloads",
    "solar",
    "calendars.toml",
    "factors.toml",
    "savings.toml",
    "plan.toml",
    "index.toml",
    "dede.toml",
    "retrofit.toml",
)
"""What a test's own site takes from the shipped configuration; its settings are its own."""

numbers = itertools.count()
ROOT = Path(__file__).resolve().parent.parent

LONGEST_FIRST = (
    "contract/test_report_of_the_past.py", "contract/test_retention.py", "integration/test_jobs_crash.py",
    "integration/test_deploy.py",
    "integration/test_faults.py", "integration/test_tutorial.py", "integration/test_cli.py", "integration/test_broker_limits.py",
    "integration/test_web.py", "e2e/test_web_app.py", "integration/test_powers.py", "contract/test_recompute.py",
    "integration/test_hostile.py", "integration/test_kill.py", "integration/test_thai_pages.py", "integration/test_docs.py",
    "integration/test_identity.py", "integration/test_commission.py", "integration/test_reader.py",
    "integration/test_portfolio_follow.py", "integration/test_savings_cli.py", "integration/test_backup.py",
    "integration/test_jobs.py", "contract/test_ledger.py", "contract/test_state.py", "integration/test_pills.py",
    "e2e", "integration", "contract",
)  # fmt: skip
"""A file's tests stay in one process, so that long files come first and short ones fill the processes up at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put files that take long before those that do not; within a file nothing moves."""
    items.sort(key=lambda item: rank_of(item.path))


def pytest_collection_finish() -> None:
    """Leave all that was imported and collected out of each later search for garbage: a tenth of the tests' time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    gc.enable()


@functools.cache
def rank_of(path: Path) -> int:
    """A test file's place in the order."""
    name = path.relative_to(ROOT / "tests").as_posix() if path.is_relative_to(ROOT / "tests") else path.name
    ranks = (rank for rank, start in enumerate(LONGEST_FIRST) if name.startswith(start))
    return next(ranks, len(LONGEST_FIRST))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config: pytest.Config) -> None:
    """Compile what is not compiled yet before processes begin that would each compile all of it, at the same time.

    A fresh clone has 430 files of tests, to whose assertions pytest adds what they were about: seven seconds.
    """
    if sys.dont_write_bytecode:
        return
    cores = len(os.sched_getaffinity(0))
    compileall.compile_dir(ROOT / "src", quiet=2, workers=cores)
    files = [
        path for path in (ROOT / "tests").rglob("*.py") if path.stem == "conftest" or path.stem.startswith("test_")
    ]
    new = [path for path in files if not compiled(path).exists()]
    fork = multiprocessing.get_context("fork")
    writers = [fork.Process(target=write_compiled, args=(config, new[at::cores])) for at in range(cores)] if new else []
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()


def compiled(path: Path) -> Path:
    """Where pytest looks for a compiled test file."""
    return rewrite.get_cache_dir(path) / (path.stem + rewrite.PYC_TAIL)


def write_compiled(config: pytest.Config, paths: list[Path]) -> None:
    """Compile test files as pytest does when it imports them."""
    for path in paths:
        compiled(path).parent.mkdir(parents=True, exist_ok=True)
        digest, code = rewrite._rewrite_test(path, config)
        rewrite._write_pyc(config.stash[rewrite.assertstate_key], code, digest, compiled(path))


def pytest_unconfigure() -> None:
    """Remove what sessions share at their end: a worker's process may be ended in a way that asks for no more."""
    remove_shared_folders()


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Logging as it was before: a command that a test calls in this process sets it up for itself."""
    yield
    structlog.reset_defaults()
    structlog.configure(**LOGGING)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The browser of a process of tests: it has one, whose protocol lets no other be."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        opened.on("context", lambda context: context.set_default_timeout(MOST_MS))
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A mosquitto that lasts the session. Use topics and client ids of the test's own."""
    with started(mosquitto(tmp_path_factory.mktemp("mosquitto"))) as server:
        yield server


@pytest.fixture(scope="session")
def influx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Influx]:
    """An InfluxDB that lasts the session: BKKENERGY_TEST_INFLUXDB, or Debian's 1.6. Use a `bucket` of the test's own."""
    server = influxdb(tmp_path_factory.mktemp("influxdb"))
    with started(server):
        yield server


@pytest.fixture
def bucket() -> str:
    """The name of a database or bucket that no other test of this session has."""
    return f"test{next(numbers)}"


@pytest.fixture(scope="session")
def victoria(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A VictoriaMetrics that lasts the session."""
    with started(victoria_metrics(tmp_path_factory.mktemp("victoria"))) as server:
        yield server


@pytest.fixture(scope="session")
def objects(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    """An S3-compatible object store that lasts the session. Use a bucket of the test's own."""
    with started(object_store(tmp_path_factory.mktemp("objects"))) as server:
        yield server


def until_taking_connections(server: Server, within_s: float = 30.0) -> None:
    """Wait for a PostgreSQL that listens before it takes anybody."""
    import psycopg

    until_s = time.monotonic() + within_s
    while True:
        try:
            psycopg.connect(f"host={server.address} port={server.port} user=bkk dbname=postgres").close()
        except psycopg.OperationalError:
            assert time.monotonic() < until_s, "PostgreSQL takes no connection"
            time.sleep(0.05)
        else:
            return


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A PostgreSQL that lasts the session. Use a database of the test's own."""
    with started(postgresql()) as server:
        until_taking_connections(server)
        yield server


@pytest.fixture(scope="session")
def config_dir() -> Path:
    """The configuration that ships."""
    return ROOT / "config"
