"""What an energy committee meets over (ISO 50001): baselines (EnB), indicators (EnPI), objectives, and actions."""

from __future__ import annotations

from collections.abc import Iterator

from bkkenergy.adapters.state.baselines import versions_of
from bkkenergy.reports.comparisons import target_method
from bkkenergy.reports.content import BuildingSaving
from bkkenergy.reports.pageone import saved_money
from bkkenergy.reports.papers.actions import actions_grid, now_text
from bkkenergy.reports.papers.asked import AskedPaper
from bkkenergy.reports.papers.model import Block, GridColumn, Paper, PaperGrid, PaperText, Value
from bkkenergy.reports.papers.poster import use_figures
from bkkenergy.reports.phrasing import headline, name_of, placebo_source
from bkkenergy.reports.render.drawings import bars_drawing
from bkkenergy.reports.savings.phrasing import verdict_of
from bkkenergy.reports.scopewords import of_scope
from bkkenergy.reports.yearwords import path_sentences
from bkkenergy.savings.versions import judging
from bkkenergy.texts import BE_OFFSET_YEARS


def committee(asked: AskedPaper) -> Paper:
    """Make the committee's paper of an agency, a building or the city."""
    words, report = asked.words, asked.report
    saved = saved_money(report, words)
    blocks: list[Block] = [
        use_figures(report, words),
        PaperText(
            words("committee.result"),
            (f"{saved.name}: {words.number(saved.thb)} {words('unit.thb')} ({saved.note})", *_objectives(asked)),
        ),
        *filter(None, [now_text(report, words)]),
        *bars_drawing(report, words),
        _indicators(asked),
        _baselines(asked),
        actions_grid(report, words, words("committee.actions"), has_reasons=False),
        _projects(asked),
    ]
    sources = [words("saving.method", source=placebo_source(report, words))] if report.total_saving else []
    sources += target_method(report, words)
    return asked.paper(blocks, sentence=headline_of(asked), sources=[*asked.cost_sources, *sources])


def headline_of(asked: AskedPaper) -> str:
    """Return the report's headline without the mark of a running period, which a paper sets itself."""
    report, words = asked.report, asked.words
    until = words.moment(report.generated_at)
    prefix = words("report.headline_running", until=until, said="")
    return headline(report, words).removeprefix(prefix)


def _objectives(asked: AskedPaper) -> Iterator[str]:
    words, report = asked.words, asked.report
    if report.target is not None:
        year = words.year(report.target.year_be - BE_OFFSET_YEARS)
        ratio = words.percent(report.target.saving_ratio)
        yield words("compared.target", ratio=ratio, year=year)
    if report.path is not None:
        yield from path_sentences(report.path, words)


def _indicators(asked: AskedPaper) -> PaperGrid:
    """Return the EnPI of each building: use over what its baseline expects of the same days, and per square metre."""
    words, report = asked.words, asked.report
    kwh = words("unit.kwh")
    columns = (
        GridColumn(of_scope("row", report, words)),
        GridColumn(f"{words('saving.expected')} ({kwh})", "number", is_summed=True),
        GridColumn(f"{words('saving.used')} ({kwh})", "number", is_summed=True),
        GridColumn(words("committee.enpi"), "number", 3),
        GridColumn(words("report.intensity"), "number", 1),
        GridColumn(words("saving.verdict")),
    )
    uses = {building.id: building for building in report.buildings}
    rows = []
    for saving in report.savings:
        building = uses.get(saving.building_id)
        intensity = None
        if building is not None and building.use.energy_kwh is not None and building.gross_floor_area_m2:
            intensity = building.use.energy_kwh / building.gross_floor_area_m2
        rows.append((name_of(report, saving.building_id, words), *_enpi(saving), intensity, verdict_of(saving, words)))
    total = None
    if report.total_saving is not None and all(saving.baseline_kwh is not None for saving in report.savings):
        whole = report.total_saving
        total = (of_scope("total", report, words), *_enpi(whole), None, verdict_of(whole, words))
    title, note = words("committee.enpi_table"), words("committee.enpi_note")
    return PaperGrid(title, columns, tuple(rows), total, note, starts_page=True)


def _enpi(saving: BuildingSaving) -> tuple[Value, Value, Value]:
    if saving.baseline_kwh is None or saving.actual_kwh is None or not saving.baseline_kwh:
        return None, None, None
    return saving.baseline_kwh, saving.actual_kwh, saving.actual_kwh / saving.baseline_kwh


def _baselines(asked: AskedPaper) -> PaperGrid:
    """Return the EnB of each building: by which days it was fitted, how, and how well it predicted months not seen."""
    words = asked.words
    columns = (
        GridColumn(words("report.building")),
        GridColumn(words("committee.first"), "date"),
        GridColumn(words("committee.last"), "date"),
        GridColumn(words("committee.valid_days"), "number"),
        GridColumn(words("committee.form")),
        GridColumn("CV(RMSE)", "ratio", 1),
        GridColumn("NMBE", "ratio", 1),
    )
    known = versions_of(asked.site.state, [building.id for building in asked.buildings])
    rows: list[tuple[Value, ...]] = []
    for building in asked.buildings:
        version = judging(known.get(building.id, ()), asked.period.first_day)
        name, baseline = asked.name_of_building(building.id), None if version is None else version.usable
        if version is None or baseline is None:
            rows.append((name, None, None, None, words("saving.no_baseline"), None, None))
            continue
        form = words(f"saving.form_{baseline.form}")
        form += f" ({words('saving.provisional_short')})" if baseline.is_provisional else ""
        scores = baseline.held_out
        rows.append((name, baseline.first, baseline.last, baseline.valid_days, form, scores.cvrmse, scores.nmbe))
    return PaperGrid(words("committee.enb_table"), columns, tuple(rows), None, words("committee.enb_note"))


def _projects(asked: AskedPaper) -> PaperGrid:
    words, plan = asked.words, asked.report.plan
    columns = (
        GridColumn(words("report.plan_project")),
        GridColumn(words("report.plan_state")),
        GridColumn(words("report.plan_budget"), "number", is_summed=True),
        GridColumn(words("report.plan_expected"), "number", is_summed=True),
        GridColumn(words("report.plan_measured_head"), "number"),
    )
    rows = tuple(
        (
            words.either(th=line.name_th, en=line.name_en), words(f"project_state.{line.state}"), line.budget_thb,
            line.expected_kwh, line.measured_kwh,
        )
        for line in (plan.projects if plan else ())
    )  # fmt: skip
    return PaperGrid(words("report.plan"), columns, rows)
