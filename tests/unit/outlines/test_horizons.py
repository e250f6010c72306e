"""Horizons of programs whose azimuths begin in different places, and azimuths of roofs."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bkkenergy.adapters.outlines.horizon import read_horizon
from bkkenergy.errors import InputError
from bkkenergy.portfolio.models import Roof
from bkkenergy.tomlfiles import validated

PVGIS = "Latitude (decimal degrees):\t13.750\nA\t\tH_hor\t\tA_sun(w)\tH_sun(w)\n-180.0\t\t3.4\t\t-130.0\t\t0.0\n-90.0\t\t10.0\t\t0\t0\n0.0\t\t1.0\t\t0\t0\n90.0\t\t2.0\t\t0\t0\n"
PVGIS_JSON = json.dumps({"outputs": {"horizon_profile": [{"A": -90.0, "H_hor": 10.0}, {"A": 0.0, "H_hor": 1.0}]}})
COMPASS = "# Horizon\n0;1\n90;10\n180;1\n270;2\n359;1\n"


def points(text, counted_from=None):
    return dict(read_horizon(text.encode(), counted_from).points)


@pytest.mark.parametrize(
    "text",
    [PVGIS, PVGIS_JSON, "-90 10\n0 1\n", "-90,10\n0,1\n", "-90;10\n0;1\n", "-90\t10\n0\t1", "-90,0;10,0\n0,0;1,0", "\ufeff-90, 10\r\n0, 1\r\n",
     COMPASS],
)  # fmt: skip
def test_what_stands_in_the_east_stands_in_the_east(text):
    heights = points(text)
    assert heights[90.0] == 10
    assert heights[180.0] == 1


def test_azimuths_that_can_count_from_either_side_need_a_word():
    with pytest.raises(InputError, match="can count from north or from south"):
        points("0 1\n90 10\n180 2\n")
    assert points("0 1\n90 10\n", "south") == {180.0: 1, 270.0: 10}
    assert points("0 1\n90 10\n", "north") == {0.0: 1, 90.0: 10}


@pytest.mark.parametrize(
    ("text", "counted_from", "message"),
    [
        ("-90 10\n0 1", "north", "cannot count from north"),
        ("0 1\n270 5", "south", "cannot count from south"),
        ("0 1\n400 5", None, "no whole turn"),
        ("-200 1\n0 5", None, "no whole turn"),
        ("10 1\n", None, "no horizon"),
        ("", None, "no horizon"),
        ("3.5\n4.0\n2.0\n", None, "line 1 is no azimuth"),
        ("-90 10\n0 ten 5\n", None, None),
        ("10 -90\n0 100\n", "north", "first"),
        ("{}", None, "no horizon of PVGIS"),
        ("-90 10\n0 85\n", None, "85 degrees high"),
    ],
)
def test_what_is_no_horizon_is_refused(text, counted_from, message):
    if message is None:
        with pytest.raises(InputError):
            points(text, counted_from)
        return
    with pytest.raises(InputError, match=message) as refusal:
        points(text, counted_from)
    assert refusal.value.said("th") != str(refusal.value)


def test_depths_below_the_horizon_hide_nothing():
    assert points("-90 -2\n0 1\n") == {90.0: 0, 180.0: 1}


@given(st.binary(max_size=60) | st.text(alphabet="0123456789-+.,;eE \t\n#", max_size=60).map(str.encode))
def test_any_file_is_a_horizon_or_refused(content):
    try:
        horizon = read_horizon(content)
    except InputError:
        return
    assert all(0 <= azimuth < 360 and 0 <= height <= 80 for azimuth, height in horizon.points)


def roof(**fields):
    return validated(Roof, {"id": "r", "area_m2": 100, "tilt_deg": 10} | fields, "roof")


def test_north_once_around_is_north():
    assert roof(azimuth_deg=360)[0].azimuth_deg == 0
    assert roof(azimuth_deg=180, horizon=[(360, 5), (90, 3)])[0].horizon == ((0, 5), (90, 3))


def test_a_negative_azimuth_is_refused_with_both_ways_to_read_it():
    value, faults = roof(azimuth_deg=-90)
    assert value is None
    assert faults[0].where == "roof.azimuth_deg"
    assert "By compass -90 is west; by PVGIS" in faults[0].what
    assert "azimuth_from" in faults[0].remedy
    assert roof(azimuth_deg=180, horizon=[(-120, 5), (0, 3)])[1][0].where.startswith("roof.horizon")


@pytest.mark.parametrize(("azimuth", "compass"), [(0, 180), (-90, 90), (90, 270), (180, 0), (-180, 0), (-45, 135)])
def test_azimuths_from_south_are_read_as_the_roof_says(azimuth, compass):
    value, _ = roof(azimuth_deg=azimuth, azimuth_from="south", horizon=[[azimuth, 7]])
    assert value.azimuth_deg == compass
    assert value.horizon == ((compass, 7),)


@pytest.mark.parametrize(
    ("azimuth", "start", "what"), [(200, "south", "-180 to 180"), (90, "east", '"north" or "south"')]
)
def test_an_azimuth_beyond_its_convention_is_refused(azimuth, start, what):
    value, faults = roof(azimuth_deg=azimuth, azimuth_from=start)
    assert value is None
    assert what in faults[0].what


def test_a_roof_from_south_without_an_azimuth_lacks_one():
    value, faults = roof(azimuth_from="south")
    assert value is None
    assert [fault.where for fault in faults] == ["roof.azimuth_deg"]
