"""Weather of several years: whole years, months of real days, energy that is their mean, P90 from how they differ."""

import datetime as dt
import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from bkkenergy.calendar import BANGKOK
from bkkenergy.reports.solar.html import render_design_html
from bkkenergy.reports.solar.tables import design_json
from bkkenergy.solar.design import design
from bkkenergy.solar.outcome import exceeded_ratio, sigma_ratio
from bkkenergy.solar.weather import in_typical_months, rows_at, year_numbers
from bkkenergy.solar.weathercheck import years_findings
from bkkenergy.solar.weatheryears import COLUMNS, in_mean_year, whole_years, year_names, year_spread
from tests.unit.solar.test_design import inputs

TODAY = dt.date(2026, 11, 27)
YEAR = pd.date_range("2025-01-01", "2026-01-01", freq="15min", tz=BANGKOK, inclusive="left")


def years_of(weather, levels, first=2015):
    """Make weather of years that are the typical year, each at its own level of light; leap days repeat the 28th."""
    parts, starts = {name: [] for name in COLUMNS}, []
    for year, level in enumerate(levels, first):
        hours = pd.date_range(f"{year}-01-01", f"{year + 1}-01-01", freq="h", tz=BANGKOK, inclusive="left")
        rows = rows_at(weather, hours)
        starts.append(hours)
        for name in COLUMNS:
            light = level if name in {"ghi_wm2", "dni_wm2", "dhi_wm2"} else 1.0
            parts[name].append(getattr(weather, name)[rows] * light)
    joined = starts[0]
    for hours in starts[1:]:
        joined = joined.append(hours)
    return replace(weather, starts=joined, **{name: np.concatenate(values) for name, values in parts.items()})


TEN = (0.90, 0.94, 0.96, 0.97, 1.0, 1.0, 1.02, 1.03, 1.05, 1.08)


def test_each_month_is_of_the_year_that_is_most_like_all(weather):
    three = years_of(weather, (0.8, 1.0, 1.2))
    years = three.starts.tz_convert(BANGKOK).year[in_typical_months(three)]
    assert set(years) == {2016}
    assert set(three.starts[rows_at(three, YEAR)].tz_convert(BANGKOK).year) == {2016}


def test_months_may_come_from_different_years(weather):
    three = years_of(weather, (1.0, 1.0, 1.0))
    month = three.months()
    year = year_numbers(three.starts)
    level = np.select([(year == 0) & (month <= 6), (year == 1), (year == 2)], [1.0, 0.8, 1.2], 0.7)
    level = np.where((year == 1) & (month > 6), 1.0, level)
    mixed = replace(three, ghi_wm2=three.ghi_wm2 * level)
    chosen = rows_at(mixed, YEAR)
    of_month = {name: set(year[chosen[YEAR.month == name]]) for name in (3, 9)}
    assert of_month == {3: {0}, 9: {1}}


def test_a_year_may_begin_on_any_day_and_hour(weather):
    utc_years = years_of(weather, (0.9, 1.0, 1.1))
    late = utc_years.starts >= pd.Timestamp("2015-06-30 07:00", tz=BANGKOK)
    cut = replace(
        utc_years, starts=utc_years.starts[late], **{name: getattr(utc_years, name)[late] for name in COLUMNS}
    )
    whole = whole_years(cut)
    assert year_names(cut) == ("2015/16", "2016/17")
    assert whole.starts[-1] == pd.Timestamp("2017-06-30 06:00", tz=BANGKOK)
    assert len(rows_at(whole, YEAR)) == len(YEAR)
    (beyond, several) = years_findings(cut)
    assert beyond.values["count"] == len(cut.starts) - len(whole.starts) > 4000
    assert several.key == "several_years"


def test_what_is_less_than_a_year_is_left_as_it_is(weather):
    half = replace(weather, starts=weather.starts[:4000], **{name: getattr(weather, name)[:4000] for name in COLUMNS})
    assert whole_years(half) is half
    assert year_names(half) == ()
    assert years_findings(half) == ()


def test_energy_on_the_load_is_the_mean_of_all_years(weather, config):
    three = years_of(weather, (0.7, 1.0, 1.1))
    kw = three.ghi_wm2 / 1000
    mean = in_mean_year(kw, three, 10.0)[rows_at(three, YEAR)].sum() / 4
    assert mean == pytest.approx(kw.sum() / three.years)
    first = kw[: len(weather.starts)].sum()
    assert mean > 1.2 * first


def test_what_the_rating_cuts_the_other_hours_of_the_month_give(weather):
    two = years_of(weather, (1.0, 1.3))
    rating_kw = 0.6
    kw = np.minimum(two.ghi_wm2 / 1000, rating_kw)
    scaled = in_mean_year(kw, two, rating_kw)
    assert scaled.max() <= rating_kw
    assert scaled[rows_at(two, YEAR)].sum() / 4 == pytest.approx(kw.sum() / two.years)


def test_p90_rests_on_ten_named_years_and_says_so(weather, config):
    ten = years_of(weather, TEN)
    made = design(inputs(config, ten, capacity_kwp=20))
    assert made.years.names == tuple(str(year) for year in range(2015, 2025))
    assert made.years.is_of_years
    energy = np.array(made.years.energy_kwh)
    assert made.years.interannual_ratio == pytest.approx(energy.std(ddof=1) / energy.mean())
    assert made.p90_kwh == pytest.approx(
        made.energy_kwh * exceeded_ratio(sigma_ratio(config.uncertainty, made.years.interannual_ratio), 0.9)
    )
    assert made.used_kwh + made.surplus_kwh == pytest.approx(made.energy_kwh, rel=2e-3)
    assert made.years.lowest[0] == "2015"
    assert [finding.key for finding in made.weather_findings] == ["many_years"]
    page = render_design_html(made, "en", today=TODAY).decode()
    assert "10 years of weather, 2015–2024" in page
    assert "Lowest of the years 2015–2024: 2015" in page
    data = json.loads(design_json(made))["years"]
    assert data["energy_kwh"]["2015"] == pytest.approx(energy[0])


def test_with_few_years_the_sourced_spread_is_taken_and_named(weather, config):
    nine = years_of(weather, TEN[:9])
    made = year_spread(nine.ghi_wm2, nine, config.uncertainty)
    assert (made.is_of_years, made.interannual_ratio) == (False, config.uncertainty.interannual)
    two = design(inputs(config, years_of(weather, (1.0, 0.98)), capacity_kwp=20))
    assert [finding.key for finding in two.weather_findings] == ["several_years"]
    for lang, text in (("en", "2 years (2015–2016)"), ("th", "2 ปี (2015–2016)")):
        page = render_design_html(two, lang, today=TODAY).decode()
        assert text in page
        assert config.uncertainty.citation.said(lang)[:40] in page
