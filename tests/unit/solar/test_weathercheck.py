"""What each design finds about its weather, on made faults of every kind."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from bkkenergy.errors import InputError
from bkkenergy.solar.weather import completed
from bkkenergy.solar.weathercheck import Coordinates, stamp_shift_min, usable, weather_findings
from bkkenergy.texts import catalogue

COLUMNS = ("ghi_wm2", "dni_wm2", "dhi_wm2", "temp_air_c", "wind_ms", "rain_mm", "humidity_percent")
HERE = Coordinates(13.85, 100.55)
LIGHT = ("ghi_wm2", "dni_wm2", "dhi_wm2")


def found_in(weather, config, **change):
    """{key: whether it is refused}"""
    findings = weather_findings(replace(weather, **change), [HERE], config.climate)
    return {finding.key: finding.is_refused for finding in findings}


def without_rows(weather, rows):
    return {name: np.delete(getattr(weather, name), rows) for name in COLUMNS} | {"starts": weather.starts.delete(rows)}


def at_hour(weather, hour, value, columns=LIGHT):
    is_hour = weather.starts.hour == hour
    return {name: np.where(is_hour, value, getattr(weather, name)) for name in columns}


def test_the_typical_year_is_as_it_should_be(weather, config):
    assert found_in(weather, config) == {}
    assert abs(stamp_shift_min(weather)) < 1


@pytest.mark.parametrize(
    ("change", "key", "is_refused"),
    [
        (lambda w: {"latitude_deg": 14.5}, "distance", False),
        (lambda w: {"latitude_deg": 1.37, "longitude_deg": 103.98}, "distance", True),
        (lambda w: {"starts": w.starts + pd.Timedelta(minutes=20)}, "shift", False),
        (lambda w: {"starts": w.starts + pd.Timedelta(minutes=60)}, "shift", True),
        (lambda w: {"starts": w.starts.tz_localize(None).tz_localize("UTC")}, "night", True),
        (lambda w: {"starts": w.starts[::-1]}, "order", True),
        (lambda w: {"dni_wm2": 0 * w.dni_wm2}, "closure", True),
        (lambda w: {"dni_wm2": 0.85 * w.dni_wm2}, "closure", False),
        (lambda w: {"dni_wm2": w.dhi_wm2, "dhi_wm2": w.dni_wm2}, "too_bright", True),
        (lambda w: at_hour(w, 6, 1400.0, ["dni_wm2"]), "too_bright", True),
        (lambda w: at_hour(w, 12, 0.0), "dark_day", True),
        (lambda w: {name: 0 * getattr(w, name) for name in LIGHT}, "no_light", True),
        (lambda w: {name: getattr(w, name) / 1000 for name in LIGHT}, "year", True),
        (lambda w: {name: getattr(w, name) * 0.85 for name in LIGHT}, "year", False),
        (lambda w: {"ghi_wm2": np.where(np.arange(8760) == 12, 2000.0, w.ghi_wm2)}, "outside", False),
        (lambda w: {"temp_air_c": w.temp_air_c + 273.15}, "outside", True),
        (lambda w: {"temp_air_c": np.where(np.arange(8760) == 12, np.nan, w.temp_air_c)}, "missing", True),
        (lambda w: {"rain_mm": w.rain_mm / 1000}, "little_rain", False),
        (lambda w: without_rows(w, slice(5000, None)), "short", True),
        (lambda w: without_rows(w, [99]), "gaps", False),
        (lambda w: without_rows(w, slice(2000, 2200)), "gaps", True),
    ],
    ids=[
        "80-km", "singapore", "20-min", "wrong-end", "utc", "order", "no-beam", "beam-low", "exchanged", "sunrise", "no-noon",
        "dark", "kilowatts", "dim", "one-odd", "kelvin", "one-missing", "rain-in-metres", "short", "one-gap", "week-gap",
    ],
)  # fmt: skip
def test_a_fault_is_named_and_refused_where_no_design_can_rest_on_it(weather, config, change, key, is_refused):
    assert found_in(weather, config, **change(weather)).get(key) is is_refused


def test_values_that_were_seen_at_an_instant_are_held_against_the_sun_then(weather, config):
    """PVGIS: the stamp is the hour's, the sun is that of ten minutes past."""
    early = replace(weather, starts=weather.starts + pd.Timedelta(minutes=20))
    assert "shift" in found_in(early, config)
    assert found_in(early, config, sun_at_h=1 / 6) == {}


def test_rain_that_is_filled_is_said_in_both_languages(weather, config):
    dry = completed(replace(weather, rain_mm=np.full(8760, np.nan)), weather)
    (finding,) = usable(weather_findings(dry, [HERE], config.climate))
    assert "no rain" in finding.said("en")
    assert "ไม่มีฝน" in finding.said("th")


def test_a_refusal_carries_every_reason_in_the_language_of_its_reader(weather, config):
    far = replace(weather, latitude_deg=1.37, longitude_deg=103.98, dni_wm2=0 * weather.dni_wm2)
    with pytest.raises(InputError, match=r"1,4\d\d km.*Global irradiance differs") as refused:
        usable(weather_findings(far, [HERE], config.climate))
    assert "รังสีรวมต่าง" in refused.value.said("th")


def test_the_farthest_of_many_roofs_counts(weather, config):
    (finding,) = weather_findings(weather, [HERE, Coordinates(18.8, 99.0)], config.climate)
    assert (finding.key, finding.is_refused) == ("distance", True)


def test_each_finding_has_its_words_in_both_languages():
    english, thai = ({key for key in catalogue(lang) if key.startswith("solar_weather.")} for lang in ("en", "th"))
    assert english == thai
