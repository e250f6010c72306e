"""Fitted baselines in the state, in SQLite and in a real PostgreSQL alike."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest
from sqlalchemy import func, select, update

from bkkenergy.adapters.state import open_state, transaction
from bkkenergy.adapters.state.baselines import (
    Fitted,
    decide,
    latest_baseline,
    locked_version,
    save_baseline,
    versions_of,
)
from bkkenergy.adapters.state.tables import baseline as table
from bkkenergy.errors import InputError
from bkkenergy.savings.baseline import FORMS, expected_days, fit_baseline, fit_form
from bkkenergy.savings.versions import ChainLink
from tests.unit.savings.generated import building

NOW = dt.datetime(2026, 11, 24, tzinfo=dt.UTC)
YEAR = (dt.date(2023, 10, 1), dt.date(2024, 9, 30))
NEXT = (dt.date(2024, 10, 1), dt.date(2025, 9, 30))


@pytest.fixture(scope="module")
def series():
    return building(1)


@pytest.fixture(scope="module")
def fitted(series):
    return fit_baseline(series.between(*YEAR))


@pytest.mark.parametrize("form", FORMS)
def test_a_baseline_comes_back_as_it_was_and_predicts_the_same(engine, series, fitted, form):
    year = series.between(*YEAR)
    plain = fit_form(form if form.endswith("calendar") else f"{form}_calendar", year, year.day_known)
    made = replace(fitted, form=form, model=fit_form(form, year, year.day_known), calendar=plain)
    save_baseline(engine, Fitted("a.b", made), NOW)
    found = latest_baseline(engine, "a.b")
    after = series.between(*NEXT)
    np.testing.assert_array_equal(expected_days(found.model, after), expected_days(made.model, after))
    if made.calendar is not None:
        np.testing.assert_array_equal(expected_days(found.calendar, after), expected_days(made.calendar, after))
    assert replace(found, model=made.model, calendar=made.calendar) == made


def test_the_same_data_are_one_row(engine, fitted):
    for hour in range(3):
        save_baseline(engine, Fitted("a.b", fitted), NOW + dt.timedelta(hours=hour))
    with engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(table)).scalar() == 1


def test_the_latest_is_that_of_the_latest_period_and_then_the_one_stored_last(engine, fitted):
    later = replace(fitted, first=NEXT[0], last=NEXT[1], fingerprint="next year")
    again = replace(fitted, fingerprint="more data")
    for number, own in enumerate([later, fitted, again, fitted]):
        save_baseline(engine, Fitted("a.b", own), NOW + dt.timedelta(hours=number))
    save_baseline(engine, Fitted("a.c", again), NOW)
    save_baseline(engine, Fitted("a.c", fitted), NOW + dt.timedelta(hours=1))
    found = versions_of(engine, ["a.b", "a.c", "a.none"])
    assert {name: every[0].fingerprint for name, every in found.items()} == {
        "a.b": "next year",
        "a.c": fitted.fingerprint,
    }
    assert latest_baseline(engine, "a.none") is None


def test_another_host_judges_by_the_same_baseline(state, engine, fitted):
    save_baseline(engine, Fitted("a.b", fitted), NOW)
    other = open_state(state)
    assert latest_baseline(other, "a.b").fingerprint == fitted.fingerprint
    other.dispose()


@pytest.mark.parametrize("bent", ['{"version": 0}', "{", '{"version": 1}'], ids=["other version", "no JSON", "half"])
def test_a_baseline_that_cannot_be_used_says_to_fit_it_again(engine, fitted, bent):
    save_baseline(engine, Fitted("a.b", fitted), NOW)
    with engine.begin() as connection:
        connection.execute(update(table).values(model=bent))
    with pytest.raises(InputError, match=r"baseline of a\.b.*bkkenergy baseline fit a\.b"):
        latest_baseline(engine, "a.b")


def test_one_baseline_that_cannot_be_used_takes_no_other_building_s(engine, fitted):
    save_baseline(engine, Fitted("a.b", fitted), NOW)
    save_baseline(engine, Fitted("a.c", fitted), NOW)
    with engine.begin() as connection:
        connection.execute(update(table).where(table.c.building == "a.b").values(model='{"version": 0}'))
    found = versions_of(engine, ["a.b", "a.c"])
    assert isinstance(found["a.b"][0].baseline, InputError)
    assert found["a.c"][0].usable.fingerprint == fitted.fingerprint


def test_a_proposed_or_declined_version_judges_nothing(engine, fitted):
    later = replace(fitted, first=NEXT[0], last=NEXT[1], fingerprint="b" * 12)
    link = ChainLink(0.12, 0.08, 365)
    save_baseline(engine, Fitted("a.b", fitted), NOW)
    save_baseline(engine, Fitted("a.b", later, "proposed", "old", by="scheduler", link=link), NOW)
    assert latest_baseline(engine, "a.b").fingerprint == fitted.fingerprint
    newest, oldest = versions_of(engine, ["a.b"])["a.b"]
    assert (newest.state, newest.reason, newest.by, newest.link, newest.decided_at) == (
        "proposed", "old", "scheduler", link, None)  # fmt: skip
    assert (oldest.state, oldest.link) == ("accepted", None)
    with transaction(engine) as connection:
        decide(connection, newest.number, "accepted", "somchai", NOW)
        assert locked_version(connection, newest.number).decided_by == "somchai"
    assert latest_baseline(engine, "a.b").fingerprint == "b" * 12
    with pytest.raises(InputError, match="no baseline number 999"), transaction(engine) as connection:
        locked_version(connection, 999)
