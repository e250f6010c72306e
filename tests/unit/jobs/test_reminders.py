"""What agencies owe the state is said in time: a month without figures for the e-report, and a report that is due."""

import datetime as dt
import shutil
from types import SimpleNamespace

import pytest

from bkkenergy.adapters.state import open_state
from bkkenergy.adapters.state.alerts import open_alerts, reconcile
from bkkenergy.calendar import BANGKOK
from bkkenergy.cli.context import command_line
from bkkenergy.i18n import LANGS, Words
from bkkenergy.jobs.reminders import KINDS, reminders
from bkkenergy.portfolio import load_portfolio
from bkkenergy.reports.alert_words import alert_line
from bkkenergy.settings import StateSettings
from bkkenergy.site.savings_config import load_savings
from bkkenergy.usecases.ereport import enter_month

TRANSFORMERS = """
[[equipment]]
id = "tr"
building = "health.centre-1"
kind = "transformer"
count = 2
capacity_kva = 1000
name_th = "หม้อแปลง"
name_en = "Transformers"
"""


@pytest.fixture
def site(tmp_path, config_dir):
    config = tmp_path / "config"
    shutil.copytree(config_dir, config)
    agencies = config / "portfolio/agencies.toml"
    text = agencies.read_text("utf-8")
    agencies.write_text(text.replace('id = "health"\n', 'id = "health"\nereport_group = "1-01"\n'), "utf-8")
    file = config / "portfolio/buildings/health.toml"
    file.write_text(file.read_text("utf-8") + TRANSFORMERS, "utf-8")
    state = open_state(StateSettings(path=tmp_path / "state.sqlite"))
    return SimpleNamespace(portfolio=load_portfolio(config), state=state, savings=load_savings(config))


def at(day, hour=12):
    return dt.datetime.combine(dt.date.fromisoformat(day), dt.time(hour), BANGKOK)


def keys(site, day, hour=12):
    return [alarm.key for alarm in reminders(site, at(day, hour))]


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        ("2026-11-02", []),
        ("2026-11-03", ["ereport_missing/health/2026-10"]),
        ("2026-11-30", ["ereport_missing/health/2026-10"]),
        ("2026-12-31", ["ereport_missing/health/2026-11"]),
        ("2027-01-29", ["ereport_missing/health/2026-12"]),
        ("2027-01-30", ["ereport_missing/health/2026-12", "duty_due/health.centre-1/2027"]),
        ("2027-03-31", ["ereport_missing/health/2027-02", "duty_due/health.centre-1/2027"]),
        ("2027-04-01", []),
    ],
)
def test_what_is_owed_is_said_from_the_third_of_the_month_and_sixty_days_before_the_end_of_march(site, day, expected):
    assert keys(site, day) == expected


def test_the_day_is_bangkok_s(site):
    night = dt.datetime(2026, 11, 2, 18, 0, tzinfo=dt.UTC)  # 01:00 of the third in Bangkok
    assert [alarm.key for alarm in reminders(site, night)] == ["ereport_missing/health/2026-10"]


def test_entering_a_month_ends_its_reminder_and_another_month_s_figures_do_not(site):
    now = at("2026-11-10")
    reconcile(site.state, reminders(site, now), now, kinds=KINDS)
    enter_month(site.state, command_line(), site.portfolio, "health", dt.date(2026, 9, 1), {"staff": 5.0}, now)
    assert keys(site, "2026-11-10") == ["ereport_missing/health/2026-10"]
    enter_month(site.state, command_line(), site.portfolio, "health", dt.date(2026, 10, 1), {"staff": 5.0}, now)
    reconcile(site.state, reminders(site, now), now, kinds=KINDS)
    assert open_alerts(site.state) == []


@pytest.mark.parametrize("lang", LANGS)
def test_a_reminder_names_its_agency_or_building_and_the_day(site, lang):
    words = Words(lang)
    month, due = (alert_line(alarm, site.portfolio, words) for alarm in reminders(site, at("2027-03-05")))
    agency, building = site.portfolio.agencies["health"], site.portfolio.buildings["health.centre-1"]
    assert month["place"] == words.either(th=agency.name_th, en=agency.name_en)
    assert words.month(dt.date(2027, 2, 1)) in month["text"]
    assert due["place"] == words.either(th=building.name_th, en=building.name_en)
    assert words.date(dt.date(2027, 3, 31)) in due["text"]
