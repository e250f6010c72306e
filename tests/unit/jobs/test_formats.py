"""In which formats a run is archived."""

from __future__ import annotations

from dataclasses import fields

import pytest

from bkkenergy.adapters.state.runs import Run
from bkkenergy.calendar import Period
from bkkenergy.jobs.runner import formats_of
from bkkenergy.reports.render import browser
from bkkenergy.settings import JobsSettings, ReportSchedule, Settings


def run_of(slug: str) -> Run:
    given = {field.name: None for field in fields(Run)} | {"agency": "health", "period": Period.of(slug)}
    return Run(**given)


def formats(slug, settings=Settings()):  # noqa: B008 - frozen
    return formats_of(settings, run_of(slug))[0]


@pytest.mark.parametrize("slug", ["2026-10", "FY2570Q1", "FY2569"])
def test_what_lasts_is_archived_as_workbook_and_pdf_too(slug, monkeypatch):
    monkeypatch.setattr(browser.shutil, "which", lambda _: "/usr/bin/chromium")
    assert formats(slug) == ("html", "json", "csv", "pdf", "xlsx")
    assert formats("2026-10-01") == formats("2026-W48") == ("html", "json", "csv")


def test_without_a_browser_a_month_is_archived_without_its_pdf_and_does_not_fail(monkeypatch):
    monkeypatch.setattr(browser.shutil, "which", lambda _: None)
    assert formats("2026-10") == ("html", "json", "csv", "xlsx")


def test_a_line_of_the_schedule_that_names_its_formats_has_these_alone(monkeypatch):
    monkeypatch.setattr(browser.shutil, "which", lambda _: None)
    line = ReportSchedule(kind="month", formats=("pdf",))
    settings = Settings(jobs=JobsSettings(schedule=(line,)))
    assert formats("2026-10", settings) == ("pdf", "json"), "what was asked for is tried, and its failure is said"
