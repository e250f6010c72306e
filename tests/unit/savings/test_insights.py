"""Each rule on buildings with its fault planted, and on buildings without any: recall and false alarms."""

import datetime as dt
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from bkkenergy.calendar import BANGKOK
from bkkenergy.i18n import LANGS, catalogue
from bkkenergy.savings.baseline import fit_baseline
from bkkenergy.savings.facts import Facts, SubMeterSums
from bkkenergy.savings.insights import ONE_FAULT, RULES, Dismissal, find, visible
from bkkenergy.savings.rules_supply import load_shift, longest_equal_run, meter_fault
from bkkenergy.site.savings_config import load_savings
from tests.conftest import ROOT
from tests.unit.savings.generated import OFFICE, building

LIMITS = load_savings(ROOT / "config").insights
LAST = "2025-09-26"  # a Friday
HOURS = 24
WEEK = slice(-7 * HOURS, None)


def facts(seed: int, *, last: str = LAST, plant=None, **given) -> Facts:
    """A building of two years judged on its last day, with a fault that `plant` puts into its hours."""
    series = building(seed, first="2023-09-01", last=last, drift=0.0, noise=0.05)
    is_open = np.array([OFFICE.is_open(at.date()) for at in series.day_index])
    if plant:
        energy = series.energy_kwh.copy()
        plant(energy, np.repeat(is_open, HOURS), series.starts.hour.to_numpy(), series.temp_c)
        series = replace(series, energy_kwh=energy)
    hours = np.array([OFFICE.open_hours(at.date()) or (np.nan, np.nan) for at in series.day_index])
    on_peak = np.repeat(is_open, HOURS) & (series.starts.hour.to_numpy() >= 9) & (series.starts.hour.to_numpy() < 22)
    baseline = fit_baseline(
        series.between(dt.date(2023, 9, 1), dt.date(2024, 8, 31)), forms=("daily_calendar", "daily")
    )
    quarters = pd.date_range(pd.Timestamp(last, tz=BANGKOK) - pd.Timedelta(days=364), periods=365 * 96, freq="15min")
    demand = np.repeat(series.energy_kwh[-365 * HOURS :], 4) * (
        1 + 0.03 * np.random.default_rng(seed).standard_normal(len(quarters))
    )
    own = {"demand_kw": demand, "demand_starts": quarters, "demand_thb_per_kw": 132.93} | given
    price = np.where(on_peak, 4.6, 2.9)
    return Facts("a.b", series, is_open, hours, price, on_peak, baseline, **own)


def night_left_on(energy, is_open, hour, temp):
    energy[WEEK] += np.where((hour[WEEK] < 7) | (hour[WEEK] >= 19), 8.0, 0.0)


def always_on(energy, is_open, hour, temp):
    energy += np.where(is_open & (hour >= 8) & (hour < 17), 0.0, 30.0)


def late_to_close(energy, is_open, hour, temp):
    energy[WEEK] += np.where(is_open[WEEK] & (hour[WEEK] >= 17) & (hour[WEEK] < 21), 50.0, 0.0)


def busy_weekends(energy, is_open, hour, temp):
    month = slice(-28 * HOURS, None)
    energy[month] += np.where(~is_open[month] & (hour[month] >= 8) & (hour[month] < 17), 40.0, 0.0)


def week_up(energy, is_open, hour, temp):
    energy[WEEK] *= 1.35


def odd_day(energy, is_open, hour, temp):
    energy[-HOURS:] *= 1.8


def some_nights(energy, is_open, hour, temp):
    month = slice(-28 * HOURS, None)
    tuesday = (np.arange(28 * HOURS) // HOURS) % 7 == 3
    energy[month] += np.where(tuesday & (hour[month] < 6), 12.0, 0.0)


def hotter_slope(energy, is_open, hour, temp):
    half = slice(-180 * HOURS, None)
    works = is_open[half] & (hour[half] >= 8) & (hour[half] < 17)
    energy[half] += np.where(works, 6.0 * np.clip(temp[half] - 24, 0, None), 0.0)


def evening_use(energy, is_open, hour, temp):
    month = slice(-28 * HOURS, None)
    energy[month] += np.where(is_open[month] & (hour[month] >= 18) & (hour[month] < 22), 45.0, 0.0)


PLANTED = {
    "baseload_rise": night_left_on,
    "out_of_hours": always_on,
    "overrun": late_to_close,
    "closed_days": busy_weekends,
    "week_rise": week_up,
    "anomaly": odd_day,
    "night_spread": some_nights,
    "weather_sensitivity": hotter_slope,
    "load_shift": evening_use,
}


def rules_fired(own: Facts) -> set[str]:
    return {finding.rule for finding in find(own, LIMITS)}


@pytest.mark.parametrize("rule", PLANTED)
def test_planted_faults_are_found(rule):
    same = next(({*rules_of[: rules_of.index(rule) + 1]} for rules_of in ONE_FAULT if rule in rules_of), {rule})
    found = [bool(same & rules_fired(facts(seed, plant=PLANTED[rule]))) for seed in range(12)]
    print(f"{rule}: recall {np.mean(found):.2f}")
    assert np.mean(found) >= 0.9


def test_where_every_hour_costs_the_same_nothing_is_gained_by_another_hour():
    own = facts(3, plant=evening_use)
    assert "load_shift" in rules_fired(own)
    flat = replace(own, thb_per_kwh=np.full_like(own.thb_per_kwh, 4.1) + np.where(own.on_peak, 1e-12, 0.0))
    assert "load_shift" not in rules_fired(flat)


@pytest.mark.parametrize(
    ("closes", "is_advised"), [(17.0, True), (18.0, True), (20.0, False), (22.0, False), (24.0, True)]
)
def test_people_who_train_in_the_evening_are_not_told_to_wait_for_off_peak(closes, is_advised):
    """A sports centre that is open to 20:00 was advised to move its evening to after 22:00, for 17,897 baht."""

    def trains(energy, is_open, hour, temp):
        month = slice(-28 * HOURS, None)
        evening = is_open[month] & (hour[month] >= 18) & (hour[month] < max(min(closes, 22), 20))
        energy[month] += np.where(evening, 45.0, 0.0)

    own = facts(3, plant=trains)
    hours = np.where(np.isnan(own.hours), np.nan, [6.0 if closes < 24 else 0.0, closes])
    advised = load_shift(replace(own, hours=hours), LIMITS)
    assert (advised is not None) == is_advised


def test_a_holiday_that_runs_is_found():
    """28 July 2025 is a holiday on a Monday; the building works as on any other."""

    def runs(energy, is_open, hour, temp):
        at = -(dt.date(2025, 8, 8) - dt.date(2025, 7, 28)).days - 1
        day = slice(at * HOURS, (at + 1) * HOURS)
        energy[day] = np.where((hour[day] >= 8) & (hour[day] < 17), 70.0, 12.0)

    found = [
        finding
        for finding in find(facts(1, last="2025-08-08", plant=runs), LIMITS)
        if finding.rule == "holiday_running"
    ]
    assert [finding.since for finding in found] == [dt.date(2025, 7, 28)]
    assert "holiday_running" not in rules_fired(facts(1, last="2025-08-08"))


@pytest.mark.slow
def test_false_alarms_are_rare():
    """Clean buildings judged on different days. The stated rate: at most one finding of a rule in twenty judgements."""
    days = ["2025-06-27", "2025-07-25", "2025-08-22", "2025-09-26"]
    fired = [rules_fired(facts(500 + seed, last=days[seed % 4])) for seed in range(60)]
    rates = {rule.__name__: float(np.mean([rule.__name__ in own for own in fired])) for rule in RULES}
    print({name: rate for name, rate in rates.items() if rate})
    assert {name for name, rate in rates.items() if rate > 0.05} == set()


def test_a_peak_that_sets_the_charge_is_told_with_its_hour():
    own = facts(3)
    peaky = own.demand_kw.copy()
    peaky[-96 * 3 + 56] = 400.0  # three days before the end, 14:00
    found = {finding.rule: finding for finding in find(replace(own, demand_kw=peaky), LIMITS)}["demand_peak"]
    assert found.severity == "alert"
    assert found.evidence["peak_kw"] == 400
    assert found.evidence["hour"] == 14
    in_month = np.asarray(own.demand_starts >= own.demand_starts[-1].normalize().replace(day=1))
    others = in_month & np.asarray(own.demand_starts.normalize() != own.demand_starts[-96 * 3].normalize())
    assert found.evidence["rest_kw"] == own.demand_kw[others].max()
    assert found.evidence["quarters"] == (peaky[in_month & ~others] > own.demand_kw[others].max()).sum()
    assert found.cost_thb_a_month == pytest.approx((400 - own.demand_kw[others].max()) * 132.93)


def peaks_of(own, peaky, is_charged):
    found = find(replace(own, demand_kw=peaky, demand_charged=is_charged), LIMITS)
    return [finding for finding in found if finding.rule == "demand_peak"]


def test_a_peak_when_demand_is_not_charged_costs_nothing():
    """A fire pump's test on a Saturday under time of use."""
    own = facts(3)
    is_working = np.asarray(own.demand_starts.day_of_week < 5)
    saturday = np.flatnonzero(np.asarray(own.demand_starts.day_of_week == 5))[-96 + 56]
    peaky = own.demand_kw.copy()
    peaky[saturday] = 400.0
    assert peaks_of(own, peaky, None)
    assert not peaks_of(own, peaky, is_working)
    assert not peaks_of(own, peaky, np.zeros(len(peaky), bool))


def test_a_peak_that_several_days_reach_is_no_single_peak():
    """Thirty quarter-hours on four days: freeing one of them is worth nothing."""
    own = facts(3)
    peaky = own.demand_kw.copy()
    for days in (3, 4, 8, 10):
        peaky[-96 * days + 40 : -96 * days + 48] = 400.0 - days
    assert not peaks_of(own, peaky, None)


def test_a_peak_where_demand_has_no_price_is_no_finding():
    """A flat rate charges none, and no baht can be said."""
    own = facts(3)
    peaky = own.demand_kw.copy()
    peaky[-96 * 3 + 56] = 400.0
    assert peaks_of(own, peaky, None)
    assert not peaks_of(replace(own, demand_thb_per_kw=0.0), peaky, None)


def test_hours_beyond_closing_are_counted_by_day_with_their_energy():
    """Five working days on which four hours, 17 to 21, were as busy as the day."""
    (found,) = [one for one in find(facts(3, plant=late_to_close), LIMITS) if one.rule == "overrun"]
    assert found.evidence == {"days": 5, "hours_a_day": 4.0}
    before = facts(3).series.energy_kwh[WEEK].reshape(7, HOURS)
    after = facts(3, plant=late_to_close).series.energy_kwh[WEEK].reshape(7, HOURS)
    added_kwh = (after - before).sum()
    assert found.energy_kwh_a_month == pytest.approx(added_kwh / 7 * 365.25 / 12, rel=0.03)


@pytest.mark.parametrize(("share", "message"), [(0.5, False), (0.6, True), (0.8, True)])
def test_reactive_power(share, message):
    own = facts(4)
    bent = replace(own, kvar=own.demand_kw * share, kvar_thb=56.07, free_kvar_per_kw=0.6197)
    found = {found.rule: found for found in find(bent, LIMITS)}
    assert ("power_factor" in found) == message
    if share == 0.8:
        month_kw = own.demand_kw[-int(30.4 * 96) :].max()
        assert found["power_factor"].cost_thb_a_month == pytest.approx((0.8 - 0.6197) * month_kw * 56.07)


def test_sub_meters_that_exceed_the_main_and_pv_that_falls_short():
    own = facts(5)
    month = float(np.nansum(own.day_kwh[-28:]))
    fired = rules_fired(
        replace(own, sub_meters=SubMeterSums(month, month * 1.2, 1.0), pv_kwh=700.0, pv_expected_kwh=1000.0)
    )
    assert {"submeters", "pv_shortfall"} <= fired
    assert not {"submeters", "pv_shortfall"} & rules_fired(
        replace(own, sub_meters=SubMeterSums(month, month * 0.9, 1.0), pv_kwh=950.0, pv_expected_kwh=1000.0)
    )


def test_a_drop_of_a_plant_is_said_once_and_not_again_as_a_shortfall():
    own = facts(5)
    fallen = replace(own, pv_drop_ratio=0.2, pv_drop_kwh=900.0, pv_drop_days=9, pv_kwh=700.0, pv_expected_kwh=1000.0)
    found = {found.rule: found for found in find(fallen, LIMITS)}
    assert "pv_shortfall" not in found
    assert found["pv_drop"].energy_kwh_a_month == 900.0
    assert found["pv_drop"].evidence == {"short_ratio": 0.2}
    assert "pv_drop" not in rules_fired(replace(own, pv_drop_ratio=None, pv_drop_days=9))


@pytest.mark.parametrize(
    ("bend", "key", "value"),
    [
        (lambda week: week.__setitem__(slice(20, 60), 5.0), "stuck_h", 40),
        (lambda week: week.__setitem__(slice(0, 40), np.nan), "missing_ratio", 40 / 168),
        (lambda week: week.__setitem__(3, -1.0), "negative_h", 1),
    ],
    ids=["stuck", "silent", "negative"],
)
def test_a_faulty_meter_is_told_and_nothing_else(bend, key, value):
    def plant(energy, is_open, hour, temp):
        night_left_on(energy, is_open, hour, temp)
        bend(energy[WEEK])

    (only,) = find(facts(6, plant=plant), LIMITS)
    assert only.rule == "meter_fault"
    assert only.evidence[key] == pytest.approx(value, abs=1)


def test_equal_runs():
    assert longest_equal_run(np.array([1.0, 2, 2, 2, 3])) == 3
    assert longest_equal_run(np.zeros(50)) == 0
    assert longest_equal_run(np.array([np.nan, np.nan])) == 0


def test_findings_are_ranked_by_money_and_at_most_five():
    def everything(energy, is_open, hour, temp):
        for plant in (night_left_on, late_to_close, busy_weekends, some_nights, evening_use):
            plant(energy, is_open, hour, temp)

    found = find(facts(7, plant=everything), LIMITS)
    costs = [finding.cost_thb_a_month for finding in found]
    assert costs == sorted(costs, reverse=True)
    assert len(found) > 5
    assert visible(found, [], LIMITS) == found[:5]


def test_a_dismissed_finding_is_hidden_until_it_grows_by_more_than_a_fifth():
    found = find(facts(8, plant=night_left_on), LIMITS)
    top = next(finding for finding in found if finding.rule == "baseload_rise")
    dismissed = [Dismissal("a.b", "baseload_rise", top.cost_thb_a_month)]
    assert top in visible(found, [], LIMITS)
    assert top not in visible(found, dismissed, LIMITS)
    for share, is_shown in ((1.19, False), (1.21, True)):
        grown = replace(top, cost_thb_a_month=top.cost_thb_a_month * share)
        assert (grown in visible([grown], dismissed, LIMITS)) is is_shown
    elsewhere = [replace(dismissed[0], building="a.c"), replace(dismissed[0], rule="night_spread")]
    assert top in visible(found, elsewhere, LIMITS), "a dismissal is of one building and one rule"


@pytest.mark.parametrize("lang", LANGS)
def test_every_rule_has_its_words(lang):
    words = catalogue(lang)
    for name in [*(rule.__name__ for rule in RULES), meter_fault.__name__]:
        assert {f"insight.{name}", f"insight.{name}_what", f"insight.{name}_do"} <= words.keys()


def test_nights_of_a_hot_week_are_no_rise_of_the_base_load():
    """Nights that follow the temperature: the last week is the hottest of the year, and nothing else changed."""

    def cooled(energy, _is_open, hour, temp):
        heat = np.clip(temp - 24, 0, None)
        heat[-7 * HOURS :] += 6.0
        temp[-7 * HOURS :] += 6.0
        return np.where(hour < 6, 5.0 + 4.0 * heat, energy)

    assert "baseload_rise" not in rules_fired(facts(3, plant=cooled))


def test_the_return_from_a_low_week_is_no_rise():
    def low_week_before(energy, _is_open, _hour, _temp):
        energy[-14 * HOURS : -7 * HOURS] *= 0.7
        return energy

    assert not {"week_rise", "baseload_rise"} & rules_fired(facts(3, plant=low_week_before))


def test_one_fault_is_one_finding():
    for seed in range(4):
        fired = rules_fired(facts(seed, plant=week_up))
        assert len(fired & {"baseload_rise", "week_rise", "anomaly"}) == 1
