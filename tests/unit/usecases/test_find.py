"""The search over the portfolio."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from bkkenergy.access import Actor, server_actor
from bkkenergy.portfolio import Records, load_portfolio, portfolio_on
from bkkenergy.usecases.find import MAX_HITS, find_by_name
from tests.conftest import ROOT

ALL, NONE = server_actor("t"), Actor("n", powers=frozenset({"see"}))
HEALTH = Actor("h", powers=frozenset({"see"}), agencies=("health",))


@pytest.fixture(scope="module")
def portfolio():
    return load_portfolio(ROOT / "config")


def keys(portfolio, text, actor=ALL):
    return [hit.key for hit in find_by_name(portfolio, actor, text)]


def test_a_thai_word_an_english_word_a_type_and_an_id_lead_to_the_same_buildings(portfolio):
    schools = {building.id for building in portfolio.buildings.values() if building.type == "school"}
    assert schools
    for text in ("โรงเรียน", "school", "SCHOOL", " School "):
        assert schools <= set(keys(portfolio, text)), text
    assert "district-dindaeng.office" in keys(portfolio, "ดินแดง สำนักงาน")
    assert keys(portfolio, "district-dindaeng.office.aircon") == ["district-dindaeng.office.aircon"]


def test_sara_am_is_one_letter_however_it_is_typed(portfolio):
    composed, apart = "ส\u0e33นักงาน", "ส\u0e4d\u0e32นักงาน"
    assert composed != apart
    assert keys(portfolio, composed) == keys(portfolio, apart) != []


def test_every_word_has_to_be_there_and_nothing_is_no_search(portfolio):
    assert keys(portfolio, "โรงเรียน zzz") == []
    assert keys(portfolio, "") == keys(portfolio, "   ") == []
    assert keys(portfolio, "\x00%_*") == []
    assert len(keys(portfolio, "e")) == MAX_HITS


def test_what_is_of_others_is_not_found(portfolio):
    assert keys(portfolio, "health", HEALTH)
    assert all(key.split(".")[0] == "health" for key in keys(portfolio, "a", HEALTH))
    assert keys(portfolio, "a", NONE) == []


def test_what_is_no_more_is_found_after_what_is_there_with_its_last_day(portfolio):
    key, last = "health.centre-1", dt.date(2026, 3, 31)
    entries = tuple(
        replace(entry, valid_to=last + dt.timedelta(days=1)) if entry.key in {key, f"{key}.main"} else entry
        for entry in portfolio.records.entries
    )
    later = portfolio_on(Records(0, entries), dt.date(2026, 11, 27))
    assert key not in later.buildings
    hits = [hit for hit in find_by_name(later, ALL, "health.centre") if hit.kind == "building"]
    assert [hit.key for hit in hits][-1] == key
    assert [hit.ended for hit in hits] == [None] * (len(hits) - 1) + [last]
    (meter,) = find_by_name(later, ALL, f"{key}.main")
    assert (meter.kind, meter.ended) == ("meter", last)
    assert find_by_name(later, Actor("h", powers=frozenset({"see"}), agencies=("education",)), key) == []
