"""Work on findings in either state database: entered, listed, taken back, and one with dismissals."""

from __future__ import annotations

import datetime as dt

import pytest

from bkkenergy.access import Actor, server_actor
from bkkenergy.adapters.state import reading
from bkkenergy.adapters.state.auditlog import audit_lines
from bkkenergy.adapters.state.dismissals import dismissals
from bkkenergy.adapters.state.findingwork import due_entries
from bkkenergy.errors import InputError, NotAllowed, NotThere
from bkkenergy.savings.facts import Finding
from bkkenergy.site import load_configuration
from bkkenergy.usecases.dismissals import dismiss
from bkkenergy.usecases.findingwork import AskedWork, enter_work, list_work, take_back, to_act_on
from tests.conftest import ROOT

ME = server_actor("malee")
CONFIGURATION = load_configuration(ROOT / "config")
PORTFOLIO, RULES = CONFIGURATION.portfolio, CONFIGURATION.savings.insights
NOW = dt.datetime(2026, 11, 26, 5, 0, tzinfo=dt.UTC)
TODAY = NOW.date()
HOUSE, SISTER, AGENCY, RULE = "health.centre-1", "health.centre-2", "health", "night_spread"


def finding(building=HOUSE, rule=RULE, thb=900.0):
    return Finding(building, rule, "watch", dt.date(2026, 11, 20), 100.0, thb, {})


def enter(engine, state="seen", *, owner="", due=None, comment="", building=HOUSE, rule=RULE, found=None, actor=ME):
    asked = AskedWork(state, owner, due, comment)
    there = [finding(building, rule)] if found is None else found
    return enter_work(engine, actor, PORTFOLIO, building, rule, asked, there, NOW)


def undo(engine, actor=ME):
    return take_back(engine, actor, PORTFOLIO, HOUSE, RULE, NOW)


def test_a_finding_is_assigned_with_its_stakes_owner_and_date(engine):
    entered = enter(engine, "assigned", owner=" ช่างสมชาย ", due=dt.date(2026, 12, 15), comment="โทรแล้ว")
    assert (entered.agency, entered.owner, entered.cost_thb_a_month, entered.by) == (AGENCY, "ช่างสมชาย", 900.0, "malee")
    (item,) = list_work(engine, ME, AGENCY)
    assert (item.now.number, item.now.state, item.now.due, item.now.comment) == (
        entered.number, "assigned", dt.date(2026, 12, 15), "โทรแล้ว",
    )  # fmt: skip
    (line,) = audit_lines(engine)
    assert (line["action"], line["target"], line["detail"]["before"], line["detail"]["after"]) == (
        "finding_work", HOUSE, "open", "assigned",
    )  # fmt: skip


def test_each_change_is_an_entry_and_the_last_one_stands(engine):
    for state in ("seen", "repairing", "resolved"):
        enter(engine, state)
    (item,) = list_work(engine, ME, AGENCY)
    assert ([entry.state for entry in item.entries], item.now.state) == (["seen", "repairing", "resolved"], "resolved")


def test_work_is_listed_by_its_money_in_its_agency_alone(engine):
    enter(engine, found=[finding(thb=10.0)])
    enter(engine, building=SISTER, found=[finding(SISTER, thb=500.0)])
    enter(engine, building="education.headquarters", found=[finding("education.headquarters")])
    assert [item.now.building for item in list_work(engine, ME, AGENCY)] == [SISTER, HOUSE]
    assert [item.now.building for item in list_work(engine, ME, AGENCY, HOUSE)] == [HOUSE]


@pytest.mark.parametrize("other", ["open", "seen", "assigned", "repairing", "resolved"])
def test_a_dismissed_finding_comes_back_with_any_other_state(engine, other):
    enter(engine, "dismissed", comment="server room, approved")
    assert [(one.building, one.rule, one.cost_thb_a_month) for one in dismissals(engine)] == [(HOUSE, RULE, 900.0)]
    enter(engine, other, owner="nok")
    assert dismissals(engine) == ()


def acted_on(engine, findings, today=TODAY):
    return to_act_on(findings, list_work(engine, ME, AGENCY), dismissals(engine), RULES, today)


@pytest.mark.parametrize(("days", "is_shown"), [(0, False), (28, False), (29, True)])
def test_a_resolved_finding_is_one_to_act_on_again_when_it_is_still_there_after_weeks(engine, days, is_shown):
    enter(engine, "resolved", comment="timer set")
    there, other = finding(thb=900.0), finding(SISTER, thb=20.0)
    shown = acted_on(engine, [other, there], TODAY + dt.timedelta(days=days))
    assert shown == ([there, other] if is_shown else [other])


@pytest.mark.parametrize("end", ["resolved", "dismissed"])
def test_a_smaller_finding_of_a_fault_that_has_ended_goes_with_it_and_a_larger_one_stays(engine, end):
    there = [finding(thb=900.0), finding(rule="closed_days", thb=300.0), finding(rule="overrun", thb=1200.0)]
    enter(engine, end, comment="server room, approved", found=there)
    assert [one.rule for one in acted_on(engine, there)] == ["overrun"]


def test_a_dismissed_finding_is_one_to_act_on_again_when_it_has_grown(engine):
    enter(engine, "dismissed", comment="server room, approved")
    assert acted_on(engine, [finding(thb=900.0)]) == []
    (grown,) = acted_on(engine, [finding(thb=9000.0)])
    assert grown.cost_thb_a_month == 9000.0


def test_the_last_change_is_taken_back_by_one_more_entry(engine):
    enter(engine, "assigned", owner="nok", due=TODAY)
    enter(engine, "dismissed", comment="not ours")
    back = undo(engine)
    assert (back.state, back.owner, back.due) == ("assigned", "nok", TODAY)
    assert dismissals(engine) == ()
    assert len(list_work(engine, ME, AGENCY)[0].entries) == 3


def test_changes_are_taken_back_one_by_one_and_none_comes_back(engine):
    enter(engine, "seen", comment="looked at it")
    enter(engine, "assigned", owner="nok", comment="called nok")
    enter(engine, "repairing", owner="nok", comment="a new timer")
    states, comments = [], []
    for _ in range(3):
        states.append(undo(engine).state)
        (item,) = list_work(engine, ME, AGENCY)
        comments.append(item.comment)
        assert item.now.comment == "", "an undo says nothing a second time"
    assert states == ["assigned", "seen", "open"]
    assert comments == ["called nok", "looked at it", ""]
    assert not item.can_be_taken_back
    with pytest.raises(InputError):
        undo(engine)


def test_a_change_after_an_undo_is_the_next_to_be_taken_back(engine):
    enter(engine, "seen", comment="first")
    enter(engine, "assigned", owner="nok", comment="second")
    undo(engine)
    enter(engine, "repairing", comment="third")
    assert (undo(engine).state, list_work(engine, ME, AGENCY)[0].comment) == ("seen", "first")
    assert undo(engine).state == "open"


def test_a_finding_is_due_on_its_day_until_it_has_ended(engine):
    enter(engine, "assigned", owner="nok", due=TODAY)
    enter(engine, "assigned", owner="nok", due=TODAY, building=SISTER)
    enter(engine, "resolved", building=SISTER, due=TODAY)
    with reading(engine) as connection:
        assert [entry.building for entry in due_entries(connection, TODAY, TODAY)] == [HOUSE]
        assert due_entries(connection, TODAY + dt.timedelta(days=1), TODAY + dt.timedelta(days=9)) == []


def test_a_dismissal_that_comes_back_hides_no_more_than_before(engine):
    enter(engine, "dismissed", comment="server room, approved", found=[finding(thb=900.0)])
    enter(engine, "seen", found=[finding(thb=9000.0)])
    undo(engine)
    assert [one.cost_thb_a_month for one in dismissals(engine)] == [900.0]
    assert acted_on(engine, [finding(thb=9000.0)])


def test_the_only_change_is_taken_back_to_open(engine):
    enter(engine, "dismissed", comment="not ours")
    assert undo(engine).state == "open"
    assert dismissals(engine) == ()


def test_dismissing_as_before_is_an_entry_that_keeps_the_owner_and_can_be_taken_back(engine):
    enter(engine, "assigned", owner="nok")
    dismiss(engine, ME, PORTFOLIO, [finding()], RULE, NOW)
    (item,) = list_work(engine, ME, AGENCY)
    assert (item.now.state, item.now.owner) == ("dismissed", "nok")
    assert undo(engine).state == "assigned"
    assert dismissals(engine) == ()


def test_a_finding_that_is_found_no_more_is_worked_on_with_its_last_stakes(engine):
    enter(engine, "repairing")
    assert enter(engine, "resolved", found=[]).cost_thb_a_month == 900.0


def test_what_was_never_found_and_what_is_another_s_is_not_there(engine):
    enter(engine)
    stranger = Actor("x", powers=frozenset({"see", "dismiss"}), agencies=("education",))
    for attempt in (
        lambda: enter(engine, rule="weekend_use", found=[]),
        lambda: enter(engine, building="no.such"),
        lambda: enter(engine, actor=stranger),
        lambda: undo(engine, stranger),
        lambda: list_work(engine, stranger, AGENCY),
        lambda: take_back(engine, ME, PORTFOLIO, SISTER, RULE, NOW),
    ):
        with pytest.raises(NotThere):
            attempt()
    viewer = Actor("v", powers=frozenset({"see"}), agencies=(AGENCY,))
    with pytest.raises(NotAllowed):
        enter(engine, actor=viewer)
    with pytest.raises(NotAllowed):
        undo(engine, viewer)
    assert len(list_work(engine, viewer, AGENCY)[0].entries) == 1


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"state": "done"}, "no state of a finding"),
        ({"state": "dismissed"}, "why the finding is dismissed"),
        ({"state": "dismissed", "comment": " x "}, "why the finding is dismissed"),
        ({"state": "assigned"}, "needs an owner"),
        ({"state": "assigned", "owner": "n" * 121}, "at most 120"),
        ({"state": "seen", "comment": "x" * 2001}, "2,000"),
        ({"state": "seen", "comment": "a\x00b"}, "can be stored"),
    ],
)
def test_what_says_nothing_is_refused_in_words_and_nothing_is_entered(engine, fields, said):
    with pytest.raises(InputError, match=said):
        enter(engine, **fields)
    assert (list_work(engine, ME, AGENCY), dismissals(engine), audit_lines(engine)) == ([], (), [])


def test_what_is_due_is_late_from_the_day_after_until_it_has_ended(engine):
    due = enter(engine, "assigned", owner="nok", due=TODAY)
    assert (due.is_late(TODAY), due.is_late(TODAY + dt.timedelta(days=1))) == (False, True)
    ended = enter(engine, "resolved", due=TODAY)
    assert not ended.is_late(TODAY + dt.timedelta(days=1))
