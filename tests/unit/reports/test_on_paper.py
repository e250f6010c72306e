"""Where pages break on paper, and what a style sheet's names are for."""

import re
import subprocess
from collections import defaultdict
from dataclasses import replace

import pytest

from bkkenergy.i18n import LANGS, Words
from bkkenergy.portfolio import Agency, Portfolio
from bkkenergy.reports.content import Ranked, SolarUse
from bkkenergy.reports.pageone import worth_money
from bkkenergy.reports.plan.promises import PromisesTogether, together_text
from bkkenergy.reports.render import RENDERERS
from bkkenergy.usecases.energy import station_of
from tests.builders import meter
from tests.conftest import ROOT
from tests.unit.reports.conftest import OFFICE, STEPS_PER_DAY, building
from tests.unit.reports.test_full import full
from tests.unit.reports.test_render import page_of

TEMPLATES = sorted((ROOT / "src/bkkenergy/reports/render/templates").glob("*.j2"))
FOR_ANY_TAG = {frozenset({"th", "td"}), frozenset({"div", "section"})}
"""Cells of a column have one class, and a part of a page may be either."""
LISTS = {"method"}
"""Said in one sentence or in several."""


def ranked_report(scene, count: int):
    """A report whose ranking has more rows than a day of the demonstration has; five used less."""
    report = full(scene.report())
    one = report.buildings[0]
    buildings = tuple(replace(one, id=f"agency.b{number}") for number in range(count))
    ranking = tuple(
        Ranked(each.id, 900.0 if number < 7 else -900.0, 0.5 if number < 7 else -0.5, "usual")
        for number, each in enumerate(buildings)
    )
    return replace(report, buildings=buildings, ranking=ranking, savings=())


@pytest.mark.browser
def test_a_ranking_of_twelve_is_on_one_page_and_few_pages_are_printed(scene, tmp_path):
    words = Words("en")
    path = tmp_path / "r.pdf"
    path.write_bytes(RENDERERS["pdf"](ranked_report(scene, 12), "en"))
    text = subprocess.run(["pdftotext", "-layout", path, "-"], capture_output=True, text=True, check=True).stdout
    pages = text.split("\f")[:-1]
    with_rows = [text for text in pages if words("report.ranking") in text]
    assert [text.count("900") for text in with_rows] == [12]
    assert len(pages) <= 6
    assert all(len(text) > 400 for text in pages[:-1]), "no page but the last is nearly empty"


def test_a_class_of_reports_is_for_one_kind_of_element():
    """A bar's `.more` was a section's `.more`: each bar began a page, and each bar of less was drawn as one of more."""
    tags = defaultdict(set)
    for path in TEMPLATES:
        for tag, classes in re.findall(r'<(\w+)[^>]*?\sclass="([^"]*)"', path.read_text()):
            for name in re.sub(r"\{\{.*?\}\}|\{%.*?%\}", " ", classes).split():
                tags[path.name, name].add(tag)
    several = {
        key: found for key, found in tags.items()
        if len(found) > 1 and frozenset(found) not in FOR_ANY_TAG and key[1] not in LISTS
    }  # fmt: skip
    assert not several


def test_a_month_that_is_not_over_is_no_month_of_less_use(scene):
    """The usual has the quarter-hours alone that are known: 27 of 30 days had been read as a tenth less use."""
    scene.lengthen(26)
    scene.sent[:, -2 * STEPS_PER_DAY :] = False
    use = scene.report().total
    assert 0.9 < use.coverage_ratio < 0.95
    assert use.change_ratio == pytest.approx(0.0, abs=0.002)


def test_what_one_of_two_main_meters_lacks_is_left_out_of_its_own_usual_alone(scene):
    """The other meter's energy of those days is in the use: it had been read as more than usual."""
    scene.meters[2] = meter("second", id="agency.one.second", building="agency.one", topic="t/3")
    scene.lengthen(26)
    scene.sent[2, -2 * STEPS_PER_DAY :] = False
    use = scene.report().buildings[0].use
    assert 0.95 < use.coverage_ratio < 0.97
    assert use.change_ratio == pytest.approx(0.0, abs=0.002)


def test_what_was_seen_on_the_last_day_alone_does_not_lead_a_year(scene):
    report = full(scene.report())
    of_a_day = replace(report.findings[0], rule="use_event", of_days=1, cost_thb_a_month=52.0)
    year = replace(report, findings=(of_a_day,), period_kind="fiscal_year")
    assert worth_money(year) == []
    for lang in LANGS:
        said = page_of(replace(year, findings=(replace(report.findings[0], of_days=1),), attention=()), lang)
        assert Words(lang)("one.nothing") not in said
        assert Words(lang)("one.nothing_first", title=Words(lang)("insight.title")) in said
    assert len(worth_money(replace(year, period_kind="week"))) == 1
    assert len(worth_money(replace(year, findings=report.findings))) == 1


def test_a_difference_that_is_as_usual_has_no_colour(scene):
    report, words = full(scene.report()), Words("en")
    one, *rest = report.buildings
    for ratio, look in ((0.004, "same"), (-0.004, "same"), (0.02, "up"), (-0.02, "down")):
        changed = replace(one, use=replace(one.use, change_ratio=ratio))
        page = page_of(replace(report, buildings=(changed, *rest)), "en")
        assert f'<span class="{look}">{words.percent(ratio, 1, signed=True)}</span>' in page


def test_an_agency_that_feeds_in_by_registered_pv_is_not_said_to_have_none(scene):
    report = full(scene.report())
    one = report.buildings[0]
    exporting = replace(one, use=replace(one.use, exported_kwh=50.0))
    installed, possible = (
        SolarUse(one.id, is_installed=kind, capacity_kwp=9.0, energy_kwh=90.0) for kind in (True, False)
    )
    unregistered = Words("en")("report.solar_unregistered")
    for solar, is_said in (((possible,), True), ((installed, possible), False)):
        page = page_of(replace(report, buildings=(exporting, *report.buildings[1:]), solar=solar), "en")
        assert (unregistered in page) is is_said


def test_a_building_alone_in_its_report_has_the_weather_of_a_neighbour_s_station():
    """Schools' own reports had no weather where the station is an office's, and other verdicts than their agency's."""
    station = meter("sky", id="agency.two.sky", building="agency.two", topic="t/4", kind="weather")
    one, two = building("one"), building("two", station)
    portfolio = Portfolio(
        agencies={"agency": Agency(id="agency", name_th="หน่วยงาน", name_en="Agency")},
        buildings={each.id: each for each in (one, two)},
        calendars={"office": OFFICE},
    )
    alone = portfolio.with_alone(one)
    assert alone.buildings_of("agency") == (one,)
    assert alone.records is portfolio.records
    assert portfolio.buildings_of("agency") == (one, two)
    assert station_of(alone, one) == station


def test_data_that_lack_a_part_are_not_called_complete(scene):
    report = scene.report()
    for coverage_ratio, is_whole in ((1.0, True), (0.937, False)):
        made = replace(report, attention=(), total=replace(report.total, coverage_ratio=coverage_ratio))
        assert ("Data are complete" in page_of(made, "en")) is is_whole
        assert ("ข้อมูลครบถ้วน" in page_of(made, "th")) is is_whole


@pytest.mark.parametrize("kind", ["quarter", "fiscal_year"])
def test_a_long_period_without_a_year_before_is_not_said_to_lack_usual_days(scene, kind):
    page = page_of(replace(scene.report(), period_kind=kind, year_before=None), "en")
    assert "Compared with last year" in page
    made = scene.report()
    uses = tuple(replace(one, use=replace(one.use, change_ratio=None, usual_kwh=None)) for one in made.buildings)
    total = replace(made.total, change_ratio=None, usual_kwh=None)
    page = page_of(replace(made, period_kind=kind, total=total, buildings=uses, year_before=None), "en")
    assert "no days like these" not in page
    assert "this report uses 0 days" not in page


def test_two_months_without_a_year_before_are_not_said_to_lack_usual_days(scene):
    scene.lengthen(20)
    scene.lengthen(20)
    page = page_of(scene.report(), "en")
    assert "Compared with last year" in page
    assert "days like these" not in page


def test_promises_of_which_none_is_measured_show_no_zero():
    nothing = PromisesTogether(count=2, measured_count=0, promised_kwh=0.0, measured_kwh=0.0, half_width_kwh=0.0)
    assert together_text(nothing, Words("en")) == "2 projects are done, and none is measured yet."
    assert "0" not in together_text(nothing, Words("th"))
