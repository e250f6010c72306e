"""How far projects have come, from survey to proof, in the words of the programme: survey, develop, report."""

from __future__ import annotations

from collections.abc import Mapping

from bkkenergy.plan import PROJECT_STATES, Measured, Project
from bkkenergy.reports.papers.asked import AskedPaper
from bkkenergy.reports.papers.model import GridColumn, Paper, PaperGrid, PaperText, Value, total_row
from bkkenergy.reports.plan.promises import promise_grid, promises_beside

STAGES = {"survey": ("surveyed",), "develop": ("proposed", "endorsed", "running"), "report": ("done",)}


def progress(asked: AskedPaper) -> Paper:
    """Make the progress of the projects of an agency, a building or the city."""
    words, projects = asked.words, asked.projects
    rows = promises_beside(asked.site, projects, asked.measured_until)
    measured = {row.project.id: row.measured for row in rows if row.measured is not None}
    proven = [one.kwh_a_year for one in measured.values()]
    sentence = words(
        "progress.sentence" if proven else "progress.sentence_unmeasured",
        count=len(projects),
        done=len(rows),
        expected=words.number(sum(project.expected_kwh for project in projects)),
        measured=words.number(sum(proven)),
        proven=len(proven),
    )
    promised = [promise_grid(rows, words)] if rows else []
    blocks = [_stages(asked, projects), _every(asked, projects, measured), *promised]
    late = [project for project in projects if project.state != "done" and project.due_year_be < _year_be(asked)]
    lines = tuple(
        words("progress.late", project=_name(asked, project), year=words.year(project.due_year_be - 543))
        for project in late
    )
    texts = [PaperText(words("progress.late_title"), lines)] if lines else []
    return asked.paper([*blocks, *texts], sentence=sentence, sources=[words("report.method_plan")])


def _year_be(asked: AskedPaper) -> int:
    return asked.period.last_day.year + 543


def _name(asked: AskedPaper, project: Project) -> str:
    return asked.words.either(th=project.name_th, en=project.name_en)


def _stages(asked: AskedPaper, projects: tuple[Project, ...]) -> PaperGrid:
    """Sum the projects of each stage of the programme's third activity."""
    words = asked.words
    columns = (
        GridColumn(words("progress.stage")),
        GridColumn(words("progress.count"), "number", is_summed=True),
        GridColumn(words("report.plan_budget"), "number", is_summed=True),
        GridColumn(words("report.plan_expected"), "number", is_summed=True),
    )
    rows: list[tuple[Value, ...]] = []
    for stage, states in STAGES.items():
        there = [project for project in projects if project.state in states]
        rows.append(
            (
                words(f"progress.stage_{stage}"), float(len(there)), sum(project.budget_thb for project in there),
                sum(project.expected_kwh for project in there),
            )
        )  # fmt: skip
    return PaperGrid(
        words("progress.stages"), columns, tuple(rows), total_row(words("report.sum"), columns, tuple(rows))
    )


def _every(asked: AskedPaper, projects: tuple[Project, ...], measured: Mapping[str, Measured]) -> PaperGrid:
    words = asked.words
    columns = (
        GridColumn(words("report.plan_project")),
        GridColumn(words("report.building")),
        GridColumn(words("report.plan_state")),
        GridColumn(words("work.owner")),
        GridColumn(words("report.plan_due"), "text"),
        GridColumn(words("report.plan_budget"), "number", is_summed=True),
        GridColumn(words("report.plan_expected"), "number", is_summed=True),
        GridColumn(words("report.plan_measured_head"), "number"),
        GridColumn("±", "number"),
    )
    ordered = sorted(projects, key=lambda project: (PROJECT_STATES.index(project.state), -project.expected_kwh))
    rows = tuple(
        (
            _name(asked, project), asked.name_of_building(project.building), words(f"project_state.{project.state}"),
            project.owner or words("one.no_owner"), words.year(project.due_year_be - 543), project.budget_thb,
            project.expected_kwh,
            measured[project.id].kwh_a_year if project.id in measured else None,
            measured[project.id].half_width_kwh if project.id in measured else None,
        )
        for project in ordered
    )  # fmt: skip
    total = total_row(words("report.sum"), columns, rows) if rows else None
    return PaperGrid(words("progress.projects"), columns, rows, total)
