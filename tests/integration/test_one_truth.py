"""One number for one month: the register, report, bars, bill, pages, API and export all say the same."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from bkkenergy.adapters.state import open_state
from bkkenergy.adapters.state.users import add_user
from bkkenergy.calendar import BANGKOK, Period, timestamp_us
from bkkenergy.cli import cli
from bkkenergy.cli.opening import opened_site
from bkkenergy.readings import ReadingBatch
from bkkenergy.reports.write import make_report
from bkkenergy.site import load_configuration
from bkkenergy.site.open import open_writable
from bkkenergy.usecases.bills import month_bills
from bkkenergy.web.app import create_app
from bkkenergy.web.building import building_hours
from bkkenergy.web.context import AppContext
from bkkenergy.web.figures import CityFigures
from tests.conftest import CONFIG_PARTS, ROOT
from tests.counting import CountingLedger
from tests.sites import make_context, make_jobs
from tests.web import PASSWORD, SETTINGS, signed_in

BUILDING, METER = "health.centre-1", "health.centre-1.main"
QUARTER_US = 900_000_000
LOAD_KW = 40.0
NOW = dt.datetime.now(BANGKOK)
MONTH = Period.month(*((NOW.replace(day=1) - dt.timedelta(days=1)).timetuple()[:2]))


def make_site(home: Path) -> Path:
    (home / "config").mkdir()
    for name in CONFIG_PARTS:
        (home / "config" / name).symlink_to(ROOT / "config" / name)
    (home / "config/bkkenergy.toml").write_text(SETTINGS)
    return home / "config"


def send(config: Path, at_us: np.ndarray, register_kwh: np.ndarray) -> None:
    store = open_writable(load_configuration(config).settings)
    store.commit(ReadingBatch((METER,), np.zeros(len(at_us), np.int64), at_us, {"energy_kwh": register_kwh}))
    store.close()


def silences(at_us: np.ndarray) -> np.ndarray:
    """Four silences of six hours over midnight."""
    is_silent = np.zeros(len(at_us), bool)
    for day in (4, 11, 18, 25):
        start = timestamp_us(MONTH.start + pd.Timedelta(days=day, hours=21, minutes=5))
        is_silent |= (at_us > start) & (at_us < start + 6 * 3_600_000_000)
    return is_silent


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A month of a steady load, and some days before it."""
    config = make_site(tmp_path_factory.mktemp("truth"))
    start_us = timestamp_us(MONTH.start) - 10 * 96 * QUARTER_US
    at_us = np.arange(start_us, timestamp_us(MONTH.end) + 1, QUARTER_US)
    register = 1000 + np.arange(len(at_us)) * LOAD_KW / 4
    there = ~silences(at_us)
    send(config, at_us[there], register[there])
    return config


@pytest.fixture(scope="module")
def truth_kwh() -> float:
    return LOAD_KW * len(MONTH.dates) * 24


def test_the_report_its_bars_and_its_bill_say_what_the_register_counted(site, truth_kwh):
    with opened_site(site) as opened:
        report = make_report(opened, "health", MONTH, now=NOW)
        (bill,) = month_bills(opened, opened.portfolio.buildings[BUILDING], MONTH)
    (use,) = [own.use for own in report.buildings if own.id == BUILDING]
    assert use.energy_kwh == pytest.approx(truth_kwh, abs=0.001)
    assert sum(bar.energy_kwh or 0 for bar in report.pictures.bars) == pytest.approx(truth_kwh, abs=0.001)
    assert bill.quantities.energy_kwh == pytest.approx(truth_kwh, abs=0.001)
    assert use.peak_kw == pytest.approx(LOAD_KW)
    assert 0.95 < use.coverage_ratio < 0.97, "the silences are energy, but nobody measured them"


def test_pages_api_and_export_say_the_same(site, truth_kwh):
    loaded = load_configuration(site)
    make_jobs(loaded).bring_up()
    engine = open_state(loaded.settings.state)
    add_user(engine, "admin", PASSWORD, "admin", ["all"], NOW)
    here = make_context(loaded)
    client = signed_in(create_app(here), "admin")
    span = {"first": MONTH.first_day.isoformat(), "last": MONTH.last_day.isoformat()}
    for path in (f"buildings/{BUILDING}", f"meters/{METER}"):
        series = client.get(f"/api/v1/{path}/energy", params=span).json()
        assert sum(kwh or 0 for kwh in series["energy_kwh"]) == pytest.approx(truth_kwh, abs=0.01)
        assert set(series["quality"]) == {"measured", "estimated"}
        assert series["waiting_days"] == []
    hours = building_hours(here, loaded.portfolio.buildings[BUILDING], MONTH, here.opened.energy)
    assert np.nansum(hours.energy_kwh) == pytest.approx(truth_kwh, abs=0.001)
    year = CityFigures(here).now().buildings[BUILDING].year.energy_kwh
    assert year is not None
    assert year >= truth_kwh - 0.001
    report = CliRunner().invoke(
        cli,
        ["report", "health", "--period", MONTH.slug, "--format", "json,csv", "--config", str(site), "-o", str(site)],
    )
    assert report.exit_code == 0, report.output
    found = json.loads(next(site.rglob(f"health_{MONTH.slug}.json")).read_text())
    assert found["total"]["energy_kwh"] == pytest.approx(truth_kwh, abs=0.001)
    rows = list(csv.DictReader(io.StringIO(next(site.rglob(f"health_{MONTH.slug}.*csv")).read_text("utf-8-sig"))))
    assert f"{truth_kwh:.0f}" in {
        cell.replace(",", "").partition(".")[0] for row in rows for cell in row.values() if cell
    }


def test_a_running_hour_is_never_drawn_as_a_whole_one(tmp_path):
    """After a reading at a quarter past, the hour has one quarter-hour of 253 kW: no page may say 63 kW."""
    config = make_site(tmp_path)
    hour_us = timestamp_us(pd.Timestamp(NOW).floor("h"))
    at_us = np.arange(hour_us - 20 * 96 * QUARTER_US, hour_us + QUARTER_US + 1, QUARTER_US)
    send(config, at_us, 1000 + np.arange(len(at_us)) * 253.0 / 4)
    loaded = load_configuration(config)
    loaded.portfolio.buildings[BUILDING].meters[0].__dict__["rated_kw"] = 1000.0
    make_jobs(loaded).bring_up()
    here = make_context(loaded)
    today = NOW.date()
    hours = building_hours(
        here, loaded.portfolio.buildings[BUILDING], Period.days(today - dt.timedelta(days=1), today), here.opened.energy
    )
    shown = hours.energy_kwh[np.isfinite(hours.energy_kwh)]
    assert shown == pytest.approx(np.full(len(shown), 253.0))
    assert np.isnan(hours.energy_kwh[24 + pd.Timestamp(NOW).hour])


def test_a_web_process_alone_says_that_days_wait_and_never_that_there_is_nothing(site):
    start_us = timestamp_us(MONTH.start)
    send(site, np.array([start_us + 5]), np.array([1000.0 + 10 * 96 * LOAD_KW / 4]))
    loaded = load_configuration(site)
    here = make_context(loaded)
    assert CityFigures(here).now().stale == 0, "a worker needs some seconds"
    later = replace(here.started, clock=lambda: dt.datetime.now(dt.UTC) + dt.timedelta(minutes=2))
    here = AppContext(later)
    assert CityFigures(here).now().stale == 1
    client = signed_in(create_app(here), "admin")
    assert "1 meter is waiting to be computed" in client.get("/", params={"lang": "en"}).text
    series = client.get(
        f"/api/v1/meters/{METER}/energy", params={"first": str(MONTH.first_day), "last": str(MONTH.first_day)}
    ).json()
    assert series["waiting_days"] == [str(MONTH.first_day)]


@pytest.mark.parametrize("period", [MONTH, Period.day(MONTH.last_day)], ids=["month", "day"])
def test_a_report_reads_each_row_of_the_ledger_once_and_no_reading(site, period):
    make_jobs(load_configuration(site)).bring_up()
    with opened_site(site) as opened:
        counting = CountingLedger(opened.energy)
        read = []
        opened.readings.readings = lambda *_args: read.append(1)
        make_report(replace(opened, energy=counting), "health", period, now=NOW)
    assert counting.distinct > 0
    assert counting.read == counting.distinct
    assert not read
