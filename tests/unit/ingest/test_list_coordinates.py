"""Coordinates of lists: degrees, degrees with minutes and seconds, UTM 47 north, in either order."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bkkenergy.ingest.lists.coordinates import A_M, FLATTENING, place_of, utm47_to_wgs84

BANGKOK = (13.7563, 100.5018)


def to_utm47(latitude_deg, longitude_deg):
    """Snyder's forward series (USGS Professional Paper 1395, eq. 8-9 and 8-10): another one than that of the code."""
    e2 = FLATTENING * (2 - FLATTENING)
    ep2 = e2 / (1 - e2)
    phi, lam = math.radians(latitude_deg), math.radians(longitude_deg - 99)
    n, t, c = A_M / math.sqrt(1 - e2 * math.sin(phi) ** 2), math.tan(phi) ** 2, ep2 * math.cos(phi) ** 2
    a = lam * math.cos(phi)
    m = A_M * (
        (1 - e2 / 4 - 3 * e2**2 / 64 - 5 * e2**3 / 256) * phi
        - (3 * e2 / 8 + 3 * e2**2 / 32 + 45 * e2**3 / 1024) * math.sin(2 * phi)
        + (15 * e2**2 / 256 + 45 * e2**3 / 1024) * math.sin(4 * phi)
        - 35 * e2**3 / 3072 * math.sin(6 * phi)
    )
    fifth = (5 - 18 * t + t**2 + 72 * c - 58 * ep2) * a**5 / 120
    sixth = (61 - 58 * t + t**2 + 600 * c - 330 * ep2) * a**6 / 720
    east = 0.9996 * n * (a + (1 - t + c) * a**3 / 6 + fifth)
    north = 0.9996 * (m + n * math.tan(phi) * (a**2 / 2 + (5 - t + 9 * c + 4 * c**2) * a**4 / 24 + sixth))
    return east + 500_000, north


@given(st.floats(5.5, 20.5), st.floats(97.3, 101.9))
def test_utm_agrees_with_another_series_within_a_centimetre(latitude_deg, longitude_deg):
    latitude, longitude = utm47_to_wgs84(*to_utm47(latitude_deg, longitude_deg))
    assert latitude == pytest.approx(latitude_deg, abs=1e-7)
    assert longitude == pytest.approx(longitude_deg, abs=1e-7)


@pytest.mark.parametrize(
    "texts",
    [
        ("13.7563, 100.5018",),
        ("13.7563 100.5018",),
        ("13.7563,100.5018",),
        ("100.5018, 13.7563",),
        ("๑๓.๗๕๖๓, ๑๐๐.๕๐๑๘",),
        ("13°45'22.68\"N 100°30'06.48\"E",),
        ("N 13° 45.378' E 100° 30.108'",),
        ("13 45 22.68", "100 30 6.48"),
        ("100.5018", "13.7563"),
        tuple(f"{value:.2f}" for value in to_utm47(*BANGKOK)),
        tuple(f"{value:,.2f}" for value in reversed(to_utm47(*BANGKOK))),
        (" ".join(f"{value:.2f}" for value in to_utm47(*BANGKOK)),),
    ],
)
def test_a_place_is_read_however_it_is_written(texts):
    assert place_of(*texts) == pytest.approx(BANGKOK, abs=2e-6)


NO_PLACES = [("",), ("here",), ("13.75",), ("93.7", "100.5"), ("0, 0",), ("-13.7, 100.5",), ("48.85, 2.35",),
             ("13 75 00", "100 30 00"), ("1 2 3 4 5 6 7 8",), ("13.7563", ""), ("665000", "665000")]  # fmt: skip


@pytest.mark.parametrize("texts", NO_PLACES)
def test_what_is_no_place_in_thailand_is_none(texts):
    assert place_of(*texts) is None


@given(st.text(max_size=40), st.text(max_size=20))
def test_any_text_is_a_place_in_thailand_or_none(first, second):
    place = place_of(first, second)
    assert place is None or (4.9 < place[0] < 21.1 and 95 < place[1] < 106)
