"""Which baseline judges what, and of which days the next one should be made."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bkkenergy.errors import InputError
from bkkenergy.savings.versions import WINDOW_DAYS, BaselineVersion, judging, latest_accepted, pinned, windows_needed

TODAY = dt.date(2026, 11, 25)
YEAR = dt.timedelta(days=364)


def version(last, *, state="accepted", number=1, usable=True, days=365):
    return BaselineVersion(
        number=number,
        building="a.b",
        first=last - dt.timedelta(days=days - 1),
        last=last,
        fingerprint=f"{number:012x}",
        baseline=InputError("made by another version") if not usable else "a model",  # type: ignore[arg-type]
        state=state,
        reason="",
        by="",
        at=dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
    )


def day(text):
    return dt.date.fromisoformat(text)


def test_a_period_is_judged_by_the_newest_accepted_baseline_that_ended_before_it():
    newest, older = version(day("2026-06-30"), number=2), version(day("2024-06-30"))
    proposed = version(day("2026-09-30"), number=3, state="proposed")
    every = (proposed, newest, older)
    assert judging(every, day("2026-10-01")) is newest
    assert judging(every, day("2026-06-30")) is older
    assert judging(every, day("2020-01-01")) is newest  # which then says that the period begins within it
    assert judging((proposed,), day("2026-10-01")) is None
    assert latest_accepted(every) is newest
    assert pinned(every, older.fingerprint) is older
    assert pinned(every, "f" * 12) is None


def test_a_first_baseline_is_of_the_last_year_and_an_old_one_is_followed_after_two_years():
    (window,) = windows_needed((), (), TODAY)
    assert (window.first, window.last, window.reason) == (TODAY - YEAR, TODAY, "first")
    assert not windows_needed((version(day("2024-11-26")),), (), TODAY)
    (window,) = windows_needed((version(day("2024-11-24")),), (), TODAY)
    assert (window.last, window.reason) == (TODAY, "old")


def test_a_baseline_never_spans_a_project():
    before, between, since = windows_needed((), [day("2026-03-01"), day("2026-06-01")], TODAY)
    assert (before.last, between.first, between.last) == (day("2026-02-28"), day("2026-03-01"), day("2026-05-31"))
    assert (since.first, since.last) == (day("2026-06-01"), TODAY)
    (window,) = windows_needed((), [day("2020-01-01"), day("2027-05-01")], TODAY)
    assert window.first == TODAY - YEAR


@given(st.lists(st.dates(day("2023-01-01"), day("2027-12-31")), max_size=6))
def test_no_project_begins_within_the_days_of_a_baseline(done_on):
    for window in windows_needed((), done_on, TODAY):
        assert window.first <= window.last <= TODAY
        assert (window.last - window.first).days < WINDOW_DAYS
        assert not [on for on in done_on if window.first < on <= window.last]


def test_nothing_is_proposed_beside_a_proposal_or_soon_after_one_was_declined():
    waiting = version(day("2026-11-20"), state="proposed")
    assert not windows_needed((waiting,), (), TODAY)
    declined = version(day("2026-11-20"), state="declined")
    assert not windows_needed((declined,), (), TODAY)
    assert windows_needed((declined,), (), TODAY + dt.timedelta(days=120))


def test_a_proposal_from_before_the_baseline_in_force_blocks_nothing():
    old, stale = version(day("2024-06-30"), number=2), version(day("2023-06-30"), state="proposed")
    assert windows_needed((old, stale), (), TODAY)


def test_a_baseline_of_another_version_of_the_model_is_made_again_of_the_same_days_first():
    unusable = version(day("2025-06-30"), usable=False)
    same, last_year = windows_needed((unusable,), (), TODAY)
    assert (same.first, same.last, same.reason) == (unusable.first, unusable.last, "model")
    assert last_year.last == TODAY


@pytest.mark.parametrize("lag_days", [731, 800, 1500])
def test_a_refit_s_days_begin_after_those_of_the_one_before(lag_days):
    newest = version(TODAY - dt.timedelta(days=lag_days))
    for window in windows_needed((newest,), [TODAY - dt.timedelta(days=500)], TODAY):
        assert window.first > newest.last
