"""The report as a document: what its figures rest on, and who cares for what is to be done."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from bkkenergy.i18n import LANGS, Words
from bkkenergy.reports.content import FindingOwner
from bkkenergy.reports.papers.actions import actions_grid
from bkkenergy.reports.render.docx import report_paper
from tests.unit.reports.test_full import full


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("coverage_ratio", [0.9, 1.0])
def test_each_figure_that_rests_on_a_part_of_the_data_says_so(scene, lang, coverage_ratio):
    report, words = full(scene.report()), Words(lang)
    use = replace(report.total, coverage_ratio=coverage_ratio, co2e_kg=1234.0)
    figures = report_paper(replace(report, total=use), words).blocks[0].figures
    measured = [figure for figure in figures if figure.name in {words(f"report.{name}") for name in (
        "energy", "co2", "peak", "bill_cost")}]  # fmt: skip
    assert len(measured) >= 4
    part = words("report.cost_of_part", coverage=words.percent(coverage_ratio))
    assert [part in figure.note for figure in measured] == [coverage_ratio < 1] * len(measured)


@pytest.mark.parametrize(("owner", "named"), [("Malee", "Malee"), ("", "not assigned"), (None, "not assigned")])
@pytest.mark.parametrize("has_reasons", [True, False])
def test_an_action_has_an_owner_or_says_that_it_has_none(scene, owner, named, has_reasons):
    report, due = full(scene.report()), dt.date(2026, 12, 24)
    owners = () if owner is None else (FindingOwner("agency.one", "night_spread", owner, due),)
    grid = actions_grid(replace(report, owners=owners), Words("en"), "Actions", has_reasons=has_reasons)
    (row,) = grid.rows
    assert row[3:] == (4567.0, named, None if owner is None else due)
    assert ("10" in str(row[1])) == has_reasons
