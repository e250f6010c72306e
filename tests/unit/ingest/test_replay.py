"""Replay brings in what was refused: messages, and single readings that the store refused out of the spool."""

from __future__ import annotations

import numpy as np
import pytest

from bkkenergy.adapters.state import open_state
from bkkenergy.adapters.state.quarantine import Quarantine
from bkkenergy.ingest.replay import replay
from bkkenergy.ingest.singles import as_refused
from bkkenergy.payloads.decode import FAMILIES
from bkkenergy.payloads.message import Reason, Refused
from bkkenergy.portfolio import load_portfolio
from bkkenergy.readings import APPLIED_RATIO, ReadingBatch
from bkkenergy.settings import IngestSettings, StateSettings
from bkkenergy.site.profiles import load_profiles
from tests.conftest import ROOT
from tests.unit.ingest.test_pipeline import Clock, FaultyStore

METERS = ("health.centre-1.main", "health.centre-2.main")
TS_US = 1_795_402_800_000_000


@pytest.fixture
def store(tmp_path):
    store = FaultyStore(tmp_path / "store.sqlite", Clock())
    yield store
    store.close()


@pytest.fixture
def quarantine(tmp_path):
    engine = open_state(StateSettings(path=tmp_path / "state.sqlite"))
    yield Quarantine(engine, max_messages=100, max_bytes=10**7)
    engine.dispose()


@pytest.fixture(scope="module")
def portfolio(config_dir):
    return load_portfolio(config_dir)


@pytest.fixture(scope="module")
def profiles():
    return load_profiles(ROOT / "config", frozenset(FAMILIES))


def singles() -> ReadingBatch:
    return ReadingBatch(
        METERS,
        np.array([0, 1, 0]),
        np.array([TS_US, TS_US + 1, TS_US + 60_000_000]),
        {"energy_kwh": np.array([1000.5, 7.0, np.nan]), "power_kw": np.array([np.nan, 2.0, 3.0]),
         APPLIED_RATIO: np.array([40.0, 1.0, np.nan])},
    )  # fmt: skip


def replayed(quarantine, portfolio, profiles, store):
    return replay(quarantine.listed(), portfolio, profiles, IngestSettings(), store, quarantine)


def test_readings_that_the_store_refused_out_of_the_spool_come_in_as_they_were(quarantine, portfolio, profiles, store):
    batch = singles()
    quarantine.keep([as_refused(batch, row, "a row is damaged") for row in range(3)], {}, now_us=1)
    assert replayed(quarantine, portfolio, profiles, store) == (3, 0)
    found = store.readings(METERS, 0, 2**52, ("energy_kwh", "power_kw", APPLIED_RATIO)).in_order()
    wanted = batch.in_order()
    assert found.ts_us.tolist() == wanted.ts_us.tolist()
    for name in ("energy_kwh", "power_kw", APPLIED_RATIO):
        np.testing.assert_array_equal(found.column(name), wanted.column(name))
    assert quarantine.counts()["quarantine.kept"] == 0


def test_what_the_store_still_refuses_and_what_is_of_no_meter_stay(quarantine, portfolio, profiles, store):
    batch = singles()
    gone = Refused("meter gone.gone.main", b'{"ts":1}', Reason.STORE_REFUSED, "no")
    quarantine.keep([*(as_refused(batch, row, "no") for row in range(3)), gone], {}, now_us=1)
    store.refused_kwh = {7.0}
    assert replayed(quarantine, portfolio, profiles, store) == (2, 2)
    kept = {item.topic: item for item in quarantine.listed()}
    assert kept.keys() == {"meter health.centre-2.main", "meter gone.gone.main"}
    assert "no such meter" in kept["meter gone.gone.main"].detail
    assert kept["meter gone.gone.main"].times == 2


def test_a_messages_reading_that_the_store_refuses_is_not_counted_as_in(quarantine, portfolio, profiles, store):
    payload = b'[{"ts":1795402800,"energy_kwh":7},{"ts":1795402860,"energy_kwh":8}]'
    topic = "bma/health/centre-1/main/readings"
    quarantine.keep([Refused(topic, payload, Reason.UNKNOWN_METER, "")], {}, now_us=1)
    store.refused_kwh = {7.0}
    assert replayed(quarantine, portfolio, profiles, store) == (1, 1)
