import datetime as dt
from dataclasses import replace

import pytest

from bkkenergy.calendar import Period
from bkkenergy.reports.sums import compared_dates
from bkkenergy.site.figures import Prices
from tests.builders import meter
from tests.unit.reports.conftest import FACTOR, RATE


def kinds(report):
    return [(item.kind, item.meter_id or item.building_id) for item in report.attention]


def test_a_steady_day_is_as_usual_and_needs_nobody(scene):
    total = scene.report().total
    assert total.energy_kwh == pytest.approx((40 + 20) * 24)
    assert total.usual_kwh == pytest.approx(total.energy_kwh)
    assert total.change_ratio == pytest.approx(0)
    assert (total.peak_kw, total.load_factor_ratio, total.coverage_ratio) == pytest.approx((60, 1, 1))
    assert total.compared_days == 4
    assert scene.report().attention == ()


def test_sub_meters_are_not_counted_a_second_time(scene):
    report = scene.report()
    assert report.buildings[0].use.energy_kwh == pytest.approx(40 * 24)


def test_cost_and_emissions_follow_from_energy(scene):
    total = scene.report().total
    assert total.cost_thb == pytest.approx(1440 * (3.9 + 0.1) * 1.07)
    assert total.co2e_kg == pytest.approx(1440 * 0.5)


def test_each_day_of_a_period_has_its_price_and_factor(scene):
    first, last = scene.period.first_day, scene.period.last_day
    scene.lengthen(1)
    dearer, cleaner = replace(RATE, ft_thb_per_kwh=1.1), FACTOR.model_copy(update={"kg_co2e_per_kwh": 0.4})
    scene.prices = (
        Prices(first - dt.timedelta(days=1), first - dt.timedelta(days=1), RATE, FACTOR), Prices(first, last, dearer, cleaner)
    )  # fmt: skip
    report = scene.report()
    assert report.total.cost_thb == pytest.approx(1440 * (4 + 5) * 1.07)
    assert report.total.co2e_kg == pytest.approx(1440 * 0.9)
    assert (report.rate_thb_per_kwh, report.kg_co2e_per_kwh) == (None, None)
    assert [factor.kg_co2e_per_kwh for factor in report.factors] == [0.5, 0.4]


def test_no_baht_and_no_emissions_where_a_day_with_energy_has_no_price(scene):
    first, last = scene.period.first_day, scene.period.last_day
    scene.prices = (Prices(first, last, None, None),)
    report = scene.report()
    assert (report.total.cost_thb, report.total.co2e_kg, report.rate, report.factors) == (None, None, None, ())
    assert report.total.energy_kwh == pytest.approx(1440)


def test_more_than_usual_is_told_with_its_share(scene):
    scene.kw[0, scene.day(0)] *= 1.25
    report = scene.report()
    assert report.buildings[0].use.change_ratio == pytest.approx(0.25)
    assert report.total.change_ratio == pytest.approx(1200 / 960 * 960 / 1440 + 480 / 1440 - 1)
    assert kinds(report) == [("use_up", "agency.one")]


def test_usual_is_the_mean_of_the_same_weekday_of_four_weeks(scene):
    for weeks, factor in ((1, 1.1), (2, 0.9), (3, 1.3), (4, 0.7)):
        scene.kw[0, scene.day(7 * weeks)] *= factor
    scene.kw[0, scene.day(1)] *= 5
    assert scene.report().buildings[0].use.usual_kwh == pytest.approx(960)


def test_a_holiday_among_the_compared_days_does_not_count(scene_on):
    scene = scene_on("2026-11-06")  # a Friday; 23 October, two weeks before, was Chulalongkorn Day
    scene.kw[:, scene.day(14)] *= 0.2
    use = scene.report().buildings[0].use
    assert use.usual_kwh == pytest.approx(960)
    assert use.compared_days == 3


def test_a_day_with_poor_data_is_not_compared_with(scene):
    scene.kw[0, scene.day(7)] *= 9
    scene.sent[0, scene.day(7).start + 4 : scene.day(7).start + 60] = False
    use = scene.report().buildings[0].use
    assert (use.usual_kwh, use.compared_days) == (pytest.approx(960), 3)


def test_without_history_there_is_no_usual(scene):
    scene.sent[:, : scene.day(0).start] = False
    report = scene.report()
    assert (report.total.usual_kwh, report.total.change_ratio) == (None, None)
    assert report.total.energy_kwh == pytest.approx(1440)


def test_the_agencys_peak_is_that_of_all_buildings_at_once(scene):
    scene.kw[0, scene.day(0).start + 40] = 140.0
    scene.kw[2, scene.day(0).start + 60] = 90.0
    report = scene.report()
    assert report.total.peak_kw == pytest.approx(160)
    assert report.total.peak_at == dt.datetime.fromisoformat("2026-11-23T10:00:00+07:00")
    assert report.buildings[1].use.peak_kw == pytest.approx(90)


def test_a_silent_meter_is_the_first_thing_to_attend_to(scene):
    scene.sent[2, scene.day(0).start :] = False
    report = scene.report()
    assert kinds(report)[0] == ("no_data", "agency.two.main")
    assert report.buildings[1].use.energy_kwh is None
    assert report.total.energy_kwh == pytest.approx(960)
    assert report.total.coverage_ratio == pytest.approx(0.5)


def test_a_long_silence_lowers_coverage_and_forbids_comparison_but_keeps_the_energy(scene):
    start = scene.day(0).start
    scene.sent[0, start + 40 : start + 60] = False
    report = scene.report()
    use = report.buildings[0].use
    assert use.energy_kwh == pytest.approx(960)
    assert use.coverage_ratio == pytest.approx(75 / 96)
    assert use.change_ratio is None
    assert kinds(report) == [("low_coverage", "agency.one.main")]
    assert report.total.change_ratio == pytest.approx(0), "of the building that can be compared"


def test_a_register_that_falls_is_told(scene):
    scene.register_shift_kwh[0, scene.day(0).start + 50 :] = -20_000
    report = scene.report()
    assert ("register_reset", "agency.one.main") in kinds(report)
    assert report.buildings[0].use.energy_kwh == pytest.approx(960 - 10)


def test_a_register_that_stands_still_is_told(scene):
    scene.kw[2, scene.day(0)] = 0
    assert ("not_counting", "agency.two.main") in kinds(scene.report())


def test_sub_meters_that_count_more_than_their_main_are_told(scene):
    scene.kw[1, scene.day(0)] = 45
    assert kinds(scene.report()) == [("sub_meters_exceed_main", "agency.one.main")]


@pytest.mark.parametrize(("roof_kw", "is_told"), [(20.0, False), (1.0, True)])
def test_pv_that_feeds_in_below_the_main_meter_is_energy_that_its_sub_meters_may_count(scene, roof_kw, is_told):
    scene.meters[2] = meter("pv", id="agency.one.pv", building="agency.one", topic="t/3", pv=True)
    scene.kw[:, scene.day(0)] = [[30.0], [45.0], [roof_kw]]
    assert (("sub_meters_exceed_main", "agency.one.main") in kinds(scene.report())) == is_told


def test_what_sub_meters_count_while_their_main_is_silent_is_not_held_against_it(scene):
    scene.sent[0, scene.day(0).start + 20 :] = False
    assert ("sub_meters_exceed_main", "agency.one.main") not in kinds(scene.report())


def test_the_profile_has_24_hours_and_the_usual_day_beside_it(scene):
    scene.kw[0, scene.day(0).start + 32 : scene.day(0).start + 36] = 100.0
    total = scene.report().total
    assert total.profile_kw[8] == pytest.approx(120)
    assert total.usual_profile_kw == pytest.approx([60.0] * 24)


def test_compared_days_of_a_month_end_before_it():
    dates = compared_dates(Period.month(2026, 11), 4)
    assert len(dates) == 30
    assert dates[dt.date(2026, 11, 1)] == [dt.date(2026, 10, d) for d in (25, 18, 11, 4)]
    assert dates[dt.date(2026, 11, 29)] == [dt.date(2026, 10, d) for d in (25, 18, 11, 4)]
    assert max(day for days in dates.values() for day in days) < dt.date(2026, 11, 1)


def test_the_usual_profile_is_not_drawn_where_a_building_has_none(scene):
    assert scene.report().total.usual_profile_kw[12] == pytest.approx(60.0)
    scene.sent[2, : scene.day(0).start] = False
    report = scene.report()
    assert report.total.usual_profile_kw == ()
    assert report.buildings[0].use.usual_profile_kw[12] == pytest.approx(40.0)
