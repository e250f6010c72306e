"""The energy action plan as a document: aims, measures by year and sector, who answers for them, how they are measured.

What a version says is stored when it is drafted. Approval is added when the document is written out.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from bkkenergy.access import Actor
from bkkenergy.adapters.state.plandocuments import PlanDocument
from bkkenergy.calendar import BANGKOK
from bkkenergy.errors import InputError
from bkkenergy.i18n import LANGS, Lang, Words
from bkkenergy.plan import PROJECT_STATES
from bkkenergy.recipients import CITY
from bkkenergy.reports.papers.model import GridColumn, Paper, PaperGrid, PaperText, Value, total_row
from bkkenergy.reports.papers.stored import paper_of
from bkkenergy.reports.papers.tables import paper_data
from bkkenergy.reports.programme.gather import ProgrammeYear, programme_of
from bkkenergy.reports.programme.tables import (
    goal_table,
    needs_table,
    sectors_table,
    targets_table,
    workshops_table,
    years_table,
)
from bkkenergy.site import Site
from bkkenergy.texts import BE_OFFSET_YEARS
from bkkenergy.usecases.plandocuments import draft_document


def draft_plan(site: Site, actor: Actor, agency: str, now: dt.datetime, *, why: str) -> PlanDocument:
    """Draft the next version of the plan of an agency, or of the city, from the records as they are.

    Raises InputError where there is no such agency or no project, NotThere, NotAllowed, StoreUnavailable.
    """
    actor.need("plan", agency)
    if agency != CITY and agency not in site.portfolio.agencies:
        raise InputError.of("no_agency", agency=agency, known=", ".join(sorted(site.portfolio.agencies)))
    agencies = list(site.portfolio.agencies) if agency == CITY else [agency]
    programme = programme_of(site, agencies, now=now, has_partners=False)
    if not programme.projects:
        raise InputError.of("plan_empty", agency=agency)
    body: dict[str, Any] = {lang: paper_data(plan_paper(programme, Words(lang), agency, now)) for lang in LANGS}
    return draft_document(site.state, actor, agency, body, site.plan_records.revision, now, why=why)


def plan_paper(programme: ProgrammeYear, words: Words, subject: str, now: dt.datetime) -> Paper:
    """Make the document of a plan, as it is now."""
    agency = programme.agency_name(subject)
    name = words("report.city") if agency is None else words.either(th=agency.name_th, en=agency.name_en)
    last = max(project.due_year_be for project in programme.projects)
    period = words("plan_document.period", first=words.year(programme.year_be - BE_OFFSET_YEARS),
                   last=words.year(max(last, programme.year_be) - BE_OFFSET_YEARS))  # fmt: skip
    expected_t = sum(one.expected_t or 0.0 for one in programme.reductions)
    sentence = words(
        "plan_document.sentence",
        count=len(programme.projects),
        budget=words.number(sum(one.budget_thb for one in programme.projects)),
        kwh=words.number(sum(one.expected_kwh for one in programme.projects)),
        tonnes=words.number(expected_t),
    )
    return Paper(
        kind="action-plan",
        subject_id=subject,
        name=name,
        title=words("plan_document.title"),
        period=period,
        period_slug=f"{now.astimezone(BANGKOK):%Y-%m-%d}",
        number=f"{subject}/action-plan",
        lang=words.lang,
        sentence=sentence,
        blocks=(
            _aims(programme, words),
            targets_table(programme, words),
            measures_table(programme, words),
            years_table(programme, words),
            sectors_table(programme, words),
            goal_table(programme, words),
            needs_table(programme, words),
            workshops_table(programme, words),
            PaperText(words("plan_document.measuring"), tuple(words("plan_document.measuring_text").split("\n"))),
        ),
        sources=tuple(
            dict.fromkeys(target.citation.said(words.lang) for target in programme.plan.targets)
        ) if programme.plan is not None else (),
        generated_at=now.astimezone(BANGKOK),
        is_simulated=any(one.demonstration for one in programme.agencies),
        is_final=True,
    )  # fmt: skip


def _aims(programme: ProgrammeYear, words: Words) -> PaperText:
    lines = [words("plan_document.aim")]
    if programme.plan is not None:
        goal = programme.plan.agency_target
        ratio, year = words.percent(goal.saving_ratio), words.year(goal.year_be - BE_OFFSET_YEARS)
        lines.append(words("plan_document.goal", ratio=ratio, year=year))
        lines += [words.either(th=one.name_th, en=one.name_en) for one in programme.plan.programmes]
    return PaperText(words("plan_document.aims"), tuple(lines))


def measures_table(programme: ProgrammeYear, words: Words) -> PaperGrid:
    """List every measure: of which building, who answers for it, until when, at what cost, for what, how measured."""
    columns = (
        GridColumn(words("report.plan_project")),
        GridColumn(words("report.agency")),
        GridColumn(words("programme.sector")),
        GridColumn(words("report.plan_state")),
        GridColumn(words("work.owner")),
        GridColumn(words("report.plan_due")),
        GridColumn(words("report.plan_budget"), "number", is_summed=True),
        GridColumn(words("programme.expected_kwh"), "number", is_summed=True),
        GridColumn(words("programme.expected_t"), "number", 1, is_summed=True),
        GridColumn(words("plan_document.measured_by")),
    )
    tonnes = {one.project.id: one.expected_t for one in programme.reductions}
    rows: list[tuple[Value, ...]] = []
    for project in sorted(programme.projects, key=lambda one: (one.due_year_be, PROJECT_STATES.index(one.state))):
        agency = programme.agency_name(project.agency)
        rows.append(
            (
                words.either(th=project.name_th, en=project.name_en),
                project.agency if agency is None else words.either(th=agency.name_th, en=agency.name_en),
                words(f"project_kind.{project.kind}"), words(f"project_state.{project.state}"),
                project.owner or words("one.no_owner"), words.year(project.due_year_be - BE_OFFSET_YEARS),
                project.budget_thb, project.expected_kwh, tonnes.get(project.id), words(f"option.{project.option}"),
            )
        )  # fmt: skip
    cells = tuple(rows)
    return PaperGrid(words("plan_document.measures"), columns, cells, total_row(words("report.sum"), columns, cells))


def document_paper(document: PlanDocument, lang: Lang, known: Sequence[PlanDocument] = ()) -> Paper:
    """Return a version as a paper, with its approval, and the versions before it where they are given."""
    paper, words = paper_of(document.body[lang]), Words(lang)
    blocks = [PaperText(words("plan_document.approval"), (approval_text(document, words),))]
    before = [one for one in known if one.agency == document.agency and one.version <= document.version]
    grids = [versions_table(before, words)] if before else []
    return replace(
        paper,
        number=f"{paper.number}/{document.version}",
        period_slug=f"v{document.version}",
        is_final=document.state != "draft",
        blocks=(*blocks, *paper.blocks, *grids),
    )


def approval_text(document: PlanDocument, words: Words) -> str:
    """Say which version this is, and who approved it when."""
    version = words.number(document.version)
    if document.state == "draft" or document.approved_on is None:
        drafted = words.date(document.drafted_at.astimezone(BANGKOK).date())
        return words("plan_document.is_draft", version=version, day=drafted, by=document.drafted_by)
    key = "plan_document.is_approved" if document.state == "approved" else "plan_document.is_replaced"
    text = words(key, version=version, day=words.date(document.approved_on), by=document.approver)
    return f"{text} {words('plan_document.letter', letter=document.letter)}" if document.letter else text


def versions_table(known: Sequence[PlanDocument], words: Words) -> PaperGrid:
    """List versions, the newest first."""
    columns = (
        GridColumn(words("plan_document.version")),
        GridColumn(words("report.plan_state")),
        GridColumn(words("plan_document.drafted"), "date"),
        GridColumn(words("plan_document.drafted_by")),
        GridColumn(words("plan_document.why")),
        GridColumn(words("plan_document.approved_on"), "date"),
        GridColumn(words("plan_document.approver")),
        GridColumn(words("plan_document.letter_number")),
    )
    rows = tuple(
        (
            words.number(one.version), words(f"plan_document.state_{one.state}"),
            one.drafted_at.astimezone(BANGKOK).date(), one.drafted_by, one.why, one.approved_on, one.approver,
            one.letter,
        )
        for one in sorted(known, key=lambda one: -one.version)
    )  # fmt: skip
    return PaperGrid(words("plan_document.versions"), columns, rows)
