"""Intervals of files as quarter-hours, and which source an interval takes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bkkenergy.metering.sources import IntervalSeries, Precedence, SourceSlots, merged, quarters_of
from bkkenergy.readings import Quality

MINUTE_US = 60_000_000
MIDNIGHT_US = 20_000 * 86_400_000_000 - 7 * 3_600_000_000
M, E, F, X, I = Quality.MEASURED, Quality.ESTIMATED, Quality.EDITED, Quality.MISSING, Quality.INCOMPLETE  # noqa: E741


def series(minutes: int, kwh: list[float], start_minute: int = 0) -> IntervalSeries:
    start = MIDNIGHT_US + (start_minute + minutes * np.arange(len(kwh))) * MINUTE_US
    return IntervalSeries(start, minutes * 60.0, np.array(kwh, np.float64))


@pytest.mark.parametrize(
    ("given_series", "usual_s", "values", "quality"),
    [
        pytest.param(series(15, [1, 2, 3]), 900, [1, 2, 3], [F, F, F], id="quarter_hours_as_they_are"),
        pytest.param(series(5, [1, 2, 3, 4, 5, 6]), 900, [6, 15], [F, F], id="five_minutes_are_summed"),
        pytest.param(series(5, [1, 2, 3, 4, 5]), 900, [6, np.nan], [F, X], id="a_quarter_hour_in_part_is_not_covered"),
        pytest.param(series(30, [4]), 900, [2, 2], [E, E], id="half_an_hour_is_divided"),
        pytest.param(series(60, [8]), 900, [2, 2, 2, 2], [E] * 4, id="an_hour_is_divided"),
        pytest.param(series(60, [8]), 3600, [2, 2, 2, 2], [F] * 4, id="an_hour_of_an_hourly_meter"),
        pytest.param(series(15, [3, 6, 9], 5), 900, [np.nan, 5, 8, np.nan], [X, E, E, X], id="beside_the_grid"),
        pytest.param(series(15, [1, np.nan, 3]), 900, [1, np.nan, 3], [F, X, F], id="nothing_where_the_file_is_empty"),
        pytest.param(series(10, [2, 2, 2]), 900, [3, 3], [E, E], id="ten_minutes_cross_the_grid"),
    ],
)
def test_intervals_are_mapped_onto_quarter_hours(given_series, usual_s, values, quality):
    first, found, flags = quarters_of(given_series, usual_s)
    assert first == 20_000
    np.testing.assert_allclose(found[0, : len(values)], values)
    assert flags[0, : len(quality)].tolist() == quality
    assert (flags[0, len(quality) :] == X).all()


@given(
    st.sampled_from([5, 15, 30, 60, 1440]),
    st.lists(st.floats(0, 1e4) | st.just(float("nan")), min_size=1, max_size=300),
    st.integers(0, 200),
)
def test_intervals_on_the_grid_lose_no_energy(minutes, kwh, offset):
    whole = kwh[: len(kwh) // 3 * 3] if minutes == 5 else kwh
    if minutes == 5:
        whole = [value for number in range(0, len(whole), 3) for value in [np.nan_to_num(whole[number])] * 3]
    _, found, _ = quarters_of(series(minutes, whole, offset * 15), 900)
    assert np.nansum(found) == pytest.approx(np.nansum(whole))


def source(batch: int, precedence: Precedence, values: list[float]) -> SourceSlots:
    array = np.array(values, np.float64)
    return SourceSlots(batch, precedence, array, np.where(np.isnan(array), X, F).astype(np.uint8))


OWN = [10.0, 10.0, np.nan, 10.0]
OWN_QUALITY = [M, E, X, I]
nan = float("nan")


@pytest.mark.parametrize(
    ("sources", "values", "quality", "batch"),
    [
        pytest.param([], OWN, OWN_QUALITY, [0, 0, 0, 0], id="readings_alone"),
        pytest.param([(1, "register", [1, 1, 1, 1])], [10, 1, 1, 1], [M, F, F, F], [0, 1, 1, 1], id="measured_before_file"),
        pytest.param([(1, "file", [1, 1, nan, nan])], [1, 1, nan, 10], [F, F, X, I], [1, 1, 0, 0], id="file_that_replaces"),
        pytest.param([(1, "edit", [1, nan, nan, nan]), (2, "file", [2, 2, 2, 2])], [1, 2, 2, 2], [F] * 4, [1, 2, 2, 2], id="edit_before_file"),
        pytest.param([(1, "file", [1] * 4), (2, "file", [2] * 4)], [2] * 4, [F] * 4, [2] * 4, id="later_of_two_that_replace"),
        pytest.param([(1, "edit", [1] * 4), (2, "edit", [2] * 4)], [2] * 4, [F] * 4, [2] * 4, id="later_of_two_edits"),
        pytest.param([(1, "register", [1, 1, 1, nan]), (2, "register", [2] * 4)], [10, 1, 1, 2], [M, F, F, F], [0, 1, 1, 2], id="earlier_of_two_that_fill"),
        pytest.param([(1, "register", [1] * 4), (2, "file", [2, 2, nan, nan])], [2, 2, 1, 1], [F] * 4, [2, 2, 1, 1], id="replacing_before_filling"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("is_reversed", [False, True])
def test_each_interval_takes_the_strongest_source(sources, values, quality, batch, is_reversed):
    given_sources = [source(number, Precedence(name), own) for number, name, own in sources]
    given_sources = given_sources[::-1] if is_reversed else given_sources
    found = merged(np.array(OWN), np.array(OWN_QUALITY, np.uint8), given_sources)
    np.testing.assert_array_equal(found.energy_kwh, np.array(values, np.float64))
    assert found.quality.tolist() == quality
    assert found.batch.tolist() == batch
