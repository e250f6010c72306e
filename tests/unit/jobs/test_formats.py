"""In which formats a run is archived."""

from __future__ import annotations

from dataclasses import fields

import pytest

from bkkenergy.adapters.state.runs import Run
from bkkenergy.calendar import Period
from bkkenergy.jobs.papers import archived_forms, papers_of
from bkkenergy.jobs.runner import formats_of
from bkkenergy.recipients import Recipient
from bkkenergy.reports.render import browser
from bkkenergy.settings import JobsSettings, ReportSchedule, ReportSettings, Settings


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


def papers(slug, **given):
    return papers_of(Settings(**given), run_of(slug))


def test_papers_of_a_period_are_archived_by_themselves():
    assert papers("2026-10-01") == ()
    assert papers("2026-W48") == ("poster",)
    assert papers("2026-10") == ("committee", "memo")
    assert "training" in papers("FY2569")


def test_a_line_of_the_schedule_names_its_papers_and_recipients_add_theirs():
    jobs = JobsSettings(schedule=(ReportSchedule(kind="month", papers=("pv",)),))
    wants = Recipient(to="head@example.org", reports=("month",), documents=("partner", "pv"), agencies=("health",))
    elsewhere = Recipient(to="a@example.org", reports=("month",), documents=("training",), agencies=("education",))
    assert papers("2026-10", jobs=jobs, recipient=(wants, elsewhere)) == ("pv", "partner")


def test_a_paper_is_archived_in_its_official_form_and_what_is_mailed(monkeypatch):
    monkeypatch.setattr(browser.shutil, "which", lambda _: "/usr/bin/chromium")
    wants = Recipient(to="head@example.org", reports=("month",), documents=("memo", "committee"), formats=("csv",))
    settings = Settings(recipient=(wants,))
    assert archived_forms(Settings(), run_of("2026-10"), "memo") == ("docx", "pdf")
    assert archived_forms(settings, run_of("2026-10"), "memo") == ("docx", "pdf"), "a memorandum has no table"
    assert archived_forms(settings, run_of("2026-10"), "committee") == ("pdf", "xlsx", "csv")
    monkeypatch.setattr(browser.shutil, "which", lambda _: None)
    assert archived_forms(Settings(), run_of("2026-10"), "memo") == ("docx",)
    assert archived_forms(Settings(), run_of("2026-W48"), "poster") == ("html",), "never nothing"


def test_files_are_made_in_the_languages_of_those_to_whom_they_are_mailed():
    wants = Recipient(to="head@example.org", reports=("month",), language="en")
    settings = Settings(report=ReportSettings(languages=("th",)), recipient=(wants,))
    assert formats_of(settings, run_of("2026-10"))[1] == ("th", "en")
