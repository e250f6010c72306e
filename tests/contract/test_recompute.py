"""The ledger follows the readings, in whatever order and however late they come, on every store and ledger."""

from __future__ import annotations

import datetime as dt
import itertools
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from bkkenergy.adapters.state import open_state
from bkkenergy.adapters.state.logbook import Logbook
from bkkenergy.calendar import BANGKOK, Period, timestamp_us
from bkkenergy.ingest.status import meter_status
from bkkenergy.portfolio import Meter, MeterKind, Portfolio, load_portfolio
from bkkenergy.ports.ledger import EXPORT, GHI, IMPORT, POWER_FACTOR, SpanReason
from bkkenergy.ports.readings import StoreRefused, StoreUnavailable
from bkkenergy.readings import Quality, ReadingBatch
from bkkenergy.settings import Settings, StateSettings, StoreSettings
from bkkenergy.usecases.energy import energy_series, quarter_hours, waiting_days
from bkkenergy.usecases.follow import follow_configuration
from bkkenergy.usecases.recompute import recompute
from bkkenergy.usecases.uptodate import UpToDate
from tests.sites import energy, on_postgresql

FIRST, LAST = dt.date(2026, 11, 1), dt.date(2026, 11, 12)
SPAN = Period.days(FIRST, LAST)
METERS = ("health.centre-1.main", "health.centre-2.main")
QUARTER_US = 900_000_000
DAY = dt.timedelta(days=1)


@pytest.fixture(scope="module")
def portfolio(config_dir):
    return load_portfolio(config_dir)


@pytest.fixture(
    params=[
        "sqlite",
        pytest.param("influx", marks=pytest.mark.influx),
        pytest.param("postgresql", marks=pytest.mark.postgres),
    ]
)
def settings(request, tmp_path):
    path = tmp_path / "store.sqlite"
    plain = Settings(store=StoreSettings(path=path))
    if request.param == "sqlite":
        return plain
    if request.param == "postgresql":
        return on_postgresql(plain, request.getfixturevalue("postgres").port)
    server = request.getfixturevalue("influx")
    bucket = request.getfixturevalue("bucket")
    return Settings(store=StoreSettings(kind="influx", path=path, influx=server.bucket(bucket)))


@pytest.fixture
def site(settings, portfolio):
    with energy(settings, portfolio) as opened:
        yield opened


def register(meter: str = METERS[0]) -> tuple[np.ndarray, np.ndarray]:
    """Instants and register of an uneven load over the span."""
    rng = np.random.default_rng(METERS.index(meter))
    at = np.arange(timestamp_us(SPAN.start), timestamp_us(SPAN.end) + 1, QUARTER_US)
    return at, 1000 + np.cumsum(rng.uniform(0, 10, len(at)))


def readings(meter: str, picked: np.ndarray, **columns: np.ndarray) -> ReadingBatch:
    at, kwh = register(meter)
    values = {"energy_kwh": kwh[picked]} | {name: column[picked] for name, column in columns.items()}
    return ReadingBatch((meter,), np.zeros(len(picked), np.int64), at[picked], values)


def everything(meter: str = METERS[0]) -> np.ndarray:
    return np.arange(len(register(meter)[0]))


def with_meter(portfolio: Portfolio, meter: Meter) -> Portfolio:
    """The portfolio with another entry of one meter."""
    building = portfolio.buildings[meter.building]
    meters = tuple(meter if own.id == meter.id else own for own in building.meters)
    own = building.model_copy(update={"meters": meters})
    return portfolio.model_copy(update={"buildings": portfolio.buildings | {own.id: own}})


def fails_once(site) -> None:
    """A pass that ends in the middle, since the store cannot be reached."""
    read, calls = site.store.readings, itertools.count()

    def readings_or_not(*given):
        if next(calls) == 1:
            raise StoreUnavailable("gone for a moment")
        return read(*given)

    site.store.readings = readings_or_not
    try:
        with suppress(StoreUnavailable):
            site.bring_up()
    finally:
        del site.store.readings


def disturbed(site, meter: str, sent: np.ndarray, what: int) -> None:
    """What happens after a commit: a pass, the same batch again, a pass that fails, or another rating for a while."""
    match what:
        case 0 | 1:
            site.bring_up()
        case 2:
            site.store.commit(readings(meter, sent[::2]))
        case 3:
            fails_once(site)
        case 4:
            tried = site.portfolio.buildings["health.centre-1"].meters[0].model_copy(update={"rated_kw": 5.0})
            other = with_meter(site.portfolio, tried)
            follow_configuration(replace(site, portfolio=other).site)
            with energy(site.settings, other) as opened:
                opened.bring_up()
            follow_configuration(site.site)


def slots(site, channel=IMPORT, meters=METERS):
    return site.ledger.slots(meters, channel, FIRST, LAST)


def test_what_is_committed_waits_until_it_is_computed(site):
    site.store.commit(readings(METERS[0], np.arange(100)))
    assert list(site.ledger.waiting(METERS)) == [METERS[0]]
    assert slots(site).is_waiting[:2, 0].all()
    assert not slots(site).is_computed.any()
    assert site.bring_up().meters == 1
    assert not site.ledger.waiting()
    assert slots(site).is_computed[:2, 0].all()
    assert site.bring_up().meters == 0


@pytest.mark.parametrize("seed", range(10))
def test_in_whatever_order_readings_come_the_ledger_is_that_of_all_at_once(site, settings, portfolio, tmp_path, seed):
    rng = np.random.default_rng(seed)
    lost = rng.choice(everything(), rng.integers(0, 400), replace=False)
    if seed % 2:
        gap = rng.integers(0, 700)
        lost = np.union1d(lost, np.arange(gap, gap + 330))
    for meter in METERS:
        sent = rng.permutation(np.setdiff1d(everything(), lost))
        for part in np.array_split(sent, rng.integers(1, 7)):
            site.store.commit(readings(meter, np.sort(part)))
            disturbed(site, meter, np.sort(part), int(rng.integers(0, 5)))
    while site.ledger.waiting():
        site.bring_up()
    plain = Settings(store=StoreSettings(path=tmp_path / "at-once.sqlite"))
    with energy(plain, portfolio) as truth:
        for meter in METERS:
            truth.store.commit(readings(meter, np.setdiff1d(everything(), lost)))
        while truth.ledger.waiting():
            truth.bring_up()
        np.testing.assert_array_equal(slots(site).quality, slots(truth).quality)
        np.testing.assert_allclose(slots(site).values, slots(truth).values, atol=1e-6)
    for number, meter in enumerate(METERS):
        there = np.setdiff1d(everything(), lost)
        _, kwh = register(meter)
        assert np.nansum(slots(site).values[:, number]) == pytest.approx(kwh[there[-1]] - kwh[there[0]], abs=0.001)


def test_a_gap_of_days_is_dealt_out_by_what_the_meter_typically_takes(site):
    at, _ = register()
    hour = ((at // 3_600_000_000) + 7) % 24
    kwh = 1000 + np.cumsum(np.where((hour >= 8) & (hour < 17), 10.0, 1.0))
    there = np.concatenate((np.arange(96 * 7 + 1), np.arange(96 * 9, len(at))))
    batch = ReadingBatch((METERS[0],), np.zeros(len(there), np.int64), at[there], {"energy_kwh": kwh[there]})
    site.store.commit(batch)
    site.bring_up()
    found = slots(site)
    gap = slice(96 * 7, 96 * 9)
    assert (found.quality[gap, 0] == Quality.ESTIMATED).all()
    assert found.values[gap, 0].sum() == pytest.approx(kwh[96 * 9] - kwh[96 * 7])
    by_hour = found.values[gap, 0].reshape(2, 24, 4).sum(axis=(0, 2))
    assert by_hour[12] > 5 * by_hour[3]
    (span,) = site.ledger.spans([METERS[0]], IMPORT, FIRST, LAST)
    assert (span.reason, span.energy_kwh) == (SpanReason.GAP, pytest.approx(kwh[96 * 9] - kwh[96 * 7]))


def test_a_late_reading_in_a_gap_replaces_the_estimate(site):
    gap = np.arange(300, 600)
    site.store.commit(readings(METERS[0], np.setdiff1d(everything(), gap)))
    site.bring_up()
    assert (slots(site).quality[301:599, 0] == Quality.ESTIMATED).all()
    site.store.commit(readings(METERS[0], gap))
    site.bring_up()
    assert (slots(site).quality[301:599, 0] == Quality.MEASURED).all()
    assert not site.ledger.spans([METERS[0]], IMPORT, FIRST, LAST)


def test_a_silence_of_the_export_register_is_filled_whatever_comes_of_the_other(site):
    _, kwh = register()
    sent_back = np.where(np.isin(everything(), np.arange(200, 900)), np.nan, kwh / 4)
    site.store.commit(readings(METERS[0], everything(), export_kwh=sent_back))
    site.bring_up()
    before = slots(site, EXPORT).values
    assert np.nansum(before) == pytest.approx((kwh[-1] - kwh[0]) / 4)
    site.store.commit(readings(METERS[0], np.arange(500, 501)))
    site.bring_up()
    np.testing.assert_array_equal(slots(site, EXPORT).values, before)


def test_a_command_computes_the_end_of_a_silence_that_began_in_its_period(site):
    _, kwh = register()
    site.store.commit(readings(METERS[0], np.arange(100)))
    site.bring_up()
    site.store.commit(readings(METERS[0], np.arange(1000, 1010)))
    days = FIRST + 3 * DAY, FIRST + 5 * DAY
    silent_kwh = np.nansum(site.fresh.slots([METERS[0]], IMPORT, *days).values)
    assert silent_kwh == pytest.approx((kwh[1000] - kwh[99]) * 3 * 96 / 901, rel=0.2)
    site.bring_up()
    assert np.nansum(site.ledger.slots([METERS[0]], IMPORT, *days).values) == silent_kwh


@pytest.mark.parametrize("behind_s", [-3600, 3600])
def test_a_command_computes_what_waits_by_whatever_clock(site, behind_s):
    _, kwh = register()
    site.store.commit(readings(METERS[0], everything()))
    elsewhere = replace(site.site, clock=lambda: dt.datetime.now(dt.UTC) - dt.timedelta(seconds=behind_s))
    found = UpToDate(elsewhere).slots([METERS[0]], IMPORT, FIRST, LAST)
    assert np.nansum(found.values) == pytest.approx(kwh[-1] - kwh[0])
    assert not found.is_waiting.any()


def test_a_worker_leaves_meters_that_its_portfolio_lacks_to_others(site):
    """Another process has read a newer portfolio, or an older one."""
    _, kwh = register()
    follow_configuration(site.site)
    site.store.commit(readings(METERS[0], everything()[:500]))
    site.bring_up()
    site.store.commit(readings(METERS[0], everything()[500:]))
    without = site.portfolio.model_copy(
        update={"buildings": {k: v for k, v in site.portfolio.buildings.items() if k != "health.centre-1"}}
    )
    assert recompute(replace(site, portfolio=without).site).meters == 0
    follow_configuration(site.site)
    site.bring_up()
    assert np.nansum(slots(site, meters=METERS[:1]).values) == pytest.approx(kwh[-1] - kwh[0])


def test_a_worker_that_is_stopped_finishes_the_meters_at_hand_and_leaves_the_rest_to_others(site, monkeypatch):
    monkeypatch.setattr("bkkenergy.usecases.recompute.METERS_AT_ONCE", 1)
    for meter in METERS:
        site.store.commit(readings(meter, everything()))
    done = recompute(site.site, is_over=lambda: True)
    assert (done.meters, done.waiting) == (1, 1)
    other = replace(site.site, name="other")
    assert recompute(other, within_s=600).meters == 1, "nothing is claimed any more by the one that was stopped"


def test_a_meter_that_cannot_be_computed_holds_no_other_up(site, monkeypatch):
    for meter in METERS:
        site.store.commit(readings(meter, everything()))
    read = site.ledger.sources

    def or_damaged(meters, first, last):
        if METERS[0] in meters:
            raise StoreRefused("a row is damaged")
        return read(meters, first, last)

    with monkeypatch.context() as patched:
        patched.setattr(site.ledger, "sources", or_damaged)
        assert site.bring_up().waiting == 1
        assert list(site.ledger.waiting()) == [METERS[0]]
    later = replace(site.site, clock=lambda: dt.datetime.now(dt.UTC) + dt.timedelta(seconds=400))
    assert recompute(later).waiting == 0


def test_a_meter_that_comes_back_fills_the_days_of_its_silence(site):
    site.store.commit(readings(METERS[0], np.arange(100)))
    site.bring_up()
    assert not slots(site).is_computed[5, 0]
    site.store.commit(readings(METERS[0], np.arange(1000, 1010)))
    site.bring_up()
    assert slots(site).is_computed[5, 0]
    _, kwh = register()
    assert np.nansum(slots(site).values[:, 0]) == pytest.approx(kwh[1009] - kwh[0], abs=0.001)


def test_the_running_quarter_hour_is_incomplete(site):
    at, kwh = register()
    half = ReadingBatch(
        (METERS[0],), np.zeros(3, np.int64), np.array([at[40], at[41], at[41] + 300_000_000]),
        {"energy_kwh": np.array([kwh[40], kwh[41], kwh[41] + 2])},
    )  # fmt: skip
    site.store.commit(half)
    site.bring_up()
    assert slots(site).quality[40:43, 0].tolist() == [Quality.MEASURED, Quality.INCOMPLETE, Quality.INCOMPLETE]
    assert slots(site).values[41, 0] == pytest.approx(2)


def test_a_changed_rating_computes_every_day_of_the_meter_again(site, portfolio, settings):
    site.store.commit(readings(METERS[0], everything()))
    follow_configuration(site.site)
    site.bring_up()
    lower = portfolio.buildings["health.centre-1"].meters[0].model_copy(update={"rated_kw": 20.0})
    changed = with_meter(portfolio, lower)
    assert follow_configuration(site.site) == 0
    assert follow_configuration(replace(site, portfolio=changed).site) == 1
    assert len(site.ledger.waiting()[METERS[0]]) >= len(SPAN.dates)
    with energy(settings, changed) as after:
        after.bring_up()
        reasons = {span.reason for span in after.ledger.spans([METERS[0]], IMPORT, FIRST, LAST)}
        assert SpanReason.OVER_RATING in reasons


def test_a_ledger_that_was_lost_is_filled_again(site, portfolio, settings, tmp_path):
    site.store.commit(readings(METERS[0], everything()))
    other = settings.model_copy(update={"ledger": settings.ledger.model_copy(update={"url": None})})
    lost = other.model_copy(update={"store": other.store.model_copy(update={"path": tmp_path / "lost.sqlite"})})
    with energy(lost, portfolio) as empty:
        again = replace(empty.site, readings=site.store)
        follow_configuration(again)
        recompute(again, within_s=60)
        _, kwh = register()
        found = empty.ledger.slots([METERS[0]], IMPORT, FIRST, LAST).values
        assert np.nansum(found) == pytest.approx(kwh[-1] - kwh[0], abs=0.001)


class Unsearched:
    """A store that may not be searched through."""

    def __init__(self, store) -> None:
        self._store = store

    def __getattr__(self, name):
        return getattr(self._store, name)

    def first_seen_us(self, names):
        assert not names, "the ledger knows these meters"
        return {}

    last_seen_us = first_seen_us


def test_a_new_meter_whose_readings_the_ledger_has_seen_is_not_searched_for_in_the_store(site, portfolio):
    site.store.commit(readings(METERS[0], everything()))
    own = portfolio.model_copy(update={"buildings": {"health.centre-1": portfolio.buildings["health.centre-1"]}})
    follow_configuration(replace(replace(site, portfolio=own).site, readings=Unsearched(site.store)))
    site.bring_up()
    _, kwh = register()
    assert np.nansum(site.ledger.slots([METERS[0]], IMPORT, FIRST, LAST).values) == pytest.approx(
        kwh[-1] - kwh[0], abs=0.001
    )


def test_readings_of_a_meter_that_the_portfolio_does_not_have_keep_no_worker_busy(site):
    at, kwh = register()
    site.store.commit(ReadingBatch(("gone.gone.gone",), np.zeros(2, np.int64), at[:2], {"energy_kwh": kwh[:2]}))
    done = site.bring_up()
    assert (done.meters, done.waiting) == (0, 0)


def test_export_and_power_factor_have_channels_of_their_own(site):
    at, kwh = register()
    factor = np.full(len(at), -0.9)
    site.store.commit(readings(METERS[0], everything(), export_kwh=kwh / 2, power_factor=factor))
    site.bring_up()
    assert np.nansum(slots(site, EXPORT).values[:, 0]) == pytest.approx((kwh[-1] - kwh[0]) / 2)
    assert slots(site, POWER_FACTOR).values[5, 0] == pytest.approx(0.9)


def test_weather_is_hourly_means(settings, portfolio):
    building = portfolio.buildings["health.centre-1"]
    station = building.meters[0].model_copy(update={"kind": MeterKind.WEATHER})
    with energy(settings, with_meter(portfolio, station)) as site:
        at, _ = register()
        ghi = np.arange(len(at), dtype=float)
        site.store.commit(ReadingBatch((station.id,), np.zeros(len(at), np.int64), at, {"ghi_wm2": ghi}))
        site.bring_up()
        hours = site.ledger.slots([station.id], GHI, FIRST, LAST)
        assert hours.values[:3, 0].tolist() == [1.5, 5.5, 9.5]


def test_every_reader_gives_the_same_total(site, portfolio):
    gap = np.arange(300, 600)
    site.store.commit(readings(METERS[0], np.setdiff1d(everything(), gap)))
    meters = [meter for meter in portfolio.meters if meter.id == METERS[0]]
    quarters = quarter_hours(site.fresh, meters, SPAN)
    total = float(quarters.total_kwh(SPAN.start, SPAN.end).iloc[0])
    _, kwh = register()
    assert total == pytest.approx(kwh[-2] - kwh[0] + (kwh[-1] - kwh[-2]), abs=0.001)
    assert float(quarters.daily_kwh().sum().iloc[0]) == pytest.approx(total)
    for step in ("15min", "60min", "day"):
        assert float(np.nansum(energy_series(site.ledger, meters, SPAN, step).energy_kwh)) == pytest.approx(total)
    totals = site.ledger.totals([METERS[0]], IMPORT, FIRST, LAST)
    assert float(np.nansum(totals.total)) == pytest.approx(total)


def test_days_that_wait_are_named(site, portfolio):
    site.store.commit(readings(METERS[0], np.arange(100)))
    meters = [meter for meter in portfolio.meters if meter.id in METERS]
    assert waiting_days(site.ledger, meters, SPAN) == {METERS[0]: [FIRST, FIRST + DAY]}
    assert energy_series(site.ledger, meters, SPAN, "day").waiting == (FIRST, FIRST + DAY)


def test_status_says_that_days_wait(site, portfolio, settings):
    site.store.commit(readings(METERS[0], everything()))
    meters = [meter for meter in portfolio.meters if meter.id == METERS[0]]
    state = open_state(StateSettings(path=settings.store.path.with_name("state.sqlite")))
    logbook = Logbook(state)
    now = SPAN.end.to_pydatetime()
    (before,) = meter_status(site.ledger, logbook, meters, now=now)
    site.bring_up()
    (after,) = meter_status(site.ledger, logbook, meters, now=now)
    state.dispose()
    assert (before.is_waiting, after.is_waiting) == (True, False)
    assert after.coverage_ratio == 1
    assert after.last_seen == SPAN.end.to_pydatetime()


def test_a_meter_that_never_stops_sending_does_not_hold_a_reader_up(site, portfolio):
    site.store.commit(readings(METERS[0], np.arange(100)))
    meters = [meter for meter in portfolio.meters if meter.id == METERS[0]]
    read, calls = site.store.readings, itertools.count(100)

    def readings_and_news(*given):
        number = next(calls)
        assert number < 120, "the reader computes for ever"
        found = read(*given)
        site.store.commit(readings(METERS[0], np.array([number])))
        return found

    site.store.readings = readings_and_news
    try:
        assert np.isfinite(quarter_hours(site.fresh, meters, SPAN).energy_kwh.iloc[50, 0])
    finally:
        del site.store.readings


@pytest.mark.parametrize("year", [1, 1970, 1999, 2100, 2569, 9999, 292_000])
def test_a_reading_of_a_clock_that_cannot_be_right_ends_no_computation_and_changes_no_day(tmp_path, portfolio, year):
    """A gap of 543 years was to be drawn in quarter-hours, and the days beside it were never computed."""
    settings = Settings(store=StoreSettings(path=tmp_path / "store.sqlite"))
    stray_us = np.array([int((year - 1970) * 365.2425 * 86_400 * 1e6)])
    stray = ReadingBatch((METERS[0],), np.zeros(1, np.int64), stray_us, {"energy_kwh": np.array([90_000.0])})
    with energy(settings, portfolio) as site:
        site.store.commit(readings(METERS[0], everything()[: 6 * 96]))
        site.bring_up()
        site.store.commit(stray)
        site.bring_up()
        site.store.commit(readings(METERS[0], everything()[6 * 96 :]))
        site.bring_up()
        assert not site.ledger.waiting()
        found = slots(site, meters=METERS[:1])
        assert len(site.ledger.stored_days(METERS[0], IMPORT)) == len(SPAN.dates) + 1
    expected_kwh = np.diff(register()[1])
    np.testing.assert_allclose(found.values[:, 0], expected_kwh[: len(found.values)], atol=1e-9)


def test_on_every_store_days_are_computed_beside_a_reading_of_2150(settings, portfolio):
    stray_us = np.array([timestamp_us(pd.Timestamp("2150-01-01", tz=BANGKOK))])
    stray = ReadingBatch((METERS[0],), np.zeros(1, np.int64), stray_us, {"energy_kwh": np.array([90_000.0])})
    with energy(settings, portfolio) as site:
        site.store.commit(readings(METERS[0], everything()))
        site.store.commit(stray)
        site.bring_up()
        assert not site.ledger.waiting()
        assert np.isfinite(slots(site, meters=METERS[:1]).values[:, 0]).all()
