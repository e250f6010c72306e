"""Twelve reports of what other programs got wrong with weather files, units and azimuths, each with its address."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pvlib
import pytest
from pydantic import ValidationError

import bkkenergy as bk
from bkkenergy.adapters.weather import read_weather_file
from bkkenergy.errors import InputError
from bkkenergy.solar.module import Module
from bkkenergy.solar.weather import completed
from bkkenergy.solar.weathercheck import Coordinates, weather_findings
from tests.unit.adapters.test_weather import write_epw
from tests.unit.solar.test_public_cases import pvgis_tmy_csv

BANGKOK = [Coordinates(13.75, 100.5)]
LIGHT = ("ghi_wm2", "dni_wm2", "dhi_wm2")
NOONS = np.arange(12, 30 * 24, 24)


@pytest.fixture
def epw(tmp_path, weather):
    """Write the typical year with other columns and another text as an EPW, and read it."""

    def made(rewritten=lambda text: text, **columns):
        write_epw(tmp_path / "w.epw", replace(weather, **columns))
        (tmp_path / "w.epw").write_text(rewritten((tmp_path / "w.epw").read_text()))
        return read_weather_file(tmp_path / "w.epw")

    return made


def with_noons(values, code):
    coded = values.copy()
    coded[NOONS] = code
    return coded


def refusals(weather, config):
    findings = weather_findings(weather, BANGKOK, config.climate)
    return {finding.key for finding in findings if finding.is_refused}


@pytest.mark.parametrize("hours", [-1, 1])
def test_light_an_hour_off_the_sun_is_refused(epw, weather, config, hours):
    """https://github.com/pvlib/pvlib-python/issues/1156"""
    late = epw(**{name: np.roll(getattr(weather, name), hours) for name in LIGHT})
    assert "shift" in refusals(late, config)


@pytest.mark.parametrize("minute", ["0", "30", "60"])
def test_the_minute_of_an_epw_moves_no_sun(epw, weather, minute):
    """https://github.com/NatLabRockies/ssc/issues/214, https://github.com/NatLabRockies/ssc/pull/459"""
    read = epw(lambda text: re.sub(r"(?m)^(\d+,\d+,\d+,\d+),60,", rf"\1,{minute},", text))
    assert (read.sun_times == weather.sun_times).all()
    np.testing.assert_allclose(read.ghi_wm2, weather.ghi_wm2)


@pytest.mark.parametrize("code", [9999.0, -99.0, -999.0, -9999.0])
def test_codes_for_missing_light_are_no_light(epw, weather, config, code):
    """https://github.com/NatLabRockies/ssc/issues/85; -999 is that of https://github.com/AssessingSolar/solarstations/pull/299"""
    read = epw(ghi_wm2=with_noons(weather.ghi_wm2, code))
    assert np.isnan(read.ghi_wm2).sum() == len(NOONS)
    assert "missing" in refusals(read, config)


@pytest.mark.parametrize("code", [99.9, -99.0, -999.0])
def test_codes_for_missing_temperature_are_filled_and_said(epw, weather, config, code):
    """https://github.com/NatLabRockies/SAM/issues/35"""
    read = completed(epw(temp_air_c=with_noons(weather.temp_air_c, code)), weather)
    assert read.temp_air_c.min() > 10
    assert "filled" in {finding.key for finding in weather_findings(read, BANGKOK, config.climate)}


def test_midnight_of_tmy3_may_be_24_00_or_00_00(tmp_path):
    """https://github.com/pvlib/pvlib-python/pull/1494"""
    source = Path(pvlib.__file__).parent / "data" / "723170TYA.CSV"
    head, names, *lines = source.read_text().splitlines()
    rows = [line.split(",", 2) for line in lines]
    days = [f"{pd.Timestamp(day) + pd.Timedelta(days=int(hour == '24:00')):%m/%d/%Y}" for day, hour, _ in rows]
    hours = [hour.replace("24:00", "00:00") for _, hour, _ in rows]
    again = [f"{day},{hour},{rest}" for day, hour, (_, _, rest) in zip(days, hours, rows, strict=True)]
    (tmp_path / "w.csv").write_text("\n".join([head, names, *again]) + "\n")
    known, read = read_weather_file(source), read_weather_file(tmp_path / "w.csv")
    assert (read.starts == known.starts).all()
    np.testing.assert_array_equal(read.ghi_wm2, known.ghi_wm2)


def test_a_february_of_a_leap_year_leaves_the_months_of_pvgis_where_they_are(tmp_path, weather):
    """https://github.com/pvlib/pvlib-python/issues/2139"""
    text = pvgis_tmy_csv(weather).replace("\n2,2007", "\n2,2016").replace("\n200702", "\n201602")
    (tmp_path / "tmy_13.750_100.500_2005_2023.csv").write_text(text)
    read = read_weather_file(tmp_path / "tmy_13.750_100.500_2005_2023.csv")
    assert (read.starts == weather.starts).all()
    np.testing.assert_allclose(read.ghi_wm2, weather.ghi_wm2, atol=0.01)


@pytest.mark.parametrize("place", ["13.76,100.50,0.0", "13.76,-100.50,7.0", "100.50,13.76,7.0"])
def test_a_zone_that_is_not_the_place_s_is_refused(epw, place):
    """https://github.com/NatLabRockies/bifacial_radiance/issues/85"""
    with pytest.raises(InputError, match="one of the two is wrong"):
        epw(lambda text: text.replace("13.76,100.50,7.0", place, 1))


def test_diffuse_light_an_hour_late_is_refused(epw, weather, config):
    """https://github.com/open-ideas/IDEAS/issues/1239"""
    assert refusals(epw(dhi_wm2=np.roll(weather.dhi_wm2, 1)), config)


@pytest.mark.parametrize("factor", [3.6, 0.25, 1 / 3.6])
def test_kilojoules_and_energies_of_quarter_hours_are_not_watts(epw, weather, config, factor):
    """https://github.com/FL550/dwd_weather/issues/65"""
    assert "year" in refusals(epw(**{name: getattr(weather, name) * factor for name in LIGHT}), config)


def test_a_ridge_in_the_east_takes_mornings_and_one_in_the_west_evenings():
    """https://github.com/rany2/ha-open-meteo-solar-forecast/issues/107"""
    left = []
    for azimuth_deg in (90, 270):
        ridge = [[azimuth_deg - 61, 0], [azimuth_deg - 60, 25], [azimuth_deg + 60, 25], [azimuth_deg + 61, 0]]
        roof = bk.Roof(area_m2=500, tilt_deg=0, azimuth_deg=180, horizon=ridge)
        free = bk.Roof(area_m2=500, tilt_deg=0, azimuth_deg=180)
        kwh = [bk.simulate(one).hourly_kw.groupby(lambda at: at.hour < 12).sum() for one in (roof, free)]
        left.append(kwh[0] / kwh[1])
    east, west = left
    assert east[True] < east[False] - 0.015
    assert west[False] < west[True] - 0.015
    assert east[True] == pytest.approx(west[False], abs=0.03)


def test_the_june_sun_stands_north_of_bangkok():
    """https://github.com/mourner/suncalc/issues/49"""
    north, south = (
        bk.simulate(bk.Roof(area_m2=500, tilt_deg=20, azimuth_deg=azimuth_deg))
        .hourly_kw.groupby(lambda at: at.month)
        .sum()
        for azimuth_deg in (0, 180)
    )
    assert north[6] > south[6]
    assert north[12] < 0.8 * south[12]


@pytest.mark.parametrize(("given", "compass"), [(0, 180), (-90, 90), (90, 270)])
def test_azimuths_of_pvgis_are_turned(given, compass):
    """https://github.com/pvlib/pvlib-python/pull/1739"""
    assert bk.Roof(area_m2=9, tilt_deg=10, azimuth_deg=given, azimuth_from="south").azimuth_deg == compass


@pytest.mark.parametrize("given", [-0.35, -0.31])
def test_per_cent_are_no_shares_in_a_temperature_coefficient(config, given):
    """https://github.com/SolarArbiter/solarforecastarbiter-core/issues/748"""
    module = config.equipment.module("mono-550")
    with pytest.raises(ValidationError, match="gamma_pmp_per_c"):
        Module.model_validate(module.model_dump() | {"gamma_pmp_per_c": given})
