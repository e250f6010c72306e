"""The audit log on SQLite and PostgreSQL: a line that is changed, added or taken out after it was sealed is seen."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import text

from bkkenergy.access import Actor
from bkkenergy.adapters.state import transaction
from bkkenergy.adapters.state.auditlog import LinesAsked, audit_lines, check_seals, seal_lines
from bkkenergy.adapters.state.users import enter_audit

NOW = dt.datetime(2026, 11, 27, 12, tzinfo=dt.UTC)
LATER = dt.timedelta(hours=1)
DETAIL = {"before": {"role": "viewer", "share": 0.1}, "after": {"role": "ผู้จัดการ", "agencies": ["a", "b"]}}


def write(state, count, at=NOW, actor="somchai"):
    with transaction(state) as connection:
        for number in range(count):
            enter_audit(connection, Actor(actor, "10.0.0.1"), "change_user", f"user {number}", DETAIL, at)


@pytest.fixture
def sealed(engine):
    """A state with 12 lines in three seals, and two that are too new to be sealed."""
    for round_ in range(3):
        write(engine, 4, NOW + round_ * LATER)
        assert [seal.lines for seal in seal_lines(engine, NOW + round_ * LATER + dt.timedelta(minutes=10))] == [4]
    write(engine, 2, NOW + 3 * LATER)
    return engine


def test_a_log_that_is_as_it_was_written_is_whole(sealed):
    assert seal_lines(sealed, NOW + 3 * LATER + dt.timedelta(minutes=4)) == []
    done = check_seals(sealed)
    assert (done.sealed, done.unsealed, done.broken) == (12, 2, ())
    assert done.newest.number == 3


@pytest.mark.parametrize(
    ("change", "broken"),
    [
        ("UPDATE audit SET actor = 'somsak' WHERE id = 6", [2]),
        ("UPDATE audit SET at_us = at_us + 1 WHERE id = 1", [1]),
        ("UPDATE audit SET detail = '{}' WHERE id = 12", [3]),
        ("DELETE FROM audit WHERE id = 8", [2]),
        ("DELETE FROM audit WHERE id <= 4", [1]),
        ("DELETE FROM audit_seal WHERE id = 2", [3]),
        ("UPDATE audit_seal SET digest = 'x' WHERE id = 1", [1, 2]),
        ("DELETE FROM audit WHERE id = 14", []),
    ],
)
def test_what_is_changed_after_it_was_sealed_is_seen(sealed, change, broken):
    with transaction(sealed) as connection:
        connection.execute(text(change))
    assert [seal.number for seal in check_seals(sealed).broken] == broken


def test_a_line_that_is_put_between_others_is_seen(sealed):
    with transaction(sealed) as connection:
        connection.execute(text("UPDATE audit SET id = 99 WHERE id = 5"))
        columns = "at_us, actor, action, target, detail, address"
        values = columns.replace("target", "'other'")
        connection.execute(text(f"INSERT INTO audit (id, {columns}) SELECT 5, {values} FROM audit WHERE id = 99"))
        connection.execute(text("DELETE FROM audit WHERE id = 99"))
    assert [seal.number for seal in check_seals(sealed).broken] == [2]


@pytest.mark.parametrize("kept", [2, 0])
def test_a_log_that_was_cut_off_with_its_seals_is_seen_by_the_seal_that_is_noted_elsewhere(sealed, kept):
    noted = check_seals(sealed).newest.noted
    assert check_seals(sealed, noted).is_whole
    with transaction(sealed) as connection:
        connection.execute(text(f"DELETE FROM audit WHERE id > {4 * kept}"))
        connection.execute(text(f"DELETE FROM audit_seal WHERE id > {kept}"))
    done = check_seals(sealed, noted)
    assert (done.broken, done.is_cut, done.is_whole) == ((), True, False)


@pytest.mark.parametrize("noted", ["audit-seal", "3", "3 ", "9" * 40 + " x", "٣ x", "\N{REPLACEMENT CHARACTER}"])
def test_a_note_that_names_no_seal_is_no_proof_that_the_log_is_whole(sealed, noted):
    assert check_seals(sealed, noted).is_cut


def test_a_line_of_a_clock_that_was_ahead_holds_up_no_seal(engine):
    write(engine, 1, NOW + dt.timedelta(days=4 * 365))
    write(engine, 3, NOW)
    assert [seal.lines for seal in seal_lines(engine, NOW + dt.timedelta(minutes=10))] == [4]


def test_lines_are_chosen_by_who_what_and_when(sealed):
    write(sealed, 1, NOW, actor="malee")
    asked = LinesAsked(actor="malee")
    assert [line["actor"] for line in audit_lines(sealed, 9, asked)] == ["malee"]
    from_us = int((NOW + LATER).timestamp() * 1e6)
    until_us = int((NOW + 2 * LATER).timestamp() * 1e6)
    assert len(audit_lines(sealed, 99, LinesAsked(since_us=from_us, until_us=until_us))) == 4
    assert len(audit_lines(sealed, 99, LinesAsked(target="er 1"))) == 3 + 1
    assert audit_lines(sealed, 99, LinesAsked(action="sign_in")) == []
    assert audit_lines(sealed, 99, LinesAsked(target="%")) == []
