"""What a report is compared with on its first page, its number, and who signs: what a letter of a district needs."""

from __future__ import annotations

import datetime as dt
import io
from dataclasses import replace

import openpyxl
import pytest

from bkkenergy.calendar import Period
from bkkenergy.dated import Citation
from bkkenergy.i18n import LANGS, Words
from bkkenergy.reports.comparisons import comparisons, signed
from bkkenergy.reports.content import BuildingSaving, SavingTarget, SolarUse, YearBefore
from bkkenergy.reports.pageone import saved_money
from bkkenergy.reports.phrasing import document_number, headline, quarter_text, saving_sentence
from bkkenergy.reports.render import RENDERERS
from bkkenergy.reports.render.json import read_json
from bkkenergy.reports.savings.phrasing import finding_texts
from bkkenergy.reports.yearbefore import same_days_before
from bkkenergy.savings.facts import Finding
from bkkenergy.tariff.bill import Provisional
from tests.unit.reports.conftest import NOW
from tests.unit.reports.test_full import city_of, full
from tests.unit.reports.test_render import Text

TH, EN = Words("th"), Words("en")
TARGET = SavingTarget(0.10, 2573, Citation("EPPO", "สนพ."))
BEFORE = YearBefore(dt.date(2025, 11, 1), dt.date(2025, 11, 30), 900.0, 990.0, 2, 2)


@pytest.fixture
def report(scene):
    month = full(scene.report())
    total = replace(month.total, energy_kwh=1000.0, cost_thb=4000.0)
    first, last = dt.date(2026, 11, 1), dt.date(2026, 11, 30)
    return replace(month, total=total, first_day=first, last_day=last, year_before=BEFORE, target=TARGET)


def shown(report, lang="th"):
    return " ".join(
        " ".join(Text(RENDERERS["html"](report, lang).decode().replace("\N{NO-BREAK SPACE}", " ")).words).split()
    )


def by_name(report, words=TH):
    return {row.name: row for row in comparisons(report, words)}


def test_last_year_baseline_and_target_stand_with_their_money_at_the_mean_price(report):
    rows = by_name(report)
    last_year = rows["พฤศจิกายน 2568 (เดือนเดียวกันของปีก่อน)"]
    assert (last_year.difference_kwh, last_year.change_ratio) == (90.0, pytest.approx(0.1))
    assert last_year.difference_thb == pytest.approx(360.0)
    baseline = rows["ค่าฐาน (EnB)"]
    assert (baseline.reference_kwh, baseline.difference_kwh, baseline.is_sure) == (1000.0, -100.0, True)
    target = rows["เป้าหมายปี 2573: ลดจากค่าฐาน 10%"]
    assert (target.reference_kwh, target.difference_kwh, target.note) == (900.0, 0.0, "ถึงเป้าหมาย")


def test_a_saving_that_may_be_chance_has_no_colour_and_says_so(report):
    unclear = BuildingSaving("", 1000.0, 990.0, 0.01, 0.05, "unclear", is_provisional=False)
    rows = by_name(replace(report, total_saving=unclear), EN)
    row = rows[EN("learn.baseline")]
    assert (row.is_sure, row.note) == (False, "not statistically significant yet · use that is compared: 990 kWh")
    assert rows["Target for 2030: 10% below the baseline"].note == "target not reached yet"
    plant = SolarUse("agency.one", is_installed=True, capacity_kwp=9.0, energy_kwh=90.0)
    with_own = by_name(replace(report, total_saving=unclear, solar=(plant,)), EN)[EN("learn.baseline")]
    assert with_own.note.endswith("use with own production: 990 kWh")
    assert '<span class="down">−1.0%' not in RENDERERS["html"](replace(report, total_saving=unclear), "en").decode()


def test_buildings_that_cannot_be_compared_with_last_year_are_counted(report):
    part = replace(report, year_before=replace(BEFORE, building_count=1, compared_kwh=810.0))
    assert "เทียบได้ 1 จาก 2 อาคาร" in shown(part)
    assert Words("th")("one.part", share="81%") in shown(part)
    too_little = replace(part, year_before=replace(BEFORE, building_count=1, compared_kwh=790.0))
    assert "เทียบได้ 1 จาก 2 อาคาร" not in shown(too_little)
    assert Words("th")("one.no_last_year") in shown(too_little)
    assert "เทียบได้" not in shown(replace(part, year_before=BEFORE)).partition("การใช้ไฟฟ้าเมื่อเทียบกับ")[2][:300]


def test_a_year_that_stands_for_more_days_than_are_known_says_so(report):
    scaled = replace(report, year_before=replace(BEFORE, known_days=27, known_days_before=30))
    note = Words("en")("compared.scaled", now=27, then=30, days=30)
    assert note in next(row.note for row in comparisons(scaled, Words("en")) if row.reference_kwh == 900.0)
    assert Words("en")("one.scaled", now=27, days=30) in shown(scaled, "en")
    whole = replace(report, year_before=replace(BEFORE, known_days=30, known_days_before=30))
    assert "known days" not in shown(whole, "en").partition(Words("en")("report.method"))[0]


def test_no_verdict_on_savings_stands_on_less_than_nine_tenths_of_the_energy(report):
    one, two = report.buildings
    for kwh, is_said in ((899.0, False), (900.0, True)):
        buildings = (
            replace(one, use=replace(one.use, energy_kwh=kwh)),
            replace(two, use=replace(two.use, energy_kwh=1000 - kwh)),
        )
        part = replace(report, buildings=buildings)
        assert ("baseline" in headline(part, EN)) is is_said
        assert (saved_money(part, EN).thb is not None) is is_said
        assert (EN("saving.of_part", share=EN.percent(kwh / 1000)) in saving_sentence(part, EN)) is not is_said


def test_without_a_cost_a_difference_has_no_money(report):
    free = replace(report, total=replace(report.total, cost_thb=None))
    assert {row.difference_thb for row in comparisons(free, TH)} == {None}
    assert "–" in shown(free)


def test_a_day_is_compared_with_its_usual_alone_in_its_card(scene):
    day = replace(scene.report(), target=TARGET)
    assert comparisons(day, TH) == []
    assert TH("compared.title") not in shown(day)


def test_a_year_that_has_no_usual_shows_last_year_in_its_place(report):
    before = replace(BEFORE, first_day=dt.date(2024, 10, 1), last_day=dt.date(2025, 9, 30))
    uses = [replace(one, use=replace(one.use, change_ratio=None)) for one in report.buildings]
    year = replace(
        report, period_kind="fiscal_year", first_day=dt.date(2025, 10, 1), last_day=dt.date(2026, 9, 30),
        buildings=tuple(uses), year_before=before,
    )  # fmt: skip
    page = shown(year)
    assert TH("compared.against_year") in page
    assert "ปีงบประมาณ พ.ศ. 2568" in page
    assert TH("report.not_compared") not in page


def test_a_city_sums_last_year_of_its_agencies_and_counts_all_buildings(report):
    city = city_of(report, replace(report, agency_id="other", year_before=None))
    assert city.year_before == replace(BEFORE, all_count=4)
    assert city_of(*[replace(report, agency_id=name, year_before=None) for name in "ab"]).year_before is None


def test_json_has_the_comparisons_and_a_report_without_them_is_read(report):
    assert read_json(RENDERERS["json"](report, "th")).year_before == BEFORE
    assert read_json(RENDERERS["json"](replace(report, year_before=None, target=None), "th")).target is None


def test_the_workbook_has_a_sheet_of_comparisons(report):
    book = openpyxl.load_workbook(io.BytesIO(RENDERERS["xlsx"](report, "en")))
    rows = list(book["Use compared with"].values)
    assert rows[2][:2] == ("November 2025 (same month of last year)", 900)
    assert rows[2][3:5] == (90, 360)


@pytest.mark.parametrize(
    ("period", "first", "last"),
    [
        (Period.month(2026, 10), "2025-10-01", "2025-10-31"),
        (Period.month(2024, 2), "2023-02-01", "2023-02-28"),
        (Period.month(2025, 2), "2024-02-01", "2024-02-29"),
        (Period.fiscal_year(2569), "2024-10-01", "2025-09-30"),
        (Period.quarter(2569, 2), "2025-01-01", "2025-03-31"),
        (Period.of("2026-W48"), "2025-11-24", "2025-11-30"),
        (Period.days(dt.date(2024, 2, 29), dt.date(2024, 3, 5)), "2023-02-28", "2023-03-05"),
    ],
)
def test_the_same_days_a_year_before(period, first, last):
    before = same_days_before(period)
    assert (str(before.first_day), str(before.last_day)) == (first, last)


@pytest.mark.parametrize(
    ("kind", "first", "last", "number"),
    [
        ("month", "2026-10-01", "2026-10-31", "agency/2569-10/2"),
        ("day", "2026-10-05", "2026-10-05", "agency/2569-10-05/2"),
        ("fiscal_year", "2025-10-01", "2026-09-30", "agency/FY2569/2"),
        ("quarter", "2026-01-01", "2026-03-31", "agency/FY2569Q2/2"),
        ("week", "2026-11-23", "2026-11-29", "agency/2569-W48/2"),
        ("range", "2026-10-05", "2026-10-09", "agency/2569-10-05..2569-10-09/2"),
    ],
)
def test_a_document_has_a_number_of_agency_period_and_revision(report, kind, first, last, number):
    days = {"first_day": dt.date.fromisoformat(first), "last_day": dt.date.fromisoformat(last)}
    one = replace(report, period_kind=kind, **days)
    assert document_number(one) == number
    assert all(number in shown(one, lang) for lang in LANGS)


@pytest.mark.parametrize(
    ("month", "quarter", "year"), [(10, 1, 2570), (12, 1, 2570), (1, 2, 2569), (6, 3, 2569), (9, 4, 2569)]
)
def test_a_month_says_its_quarter_of_the_fiscal_year(report, month, quarter, year):
    first = dt.date(2026, month, 1)
    assert quarter_text(replace(report, first_day=first), TH) == f"ไตรมาสที่ {quarter} ปีงบประมาณ พ.ศ. {year}"


def test_months_and_years_have_a_place_to_sign_and_a_day_has_none(report, scene):
    assert TH("report.checked_by") in shown(report)
    assert TH("report.checked_by") not in shown(scene.report())


def test_the_tile_says_that_its_money_is_provisional(report):
    sure, unsure = replace(report, provisional=()), replace(report, provisional=(Provisional("ft", "expired", None),))
    assert "ตัวเลขชั่วคราว" not in shown(sure).partition("คำที่ควรรู้")[0]
    assert "ตัวเลขชั่วคราว" in shown(unsure).partition("คำที่ควรรู้")[0]


@pytest.mark.parametrize("lang", LANGS)
def test_use_beside_own_production_is_said_to_be_of_the_grid_alone(report, lang):
    one, *rest = report.buildings
    feeding = replace(report, buildings=(replace(one, use=replace(one.use, exported_kwh=5.0)), *rest))
    none = replace(
        report,
        solar=(),
        buildings=tuple(replace(one, use=replace(one.use, exported_kwh=None)) for one in report.buildings),
    )
    assert Words(lang)("report.from_grid") in shown(feeding, lang)
    assert Words(lang)("report.from_grid") not in shown(none, lang)


def test_a_running_month_does_not_blame_lacking_history(report):
    uses = [replace(one, use=replace(one.use, change_ratio=None)) for one in report.buildings]
    running = replace(
        report,
        generated_at=NOW,
        total_saving=None,
        total=replace(report.total, change_ratio=None),
        buildings=tuple(uses),
    )
    assert "ย้อนหลังไม่พอ" not in headline(running, TH)


@pytest.mark.parametrize("lang", LANGS)
def test_an_anomaly_says_which_way_and_how_far_without_statistics(lang):
    words = Words(lang)
    more = Finding(
        "a", "anomaly", "warning", dt.date(2026, 11, 2), 500.0, 2000.0, {"day_sigma": 4.2, "week_sigma": 3.14}
    )
    less = replace(
        more, energy_kwh_a_month=-500.0, cost_thb_a_month=-2000.0, evidence={"day_sigma": -4.2, "week_sigma": -3.14}
    )
    assert finding_texts(more, words)[0] == words("insight.anomaly")
    assert finding_texts(less, words)[0] == words("insight.anomaly_less")
    for one in (more, less):
        said = finding_texts(one, words)[1]
        assert "4.2" in said
        assert "3.1 " in said
        assert "-" not in said
        assert not any(term in said for term in ("ส่วนเบี่ยงเบน", "standard deviation", "sigma"))


def test_hours_are_written_as_officials_write_them():
    from bkkenergy.texts import catalogue

    colloquial = ("นาฬิกา ", "โมงเย็น", "สี่ทุ่ม", "ตีสี่", "เที่ยงคืนถึง", "ทุ่ม")
    texts = {key: text for key, text in catalogue("th").items() if any(form in text for form in colloquial)}
    assert texts == {}


def test_differences_have_their_sign():
    assert [signed(value, TH) for value in (1234.4, -5.0, 0.2, None)] == ["+1,234", "\N{MINUS SIGN}5", "0", "–"]
