"""Cases that were judged wrongly once: a flood pump, weather that is missing, a peak that costs nothing, an extension."""

import datetime as dt
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from bkkenergy.i18n import Words
from bkkenergy.reports.savings.phrasing import Judged, judged_text, verdict_text
from bkkenergy.savings.adjust import Adjustment, adjustment_days
from bkkenergy.savings.baseline import Series, expected_of, fit_baseline, saving_of, series_of
from bkkenergy.savings.insights import find
from bkkenergy.savings.uncertainty import band_of
from bkkenergy.site.savings_config import load_savings
from tests.conftest import ROOT
from tests.unit.savings.generated import OFFICE, building, grid
from tests.unit.savings.test_insights import facts, peaks_of

FIGURES = load_savings(ROOT / "config")
BASE = (dt.date(2023, 10, 1), dt.date(2024, 9, 30))
FISCAL = (dt.date(2024, 10, 1), dt.date(2025, 9, 30))


def flood_pump(second_year_ratio: float) -> Series:
    """2 kW idle, and 400 kW for two hours of each rainy day: a tenth of the hours' means, and all of the energy."""
    starts = grid("2023-10-01", "2025-09-30")
    rng = np.random.default_rng(11)
    rains = (
        rng.random(len(starts) // 24) < np.where(pd.DatetimeIndex(starts[::24]).month.isin(range(5, 11)), 0.5, 0.05)
    ).repeat(24)
    pump_kw = np.where(starts >= pd.Timestamp("2024-10-01", tz=starts.tz), 400.0 * second_year_ratio, 400.0)
    hour = starts.hour.to_numpy()
    return series_of(starts, 2.0 + np.where(rains & (hour >= 14) & (hour < 16), pump_kw, 0.0), None, OFFICE)


def test_a_flood_pump_is_use_and_a_better_one_is_no_increase():
    series = flood_pump(0.7)
    baseline = fit_baseline(series.between(*BASE), forms=("daily_calendar",))
    after = series.between(*FISCAL)
    saving = saving_of(baseline, after)
    assert saving.actual_kwh == pytest.approx(after.energy_kwh.sum())
    assert saving.judged_ratio == pytest.approx(1.0)
    assert band_of(saving, baseline, FIGURES.placebo).verdict != "increase"
    assert series.known.all()


def test_a_flood_pump_alone_is_no_faulty_meter():
    series = flood_pump(1.0)
    assert series.max_kwh == np.inf
    assert series.day_energy_kwh.sum() == pytest.approx(series.energy_kwh.sum())


def test_days_without_weather_are_judged_by_the_calendar_and_the_reader_is_told_how_many():
    """A station that is silent for 23 days of April: all of the month's energy is judged all the same."""
    series = building(2, noise=0.02, drift=0.0)
    baseline = fit_baseline(series.between(*BASE), forms=("daily_calendar", "daily"))
    assert baseline.form == "daily"
    temp_c = series.temp_c.copy()
    silent = (series.starts >= "2025-04-05") & (series.starts < "2025-04-28")
    temp_c[silent] = np.nan
    april = replace(series, temp_c=temp_c).between(dt.date(2025, 4, 1), dt.date(2025, 4, 30))
    saving = saving_of(baseline, april)
    assert (saving.days, saving.calendar_days, saving.judged_ratio) == (30, 23, pytest.approx(1.0))
    assert saving.actual_kwh == pytest.approx(april.energy_kwh.sum())
    assert abs(saving.saving_ratio) < 0.1
    whole = band_of(
        saving_of(baseline, series.between(april.day_index[0].date(), april.day_index[-1].date())),
        baseline,
        FIGURES.placebo,
    )
    assert band_of(saving, baseline, FIGURES.placebo).half_width_ratio >= whole.half_width_ratio
    assert "days without weather: 23" in judged_text(Judged.of(saving, baseline), Words("en"))
    assert "23 วันไม่มีข้อมูลอากาศ" in judged_text(Judged.of(saving, baseline), Words("th"))


def test_a_month_of_which_a_quarter_is_known_has_no_verdict():
    series = building(2, noise=0.02, drift=0.0)
    baseline = fit_baseline(series.between(*BASE), forms=("daily_calendar",))
    april = series.between(dt.date(2025, 4, 1), dt.date(2025, 4, 30))
    energy = april.energy_kwh.copy()
    energy[7 * 24 :] = np.nan
    saving = saving_of(baseline, replace(april, energy_kwh=energy))
    band = band_of(saving, baseline, FIGURES.placebo)
    assert (saving.days, band.verdict) == (7, "short")
    assert "No verdict" in verdict_text(band, Words("en"))


def test_a_peak_that_is_worth_a_few_baht_is_no_finding():
    """337 kW, 0.12 kW above what two other days reach: freeing its quarter-hours is worth 15.95 THB, not 2,698."""
    own = facts(3)
    peaky = own.demand_kw.copy()
    for days, kw in ((3, 337.0), (4, 336.88), (9, 336.88)):
        peaky[-96 * days + 40 : -96 * days + 50] = kw
    assert round(0.12 * own.demand_thb_per_kw, 2) == 15.95
    assert not peaks_of(own, peaky, None)


def test_a_peak_is_worth_what_remains_without_its_day():
    own = facts(3)
    peaky = own.demand_kw.copy()
    peaky[-96 * 3 + 40 : -96 * 3 + 50] = 400.0
    peaky[-96 * 9 + 40] = 370.0
    (found,) = peaks_of(own, peaky, None)
    assert found.cost_thb_a_month == pytest.approx(30 * own.demand_thb_per_kw)
    assert found.days == (found.since,)


def test_an_extension_is_one_lasting_change_with_its_day_and_as_an_adjustment_no_increase():
    series = building(5, noise=0.03, drift=0.0)
    opened = dt.date(2025, 1, 15)
    later = series.starts >= pd.Timestamp(opened, tz=series.starts.tz)
    larger = replace(series, energy_kwh=np.where(later, series.energy_kwh * 1.2, series.energy_kwh))
    baseline = fit_baseline(series.between(*BASE), forms=("daily_calendar", "daily"))
    year = larger.between(opened, FISCAL[1])
    wing = Adjustment(
        building="a.b", first=opened, ratio=0.2, half_width_ratio=0.02, reason="a new wing", entered_by="somchai",
        entered=opened,
    )  # fmt: skip
    added = adjustment_days(year.day_index, [wing], expected_of(baseline, year).energy_kwh)
    plain = saving_of(baseline, year)
    adjusted = saving_of(baseline, year, adjustment_kwh=added.kwh, adjustment_half_kwh=added.half_width_kwh)
    assert plain.saving_ratio == pytest.approx(-0.2, abs=0.02)
    assert abs(adjusted.saving_ratio) < 0.02
    seen = []
    for weeks in (6, 10, 16, 24):
        last = opened + dt.timedelta(weeks=weeks)
        known = larger.between(dt.date(2023, 10, 1), last)
        own = facts(5)
        count = len(known.kind)
        bent = replace(
            own, series=known, baseline=baseline, is_open=np.array([OFFICE.is_open(at.date()) for at in known.day_index]),
            hours=np.array([OFFICE.open_hours(at.date()) or (np.nan, np.nan) for at in known.day_index]),
            thb_per_kwh=np.full(count * 24, 4.0), on_peak=np.zeros(count * 24, bool), demand_kw=np.empty(0), demand_starts=None,
        )  # fmt: skip
        seen.append([one for one in find(bent, FIGURES.insights) if one.rule in {"use_event", "anomaly"}])
    assert [[one.rule for one in found] for found in seen] == [["use_event"]] * 4
    assert all(abs((found[0].since - opened).days) <= 7 for found in seen)
