"""Pictures of a document: Word draws them from the report's own figures, which can be edited there."""

from __future__ import annotations

import io
from dataclasses import replace

import docx
import pytest

from bkkenergy.errors import InputError
from bkkenergy.i18n import LANGS, Words
from bkkenergy.reports.papers.docx import column_widths_cm
from bkkenergy.reports.reasons import why_texts
from bkkenergy.reports.render import RENDERERS
from tests.unit.reports.test_full import full
from tests.wordcharts import charts


@pytest.mark.parametrize("lang", LANGS)
def test_a_document_has_the_report_s_bars_and_hours_as_charts_and_its_heat_map(scene, lang):
    scene.lengthen(30)
    report, words = full(scene.report()), Words(lang)
    document = RENDERERS["docx"](report, lang)
    hours, days = charts(document)
    assert hours[words("report.profile_actual")] == pytest.approx(report.total.profile_kw)
    bars = [bar for bar in report.pictures.bars if bar.energy_kwh is not None]
    assert days[words("report.bar_actual")] == pytest.approx([bar.energy_kwh for bar in bars])
    assert days[words("report.bar_expected")] == pytest.approx([bar.expected_kwh for bar in report.pictures.bars])
    opened = docx.Document(io.BytesIO(document))
    headings = [paragraph.text for paragraph in opened.paragraphs if paragraph.style.name == "Heading 1"]
    assert words("report.heat") in headings
    described = [shape._inline.docPr.get("descr") for shape in opened.inline_shapes]
    assert len(described) == 3
    assert all(described), "a reader of the screen hears what each picture shows"


def test_what_is_not_known_is_a_gap_and_no_zero(scene):
    report = full(scene.report())
    first, *rest = report.pictures.bars
    bars = (replace(first, energy_kwh=None, expected_kwh=None), *rest)
    document = RENDERERS["docx"](replace(report, pictures=replace(report.pictures, bars=bars)), "en")
    assert len(charts(document)[1]["used"]) == len(rest)


@pytest.mark.parametrize("number", ["135,524,620", "100.0%", "1,234.56"])
def test_a_number_of_a_document_is_not_cut_beside_long_names(number):
    name, figure = "Suan Lum health centre of the Health Department, second building " * 3, number
    widths_cm = column_widths_cm([["Building", *["kWh"] * 5], [name, *[figure] * 5]])
    assert min(widths_cm) >= 0.2 * len(figure) + 0.4
    assert sum(widths_cm) == pytest.approx(16.0, abs=0.1)


def test_a_unit_is_not_cut_over_a_column_of_which_nothing_is_known():
    head, row = ["Compared with", "kWh", "%", "THB"], ["Last year (too little is known of it)", *["–"] * 3]
    assert min(column_widths_cm([head, row])) > 1.35


def test_a_reason_in_a_report_names_no_command_and_writes_days_out():
    proposed = why_texts(InputError.of("baseline_proposed", building="health.centre-2"))
    assert proposed["en"] == "A baseline of health.centre-2 is proposed."
    assert "bkkenergy" not in proposed["th"]
    within = why_texts(InputError.of("within_baseline", first="2025-10-09", last="2026-10-08"))
    assert within["en"] == "The period begins within the baseline (9 October 2025 to 8 October 2026)."
    assert "8 ตุลาคม 2569" in within["th"]
