"""A report's year before is what the ledger knows of the same days, building by building, in both years."""

from __future__ import annotations

import datetime as dt
import shutil

import numpy as np
import pytest

from bkkenergy.calendar import Period, timestamp_us
from bkkenergy.cli.opening import opened_site
from bkkenergy.readings import ReadingBatch
from bkkenergy.reports.write import make_report
from bkkenergy.reports.yearbefore import year_before
from bkkenergy.site import load_configuration
from bkkenergy.site.open import open_writable
from bkkenergy.usecases.during import site_during
from tests.conftest import CONFIG_PARTS, ROOT

AGENCY = "district-bangkhen"
OCTOBER, BEFORE = Period.month(2026, 10), Period.month(2025, 10)
NOW = dt.datetime(2026, 11, 24, 9, 0, tzinfo=dt.UTC)
QUARTER_US, DAY_US = 900_000_000, 86_400_000_000
DAYS = 31


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    """Three buildings of steady loads: of the second the first three days of last October lack, of the third eight."""
    folder = tmp_path_factory.mktemp("year_before")
    (folder / "config").mkdir()
    for name in CONFIG_PARTS:
        source = ROOT / "config" / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / "config" / name)
    (folder / "config/bkkenergy.toml").write_text(
        '[store]\npath = "var/store.sqlite"\n[state]\npath = "var/state.sqlite"\n'
    )
    site = load_configuration(folder / "config")
    store = open_writable(site.settings)
    mains = [building.main_meters[0].id for building in site.portfolio.buildings_of(AGENCY)[:3]]
    for meter, lacking_days in zip(mains, (0, 3, 8), strict=True):
        commit(store, meter, timestamp_us(BEFORE.start) + lacking_days * DAY_US, timestamp_us(BEFORE.end), 2.0, 1000.0)
        commit(store, meter, timestamp_us(OCTOBER.start), timestamp_us(OCTOBER.end), 2.5, 90_000.0)
    store.close()
    return folder / "config"


def commit(store, meter, start_us, end_us, quarter_kwh, register_kwh):
    at = np.arange(start_us, end_us + 1, QUARTER_US)
    columns = {"energy_kwh": register_kwh + quarter_kwh * np.arange(len(at)), "applied_ratio": np.ones(len(at))}
    store.commit(ReadingBatch((meter,), np.zeros(len(at), np.int64), at, columns))


def test_buildings_known_in_both_years_are_compared_by_their_known_days(config):
    with opened_site(config) as site:
        report = make_report(site, AGENCY, OCTOBER, now=NOW)
        count = len(site.portfolio.buildings_of(AGENCY))
    before = report.year_before
    assert before is not None
    assert (before.first_day, before.last_day) == (BEFORE.first_day, BEFORE.last_day)
    assert (before.building_count, before.all_count) == (2, count)
    assert before.energy_kwh == pytest.approx(2 * 96 * DAYS * 2.0, rel=1e-6)
    assert before.actual_kwh == pytest.approx(2 * 96 * DAYS * 2.5, rel=1e-6)


def test_a_year_before_stands_for_the_days_that_are_known_of_this_one(config):
    """Three days of 34 have not come yet: last year is not one of 34 days."""
    longer = Period.days(OCTOBER.first_day, OCTOBER.last_day + dt.timedelta(days=3))
    with opened_site(config) as site:
        before = year_before(site_during(site, longer), AGENCY, longer, site.figures.grid_factors)
    assert (before.building_count, before.known_days, before.known_days_before) == (2, 31, 31)
    assert before.actual_kwh == before.compared_kwh == pytest.approx(2 * 96 * DAYS * 2.5, rel=1e-6)
    # What each register counted from November to September is 249 and 250 kWh a day; of the second 28 + 3 days are known.
    assert before.energy_kwh == pytest.approx((31 * 192 + 3 * 249) * 31 / 34 + (28 * 192 + 3 * 250), rel=1e-3)
    assert before.is_of_known_days


def test_without_a_year_before_there_is_no_comparison_with_it(config):
    with opened_site(config) as site:
        assert make_report(site, AGENCY, BEFORE, now=NOW).year_before is None
        assert make_report(site, AGENCY, Period.day(OCTOBER.last_day), now=NOW).year_before is None


def test_the_target_is_that_of_the_plan(config):
    with opened_site(config) as site:
        target = make_report(site, AGENCY, OCTOBER, now=NOW).target
    assert target is not None
    assert (target.saving_ratio, target.year_be) == (0.1, 2573)
    assert "สนพ." in target.source.th
