"""Records of which only what came after an earlier revision is read and checked: the same as all of them."""

from __future__ import annotations

import datetime as dt
import gc
from collections import Counter
from dataclasses import replace

import pytest

from bkkenergy.access import server_actor
from bkkenergy.adapters.state import open_state, transaction
from bkkenergy.adapters.state import portfolio as adapter
from bkkenergy.adapters.state.tables import portfolio_revision
from bkkenergy.collecting import without_collecting
from bkkenergy.errors import ConfigError
from bkkenergy.portfolio import check
from bkkenergy.portfolio.check import cross_check
from bkkenergy.portfolio.edits import Amend, End, Put, Withdraw
from bkkenergy.portfolio.records import Records, things_changed
from bkkenergy.settings import StateSettings
from bkkenergy.usecases.portfolio import PortfolioState, change, replace_all
from tests.schools import school_records

NOW = dt.datetime(2026, 11, 28, tzinfo=dt.UTC)
MALEE = server_actor("malee")
DAY = dt.date(2026, 6, 1)


@pytest.fixture
def state_engine(tmp_path):
    engine = open_state(StateSettings(path=tmp_path / "state.sqlite"))
    yield engine
    engine.dispose()


@pytest.fixture
def state_of(state_engine):
    """A state with that number of schools, as revision 1, and what was known of it then."""

    def made(schools: int) -> PortfolioState:
        state = PortfolioState(state_engine)
        replace_all(state, MALEE, school_records(schools, 4), why="first import", now=NOW)
        return replace(state, sound=state.records())

    return made


def enter(state: PortfolioState, *edits, from_day: dt.date | None = DAY, minute: int = 1) -> int | None:
    now = NOW + dt.timedelta(minutes=minute)
    done = change(state, MALEE, edits, why="a test", from_day=from_day, expected_revision=None, now=now)
    return done.revision


def keys(records: Records, kind: str) -> list[str]:
    return list(records.by_kind[kind])


def assert_alike(continued: Records, whole: Records) -> None:
    assert continued == whole
    assert continued.by_kind == whole.by_kind
    assert [(kind, list(things)) for kind, things in continued.by_kind.items()] == [
        (kind, list(things)) for kind, things in whole.by_kind.items()
    ]
    assert continued.by_identity == whole.by_identity
    assert {one.identity: one for one in continued.withdrawn} == {one.identity: one for one in whole.withdrawn}


def history_of(records: Records) -> list[tuple]:
    """Edits of every sort, each a revision: a new version, an end, a correction, one withdrawn, one that comes back later."""
    building, other = keys(records, "building")[:2]
    meter = [key for key in keys(records, "meter") if key.startswith(f"{building}.")][-1]
    contact = {"id": "head", "agency": building.partition(".")[0], "name": "Khun Malee"}
    return [
        (Amend("building", building, {"gross_floor_area_m2": 900.0}),),
        (Amend("building", building, {"gross_floor_area_m2": 950.0}), Put("contact", contact)),
        (Amend("meter", meter, {"rated_kw": 55.0}),),
        (End("meter", meter),),
        (Withdraw("contact", "head"),),
        (Put("contact", contact | {"id": "deputy"}),),
        (Put("contact", contact | {"name": "Khun Somsri"}),),
        (Amend("building", other, {"name_en": "Renamed"}),),
    ]


def test_what_came_after_any_revision_makes_the_same_records_as_all_of_them(state_of):
    state = state_of(3)
    whole = replace(state, sound=None)
    for number, edits in enumerate(history_of(state.sound)):
        from_day = None if isinstance(edits[0], Withdraw) else DAY + dt.timedelta(days=number)
        assert enter(state, *edits, from_day=from_day, minute=number + 1) == number + 2
    known = [whole.records(revision) for revision in range(1, whole.newest() + 1)]
    for earlier in known:
        for later in known[earlier.revision - 1 :]:
            assert_alike(replace(state, sound=earlier).records(later.revision), later)
    assert replace(state, sound=known[-1]).records() is known[-1]


def test_records_of_a_later_revision_or_of_another_state_are_read_whole(state_of):
    state = state_of(2)
    enter(state, *history_of(state.sound)[0])
    newest = replace(state, sound=None).records()
    assert replace(state, sound=newest).records(1) == replace(state, sound=None).records(1)
    with transaction(state.engine) as connection:  # as after a backup of another history was put back
        connection.execute(portfolio_revision.update().where(portfolio_revision.c.number == 1).values(at_us=7))
    again = state.records()
    assert not any(one is other for one, other in zip(again.entries, state.sound.entries, strict=False))


@pytest.mark.parametrize("schools", [4, 16])
def test_an_edit_reads_and_checks_what_it_touches_however_large_the_portfolio(state_of, schools, monkeypatch):
    state, done = state_of(schools), Counter[str]()

    def counted(module, name: str) -> None:
        function = getattr(module, name)
        monkeypatch.setattr(module, name, lambda *given: done.update([name]) or function(*given))

    counted(adapter, "_entry")
    counted(check, "_faults_by_day")
    (edit,) = history_of(state.sound)[0]
    enter(state, edit)
    state.records()
    assert done == {"_faults_by_day": 1, "_entry": 1}


@pytest.mark.parametrize(
    "fault",
    [
        lambda records: Amend("building", keys(records, "building")[0], {"tariff": "none"}),
        lambda records: Amend("building", keys(records, "building")[0], {"calendar": "none"}),
        lambda records: Withdraw("calendar", "office"),
        lambda records: Withdraw("agency", keys(records, "agency")[0]),
        lambda records: Withdraw("building", keys(records, "building")[0]),
        lambda records: End("calendar", "school"),
        lambda records: Amend("meter", keys(records, "meter")[0], {"parent": "nowhere.at.all"}),
        lambda records: Amend(
            "meter", keys(records, "meter")[-1],
            {name: getattr(records.of("meter", keys(records, "meter")[0])[0].value, name) for name in ("topic", "key")},
        ),
    ],
)  # fmt: skip
def test_what_an_edit_breaks_is_what_a_check_of_everything_finds(state_of, fault):
    state = state_of(3)
    tariffs = {entry.value.tariff for entry in state.sound.entries if entry.kind == "building"}
    tariffs |= {entry.value.schedule for entry in state.sound.entries if entry.kind == "account"}
    state = replace(state, tariffs=frozenset(tariffs))
    edit, texts = fault(state.sound), []
    for sound in (None, state.sound):
        with pytest.raises(ConfigError) as caught:
            enter(replace(state, sound=sound), edit, from_day=None if isinstance(edit, Withdraw) else DAY)
        texts.append(sorted(str(one) for one in caught.value.faults))
    assert texts[0] == texts[1] != []


def test_nothing_looks_through_all_records_while_they_are_made(state_of, monkeypatch):
    state, made, is_collecting = state_of(2), adapter._entry, set[bool]()
    monkeypatch.setattr(adapter, "_entry", lambda *given: is_collecting.add(gc.isenabled()) or made(*given))
    replace(state, sound=None).records()
    assert is_collecting == {False}
    assert gc.isenabled()


def read_and_fail() -> None:
    with without_collecting():
        assert not gc.isenabled()
        raise ConfigError([])


def test_collecting_goes_on_after_a_fault():
    with pytest.raises(ConfigError):
        read_and_fail()
    assert gc.isenabled()


def test_things_that_were_changed_are_those_of_other_entries(state_of):
    records = state_of(2).sound
    again = Records(1, records.entries)
    assert things_changed(records, again) == frozenset()
    assert cross_check(again, {}, sound=records) == cross_check(again, {}) == []
