"""Dust: a table of months, rains that leave part of it, and cleanings that pay or do not."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pvlib
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from bkkenergy.calendar import BANGKOK
from bkkenergy.solar.soiling import best_cleaning_days, soiling_ratio
from tests.conftest import inputs

MONTHS = (0.05, 0.04, 0.03, 0.02, 0.01, 0.0, 0.0, 0.01, 0.0, 0.01, 0.02, 0.04)


def dusty(config, **changes):
    return config.losses.model_copy(update=changes)


def test_a_table_of_months_is_what_dust_takes_whatever_the_rain(weather, config):
    losses = dusty(config, soiling_months=MONTHS)
    through = soiling_ratio(replace(weather, rain_mm=np.full(8760, np.nan)), losses)
    for month in range(1, 13):
        assert set(through[weather.months() == month]) == {1 - MONTHS[month - 1]}


@pytest.mark.parametrize("months", [(0.02,), (0.02,) * 11, (0.02,) * 13, (1.2,) * 12, (-0.1,) * 12])
def test_a_table_has_twelve_shares_or_none(config, months):
    with pytest.raises(ValidationError):
        type(config.losses).model_validate(config.losses.model_dump() | {"soiling_months": months})


@pytest.mark.parametrize("cleaned", [(), ("01-15", "03-15"), ("12-31",), ("01-01",)])
def test_where_rain_leaves_nothing_dust_is_kimber_s(weather, config, cleaned):
    losses = dusty(config, soiling_rain_leaves=0.0, soiling_cleaned_on=cleaned)
    days = pd.DatetimeIndex(weather.starts.tz_localize(None)[::24])
    rain = pd.Series(weather.rain_mm.reshape(-1, 24).sum(axis=1), days)
    before = pd.Series(rain.to_numpy(), days - pd.Timedelta(days=365))
    both = pd.concat([before, rain])
    lost = pvlib.soiling.kimber(
        both, cleaning_threshold=losses.soiling_cleaning_rain_mm, soiling_loss_rate=losses.soiling_per_day, grace_period=0,
        max_soiling=losses.soiling_max, manual_wash_dates=[day.date() for day in both.index if f"{day:%m-%d}" in cleaned],
    )  # fmt: skip
    np.testing.assert_allclose(soiling_ratio(weather, losses)[::24], 1 - lost.loc[days].to_numpy(), atol=1e-12)


def test_rain_leaves_its_share_and_a_cleaning_nothing(weather, config):
    rain = np.zeros(8760)
    rain[24 * 180 + 15] = 50.0
    through = soiling_ratio(replace(weather, rain_mm=rain), dusty(config, soiling_cleaned_on=("03-01",)))[::24]
    assert through[59] == 1
    assert through[180] == pytest.approx(1 - config.losses.soiling_rain_leaves)
    assert through[181] == pytest.approx(1 - config.losses.soiling_rain_leaves - config.losses.soiling_per_day)


def test_rain_soon_after_a_cleaning_leaves_what_has_gathered(weather, config):
    rain = np.zeros(8760)
    rain[24 * 62 + 15] = 50.0
    through = soiling_ratio(replace(weather, rain_mm=rain), dusty(config, soiling_cleaned_on=("03-01",)))[::24]
    assert through[62] == pytest.approx(1 - 3 * config.losses.soiling_per_day)


@settings(max_examples=inputs(20))
@given(per_day=st.floats(0, 0.02), leaves=st.floats(0, 0.1), count=st.integers(0, 4))
def test_more_cleanings_never_let_less_light_through(weather, config, per_day, leaves, count):
    losses = dusty(config, soiling_per_day=per_day, soiling_rain_leaves=leaves, soiling_cleaned_on=())
    fewer, more = (
        soiling_ratio(weather, losses.model_copy(update={"soiling_cleaned_on": best_cleaning_days(weather, losses, n)}))
        for n in (count, count + 1)
    )
    assert (more >= fewer - 1e-12).all()
    assert 1 - max(losses.soiling_max, leaves) - 1e-9 <= fewer.min() <= more.max() <= 1


def test_cleaning_days_are_the_best_of_all_pairs_within_a_tenth(weather, config):
    """Greedy against every pair of every twentieth day."""
    losses = dusty(config, soiling_cleaned_on=())

    def light(days):
        through = soiling_ratio(weather, losses.model_copy(update={"soiling_cleaned_on": days}))
        return float(through @ weather.ghi_wm2)

    names = [f"{day:%m-%d}" for day in pd.date_range("2025-01-01", "2025-12-31", freq="20D")]
    pairs = max(light((one, other)) for one in names for other in names if one < other)
    bare, chosen = light(()), light(best_cleaning_days(weather, losses, 2))
    assert chosen - bare > 0.9 * (pairs - bare)


def test_bangkok_s_default_lies_between_rain_that_cleans_wholly_and_the_measured_bound(weather, config):
    lost = 1 - float(soiling_ratio(weather, config.losses) @ weather.ghi_wm2) / float(weather.ghi_wm2.sum())
    assert 0.02 < lost < 0.08


def test_weather_in_utc_is_soiled_by_bangkok_s_days(weather, config):
    in_utc = replace(weather, starts=weather.starts.tz_convert("UTC"))
    np.testing.assert_array_equal(soiling_ratio(in_utc, config.losses), soiling_ratio(weather, config.losses))
    assert in_utc.starts[0].tz_convert(BANGKOK).hour == 0
