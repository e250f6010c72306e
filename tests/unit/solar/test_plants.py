"""Plants that run: ratios as IEC 61724-1 writes them, faults that were planted, and what is not known left out."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from bkkenergy.calendar import BANGKOK
from bkkenergy.solar.plantdays import PlantDays, drops, part_drops, plant_days, soiling, yearly_rate
from bkkenergy.solar.running import PlantHours, plant_months
from tests.bench.plants import found_in_days, made_plant

FIRST = dt.date(2026, 1, 1)


def hours_of(energy=None, *, days=31, light=500.0, cell=45.0, **changes):
    starts = pd.date_range(FIRST, periods=24 * days, freq="h", tz=BANGKOK)
    poa = np.where((starts.hour >= 8) & (starts.hour < 16), light, 0.0)
    expected = poa / 1000 * 10 * 0.8
    fields = {
        "starts": starts, "energy_kwh": expected.copy() if energy is None else energy, "poa_wm2": poa,
        "cell_c": np.full(len(poa), cell), "expected_kwh": expected, "capacity_kwp": 10.0, "gamma_pmp_per_c": -0.004,
    }  # fmt: skip
    return PlantHours(**fields | changes)


def days_of(index):
    return PlantDays(FIRST, np.asarray(index, float), np.full(len(index), 5.0))


def test_a_month_worked_by_hand():
    """10 kWp, 31 days x 8 h x 500 W/m2 = 1,240 kWh; 80 % of it came; cells at 45 °C cost 8 %."""
    (month,) = plant_months(hours_of())
    assert month.energy_kwh == pytest.approx(992)
    assert month.performance_ratio == pytest.approx(0.8)
    assert month.pr_25c_ratio == pytest.approx(0.8 / 0.92)
    assert (month.availability_ratio, month.outage_h, month.known_ratio) == (1.0, 0.0, 1.0)


def test_hours_that_are_not_known_are_left_out_of_both_sides():
    hours = hours_of()
    hours.energy_kwh[: 24 * 10] = np.nan
    hours.poa_wm2[24 * 20 :] = np.nan
    (month,) = plant_months(hours)
    assert month.performance_ratio == pytest.approx(0.8)
    assert month.known_ratio == pytest.approx(10 / 31)
    assert month.energy_kwh == pytest.approx(21 / 31 * 992)


def test_a_month_without_light_or_energy_has_no_ratio():
    hours = hours_of()
    hours.energy_kwh[:] = np.nan
    (month,) = plant_months(hours, quarter_kwh=np.repeat(hours.energy_kwh, 4), inverter_kw=10.0)
    assert (month.energy_kwh, month.performance_ratio, month.availability_ratio) == (None, None, None)
    assert (month.outage_h, month.clipped_h) == (None, None)
    assert month.against_expected_ratio is None


def test_an_outage_and_clipping_are_counted_in_hours():
    hours = hours_of()
    hours.energy_kwh[24 + 9 : 24 + 14] = 0.0
    quarter_kwh = np.repeat(hours.energy_kwh / 4, 4)
    quarter_kwh[40:42] = 2.5
    (month,) = plant_months(hours, quarter_kwh=quarter_kwh, inverter_kw=10.0)
    assert (month.outage_h, month.clipped_h) == (5.0, 0.5)
    assert month.availability_ratio == pytest.approx(1 - 5 / 248)


def test_the_index_does_not_move_with_heat_or_light():
    dim, hot = plant_days(hours_of(light=300.0)), plant_days(hours_of(hours_of().energy_kwh * 0.88 / 0.92, cell=55.0))
    assert dim.index == pytest.approx(np.full(31, 0.8 / 0.92))
    assert hot.index == pytest.approx(np.full(31, 0.8 / 0.92))


def test_dark_and_half_known_days_say_nothing():
    assert np.isnan(plant_days(hours_of(light=100.0)).index).all()
    hours = hours_of()
    hours.energy_kwh[8:10] = np.nan
    days = plant_days(hours)
    assert np.isnan(days.index[0])
    assert np.isfinite(days.index[1:]).all()


@pytest.mark.parametrize("seed", range(4))
def test_a_string_of_eight_is_found_and_a_healthy_plant_is_quiet(seed):
    found, false_alarms = found_in_days(made_plant(seed, 0.125, dust_per_day=0.0))
    assert found is not None
    assert found_in_days(made_plant(seed, 0.0, dust_per_day=0.0)) == (None, 0)
    assert false_alarms == 0


def test_a_drop_is_reported_once_and_a_deeper_one_again():
    index = np.full(200, 0.8)
    index[80:] *= 0.9
    assert len(drops(days_of(index))) == 1
    index[120:] *= 0.85
    found = drops(days_of(index))
    assert [(drop.day - FIRST).days for drop in found] == [80, 120]
    assert found[1].drop_ratio == pytest.approx(0.15)


def test_a_repaired_plant_that_fails_again_is_reported_again():
    index = np.full(260, 0.8)
    index[80:110] *= 0.8
    index[200:] *= 0.8
    assert [(drop.day - FIRST).days for drop in drops(days_of(index))] == [80, 200]


def test_a_plant_that_stops_is_a_drop_and_days_without_data_are_none():
    index = np.full(120, 0.8)
    index[90:] = 0.0
    assert drops(days_of(index))[0].drop_ratio == pytest.approx(1.0)
    index[90:] = np.nan
    assert drops(days_of(index)) == ()
    assert drops(days_of(np.full(200, np.nan))) == ()
    assert drops(days_of([])) == ()


def test_an_inverter_is_found_by_its_share_whatever_the_sky():
    rng = np.random.default_rng(1)
    energy_kwh = rng.uniform(0.2, 1, (120, 1)) * np.array([100.0, 50.0, 50.0])
    energy_kwh[70:, 2] *= 0.93
    (drop,) = part_drops(FIRST, ("a", "b", "c"), energy_kwh)
    assert (drop.meter, drop.day, drop.kind) == ("c", FIRST + dt.timedelta(days=70), "part")
    assert drop.drop_ratio == pytest.approx(0.07)
    assert part_drops(FIRST, ("a",), energy_kwh[:, :1]) == ()
    energy_kwh[:, 1] = np.nan
    assert part_drops(FIRST, ("a", "b", "c"), energy_kwh) == ()


def test_ageing_is_the_change_from_year_to_year_not_of_the_season():
    at = np.arange(1095)
    index = 0.8 * (1 - 0.01 * at / 365) * (1 + 0.03 * np.sin(2 * np.pi * at / 365))
    rate = yearly_rate(days_of(index * np.random.default_rng(2).normal(1, 0.02, 1095)))
    assert rate.low_ratio < -0.01 < rate.high_ratio
    assert rate.ratio_per_year == pytest.approx(-0.01, abs=0.003)
    assert yearly_rate(days_of(index[:380])) is None


def test_dust_is_the_slope_between_cleanings():
    rng = np.random.default_rng(5)
    index = 0.8 * (1 - 0.002 * (np.arange(300) % 50)) * rng.normal(1, 0.008, 300)
    found = soiling(days_of(index))
    assert found.ratio_per_day == pytest.approx(0.002, rel=0.25)
    assert found.lost_ratio == pytest.approx(0.049, rel=0.3)
    assert 4 <= found.cleanings <= 7
