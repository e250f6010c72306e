"""A month's report with everything in it: bills, savings, findings, solar, plan, late data; and the city's."""

import csv
import datetime as dt
import html
import io
import json
import subprocess
from dataclasses import replace

import numpy as np
import openpyxl
import pytest

from bkkenergy.dated import Citation
from bkkenergy.i18n import LANGS, Words
from bkkenergy.reports.city import city_report, summed
from bkkenergy.reports.content import (
    BillItem,
    BuildingSaving,
    LateChange,
    PlanLine,
    PlanProgress,
    Ranked,
    ReportNote,
    SolarUse,
)
from bkkenergy.reports.phrasing import note_rows, saving_sentence
from bkkenergy.reports.pictures import Column, as_grid, bars, coloured, heat_map, png
from bkkenergy.reports.render import RENDERERS
from bkkenergy.reports.render.json import read_json
from bkkenergy.reports.render.mail import report_message
from bkkenergy.reports.yearpath import PathMonth, YearChange, YearPath
from bkkenergy.savings.facts import Finding
from bkkenergy.savings.uncertainty import Band, LengthCells, Placebo, summed_band
from tests.unit.reports.conftest import NOW
from tests.unit.reports.test_render import Text

GRID = ((2.0, 3.0), (1.0, 2.0))
PLACEBO = Placebo(
    days=(30, 365), lag_years=(1.0, 2.0), typical_fold_ratio=0.05, common_ratio=(0.02, 0.03),
    length=(LengthCells(months=12, half=GRID, significant=GRID, pairs=((300, 300), (300, 300))),),
    source="33 buildings", entered=dt.date(2026, 1, 1),
)  # fmt: skip
NOTE = ReportNote("", NOW, NOW, "x", "y")
PATH = YearPath(
    dt.date(2026, 10, 1), dt.date(2027, 9, 30), dt.date(2026, 11, 22),
    (PathMonth(dt.date(2026, 10, 1), 500.0, 600.0, 1050.0, 1000.0, 31, 31),), 50.0, 0.05, 2, 2, 1.0,
)  # fmt: skip
ITEMS = (("energy_on_peak", 1234.56), ("demand", 789.01), ("vat", 141.65))


def full(report):
    """The scene's report as that of a month, with a known figure in every section."""
    one, two = report.buildings
    bills = [tuple(BillItem(item, amount * share) for item, amount in ITEMS) for share in (0.75, 0.25)]
    costs = [sum(line.amount_thb for line in bill) for bill in bills]
    buildings = tuple(
        replace(own, use=replace(own.use, cost_thb=cost), bill=bill)
        for own, cost, bill in zip((one, two), costs, bills, strict=True)
    )
    expected = tuple(replace(bar, expected_kwh=(bar.energy_kwh or 0) * 1.1) for bar in report.pictures.bars)
    line = PlanLine(
        "led-one", "เปลี่ยนหลอด", "LED lamps", "led", "done", "agency.one", 2570, 1_200_000, 90_000, 81_234, 4_321
    )
    return replace(
        report,
        period_kind="month",
        buildings=buildings,
        total=replace(report.total, cost_thb=sum(costs)),
        pictures=replace(report.pictures, bars=expected),
        bill=tuple(BillItem(item, amount) for item, amount in ITEMS),
        bill_source="MEA",
        savings=(
            BuildingSaving("agency.one", 1000.0, 900.0, 0.1, 0.03, "proven", is_provisional=False),
            BuildingSaving("agency.two", None, None, None, None, None, is_provisional=False),
        ),
        savings_first_day=dt.date(2026, 11, 1),
        total_saving=BuildingSaving("", 1000.0, 900.0, 0.1, 0.03, "proven", is_provisional=False),
        findings=(Finding("agency.one", "night_spread", "warning", dt.date(2026, 11, 2), 321.0, 4567.0, {"lowest_kw": 10.0, "highest_kw": 30.0}),),
        placebo_source="33 buildings",
        ranking=(Ranked("agency.two", 12.0, 0.05, "usual"), Ranked("agency.one", -100.0, -0.1, "baseline")),
        solar=(SolarUse("agency.one", is_installed=False, capacity_kwp=98.7, energy_kwh=135_790.0),),
        plan=PlanProgress((line,), 90_000, 90_000, 81_234, 120_000, 2573),
        revision=2,
        changes=(LateChange("agency.one", 100.0, 111.0, 0.5, 1.0),),
    )  # fmt: skip


@pytest.fixture
def report(scene):
    scene.kw[2] = 2.0  # the building without a baseline uses less than a tenth
    return full(scene.report())


NUMBERS = (
    "1,234.56",
    "789.01",
    "141.65",
    "10.0%",
    "4,567",
    "98.7",
    "135,790",
    "1,200,000",
    "90,000",
    "81,234",
    "4,321",
    "120,000",
    "111",
)


@pytest.mark.parametrize("lang", LANGS)
def test_every_section_stands_on_the_page_with_its_figures(report, lang):
    words = Words(lang)
    text = " ".join(Text(RENDERERS["html"](report, lang).decode()).words)
    for number in NUMBERS:
        assert number in text, number
    keys = (
        "report.bars_day", "report.heat", "report.ranking", "by_scope.bill_agency", "saving.title", "insight.title",
        "report.solar", "report.plan", "report.changes", "report.learn", "learn.band", "learn.tou", "report.method_plan",
        "one.now", "by_scope.heats", "project_state.done",
    )  # fmt: skip
    for key in keys:
        assert words(key) in text, key
    assert words("report.revision", number=2) in text
    assert words("report.plan_sentence", done=1, count=1, kwh="90,000") in text


@pytest.mark.browser
@pytest.mark.parametrize("lang", LANGS)
def test_all_five_formats_tell_the_same(report, lang, tmp_path):
    words = Words(lang)
    data = json.loads(RENDERERS["json"](report, lang))
    rows = {row[1]: row for row in csv.reader(io.StringIO(RENDERERS["csv"](report, lang).decode("utf-8-sig")))}
    book = openpyxl.load_workbook(io.BytesIO(RENDERERS["xlsx"](report, lang)), data_only=True)
    page = " ".join(Text(RENDERERS["html"](report, lang).decode()).words)
    (tmp_path / "r.pdf").write_bytes(RENDERERS["pdf"](report, lang))
    paper = subprocess.run(
        ["pdftotext", "-layout", str(tmp_path / "r.pdf"), "-"], capture_output=True, text=True, check=True
    ).stdout
    first = book.worksheets[0]
    cells = {row[0].value: row for row in first.iter_rows(min_row=7)}
    for own, entry in zip(report.buildings, data["buildings"], strict=True):
        name = words.either(th=own.name_th, en=own.name_en)
        assert entry["use"]["cost_thb"] == own.use.cost_thb
        assert cells[name][6].value == pytest.approx(own.use.cost_thb)
        assert float(rows[own.id][11]) == pytest.approx(own.use.cost_thb)
        for place in (page, paper):
            assert words.number(own.use.cost_thb) in place
            assert words.number(own.use.energy_kwh) in place
    bill = {row[0].value: row[1].value for row in book[words("by_scope.bill_agency")[:31]].iter_rows(min_row=2)}
    for line in data["bill"]:
        assert bill[words(f"solar.item_{line['item']}")] == pytest.approx(line["amount_thb"])
        for place in (page, paper):
            assert words.number(line["amount_thb"], 2) in place
    plan = next(row for row in book[words("report.plan")[:31]].iter_rows(min_row=4, values_only=True))
    assert plan[3:6] == (1_200_000, 90_000, 81_234)
    for number in NUMBERS:
        assert number in paper, number


@pytest.mark.parametrize("lang", LANGS)
def test_an_auditor_can_follow_the_workbook_s_sums(report, lang):
    words = Words(lang)
    raw = RENDERERS["xlsx"](report, lang)
    shown, formulas = (openpyxl.load_workbook(io.BytesIO(raw), data_only=values) for values in (True, False))
    for own in report.buildings:
        name = words.either(th=own.name_th, en=own.name_en)
        sheet, written = shown[name], formulas[name]
        assert written["Z4"].value == "=SUM(B4:Y4)"
        hours = [cell.value for cell in sheet[4][1:25]]
        assert sheet["Z4"].value == pytest.approx(sum(hours))
        assert sheet["A4"].value.date() == report.pictures.heat_first_day
        last = sheet.max_row
        assert sheet.cell(last, 26).value == pytest.approx(own.use.cost_thb)
        assert written.cell(last, 26).value.startswith("=SUM(Z")
    bill = formulas[words("by_scope.bill_agency")[:31]]
    assert bill["B2"].value == "=SUM(C2:D2)"
    assert bill["C5"].value == "=SUM(C2:C4)"


@pytest.mark.parametrize("lang", LANGS)
def test_a_workbook_leaves_empty_what_is_not_known(report, lang):
    words, (one, two) = Words(lang), report.buildings
    dark = replace(
        two, use=replace(two.use, energy_kwh=None, cost_thb=None), bill=(), heat_kw=((None,) * 24,) * len(two.heat_kw)
    )
    line = replace(report.plan.projects[0], measured_kwh=None)
    made = replace(
        report, buildings=(one, dark), plan=replace(report.plan, projects=(line,), measured_kwh=None),
        total=replace(report.total, energy_kwh=None, cost_thb=None, co2e_kg=None),
    )  # fmt: skip
    book = openpyxl.load_workbook(io.BytesIO(RENDERERS["xlsx"](made, lang)))
    whole = next(row for row in book.worksheets[0] if row[0].value == words("by_scope.total_agency"))
    assert [whole[column].value for column in (1, 6, 7)] == [None, None, None]
    bill = book[words("by_scope.bill_agency")[:31]]
    assert {cell.value for cell in bill["D"][1:]} == {None}
    assert {cell.value for cell in book[words.either(th=two.name_th, en=two.name_en)]["Z"][3:]} == {None}
    assert book[words("report.plan")[:31]].cell(5, 6).value is None


def test_a_building_s_sheet_and_the_plan_call_no_sum_that_of_the_whole_agency(report):
    book = openpyxl.load_workbook(io.BytesIO(RENDERERS["xlsx"](report, "en")))
    for name in (report.buildings[0].name_en, "Progress of the action plan"):
        heads = [row[0].value for row in book[name] if row[0].value]
        assert heads[-1] in {"Total", "Total (THB)"}


def test_sheets_of_like_names_do_not_collide(report):
    twins = tuple(
        replace(own, name_en="A building with a name so long that it is cut: annexe") for own in report.buildings
    )
    book = openpyxl.load_workbook(io.BytesIO(RENDERERS["xlsx"](replace(report, buildings=twins), "en")))
    assert len([name for name in book.sheetnames if name.startswith("A building")]) == 2


def test_the_mail_tells_page_one_in_both_languages(report):
    subject, text, html = report_message(report, Words("th"))
    assert "ฉบับแก้ไขที่ 2" in subject
    assert "4,567 บาทต่อเดือน" in text
    assert "4,567" in " ".join(Text(html).words)
    assert "<script" not in html
    assert "revision 2" in report_message(report, Words("en"))[0]


def test_a_day_s_saving_says_since_when(scene):
    scene.kw[2] = 2.0
    own = replace(
        scene.report(),
        savings_first_day=dt.date(2026, 10, 1),
        savings=full(scene.report()).savings,
        total_saving=full(scene.report()).total_saving,
    )
    assert saving_sentence(own, Words("en")).startswith("Since 1 October 2026 of this fiscal year:")
    assert saving_sentence(replace(own, total_saving=None), Words("en")) == ""


# -- the city ------------------------------------------------------------------------------------------------------


def city_of(*reports, missing=None):
    return city_report(reports, PLACEBO, names=("เมือง", "City"), missing=missing or {}, generated_at=NOW)


@pytest.fixture
def pair(scene):
    """Two agencies: the scene's, and one like it with twice the load from noon on."""
    first = scene.report()
    scene.kw[:, scene.day(0).start + 48 :] *= 2
    return first, replace(scene.report(), agency_id="other", name_en="Other", names={"other": ("อื่น", "Other")})


def test_the_city_sums_its_agencies(pair):
    city = city_of(*pair)
    assert city.scope == "city"
    assert [row.id for row in city.buildings] == ["agency", "other"]
    for field in ("energy_kwh", "cost_thb", "co2e_kg"):
        assert getattr(city.total, field) == pytest.approx(sum(getattr(own.total, field) for own in pair))
    assert city.total.profile_kw[13] == pytest.approx(sum(own.total.profile_kw[13] for own in pair))
    assert city.pictures.bars[-1].energy_kwh == pytest.approx(sum(own.pictures.bars[-1].energy_kwh for own in pair))
    assert city.pictures.heat_kw[-1][13] == pytest.approx(sum(own.pictures.heat_kw[-1][13] for own in pair))


def test_the_city_has_what_was_noted_anywhere_in_order_of_time_with_its_place(pair):
    at = NOW
    later = ReportNote("agency.one", at + dt.timedelta(days=1), at + dt.timedelta(days=2), "exams", "malee")
    whole = ReportNote("", at, at + dt.timedelta(hours=2), "a blackout", "wichai")
    first, other = replace(pair[0], notes=(later,)), replace(pair[1], notes=(whole,))
    rows = note_rows(city_of(first, other), Words("en"))
    places = [("Other", "a blackout"), (first.names["agency.one"][1], "exams")]
    assert [(place, text) for _, place, text, _ in rows] == places
    assert "a blackout" in RENDERERS["html"](city_of(first, other), "en").decode()


def test_the_city_quotes_each_source_of_its_bills_once_and_in_thai(pair):
    rates, ft = Citation("MEA's rates", "อัตราของ กฟน."), Citation("ERC's Ft", "Ft ของ กกพ.")
    first, second = (
        replace(full(own), bill_sources=sources) for own, sources in zip(pair, ([rates], [rates, ft]), strict=True)
    )
    for lang, said in (("th", "อัตราของ กฟน.; Ft ของ กกพ."), ("en", "MEA's rates; ERC's Ft")):
        page = RENDERERS["html"](city_of(first, second), lang).decode()
        assert html.unescape(page).count(said) == 1


def test_an_archived_report_s_sources_are_quoted_as_it_has_them(pair):
    first, second = (full(own) for own in pair)
    assert "แหล่งข้อมูล: MEA" in RENDERERS["html"](city_of(first, replace(second, bill_sources=())), "th").decode()


def test_the_city_s_peak_is_coincident_not_the_sum_of_peaks(scene):
    scene.kw[0, scene.day(0).start + 40] = 500
    first = scene.report()
    scene.kw[0, scene.day(0).start + 40] = 40
    scene.kw[0, scene.day(0).start + 60] = 500
    second = replace(scene.report(), agency_id="other")
    city = city_of(first, second)
    assert first.total.peak_kw + second.total.peak_kw == pytest.approx(1040)
    assert city.total.peak_kw == pytest.approx(580)
    assert city.total.peak_at == first.total.peak_at


def test_the_city_s_change_is_that_of_what_can_be_compared(scene):
    scene.kw[0, scene.day(0)] *= 1.5
    scene.sent[2, : scene.day(0).start] = False  # the second building has no history
    first = scene.report()
    assert first.total.change_ratio == pytest.approx(0.5)
    city = city_of(first, replace(first, agency_id="other"))
    assert city.total.change_ratio == pytest.approx(0.5), "energy without a usual must not count as growth"


def test_the_city_s_band_is_that_of_all_buildings(report):
    other = replace(report, agency_id="other")
    city = city_of(report, other)
    band = summed_band(np.array([1000.0, 1000.0]), np.array([900.0, 900.0]), [Band(0.1, 0.03, 0.03)] * 2, 1.0, PLACEBO)
    assert city.total_saving.saving_ratio == pytest.approx(0.1)
    assert city.total_saving.half_width_ratio == pytest.approx(band.half_width_ratio)
    assert city.total_saving.half_width_ratio < 0.06, "errors of two buildings partly cancel"
    assert [own.building_id for own in city.savings] == ["agency", "other"]
    assert sum(line.amount_thb for line in city.bill) == pytest.approx(2 * sum(amount for _, amount in ITEMS))
    assert city.plan.expected_kwh == 180_000
    assert [(own.building_id, own.capacity_kwp) for own in city.solar] == [("agency", 98.7), ("other", 98.7)]


def test_the_city_is_the_same_from_archived_reports(pair):
    again = [read_json(RENDERERS["json"](own, "th")) for own in pair]
    assert city_of(*again) == city_of(*pair)


@pytest.mark.parametrize("lang", LANGS)
def test_the_city_s_report_names_agencies_and_who_is_missing(pair, lang):
    words = Words(lang)
    city = city_of(*pair, missing={"late": ("สาย", "Latecomers")})
    text = " ".join(Text(RENDERERS["html"](city, lang).decode()).words)
    assert words("report.missing", names=words.either(th="สาย", en="Latecomers")) in text
    assert words("report.agencies") in text
    assert words("by_scope.total_city") in text
    for form in ("xlsx", "csv", "json"):
        assert RENDERERS[form](city, lang)


# -- pictures ------------------------------------------------------------------------------------------------------


def test_sums_leave_out_what_is_not_known_and_say_so_where_nothing_is():
    assert summed([(1.0, None, None), (2.0, 3.0, None), ()]) == (3.0, 3.0, None)
    assert summed([]) == ()


def test_a_heat_map_is_a_pixel_an_hour_the_darkest_the_highest():
    grid = as_grid([[0.0] * 23 + [10.0], [None] * 12 + [5.0] * 12])
    colours = coloured(grid)
    assert colours[0, 0].tolist() == [255, 248, 225]
    assert colours[0, 23].tolist() == [84, 22, 8]
    assert colours[1, 0].tolist() == [226, 232, 235], "no data is grey, not zero"
    image = png(colours)
    assert image.startswith(b"\x89PNG")
    assert int.from_bytes(image[16:20]) == 24
    assert int.from_bytes(image[20:24]) == 2
    assert heat_map([[None] * 24], [], title="x") == ""


def test_bars_show_use_and_expectation_and_tell_when_pointed_at():
    picture = bars(
        [Column(100.0, 110.0, "1 ม.ค.", "100 <of> 110"), Column(None, None, "", "none")], title="ใช้", number=str
    )
    assert picture.count('class="bar"') == 1
    assert picture.count('class="expected"') == 1
    assert "100 &lt;of&gt; 110" in picture
    assert bars([Column(None, None, "", "")], title="x", number=str) == ""


def test_the_city_has_no_line_of_one_of_its_agencies_alone(pair):
    one, two = pair
    change = YearChange("", 900.0, 800.0, 850.0, 0.06, 0.02, 0.03, "more", 30, 30)
    lone = replace(one, total_year_change=change, year_changes=(change,), notes=(NOTE,), path=PATH)
    city = city_of(lone, replace(two, path=None))
    assert (city.total_year_change, city.year_changes, city.path) == (None, (), None)
    assert [note.building_id for note in city.notes] == ["agency"], "a note says whose it is"


def test_the_city_s_path_sums_its_agencies_with_the_widest_interval(pair):
    one, two = pair
    city = city_of(replace(one, path=PATH), replace(two, path=PATH))
    assert city.path is not None
    assert (city.path.energy_kwh, city.path.target_kwh, city.path.half_width_kwh) == (2200.0, 2000.0, 100.0)
    assert city.path.verdict == "missed"


def test_the_city_s_money_is_not_that_of_a_part_of_its_agencies(pair):
    one, two = pair
    unpriced = replace(two, total=replace(two.total, cost_thb=None))
    assert city_of(one, unpriced).total.cost_thb is None


def test_the_mail_gives_no_change_that_rests_on_a_small_part_of_the_energy(report):
    one, two = report.buildings
    part = replace(
        report,
        total=replace(report.total, change_ratio=0.1234),
        buildings=(replace(one, use=replace(one.use, change_ratio=None)), two),
    )
    assert "12.3" not in report_message(part, Words("en"))[2]
