"""What a building's page says of its balance, in words, numbers and a picture."""

from __future__ import annotations

import datetime as dt
import re

import numpy as np
import pandas as pd
import pytest

from bkkenergy.calendar import Period
from bkkenergy.i18n import LANGS, Words, catalogue
from bkkenergy.reports.stacks import Piece, stack
from bkkenergy.usecases.balance import BuildingBalance, BuildingEnergy, Note, SubMeters, SubMeterShare
from bkkenergy.usecases.flows import Flow
from bkkenergy.web.balance import view_of
from tests.builders import meter

PERIOD = Period.days(dt.date(2026, 11, 1), dt.date(2026, 11, 30))
MAIN, FLOOR = meter("main"), meter("floor", parent="agency.building.main")


def flow(total, known=1.0):
    return Flow(np.array([]), total, known, known)


def energy(*flows, notes=(), splits=()):
    return BuildingEnergy(pd.DatetimeIndex([]), BuildingBalance(*flows, notes), splits, (), ())


def widths(picture):
    return {kind: float(width) for kind, width in re.findall(r'<rect class="k-([\w-]+)".*?width="([\d.]+)"', picture)}


@pytest.fixture
def full():
    return energy(flow(60.0), flow(10.0), flow(40.0), flow(30.0), flow(20.0), flow(70.0, 0.9))


def test_sources_and_uses_are_bars_of_one_scale(full):
    view = view_of(full, PERIOD, Words("en"))
    (_, sources), (_, uses) = view.pictures
    assert widths(sources)["grid-import"] == pytest.approx(760 * 0.6, abs=2)
    assert widths(uses)["gross-use"] == pytest.approx(760 * 0.7, abs=2)
    assert sum(widths(sources).values()) == pytest.approx(sum(widths(uses).values()), abs=5)
    assert "Gross use of the building 70 kWh (70%)" in uses


def test_each_total_stands_beside_the_share_that_is_known(full):
    view = view_of(full, PERIOD, Words("th"))
    assert {row.name: (row.total_kwh, row.known_ratio) for row in view.rows}["การใช้ไฟฟ้าทั้งหมดของอาคาร"] == (70.0, 0.9)
    assert not view.is_empty


def test_what_is_not_known_is_no_bar_and_no_zero_and_says_why():
    found = energy(flow(60.0), flow(0.0), None, None, None, None, notes=(Note.PV_NOT_METERED,))
    view = view_of(found, PERIOD, Words("en"))
    assert view.pictures == []
    assert {row.total_kwh for row in view.rows[2:]} == {None}
    assert "PV without a meter" in view.notes[0]


def test_export_without_a_register_leaves_the_bars_of_the_rest():
    found = energy(flow(60.0), None, flow(40.0), flow(40.0), None, flow(100.0), notes=(Note.EXPORT_NOT_METERED,))
    (_, uses) = view_of(found, PERIOD, Words("en")).pictures[1]
    assert set(widths(uses)) == {"gross-use"}


def test_sub_meters_that_count_more_are_said_and_the_bar_has_no_negative_part():
    split = SubMeters(MAIN, (), flow(50.0), (SubMeterShare(FLOOR, flow(60.0), 1.2),), flow(-10.0), -0.2, ())
    (view,) = view_of(energy(*[flow(1.0)] * 6, splits=(split,)), PERIOD, Words("en")).sub_meters
    assert view.exceed_main
    assert set(widths(view.picture)) == {"part-0"}
    assert (view.rows[-1].name, view.rows[-1].total_kwh) == ("Not sub-metered", -10.0)


def test_parts_of_an_unknown_whole_are_not_drawn():
    split = SubMeters(MAIN, (), None, (SubMeterShare(FLOOR, flow(60.0), None),), None, None, (Note.PV_PLACE_UNKNOWN,))
    (view,) = view_of(energy(*[flow(1.0)] * 6, splits=(split,)), PERIOD, Words("en")).sub_meters
    assert view.picture == ""
    assert "several main meters" in view.notes[0]


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("note", Note)
def test_every_note_has_its_words(lang, note):
    assert catalogue(lang)[f"balance.note_{note.value}"]


def test_names_in_a_bar_cannot_break_out_of_it():
    picture = stack([Piece(1.0, "k-rest", "<script>")], title='"><script>', whole=1.0)
    assert "<script>" not in picture
    assert stack([], title="t", whole=0.0) == ""
