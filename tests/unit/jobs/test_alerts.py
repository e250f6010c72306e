"""What is told at once, in one message, and not at night."""

import datetime as dt
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from bkkenergy.adapters.state import open_state, us_of
from bkkenergy.adapters.state.alerts import Alarm, reconcile
from bkkenergy.adapters.state.outbox import messages
from bkkenergy.calendar import BANGKOK, Period, edges
from bkkenergy.jobs import alerts
from bkkenergy.jobs.alerts import PeakWatch, digest, finding_alarms, is_quiet, send_digest, silent_meters
from bkkenergy.portfolio import Portfolio, load_portfolio
from bkkenergy.portfolio.more import Contact, Threshold
from bkkenergy.recipients import Recipient
from bkkenergy.settings import AlertSettings, Settings, StateSettings

NOON = dt.datetime(2026, 11, 24, 12, 0, tzinfo=BANGKOK)


@pytest.fixture(scope="module")
def portfolio(config_dir):
    return load_portfolio(config_dir)


@pytest.fixture
def engine(tmp_path):
    return open_state(StateSettings(path=tmp_path / "state.sqlite"))


def test_meters_that_have_sent_and_are_silent_are_told_and_those_that_never_sent_are_not(portfolio):
    first, second, third = portfolio.meters[:3]
    seen = {first.id: us_of(NOON - dt.timedelta(hours=4)), second.id: us_of(NOON - dt.timedelta(hours=2))}
    alarms = silent_meters(portfolio, seen, NOON, 3.0)
    assert [alarm.meter for alarm in alarms] == [first.id]
    assert alarms[0].key == f"meter_silent/{first.id}/{seen[first.id]}", "another silence is another matter"
    assert third.id not in {alarm.meter for alarm in alarms}


def limit(name, value, **of):
    return Threshold(id=f"limit-{value * 10:.0f}", name=name, value=value, **of)


def test_the_threshold_of_a_building_or_an_agency_decides_whether_a_meter_is_silent(portfolio):
    meter = portfolio.meters[0]
    building = portfolio.buildings[meter.building]
    seen = {meter.id: us_of(NOON - dt.timedelta(hours=4))}
    patient = limit("silent_h", 24, agency=building.agency)
    watched = limit("silent_h", 3.5, building=building.id)
    for thresholds, silent_count in (([], 1), ([patient], 0), ([patient, watched], 1)):
        own = portfolio.model_copy(update={"thresholds": {each.id: each for each in thresholds}})
        assert len(silent_meters(own, seen, NOON, 3.0)) == silent_count


def test_the_threshold_of_a_building_decides_which_finding_alerts(portfolio):
    building = portfolio.buildings_of("health")[0].id
    finding = SimpleNamespace(building=building, rule="night_spread", cost_thb_a_month=6000.0)
    report = SimpleNamespace(findings=[finding], agency_id="health", last_day=NOON.date())
    higher = limit("finding_thb", 6000.5, building=building)
    own = portfolio.model_copy(update={"thresholds": {higher.id: higher}})
    assert [alarm.building for alarm in finding_alarms(report, portfolio, 5000.0)] == [building]
    assert finding_alarms(report, own, 5000.0) == []


@pytest.mark.parametrize(
    ("clock", "quiet"), [("19:59", False), ("20:00", True), ("03:00", True), ("06:29", True), ("06:30", False)]
)
def test_nobody_is_woken(clock, quiet):
    now = dt.datetime.combine(NOON.date(), dt.time.fromisoformat(clock), BANGKOK)
    assert is_quiet(AlertSettings(), now) is quiet


def test_quiet_hours_may_lie_within_a_day():
    settings = AlertSettings(quiet_from="12:00", quiet_to="13:00")
    assert is_quiet(settings, NOON)
    assert not is_quiet(settings, NOON + dt.timedelta(hours=1))


EMPTY = Portfolio(agencies={}, buildings={}, calendars={})


def settings_of(*recipients):
    return Settings(recipient=recipients)


HEALTH = Recipient(to="health@example.com", agencies=("health",), alerts=True, language="en")
EVERYBODY = Recipient(to="all@example.com", alerts=True)
REPORTS_ALONE = Recipient(to="reports@example.com")


def alarm(portfolio, agency, number=0):
    building = portfolio.buildings_of(agency)[number]
    figures = {"rule": "night_spread", "cost_thb_a_month": 7321.0}
    return Alarm(key=f"finding/{building.id}", kind="finding", agency=agency, building=building.id, figures=figures)


def test_alerts_come_in_one_message_to_those_whom_they_concern(engine, portfolio):
    reconcile(engine, [alarm(portfolio, "health"), alarm(portfolio, "education")], NOON, kinds={"finding"})
    settings = settings_of(HEALTH, EVERYBODY, REPORTS_ALONE)
    assert send_digest(engine, settings, portfolio, NOON.replace(hour=23)) == 0, "quiet hours"
    assert send_digest(engine, settings, portfolio, NOON) == 2
    posted = {own.recipient: own.message for own in messages(engine)}
    assert posted.keys() == {"health@example.com", "all@example.com"}
    assert posted["health@example.com"].subject == "Energy alerts: 1"
    assert "7,321 THB per month" in posted["health@example.com"].text
    assert posted["all@example.com"].text.count("•") == 2
    assert "7,321 บาทต่อเดือน" in posted["all@example.com"].text


def test_a_message_ends_with_who_can_be_asked_about_its_buildings_alone(portfolio):
    ours, others = alarm(portfolio, "health"), alarm(portfolio, "education")
    contacts = {
        "head": Contact(id="head", agency="health", building=ours.building, name="Khun Malee", phone="02 123 4567"),
        "other": Contact(id="other", agency="education", name="Khun Somchai", phone="02 765 4321"),
    }
    known = portfolio.model_copy(update={"contacts": contacts})
    text = digest([ours, ours], EVERYBODY.model_copy(update={"language": "en"}), known).text
    place = portfolio.buildings[ours.building].name_en
    assert text.endswith(f"\n\nTo ask:\n{place}: Khun Malee · 02 123 4567")
    assert "Somchai" not in text
    thai = digest([ours, others], EVERYBODY, known).text
    assert "ผู้ติดต่อ:" in thai
    assert "Khun Somchai" in thai
    assert "ผู้ติดต่อ" not in digest([ours], EVERYBODY, portfolio).text


def test_the_next_message_waits_for_its_time_and_nothing_is_told_twice(engine, portfolio):
    settings = settings_of(EVERYBODY)
    reconcile(engine, [alarm(portfolio, "health")], NOON, kinds={"finding"})
    assert send_digest(engine, settings, portfolio, NOON) == 1
    both = [alarm(portfolio, "health"), alarm(portfolio, "education")]
    reconcile(engine, both, NOON, kinds={"finding"})
    assert send_digest(engine, settings, portfolio, NOON + dt.timedelta(minutes=59)) == 0
    assert send_digest(engine, settings, portfolio, NOON + dt.timedelta(minutes=61)) == 1
    assert send_digest(engine, settings, portfolio, NOON + dt.timedelta(minutes=200)) == 0
    assert len(messages(engine)) == 2


def test_without_anybody_to_tell_alerts_wait(engine, portfolio):
    reconcile(engine, [alarm(portfolio, "health")], NOON, kinds={"finding"})
    assert send_digest(engine, settings_of(REPORTS_ALONE), portfolio, NOON) == 0
    assert send_digest(engine, settings_of(EVERYBODY), portfolio, NOON) == 1


@pytest.mark.parametrize("kind", ["meter_silent", "near_peak"])
def test_every_kind_of_alert_has_its_words_in_both_languages(portfolio, kind):
    building = portfolio.buildings_of("health")[0]
    figures = {"meter_silent": {"last_seen_us": us_of(NOON)}, "near_peak": {"power_kw": 401.2, "peak_kw": 410.0}}[kind]
    own = Alarm(key="k", kind=kind, agency="health", building=building.id, meter="m.main", figures=figures)
    thai = digest([own], EVERYBODY, portfolio).text
    english = digest([own], HEALTH, portfolio).text
    assert building.name_th in thai
    assert building.name_en in english
    assert ("24 พฤศจิกายน 2569 12:00 น." if kind == "meter_silent" else "401") in thai


class Load:
    """Quarter-hours of buildings, all the same, which a test writes and `buildings_quarters` reads."""

    def __init__(self, monkeypatch, names=("a.one",)):
        self.kw, self.asked = {}, []
        monkeypatch.setattr(alerts, "buildings_quarters", self.read)
        monkeypatch.setattr(alerts, "_pays_demand", lambda *_: True)
        buildings = {name: SimpleNamespace(id=name, agency="a", main_meters=(1,), tariff="x") for name in names}
        self.site = SimpleNamespace(energy=None, portfolio=EMPTY.model_copy(update={"buildings": buildings}))

    def write(self, start, *kw):
        for n, value in enumerate(kw):
            self.kw[pd.Timestamp(start, tz=BANGKOK) + n * pd.Timedelta(minutes=15)] = value

    def read(self, _ledger, buildings, period):
        index = edges(Period.days(period.first_day, period.last_day), "15min")[:-1]
        self.asked.append(len(period.dates))
        firm_kwh = np.array([self.kw.get(at, np.nan) for at in index]) / 4
        return [SimpleNamespace(firm_kwh=firm_kwh) for _ in buildings]


def test_a_peak_in_the_making_is_told_before_it_is_one(monkeypatch):
    load, watch = Load(monkeypatch), PeakWatch()
    load.write("2026-10-14 10:00", 100.0)
    load.write("2026-11-24 11:30", 60.0, 70.0)
    assert watch.alarms(load.site, NOON, 0.95) == []
    load.write("2026-11-24 12:00", 96.0)
    alarms = watch.alarms(load.site, NOON + dt.timedelta(minutes=15), 0.95)
    assert [(alarm.key, alarm.figures) for alarm in alarms] == [
        ("near_peak/a.one/2026-11-24", {"power_kw": 96.0, "peak_kw": 100.0})
    ]
    assert load.asked[1] == 1, "only what is new is read"


def test_buildings_are_read_together(monkeypatch):
    load, watch = Load(monkeypatch, [f"a.b{number}" for number in range(450)]), PeakWatch()
    load.write("2026-10-14 10:00", 100.0)
    load.write("2026-11-24 11:45", 96.0)
    assert len(watch.alarms(load.site, NOON, 0.95)) == 450
    assert len(load.asked) == 3
    watch.alarms(load.site, NOON + dt.timedelta(minutes=5), 0.95)
    assert load.asked[3:] == [1, 1, 1]


def test_the_threshold_of_an_agency_decides_how_near_a_peak_is(monkeypatch):
    def alarms(*thresholds):
        load = Load(monkeypatch)
        load.site.portfolio = load.site.portfolio.model_copy(update={"thresholds": {own.id: own for own in thresholds}})
        load.write("2026-10-14 10:00", 100.0)
        load.write("2026-11-24 11:45", 96.0)
        return PeakWatch().alarms(load.site, NOON, 0.95)

    assert len(alarms()) == 1
    assert alarms(limit("near_peak_ratio", 0.97, agency="a")) == []
    assert len(alarms(limit("near_peak_ratio", 0.97, agency="b"))) == 1


def test_a_new_month_starts_from_the_last_ones_peak_and_old_readings_tell_nothing(monkeypatch):
    load, watch = Load(monkeypatch), PeakWatch()
    load.write("2026-11-24 11:30", 60.0)
    load.write("2026-11-30 10:00", 100.0)
    december = dt.datetime(2026, 12, 1, 8, 0, tzinfo=BANGKOK)
    load.write("2026-12-01 07:30", 50.0)
    assert watch.alarms(load.site, december, 0.95) == []
    load.write("2026-12-01 08:00", 99.0)
    assert watch.alarms(load.site, december + dt.timedelta(hours=5), 0.95) == [], "five hours old"
