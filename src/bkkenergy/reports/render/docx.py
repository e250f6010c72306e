"""The report as a document that an office can edit: page one, then the tables, as a paper of blocks."""

from __future__ import annotations

from collections.abc import Iterator

from bkkenergy.i18n import Lang, Words
from bkkenergy.reports.comparisons import comparisons
from bkkenergy.reports.content import AgencyReport, BuildingSaving, Use
from bkkenergy.reports.pageone import beside, nothing_text, saved_money
from bkkenergy.reports.papers.actions import actions_grid, now_text
from bkkenergy.reports.papers.docx import paper_docx
from bkkenergy.reports.papers.model import (
    Block,
    GridColumn,
    KeyFigure,
    KeyFigures,
    Paper,
    PaperGrid,
    PaperText,
    Value,
)
from bkkenergy.reports.phrasing import (
    WHOLE_RATIO,
    area_notes,
    attention_text,
    cost_method,
    cost_note,
    document_number,
    emission_method,
    headline,
    intensity_kwh_m2,
    is_running,
    name_of,
    note_rows,
    period_text,
    placebo_source,
    saving_sentence,
    slug_of,
    subject_name,
    title,
)
from bkkenergy.reports.render.drawings import report_drawings
from bkkenergy.reports.savings.phrasing import verdict_of
from bkkenergy.reports.scopewords import of_scope

KG_PER_TONNE = 1000


def render_docx(report: AgencyReport, lang: Lang) -> bytes:
    """Write DOCX: the result, figures, comparisons, what to do, buildings, bill, savings, findings, plan, sources."""
    return paper_docx(report_paper(report, Words(lang)))


def report_paper(report: AgencyReport, words: Words) -> Paper:
    """Return a report as a paper: the same figures in blocks of text and tables."""
    sources = [cost_method(report, words), emission_method(report, words)]
    if report.placebo_source:
        sources.append(placebo_source(report, words))
    return Paper(
        kind="energy",
        subject_id=report.agency_id,
        name=words.either(th=report.name_th, en=report.name_en),
        title=title(report, words)
        + (f" · {words('report.revision', number=report.revision)}" if report.revision > 1 else ""),
        period=period_text(report, words),
        period_slug=slug_of(report),
        number=document_number(report),
        lang=words.lang,
        sentence=headline(report, words),
        blocks=tuple(_blocks(report, words)),
        sources=tuple(source for source in sources if source),
        generated_at=report.generated_at,
        is_simulated=report.is_simulated,
        is_final=not is_running(report),
    )


def _blocks(report: AgencyReport, words: Words) -> Iterator[Block]:
    if report.missing:
        names = ", ".join(name_of(report, agency, words) for agency in report.missing)
        yield PaperText("", (words("report.missing", names=names),))
    yield KeyFigures(tuple(_figures(report, words)))
    yield _beside(report, words)
    yield now_text(report, words) or PaperText(words("one.now"), (nothing_text(report, words),))
    yield from report_drawings(report, words)
    yield _buildings(report, words)
    if report.bill:
        thb = words("unit.thb")
        columns = (GridColumn(words("report.bill_item")), GridColumn(thb, "number", 2, is_summed=True))
        lines = tuple((words(f"solar.item_{line.item}"), line.amount_thb) for line in report.bill)
        total = (of_scope("total", report, words), report.total.cost_thb)
        yield PaperGrid(of_scope("bill", report, words), columns, lines, total)
    if report.savings:
        yield _savings(report, words)
    if report.findings:
        yield actions_grid(report, words, words("insight.title"), has_reasons=True)
    if report.attention:
        rows = tuple((subject_name(report, one, words), attention_text(one, words)) for one in report.attention)
        columns = (GridColumn(words("report.building")), GridColumn(of_scope("attention", report, words)))
        yield PaperGrid(of_scope("attention", report, words), columns, rows)
    if report.notes:
        yield PaperText(words("note.in_report"), tuple(" · ".join(row) for row in note_rows(report, words)))


def _figures(report: AgencyReport, words: Words) -> Iterator[KeyFigure]:
    """Yield the figures of page one and of the tiles; each that rests on a part of the data says so."""
    use, saved = report.total, saved_money(report, words)
    part = use.coverage_ratio < WHOLE_RATIO
    covered = words("report.cost_of_part", coverage=words.percent(use.coverage_ratio)) if part else ""
    cost = words("report.bill_cost" if report.bill else "report.cost")
    yield KeyFigure(words("report.energy"), use.energy_kwh, words("unit.kwh"), covered)
    if (intensity := intensity_kwh_m2(report)) is not None:
        yield KeyFigure(words("report.energy"), intensity, words("report.intensity"), covered, 1)
    yield KeyFigure(cost, use.cost_thb, words("unit.thb"), cost_note(report, words))
    yield KeyFigure(saved.name, saved.thb, words("unit.thb"), saved.note)
    tonnes = None if use.co2e_kg is None else use.co2e_kg / KG_PER_TONNE
    yield KeyFigure(words("report.co2"), tonnes, words("unit.tco2e"), covered, 2)
    peak_at = words("report.peak_at", at=words.moment(use.peak_at)) if use.peak_at else ""
    yield KeyFigure(words("report.peak"), use.peak_kw, words("unit.kw"), " · ".join(filter(None, (peak_at, covered))))


def _beside(report: AgencyReport, words: Words) -> PaperGrid:
    """Return the comparisons of page one, then the others that the report has."""
    kwh, thb = words("unit.kwh"), words("unit.thb")
    columns = (GridColumn(words("one.beside")), GridColumn(kwh, "number"), GridColumn("%", "ratio", 1),
               GridColumn(thb, "number"))  # fmt: skip
    first = [(one.name, one.note, one.reference_kwh, one.change_ratio, one.difference_thb)
             for one in beside(report, words)]  # fmt: skip
    known = {reference for _, _, reference, _, _ in first}
    more = [(one.name, one.note, one.reference_kwh, one.change_ratio, one.difference_thb)
            for one in comparisons(report, words) if one.reference_kwh not in known]  # fmt: skip
    rows = tuple((f"{name} ({note})" if note else name, *values) for name, note, *values in (*first, *more))
    return PaperGrid(words("compared.title"), columns, rows, None, saving_sentence(report, words))


def _buildings(report: AgencyReport, words: Words) -> PaperGrid:
    columns = (
        GridColumn(of_scope("row", report, words)),
        GridColumn(f"{words('report.energy')} ({words('unit.kwh')})", "number", is_summed=True),
        GridColumn(words("report.change"), "ratio", 1),
        GridColumn(f"{words('report.peak_short')} ({words('unit.kw')})", "number", 1),
        GridColumn(f"{words('report.cost_short')} ({words('unit.thb')})", "number", is_summed=True),
        GridColumn(words("report.coverage_short"), "ratio", 1),
    )
    rows = tuple((words.either(th=one.name_th, en=one.name_en), *_use(one.use)) for one in report.buildings)
    total = (of_scope("total", report, words), *_use(report.total))
    notes = " ".join(area_notes(report, words))
    return PaperGrid(of_scope("rows", report, words), columns, rows, total, notes)


def _use(use: Use) -> tuple[Value, ...]:
    return use.energy_kwh, use.change_ratio, use.peak_kw, use.cost_thb, use.coverage_ratio


def _savings(report: AgencyReport, words: Words) -> PaperGrid:
    kwh = words("unit.kwh")
    columns = (
        GridColumn(of_scope("row", report, words)),
        GridColumn(f"{words('saving.expected')} ({kwh})", "number", is_summed=True),
        GridColumn(f"{words('saving.used')} ({kwh})", "number", is_summed=True),
        GridColumn(words("saving.ratio"), "ratio", 1),
        GridColumn(words("saving.half"), "ratio", 1),
        GridColumn(words("saving.verdict")),
    )
    rows = tuple((name_of(report, one.building_id, words), *_saving(one, words)) for one in report.savings)
    whole, name = report.total_saving, of_scope("total", report, words)
    total = None if whole is None else (name, *_saving(whole, words))
    return PaperGrid(words("saving.title"), columns, rows, total)


def _saving(one: BuildingSaving, words: Words) -> tuple[Value, ...]:
    return one.baseline_kwh, one.actual_kwh, one.saving_ratio, one.half_width_ratio, verdict_of(one, words)
