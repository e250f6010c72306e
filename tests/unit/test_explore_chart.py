"""The explorer's still picture: what is known, what is not, and no peak left out."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from bkkenergy.web.explorechart import MAX_STEPS, Drawing, HoverStep, Range, TimeTick, picture, runs, strip


def drawing(values, **given):
    values = np.array(values, float)
    count = len(values)
    plain = {
        "title": "T", "edges": np.linspace(0, 1, count + 1), "values": values, "complete": np.isfinite(values),
        "estimated": np.zeros(count, bool), "compared": None, "low": None, "high": None, "is_bars": False, "from_zero": True,
        "closed": [], "marks": [], "ticks": [], "hovers": [], "number": str,
    }  # fmt: skip
    return Drawing(**plain | given)


def parts(svg):
    """The picture's elements by class, with the path or the place of each."""
    return [(one.get("class"), one) for one in ET.fromstring(str(svg)).iter() if one.get("class")]


def path(svg, kind):
    return next(one.get("d") for name, one in parts(svg) if name == kind)


def test_nothing_known_is_no_picture():
    assert picture(drawing([np.nan, np.nan])) == ""
    assert strip("T", np.linspace(0, 1, 3), np.array([np.nan, np.nan]), str) == ""


def test_a_gap_is_a_gap():
    svg = picture(drawing([1, np.nan, 3]))
    assert path(svg, "line").count("M") == 2


def test_what_is_not_complete_has_a_line_of_another_kind():
    svg = picture(drawing([1, 2, 3], complete=np.array([True, True, False])))
    assert path(svg, "line").count("H") == 2
    assert path(svg, "line partial").count("H") == 1


def test_estimated_and_closed_time_is_shaded_where_it_is():
    svg = picture(drawing([1, 2, 3, 4], estimated=np.array([False, True, True, False]), closed=[(0.75, 1.0)]))
    shaded = {name: (one.get("x"), one.get("width")) for name, one in parts(svg) if name in {"estimated", "closed"}}
    assert shaded == {"estimated": ("25.000%", "50.000%"), "closed": ("75.000%", "25.000%")}


def test_bars_stand_on_zero_also_where_values_are_negative():
    svg = picture(drawing([2, -2], is_bars=True))
    feet = re.findall(r"M[\d.]+,([\d.]+)", path(svg, "bar"))
    assert feet == ["50.00", "50.00"]


@pytest.mark.parametrize("count", [MAX_STEPS, MAX_STEPS * 12])
def test_the_highest_and_lowest_of_many_steps_are_drawn(count):
    values = np.full(count, 5.0)
    values[count // 3], values[count // 2] = 10.0, 0.0
    svg = str(picture(drawing(values)))
    heights = set(re.findall(r"V([\d.]+)", path(svg, "line")))
    assert {"0.00", "100.00"} <= heights
    assert len(svg) < 150_000


@pytest.mark.parametrize("values", [[0.0], [5.0], [1e9, 1e-9], [-3.0], [7.0, 7.0]])
def test_a_range_holds_its_values_and_has_few_round_lines(values):
    shown = Range.of((np.array(values),), from_zero=True)
    assert shown.least <= min(*values, 0.0)
    assert shown.most >= max(*values, 0.0)
    assert shown.most > shown.least
    assert 2 <= len(shown.grid) <= 8


def test_texts_are_escaped_and_notes_of_one_day_are_beside_one_another():
    svg = picture(
        drawing([1, 2], title='<b>"', marks=[(0.1, 1), (0.1, 2), (0.9, 3), (0.9, 4)], ticks=[TimeTick(0.0, "<i>")],
                hovers=[HoverStep("<u>", '/x?"'), HoverStep("b", "")])
    )  # fmt: skip
    tree = ET.fromstring(str(svg))
    shifts = [one.get("transform") for one in tree.iter() if (one.get("transform") or "").startswith("translate")]
    assert shifts == ["translate(0 0)", "translate(22 0)", "translate(0 0)", "translate(-22 0)"]
    assert tree.get("aria-label") == '<b>"'


def test_a_picture_with_links_is_no_image_and_one_without_is():
    plain, linked = (ET.fromstring(str(picture(drawing([1.0], hovers=[HoverStep("t", to)])))) for to in ("", "/x"))
    assert (plain.get("role"), linked.get("role")) == ("img", "group")


def test_runs_are_stretches_of_what_is_so():
    assert runs(np.array([True, True, False, True])) == [(0, 2), (3, 4)]
    assert runs(np.zeros(3, bool)) == []
