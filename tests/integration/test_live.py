"""Power of all buildings as streams look at it: the same as a page reads for each, and read only where it is new."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from bkkenergy.adapters.state.users import add_user
from bkkenergy.calendar import BANGKOK, Period, edges, epoch_us, timestamp_us
from bkkenergy.readings import ReadingBatch
from bkkenergy.settings import Settings, StoreSettings
from bkkenergy.site import load_configuration
from bkkenergy.site.open import open_writable
from bkkenergy.usecases.demand import billed_peaks, demand_quarters
from bkkenergy.usecases.energy import building_quarters
from bkkenergy.usecases.power import UNKNOWN, PowerWatch, power_now, power_of, quarter_forecast_kw
from bkkenergy.usecases.recompute import recompute
from bkkenergy.web.livefigures import LiveFigures, live_building
from tests.conftest import CONFIG_PARTS, ROOT
from tests.sites import make_context
from tests.web import PASSWORD

START = dt.datetime(2026, 11, 26, 10, 0, tzinfo=BANGKOK)
MINUTE = dt.timedelta(minutes=1)
METERS = ("health.centre-1.main", "medical-service.klang.main", "education.headquarters.main")
BUILDING = "education.headquarters"


class Hand:
    """A clock that a test sets."""

    at = START

    def __call__(self):
        return self.at


@pytest.fixture(scope="module")
def clock():
    return Hand()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    home = tmp_path_factory.mktemp("live") / "config"
    home.mkdir()
    for name in CONFIG_PARTS:
        (home / name).symlink_to(ROOT / "config" / name)
    (home / "bkkenergy.toml").write_text("[web]\nsecure_cookies = false\nsecond_factor = 'offered'\n")
    return home


@pytest.fixture(scope="module")
def store(folder):
    opened = open_writable(Settings(store=StoreSettings(path=folder.parent / "var/bkkenergy.sqlite")))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def here(folder, store, clock):
    """A site with registers of October and November, its ledger brought up, and a user."""
    days = Period.parse("2026-10-20..2026-11-25", today=START.date())
    at = epoch_us(edges(days, "15min"))
    rng = np.random.default_rng(7)
    for meter in METERS:
        register = 1000.0 + np.cumsum(rng.uniform(1, 9, len(at)))
        store.commit(ReadingBatch((meter,), np.zeros(len(at), np.int64), at, {"energy_kwh": register}))
    context = make_context(load_configuration(folder), clock)
    recompute(context.opened, within_s=600)
    add_user(context.opened.state, "admin", PASSWORD, "admin", ["all"], START)
    return context


def send(store, meter, at, power_kw):
    instant = timestamp_us(pd.Timestamp(at))
    store.commit(ReadingBatch((meter,), np.array([0]), np.array([instant]), {"power_kw": np.array([power_kw])}))


def test_a_watch_sees_what_a_page_reads_whatever_comes_late_early_or_without_power(here, store, clock):
    """Two hours of five meters that send at odd times; the watch has read what is new alone."""
    rng, watch, site = np.random.default_rng(1), PowerWatch(), here.opened
    buildings = list(site.portfolio.buildings.values())
    known = 0
    for step in range(60):
        clock.at = START + step * 2 * MINUTE
        for meter in METERS:
            if rng.random() < 0.5:
                shift = MINUTE * float(rng.choice([-20.0, -1.0, -0.2, 0.0, 1.5]))
                send(store, meter, clock.at + shift, float(rng.choice([np.nan, *rng.uniform(0, 50, 6)])))
        powers, now_us = watch.look(site), timestamp_us(pd.Timestamp(clock.at))
        for building in buildings:
            seen = power_of(building, powers, now_us)
            assert seen == power_now(site, building), (step, building.id)
            known += seen != UNKNOWN
    assert known > 60
    assert set(powers) <= set(METERS)
    assert all(len(one.at_us) < 40 for one in powers.values()), "what is long past is forgotten"


def test_a_look_without_news_reads_no_reading(here, clock, monkeypatch):
    watch = PowerWatch()
    clock.at = START + 125 * MINUTE
    watch.look(here.opened)
    clock.at += MINUTE
    asked = []
    read = type(here.opened.readings).readings
    monkeypatch.setattr(
        type(here.opened.readings), "readings", lambda *given: asked.append(given) or read(*given), raising=True
    )
    powers = watch.look(here.opened)
    assert asked == []
    assert powers


def test_a_power_of_two_hours_ago_is_unknown_and_one_of_a_while_ago_says_when(here, store, clock):
    clock.at = START + 300 * MINUTE
    building = here.portfolio.buildings[BUILDING]
    assert power_now(here.opened, building) == UNKNOWN
    send(store, METERS[2], clock.at, 12.0)
    clock.at += 119 * MINUTE
    shown = live_building(here, building)
    assert (shown.power.power_kw, shown.power.at) == (12.0, clock.at - 119 * MINUTE)
    assert shown.forecast_kw is None, "that does not say what a quarter-hour comes to"


def test_the_highest_demand_is_of_the_hours_that_the_tariff_charges(here, clock):
    site = here.opened
    clock.at = START
    buildings = [site.portfolio.buildings[meter.rpartition(".")[0]] for meter in METERS]
    month = Period.parse("2026-11-01..2026-11-26", today=START.date())
    peaks = billed_peaks(site, buildings, pd.Timestamp(START))
    for building in buildings:
        kw = pd.Series(building_quarters(site.energy, building, month).firm_kwh * 4, edges(month, "15min")[:-1])
        schedule = site.figures.tariffs.schedules[site.portfolio.schedule_of(building)]
        windows = set(schedule.rates_on(START.date()).demand_thb_per_kw)
        if windows == {"on_peak"}:
            kw = kw[(kw.index.day_of_week < 5) & (kw.index.hour >= 9) & (kw.index.hour < 22)]
        else:
            assert windows <= {"all"}
        assert peaks[building.id].power_kw == pytest.approx(kw.max())
        assert not peaks[building.id].is_last_month
        assert peaks[building.id].is_billed_now == bool(windows), "a Thursday at ten"
        highest = demand_quarters(site, building, month)
        assert highest[0].power_kw == pytest.approx(kw.max())
        assert highest[0].start == kw.idxmax()
        assert len({quarter.start.date() for quarter in highest}) == len(highest) == 5
        rate = next(iter(schedule.rates_on(START.date()).demand_thb_per_kw.values()), None)
        assert highest[0].charge_thb == (None if rate is None else pytest.approx(kw.max() * rate))


def test_in_its_first_days_a_month_is_beside_the_month_before(here, clock):
    site, building = here.opened, here.portfolio.buildings[BUILDING]
    clock.at = dt.datetime(2026, 12, 7, 0, 1, tzinfo=BANGKOK)
    peak = billed_peaks(site, [building], pd.Timestamp(clock.at))[BUILDING]
    assert peak.is_last_month
    assert 0 < peak.power_kw < 9.001 * 4
    clock.at = dt.datetime(2026, 12, 8, 0, 1, tzinfo=BANGKOK)
    peak = billed_peaks(site, [building], pd.Timestamp(clock.at))[BUILDING]
    assert (peak.power_kw, peak.is_last_month) == (None, False), "nothing was measured this month"


def test_a_warning_comes_before_the_highest_demand_is_passed(here, store, clock):
    building = here.portfolio.buildings[BUILDING]
    clock.at = START + 600 * MINUTE
    peak_kw = billed_peaks(here.opened, [building], pd.Timestamp(clock.at))[BUILDING].power_kw
    send(store, METERS[2], clock.at, peak_kw * 1.2)
    clock.at += 2 * MINUTE
    figures = LiveFigures(here)
    row = figures.now().buildings[BUILDING]
    assert row == live_building(here, building), "streams and pages say the same"
    assert row.state == "over"
    assert row.forecast_kw == pytest.approx(peak_kw * 1.2)
    assert quarter_forecast_kw(building, PowerWatch().look(here.opened), timestamp_us(pd.Timestamp(clock.at))) == pytest.approx(peak_kw * 1.2)  # fmt: skip


def test_where_readings_cannot_be_reached_the_last_look_stays_with_its_age(here, store, clock, monkeypatch):
    from bkkenergy.ports.readings import StoreUnavailable
    from bkkenergy.web import livefigures

    monkeypatch.setattr(livefigures, "EVERY_S", 0.0)
    figures = LiveFigures(here)
    first = figures.now()

    def away(_watch, _site):
        raise StoreUnavailable("the disk is gone")

    monkeypatch.setattr(PowerWatch, "look", away)
    clock.at += 3 * MINUTE
    assert figures.now() is first
    assert figures.age_s() == 180
