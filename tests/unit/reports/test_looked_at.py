"""Faults that readers of printed reports named, and the test that holds each: the table below is checked.

On a first look at one district's month, year and day a manager and a governor's staff stopped at these. A second look,
at every kind in Thai, found those from "a month of 27 known days" on.
"""

import re

import pytest
from docx.oxml.ns import qn

from bkkenergy.i18n import LANGS, Words
from bkkenergy.reports.papers.docx import add_grid, new_document
from bkkenergy.reports.papers.model import GridColumn, PaperGrid
from tests.conftest import ROOT

UNIT = "tests/unit/reports"
OFFICIALS, COMPARISONS, PAPER = (f"{UNIT}/test_{name}.py" for name in ("for_officials", "comparisons", "on_paper"))
HELD_BY = {
    "a saving that may be chance is said in Thai that no one says": (
        "tests/unit/test_thai_words.py",
        "test_thai_says_it_as",
    ),
    "nothing to attend to, above a finding": (
        f"{UNIT}/test_no_contradiction.py",
        "test_a_generated_agency_s_report_does",
    ),
    "a change of one building of four in the headline": (
        OFFICIALS,
        "test_a_change_of_a_part_of_the_energy_is_no_headline",
    ),
    "a change that may be chance in green": (COMPARISONS, "test_a_saving_that_may_be_chance_has_no_colour"),
    "peaks by four definitions": (OFFICIALS, "test_a_peak_is_that_of_15_minutes"),
    "export beside no solar": (OFFICIALS, "test_a_building_that_feeds_back_is_not_said_to_have_no_pv"),
    "use that is what the grid gave": (COMPARISONS, "test_use_beside_own_production_is_said_to_be_of_the_grid"),
    "pages nearly empty": (PAPER, "test_a_ranking_of_twelve_is_on_one_page"),
    "VAT before energy": (OFFICIALS, "test_items_of_a_bill_come_in_the_order_of_mea_with_vat_last"),
    "a total on two pages": (OFFICIALS, "test_on_paper_a_total_stands_once"),
    "intensity with three decimals": (OFFICIALS, "test_energy_by_floor_area_has_one_decimal"),
    "noise ranked": (OFFICIALS, "test_a_difference_within_its_interval_is_not_ranked"),
    "below the baseline is a saving": (
        f"{UNIT}/test_looked_at.py",
        "test_the_glossary_asks_for_more_than_the_interval",
    ),
    "English sources in Thai": (
        f"{UNIT}/test_full.py",
        "test_the_city_quotes_each_source_of_its_bills_once_and_in_thai",
    ),
    "Ft of other months": (COMPARISONS, "test_the_tile_says_that_its_money_is_provisional"),
    "evening sport advised to wait for off-peak": ("tests/unit/savings/test_insights.py", "test_people_who_train_in"),
    "a year without a comparison": (COMPARISONS, "test_a_year_that_has_no_usual_shows_last_year_in_its_place"),
    "savings of dashes": (OFFICIALS, "test_savings_of_no_building_are_no_table_of_dashes"),
    "money of a part of the year": (OFFICIALS, "test_a_cost_of_a_part_of_the_energy_says_so"),
    "findings of the last week lead a year": (OFFICIALS, "test_findings_of_a_fiscal_year_say_their_day"),
    "a finding of one day leads a year": (PAPER, "test_what_was_seen_on_the_last_day_alone_does_not_lead_a_year"),
    "each day says that nothing can be shown": (OFFICIALS, "test_a_day_does_not_repeat_that_nothing_can_be_shown"),
    "drops as negative baht first": (OFFICIALS, "test_less_use_is_a_question_without_baht"),
    "a workbook without savings and evidence": (OFFICIALS, "test_the_workbook_has_the_savings_and_calls_a_bill_a_bill"),
    "no document number": (COMPARISONS, "test_a_document_has_a_number_of_agency_period_and_revision"),
    "no quarter of the fiscal year": (COMPARISONS, "test_a_month_says_its_quarter_of_the_fiscal_year"),
    "no place to sign": (COMPARISONS, "test_months_and_years_have_a_place_to_sign"),
    "no memorandum": ("tests/integration/test_papers.py", "test_a_memorandum_has_its_parts"),
    "a month of 27 known days is a tenth less": (PAPER, "test_a_month_that_is_not_over_is_no_month_of_less_use"),
    "a school's own poster without weather": (PAPER, "test_a_building_alone_in_its_report_has_the_weather"),
    "registered PV called unregistered": (PAPER, "test_an_agency_that_feeds_in_by_registered_pv"),
    "a class for a section and a bar": (PAPER, "test_a_class_of_reports_is_for_one_kind_of_element"),
    "a memorandum of the day before": ("tests/integration/test_papers.py", "test_a_memorandum_has_the_day_of_bangkok"),
    "Thai in Word twice as large as its digits": (f"{UNIT}/test_looked_at.py", "test_thai_in_a_document_has_the_size"),
    "a building's sum called that of the whole agency": (
        "tests/integration/test_every_kind.py",
        "test_no_document_speaks",
    ),
    "data complete at 93.7 %": (PAPER, "test_data_that_lack_a_part_are_not_called_complete"),
    "a year compared with usual days": (PAPER, "test_a_long_period_without_a_year_before"),
    "commands in a report": (f"{UNIT}/test_document_charts.py", "test_a_reason_in_a_report_names_no_command"),
    "a number cut in two in Word": (f"{UNIT}/test_document_charts.py", "test_a_number_of_a_document_is_not_cut"),
    "no pictures in Word": (f"{UNIT}/test_document_charts.py", "test_a_document_has_the_report_s_bars"),
    "simulated roofs without a word": ("tests/unit/solar/test_design.py", "test_a_design_of_a_demonstration_says_so"),
    "less and more alike without colours": (f"{UNIT}/test_looked_at.py", "test_charts_are_read_in_black_and_white"),
}


@pytest.mark.parametrize("fault", HELD_BY)
def test_each_fault_has_a_test(fault):
    path, name = HELD_BY[fault]
    assert re.search(rf"^def {name}", (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("lang", LANGS)
def test_the_glossary_asks_for_more_than_the_interval(lang):
    words = Words(lang)
    interval = {"th": "ช่วงความเชื่อมั่น", "en": "interval"}[lang]
    assert interval in words("learn.baseline_note")


def test_charts_are_read_in_black_and_white():
    """What was used and what is usual, less and more: each pair differs by more than its colours."""
    style = (ROOT / "src/bkkenergy/reports/render/templates/style.css").read_text(encoding="utf-8")
    for look in (".usual { stroke:var(--usual); stroke-dasharray", ".less i { background:repeating-linear-gradient",
                 ".legend .usual i { border-top:2px dashed"):  # fmt: skip
        assert look in style


def test_thai_in_a_document_has_the_size_and_weight_of_its_digits():
    grid = PaperGrid("ตาราง", (GridColumn("อาคาร"), GridColumn("kWh", "number")), (("ศูนย์กีฬา", 12.0),))
    document = new_document("th", title="", subject="")
    add_grid(document, grid, Words("th"))
    (table,) = document.tables
    for cell in (*table.rows[0].cells, *table.rows[1].cells):
        (run,) = cell.paragraphs[0].runs
        sizes = [run._r.rPr.find(qn(f"w:{name}")).get(qn("w:val")) for name in ("sz", "szCs")]
        assert sizes[0] == sizes[1]
        assert run.bold == run.font.cs_bold
    assert table.rows[0].cells[0].width > 0
