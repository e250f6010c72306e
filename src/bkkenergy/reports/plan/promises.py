"""What proposals promised beside what meters show, over all projects that are done."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from math import hypot
from typing import Any

from bkkenergy.errors import InputError
from bkkenergy.i18n import Words
from bkkenergy.plan import Measured, Project
from bkkenergy.plan.promise import Verdict, verdict_of
from bkkenergy.reports.papers.model import GridColumn, PaperGrid, Value
from bkkenergy.reports.plan.progress import measured_projects, why_each
from bkkenergy.reports.reasons import why_texts
from bkkenergy.site import Site


@dataclass(frozen=True, slots=True)
class PromiseBeside:
    """A project that is done: what was promised, what is measured, and whether they meet. why : it is not measured."""

    project: Project
    low_kwh: float
    high_kwh: float
    measured: Measured | None
    verdict: Verdict | None
    why: InputError | None = None

    @property
    def kwh(self) -> float:
        """What was promised [kWh a year]."""
        promise = self.project.promise
        return self.project.expected_kwh if promise is None else promise.kwh


@dataclass(frozen=True, slots=True)
class PromisesTogether:
    """Projects that are measured, together: promised and measured kWh a year, with half of the 90 % interval."""

    count: int
    measured_count: int
    promised_kwh: float
    measured_kwh: float
    half_width_kwh: float


def promises_beside(site: Site, projects: Sequence[Project], today: dt.date) -> list[PromiseBeside]:
    """Set what each done project promised beside what is measured of it, up to yesterday. Raises StoreUnavailable."""
    done = [one for one in projects if one.state == "done"]
    measured = measured_projects(site, done, today)
    whys = why_each(site, [one for one in done if one.id not in measured], today)
    return [_beside(one, measured.get(one.id), whys.get(one.id)) for one in done]


def _beside(project: Project, measured: Measured | None, why: InputError | None) -> PromiseBeside:
    promise = project.promise
    low, high = project.expected_kwh, project.expected_kwh
    if promise is not None:
        low = promise.kwh if promise.low_kwh is None else promise.low_kwh
        high = promise.kwh if promise.high_kwh is None else promise.high_kwh
    verdict = None
    if measured is not None and high > 0:
        verdict = verdict_of((low, high), measured.kwh_a_year, measured.half_width_kwh)
    return PromiseBeside(project, low, high, measured, verdict, why)


def together(rows: Sequence[PromiseBeside]) -> PromisesTogether:
    """Sum the projects that are measured. Errors of different projects are taken to be independent."""
    known = [(row, row.measured) for row in rows if row.measured is not None]
    return PromisesTogether(
        count=len(rows),
        measured_count=len(known),
        promised_kwh=sum(row.kwh for row, _ in known),
        measured_kwh=sum(measured.kwh_a_year for _, measured in known),
        half_width_kwh=hypot(*(measured.half_width_kwh for _, measured in known)),
    )


def verdict_text(row: PromiseBeside, words: Words) -> str:
    """Say whether what is measured meets what was promised; why not, where nothing is measured."""
    if row.verdict is not None:
        return words(f"promise.{row.verdict}")
    if row.why is not None:
        return why_texts(row.why)[words.lang]
    if row.project.promise is not None and row.project.promise.proof == "bill":
        return words("promise.by_bill")
    return words("promise.not_measured")


def together_text(sums: PromisesTogether, words: Words) -> str:
    """Say what all projects that are measured promised, and what they show; nothing of these where none is measured."""
    if not sums.measured_count:
        return words("promise.together_unmeasured", count=sums.count)
    return words(
        "promise.together",
        count=sums.count,
        measured=sums.measured_count,
        promised=words.number(sums.promised_kwh),
        kwh=words.number(sums.measured_kwh),
        half=words.number(sums.half_width_kwh),
    )


def promise_grid(rows: Sequence[PromiseBeside], words: Words) -> PaperGrid:
    """Return the promises as a table of a paper."""
    columns = (
        GridColumn(words("report.plan_project")),
        GridColumn(words("promise.promised"), "number"),
        GridColumn(words("package.low_kwh"), "number"),
        GridColumn(words("package.high_kwh"), "number"),
        GridColumn(words("report.plan_measured_head"), "number"),
        GridColumn("±", "number"),
        GridColumn(words("promise.verdict")),
    )
    cells: tuple[tuple[Value, ...], ...] = tuple(
        (
            words.either(th=row.project.name_th, en=row.project.name_en), row.kwh, row.low_kwh, row.high_kwh,
            None if row.measured is None else row.measured.kwh_a_year,
            None if row.measured is None else row.measured.half_width_kwh, verdict_text(row, words),
        )
        for row in rows
    )  # fmt: skip
    return PaperGrid(words("promise.title"), columns, cells, None, together_text(together(rows), words))


def promise_data(row: PromiseBeside) -> dict[str, Any]:
    """Return a promise beside its measurement as JSON has it."""
    measured, promise = row.measured, row.project.promise
    return {
        "project": row.project.id,
        "agency": row.project.agency,
        "building": row.project.building,
        "promised_kwh_a_year": row.kwh,
        "promised_kwh_interval_90": [row.low_kwh, row.high_kwh],
        "promised_on": promise.made_on.isoformat() if promise is not None else None,
        "measured_kwh_a_year": measured and measured.kwh_a_year,
        "half_width_kwh": measured and measured.half_width_kwh,
        "days": measured and measured.days,
        "verdict": row.verdict,
        "why": row.why and row.why.said("en"),
    }
