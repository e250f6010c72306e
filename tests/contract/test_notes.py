"""Notes on days and hours: written, listed, removed, and entered as adjustments, in either state database."""

from __future__ import annotations

import datetime as dt

import pytest

from bkkenergy.access import Actor, server_actor
from bkkenergy.adapters.state.auditlog import audit_lines
from bkkenergy.calendar import BANGKOK, Period
from bkkenergy.errors import InputError, NotAllowed, NotThere
from bkkenergy.site import load_configuration
from bkkenergy.usecases.notes import adjust_by_note, instant_of, list_notes, remove_note, write_note
from bkkenergy.usecases.portfolio import ReadOnlyPortfolio, portfolio_state, replace_all
from tests.conftest import ROOT

ME = server_actor("malee")
CONFIG = load_configuration(ROOT / "config")
PORTFOLIO = CONFIG.portfolio
NOW = dt.datetime(2026, 11, 26, 5, 0, tzinfo=dt.UTC)
HOUSE, SISTER, AGENCY = "health.centre-1", "health.centre-2", "health"
NOVEMBER = Period.days(dt.date(2026, 11, 1), dt.date(2026, 11, 30))


def write(engine, first="2026-11-24", last="2026-11-24", text="chiller 2 broken", name=HOUSE, actor=ME):
    begin, end = instant_of(first, is_end=False), instant_of(last, is_end=True)
    return write_note(engine, actor, PORTFOLIO, name, begin, end, text, NOW)


def listed(engine, name=HOUSE, days=NOVEMBER, actor=ME, **options):
    return list_notes(engine, actor, PORTFOLIO, name, days, **options)


def of_health(*powers):
    return Actor("nok", powers=frozenset(powers), agencies=(AGENCY,))


def test_a_note_of_a_day_lasts_until_its_midnight_in_bangkok(engine):
    number = write(engine)
    (note,) = listed(engine)
    assert (note.number, note.building, note.agency, note.text, note.by, note.at) == (
        number, HOUSE, AGENCY, "chiller 2 broken", "malee", NOW,
    )  # fmt: skip
    assert (note.first, note.end) == (
        dt.datetime(2026, 11, 24, tzinfo=BANGKOK),
        dt.datetime(2026, 11, 25, tzinfo=BANGKOK),
    )
    assert (note.is_of_days, note.last_day) == (True, dt.date(2026, 11, 24))


def test_a_note_of_hours_is_not_one_of_days(engine):
    write(engine, "2026-11-24T18:00", "2026-11-24T20:30")
    (note,) = listed(engine)
    assert (note.is_of_days, note.end.hour, note.end.minute) == (False, 20, 30)


@pytest.mark.parametrize(
    ("first", "last", "is_seen"),
    [
        ("2026-10-01", "2026-10-31", False),
        ("2026-10-31", "2026-11-01", True),
        ("2026-11-30", "2026-12-02", True),
        ("2026-12-01", "2026-12-01", False),
        ("2026-10-01", "2026-12-31", True),
    ],
)
def test_a_note_is_listed_where_it_touches_the_days(engine, first, last, is_seen):
    write(engine, first, last)
    assert bool(listed(engine)) is is_seen


def test_a_building_has_its_agency_s_notes_and_an_agency_those_of_its_buildings(engine):
    write(engine, text="of the house")
    write(engine, text="of the sister", name=SISTER)
    write(engine, text="of all", name=AGENCY)
    write(engine, text="of others", name="education")
    assert {note.text for note in listed(engine)} == {"of the house", "of all"}
    assert {note.text for note in listed(engine, AGENCY)} == {"of the house", "of the sister", "of all"}


def test_a_removed_note_is_hidden_and_says_who_removed_it(engine):
    number = write(engine)
    remove_note(engine, ME, number, NOW)
    assert listed(engine) == []
    (note,) = listed(engine, with_removed=True)
    assert (note.removed_by, note.removed_at) == ("malee", NOW)
    with pytest.raises(InputError, match="was removed"):
        remove_note(engine, ME, number, NOW)
    assert [line["action"] for line in audit_lines(engine) if line["action"].startswith("note")] == [
        "note_remove", "note_write",
    ]  # fmt: skip


def test_who_may_only_look_or_has_another_agency_changes_nothing(engine):
    number = write(engine)
    with pytest.raises(NotAllowed):
        write(engine, actor=of_health("see"))
    with pytest.raises(NotAllowed):
        remove_note(engine, of_health("see"), number, NOW)
    stranger = Actor("x", powers=frozenset({"see", "edit"}), agencies=("education",))
    for attempt in (
        lambda: write(engine, actor=stranger),
        lambda: remove_note(engine, stranger, number, NOW),
        lambda: listed(engine, actor=stranger),
        lambda: write(engine, name="no.such"),
        lambda: remove_note(engine, ME, 999, NOW),
    ):
        with pytest.raises(NotThere):
            attempt()
    assert len(listed(engine, actor=of_health("see"))) == 1


@pytest.mark.parametrize(
    ("first", "last", "text", "said"),
    [
        ("2026-11-25", "2026-11-24", "a reason", "ends before it begins"),
        ("2026-11-24T10:00", "2026-11-24T10:00", "a reason", "ends before it begins"),
        ("2569-11-24", "2569-11-24", "a reason", "Buddhist era"),
        ("24/11/2026", "2026-11-24", "a reason", "no day"),
        ("2026-13-24", "2026-11-24", "a reason", "no day"),
        ("1800-01-01", "2026-11-24", "a reason", "no day"),
        ("2000-01-01", "2026-11-24", "a reason", "at most 3,660 days"),
        ("2026-11-24", "2026-11-24", "  x ", "say what happened"),
        ("2026-11-24", "2026-11-24", "x" * 2001, "too long"),
        ("2026-11-24", "2026-11-24", "a\x00b c", "cannot be stored"),
    ],
)
def test_what_is_no_time_or_no_text_is_refused_in_words(engine, first, last, text, said):
    with pytest.raises(InputError, match=said):
        write(engine, first, last, text)
    assert listed(engine, days=Period.days(dt.date(1990, 1, 1), dt.date(2100, 1, 1))) == []


@pytest.fixture
def records(engine):
    state = portfolio_state(CONFIG, engine)
    replace_all(state, ME, PORTFOLIO.records, why="first import", now=NOW)
    return state


def test_a_note_becomes_an_adjustment_of_its_building_s_days_once(engine, records):
    number = write(engine, "2026-11-20", "2026-11-24", "สอบปลายภาค")
    adjust_by_note(records, ME, number, 80.0, 20.0, NOW)
    ((key, entered),) = records.records().on("adjustment", NOW.date()).items()
    assert (entered.building, entered.first, entered.last) == (HOUSE, dt.date(2026, 11, 20), dt.date(2026, 11, 24))
    assert (entered.kwh_a_day, entered.half_width_kwh_a_day, entered.entered_by) == (80.0, 20.0, "malee")
    assert "สอบปลายภาค" in entered.reason
    assert listed(engine)[0].adjustment == key
    with pytest.raises(InputError, match="already"):
        adjust_by_note(records, ME, number, 80.0, 20.0, NOW)


def test_two_notes_of_one_day_are_two_adjustments(engine, records):
    numbers = [write(engine, "2026-11-20", "2026-11-24", text) for text in ("exam week", "broken chiller")]
    for number in numbers:
        adjust_by_note(records, ME, number, 80.0, 20.0, NOW)
    entered = records.records().on("adjustment", NOW.date())
    assert len(entered) == 2
    assert {note.adjustment for note in listed(engine)} == set(entered)


def test_a_note_of_a_whole_agency_is_no_adjustment(engine, records):
    number = write(engine, name=AGENCY)
    with pytest.raises(InputError, match="whole agency"):
        adjust_by_note(records, ME, number, 80.0, 20.0, NOW)


def test_a_portfolio_that_is_read_from_files_takes_no_adjustment(engine):
    number = write(engine)
    with pytest.raises(ReadOnlyPortfolio):
        adjust_by_note(portfolio_state(CONFIG, engine), ME, number, 80.0, 20.0, NOW)
    assert listed(engine)[0].adjustment == ""
