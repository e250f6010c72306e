"""Where more than a report's period is read, each meter counts for its building by the days too: pages, bills, hours."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from bkkenergy.calendar import Period, timestamp_us
from bkkenergy.readings import ReadingBatch
from bkkenergy.reports.savings.fitting import progress_of
from bkkenergy.reports.savings.gather import facts_of, hours_of
from bkkenergy.reports.yearbefore import year_before
from bkkenergy.site import load_configuration
from bkkenergy.usecases.bills import month_bills, running_bill
from bkkenergy.usecases.billsofmany import bills_until
from bkkenergy.usecases.daychange import day_changes
from bkkenergy.usecases.during import site_during
from bkkenergy.usecases.emissions import emission_months
from bkkenergy.usecases.ereport import ereport_months
from bkkenergy.web.building import building_hours, building_view
from bkkenergy.web.cityyear import year_so_far
from bkkenergy.web.figures import CityFigures
from tests.conftest import CONFIG_PARTS, ROOT
from tests.integration.test_parts_of_meters import BUILDING, DAY_KWH, METER, SMALL_KWH
from tests.sites import bring_up, make_context

TODAY = dt.date(2026, 11, 17)
NOW = dt.datetime(2026, 11, 17, 5, tzinfo=dt.UTC)
FIRST, CHANGE = dt.date(2025, 7, 1), dt.date(2026, 11, 11)
AGENCY = """
[[agency]]
id = "odd"
name_th = "แปลก"
name_en = "Odd"
"""
METERS = {
    "steady": {"main": ""},
    "replaced": {"old": "until = 2026-11-10", "new": "from = 2026-11-11"},
    "behind": {"main": 'changes = [{ from = 2026-11-11, parent = "hv" }]', "hv": "from = 2026-11-11"},
    "let": {"main": "", "shop": 'parent = "main"\nchanges = [{ from = 2026-11-11, tenant = true }]'},
}


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """Buildings that use the same each day of 17 months, whatever part their meters play."""
    home = tmp_path_factory.mktemp("year") / "config"
    (home / "portfolio/buildings").mkdir(parents=True)
    for name in CONFIG_PARTS:
        if name != "portfolio":
            (home / name).symlink_to(ROOT / "config" / name)
    (home / "bkkenergy.toml").write_text("")
    (home / "portfolio/agencies.toml").write_text(AGENCY)
    (home / "portfolio/buildings/odd.toml").write_text(
        "".join(
            BUILDING.format(name=name, lines="")
            + "".join(METER.format(name=meter, lines=lines) for meter, lines in own.items())
            for name, own in METERS.items()
        )
    )
    loaded = load_configuration(home)
    period = Period.days(FIRST, TODAY)
    at = np.arange(timestamp_us(period.start), timestamp_us(period.end) + 1, 900_000_000)
    change_us = timestamp_us(Period.days(CHANGE, TODAY).start)
    context = make_context(loaded, clock=lambda: NOW)
    for name, own in METERS.items():
        for meter in own:
            day_kwh = SMALL_KWH if meter == "shop" else DAY_KWH
            columns = {"energy_kwh": 100 + day_kwh / 96 * np.arange(len(at))}
            batch = ReadingBatch((f"odd.{name}.{meter}",), np.zeros(len(at), np.int64), at, columns)
            rows = {"old": at <= change_us, "new": at >= change_us, "hv": at >= change_us}
            context.opened.readings.commit(batch.take(rows.get(meter, np.full(len(at), True))))
    bring_up(loaded.settings, loaded.portfolio)
    return context


def building(here, name):
    return here.portfolio.buildings[f"odd.{name}"]


@pytest.mark.parametrize("name", METERS)
def test_a_building_s_page_has_the_whole_year(here, name):
    first = TODAY - dt.timedelta(days=364)
    hours = building_hours(
        here, building(here, name), Period.days(first, TODAY - dt.timedelta(days=1)), here.opened.energy
    )
    assert hours.energy_kwh == pytest.approx(np.full(364 * 24, DAY_KWH / 24))
    view = building_view(here, building(here, name))
    assert (view.month_peak_kw, view.last_month_peak_kw) == (pytest.approx(DAY_KWH / 24), pytest.approx(DAY_KWH / 24))
    assert view.typical_kw == pytest.approx(np.full(24, DAY_KWH / 24))


def test_the_city_s_overview_has_the_same_of_every_building(here):
    figures = CityFigures(here).now().buildings
    days_of_year = (TODAY - dt.date(2026, 10, 1)).days + 1
    for name in METERS:
        row = figures[f"odd.{name}"]
        assert row.year.energy_kwh == pytest.approx(days_of_year * DAY_KWH)
        assert row.month.energy_kwh == pytest.approx(17 * DAY_KWH)
        assert row.coverage_ratio == pytest.approx(1.0)
        assert row.month_peak_kw == pytest.approx(DAY_KWH / 24)


def test_the_year_before_is_compared_with_what_the_building_was_then(here):
    rows = list(CityFigures(here).now().buildings.values())
    assert year_so_far(here, ["odd"], rows).year.change_ratio == pytest.approx(0.0)
    month = Period.month(2026, 10)
    before = year_before(site_during(here.site, month), "odd", month, here.opened.figures.grid_factors)
    assert before is not None
    assert before.building_count == len(METERS)
    assert before.actual_kwh == pytest.approx(before.energy_kwh)


def test_no_building_has_a_day_that_differs_from_its_usual_one(here):
    changes = day_changes(here.site, list(here.portfolio.buildings.values()), TODAY - dt.timedelta(days=1))
    assert len(changes) == len(METERS)
    assert [change.more_kwh for change in changes] == pytest.approx([0.0] * len(METERS), abs=1e-6)


@pytest.mark.parametrize("name", METERS)
def test_a_running_bill_and_those_of_months_are_of_all_days(here, name):
    bill = running_bill(here.site, building(here, name), TODAY)
    assert bill is not None
    assert sum(each.quantities.energy_kwh for each in bill.each) == pytest.approx(16 * DAY_KWH)
    bills = month_bills(here.site, building(here, name), Period.days(dt.date(2026, 1, 1), dt.date(2026, 10, 31)))
    assert sum(each.quantities.energy_kwh for one in bills for each in one.each) == pytest.approx(304 * DAY_KWH)


def test_bills_of_many_buildings_at_once_are_those_of_each(here):
    until, this = TODAY - dt.timedelta(days=1), TODAY.replace(day=1)
    buildings = list(here.portfolio.buildings.values())
    together = list(bills_until(here.site, buildings, dt.date(2026, 5, 1), until))
    whole, begun = Period.days(dt.date(2026, 5, 1), this - dt.timedelta(days=1)), Period.days(this, until)
    assert together == [month_bills(here.site, one, whole) + month_bills(here.site, one, begun) for one in buildings]
    assert len(together) == len(METERS)


@pytest.mark.parametrize("name", METERS)
def test_a_baseline_and_findings_rest_on_every_day_before_the_change(here, name):
    tenant_kwh = SMALL_KWH / 24 if name == "let" else 0.0
    span = Period.days(dt.date(2025, 12, 1), TODAY - dt.timedelta(days=1))
    hours = hours_of(here.site, building(here, name), span).energy_kwh.reshape(-1, 24)
    change = (CHANGE - span.first_day).days
    assert hours[:change] == pytest.approx(np.full((change, 24), DAY_KWH / 24))
    assert hours[change:] == pytest.approx(np.full((len(hours) - change, 24), DAY_KWH / 24 - tenant_kwh))
    facts = facts_of(here.site, building(here, name), last_day=span.last_day)
    assert np.isfinite(facts.series.energy_kwh).sum() >= 500 * 24
    progress = progress_of(here.site, building(here, name), ())
    assert progress.why is None
    assert progress.valid_days == 365


def test_emissions_and_the_state_s_index_have_each_meter_once(here):
    months = emission_months(here.site, "odd", Period.days(dt.date(2026, 9, 1), dt.date(2026, 10, 31))).months
    assert [month.energy_kwh for month in months] == pytest.approx([30 * 4 * DAY_KWH, 31 * 4 * DAY_KWH])
    assert [month.known_ratio for month in months] == pytest.approx([1, 1])
    (november,) = ereport_months(here.site, (), "odd", Period.month(2026, 11))
    assert november.electricity_kwh == pytest.approx(17 * 4 * DAY_KWH)
    assert set(november.meters_kwh) == {
        "odd.steady.main", "odd.replaced.old", "odd.replaced.new", "odd.behind.main", "odd.behind.hv", "odd.let.main"
    }  # fmt: skip
    assert november.meters_kwh["odd.behind.main"] == pytest.approx(10 * DAY_KWH)
