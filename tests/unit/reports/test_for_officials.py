"""What a governor's staff stopped at in a report: order, peaks, comparisons, breaks, colours."""

import datetime as dt
import io
import random
import subprocess
from dataclasses import replace

import openpyxl
import pytest
from pypdf import PdfReader

from bkkenergy.calendar import Period
from bkkenergy.i18n import LANGS, Words
from bkkenergy.reports.city import city_report
from bkkenergy.reports.content import BILL_ORDER, BillItem, BuildingSaving, Ranked, ReadBills, SolarUse, in_bill_order
from bkkenergy.reports.official import Duty, IndexMonth, StateIndex, index_whys
from bkkenergy.reports.pageone import first_thing
from bkkenergy.reports.phrasing import compared_note, cost_note, headline, saving_sentence
from bkkenergy.reports.render import RENDERERS
from bkkenergy.reports.render.html import NO_BREAK_SPACE, unbroken
from bkkenergy.reports.render.mail import report_message
from bkkenergy.savings.faultgroups import fault_groups
from tests.unit.reports.conftest import NOW
from tests.unit.reports.test_full import PLACEBO, full
from tests.unit.reports.test_render import Text, page_of


@pytest.fixture
def report(scene):
    return full(scene.report())


def words_of(report, lang="en"):
    return " ".join(" ".join(Text(page_of(report, lang)).words).split())


def with_uses(report, **first):
    """The report with other figures of its first building's use."""
    one, *rest = report.buildings
    return replace(report, buildings=(replace(one, use=replace(one.use, **first)), *rest))


def test_items_of_a_bill_come_in_the_order_of_mea_with_vat_last():
    shuffled = [*BILL_ORDER, *BILL_ORDER]
    random.Random(1).shuffle(shuffled)
    assert tuple(in_bill_order(shuffled)) == BILL_ORDER
    assert BILL_ORDER[0] == "energy"
    assert BILL_ORDER[-2:] == ("ft", "vat")


def test_a_city_of_agencies_under_different_schedules_has_its_vat_last(report):
    time_of_use = replace(report, bill=(BillItem("energy_on_peak", 5.0), BillItem("vat", 1.0)))
    one_rate = replace(report, agency_id="b", bill=(BillItem("energy", 7.0), BillItem("vat", 2.0)))
    whole = city_report([time_of_use, one_rate], PLACEBO, names=("เมือง", "City"), missing={}, generated_at=NOW)
    assert [(line.item, line.amount_thb) for line in whole.bill] == [
        ("energy", 7.0),
        ("energy_on_peak", 5.0),
        ("vat", 3.0),
    ]


def test_energy_by_floor_area_has_one_decimal_and_that_of_a_day_two(report):
    one = report.buildings[0]
    area = (one.use.energy_kwh or 0) / 5.6789
    month = replace(report, buildings=(replace(one, gross_floor_area_m2=area, is_open=None),))
    day = replace(month, period_kind="day", buildings=(replace(one, gross_floor_area_m2=area, is_open=True),))
    assert " 5.7 " in words_of(month)
    assert "5.68" not in words_of(month)
    assert " 5.68 " in words_of(day)


@pytest.mark.parametrize("lang", LANGS)
def test_a_peak_is_that_of_15_minutes_and_a_highest_hour_is_called_so(report, lang):
    words, peaked = Words(lang), with_uses(report, peak_kw=4321.5)
    text = words_of(peaked, lang)
    caption = f"{words('report.peak_short')} {words.number(4321.5, 1)} {words('unit.kw')}"
    assert caption in text
    highest = max(kw for kw in report.total.profile_kw if kw is not None)
    hour = words("report.profile_peak", value=words.number(highest))
    assert hour in text


@pytest.mark.parametrize("lang", LANGS)
def test_a_change_of_a_part_of_the_energy_is_no_headline_and_no_tile(report, lang):
    words = Words(lang)
    total = replace(report.total, change_ratio=0.123, energy_kwh=1000.0)
    unjudged = replace(report, total=total, total_saving=None)
    one, two = unjudged.buildings
    for kwh, is_said in ((799.0, False), (800.0, True)):
        part = replace(
            unjudged,
            buildings=(
                replace(one, use=replace(one.use, energy_kwh=kwh, change_ratio=0.123)),
                replace(two, use=replace(two.use, energy_kwh=1000 - kwh, change_ratio=None)),
            ),
        )
        assert ("12.3%" in headline(part, words)) is is_said
        assert (words.percent(kwh / 1000) in headline(part, words)) is not is_said
        note = compared_note(part, words)
        assert words("report.compared_buildings", count=1, all=2, share=words.percent(kwh / 1000)) in note
        assert page_of(part, lang).count("+12.3%") == (3 if is_said else 1)  # tile and total; the building's own


def test_a_report_with_nothing_to_compare_says_so_once(report):
    without = replace(
        report, buildings=tuple(replace(own, use=replace(own.use, change_ratio=None)) for own in report.buildings)
    )
    assert compared_note(without, Words("en")) == Words("en")("report.not_compared")


def test_dates_and_times_do_not_break_at_the_end_of_a_line():
    said = "ตั้งแต่ 1 ตุลาคม 2568 เวลา 13:45 น. / on 23 November 2026 13:45 / 1 ต.ค. / May 2026"
    spaces = [part for part in unbroken(said).split(" ") if NO_BREAK_SPACE in part]
    assert [part.replace(NO_BREAK_SPACE, " ") for part in spaces] == [
        "1 ตุลาคม 2568",
        "13:45 น.",
        "23 November 2026",
        "1 ต.ค.",
        "May 2026",
    ]
    assert unbroken(said).replace(NO_BREAK_SPACE, " ") == said


def test_a_day_does_not_repeat_that_nothing_can_be_shown_yet(report):
    unclear = BuildingSaving("", 1000.0, 990.0, 0.01, 0.09, "unclear", is_provisional=False)
    month = replace(report, total_saving=unclear)
    assert saving_sentence(month, Words("en"))
    assert saving_sentence(replace(month, period_kind="day"), Words("en")) == ""
    assert saving_sentence(replace(report, period_kind="day"), Words("en"))


@pytest.mark.parametrize("lang", LANGS)
def test_less_use_is_a_question_without_baht_and_never_the_first_thing(report, lang):
    gain = report.findings[0]
    less = replace(gain, cost_thb_a_month=-155.0, energy_kwh_a_month=-37.0)
    text = words_of(replace(report, findings=(less,)), lang)
    assert "155" not in text
    assert Words(lang)("insight.night_spread") in text
    assert first_thing(replace(report, findings=(less,), attention=()), Words(lang)) is None
    assert Words(lang)("one.nothing") in words_of(replace(report, findings=(less,), attention=()), lang)
    first = first_thing(replace(report, findings=(less, gain)), Words(lang))
    assert first is not None
    assert "4,567" in first.stakes


def test_a_cost_of_a_part_of_the_energy_says_so(report):
    part = replace(report, total=replace(report.total, coverage_ratio=0.942))
    assert "94%" in cost_note(part, Words("en"))
    whole = replace(report, total=replace(report.total, coverage_ratio=1.0))
    assert "100%" not in cost_note(whole, Words("en"))


def test_a_difference_within_its_interval_is_not_ranked_and_said_to_be_left_out(report):
    quiet = replace(
        report, savings=(BuildingSaving("agency.one", 9.0, 8.0, 0.1, 0.3, "unclear", is_provisional=False),)
    )
    ranked = (Ranked("agency.one", -100.0, -0.1234, "baseline"),) * 2
    for shown, is_coloured in ((quiet, False), (report, True)):
        page = page_of(replace(shown, ranking=ranked), "en")
        assert ('<span class="down">−12.3%' in page) is is_coloured
        assert (Words("en")("report.ranking_left_out", count=2, all=2) in page) is not is_coloured


def test_a_building_that_feeds_back_is_not_said_to_have_no_pv(report):
    feeding = with_uses(
        replace(report, solar=(SolarUse("agency.one", is_installed=False, capacity_kwp=9.0, energy_kwh=1.0),)),
        exported_kwh=5.0,
    )
    assert Words("en")("report.solar_unregistered") in words_of(feeding)
    assert Words("en")("report.solar_possible") not in words_of(feeding)
    assert Words("en")("report.solar_possible") in words_of(with_uses(feeding, exported_kwh=None))


def test_savings_of_no_building_are_no_table_of_dashes(report):
    nothing = BuildingSaving("agency.one", None, None, None, None, None, is_provisional=False)
    title = Words("en")("saving.title")
    assert title in words_of(report)
    assert title not in words_of(replace(report, savings=(nothing, nothing), total_saving=None))


def test_findings_of_a_fiscal_year_say_their_day(report):
    two = (*report.findings, replace(report.findings[0], building="elsewhere"))
    year = replace(report, period_kind="fiscal_year", findings=two)
    words = Words("th")
    assert words("report.findings_until", date=words.date(report.last_day)) in words_of(year, "th")
    assert words("report.findings_until", date=words.date(report.last_day)) not in words_of(report, "th")


@pytest.mark.parametrize("lang", LANGS)
def test_the_workbook_has_the_savings_and_calls_a_bill_a_bill(report, lang):
    words = Words(lang)
    book = openpyxl.load_workbook(io.BytesIO(RENDERERS["xlsx"](report, lang)), data_only=True)
    rows = list(book[words("saving.sheet")].iter_rows(min_row=2, values_only=True))
    assert rows[0][1:5] == (1000.0, 900.0, 0.1, 0.03)
    assert rows[1][5] == words("saving.no_baseline")
    assert rows[2][1:5] == (1000.0, 900.0, 0.1, 0.03)
    heads = [cell.value for cell in book.worksheets[0][6]]
    assert f"{words('report.bill_cost')} ({words('unit.thb')})" in heads


@pytest.mark.browser
def test_on_paper_a_total_stands_once_and_the_first_page_has_the_three_pictures(report, tmp_path):
    one = report.buildings[0]
    many = tuple(replace(one, id=f"agency.b{n}", name_en=f"House {n}") for n in range(70))
    long = replace(report, buildings=many, total=replace(report.total, peak_kw=4321.9))
    path = tmp_path / "r.pdf"
    path.write_bytes(RENDERERS["pdf"](long, "en"))
    pages = subprocess.run(["pdftotext", "-layout", path, "-"], capture_output=True, text=True, check=True).stdout
    assert pages.count("4,321.9") == 1
    first = pages.split("\f")[0]
    for key in ("report.profile", "report.bars_day", "report.heat", "one.now", "one.beside"):
        assert Words("en")(key) in first, key


def test_bills_by_read_dates_have_their_days_in_every_form_and_say_that_they_are_apart(report):
    one = report.buildings[0]
    read = ReadBills(one.id, dt.date(2026, 9, 12), dt.date(2026, 10, 11), 1, 1234.0, 5678.9)
    apart = replace(report, read_bills=(read,), raised_ratio=0.02, minimum_floor="demand")
    text = words_of(apart)
    assert "Bills as they are read" in text
    assert "12 September 2026 – 11 October 2026" in text
    assert "5,678.90" in text
    assert "no part of the total" in text
    assert "raised by 2.0%" in text
    assert "Minimum charge" in text
    assert "12 กันยายน 2569 – 11 ตุลาคม 2569" in words_of(apart, "th")
    book = openpyxl.load_workbook(io.BytesIO(RENDERERS["xlsx"](apart, "en")))
    cells = [[cell.value for cell in row] for row in book["Electricity bill, all buildings"].iter_rows()]
    assert any(row[3:6] == [1, 1234, 5678.9] for row in cells)
    assert "Bills as they are read" not in words_of(report)


def index_of(report, **changes):
    """The report with two months of the state's index: one that is judged, one of which a driver is missing."""
    judged = IndexMonth(dt.date(2026, 9, 1), 7007.0, 0.99, 10494.13, 0.3323, None, None, None, {"th": (), "en": ()})
    why = {"th": ("ขาดผู้มาใช้บริการ",), "en": ("Visitors are missing.",)}
    lacking = IndexMonth(dt.date(2026, 10, 1), 6900.0, 0.98, None, None, 310.0, None, None, why)
    index = StateIndex("1-01", 0.2, "Cabinet, 2022", "มติคณะรัฐมนตรี 2565", (judged, lacking))
    return replace(report, state_index=index, **changes)


def test_a_report_has_the_state_s_index_by_month_and_says_what_is_missing(report):
    text = words_of(index_of(report))
    assert "33.23%" in text
    assert "10,494" in text
    assert "October 2026: Visitors are missing." in text
    assert "20% below the standard use. Source: Cabinet, 2022." in text
    assert "another target with another base" in text
    thai = words_of(index_of(report), "th")
    assert "ตุลาคม 2569: ขาดผู้มาใช้บริการ" in thai
    assert "มติคณะรัฐมนตรี 2565" in thai
    assert "another target" not in words_of(report)


def test_a_report_says_what_the_law_asks_of_designated_buildings(report):
    duty = Duty(report.buildings[0].id, 2, dt.date(2027, 3, 31))
    text = words_of(replace(report, duties=(duty,)))
    assert "2 persons responsible for energy. Its energy management report is due by 31 March 2027." in text
    assert "31 มีนาคม 2570" in words_of(replace(report, duties=(duty,)), "th")
    whole = city_report(
        [index_of(report, duties=(duty,))], PLACEBO, names=("เมือง", "City"), missing={}, generated_at=NOW
    )
    assert whole.duties == (duty,)
    assert whole.state_index is None


def test_reasons_of_several_months_are_said_once_with_their_months():
    why = {"th": ("ก",), "en": ("A.",)}
    months = [IndexMonth(dt.date(2026, n, 1), None, 0.0, None, None, None, None, None, why) for n in (1, 2, 3)]
    index = StateIndex("1-01", 0.2, "s", "s", tuple(months))
    assert index_whys(index, Words("en")) == ["January 2026 – March 2026 (3): A."]


@pytest.mark.parametrize("lang", LANGS)
def test_the_city_sums_the_bills_that_are_read_by_agency_with_their_days(report, lang):
    one, two = report.buildings
    reads = (
        ReadBills(one.id, dt.date(2026, 9, 12), dt.date(2026, 10, 11), 1, 1234.0, 5678.9),
        ReadBills(two.id, dt.date(2026, 9, 20), dt.date(2026, 10, 19), 2, 1000.0, 4321.1),
    )
    apart, without = replace(report, read_bills=reads), replace(report, agency_id="b")
    whole = city_report([apart, without], PLACEBO, names=("เมือง", "City"), missing={}, generated_at=NOW)
    assert whole.read_bills == (ReadBills("agency", dt.date(2026, 9, 12), dt.date(2026, 10, 19), 3, 2234.0, 10000.0),)
    text = words_of(whole, lang)
    assert Words(lang)("report.read_bills") in text
    assert "10,000.00" in text


@pytest.mark.parametrize("lang", LANGS)
def test_a_cost_says_whether_it_is_of_calendar_months_or_of_days_without_a_bill(report, lang):
    words = Words(lang)
    assert cost_note(report, words).startswith(words("by_scope.bill_note"))
    days = replace(report, bill=(), period_kind="range")
    assert cost_note(days, words).startswith(
        words("report.flat_rate_note", rate=words.number(days.rate_thb_per_kwh, 2))
    )


def test_each_day_of_a_week_has_its_label_in_bars_and_heat_map(scene):
    scene.period = Period.week(scene.period.first_day - dt.timedelta(days=7))
    page = page_of(scene.report(), "en").replace(NO_BREAK_SPACE, " ")
    for label in ("Mon 16", "Tue 17", "Sun 22", "16 Nov", "18 Nov", "22 Nov"):
        assert f">{label}<" in page, label


@pytest.mark.parametrize("lang", LANGS)
def test_the_workbook_has_what_findings_rest_on_and_the_quarter_hours_with_their_energy(report, lang):
    words = Words(lang)
    raw = RENDERERS["xlsx"](report, lang)
    book = openpyxl.load_workbook(io.BytesIO(raw), data_only=True)
    rows = list(book[words("evidence.sheet")].iter_rows(min_row=2, values_only=True))
    assert [(row[6], row[7]) for row in rows] == [("lowest_kw", 10.0), ("highest_kw", 30.0)]
    assert {(row[4], row[5]) for row in rows} == {(321.0, 4567.0)}
    sheet = book[words("evidence.quarters")]
    assert sheet.max_row == len(report.pictures.quarter_kw) + 1
    assert sheet["A2"].value == dt.datetime.combine(report.first_day, dt.time())
    known = [kw for kw in report.pictures.quarter_kw if kw is not None]
    assert sheet["D1"].value == pytest.approx(sum(known) / 4)
    written = openpyxl.load_workbook(io.BytesIO(raw))[words("evidence.quarters")]
    assert written["D1"].value == f"=SUM(B2:B{sheet.max_row})/4"


@pytest.mark.browser
def test_a_pdf_is_tagged_with_its_language_title_and_outline(report):
    reader = PdfReader(io.BytesIO(RENDERERS["pdf"](report, "th")))
    root = reader.trailer["/Root"]
    assert (root["/Lang"], root["/MarkInfo"]["/Marked"]) == ("th", True)
    assert "/StructTreeRoot" in root
    assert Words("th")("one.now") in str(reader.outline)
    assert reader.metadata.title.startswith(Words("th")("report.title_month"))


@pytest.mark.parametrize("lang", LANGS)
def test_findings_of_one_fault_are_one_with_one_sum_on_every_form(report, lang):
    words, night = Words(lang), report.findings[0]
    rise = {"now_kw": 80.0, "usual_kw": 17.0, "rise_ratio": 3.7}
    rise = replace(night, rule="baseload_rise", cost_thb_a_month=23_000.0, evidence=dict(night.evidence) | rise)
    both = replace(report, findings=(rise, replace(night, cost_thb_a_month=1_900.0, days=(), since=rise.since)))
    (fault,) = fault_groups(both.findings)
    once, other = words("work.together", thb=words.number(fault.cost_thb_a_month)), words("insight.night_spread")
    text = words_of(both, lang)
    assert text.count(words("insight.baseload_rise")) == 2, "on page one, and in the list"
    assert once in text
    assert f"{words('work.same_fault')} {other}" in text
    assert first_thing(both, words).stakes == words("one.stakes", thb=words.number(fault.cost_thb_a_month))
    _, mail, _ = report_message(both, words)
    assert (mail.count("• "), once in mail) == (1 + len(both.attention[:5]), True)
    book = openpyxl.load_workbook(io.BytesIO(RENDERERS["xlsx"](both, lang)))
    rows = [row for row in book[words("insight.title")].iter_rows(values_only=True) if row[5] is not None][1:]
    assert [row[5] for row in rows] == [fault.cost_thb_a_month]
    assert other in rows[0][2]
