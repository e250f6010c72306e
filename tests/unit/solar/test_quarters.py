"""PV by quarter-hours: the energy of each hour stays, no part is above the rating, and demand is not flattered."""

import numpy as np
import pandas as pd
import pytest

from bkkenergy.calendar import BANGKOK
from bkkenergy.solar.quarters import on_load_grid
from bkkenergy.solar.weather import rows_at

STARTS = pd.date_range("2025-01-01", "2026-01-01", freq="15min", tz=BANGKOK, inclusive="left")


def spread(weather, config, kw, *, max_kw=1.0, starts=STARTS, interval_h=0.25):
    return on_load_grid(
        kw, weather, rows_at(weather, starts), starts, interval_h=interval_h, max_kw=max_kw,
        quarter_hours=config.quarter_hours,
    )  # fmt: skip


def test_each_hour_has_the_energy_that_it_had(weather, config):
    kw = np.minimum(weather.ghi_wm2 / 1000, 0.8)
    found = spread(weather, config, kw, max_kw=0.8)
    hourly = kw[rows_at(weather, STARTS)][::4]
    np.testing.assert_allclose(found.reshape(-1, 4).mean(axis=1), hourly, atol=1e-12)
    assert 0 <= found.min() <= found.max() <= 0.8 + 1e-12


def test_what_an_inverter_needs_at_night_is_not_varied(weather, config):
    kw = np.where(weather.ghi_wm2 > 0, weather.ghi_wm2 / 1000, -0.01)
    found = spread(weather, config, kw).reshape(-1, 4)
    night = kw[rows_at(weather, STARTS)][::4] < 0
    assert (found[night] == -0.01).all()


def test_quarter_hours_follow_the_sun_in_the_morning(weather, config):
    found = spread(weather, config, weather.ghi_wm2 / 1000).reshape(-1, 24, 4)
    assert (found[:, 7, 3] > found[:, 7, 0]).mean() > 0.8
    assert (found[:, 16, 3] < found[:, 16, 0]).mean() > 0.8


def test_hours_of_a_load_by_hours_stay_as_they_are(weather, config):
    hours = pd.date_range("2025-01-01", "2026-01-01", freq="h", tz=BANGKOK, inclusive="left")
    kw = weather.ghi_wm2 / 1000
    np.testing.assert_array_equal(
        spread(weather, config, kw, starts=hours, interval_h=1.0), kw[rows_at(weather, hours)]
    )


def loads_kw():
    """Four made office loads: flat by day, a dome, a dome with hot and cool days, and a peak in the afternoon."""
    rng = np.random.default_rng(3)
    hour = np.asarray(STARTS.hour + STARTS.minute / 60)
    works = np.asarray(STARTS.day_of_week < 5)
    flat = 20 + np.clip(np.minimum(hour - 7.5, 17.5 - hour), 0, 1) * works * (80 + rng.normal(0, 4, len(STARTS)))
    dome = 20 + np.clip(np.sin((hour - 7) / 11 * np.pi), 0, None) ** 0.5 * works * (80 + rng.normal(0, 5, len(STARTS)))
    day = rng.normal(1, 0.08, len(STARTS) // 96).repeat(96)
    noon = np.exp(-(((hour - 14) / 3.5) ** 2)) * works * (80 * day + rng.normal(0, 5, len(STARTS)))
    return flat, dome, dome * day, 20 + noon


@pytest.mark.parametrize(("size_ratio", "measured_ratio"), [(0.2, 0.07), (0.5, 0.15), (0.8, 0.18)])
def test_hourly_pv_overstates_the_cut_in_demand_as_on_a_measured_roof(weather, config, size_ratio, measured_ratio):
    """The mean of four loads; a roof in Bangkok, measured by 15 minutes: 7, 15 and 18 %."""
    kw = weather.ghi_wm2 / 1000 * 0.8
    hourly, varied = kw[rows_at(weather, STARTS)], spread(weather, config, kw, max_kw=0.85)
    month = STARTS.month.to_numpy() - 1

    def peaks_kw(load_kw):
        peaks = np.zeros(12)
        np.maximum.at(peaks, month, load_kw)
        return peaks.sum()

    ratios = []
    for load_kw in loads_kw():
        size_kw = load_kw.max() * size_ratio
        cuts = [peaks_kw(load_kw) - peaks_kw(load_kw - pv * size_kw) for pv in (hourly, varied)]
        ratios.append(cuts[0] / cuts[1] - 1)
    assert np.mean(ratios) == pytest.approx(measured_ratio, abs=0.04)
