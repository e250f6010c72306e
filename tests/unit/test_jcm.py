"""A monitoring sheet of a JCM method: its formulas give what its figures say, and what was not read is marked."""

from __future__ import annotations

import datetime as dt
import io
import re

import openpyxl
import pytest

from bkkenergy.errors import InputError
from bkkenergy.plan.jcm import METHODS, reduction_of
from bkkenergy.reports.plan.jcm import MonitoredMonth, Monitoring, monitoring_workbook
from tests.builders import meter

MONTHS = (
    MonitoredMonth(dt.date(2026, 9, 1), (1000.0, 500.0), (1.0, 0.99)),
    MonitoredMonth(dt.date(2026, 10, 1), (None, 500.0), (0.0, 1.0)),
)


def monitoring_of(name, **changes):
    ratio = {"project": 6.0, "reference": 5.0} if METHODS[name].ratio else {"project": None, "reference": None}
    body = {
        "method": METHODS[name],
        "meters": (meter(id="a.b.one"), meter(id="a.b.two")),
        "months": MONTHS,
        "kg_co2_per_kwh": 0.5,
        "factor_source": "=cmd|a guideline",
        "calibrations": {"a.b.one": "certificate 1"},
    }
    return Monitoring(**body | ratio | changes)


def book_of(monitoring, *, values):
    return openpyxl.load_workbook(io.BytesIO(monitoring_workbook(monitoring)), data_only=values)


def evaluated(book, sheet, cell):
    """The value of a cell by its formula: sums, products and references, nothing of what was stored beside it."""
    content = book[sheet][cell].value
    if not isinstance(content, str) or not content.startswith("=") or content.startswith("=cmd"):
        return content or 0.0
    if total := re.fullmatch(r"=SUM\(([A-Z]+\d+):([A-Z]+\d+)\)", content):
        cells = [one.coordinate for row in book[sheet][f"{total[1]}:{total[2]}"] for one in row]
        return sum(evaluated(book, sheet, one) for one in cells)
    other = re.sub(
        r"Monitored!\$([A-Z]+)\$(\d+)", lambda m: repr(float(evaluated(book, "Monitored", m[1] + m[2]))), content[1:]
    )
    return eval(re.sub(r"\b([A-Z]+\d+)\b", lambda m: repr(float(evaluated(book, sheet, m[1]))), other))


@pytest.mark.parametrize(
    ("name", "reference_t", "project_t"),
    [("TH_AM001", 1.0, 0.0), ("TH_AM003", 1.2, 1.0), ("TH_AM005", 1.2, 1.0), ("TH_AM016", 1.2, 1.0)],
)
def test_formulas_give_what_the_figures_beside_them_say(name, reference_t, project_t):
    """2,000 kWh at 0.5 are 1 t; a reference of 5 beside a project of 6 takes 6/5 of it."""
    monitoring = monitoring_of(name)
    written, results = book_of(monitoring, values=False), book_of(monitoring, values=True)
    rows = {row[0].value: row[1].coordinate for row in written["Calculation"].iter_rows(max_col=2) if row[0].value}
    for label, expected in (
        ("Reference emissions (tCO2)", reference_t),
        ("Project emissions (tCO2)", project_t),
        ("Emission reductions (tCO2)", reference_t - project_t),
    ):
        assert evaluated(written, "Calculation", rows[label]) == pytest.approx(expected)
        assert results["Calculation"][rows[label]].value == pytest.approx(expected)


def texts_of(monitoring):
    return [str(cell.value) for row in book_of(monitoring, values=True)["Calculation"].iter_rows() for cell in row]


def test_what_a_person_writes_is_no_formula():
    rows = book_of(monitoring_of("TH_AM001"), values=False)["Calculation"].iter_rows()
    (factor,) = [cell for row in rows for cell in row if cell.value == "=cmd|a guideline"]
    assert factor.data_type == "s"


def test_a_calibration_that_was_not_entered_and_a_method_that_was_not_read_are_marked():
    book = book_of(monitoring_of("TH_AM003"), values=True)
    records = {row[0].value: row[5].value for row in book["Meters"].iter_rows(min_row=2)}
    assert records == {"a.b.one": "certificate 1", "a.b.two": "NOT ENTERED"}
    assert any("PROVISIONAL" in text for text in texts_of(monitoring_of("TH_AM003")))
    assert not any("PROVISIONAL" in text for text in texts_of(monitoring_of("TH_AM005")))


def test_an_unknown_month_is_empty_and_its_coverage_says_so():
    sheet = book_of(monitoring_of("TH_AM001"), values=True)["Monitored"]
    assert [cell.value for cell in sheet[3]] == [dt.datetime(2026, 10, 1), None, 500.0, 500.0, 0, 1]


@pytest.mark.parametrize(
    ("name", "project", "reference", "why"),
    [
        ("TH_AM001", 6.0, 5.0, "has no ratio"),
        ("TH_AM005", None, 5.0, "needs the coefficient"),
        ("TH_AM005", 5.0, 6.0, "above that of the --reference"),
        ("TH_AM016", 6.0, None, "needs the luminous"),
    ],
)
def test_a_ratio_that_does_not_fit_the_method_is_refused(name, project, reference, why):
    with pytest.raises(InputError, match=why):
        reduction_of(METHODS[name], 1.0, 0.5, project=project, reference=reference)
