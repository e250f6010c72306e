"""The demonstration's story: projects at each stage and a note, entered as a person would."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest

from bkkenergy.adapters.state.projects import projects
from bkkenergy.calendar import Period, edges
from bkkenergy.cli.context import command_line
from bkkenergy.demo.documents import enter_documents
from bkkenergy.demo.meters import COOLING_LEFT_ON
from bkkenergy.demo.story import FUEL_FALL_RATIO, FUEL_LITRES, MEASURES, enter_story
from bkkenergy.plan.projects import PROJECT_STATES
from bkkenergy.recipients import CITY
from bkkenergy.reports.programme.goal import goal_lines
from bkkenergy.reports.savings.plan import measured_savings
from bkkenergy.savings.baseline import series_of
from bkkenergy.settings import Settings, StateSettings, StoreSettings
from bkkenergy.site import load_configuration, open_site
from bkkenergy.usecases.notes import list_notes
from bkkenergy.usecases.plandocuments import seen_documents
from tests.conftest import ROOT

NOW = dt.datetime(2026, 11, 27, 3, tzinfo=dt.UTC)


@pytest.fixture
def site(tmp_path):
    settings = Settings(
        store=StoreSettings(path=tmp_path / "s.sqlite"), state=StateSettings(path=tmp_path / "state.sqlite")
    )
    config = load_configuration(ROOT / "config")
    with open_site(replace(config, settings=settings), clock=lambda: NOW) as opened:
        yield opened


def test_the_plan_has_a_project_at_each_stage_and_the_unusual_day_has_a_note(site):
    assert enter_story(site, command_line(), NOW) == len(MEASURES) == 7
    entered = projects(site.state)
    assert {project.state for project in entered} == set(PROJECT_STATES)
    assert all(project.building in site.portfolio.buildings for project in entered)
    yesterday = Period.day(dt.date(2026, 11, 26))
    notes = list_notes(site.state, command_line(), site.portfolio, COOLING_LEFT_ON, yesterday)
    assert [note.building for note in notes] == [COOLING_LEFT_ON]


def test_vehicles_took_fuel_in_two_years_and_less_of_it(site):
    enter_story(site, command_line(), NOW)
    year = Period.days(dt.date(2026, 10, 1), dt.date(2026, 10, 31))
    (fuel,) = [line for line in goal_lines(site, list(FUEL_LITRES), year, 1) if line.unit == "l"]
    assert fuel.change_ratio == pytest.approx(-12 * FUEL_FALL_RATIO, abs=0.002)


def test_a_project_in_a_building_without_a_baseline_is_not_measured_and_breaks_nothing(site):
    enter_story(site, command_line(), NOW)
    done = next(project for project in projects(site.state) if project.state == "done")
    building = site.portfolio.buildings[done.building]
    starts = edges(Period.days(dt.date(2026, 11, 1), dt.date(2026, 11, 26)), "60min")[:-1]
    hours = series_of(starts, np.full(len(starts), 5.0), None, site.portfolio.days_open(building))
    assert measured_savings(site, [done], {building.id: hours}, dt.date(2026, 11, 26)) == {}


def test_the_city_s_plan_is_approved_and_without_projects_there_is_none(site):
    assert enter_documents(site, command_line(), NOW) == 0
    assert seen_documents(site.state, command_line(), [CITY]) == []
    enter_story(site, command_line(), NOW)
    assert enter_documents(site, command_line(), NOW) == 0, "nothing is measured: no survey has a measure"
    (document,) = seen_documents(site.state, command_line(), [CITY])
    assert (document.version, document.state) == (1, "approved")
