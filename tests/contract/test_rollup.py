"""Hours and days follow the readings, in whatever order and however late they come, with either store."""

from __future__ import annotations

import datetime as dt
from contextlib import closing

import numpy as np
import pytest

from bkkenergy.calendar import Period, timestamp_us
from bkkenergy.ingest.logbook import Logbook
from bkkenergy.ingest.status import meter_status
from bkkenergy.portfolio import MeterKind, load_portfolio
from bkkenergy.readings import ReadingBatch
from bkkenergy.reports.rollup import METERS_AT_ONCE, meter_days, refresh
from bkkenergy.settings import Settings, StoreSettings
from bkkenergy.store import open_store
from bkkenergy.store.rollup import Rollup

FIRST, LAST = dt.date(2026, 11, 1), dt.date(2026, 11, 6)
SPAN = Period.days(FIRST, LAST)
METERS = ("health.centre-1.main", "health.centre-2.main")
QUARTER_US = 900_000_000


@pytest.fixture(scope="module")
def portfolio(config_dir):
    return load_portfolio(config_dir)


@pytest.fixture(params=["sqlite", pytest.param("influx", marks=pytest.mark.influx)])
def settings(request, tmp_path):
    path = tmp_path / "store.sqlite"
    if request.param == "sqlite":
        return Settings(store=StoreSettings(path=path))
    server, bucket = request.getfixturevalue("influx"), request.getfixturevalue("bucket")
    return Settings(store=StoreSettings(kind="influx", path=path, influx=server.bucket(bucket)))


@pytest.fixture
def store(settings):
    found = open_store(settings.store)
    yield found
    found.close()


@pytest.fixture
def rollup(settings, store):
    found = Rollup(settings.store.path)
    yield found
    found.close()


def readings(meter: str, picked: np.ndarray, seed: int = 0) -> ReadingBatch:
    """Registers of an uneven load at some of the span's quarter-hours."""
    rng = np.random.default_rng(seed)
    at = np.arange(timestamp_us(SPAN.start), timestamp_us(SPAN.end) + 1, QUARTER_US)
    register = 1000 + np.cumsum(rng.uniform(0, 10, len(at)))
    return ReadingBatch((meter,), np.zeros(len(picked), np.int64), at[picked], {"energy_kwh": register[picked]})


def total(rollup, meters=METERS):
    return rollup.days(meters, FIRST, LAST)


def held(rollup, store, portfolio, settings):
    """What is kept equals what the readings say, computed at once over the whole span."""
    meters = tuple(meter for meter in portfolio.meters if meter.id in METERS)
    for truth in meter_days(store, settings, meters, SPAN):
        hours = rollup.meter_hours(truth.meter, FIRST, LAST)
        np.testing.assert_allclose(hours[..., 0], truth.hour_kwh)
        np.testing.assert_allclose(np.nan_to_num(hours[..., 1]), truth.hour_coverage)
        np.testing.assert_allclose(hours[..., 2], truth.hour_peak_kw)
        kept = total(rollup, [truth.meter]).set_index("day")
        for number, day in enumerate(SPAN.dates):
            if str(day) in kept.index:
                row = kept.loc[str(day)]
                np.testing.assert_allclose(row.energy_kwh, truth.day_kwh[number])
                np.testing.assert_allclose(row.peak_kw, truth.day_peak_kw[number])
                assert np.isnan(row.peak_kw) or row.peak_us == truth.day_peak_us[number]
            else:
                assert np.isnan(truth.day_kwh[number])


def bring_up(store, rollup, portfolio, settings):
    return refresh(store, rollup, portfolio, settings, today=LAST)


def test_what_is_committed_is_stale_until_it_is_brought_up(store, rollup, portfolio, settings):
    store.commit(readings(METERS[0], np.arange(100)))
    (own,) = rollup.stale()
    assert (own.meter, own.first_us, own.mark) == (METERS[0], timestamp_us(SPAN.start), 1)
    assert bring_up(store, rollup, portfolio, settings) == 1
    assert rollup.stale_count() == 0
    held(rollup, store, portfolio, settings)
    assert bring_up(store, rollup, portfolio, settings) == 0


@pytest.mark.parametrize("seed", range(6))
def test_in_whatever_order_readings_come_hours_and_days_are_those_of_all(store, rollup, portfolio, settings, seed):
    rng = np.random.default_rng(seed)
    everything = np.arange(6 * 96 + 1)
    lost = rng.choice(everything, rng.integers(0, 250), replace=False)
    if seed % 2:
        gap = rng.integers(0, 400)
        lost = np.union1d(lost, np.arange(gap, gap + 150))
    for meter in METERS:
        sent = rng.permutation(np.setdiff1d(everything, lost))
        for part in np.array_split(sent, rng.integers(1, 7)):
            store.commit(readings(meter, np.sort(part), seed))
            if rng.random() < 0.6:
                bring_up(store, rollup, portfolio, settings)
    while rollup.stale_count():
        bring_up(store, rollup, portfolio, settings)
    held(rollup, store, portfolio, settings)


def test_the_status_of_meters_tells_the_coverage_of_seven_days(store, rollup, portfolio, settings):
    """Three whole days of the seven; an hour counts half an hour after its end."""
    store.commit(readings(METERS[0], np.arange(3 * 96 + 1)))
    bring_up(store, rollup, portfolio, settings)
    meters = [meter for meter in portfolio.meters if meter.id in METERS]
    sky = meters[1].model_copy(update={"id": "health.centre-2.sky", "kind": MeterKind.WEATHER})
    end = SPAN.end.to_pydatetime()
    with closing(Logbook(settings.store.path)) as logbook:
        for late, counted in ((29, 72), (30, 72), (60 * 25 + 29, 72), (60 * 25 + 30, 71)):
            now = end + dt.timedelta(minutes=late)
            told = meter_status(store, rollup, logbook, [*meters, sky], now=now)
            assert [own.coverage_ratio for own in told] == [pytest.approx(counted / 168), 0.0, None], late
    assert told[0].last_seen == SPAN.start.to_pydatetime() + dt.timedelta(days=3)
    assert told[1].last_seen is None


def test_a_meter_that_is_marked_while_it_is_computed_stays_stale(store, rollup):
    store.commit(readings(METERS[0], np.arange(50)))
    (own,) = rollup.stale()
    store.commit(readings(METERS[0], np.arange(50, 60)))
    rollup.replace([(own, None)])
    assert rollup.stale_count() == 1


def test_meters_that_the_portfolio_lacks_and_weather_stations_are_not_computed(store, rollup, portfolio, settings):
    store.commit(readings("stranger.one.main", np.arange(10)))
    assert bring_up(store, rollup, portfolio, settings) == 0
    assert rollup.stale_count() == 0


def test_no_meter_starves_when_a_pass_has_too_little_time(store, rollup, portfolio, settings):
    """All meters have news before each pass, and a pass has time for some of them alone."""
    meters = [meter.id for meter in portfolio.meters if meter.kind == "register"][:40]
    assert len(meters) > METERS_AT_ONCE
    first = timestamp_us(SPAN.start)
    for turn in range(2):
        at = first + (96 + 4 * turn + np.arange(4)) * QUARTER_US
        for meter in meters:
            columns = {"energy_kwh": 10.0 + 4 * turn + np.arange(4)}
            store.commit(ReadingBatch((meter,), np.zeros(4, np.int64), at, columns))
        assert refresh(store, rollup, portfolio, settings, today=LAST, within_s=0.0) == METERS_AT_ONCE
    assert set(rollup.days(meters, FIRST, LAST)["meter"]) == set(meters)


def test_news_come_before_years(store, rollup, portfolio, settings):
    store.commit(readings(METERS[0], np.arange(6 * 96)))
    store.commit(readings(METERS[1], np.arange(5 * 96, 6 * 96)))
    refresh(store, rollup, portfolio, settings, today=LAST, within_s=0.0)
    assert [own.meter for own in rollup.stale()] == [METERS[0]]
