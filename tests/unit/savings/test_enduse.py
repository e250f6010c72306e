"""A building's parts: base load, weather, hours of work; and places among peers."""

from dataclasses import replace

import numpy as np
import pytest

from bkkenergy.errors import InputError
from bkkenergy.reports.yearpath import YearChange
from bkkenergy.reports.yearwords import by_improvement
from bkkenergy.savings.baseline import Series
from bkkenergy.savings.enduse import end_uses
from bkkenergy.savings.index import percentiles
from tests.unit.savings.generated import building

YEAR = {"first": "2023-10-01", "last": "2024-09-30"}


def office(seed: int = 1, **options: float) -> Series:
    return building(seed, drift=0.0, noise=0.02, **YEAR, **options)


def shares(series: Series) -> dict[str, float]:
    return {part.part: part.ratio for part in end_uses(series)}


@pytest.mark.parametrize("seed", range(4))
def test_the_parts_add_up_to_what_was_used(seed):
    series = office(seed)
    parts = end_uses(series)
    assert [part.part for part in parts] == ["base", "weather", "occupied"]
    assert sum(part.energy_kwh for part in parts) == pytest.approx(series.day_energy_kwh.sum())
    assert sum(part.ratio for part in parts) == pytest.approx(1.0)
    assert all(part.energy_kwh >= 0 for part in parts)


def test_each_part_is_what_was_put_in():
    """12 kW by day and night; 60 kW in hours of work, of which 4 % for each degree above 24 go with the weather."""
    series = office()
    whole = series.energy_kwh.sum()
    planted = {"base": 12 * 24 * 366 / whole}
    assert shares(series)["base"] == pytest.approx(planted["base"], abs=0.02)
    without = office(base_kw=12.0, day_kw=60.0)
    cool = replace(without, temp_c=np.full(len(without.starts), 24.0))
    assert 0.05 < shares(series)["weather"] < 0.3
    assert shares(cool)["weather"] == pytest.approx(0.0, abs=0.01)


def test_a_planted_slope_is_the_weather_s_part():
    series = office()
    flat = replace(series, energy_kwh=np.where(series.energy_kwh > 20, 72.0, 12.0))
    rises = np.clip(series.day_temp_c - 24.0, 0, None).repeat(24)
    added = np.where(flat.energy_kwh > 20, 3.0 * rises, 0.0)
    bent = replace(flat, energy_kwh=flat.energy_kwh + added)
    assert shares(bent)["weather"] == pytest.approx(added.sum() / bent.energy_kwh.sum(), abs=0.02)
    assert shares(flat)["weather"] == pytest.approx(0.0, abs=0.01)


def test_what_never_stops_is_base_load_alone():
    series = office()
    even = replace(series, energy_kwh=np.full(len(series.starts), 9.0))
    assert shares(even)["base"] == pytest.approx(1.0)


def test_without_weather_nothing_is_said_of_it():
    series = replace(office(), temp_c=None)
    assert list(shares(series)) == ["base", "occupied"]
    assert sum(shares(series).values()) == pytest.approx(1.0)


def test_a_building_that_changes_in_the_year_is_less_sure():
    steady = office()
    half = np.arange(len(steady.starts)) > len(steady.starts) // 2
    changed = replace(steady, energy_kwh=steady.energy_kwh + np.where(half, 20.0, 0.0))
    (base, *_), (unsure, *_) = end_uses(steady), end_uses(changed)
    assert 0 < base.half_width_ratio < unsure.half_width_ratio


def test_fewer_than_sixty_days_make_no_parts():
    series = office()
    energy = series.energy_kwh.copy()
    energy[59 * 24 :] = np.nan
    with pytest.raises(InputError, match="only 59 days"):
        end_uses(replace(series, energy_kwh=energy))


def test_a_building_that_used_nothing_has_no_base_load():
    series = office()
    assert shares(replace(series, energy_kwh=np.zeros(len(series.starts))))["base"] == 0


def test_a_league_is_by_improvement_and_not_by_size():
    small, large, unknown = (
        YearChange("s", 90.0, 100.0, 100.0, -0.10, 0.1, 0.2, "unclear", 30, 30),
        YearChange("l", 9_500.0, 1e4, 1e4, -0.05, 0.1, 0.2, "unclear", 30, 30),
        YearChange("u"),
    )
    short = YearChange("x", 50.0, 100.0, 100.0, -0.50, 0.1, 0.2, "short", 3, 30)
    assert [one.building_id for one in by_improvement([unknown, short, large, small])] == ["s", "l", "x", "u"]


def test_places_among_peers_are_the_share_of_others_that_use_less():
    assert percentiles({"a": 1.0, "b": 2.0, "c": 3.0, "d": 4.0}) == pytest.approx(
        {"a": 0, "b": 1 / 3, "c": 2 / 3, "d": 1}
    )
    assert percentiles({"a": 1.0, "b": 1.0}) == {"a": 0.5, "b": 0.5}
    assert percentiles({"a": 1.0, "b": float("nan")}) == {}
    assert percentiles({}) == {}
