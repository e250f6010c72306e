"""SQLite to InfluxDB and back: every reading the same, and a migration that was cut off goes on."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from bkkenergy.readings import FIELDS, ReadingBatch
from bkkenergy.store.migrate import compare, copy_readings
from bkkenergy.store.sqlite import SqliteStore
from tests.conftest import CONFIG_PARTS, ROOT

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
    command = [sys.executable, "-m", "bkkenergy", "migrate", *args, "--config", str(home / "config")]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=False, env=os.environ | {"COLUMNS": "200"}
    )
    assert done.returncode == code, done.stderr + done.stdout
    return done.stdout + done.stderr


def everything(path):
    store = SqliteStore(path)
    found = {meter: store.readings([meter], 0, 2**62, FIELDS) for meter in METERS}
    store.close()
    return found


@pytest.mark.influx
def test_there_and_back_every_reading_is_the_same(home):
    told = run(home, "--to", "influx")
    assert "9,000 readings copied; 3 meters, 9,000 readings compared." in told
    assert "Every reading is the same" in told
    assert "0 readings copied" in run(home, "--to", "influx"), "nothing is copied twice"
    run(home, "--to", "sqlite", "--path", str(home / "var/back.sqlite"))
    before, after = everything(home / "var/store.sqlite"), everything(home / "var/back.sqlite")
    for meter in METERS:
        assert np.array_equal(before[meter].ts_us, after[meter].ts_us)
        for name in FIELDS:
            assert np.array_equal(before[meter].column(name), after[meter].column(name), equal_nan=True)
    assert "both stores are the same" in run(home, "--to", "sqlite", "--from", "sqlite", code=2)


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
        copy_readings(source, target, METERS, noted, told=lambda *_: None)
    target.commit = commit
    assert not all(own.is_equal for own in compare(source, target, METERS, told=lambda _: None))
    copied = copy_readings(source, target, METERS, noted, told=lambda *_: None)
    assert 0 < copied <= 9000
    found = compare(source, target, METERS, told=lambda _: None)
    assert all(own.is_equal and own.source == own.target == 3000 for own in found)
    source.close()
    target.close()


def test_a_difference_is_told(home, tmp_path):
    source, target = SqliteStore(home / "var/store.sqlite"), SqliteStore(tmp_path / "new.sqlite")
    target.prepare()
    copy_readings(source, target, METERS, tmp_path / "noted.json", told=lambda *_: None)
    at = source.readings([METERS[1]], 0, 2**62).ts_us[5:6]
    target.commit(ReadingBatch((METERS[1],), np.zeros(1, np.int64), at, {"energy_kwh": np.array([-1.0])}))
    found = {own.meter: own for own in compare(source, target, METERS, told=lambda _: None)}
    assert not found[METERS[1]].is_equal
    assert found[METERS[0]].is_equal
    source.close()
    target.close()
