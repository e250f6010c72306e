"""SQLite to InfluxDB and back: every reading the same, and a migration that was cut off goes on."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from bkkenergy.adapters.engines import file_engine
from bkkenergy.adapters.ledger.moving import copy_ledger
from bkkenergy.adapters.ledger.sql import SqlLedger
from bkkenergy.adapters.sqlite import SqliteStore
from bkkenergy.errors import InputError
from bkkenergy.portfolio import load_portfolio
from bkkenergy.ports.ledger import IMPORT, LedgerDays, Purged
from bkkenergy.readings import FIELDS, ReadingBatch
from bkkenergy.settings import Settings, StoreSettings
from bkkenergy.usecases.migrate import compare, copy_readings
from bkkenergy.usecases.runs import midnight_us
from tests.commands import bkkenergy
from tests.conftest import CONFIG_PARTS, ROOT
from tests.sites import energy, postgresql_database

METERS = ("health.centre-1.main", "health.centre-2.main", "medical-service.taksin.main")
START_US = 1_700_000_000_000_000


@pytest.fixture
def home(tmp_path, influx, bucket):
    (tmp_path / "config").mkdir()
    for name in CONFIG_PARTS:
        (tmp_path / "config" / name).symlink_to(ROOT / "config" / name)
    (tmp_path / "config/bkkenergy.toml").write_text('[store]\npath = "var/store.sqlite"\n' + influx.toml(bucket))
    store = SqliteStore(tmp_path / "var/store.sqlite")
    store.prepare()
    rng = np.random.default_rng(1)
    for meter in METERS:
        at = START_US + np.sort(rng.choice(400 * 86_400, 3000, replace=False)) * 1_000_000
        columns = {name: rng.uniform(0, 500, len(at)) for name in ("energy_kwh", "power_kw", "power_factor")}
        columns["power_kw"][rng.random(len(at)) < 0.3] = np.nan
        store.commit(ReadingBatch((meter,), np.zeros(len(at), np.int64), at, columns))
    store.close()
    return tmp_path


def run(home, *args, code=0):
    return bkkenergy("migrate", *args, "--config", home / "config", code=code)


def everything(path):
    store = SqliteStore(path)
    found = {meter: store.readings([meter], 0, 2**62, FIELDS) for meter in METERS}
    store.close()
    return found


@pytest.mark.influx
def test_there_and_back_every_reading_is_the_same(home):
    output = run(home, "--to", "influx")
    assert "9,000 readings copied; 3 meters, 9,000 readings compared." in output
    assert "Every reading is the same" in output
    assert "0 readings copied" in run(home, "--to", "influx"), "nothing is copied twice"
    run(home, "--to", "sqlite", "--path", str(home / "var/back.sqlite"))
    before, after = everything(home / "var/store.sqlite"), everything(home / "var/back.sqlite")
    for meter in METERS:
        assert np.array_equal(before[meter].ts_us, after[meter].ts_us)
        for name in FIELDS:
            assert np.array_equal(before[meter].column(name), after[meter].column(name), equal_nan=True)
    assert "both stores are the same" in run(home, "--to", "sqlite", "--from", "sqlite", code=2)


@pytest.mark.postgres
def test_to_postgresql_and_back_every_reading_is_the_same(home, postgres, monkeypatch):
    assert "BKKENERGY_READINGS_URL" in run(home, "--to", "postgresql", code=None)
    monkeypatch.setenv("BKKENERGY_READINGS_URL", postgresql_database(postgres.port).get_secret_value())
    assert "9,000 readings copied; 3 meters, 9,000 readings compared." in run(home, "--to", "postgresql")
    assert "0 readings copied" in run(home, "--to", "postgresql"), "nothing is copied twice"
    run(home, "--from", "postgresql", "--to", "sqlite", "--path", str(home / "var/back.sqlite"))
    before, after = everything(home / "var/store.sqlite"), everything(home / "var/back.sqlite")
    for meter in METERS:
        assert np.array_equal(before[meter].ts_us, after[meter].ts_us)
        for name in FIELDS:
            assert np.array_equal(before[meter].column(name), after[meter].column(name), equal_nan=True)


def test_the_ledger_moves_to_a_new_file_with_days_whose_readings_are_gone(home):
    path, other = home / "var/store.sqlite", home / "var/back.sqlite"
    portfolio = load_portfolio(home / "config")
    with energy(Settings(store=StoreSettings(path=path)), portfolio) as site:
        site.bring_up()
        days = site.ledger.stored_days(METERS[0], IMPORT)
        truth = site.ledger.slots(METERS, IMPORT, days[0], days[-1])
        gone = [Purged(days[0], days[49], days[43], is_done=True)]
        assert site.ledger.purges.begin({METERS[0]: gone})
        site.store.forget([METERS[0]], 0, midnight_us(days[43]))
        site.ledger.purges.finish([METERS[0]])
    run(home, "--to", "sqlite", "--from", "sqlite", "--path", str(other))
    run(home, "--to", "sqlite", "--from", "sqlite", "--path", str(other))
    with energy(Settings(store=StoreSettings(path=other)), portfolio) as moved:
        moved.bring_up()
        assert moved.ledger.purges.spans() == {METERS[0]: gone}
        assert moved.ledger.purges.late() == {}
        found = moved.ledger.slots(METERS, IMPORT, days[0], days[-1])
    np.testing.assert_array_equal(found.quality, truth.quality)
    np.testing.assert_allclose(found.values, truth.values, atol=1e-6)


def test_a_ledger_without_the_purged_days_is_not_written_over(tmp_path):
    paths = [tmp_path / name for name in ("one.sqlite", "two.sqlite", "none.sqlite")]
    for number, path in enumerate(paths[:2]):
        ledger = SqlLedger(file_engine(path))
        ledger.prepare()
        day = dt.date(2023, 1, 1)
        ledger.mark([METERS[0]], day, day)
        (claim,) = ledger.claim("a worker", now_us=START_US, lease_s=10, limit=1)
        row = LedgerDays(METERS[0], "import", day, np.full((1, 96), 1.0), np.zeros((1, 96), np.uint8), np.array([96]))
        ledger.finish(claim, [row], [], computed=[day], now_us=START_US)
        if number == 0:
            ledger.purges.begin({METERS[0]: [Purged(day, day, day, is_done=True)]})
        ledger.close()
    with pytest.raises(InputError, match=r"another energy ledger, without the purged days of .*one\.sqlite"):
        copy_ledger(paths[0], paths[1])
    assert not copy_ledger(paths[1], paths[0])
    assert not copy_ledger(paths[2], paths[1])


def test_a_migration_that_was_cut_off_goes_on_where_it_was(home, tmp_path):
    source, target = SqliteStore(home / "var/store.sqlite"), SqliteStore(tmp_path / "new.sqlite")
    target.prepare()
    commit, left = target.commit, [4]

    def fail_in_the_middle(batch):
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        commit(batch)

    target.commit = fail_in_the_middle
    noted = tmp_path / "noted.json"
    with pytest.raises(KeyboardInterrupt):
        copy_readings(source, target, METERS, noted, on_progress=lambda *_: None)
    target.commit = commit
    assert not all(own.is_equal for own in compare(source, target, METERS, on_progress=lambda _: None))
    copied = copy_readings(source, target, METERS, noted, on_progress=lambda *_: None)
    assert 0 < copied <= 9000
    found = compare(source, target, METERS, on_progress=lambda _: None)
    assert all(own.is_equal and own.source == own.target == 3000 for own in found)
    source.close()
    target.close()


def test_a_difference_is_told(home, tmp_path):
    source, target = SqliteStore(home / "var/store.sqlite"), SqliteStore(tmp_path / "new.sqlite")
    target.prepare()
    copy_readings(source, target, METERS, tmp_path / "noted.json", on_progress=lambda *_: None)
    at = source.readings([METERS[1]], 0, 2**62).ts_us[5:6]
    target.commit(ReadingBatch((METERS[1],), np.zeros(1, np.int64), at, {"energy_kwh": np.array([-1.0])}))
    found = {own.meter: own for own in compare(source, target, METERS, on_progress=lambda _: None)}
    assert not found[METERS[1]].is_equal
    assert found[METERS[0]].is_equal
    source.close()
    target.close()
