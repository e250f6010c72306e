"""What only readings in PostgreSQL can be asked: one transaction with the ledger, months, rights, a server that goes."""

from __future__ import annotations

import datetime as dt
import threading

import numpy as np
import psycopg
import pytest
from pydantic import SecretStr

from bkkenergy.errors import ConfigError
from bkkenergy.ports.readings import StoreDenied, StoreRefused, StoreUnavailable, UnmarkedCommit
from bkkenergy.readings import ReadingBatch
from bkkenergy.settings import LedgerSettings, PostgresSettings, Settings, StoreSettings, load_settings
from bkkenergy.site.open import has_readings_and_ledger, open_store, open_writable
from tests.builders import DAY_US, QUARTER_US, readings
from tests.conftest import until_taking_connections
from tests.servers import postgresql
from tests.sites import on_postgresql, postgres_readings, postgresql_database

pytestmark = pytest.mark.postgres
METER = "a.b.c"
EVER = (0, 2**60)


@pytest.fixture
def settings(postgres, tmp_path):
    return on_postgresql(Settings(store=StoreSettings(path=tmp_path / "x.sqlite")), postgres.port)


@pytest.fixture
def store(settings):
    opened = open_writable(settings)
    yield opened
    opened.close()


@pytest.fixture
def admin(settings):
    url = settings.store.postgresql.url.get_secret_value().replace("+psycopg", "")
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


def instants(admin) -> list[int]:
    return [row[0] for row in admin.execute("SELECT ts_us FROM reading ORDER BY ts_us")]


def test_a_batch_whose_days_cannot_be_marked_is_not_stored(store, settings, admin):
    assert has_readings_and_ledger(settings)
    admin.execute("ALTER TABLE ledger_stale RENAME TO away")
    with pytest.raises(StoreUnavailable, match="ledger_stale"):
        store.commit(readings(METER, [1.0]))
    assert instants(admin) == []
    admin.execute("ALTER TABLE away RENAME TO ledger_stale")
    store.commit(readings(METER, [1.0]))
    assert (instants(admin), admin.execute("SELECT count(*) FROM ledger_stale").fetchone()) == ([DAY_US], (1,))


def test_a_ledger_in_another_database_is_marked_too(settings, postgres, tmp_path):
    other = settings.model_copy(update={"ledger": LedgerSettings(url=postgresql_database(postgres.port, "ledger"))})
    assert not has_readings_and_ledger(other)
    store = open_writable(other)
    store.commit(readings(METER, [1.0]))
    store.close()
    with psycopg.connect(other.ledger.url.get_secret_value().replace("+psycopg", "")) as ledger:
        assert ledger.execute("SELECT name FROM ledger_meter").fetchall() == [(METER,)]


def test_many_who_write_the_same_readings_in_other_orders_never_stop_one_another(store):
    names = tuple(f"a.b.m{number}" for number in range(40))
    order = np.random.default_rng(1)
    failures = []

    def write() -> None:
        for value in range(6):
            at = order.permutation(len(names) * 20)
            columns = {"energy_kwh": np.full(len(at), float(value))}
            try:
                store.commit(ReadingBatch(names, at % len(names), DAY_US + at // len(names) * QUARTER_US, columns))
            except StoreUnavailable as error:
                failures.append(error)

    writers = [threading.Thread(target=write) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert failures == []
    assert len(store.readings(names, *EVER)) == len(names) * 20


def test_each_month_has_its_rows_and_a_clock_that_was_wrong_makes_none(store, admin):
    at = [dt.datetime(year, month, 15, tzinfo=dt.UTC).timestamp() for year, month in
          ((2001, 1), (2026, 2), (2026, 3), (2099, 1))]  # fmt: skip
    us = (np.array(at) * 1e6).astype(np.int64)
    store.commit(ReadingBatch((METER,), np.zeros(4, np.int64), us, {"energy_kwh": np.arange(4.0)}))
    rows = admin.execute("SELECT tableoid::regclass::text FROM reading ORDER BY ts_us").fetchall()
    assert [name for (name,) in rows] == ["reading_before", "reading_2026_02", "reading_2026_03", "reading_after"]
    assert store.readings([METER], *EVER).column("energy_kwh").tolist() == [0, 1, 2, 3]


def test_a_month_that_a_person_took_away_comes_back(store, admin):
    store.commit(readings(METER, [1.0]))
    (name,) = admin.execute("SELECT tableoid::regclass::text FROM reading").fetchone()
    admin.execute(f"ALTER TABLE reading DETACH PARTITION {name}")
    with pytest.raises(StoreUnavailable):
        store.commit(readings(METER, [2.0]))
    store.commit(readings(METER, [2.0]))
    assert store.readings([METER], *EVER).column("energy_kwh").tolist() == [2.0]


def test_what_is_there_already_is_not_written_again(store, admin):
    batch = readings(METER, np.arange(50.0))
    store.commit(batch)
    before = admin.execute("SELECT ctid, ts_us FROM reading ORDER BY ts_us").fetchall()
    store.commit(batch)
    assert admin.execute("SELECT ctid, ts_us FROM reading ORDER BY ts_us").fetchall() == before


def test_meters_that_a_restore_numbered_otherwise_are_found(store, admin):
    store.commit(readings(METER, [1.0]))
    admin.execute("ALTER TABLE reading_meter ALTER id DROP IDENTITY")
    admin.execute("UPDATE reading_meter SET id = 77")
    admin.execute("UPDATE reading SET meter = 77")
    store.commit(readings(METER, [1.0, 2.0]))
    assert store.readings([METER], *EVER).column("energy_kwh").tolist() == [1.0, 2.0]


def test_a_server_that_confirms_early_is_asked_to_wait_for_its_disk(store, settings, admin):
    admin.execute(f"ALTER DATABASE {admin.info.dbname} SET synchronous_commit = off")
    other = open_store(settings.store)
    with other._engine.connect() as connection:
        assert connection.exec_driver_sql("SHOW synchronous_commit").scalar() == "on"
    other.close()


def test_a_right_that_lacks_is_denied_with_what_to_grant(store, settings, admin):
    admin.execute("DROP ROLE IF EXISTS clerk")
    admin.execute("CREATE ROLE clerk LOGIN")
    url = settings.store.postgresql.url.get_secret_value().replace("bkk@", "clerk@")
    clerk = open_store(
        settings.store.model_copy(update={"postgresql": PostgresSettings(url=SecretStr(url))}), prepare=False
    )
    with pytest.raises(StoreDenied, match=r"Grant.*reading"):
        clerk.readings([METER], *EVER)
    clerk.close()


def test_a_name_that_the_server_can_never_hold_is_refused(store):
    with pytest.raises(StoreRefused):
        store.commit(readings("a.b.\x00", [1.0]))
    assert len(store.readings(["a.b.c"], *EVER)) == 0


def test_who_opens_it_to_read_commits_nothing(store, settings, admin):
    reader = open_store(settings.store)
    with pytest.raises(UnmarkedCommit):
        reader.commit(readings(METER, [1.0]))
    reader.close()
    assert instants(admin) == []


def test_a_column_that_a_version_before_lacked_is_added(store, settings, admin):
    store.commit(readings(METER, [1.0]))
    admin.execute("ALTER TABLE reading DROP COLUMN applied_ratio")
    other = open_writable(settings)
    other.commit(readings(METER, [20.0], field="applied_ratio"))
    assert other.readings([METER], *EVER, ("energy_kwh", "applied_ratio")).column("applied_ratio").tolist() == [20.0]
    other.close()


def test_a_server_that_goes_and_comes_back_is_used_again(tmp_path):
    server = postgresql()
    server.start()
    try:
        until_taking_connections(server)
        store = open_writable(Settings(store=postgres_readings(server.port, tmp_path)))
        store.commit(readings(METER, [1.0]))
        server.stop()
        for act in (lambda: store.commit(readings(METER, [1.0, 2.0])), lambda: store.readings([METER], *EVER)):
            with pytest.raises(StoreUnavailable):
                act()
        server.start()
        until_taking_connections(server)
        store.commit(readings(METER, [1.0, 2.0]))
        assert len(store.readings([METER], *EVER)) == 2
        store.close()
    finally:
        server.stop()


def test_readings_live_where_the_ledger_or_the_state_does_unless_another_server_is_named(tmp_path):
    config = tmp_path / "config"
    config.mkdir()
    (config / "bkkenergy.toml").write_text('[store]\nkind = "postgresql"\n')
    state, own = "postgresql+psycopg://bkk@db/state", "postgresql+psycopg://bkk@db/own"
    shared = load_settings(config, {"BKKENERGY_STATE_URL": state})
    assert shared.store.postgresql.url.get_secret_value() == state
    assert has_readings_and_ledger(shared)
    apart = load_settings(config, {"BKKENERGY_STATE_URL": state, "BKKENERGY_READINGS_URL": own})
    assert apart.store.postgresql.url.get_secret_value() == own
    assert not has_readings_and_ledger(apart)
    for wrong in ({}, {"BKKENERGY_READINGS_URL": "sqlite:///x"}, {"BKKENERGY_STATE_URL": "sqlite:///x"}):
        with pytest.raises(ConfigError, match="BKKENERGY_READINGS_URL"):
            load_settings(config, wrong)
