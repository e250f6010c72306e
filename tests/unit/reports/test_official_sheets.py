"""The workbook's sheets of what the state asks: the index as a formula an auditor can follow, duties with their days."""

import datetime as dt
import io
from dataclasses import replace

import openpyxl
import pytest

from bkkenergy.i18n import LANGS, Words
from bkkenergy.reports.official import Duty, IndexMonth, StateIndex
from bkkenergy.reports.render import RENDERERS
from tests.unit.reports.test_full import full

WHY = {"th": ("ขาดผู้มาใช้บริการ",), "en": ("visitors are missing",)}
NO_WHY = {"th": (), "en": ()}
INDEX = StateIndex(
    "1-01", 0.2, "Cabinet", "ครม.",
    (
        IndexMonth(dt.date(2022, 9, 1), 7007.0, 1.0, 10494.13, 0.3323, 100.0, 125.0, 0.2, NO_WHY),
        IndexMonth(dt.date(2022, 10, 1), 6953.14, 0.98, None, None, None, None, None, WHY),
    ),
)  # fmt: skip


@pytest.fixture
def report(scene):
    duty = Duty("agency.one", 2, dt.date(2027, 3, 31))
    return replace(full(scene.report()), state_index=INDEX, duties=(duty,))


@pytest.mark.parametrize("lang", LANGS)
def test_the_index_is_a_formula_over_use_and_standard_use(report, lang):
    words = Words(lang)
    data = RENDERERS["xlsx"](report, lang)
    formulas = openpyxl.load_workbook(io.BytesIO(data))[words("ereport.sheet")]
    values = openpyxl.load_workbook(io.BytesIO(data), data_only=True)[words("ereport.sheet")]
    assert (formulas["E6"].value, formulas["H6"].value) == ("=(D6-B6)/D6", "=(G6-F6)/G6")
    use, standard = values["B6"].value, values["D6"].value
    assert values["E6"].value == pytest.approx((standard - use) / standard, abs=5e-5)
    assert (values["E7"].value, values["D7"].value, values["F7"].value) == (None, None, None)
    said = [row[0].value for row in values.iter_rows(min_row=8) if row[0].value]
    assert said == [f"{words.month(dt.date(2022, 10, 1))}: {WHY[lang][0]}"]


@pytest.mark.parametrize("lang", LANGS)
def test_a_duty_has_its_persons_and_the_day_on_which_its_report_is_due(report, lang):
    book = openpyxl.load_workbook(io.BytesIO(RENDERERS["xlsx"](report, lang)))
    sheet = book[Words(lang)("ereport.duties_sheet")]
    assert (sheet["B4"].value, sheet["C4"].value) == (2, dt.datetime(2027, 3, 31))


@pytest.mark.parametrize("lang", LANGS)
def test_a_building_that_is_designated_by_its_energy_has_persons_by_its_size(report, lang):
    words, duty = Words(lang), Duty("agency.one", None, dt.date(2027, 3, 31))
    of_energy = replace(report, duties=(duty,))
    sheet = openpyxl.load_workbook(io.BytesIO(RENDERERS["xlsx"](of_energy, lang)))[words("ereport.duties_sheet")]
    assert sheet["B4"].value == words("index.by_size")
    page = RENDERERS["html"](of_energy, lang).decode()
    assert {"th": "1 หรือ 2 คน", "en": "1 or 2 persons"}[lang] in page
    assert "None" not in page


def test_a_report_without_index_and_duties_has_no_such_sheets(report):
    book = openpyxl.load_workbook(io.BytesIO(RENDERERS["xlsx"](replace(report, state_index=None, duties=()), "en")))
    assert not {"e-report", "Duties"} & set(book.sheetnames)
