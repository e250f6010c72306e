from dataclasses import replace

import numpy as np
import pandas as pd
import pvlib
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bkkenergy.adapters.weather import read_weather_file
from bkkenergy.calendar import BANGKOK
from bkkenergy.errors import InputError
from bkkenergy.site import load_configuration
from bkkenergy.site.solar_config import load_solar
from bkkenergy.solar.climate import clearness_quantile, typical_year
from bkkenergy.solar.skystatistics import sky_statistics
from bkkenergy.solar.soiling import soiling_ratio
from bkkenergy.solar.weather import completed, known_rain, rows_at, with_components
from bkkenergy.usecases.weather import named_weather
from tests.conftest import ROOT
from tests.sky import PAGE, columns_of, packaged_columns, written

CAMS = ROOT.parent / "shared/data/bangkok-cams-2023.epw"


def monthly(weather, values):
    months = weather.months()
    return np.array([values[months == month].sum() for month in range(1, 13)])


def test_every_month_has_the_sun_of_the_climate(weather, config):
    days = monthly(weather, np.ones(len(weather.starts))) / 24
    ghi = monthly(weather, weather.ghi_wm2) / 1000 / days
    np.testing.assert_allclose(ghi, config.climate.ghi_kwh_m2_day.months, rtol=0.01)
    diffuse = monthly(weather, weather.dhi_wm2) / monthly(weather, weather.ghi_wm2)
    np.testing.assert_allclose(diffuse, config.climate.diffuse_ratio.months, atol=0.01)


def test_temperature_and_rain_are_those_of_the_climate(weather, config):
    hours = monthly(weather, np.ones(len(weather.starts)))
    np.testing.assert_allclose(
        monthly(weather, weather.temp_air_c) / hours, config.climate.temp_mean_c.months, atol=0.05
    )
    np.testing.assert_allclose(monthly(weather, weather.rain_mm), config.climate.rain_mm.months, rtol=1e-6)


def test_no_hour_is_brighter_than_a_clear_sky_at_the_edge_of_a_cloud(weather, config):
    place = pvlib.location.Location(weather.latitude_deg, weather.longitude_deg, altitude=weather.elevation_m)
    clear = place.get_clearsky(weather.sun_times, model="ineichen")["ghi"].to_numpy()
    assert (weather.ghi_wm2 <= clear * (config.climate.clearness.clear_margin + 1e-4)).all()
    assert (weather.ghi_wm2 >= 0).all()


def test_the_components_close(weather):
    zenith = pvlib.solarposition.get_solarposition(weather.sun_times, weather.latitude_deg, weather.longitude_deg)[
        "zenith"
    ]
    cos = np.clip(np.cos(np.radians(zenith.to_numpy())), 0, None)
    np.testing.assert_allclose(weather.dni_wm2 * cos + weather.dhi_wm2, weather.ghi_wm2, atol=1e-6)
    assert (weather.dni_wm2 >= -1e-9).all()
    assert weather.dni_wm2.max() < 1000


def test_days_differ_as_real_ones_do(weather):
    """Clear and dark days in every month, and the same year each time."""
    daily = pd.Series(weather.ghi_wm2).to_numpy().reshape(365, 24).sum(axis=1) / 1000
    assert 0.15 < daily.std() / daily.mean() < 0.35
    assert daily.min() < 2.5
    assert daily.max() > 6


def test_the_typical_year_is_always_the_same(config, weather):
    np.testing.assert_array_equal(typical_year(config.climate).ghi_wm2, weather.ghi_wm2)
    assert not np.array_equal(typical_year(config.climate, seed=1).ghi_wm2, weather.ghi_wm2)


CLEARNESS = load_solar(ROOT / "config").climate.clearness


@given(st.floats(0.3, 0.65), st.integers(0, 2**32 - 1))
def test_clearness_has_the_mean_and_the_spread_that_were_asked_for(mean, seed):
    rank = np.random.default_rng(seed).permutation((np.arange(2000) + 0.5) / 2000)
    found = clearness_quantile(rank, mean, CLEARNESS)
    assert found.mean() == pytest.approx(mean, abs=0.003)
    assert found.std() == pytest.approx(CLEARNESS.day_spread, abs=0.003)
    assert CLEARNESS.least <= found.min() < found.max() <= CLEARNESS.most


def test_the_typical_year_differs_from_day_to_day_as_bangkok_does(weather):
    """Targets: CAMS radiation of Bangkok 2023 and 2024, DEDE's and Chulalongkorn's pyranometers."""
    sky = sky_statistics(weather)
    assert sky.day_spread_ratio == pytest.approx(0.10, abs=0.01)
    assert sky.day_p01_ratio >= 0.20
    assert 0.70 <= sky.hour_to_hour_ratio <= 0.82
    assert sky.diffuse_ratio == pytest.approx(0.55, abs=0.02)
    assert 0.25 <= sky.day_to_day_ratio <= 0.45
    assert sky.brightest_w_per_m2 < 1100
    zenith = pvlib.solarposition.get_solarposition(weather.sun_times, weather.latitude_deg, weather.longitude_deg)[
        "zenith"
    ]
    assert (weather.ghi_wm2[zenith.to_numpy() < 80] > 0).all(), "no hour of daylight is without light"


@pytest.mark.skipif(not CAMS.exists(), reason="../shared is absent")
def test_the_statistics_of_a_satellite_year_are_what_was_measured_of_it():
    sky = sky_statistics(read_weather_file(CAMS))
    found = (sky.day_spread_ratio, sky.day_p01_ratio, sky.hour_to_hour_ratio, sky.diffuse_ratio)
    assert found == pytest.approx((0.100, 0.233, 0.79, 0.547), abs=0.0051)
    assert sky.hour_ratios == pytest.approx((0.19, 0.40, 0.53, 0.62, 0.71), abs=0.0051)
    assert (round(sky.step_w_per_m2), sky.bright_hours) == (126, 120)


def test_centre_and_suburb_are_apart_by_their_stations_levels(config):
    climates = {level.id: config.climate.at_level(level) for level in config.climate.levels}
    years = {name: typical_year(climate) for name, climate in climates.items()}
    assert years["centre"].ghi_kwh_m2 == pytest.approx((1753 + 1714) / 2, rel=0.005)
    assert years["suburb"].ghi_kwh_m2 == pytest.approx(1878, rel=0.005)
    for name, year in years.items():
        sky = sky_statistics(year)
        assert sky.day_spread_ratio == pytest.approx(0.10, abs=0.01)
        assert sky.day_p01_ratio >= 0.20
        assert 0.70 <= sky.hour_to_hour_ratio <= 0.82
        assert sky.diffuse_ratio == pytest.approx(0.55, abs=0.02)
        assert (
            str(next(level.ghi_ratio for level in config.climate.levels if level.id == name)) in year.provenance.source
        )
    assert "Pathum Thani" in years["suburb"].provenance.source
    assert "ปทุมธานี" in years["suburb"].provenance.source_th


def test_a_level_is_named_as_weather_and_another_one_is_refused():
    config = load_configuration(ROOT / "config")
    assert named_weather(config, "typical:centre", None).ghi_kwh_m2 < named_weather(config, "typical", None).ghi_kwh_m2
    with pytest.raises(InputError, match="typical:centre, typical:suburb"):
        named_weather(config, "typical:downtown", None)


def test_the_page_of_the_sky_is_as_the_code_computes_it():
    columns = columns_of(PAGE.read_text(encoding="utf-8"))
    assert packaged_columns().items() <= columns.items()
    assert written(columns) == PAGE.read_text(encoding="utf-8")


def test_statistics_want_whole_days_by_the_hour(weather):
    with pytest.raises(ValueError, match="whole days"):
        sky_statistics(replace(weather, interval_h=0.25))


def test_a_figure_that_no_sky_allows_is_refused(config):
    ghi = config.climate.ghi_kwh_m2_day
    many = ghi.model_copy(update={"months": (9.0, *ghi.months[1:])})
    with pytest.raises(ValueError, match="clearness"):
        typical_year(config.climate.model_copy(update={"ghi_kwh_m2_day": many}))


def test_components_are_made_from_horizontal_light(weather):
    dni, dhi = with_components(weather.sun_times, weather.ghi_wm2, latitude_deg=13.76, longitude_deg=100.5)
    share = sky_statistics(weather).diffuse_ratio
    assert dhi.sum() / weather.ghi_wm2.sum() == pytest.approx(share, abs=0.05)
    assert (dni >= 0).all()


def test_a_typical_year_serves_other_dates(weather):
    starts = pd.date_range("2024-02-28", "2024-03-02", freq="15min", tz=BANGKOK, inclusive="left")
    rows = rows_at(weather, starts)
    local = weather.starts[rows].tz_convert(BANGKOK)
    assert (local.hour == starts.hour).all()
    assert local.day[100] == 28  # 29 February
    assert local.month[-1] == 3


def test_a_year_without_a_drop_is_no_drought_but_a_month_may_be():
    assert np.isnan(known_rain(np.zeros(8760), days=365)).all()
    assert (known_rain(np.zeros(720), days=30) == 0).all()
    assert known_rain(np.r_[0.1, np.zeros(8759)], days=365).sum() == pytest.approx(0.1)


def test_what_a_source_has_not_is_the_typical_year_s_and_said(weather):
    gap = np.where(np.arange(8760) < 876, np.nan, weather.temp_air_c + 1)
    whole = completed(replace(weather, temp_air_c=gap, rain_mm=np.full(8760, np.nan)), weather)
    assert whole.provenance.filled == (("temp_air_c", 0.1), ("rain_mm", 1.0))
    np.testing.assert_array_equal(whole.rain_mm, weather.rain_mm)
    np.testing.assert_allclose(whole.temp_air_c[:876], weather.temp_air_c[:876])
    np.testing.assert_allclose(whole.temp_air_c[876:], weather.temp_air_c[876:] + 1)
    assert completed(weather, weather) is weather


def test_no_yield_rests_on_rain_that_is_not_known(weather, config):
    with pytest.raises(ValueError, match="rain"):
        soiling_ratio(replace(weather, rain_mm=np.full(8760, np.nan)), config.losses)
