"""A project's proposal as a document: measure, assumptions, saving with its interval, money, tonnes, verification."""

from __future__ import annotations

import datetime as dt

from bkkenergy.calendar import BANGKOK
from bkkenergy.errors import InputError
from bkkenergy.i18n import Words
from bkkenergy.plan import Project
from bkkenergy.plan.promise import Promise
from bkkenergy.portfolio import Building
from bkkenergy.reports.papers.model import (
    Block,
    CellKind,
    GridColumn,
    KeyFigure,
    KeyFigures,
    Paper,
    PaperGrid,
    PaperText,
    Value,
)
from bkkenergy.reports.retrofit.verification import verification_of
from bkkenergy.reports.retrofit.words import code_text
from bkkenergy.retrofits import Catalogue
from bkkenergy.site import Site
from bkkenergy.site.retrofit_config import load_retrofit
from bkkenergy.texts import BE_OFFSET_YEARS, Lang, Named

DOTS = "." * 60
SIGNERS = ("proposer", "energy_manager", "approver")


def promise_of_project(project: Project) -> Promise:
    """Return what a project's proposal promised. Raises InputError where none was written."""
    if project.promise is None:
        raise InputError.of("no_proposal", project=Named(project.id, project.name_th))
    return project.promise


def proposal_paper(site: Site, project: Project, lang: Lang, *, now: dt.datetime) -> Paper:
    """Write the proposal of a project of the plan. Raises InputError, ConfigError."""
    words, promise = Words(lang), promise_of_project(project)
    catalogue = load_retrofit(site.config.folder)
    building = site.portfolio.buildings.get(project.building)
    agency = site.portfolio.agencies[project.agency]
    verification = verification_of(project, promise, site.portfolio, words)
    blocks: list[Block] = [
        _figures(promise, words),
        PaperText(words("proposal.reason"), _reason(project, promise, building, words)),
        PaperText(words("proposal.measure"), _measure(site, project, promise, words)),
        _assumptions(promise, words),
        _money(promise, words),
        PaperText(words("proposal.verification"), verification.steps, is_steps=True),
        PaperText(words("proposal.law"), _law(catalogue, building, words)),
        PaperText(words("proposal.limits"), _limits(promise, words)),
        PaperText(words("proposal.signed"), tuple(words(f"proposal.sign_{by}", dots=DOTS) for by in SIGNERS)),
    ]
    return Paper(
        kind="proposal",
        subject_id=project.id,
        name=words.either(th=project.name_th, en=project.name_en),
        title=words("proposal.title"),
        period=words("proposal.made_on", date=words.date(promise.made_on)),
        period_slug=promise.made_on.isoformat(),
        number=f"{project.agency}/{promise.made_on.year + BE_OFFSET_YEARS}/{project.id}",
        lang=lang,
        sentence=_sentence(promise, words.either(th=agency.name_th, en=agency.name_en), words),
        blocks=tuple(blocks),
        sources=tuple(_sources(promise, words)),
        generated_at=now.astimezone(BANGKOK),
        is_simulated=agency.demonstration,
        is_final=True,
    )


def _range(low: float | None, high: float | None, words: Words) -> str:
    if low is None or high is None:
        return words("proposal.no_interval")
    return words("proposal.range", low=words.number(low), high=words.number(high))


def _sentence(promise: Promise, agency: str, words: Words) -> str:
    values = {"agency": agency, "thb": words.number(promise.thb), "kwh": words.number(promise.kwh)}
    key = "sentence" if promise.kwh > 0 else "sentence_bill"
    return words(f"proposal.{key}", **values)


def _figures(promise: Promise, words: Words) -> KeyFigures:
    npv_span = _span(promise.npv_low_thb, promise.npv_high_thb, words)
    cost_span = _span(promise.cost_low_thb, promise.cost_high_thb, words)
    kwh_range, thb_range = (
        _range(low, high, words)
        for low, high in ((promise.low_kwh, promise.high_kwh), (promise.low_thb, promise.high_thb))
    )
    figures = [
        (words("proposal.kwh"), promise.kwh, words("unit.kwh"), kwh_range, 0),
        (words("proposal.thb"), promise.thb, words("unit.thb"), thb_range, 0),
        (words("proposal.cost"), promise.cost_thb, words("unit.thb"), cost_span, 0),
        (words("proposal.npv"), promise.npv_thb, words("unit.thb"), npv_span, 0),
        (words("proposal.payback"), promise.payback_years, words("proposal.years"), "", 1),
        (words("proposal.tco2e"), promise.tco2e, "tCO2e", "", 1),
    ]
    return KeyFigures(tuple(KeyFigure(name, value, unit, note, digits) for name, value, unit, note, digits in figures))


def _span(low: float | None, high: float | None, words: Words) -> str:
    if low is None or high is None:
        return words("proposal.cost_unknown")
    return words("proposal.span", low=words.number(low), high=words.number(high))


def _reason(project: Project, promise: Promise, building: Building | None, words: Words) -> tuple[str, ...]:
    name = "–" if building is None else words.either(th=building.name_th, en=building.name_en)
    lines = [words("proposal.from_survey" if promise.origin == "survey" else "proposal.from_finding", building=name)]
    if promise.year_kwh:
        share = promise.kwh / promise.year_kwh
        lines.append(words("proposal.use", kwh=words.number(promise.year_kwh), ratio=words.percent(share, 1)))
    year = words.year(project.due_year_be - BE_OFFSET_YEARS)
    lines.append(words("proposal.due", year=year, kind=words(f"project_kind.{project.kind}")))
    return tuple(lines)


def _measure(site: Site, project: Project, promise: Promise, words: Words) -> tuple[str, ...]:
    lines = [words.either(th=project.name_th, en=project.name_en)]
    if promise.kvar is not None:
        lines.append(words("proposal.bank", kvar=words.number(promise.kvar)))
    elif promise.equipment:
        known = site.portfolio.equipment.get(promise.equipment)
        name = promise.equipment if known is None else words.either(th=known.name_th, en=known.name_en)
        lines.append(words("proposal.equipment", equipment=name, count=promise.equipment_count))
    return tuple(lines)


def _assumptions(promise: Promise, words: Words) -> PaperGrid:
    """List what the figures rest on, each with its value."""
    kwh_price = promise.thb / promise.kwh if promise.kwh > 0 else None
    rows: list[tuple[str, float | None, str, int]] = [
        ("hours", promise.hours_a_day, words("proposal.h_a_day"), 1),
        ("price", kwh_price, words("proposal.thb_per_kwh"), 2),
        ("factor", promise.kgco2e_per_kwh, "kgCO2e/kWh", 4),
        ("life", promise.life_years, words("proposal.years"), 0),
        ("discount", None if promise.discount_ratio is None else promise.discount_ratio * 100, "%", 1),
    ]
    known: list[tuple[Value, ...]] = [
        (words(f"proposal.assumed_{name}"), words.number(value, digits), unit)
        for name, value, unit, digits in rows
        if value is not None
    ]
    columns = (
        GridColumn(words("proposal.assumption")),
        GridColumn(words("proposal.value"), "text"),
        GridColumn(words("proposal.unit"), "text"),
    )
    return PaperGrid(words("proposal.assumptions"), columns, tuple(known), None, words("proposal.assumed_note"))


def _money(promise: Promise, words: Words) -> PaperGrid:
    """Set the two ends of what may come beside the middle."""
    number: CellKind = "number"
    columns = (
        GridColumn(words("proposal.item")),
        GridColumn(words("proposal.worst"), number),
        GridColumn(words("proposal.middle"), number),
        GridColumn(words("proposal.best"), number),
    )
    rows: tuple[tuple[Value, ...], ...] = (
        (words("proposal.kwh"), promise.low_kwh, promise.kwh, promise.high_kwh),
        (words("proposal.thb"), promise.low_thb, promise.thb, promise.high_thb),
        (words("proposal.cost"), promise.cost_high_thb, promise.cost_thb, promise.cost_low_thb),
        (words("proposal.npv"), promise.npv_low_thb, promise.npv_thb, promise.npv_high_thb),
    )
    return PaperGrid(words("proposal.money"), columns, rows, None, words("proposal.money_note"))


def _law(catalogue: Catalogue, building: Building | None, words: Words) -> tuple[str, ...]:
    code = catalogue.building_code
    if code is None or building is None or not code.concerns(building):
        return (words("proposal.no_code"),)
    return (words("proposal.code", area=words.number(building.gross_floor_area_m2)), code_text(code, words))


def _limits(promise: Promise, words: Words) -> tuple[str, ...]:
    lines = [words("proposal.limit_prices")]
    if promise.is_provisional:
        lines.insert(0, words("proposal.limit_provisional"))
    if promise.low_kwh is None:
        lines.insert(0, words("proposal.limit_finding"))
    return tuple(lines)


def _sources(promise: Promise, words: Words) -> list[str]:
    return [
        words(
            "retrofit.figure",
            what=words(f"retrofit.figure_{figure.name}"),
            source=(figure.source_th or figure.source) if words.lang == "th" else figure.source,
            grade=words(f"retrofit.grade_{figure.grade}"),
            date=words.day_year(figure.entered),
        )
        for figure in promise.figures
    ] or [words("proposal.source_finding")]
