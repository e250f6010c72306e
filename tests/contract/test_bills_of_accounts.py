"""The bills of a building with a meter and an electricity account, from stored readings: a busy month, then a quiet one."""

from __future__ import annotations

import datetime as dt
import shutil
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from bkkenergy.access import server_actor
from bkkenergy.adapters.state import open_state
from bkkenergy.calendar import Period, timestamp_us
from bkkenergy.cli import cli
from bkkenergy.cli.opening import opened_site
from bkkenergy.errors import InputError
from bkkenergy.portfolio.edits import Amend, Put
from bkkenergy.readings import ReadingBatch
from bkkenergy.reports.plan.jcm import monitored_months
from bkkenergy.reports.savings.standings import index_rows
from bkkenergy.reports.write import make_report
from bkkenergy.site import load_configuration
from bkkenergy.site.open import open_writable
from bkkenergy.site.portfolio_files import read_folder
from bkkenergy.site.what_counts import what_counts
from bkkenergy.usecases.bills import bill_of_days, month_bills, running_bill
from bkkenergy.usecases.billsofmany import bills_until
from bkkenergy.usecases.portfolio import PortfolioState, change, replace_all
from tests.conftest import CONFIG_PARTS, ROOT

OFFICE = "district-bangkhen.office"
MAIN = f"{OFFICE}.main"
ME = server_actor("malee")
NOW = dt.datetime(2026, 11, 24, 9, 0, tzinfo=dt.UTC)
SEPTEMBER, OCTOBER = Period.month(2026, 9), Period.month(2026, 10)
BOTH = Period.days(dt.date(2026, 9, 1), dt.date(2026, 10, 31))
LONG_AGO = dt.date(2019, 1, 1)
BUSY_KW, QUIET_KW = 80.0, 20.0


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A site with an office of 80 kW in August and September 2026 and 20 kW in October, billed on 3.1."""
    config = tmp_path_factory.mktemp("accounts") / "config"
    config.mkdir()
    for name in CONFIG_PARTS:
        source = ROOT / "config" / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, config / name)
    (config / "bkkenergy.toml").write_text('[store]\npath = "var/store.sqlite"\n[state]\npath = "var/state.sqlite"\n')
    store = open_writable(load_configuration(config).settings)
    first, change_us, end = (
        timestamp_us(Period.month(2026, number).start) - 86_400_000_000 * (number == 8) for number in (8, 10, 11)
    )
    at = np.arange(first, end + 1, 900_000_000)
    kwh = 1000 + np.cumsum(np.where(at <= change_us, BUSY_KW, QUIET_KW) / 4)
    columns = {"energy_kwh": kwh, "applied_ratio": np.ones(len(at))}
    store.commit(ReadingBatch((MAIN,), np.zeros(len(at), np.int64), at, columns))
    store.close()
    with records(config) as state:
        replace_all(state, ME, read_folder(config).records, why="first import", now=NOW)
    entered(config, Amend("building", OFFICE, {"tariff": "mea-3-1-lv"}))
    bills(config, BOTH)
    return config


@pytest.fixture
def config(made, tmp_path):
    """A copy of the site, with its ledger computed."""
    shutil.copytree(made.parent, tmp_path / "site")
    return tmp_path / "site/config"


@contextmanager
def records(config):
    engine = open_state(load_configuration(config).settings.state)
    yield PortfolioState(engine)
    engine.dispose()


def entered(config, *edits):
    """Change the portfolio from long ago on."""
    with records(config) as state:
        change(state, ME, list(edits), why="as it is", from_day=LONG_AGO, expected_revision=None, now=NOW)


def bills(config, period):
    with opened_site(load_configuration(config)) as site:
        return month_bills(site, site.portfolio.buildings[OFFICE], period)


def test_a_month_costs_the_same_alone_and_within_a_year(config):
    """October's 20 kW are below 70 % of September's 80 kW: 0.7 x 80 less 20 is 36 kW of the demand charge, 221.50."""
    year, (alone,) = bills(config, BOTH), bills(config, OCTOBER)
    assert [bill.month for bill in year] == [dt.date(2026, 9, 1), dt.date(2026, 10, 1)]
    assert alone == year[1]
    assert alone.amount_thb("demand") == 20 * 221.50
    assert alone.amount_thb("minimum") == pytest.approx(36 * 221.50)
    assert bills(config, SEPTEMBER) == year[:1]


def test_days_that_are_no_whole_months_have_no_least_charge(config):
    (days,) = bills(config, Period.days(dt.date(2026, 10, 5), dt.date(2026, 10, 11)))
    assert days.amount_thb("minimum") == 0


def test_bills_until_a_day_are_those_of_months_and_of_the_one_in_hand(config):
    """The schedule changes on 10 September: that month comes in two parts. Before Ft is known there is no price."""
    entered(config, account(meter_side="low"))
    with records(config) as state:
        change(
            state, ME, [Amend("account", "one", {"schedule": "mea-3-2-lv"}), Amend("building", OFFICE, {"tariff": "mea-3-2-lv"})], why="TOU", from_day=dt.date(2026, 9, 10),
            expected_revision=None, now=NOW,
        )  # fmt: skip
    until = dt.date(2026, 10, 11)
    begun = Period.days(dt.date(2026, 10, 1), until)
    with opened_site(load_configuration(config)) as site:
        office = site.portfolio.buildings[OFFICE]
        (together,) = bills_until(site, [office], dt.date(2026, 9, 1), until)
        assert together == month_bills(site, office, SEPTEMBER) + month_bills(site, office, begun)
        (unknown,) = bills_until(site, [office], dt.date(2010, 1, 1), until)
    assert [len(bill.parts) for bill in together] == [2, 0]
    assert isinstance(unknown, InputError)


def account(**fields):
    body = {"id": "one", "number": "123456789", "utility": "mea", "schedule": "mea-3-1-lv", "buildings": [OFFICE]}
    return Put("account", body | fields)


def test_the_account_says_who_bills_and_where_the_meter_is(config):
    """80 kW x 1.02 = 81.6: PEA bills it so, MEA as 82."""
    entered(config, account(utility="pea", meter_side="low"))
    (bill,) = bills(config, SEPTEMBER)
    assert bill.amount_thb("demand") == pytest.approx(81.6 * 221.50)
    assert bill.billed_kwh == pytest.approx(1.02 * bill.quantities.energy_kwh)
    entered(config, account(meter_side="low"))
    (bill,) = bills(config, SEPTEMBER)
    assert bill.amount_thb("demand") == 82 * 221.50


def test_accounts_that_disagree_say_nothing_of_the_meter(config):
    entered(config, account(meter_side="low"), account(id="two", number="123456780", utility="pea", meter_side="high"))
    (bill,) = bills(config, SEPTEMBER)
    assert (bill.quantities.supply.utility, bill.quantities.supply.meter_side) == ("mea", None)
    with opened_site(load_configuration(config)) as site:
        loaded = replace(load_configuration(config), portfolio=site.portfolio)
    (line,) = (line for line in what_counts(loaded, NOW.date()) if "differ" in line)
    assert line == f"{OFFICE}: its electricity accounts differ in utility, meter_side: its bill follows none there."


def test_a_read_day_that_moves_makes_one_long_bill_and_changes_none_before(config):
    """Read on the 12th up to September, on the 20th from October on: October's bill is for 38 days."""
    entered(config, account(read_day=12))
    september, before = read_bills(config, BOTH)
    with records(config) as state:
        change(
            state, ME, [Amend("account", "one", {"read_day": 20})], why="another round", from_day=dt.date(2026, 10, 1),
            expected_revision=None, now=NOW,
        )  # fmt: skip
    same, long = read_bills(config, BOTH)
    assert same == september
    assert before.each[0].quantities.days.end == dt.date(2026, 10, 12)
    days = [(bill.each[0].quantities.days.first, bill.each[-1].quantities.days.end) for bill in (same, long)]
    assert days == [(dt.date(2026, 8, 12), dt.date(2026, 9, 12)), (dt.date(2026, 9, 12), dt.date(2026, 10, 20))]
    assert long.quantities.energy_kwh == pytest.approx(24 * (19 * BUSY_KW + 19 * QUIET_KW))
    assert read_bills(config, OCTOBER) == [long]
    with opened_site(load_configuration(config)) as site:
        running = running_bill(site, site.portfolio.buildings[OFFICE], dt.date(2026, 10, 15))
    assert running.each[0].quantities.days.first == dt.date(2026, 9, 12)


def read_bills(config, period):
    with opened_site(load_configuration(config)) as site:
        return month_bills(site, site.portfolio.buildings[OFFICE], period, by_reads=True)


def test_one_bill_from_read_to_read_is_named_by_the_month_of_its_read(config):
    """Read on the 12th: October's is for 12 September to 11 October, 19 days of 80 kW and 11 of 20 kW."""
    entered(config, account(read_day=12))
    (bill,) = read_bills(config, OCTOBER)
    days = bill.quantities.part
    assert (bill.month, days.first, days.end) == (dt.date(2026, 10, 1), dt.date(2026, 9, 12), dt.date(2026, 10, 12))
    assert bill.quantities.energy_kwh == pytest.approx(24 * (19 * BUSY_KW + 11 * QUIET_KW), abs=20)
    assert bill.amount_thb("demand") == 80 * 221.50
    assert bill.amount_thb("service") == 312.24


def test_an_account_without_a_read_day_and_days_that_are_no_months_are_billed_by_the_calendar(config):
    entered(config, account())
    assert read_bills(config, OCTOBER) == bills(config, OCTOBER)
    entered(config, account(read_day=12))
    week = Period.days(dt.date(2026, 10, 5), dt.date(2026, 10, 11))
    assert read_bills(config, week) == bills(config, week)


def test_bills_by_reads_follow_each_other_and_cost_the_same_alone(config):
    entered(config, account(read_day=31))
    september, october = read_bills(config, BOTH)
    assert september.quantities.part.end == october.quantities.part.first == dt.date(2026, 9, 30)
    assert read_bills(config, OCTOBER) == [october]
    assert october.amount_thb("minimum") == 0


def test_a_paper_bill_is_held_against_its_own_days(config):
    with opened_site(load_configuration(config)) as site:
        building = site.portfolio.buildings[OFFICE]
        days = Period.days(dt.date(2026, 10, 3), dt.date(2026, 10, 31))
        bill = bill_of_days(site, building, days, dt.date(2026, 10, 1))
    assert bill.quantities.energy_kwh == pytest.approx(29 * 24 * QUIET_KW, abs=20)
    assert bill.amount_thb("minimum") == pytest.approx(36 * 221.50)


def test_a_report_lists_the_bills_that_are_read_in_its_month_beside_costs_of_the_calendar_month(config):
    by_calendar = bills(config, OCTOBER)
    entered(config, account(read_day=12, meter_side="low"))
    (by_read,) = read_bills(config, OCTOBER)
    with opened_site(load_configuration(config)) as site:
        report = make_report(site, "district-bangkhen", OCTOBER, now=NOW)
    (use,) = [one.use for one in report.buildings if one.id == OFFICE]
    assert use.cost_thb > by_calendar[0].total_thb, "two per cent for the low side"
    assert report.total.cost_thb == use.cost_thb
    (listed,) = report.read_bills
    assert (listed.building_id, listed.count) == (OFFICE, 1)
    assert (listed.first_day, listed.last_day) == (dt.date(2026, 9, 12), dt.date(2026, 10, 11))
    assert listed.total_thb == by_read.total_thb
    assert listed.billed_kwh == pytest.approx(by_read.quantities.energy_kwh * 1.02)
    assert report.raised_ratio == 0.02
    assert report.minimum_floor == "demand"


def test_a_report_of_a_year_sums_the_bills_that_are_read_in_it(config):
    entered(config, account(read_day=12))
    with opened_site(load_configuration(config)) as site:
        report = make_report(site, "district-bangkhen", Period.parse("FY2569", today=NOW.date()), now=NOW)
    (listed,) = report.read_bills
    assert listed.count == 12
    assert (listed.first_day, listed.last_day) == (dt.date(2025, 9, 12), dt.date(2026, 9, 11))


def test_a_report_of_accounts_that_are_read_on_the_first_lists_no_other_bills(config):
    entered(config, account(read_day=1))
    with opened_site(load_configuration(config)) as site:
        assert make_report(site, "district-bangkhen", OCTOBER, now=NOW).read_bills == ()


def with_reactive(config, field, values):
    """Let the main meter send reactive energy or power in October too, and compute its days again."""
    store = open_writable(load_configuration(config).settings)
    at = np.arange(timestamp_us(OCTOBER.start), timestamp_us(OCTOBER.end) + 1, 900_000_000)
    kwh = 1000 + 61 * 24 * BUSY_KW + np.arange(len(at)) * QUIET_KW / 4 + 24 * BUSY_KW
    columns = {"energy_kwh": kwh, "applied_ratio": np.ones(len(at)), field: values(np.arange(len(at)))}
    store.commit(ReadingBatch((MAIN,), np.zeros(len(at), np.int64), at, columns))
    store.close()


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("reactive_kvarh", lambda n: 500 + n * 20 / 4),
        ("reactive_kvar", lambda n: np.full(len(n), 20.0)),
    ],
)
def test_the_power_factor_charge_comes_from_what_the_meter_counts_or_measures(config, field, values):
    """20 kvar beside 20 kW: 20 less 61.97 % of 20 is 7.6, billed as 8 kvar at 56.07."""
    with_reactive(config, field, values)
    (bill,) = bills(config, OCTOBER)
    assert bill.quantities.peak_kvar == pytest.approx(20)
    assert bill.amount_thb("power_factor") == pytest.approx(8 * 56.07)
    assert bills(config, SEPTEMBER)[0].quantities.peak_kvar is None


def running(config, today):
    with opened_site(load_configuration(config)) as site:
        return running_bill(site, site.portfolio.buildings[OFFICE], today)


def test_the_bill_so_far_begins_at_the_last_read(config):
    """On 20 October, read on the 12th: eight days of 20 kW, and the minimum that September's 80 kW set."""
    entered(config, account(read_day=12))
    bill = running(config, dt.date(2026, 10, 20))
    assert bill.quantities.days.first == dt.date(2026, 10, 12)
    assert bill.quantities.energy_kwh == pytest.approx(8 * 24 * QUIET_KW, abs=20)
    assert bill.amount_thb("minimum") == pytest.approx(36 * 221.50)
    before = running(config, dt.date(2026, 10, 11))
    assert before.quantities.days.first == dt.date(2026, 9, 12)
    assert running(config, dt.date(2026, 10, 12)) is None


def test_the_bill_so_far_of_an_account_without_a_read_day_begins_with_the_month(config):
    entered(config, account())
    bill = running(config, dt.date(2026, 10, 20))
    assert bill.quantities.days.first == dt.date(2026, 10, 1)
    assert bill.quantities.energy_kwh == pytest.approx(19 * 24 * QUIET_KW, abs=20)
    assert running(config, dt.date(2026, 10, 1)) is None


def index_row(config):
    with opened_site(load_configuration(config)) as site:
        (row,) = index_rows(site, [site.portfolio.buildings[OFFICE]], BOTH)
    return row


def test_a_building_is_designated_by_its_transformers_and_not_by_its_peak(config):
    """2 x 1,000 kVA are above 1,175 kVA, and below 3,525: one person, whatever the peak of 80 kW."""
    row = index_row(config)
    assert (row["standing"], row["installed_kva"], row["report_due"]) == ("unknown", None, None)
    body = {"id": "t", "building": OFFICE, "kind": "transformer", "name_th": "หม้อแปลง", "name_en": "Transformer"}
    entered(config, Put("equipment", body | {"count": 2, "capacity_kva": 1000.0}))
    row = index_row(config)
    assert (row["standing"], row["installed_kva"], row["persons"]) == ("reached", 2000.0, 1)
    assert row["report_due"] == dt.date(2027, 3, 31)


def test_a_building_is_designated_by_what_its_accounts_are_approved_for(config):
    entered(config, account(contract_demand_kw=400.0), account(id="two", number="123456780", contract_demand_kw=700.0))
    row = index_row(config)
    assert (row["standing"], row["approved_kw"], row["persons"]) == ("reached", 1100.0, 1)


def test_a_report_has_the_index_of_its_agency_and_the_duties_of_its_buildings(config):
    """Three of the office's neighbours have no readings: no month is judged, and the report says so."""
    body = {"id": "t", "building": OFFICE, "kind": "transformer", "name_th": "หม้อแปลง", "name_en": "Transformer"}
    entered(
        config,
        Amend("agency", "district-bangkhen", {"ereport_group": "1-01", "ereport_code": "09010"}),
        Put("equipment", body | {"count": 2, "capacity_kva": 1000.0}),
    )
    with opened_site(load_configuration(config)) as site:
        report = make_report(site, "district-bangkhen", OCTOBER, now=NOW)
        day = make_report(site, "district-bangkhen", Period.day(dt.date(2026, 10, 5)), now=NOW)
    (month,) = report.state_index.months
    assert month.electricity_kwh == pytest.approx(31 * 24 * QUIET_KW, abs=20)
    assert (month.coverage_ratio, month.index_ratio) == (pytest.approx(0.25, abs=0.01), None)
    assert any("was measured" in reason for reason in month.why["en"])
    assert (report.state_index.group, report.state_index.target_ratio) == ("1-01", 0.2)
    assert [(duty.building_id, duty.persons, duty.report_due) for duty in report.duties] == [
        (OFFICE, 1, dt.date(2027, 3, 31))
    ]
    assert (day.state_index, day.duties) == (None, ())


def test_a_monitoring_sheet_has_the_energy_of_the_ledger_and_refuses_half_months(config):
    with opened_site(load_configuration(config)) as site:
        (meter,), months = monitored_months(site, [MAIN, MAIN], BOTH)
        with pytest.raises(InputError, match="no whole months"):
            monitored_months(site, [MAIN], Period.days(dt.date(2026, 10, 1), dt.date(2026, 10, 30)))
        with pytest.raises(InputError, match="not in the portfolio"):
            monitored_months(site, ["a.b.c"], BOTH)
    assert meter.id == MAIN
    assert [month.known_kwh[0] for month in months] == pytest.approx([30 * 24 * BUSY_KW, 31 * 24 * QUIET_KW], abs=20)
    assert months[1].coverage_ratio == (1.0,)


def test_the_command_writes_a_monitoring_sheet(config, tmp_path):
    done = CliRunner().invoke(
        cli,
        ["plan", "jcm", "TH_AM005", str(tmp_path / "ac.xlsx"), "--meter", MAIN, "--period", "2026-10", "--factor", "0.4",
         "--factor-source", "a guideline", "--project", "6", "--reference", "5", "--calibration", f"{MAIN}=certificate 1",
         "--config", str(config)],
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "TH_AM005 Ver3.0, 14,8" in done.output
    assert "working sheet" in done.output
    assert (tmp_path / "ac.xlsx").read_bytes().startswith(b"PK")
