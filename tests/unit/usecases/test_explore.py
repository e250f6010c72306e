"""What the explorer reads: the ledger's energy in any step, never more complete than it is, and only what is the actor's."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bkkenergy.access import Actor, server_actor
from bkkenergy.adapters.state import open_state
from bkkenergy.adapters.state.baselines import Fitted, save_baseline
from bkkenergy.calendar import Period, edges, timestamp_us
from bkkenergy.errors import InputError, NotThere
from bkkenergy.portfolio import Building, Meter, MeterKind, OpeningCalendar, Portfolio, Roof
from bkkenergy.portfolio.models import Agency
from bkkenergy.ports.channels import CHANNELS
from bkkenergy.readings import Quality, ReadingBatch
from bkkenergy.savings.baseline import fit_baseline, series_of
from bkkenergy.settings import Settings, StateSettings, StoreSettings
from bkkenergy.usecases import explore_compare
from bkkenergy.usecases.daychange import day_changes
from bkkenergy.usecases.energy import energy_series
from bkkenergy.usecases.explore import (
    CHANNEL_OF,
    QUANTITIES,
    SEEN_STEPS,
    checked_period,
    is_of_whole_months,
    meter_subject,
    shown_unit,
    step_for,
    subject_of,
)
from bkkenergy.usecases.explore_compare import (
    Look,
    closed_days,
    compared,
    look_series,
    step_of_baseline,
    weather_beside,
)
from bkkenergy.usecases.explore_parts import parts_of_use, peaks_of
from bkkenergy.usecases.explore_periods import EARLIER, around, earlier_by, next_to, offered
from tests.sites import energy

FIRST, DAYS = dt.date(2026, 10, 1), 61
QUARTER_US, HOUR_US = 900_000_000, 3_600_000_000
START_US = timestamp_us(Period.day(FIRST).start)
NOW = dt.datetime(2026, 11, 30, 3, 20, tzinfo=dt.UTC)  # 10:20 in Bangkok, the last day of the readings
ALL = server_actor("test")
OF_A = Actor("a", powers=frozenset({"see"}), agencies=("a",))
MONTH = Period.days(dt.date(2026, 11, 1), dt.date(2026, 11, 30))
WEEK = Period.days(dt.date(2026, 11, 9), dt.date(2026, 11, 15))
CALENDAR = OpeningCalendar(
    id="c", name_th="ก", name_en="C", source="test", hours=dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), "08:00-16:00")
)  # fmt: skip


def meter(building, local="main", **given):
    return Meter(**{"id": f"{building}.{local}", "building": building, "topic": f"{building}/{local}", "rated_kw": 9000} | given)  # fmt: skip


def house(name, *meters, floor_m2=100.0, **given):
    return Building(**{
        "id": name, "agency": name.split(".")[0], "name_th": f"อาคาร {name}", "name_en": f"Building {name}", "type": "school",
        "gross_floor_area_m2": floor_m2, "latitude_deg": 13, "longitude_deg": 100, "tariff": "t", "calendar": "c",
        "meters": meters or (meter(name),),
    } | given)  # fmt: skip


BUILDINGS = [
    house("a.one", drivers={"students": 50}),
    house("a.pair", meter("a.pair"), meter("a.pair", "second")),
    house("a.sun", meter("a.sun"), meter("a.sun", "pv", pv=True), roofs=(Roof(id="r", area_m2=100, tilt_deg=5, azimuth_deg=180, installed_kwp=50),)),
    house("a.split", meter("a.split"), meter("a.split", "aircon", parent="a.split.main"), type="office"),
    house("b.two", floor_m2=200), house("b.three", floor_m2=400), house("b.four", floor_m2=100),
    house("b.sky", meter("b.sky", "station", kind=MeterKind.WEATHER)),
]  # fmt: skip
PORTFOLIO = Portfolio(
    agencies={name: Agency(id=name, name_th=f"หน่วย {name}", name_en=f"Agency {name}") for name in "ab"},
    buildings={building.id: building for building in BUILDINGS},
    calendars={"c": CALENDAR},
)
USE_KWH = {"a.one.main": 2.0, "a.pair.main": 1.0, "a.pair.second": 4.0, "a.sun.main": 3.0, "a.sun.pv": 0.5,
           "a.split.main": 5.0, "a.split.aircon": 3.0, "b.two.main": 2.0, "b.three.main": 8.0, "b.four.main": 3.0}  # fmt: skip
"""Of each quarter-hour; the half is more in the last four weeks of November."""


def day_us(day, hour=0.0):
    return timestamp_us(Period.day(day).start) + round(hour * HOUR_US)


SILENT = {
    "a.one.main": [(day_us(dt.date(2026, 11, 10), 6), day_us(dt.date(2026, 11, 10), 7))],
    "a.pair.second": [(day_us(dt.date(2026, 11, 3)), day_us(dt.date(2026, 12, 1)))],
}
"""Without readings: an hour, which is estimated, and weeks after which nothing came, which stay missing."""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    home = tmp_path_factory.mktemp("explore")
    until_us = timestamp_us(Period.day(NOW.date()).start) + round(10.3 * HOUR_US)
    at = np.arange(START_US, until_us, QUARTER_US)
    configured = Settings(
        store=StoreSettings(path=home / "store.sqlite"), state=StateSettings(path=home / "state.sqlite")
    )
    with energy(configured, PORTFOLIO) as opened:
        for name, kwh in USE_KWH.items():
            there = np.ones(len(at), bool)
            for start_us, end_us in SILENT.get(name, []):
                there &= (at <= start_us) | (at >= end_us)
            steps = np.where(at > day_us(dt.date(2026, 11, 2)), kwh * 1.5, kwh)
            register = 100 + np.cumsum(steps)[there]
            opened.store.commit(
                ReadingBatch((name,), np.zeros(there.sum(), np.int64), at[there], {"energy_kwh": register})
            )
        hours = at[::4]
        air = {"temp_air_c": 25 + np.arange(len(hours)) % 24 / 4, "ghi_wm2": np.full(len(hours), 500.0)}
        opened.store.commit(ReadingBatch(("b.sky.station",), np.zeros(len(hours), np.int64), hours, air))
        opened.bring_up()
        state = open_state(configured.state)
        yield replace(opened.site, clock=lambda: NOW, state=state)
        state.dispose()


def look(kind, key, period, quantity=None, step=None, divisor="", actor=ALL):
    subject = subject_of(PORTFOLIO, actor, kind, key, NOW.date())
    chosen = quantity or subject.quantities[0]
    return Look(subject, chosen, period, step or step_for(subject, period, chosen), divisor)


@pytest.mark.parametrize("building", ["a.one", "a.pair", "a.sun"])
@pytest.mark.parametrize("step", ["15min", "60min", "day", "month"])
def test_energy_in_any_step_adds_up_to_what_every_report_says(site, building, step):
    seen = look_series(site, look("building", building, MONTH, "import", step))
    report = energy_series(site.energy, PORTFOLIO.buildings[building].main_meters, MONTH, "day")
    assert seen.total_kwh == pytest.approx(np.nansum(report.energy_kwh), abs=1e-6)
    assert len(seen.values) == len(edges(MONTH, step)) - 1


def test_the_running_hour_has_the_power_of_its_known_quarters_and_is_incomplete(site):
    seen = look_series(site, look("building", "a.one", Period.day(NOW.date()), step="60min"))
    assert seen.values[10] == pytest.approx(3 * 4)  # the quarter to 10:15 alone is known
    assert Quality(seen.quality[10]) is Quality.INCOMPLETE
    assert seen.is_complete[:10].all()
    assert not seen.is_complete[10:].any()
    assert seen.has_begun.tolist() == [True] * 11 + [False] * 13
    assert np.isnan(seen.values[11:]).all()


def test_the_running_day_and_month_are_incomplete_too(site):
    for step in ("day", "month"):
        seen = look_series(site, look("building", "a.one", MONTH, step=step))
        assert Quality(seen.quality[-1]) is Quality.INCOMPLETE, step
        assert not seen.is_complete[-1]
    days = look_series(site, look("building", "a.one", MONTH, step="day"))
    assert days.is_complete[:-1].all()


def test_an_estimated_hour_is_complete_and_marked(site):
    seen = look_series(site, look("building", "a.one", Period.day(dt.date(2026, 11, 10)), step="60min"))
    assert Quality(seen.quality[6]) is Quality.ESTIMATED
    assert seen.is_complete.all()


def test_the_power_of_two_meters_is_not_shown_as_that_of_one(site):
    period = Period.day(dt.date(2026, 11, 12))
    seen = look_series(site, look("building", "a.pair", period, step="60min"))
    assert np.isnan(seen.values).all(), "the second meter is silent: the power of both is not known"
    assert np.nansum(seen.energy_kwh) == pytest.approx(96 * 1.5), "what the first one counted is counted"
    assert seen.total_known_ratio == pytest.approx(0.5)
    day = look_series(site, look("building", "a.pair", period, step="day"))
    assert day.values[0] == pytest.approx(96 * 1.5)
    assert not day.is_complete.any()


def test_gross_use_adds_production(site):
    seen = look_series(site, look("building", "a.sun", WEEK, "use", "60min"))
    assert seen.values[24] == pytest.approx((3 + 0.5) * 1.5 * 4)
    made = look_series(site, look("building", "a.sun", WEEK, "production", "60min"))
    assert made.values[24] == pytest.approx(0.5 * 1.5 * 4)


def test_an_agency_is_the_sum_of_its_buildings_and_the_city_of_all(site):
    parts = [
        look_series(site, look("building", building.id, WEEK, "import", "day")).total_kwh or 0.0
        for building in BUILDINGS
        if building.agency == "a"
    ]
    whole = look_series(site, look("agency", "a", WEEK, "import", "day")).total_kwh
    assert whole == pytest.approx(sum(parts))
    others = look_series(site, look("agency", "b", WEEK, "import", "day")).total_kwh
    assert look_series(site, look("city", "city", WEEK, "import", "day")).total_kwh == pytest.approx(whole + others)


def test_energy_is_divided_by_floor_or_by_whom_a_building_serves(site):
    plain = look_series(site, look("building", "a.one", WEEK, step="day"))
    for divisor, count in (("m2", 100), ("students", 50)):
        divided = look_series(site, look("building", "a.one", WEEK, step="day", divisor=divisor))
        assert divided.total_kwh == pytest.approx(plain.total_kwh / count)
    with pytest.raises(InputError, match="beds"):
        look_series(site, look("building", "a.one", WEEK, step="day", divisor="beds"))


def test_a_weather_station_shows_means_and_stands_beside_buildings(site):
    station = look("meter", "b.sky.station", WEEK)
    assert station.quantity == "temperature"
    assert station.step == "60min"
    assert look_series(site, station).values[:3].tolist() == [25.0, 25.25, 25.5]
    assert look_series(site, replace(station, step="day")).values[0] == pytest.approx(25 + 11.5 / 4)
    beside = weather_beside(site, look("building", "a.one", WEEK, step="15min"))
    assert beside.values[:8].tolist() == [25.0] * 4 + [25.25] * 4
    light = weather_beside(site, look("meter", "a.sun.pv", WEEK, step="60min"))
    assert light.values[0] == 500.0


def test_a_meter_shows_the_channels_that_it_has_and_one_of_no_electricity_those_alone():
    def quantities(*channels: str, **given) -> tuple[str, ...]:
        one = meter("a.pair", "extra", **given)
        return replace(meter_subject(house("a.pair", one), one), channels=channels).quantities

    assert quantities("import", "reactive", "room_temp") == ("import", "reactive", "room_temp")
    assert quantities("import", "export", "reactive") == ("import", "export", "reactive")
    assert quantities("water", "humidity", kind=MeterKind.OTHER) == ("water", "humidity")
    assert quantities(kind=MeterKind.OTHER) == ("import",)
    assert quantities("import", "voltage_l1", pv=True) == ("production", "voltage_l1")
    assert quantities("ghi_wm2", "humidity", kind=MeterKind.WEATHER) == ("temperature", "irradiance", "humidity")


def test_every_channel_of_a_meter_can_be_shown_in_a_unit_of_its_own():
    shown = {CHANNEL_OF[quantity] for quantity in QUANTITIES}
    assert shown == {*CHANNELS.values()}
    assert all(shown_unit(step, quantity) for quantity in QUANTITIES for step in SEEN_STEPS)


@pytest.mark.parametrize(
    ("kind", "key"),
    [("building", "b.two"), ("meter", "b.two.main"), ("agency", "b"), ("city", "city"), ("plant", "b"), ("building", "b.none"),
     ("meter", "a.one.none"), ("meter", "main"), ("nothing", "a.one"), ("city", "a"), ("agency", "")],
)  # fmt: skip
def test_what_is_of_others_is_as_if_it_were_not_there(kind, key):
    with pytest.raises(NotThere):
        subject_of(PORTFOLIO, OF_A, kind, key, NOW.date())


def test_another_s_building_is_no_comparison(site):
    with pytest.raises(NotThere):
        compared(site, OF_A, look("building", "a.one", WEEK), "building:b.two")
    seen = compared(site, ALL, look("building", "a.one", WEEK, step="day"), "building:b.two")
    assert seen.values == pytest.approx(np.full(7, 2 * 1.5 * 96))


def test_a_median_is_of_buildings_that_one_may_see(site):
    wish = look("building", "a.one", WEEK, "import", "day")
    with pytest.raises(InputError, match="fewer than 3"):
        compared(site, OF_A, wish, "type")
    seen = compared(site, ALL, wish, "type")
    # kWh a m2: sun 3/100, two 2/200, three 8/400, four 3/100; pair is not known, one is itself
    per_m2 = float(np.median([3 / 100, 2 / 200, 8 / 400, 3 / 100])) * 1.5 * 96
    assert seen.count == 4
    assert seen.values == pytest.approx(np.full(7, per_m2 * 100))
    divided = compared(site, ALL, replace(wish, divisor="m2"), "type")
    assert divided.values == pytest.approx(np.full(7, per_m2))


def test_an_earlier_period_is_compared_over_what_both_know(site):
    wish = look("building", "a.one", MONTH, step="day")
    seen = compared(site, ALL, wish, "month")
    assert (seen.period.first_day, seen.period.last_day) == (dt.date(2026, 10, 1), dt.date(2026, 10, 31))
    assert len(seen.values) == 30
    series = look_series(site, wish)
    # Of 29 whole days of November one and a bit ran as October did.
    assert seen.change_ratio(series) == pytest.approx((1 * 2 + 28 * 3) / (29 * 2) - 1, abs=0.002)
    assert seen.shared_ratio(series) == pytest.approx(29 / 30)
    ahead = look("building", "a.one", Period.days(dt.date(2026, 12, 1), dt.date(2026, 12, 7)), step="day")
    assert compared(site, ALL, ahead, "week").change_ratio(look_series(site, ahead)) is None


@pytest.mark.parametrize("against", ["nothing", "building:", "week:x", "baseline:x", "type"])
def test_what_cannot_be_compared_says_so(site, against):
    with pytest.raises((InputError, NotThere)):
        compared(site, ALL, look("agency", "a", WEEK), against)


def test_a_baseline_has_an_interval_of_days_and_none_of_hours(site, monkeypatch):
    wish = look("building", "a.one", WEEK, "use", "day")
    with pytest.raises(InputError, match="no baseline"):
        compared(site, ALL, wish, "baseline")
    year = Period.days(dt.date(2025, 1, 1), dt.date(2025, 12, 31))
    starts = edges(year, "60min")[:-1]
    noise = np.random.default_rng(7).normal(0, 1.0, len(starts) // 24).repeat(24)
    hours = series_of(starts, 10.0 + noise, None, PORTFOLIO.days_open(PORTFOLIO.buildings["a.one"]))
    for form in ("daily_calendar", "hourly_calendar"):
        fitted = fit_baseline(hours, forms=(form,))
        save_baseline(site.state, Fitted("a.one", fitted), NOW)
        seen = compared(site, ALL, wish, "baseline")
        assert seen.values == pytest.approx(np.full(7, 240.0), rel=0.05)
        half = 1.645 * fitted.held_out.cvrmse * 240
        assert seen.high - seen.values == pytest.approx(np.full(7, half), rel=0.05)
        if form == "daily_calendar":
            assert step_of_baseline(site, PORTFOLIO.buildings["a.one"], "15min") == "day"
            with pytest.raises(InputError, match="days"):
                compared(site, ALL, replace(wish, step="60min"), "baseline")
    assert step_of_baseline(site, PORTFOLIO.buildings["a.one"], "15min") == "15min"
    by_hours = compared(site, ALL, replace(wish, step="15min"), "baseline")
    assert by_hours.values == pytest.approx(np.full(7 * 96, 10.0), rel=0.05)
    assert np.isnan(by_hours.low).all()
    with pytest.raises(InputError, match="nothing that this can be compared with"):
        compared(site, ALL, replace(wish, quantity="import"), "baseline")
    monkeypatch.setattr(explore_compare, "MAX_SLOTS", 100)
    with pytest.raises(InputError, match="too many buildings"):
        compared(site, ALL, replace(wish, step="60min"), "type")


def test_closed_days_are_those_of_the_calendar(site):
    assert closed_days(site, look("building", "a.one", WEEK)) == [dt.date(2026, 11, 14), dt.date(2026, 11, 15)]
    assert closed_days(site, look("agency", "a", WEEK)) == []


def test_where_it_went_names_the_meter_that_changed_over_the_days_that_both_know(site):
    building = PORTFOLIO.buildings["a.split"]
    here = Period.days(dt.date(2026, 11, 28), dt.date(2026, 11, 30))
    then = Period.days(dt.date(2026, 10, 5), dt.date(2026, 10, 7))
    aircon, rest = parts_of_use(site, building, here, then)
    assert (aircon.meter.id, rest.meter) == ("a.split.aircon", None)
    assert aircon.energy_kwh == pytest.approx((96 + 96 + 41) * 4.5)
    assert aircon.more_kwh == pytest.approx(2 * 96 * 1.5), "today still runs: it is no day to compare"
    assert rest.more_kwh == pytest.approx(2 * 96 * 1.0)
    assert aircon.share_ratio == pytest.approx(0.6)
    assert aircon.known_ratio < 1
    plain = parts_of_use(site, building, here, None)
    assert [part.more_kwh for part in plain] == [None, None]
    assert parts_of_use(site, PORTFOLIO.buildings["a.one"], here, None) == []


def test_the_highest_quarter_hours_are_measured_ones_one_a_day(site):
    peaks = peaks_of(site, PORTFOLIO.buildings["a.one"], WEEK)
    assert [peak.power_kw for peak in peaks] == pytest.approx([12.0] * 5)
    assert len({peak.start.date() for peak in peaks}) == 5
    estimated = Period.day(dt.date(2026, 11, 10))
    assert not 6 <= peaks_of(site, PORTFOLIO.buildings["a.one"], estimated)[0].start.hour < 7
    assert peaks_of(site, PORTFOLIO.buildings["a.one"], Period.day(dt.date(2026, 12, 24))) == []


def test_a_day_is_ranked_by_what_is_beyond_the_usual_day(site):
    wednesday = dt.date(2026, 11, 25)
    changes = day_changes(site, BUILDINGS, wednesday)
    more_kwh = [change.more_kwh for change in changes]
    assert more_kwh == sorted(more_kwh, reverse=True)
    assert changes[0].building.id == "b.three"
    # Of the four Wednesdays before, the first was before the rise.
    assert changes[0].energy_kwh == pytest.approx(96 * 12)
    assert changes[0].usual_kwh == pytest.approx(96 * (8 + 3 * 12) / 4)
    assert changes[0].change_ratio == pytest.approx(12 / 11 - 1)
    judged = {change.building.id for change in changes}
    assert "a.pair" not in judged, "one of its meters is silent"
    assert "b.sky" not in judged, "a weather station uses nothing"
    assert day_changes(site, BUILDINGS, NOW.date()) == [], "today still runs"


def test_a_closed_day_is_compared_with_closed_days_alone(site):
    one = [PORTFOLIO.buildings["a.one"]]
    holiday, friday_after = dt.date(2026, 10, 23), dt.date(2026, 10, 30)
    assert not PORTFOLIO.is_open(one[0], holiday)
    assert day_changes(site, one, holiday) == []
    assert len(day_changes(site, one, friday_after)) == 1
    assert day_changes(site, one, dt.date(2026, 10, 9)) == [], "one Friday before is no usual day"


@pytest.mark.parametrize(
    ("days", "asked", "step"),
    [(1, None, "15min"), (8, None, "15min"), (9, None, "60min"), (45, None, "60min"), (46, None, "day"), (1100, None, "day"),
     (1, "month", "day"), (366, "15min", "15min"), (376, "15min", "day"), (366, "60min", "60min"), (4999, None, "day")],
)  # fmt: skip
def test_the_step_fits_the_period(days, asked, step):
    subject = subject_of(PORTFOLIO, ALL, "building", "a.one", NOW.date())
    period = checked_period(dt.date(2012, 1, 3), dt.date(2012, 1, 3) + dt.timedelta(days=days - 1))
    assert step_for(subject, period, "import", asked) == step


def test_many_meters_are_added_up_by_days_and_too_many_are_refused():
    subject = subject_of(PORTFOLIO, ALL, "city", "city", NOW.date())
    many = replace(subject, buildings=subject.buildings * 500)
    month = checked_period(dt.date(2026, 10, 1), dt.date(2026, 10, 31))
    assert step_for(many, month, "import") == "day"
    assert step_for(many, month, "import", "15min") == "day"
    with pytest.raises(InputError, match="too long"):
        step_for(many, checked_period(dt.date(2020, 1, 1), dt.date(2026, 1, 1)), "import")


@pytest.mark.parametrize(
    ("first", "last", "match"),
    [("2026-11-02", "2026-11-01", "Swap"), ("2569-11-01", "2569-11-02", "common era"), ("1989-12-31", "2026-01-01", "common era"),
     ("2000-01-01", "2026-01-01", "too long"), ("0001-01-01", "0001-01-02", "common era"), ("9999-12-31", "9999-12-31", "common era")],
)  # fmt: skip
def test_periods_that_cannot_be_shown_say_why(first, last, match):
    with pytest.raises(InputError, match=match):
        checked_period(dt.date.fromisoformat(first), dt.date.fromisoformat(last))


def days(first, last):
    return Period.days(dt.date.fromisoformat(first), dt.date.fromisoformat(last))


@pytest.mark.parametrize(
    ("period", "earlier", "expected"),
    [
        (("2026-11-01", "2026-11-30"), "month", ("2026-10-01", "2026-10-31")),
        (("2026-03-01", "2026-03-31"), "month", ("2026-02-01", "2026-02-28")),
        (("2026-01-01", "2026-03-31"), "year", ("2025-01-01", "2025-03-31")),
        (("2024-02-01", "2024-02-29"), "year", ("2023-02-01", "2023-02-28")),
        (("2026-11-24", "2026-11-24"), "week", ("2026-11-17", "2026-11-17")),
        (("2026-11-01", "2026-11-30"), "weeks4", ("2026-10-04", "2026-11-02")),
        (("2026-11-24", "2026-11-24"), "year", ("2025-11-25", "2025-11-25")),
        (("2026-10-01", "2026-12-31"), "before", ("2026-07-01", "2026-09-30")),
        (("2026-11-24", "2026-11-26"), "before", ("2026-11-21", "2026-11-23")),
    ],
)
def test_a_period_is_compared_with_like_days(period, earlier, expected):
    assert earlier_by(days(*period), earlier) == days(*expected)


@settings(deadline=None)
@given(st.dates(dt.date(2000, 1, 1), dt.date(2100, 1, 1)), st.integers(1, 400))
def test_every_earlier_period_is_earlier_and_overlaps_nothing_where_it_is_offered(first, count):
    period = Period.days(first, first + dt.timedelta(days=count - 1))
    for earlier in EARLIER:
        other = earlier_by(period, earlier)
        assert other.first_day < period.first_day
        if earlier in offered(period):
            assert earlier == "before" or len(other.dates) >= 28 or other.last_day < period.first_day
    if is_of_whole_months(next_to(period, 1)) == is_of_whole_months(period):
        assert next_to(next_to(period, 1), -1) == period
    assert next_to(period, -1).last_day == period.first_day - dt.timedelta(days=1)
    assert next_to(period, 1).first_day == period.last_day + dt.timedelta(days=1)
    for what in ("day", "week", "month", "year", "fiscal"):
        assert around(first, what).first_day <= first <= around(first, what).last_day
