"""The portfolio's records in the state, on SQLite and on a real PostgreSQL alike."""

from __future__ import annotations

import datetime as dt
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import func, select, update

from bkkenergy.access import server_actor
from bkkenergy.adapters.state import reading, transaction
from bkkenergy.adapters.state.auditlog import audit_lines
from bkkenergy.adapters.state.tables import portfolio_entry
from bkkenergy.errors import ConfigError, InputError
from bkkenergy.portfolio import portfolio_on
from bkkenergy.portfolio.document import Document
from bkkenergy.portfolio.edits import Amend, End, Put, Withdraw
from bkkenergy.portfolio.load import records_of
from bkkenergy.site import load_configuration
from bkkenergy.site.portfolio_files import read_folder
from bkkenergy.site.record_kinds import SITE_KINDS
from bkkenergy.site.record_readers import plan_of, savings_of
from bkkenergy.site.savings_config import load_savings
from bkkenergy.usecases.once import KeyReused, Once, once
from bkkenergy.usecases.portfolio import (
    Conflict,
    PortfolioState,
    ReadOnlyPortfolio,
    change,
    compare,
    described,
    history,
    portfolio_state,
    replace_all,
    undo,
)
from bkkenergy.usecases.proposals import accept, list_proposals, propose

NOW = dt.datetime(2026, 11, 24, 0, 30, tzinfo=dt.UTC)
MALEE = replace(server_actor("malee"), address="10.0.0.7")
OFFICE = "district-bangkhen.office"
MAIN = f"{OFFICE}.main"
NEW_YEAR = dt.date(2026, 1, 1)
LATER = dt.date(2028, 1, 1)


@pytest.fixture
def empty(engine):
    """An empty state of each kind."""
    return PortfolioState(engine)


@pytest.fixture
def state(empty, config_dir):
    """A state that holds the demonstration's portfolio, as revision 1."""
    replace_all(empty, MALEE, records_of(config_dir), why="first import", now=NOW)
    return empty


@pytest.fixture
def planned(empty, config_dir):
    """A state with all records of the demonstration, the plan among them, as revision 1."""
    replace_all(empty, MALEE, read_folder(config_dir).records, why="first import", now=NOW)
    return empty


def amend(state, fields, *, key=MAIN, kind="meter", from_day=NEW_YEAR, expected=None, why="CT exchanged"):
    return change(
        state, MALEE, [Amend(kind, key, fields)], why=why, from_day=from_day, expected_revision=expected, now=NOW
    )


def meter_on(state, day, key=MAIN, revision=None):
    portfolio = portfolio_on(state.records(revision), day)
    return next((own for own in portfolio.meters if own.id == key), None)


def rows(state):
    with reading(state.engine) as connection:
        return connection.execute(select(func.count()).select_from(portfolio_entry)).scalar()


def test_what_was_imported_is_what_the_files_say(state, config_dir):
    there, files = (portfolio_on(records, NOW.date()) for records in (state.records(), records_of(config_dir)))
    assert there.revision == 1
    assert there.model_dump() == files.model_dump()
    assert [meter.id for meter in there.meters] == [meter.id for meter in files.meters]


def test_an_import_that_says_nothing_new_enters_nothing(state, config_dir):
    assert replace_all(state, MALEE, records_of(config_dir), why="again", now=NOW).revision is None
    assert state.newest() == 1


def test_a_threshold_that_was_stored_by_a_former_name_is_read_by_its_present_one(state):
    threshold = {"id": "whole-days", "name": "min_coverage_ratio", "value": 0.8, "agency": "health"}
    change(state, MALEE, [Put("threshold", threshold)], why="less data", from_day=None, expected_revision=1, now=NOW)
    with transaction(state.engine) as connection:
        former = threshold | {"name": "least_coverage_ratio"}
        named = portfolio_entry.c.kind == "threshold"
        assert connection.execute(update(portfolio_entry).where(named).values(body=former)).rowcount == 1
    portfolio = portfolio_on(state.records(), NEW_YEAR)
    assert portfolio.threshold("min_coverage_ratio", 0.9, agency="health") == 0.8
    amend(state, {"value": 0.7}, kind="threshold", key="whole-days", expected=2)
    with reading(state.engine) as connection:
        query = select(portfolio_entry.c.body).where(named, portfolio_entry.c.revision == 3)
        assert connection.execute(query).scalar_one()["name"] == "min_coverage_ratio"


def test_a_ratio_holds_from_its_day_on_and_not_before(state):
    assert amend(state, {"ct_ratio": 200.0}).revision == 2
    assert meter_on(state, dt.date(2025, 12, 31)).ct_ratio == 1.0
    assert meter_on(state, NEW_YEAR).ct_ratio == 200.0
    assert meter_on(state, dt.date(2030, 1, 1)).ct_ratio == 200.0


def test_what_was_known_at_an_earlier_revision_stays_known(state):
    amend(state, {"ct_ratio": 200.0})
    assert meter_on(state, NEW_YEAR, revision=1).ct_ratio == 1.0
    assert meter_on(state, NEW_YEAR, revision=2).ct_ratio == 200.0


def test_nothing_is_changed_or_deleted_only_added(state):
    before = rows(state)
    amend(state, {"ct_ratio": 200.0})
    undo(state, MALEE, 2, why="wrong meter", now=NOW)
    assert rows(state) == before + 2
    assert meter_on(state, NEW_YEAR).ct_ratio == 1.0
    assert meter_on(state, NEW_YEAR, revision=2).ct_ratio == 200.0


def test_a_later_change_of_the_same_field_stands(state):
    amend(state, {"ct_ratio": 200.0}, from_day=dt.date(2026, 6, 1))
    amend(state, {"ct_ratio": 100.0, "rated_kw": 900.0}, from_day=NEW_YEAR)
    assert [meter_on(state, dt.date(2026, month, 1)).ct_ratio for month in (1, 5, 6)] == [100.0, 100.0, 200.0]
    assert meter_on(state, dt.date(2026, 6, 1)).rated_kw == 900.0


def test_the_audit_of_a_change_from_a_new_day_on_has_what_held_until_then(state):
    amend(state, {"ct_ratio": 200.0})
    (line,) = audit_lines(state.engine)[0]["detail"]["changes"]
    assert (line["from"], line["before"], line["after"]) == ("2026-01-01", {"ct_ratio": 1.0}, {"ct_ratio": 200.0})


def test_what_ended_was_there_before(state):
    aircon = f"{OFFICE}.aircon"
    change(state, MALEE, [End("meter", aircon)], why="taken down", from_day=NEW_YEAR, expected_revision=1, now=NOW)
    assert meter_on(state, dt.date(2025, 12, 31), key=aircon) is not None
    assert meter_on(state, NEW_YEAR, key=aircon) is None
    assert aircon in portfolio_on(state.records(), NEW_YEAR).meters_ever


def test_a_meter_that_others_are_below_cannot_end_before_them(state):
    with pytest.raises(ConfigError, match=r"aircon\.parent: from 2026-01-01 on: the building has no meter"):
        change(state, MALEE, [End("meter", MAIN)], why="taken down", from_day=NEW_YEAR, expected_revision=1, now=NOW)


def test_a_report_rests_on_a_withdrawal_too_and_not_on_one_of_others(state):
    day, agency = dt.date(2026, 11, 1), OFFICE.partition(".")[0]
    assert portfolio_on(state.records(), day).rests_on([agency], day) == 1
    edits = [Withdraw("meter", f"{OFFICE}.aircon")]
    change(state, MALEE, edits, why="entered twice", from_day=None, expected_revision=1, now=NOW)
    portfolio = portfolio_on(state.records(), day)
    assert portfolio.rests_on([agency], day) == 2
    assert portfolio.rests_on(["education"], day) == 1
    assert portfolio_on(state.records(1), day).rests_on([agency], day) == 1
    undo(state, MALEE, 2, why="it was there", now=NOW)
    assert portfolio_on(state.records(), day).rests_on([agency], day) == 3


def test_what_is_withdrawn_was_never_there(state):
    edits = [Withdraw("meter", f"{OFFICE}.aircon")]
    change(state, MALEE, edits, why="entered twice", from_day=None, expected_revision=1, now=NOW)
    assert meter_on(state, dt.date(2020, 1, 1), key=f"{OFFICE}.aircon") is None
    assert meter_on(state, dt.date(2020, 1, 1), key=f"{OFFICE}.aircon", revision=1) is not None


def test_a_new_account_is_for_the_buildings_that_it_names(state):
    account = {"id": "mea-1", "utility": "mea", "number": "012345678", "schedule": "mea-3-2-mv", "buildings": [OFFICE]}
    change(state, MALEE, [Put("account", account)], why="bill of May", from_day=None, expected_revision=1, now=NOW)
    assert portfolio_on(state.records(), NOW.date()).accounts["mea-1"].buildings == (OFFICE,)
    elsewhere = account | {"id": "mea-2", "buildings": ["no.where"]}
    with pytest.raises(ConfigError, match=r"mea-2\.buildings: there is no building 'no\.where'"):
        change(state, MALEE, [Put("account", elsewhere)], why="bill", from_day=None, expected_revision=2, now=NOW)


def test_a_change_with_faults_enters_nothing_and_names_them_all(state):
    before = rows(state)
    edits = [
        Amend("meter", MAIN, {"rated_kw": -1}),
        Amend("building", OFFICE, {"calendar": "moon"}),
        Withdraw("roof", "x"),
    ]
    with pytest.raises(ConfigError) as caught:
        change(state, MALEE, edits, why="mistakes", from_day=None, expected_revision=1, now=NOW)
    assert len(caught.value.faults) == 2
    with pytest.raises(ConfigError, match="there is no calendar 'moon'"):
        amend(state, {"calendar": "moon"}, kind="building", key=OFFICE, from_day=None)
    assert rows(state) == before
    assert state.newest() == 1


def test_who_changed_what_and_why_is_in_the_audit_log_with_before_and_after(state):
    amend(state, {"ct_ratio": 200.0, "rated_kw": 900.0})
    line = audit_lines(state.engine, 1)[0]
    assert (line["actor"], line["address"], line["action"], line["target"]) == (
        "malee",
        "10.0.0.7",
        "portfolio",
        "revision 2",
    )
    assert line["detail"]["why"] == "CT exchanged"
    (entered,) = line["detail"]["changes"]
    assert (entered["kind"], entered["key"], entered["from"]) == ("meter", MAIN, "2026-01-01")
    assert entered["before"] == {"ct_ratio": 1.0, "rated_kw": 380.0}
    assert entered["after"] == {"ct_ratio": 200.0, "rated_kw": 900.0}
    amend(state, {"ct_ratio": 40.0})
    (entered,) = audit_lines(state.engine, 1)[0]["detail"]["changes"]
    assert (entered["before"], entered["after"]) == ({"ct_ratio": 200.0}, {"ct_ratio": 40.0})


def test_a_change_needs_a_reason(state):
    with pytest.raises(InputError, match="Say why"):
        amend(state, {"ct_ratio": 200.0}, why=" ")


def test_a_reason_is_none_that_cannot_be_stored(state):
    for why in ("x" * 2001, "a\x00b", "a\ud800b"):
        with pytest.raises(InputError, match="reason"):
            amend(state, {"ct_ratio": 2.0}, why=why)
    assert state.newest() == 1


def test_a_change_of_what_another_changed_meanwhile_is_a_conflict_that_says_what(state):
    amend(state, {"gross_floor_area_m2": 5000.0}, kind="building", key=OFFICE, expected=1)
    with pytest.raises(Conflict, match="gross_floor_area_m2|new") as caught:
        amend(state, {"tariff": "mea-3-1-mv"}, kind="building", key=OFFICE, expected=1)
    assert caught.value.present.revision == 2
    assert [own.identity for own in caught.value.changes] == [("building", OFFICE, NEW_YEAR)]
    amend(state, {"rated_kw": 900.0}, expected=1)
    assert state.newest() == 3


def test_two_at_once_are_two_revisions_and_no_change_is_lost(state):
    buildings = list(portfolio_on(state.records(), NOW.date()).buildings)[:6]
    done = []

    def enter(key):
        done.append(amend(state, {"gross_floor_area_m2": 77.0}, kind="building", key=key, expected=1).revision)

    threads = [threading.Thread(target=enter, args=(key,)) for key in buildings]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(done) == [2, 3, 4, 5, 6, 7]
    there = portfolio_on(state.records(), NOW.date()).buildings
    assert {there[key].gross_floor_area_m2 for key in buildings} == {77.0}


def test_an_undo_takes_back_that_revision_alone(state):
    amend(state, {"ct_ratio": 200.0})
    amend(state, {"gross_floor_area_m2": 5000.0}, kind="building", key=OFFICE)
    undone = undo(state, MALEE, 2, why="wrong meter", now=NOW)
    assert undone.revision == 4
    assert meter_on(state, NEW_YEAR).ct_ratio == 1.0
    assert portfolio_on(state.records(), NEW_YEAR).buildings[OFFICE].gross_floor_area_m2 == 5000.0
    assert [own.undoes for own in history(state)] == [2, None, None, None]
    undo(state, MALEE, 4, why="right after all", now=NOW)
    assert meter_on(state, NEW_YEAR).ct_ratio == 200.0


def test_an_undo_of_what_was_changed_again_is_a_conflict(state):
    amend(state, {"ct_ratio": 200.0})
    amend(state, {"ct_ratio": 300.0})
    with pytest.raises(Conflict):
        undo(state, MALEE, 2, why="too late", now=NOW)
    with pytest.raises(InputError, match="no revision 9"):
        undo(state, MALEE, 9, why="too late", now=NOW)


def test_an_undo_of_what_a_later_version_still_says_is_a_conflict(state):
    amend(state, {"ct_ratio": 200.0})
    amend(state, {"rated_kw": 900.0}, from_day=dt.date(2026, 6, 1))
    with pytest.raises(Conflict, match="from 2026-06-01"):
        undo(state, MALEE, 2, why="wrong meter", now=NOW)
    undo(state, MALEE, 3, why="the later one first", now=NOW)
    undo(state, MALEE, 2, why="wrong meter", now=NOW)
    assert {meter_on(state, day).ct_ratio for day in (NEW_YEAR, dt.date(2026, 6, 1))} == {1.0}


def test_an_undo_of_an_entry_leaves_no_version_that_was_made_of_it(state):
    extra = state.kinds["meter"].body_of(meter_on(state, NEW_YEAR)) | {"id": f"{OFFICE}.extra", "topic": "x/extra"}
    change(state, MALEE, [Put("meter", extra)], why="new meter", from_day=None, expected_revision=1, now=NOW)
    amend(state, {"rated_kw": 900.0}, key=f"{OFFICE}.extra")
    with pytest.raises(Conflict):
        undo(state, MALEE, 2, why="no such meter", now=NOW)


def test_a_payload_profile_that_does_not_exist_is_refused_on_whatever_days_it_would_be_used(state, config_dir):
    state = replace(state, check=portfolio_state(load_configuration(config_dir), state.engine).check)
    amend(state, {"payload": "tasmota-sensor"}, from_day=dt.date(2030, 1, 1))
    with pytest.raises(ConfigError, match="no payload profile 'nothing'"):
        amend(state, {"payload": "nothing"})


def test_a_profile_that_would_share_a_topic_later_is_refused_when_it_is_entered(state, config_dir):
    config = load_configuration(config_dir)
    checked = portfolio_state(config, state.engine)
    names = ("one", "two")
    beside = {"building": OFFICE, "topic": "site/all", "rated_kw": 50.0, "payload": "csv-lines"}
    puts = [Put("meter", beside | {"id": f"{OFFICE}.{name}", "key": name}) for name in names]
    change(checked, MALEE, puts, why="two on a topic", from_day=None, expected_revision=None, now=NOW)
    edits = [Amend("meter", f"{OFFICE}.{name}", {"payload": "modbus-gateway"}) for name in names]
    with pytest.raises(ConfigError, match="from 2028-01-01 on: topic 'site/all' is read by profiles"):
        change(checked, MALEE, edits[:1], why="later", from_day=LATER, expected_revision=None, now=NOW)


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ({"name_th": "ก" * 2001}, "longer than 2,000 characters"),
        ({"drivers": {"students\x00": 5}}, "a character that cannot be stored"),
        ({"name_en": "\ud800"}, "a character that cannot be stored"),
    ],
)
def test_a_text_that_a_database_or_a_page_cannot_take_is_refused_however_it_comes(state, fields, what):
    with pytest.raises(ConfigError, match=what):
        amend(state, fields, kind="building", key=OFFICE)
    document = Document(SITE_KINDS)
    body = SITE_KINDS["building"].body_of(portfolio_on(state.records(), NOW.date()).buildings[OFFICE])
    document.take("building", body | fields, "site.toml: building[0]")
    assert [what in fault.what for fault in document.faults] == [True]
    assert state.newest() == 1


def test_an_id_that_no_column_holds_is_refused(state):
    with pytest.raises(ConfigError, match="longer than 200 characters"):
        change(state, MALEE, [Put("agency", {"id": "a" * 201, "name_th": "ก", "name_en": "A"})],
               why="long", from_day=None, expected_revision=1, now=NOW)  # fmt: skip


def test_an_adjustment_adds_on_the_days_on_which_it_is_what_the_records_say(state, config_dir):
    clinic = {
        "id": "clinic",
        "building": OFFICE,
        "first": "2025-03-01",
        "kwh_a_day": 40.0,
        "reason": "a new clinic",
        "entered_by": "malee",
        "entered": "2025-03-01",
    }
    change(state, MALEE, [Put("adjustment", clinic)], why="new", from_day=None, expected_revision=None, now=NOW)
    amend(state, {"kwh_a_day": 60.0}, kind="adjustment", key="clinic")
    edits, june = [End("adjustment", "clinic")], dt.date(2026, 6, 1)
    change(state, MALEE, edits, why="closed", from_day=june, expected_revision=None, now=NOW)
    found = savings_of(load_savings(config_dir), state.records()).adjustments
    assert [(own.first, own.last, own.kwh_a_day) for own in found] == [
        (dt.date(2025, 3, 1), dt.date(2025, 12, 31), 40.0),
        (NEW_YEAR, dt.date(2026, 5, 31), 60.0),
    ]


def test_a_plan_is_what_the_records_say_on_a_day_and_not_in_the_future(planned, config_dir):
    amend(planned, {"saving_ratio": 0.5}, kind="agency_target", key="all", from_day=dt.date(2027, 1, 1))
    target = next(iter(planned.records().by_kind["target"]))
    change(planned, MALEE, [End("target", target)], why="over", from_day=NEW_YEAR, expected_revision=None, now=NOW)
    records = planned.records()
    before, now, later = (plan_of(config_dir, records, dt.date(year, 6, 1)) for year in (2025, 2026, 2027))
    assert [plan.agency_target.saving_ratio for plan in (before, now, later)] == [0.1, 0.1, 0.5]
    assert len(before.targets) == len(now.targets) + 1 == len(later.targets) + 1


@pytest.mark.parametrize(
    ("kind", "key", "what"),
    [
        ("programme", "energy-action-plan", "there is no programme 'energy-action-plan'"),
        ("agency_target", "all", "the plan has no agency_target"),
    ],
)
def test_nothing_is_withdrawn_that_the_plan_rests_on(planned, kind, key, what):
    edits = [Withdraw(kind, key)]
    with pytest.raises(ConfigError, match=what):
        change(planned, MALEE, edits, why="a mistake", from_day=None, expected_revision=None, now=NOW)


def test_a_meter_is_in_the_building_that_its_id_names(state):
    other = next(key for key in state.records().by_kind["building"] if key != OFFICE)
    body = state.kinds["meter"].body_of(meter_on(state, NEW_YEAR)) | {"building": other}
    for edit in (Put("meter", body), Amend("meter", MAIN, {"building": other})):
        with pytest.raises(ConfigError, match=f"building: its id says that it is in '{OFFICE}'"):
            change(state, MALEE, [edit], why="moved", from_day=None, expected_revision=None, now=NOW)


def test_two_revisions_are_compared_by_what_differs(state):
    amend(state, {"ct_ratio": 200.0})
    amend(state, {"ct_ratio": 300.0})
    (own,) = compare(state, 2)
    assert described(own) == f"meter {MAIN} from 2026-01-01: ct_ratio 200.0 → 300.0"
    assert compare(state, 2, 2) == ()


def test_the_history_of_a_thing_is_what_changed_it(state):
    amend(state, {"ct_ratio": 200.0})
    amend(state, {"gross_floor_area_m2": 5000.0}, kind="building", key=OFFICE, why="new wing")
    assert [(own.number, own.why) for own in history(state, kind="building", key=OFFICE)] == [
        (3, "new wing"),
        (1, "first import"),
    ]


def test_files_that_are_the_source_are_changed_in_the_files_alone(state, empty):
    for source in (PortfolioState(state.engine, "files"), empty):
        if source is empty:
            continue
        with pytest.raises(ReadOnlyPortfolio, match="config/portfolio"):
            amend(source, {"ct_ratio": 200.0})


def test_before_the_first_import_the_files_are_the_source(empty):
    with pytest.raises(ReadOnlyPortfolio):
        amend(empty, {"ct_ratio": 200.0})


# -- requests that come twice, proposals, and two at the same time -----------------------------------------------------


def test_a_request_that_comes_twice_at_once_is_done_once_and_both_have_its_answer(state):
    def ask(_):
        def work():
            return {"revision": amend(state, {"ct_ratio": 200.0}).revision}

        return once(state.engine, MALEE, Once("key-1", "same"), work, NOW)

    with ThreadPoolExecutor(4) as people:
        assert list(people.map(ask, range(4))) == [{"revision": 2}] * 4
    assert state.newest() == 2
    with pytest.raises(KeyReused):
        once(state.engine, MALEE, Once("key-1", "another"), dict, NOW)


def test_of_two_people_at_one_building_at_once_one_is_refused_and_no_change_is_lost(state):
    def rename(name):
        edits = [Amend("building", OFFICE, {"name_en": name})]
        try:
            return change(state, MALEE, edits, why="renamed", from_day=None, expected_revision=1, now=NOW).revision
        except Conflict:
            return None

    with ThreadPoolExecutor(2) as people:
        done = list(people.map(rename, ("First", "Second")))
    assert sorted(done, key=str) == [2, None]
    name = portfolio_on(state.records(), NOW.date()).buildings[OFFICE].name_en
    assert name == ("First" if done[0] else "Second")


def test_a_proposal_is_accepted_once_whoever_decides_at_the_same_time(state):
    edits = [Amend("building", OFFICE, {"name_en": "Hall"})]
    number = propose(state, MALEE, edits, why="as on the door", from_day=None, now=NOW).number

    def decide(_):
        try:
            return accept(state, MALEE, number, note="good", now=NOW)[1].revision
        except InputError:
            return None

    with ThreadPoolExecutor(3) as people:
        assert sorted(people.map(decide, range(3)), key=str) == [2, None, None]
    assert [proposal.state for proposal in list_proposals(state, MALEE)] == ["accepted"]
    assert state.newest() == 2
