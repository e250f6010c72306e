"""An agency's proposals as one package for an energy service company (ESCO) or for credits (JCM, T-VER)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from bkkenergy.calendar import BANGKOK
from bkkenergy.errors import InputError
from bkkenergy.i18n import Words
from bkkenergy.plan import Project
from bkkenergy.plan.jcm import METHODS
from bkkenergy.reports.papers.model import CellKind, GridColumn, Paper, PaperGrid, Value, total_row
from bkkenergy.reports.retrofit.proposal import promise_of_project
from bkkenergy.reports.retrofit.verification import verification_of
from bkkenergy.site import Site
from bkkenergy.texts import BE_OFFSET_YEARS, Lang, Named

WAITING = frozenset({"surveyed", "proposed", "endorsed"})
"""States of projects that have not begun."""


def has_package(site: Site, agency_id: str) -> bool:
    """Return whether an agency has a proposal that waits."""
    return any(one.agency == agency_id and one.state in WAITING and one.promise for one in site.projects)


def packaged(site: Site, agency_id: str) -> list[Project]:
    """Return an agency's projects that have a proposal and have not begun, most tonnes first. Raises InputError."""
    known = site.portfolio.agencies.get(agency_id)
    if known is None:
        raise InputError.of("no_agency", agency=agency_id, known=", ".join(sorted(site.portfolio.agencies)))
    projects = [one for one in site.projects if one.agency == agency_id and one.state in WAITING and one.promise]
    if not projects:
        raise InputError.of("no_proposals", agency=Named(agency_id, known.name_th))
    return sorted(projects, key=lambda one: (-(promise_of_project(one).tco2e or 0.0), one.id))


def package_paper(site: Site, agency_id: str, lang: Lang, *, now: dt.datetime) -> Paper:
    """Write the package of an agency: money for an ESCO, tonnes and methods for credits, and how each is shown."""
    words, projects = Words(lang), packaged(site, agency_id)
    agency = site.portfolio.agencies[agency_id]
    promises = [promise_of_project(one) for one in projects]
    day = now.astimezone(BANGKOK).date()
    without = sum(one.agency == agency_id and one.state in WAITING and not one.promise for one in site.projects)
    sentence = words(
        "package.sentence",
        count=len(projects),
        kwh=words.number(sum(one.kwh for one in promises)),
        tonnes=words.number(sum(one.tco2e or 0.0 for one in promises), 1),
        low=words.number(sum(one.cost_low_thb or 0.0 for one in promises)),
        high=words.number(sum(one.cost_high_thb or 0.0 for one in promises)),
    )
    sources = [words("package.ends"), words("package.unpriced"), words("package.factor")]
    if without:
        sources.append(words("package.without", count=without))
    return Paper(
        kind="package",
        subject_id=agency_id,
        name=words.either(th=agency.name_th, en=agency.name_en),
        title=words("package.title"),
        period=words("proposal.made_on", date=words.date(day)),
        period_slug=day.isoformat(),
        number=f"{agency_id}/{day.year + BE_OFFSET_YEARS}/package",
        lang=lang,
        sentence=sentence,
        blocks=(
            _money(projects, words),
            _credits(projects, words),
            _verification(site, projects, words),
        ),
        sources=tuple(sources),
        generated_at=now.astimezone(BANGKOK),
        is_simulated=agency.demonstration,
        is_final=True,
    )


def _name(project: Project, words: Words) -> str:
    name = words.either(th=project.name_th, en=project.name_en)
    return f"{name}*" if promise_of_project(project).is_provisional else name


def _money(projects: Sequence[Project], words: Words) -> PaperGrid:
    number: CellKind = "number"
    columns = (
        GridColumn(words("package.project")),
        GridColumn(words("proposal.kwh"), number, is_summed=True),
        GridColumn(words("package.low_kwh"), number, is_summed=True),
        GridColumn(words("package.high_kwh"), number, is_summed=True),
        GridColumn(words("proposal.thb"), number, is_summed=True),
        GridColumn(words("package.cost_low"), number, is_summed=True),
        GridColumn(words("package.cost_high"), number, is_summed=True),
        GridColumn(words("proposal.npv"), number, is_summed=True),
        GridColumn(words("retrofit.payback"), number, 1),
    )
    promises = [promise_of_project(one) for one in projects]
    rows: tuple[tuple[Value, ...], ...] = tuple(
        (
            _name(project, words), one.kwh, one.low_kwh, one.high_kwh, one.thb, one.cost_low_thb, one.cost_high_thb,
            one.npv_thb, one.payback_years,
        )
        for project, one in zip(projects, promises, strict=True)
    )  # fmt: skip
    note = words("retrofit.provisional") if any(one.is_provisional for one in promises) else ""
    return PaperGrid(words("package.money"), columns, rows, total_row(words("report.sum"), columns, rows), note)


def _credits(projects: Sequence[Project], words: Words) -> PaperGrid:
    columns = (
        GridColumn(words("package.project")),
        GridColumn(words("proposal.tco2e"), "number", 1, is_summed=True),
        GridColumn(words("package.life_tco2e"), "number", 1, is_summed=True),
        GridColumn(words("package.method")),
        GridColumn(words("package.monitored")),
    )
    rows: list[tuple[Value, ...]] = []
    for project in projects:
        promise = promise_of_project(project)
        method = None if project.method is None else METHODS[project.method]
        life = None if promise.life_years is None or promise.tco2e is None else promise.tco2e * promise.life_years
        named = words("package.no_method") if method is None else f"{method.name} {method.version}".strip()
        rows.append((_name(project, words), promise.tco2e, life, named, "–" if method is None else method.monitored))
    total = total_row(words("report.sum"), columns, tuple(rows))
    return PaperGrid(words("package.credits"), columns, tuple(rows), total, words("package.credits_note"))


def _verification(site: Site, projects: Sequence[Project], words: Words) -> PaperGrid:
    columns = (
        GridColumn(words("package.project")),
        GridColumn(words("package.ipmvp")),
        GridColumn(words("package.meters")),
        GridColumn(words("package.months"), "number"),
    )
    rows: list[tuple[Value, ...]] = []
    for project in projects:
        plan = verification_of(project, promise_of_project(project), site.portfolio, words)
        meters = words("package.to_install") if plan.is_to_be_installed else ", ".join(plan.meters)
        meters = meters or words("package.portable")
        rows.append((_name(project, words), plan.ipmvp, meters, float(plan.months)))
    return PaperGrid(words("package.verification"), columns, tuple(rows))
