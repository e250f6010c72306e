"""The programme's tables, from which its page, its workbook and its answers are made: all hold the same figures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bkkenergy.calendar import Period
from bkkenergy.i18n import Words
from bkkenergy.plan import Project, RollUp, Target, roll_up, shortlisted
from bkkenergy.plan.projects import PROJECT_KINDS
from bkkenergy.reports.papers.model import GridColumn, PaperGrid, Value, total_row
from bkkenergy.reports.programme.gather import KW_PER_MW, ProgrammeYear
from bkkenergy.reports.programme.goal import GoalLine, electricity_of
from bkkenergy.texts import BE_OFFSET_YEARS

KWH_PER_GWH, T_PER_MT, KG_PER_T = 1e6, 1e6, 1e3
WAITING = frozenset({"surveyed", "proposed", "endorsed"})


def programme_tables(programme: ProgrammeYear, words: Words) -> list[PaperGrid]:
    """Return all tables of a programme."""
    tables = [
        targets_table(programme, words),
        years_table(programme, words),
        sectors_table(programme, words),
        agencies_table(programme, words),
        goal_table(programme, words),
        emissions_table(programme, words),
        participation_table(programme, words),
        jcm_table(programme, words),
        needs_table(programme, words),
        workshops_table(programme, words),
        follow_ups_table(programme, words),
    ]
    return [*tables[:8], *([partners_table(programme, words)] if programme.has_partners else []), *tables[8:]]


def targets_table(programme: ProgrammeYear, words: Words) -> PaperGrid:
    """List the targets by year and sector, with what the plan's projects bring of each until its year."""
    columns = (
        GridColumn(words("programme.target")),
        GridColumn(words("programme.by_year")),
        GridColumn(words("programme.wanted"), "number", 1),
        GridColumn(words("programme.unit")),
        GridColumn(words("programme.planned"), "number", 3),
        GridColumn(words("programme.reached"), "number", 3),
        GridColumn(words("programme.reached_ratio"), "ratio", 2),
        GridColumn(words("programme.source")),
    )
    targets = sorted(programme.plan.targets, key=lambda one: (one.year_be, one.sector)) if programme.plan else []
    rows = tuple(_target_row(programme, target, words) for target in targets)
    return PaperGrid(words("programme.targets"), columns, rows, None, words("programme.targets_note"))


def _target_row(programme: ProgrammeYear, target: Target, words: Words) -> tuple[Value, ...]:
    planned, reached = _of_target(programme, target)
    return (
        words.either(th=target.what_th, en=target.what_en),
        words.year(target.year_be - BE_OFFSET_YEARS),
        target.quantity,
        target.unit,
        planned,
        reached,
        reached / target.quantity if reached is not None and target.quantity else None,
        target.citation.said(words.lang),
    )


def _of_target(programme: ProgrammeYear, target: Target) -> tuple[float | None, float | None]:
    """Return what is planned and what is measured of a target; None for sectors whose meters are not the city's."""
    due = [project for project in programme.projects if project.due_year_be <= target.year_be]
    if (target.sector, target.unit) == ("city", "GWh"):
        return _sum(one.expected_kwh for one in due) / KWH_PER_GWH, _measured_kwh(programme, due) / KWH_PER_GWH
    if target.unit == "MW" and target.sector == "solar":
        return None, programme.pv_kwp / KW_PER_MW
    if (target.sector, target.unit) == ("city", "MtCO2e"):
        names = {project.id for project in due}
        known = [one for one in programme.reductions if one.project.id in names]
        return _sum(one.expected_t for one in known) / T_PER_MT, _sum(one.measured_t for one in known) / T_PER_MT
    return None, None


def _sum(values: Iterable[float | None]) -> float:
    return sum(value for value in values if value is not None)


def _measured_kwh(programme: ProgrammeYear, projects: Sequence[Project]) -> float:
    return _sum(programme.measured[one.id].kwh_a_year for one in projects if one.id in programme.measured)


def _rolled(
    programme: ProgrammeYear, words: Words, title: str, head: str, rows: Sequence[tuple[str, RollUp]]
) -> PaperGrid:
    """Return sums of projects as a table, with emissions as expected and as measured."""
    columns = (
        GridColumn(head),
        GridColumn(words("progress.count"), "number", is_summed=True),
        GridColumn(words("report.plan_budget"), "number", is_summed=True),
        GridColumn(words("programme.expected_kwh"), "number", is_summed=True),
        GridColumn(words("programme.decided_kwh"), "number", is_summed=True),
        GridColumn(words("programme.done_kwh"), "number", is_summed=True),
        GridColumn(words("programme.measured_count"), "number", is_summed=True),
        GridColumn(words("programme.measured_kwh"), "number"),
        GridColumn(words("programme.expected_t"), "number", 1, is_summed=True),
        GridColumn(words("programme.measured_t"), "number", 1),
    )
    cells = tuple(
        (
            name, float(row.count), row.budget_thb, row.expected_kwh, row.decided_kwh, row.done_kwh,
            float(row.measured_count), row.measured_kwh, *_tonnes(programme, row.name),
        )
        for name, row in rows
    )  # fmt: skip
    note = _factor_note(programme, words)
    return PaperGrid(title, columns, cells, total_row(words("report.sum"), columns, cells) if cells else None, note)


def _tonnes(programme: ProgrammeYear, name: str) -> tuple[float, float | None]:
    known = [one for one in programme.reductions if name in _keys(one.project)]
    measured = [one.measured_t for one in known if one.measured_t is not None]
    return _sum(one.expected_t for one in known), sum(measured) if measured else None


def _keys(project: Project) -> tuple[str, ...]:
    return (f"year {project.due_year_be}", f"kind {project.kind}", f"agency {project.agency}")


def _factor_note(programme: ProgrammeYear, words: Words) -> str:
    factor = programme.factor
    if factor is None:
        return words("programme.no_factor")
    return words(
        "programme.factor", factor=words.number(factor.kg_co2e_per_kwh, 4), source=factor.citation.said(words.lang)
    )


def years_table(programme: ProgrammeYear, words: Words) -> PaperGrid:
    """Sum the projects by the year in which they are due."""
    rows = roll_up(programme.projects, programme.measured, lambda one: f"year {one.due_year_be}")
    named = [(words.year(int(row.name.split()[1]) - BE_OFFSET_YEARS), row) for row in rows]
    return _rolled(programme, words, words("programme.years"), words("report.plan_due"), named)


def sectors_table(programme: ProgrammeYear, words: Words) -> PaperGrid:
    """Sum the projects by sector: measures in buildings, PV, EV charging, wastewater, street lighting, vehicles."""
    rows = {row.name: row for row in roll_up(programme.projects, programme.measured, lambda one: f"kind {one.kind}")}
    named = [(words(f"project_kind.{kind}"), rows[f"kind {kind}"]) for kind in PROJECT_KINDS if f"kind {kind}" in rows]
    return _rolled(programme, words, words("programme.sectors"), words("programme.sector"), named)


def agencies_table(programme: ProgrammeYear, words: Words) -> PaperGrid:
    """Sum the projects by agency."""
    rows = roll_up(programme.projects, programme.measured, lambda one: f"agency {one.agency}")
    named = [(_agency(programme, row.name.split()[1], words), row) for row in rows]
    return _rolled(programme, words, words("programme.agencies"), words("report.agency"), named)


def _agency(programme: ProgrammeYear, agency_id: str, words: Words) -> str:
    agency = programme.agency_name(agency_id)
    return agency_id if agency is None else words.either(th=agency.name_th, en=agency.name_en)


def goal_table(programme: ProgrammeYear, words: Words) -> PaperGrid:
    """List electricity and fuel beside the base year, and how far the goal for both is reached."""
    goal = programme.plan.agency_target.saving_ratio if programme.plan is not None else None
    columns = (
        GridColumn(words("programme.sector")),
        GridColumn(words("programme.unit")),
        GridColumn(words("programme.used"), "number"),
        GridColumn(words("programme.now"), "number"),
        GridColumn(words("programme.before"), "number"),
        GridColumn(words("programme.compared_ratio"), "ratio"),
        GridColumn(words("programme.change_ratio"), "ratio", 1),
        GridColumn(words("programme.goal"), "ratio"),
        GridColumn(words("programme.goal_met")),
    )
    whole = electricity_of(programme.goal)
    lines = [*(line for line in programme.goal if line.unit == "kwh"), *([whole] if whole is not None else [])]
    lines += [line for line in programme.goal if line.unit == "l"]
    rows = tuple(_goal_row(line, goal, words) for line in lines)
    return PaperGrid(_goal_title(programme, words), columns, rows, None, words("programme.goal_note"))


def _goal_title(programme: ProgrammeYear, words: Words) -> str:
    if programme.months is None:
        return words("programme.goal_title_none")
    base = words.year(programme.year.last_day.year - programme.years_back)
    return words("programme.goal_title", months=words.period(programme.months.slug), year=base)


def _goal_row(line: GoalLine, goal: float | None, words: Words) -> tuple[Value, ...]:
    change = line.change_ratio
    if change is None or goal is None:
        met = words("programme.goal_unknown")
    else:
        met = words("programme.goal_yes" if change <= -goal else "programme.goal_no")
    return (
        words(f"programme.sector_{line.sector}"), words(f"programme.unit_{line.unit}"), line.used, line.now,
        line.before, line.compared_ratio, change, None if goal is None else -goal, met,
    )  # fmt: skip


def emissions_table(programme: ProgrammeYear, words: Words) -> PaperGrid:
    """List scope 2 and scope 3 category 3 of each agency over the whole months of the year."""
    columns = (
        GridColumn(words("report.agency")),
        GridColumn(words("programme.used_kwh"), "number", is_summed=True),
        GridColumn(words("programme.known_ratio"), "ratio"),
        GridColumn(words("programme.scope2_t"), "number", 1, is_summed=True),
        GridColumn(words("programme.scope3_t"), "number", 1, is_summed=True),
    )
    rows: list[tuple[Value, ...]] = []
    for emissions in programme.emissions:
        months = [month for month in emissions.months if month.energy_kwh is not None]
        kwh = _sum(month.energy_kwh for month in months) if months else None
        known = sum(month.known_ratio for month in emissions.months) / max(len(emissions.months), 1)
        scope2, scope3 = (
            None if not months or None in kg else _sum(kg) / KG_PER_T
            for kg in ([month.co2e_kg for month in months], [month.upstream_co2e_kg for month in months])
        )
        rows.append((_agency(programme, emissions.agency, words), kwh, known, scope2, scope3))
    cells = tuple(rows)
    total = total_row(words("report.sum"), columns, cells) if cells else None
    months_text = words.period(programme.months.slug) if programme.months is not None else ""
    factors = {factor for one in programme.emissions for factor in (*one.factors, *one.upstream_factors)}
    note = words(
        "programme.emissions_note",
        months=months_text,
        factors="; ".join(
            f"{words.number(one.kg_co2e_per_kwh, 4)} ({one.citation.said(words.lang)})"
            for one in sorted(factors, key=lambda one: (one.purpose, one.valid_from))
        ),
    )
    return PaperGrid(words("programme.emissions"), columns, cells, total, note)


def participation_table(programme: ProgrammeYear, words: Words) -> PaperGrid:
    """List who reports, and who reads."""
    names = ("buildings", "metered", "reporting", "entered", "users", "signed_in", "recipients", "work", "attended")
    columns = (
        GridColumn(words("report.agency")),
        *(GridColumn(words(f"programme.part_{name}"), "number", is_summed=True) for name in names),
    )
    rows = tuple(
        (
            words.either(th=one.agency.name_th, en=one.agency.name_en), float(one.buildings), float(one.metered),
            float(one.reporting), float(one.entered), float(one.readers.users), float(one.readers.signed_in),
            float(one.recipients), float(one.work), float(one.attended),
        )
        for one in programme.participation
    )  # fmt: skip
    months = max((one.months for one in programme.participation), default=0)
    note = words("programme.participation_note", count=months)
    total = total_row(words("report.sum"), columns, rows) if rows else None
    return PaperGrid(words("programme.participation"), columns, rows, total, note)


def jcm_table(programme: ProgrammeYear, words: Words) -> PaperGrid:
    """List the projects whose reductions a method of JCM or T-VER counts, or could count."""
    columns = (
        GridColumn(words("report.plan_project")),
        GridColumn(words("report.agency")),
        GridColumn(words("programme.method")),
        GridColumn(words("report.plan_state")),
        GridColumn(words("report.plan_due")),
        GridColumn(words("programme.expected_t"), "number", 1, is_summed=True),
        GridColumn(words("programme.measured_t"), "number", 1),
        GridColumn(words("programme.jcm_lacks")),
    )
    rows = tuple(
        (
            words.either(th=one.project.name_th, en=one.project.name_en),
            _agency(programme, one.project.agency, words),
            one.method if one.is_chosen else words("programme.could_be", method=one.method),
            words(f"project_state.{one.project.state}"),
            words.year(one.project.due_year_be - BE_OFFSET_YEARS),
            one.expected_t,
            one.measured_t,
            _lacks(one.project, words, is_chosen=one.is_chosen),
        )
        for one in sorted(programme.reductions, key=lambda one: (not one.is_chosen, -(one.expected_t or 0.0)))
        if one.method is not None
    )
    total = total_row(words("report.sum"), columns, rows) if rows else None
    return PaperGrid(words("programme.jcm"), columns, rows, total, words("programme.jcm_note"))


def _lacks(project: Project, words: Words, *, is_chosen: bool) -> str:
    """Say what a project lacks before a method can count it."""
    lacking = []
    if not is_chosen:
        lacking.append(words("programme.lacks_method"))
    if not (project.system_meters or project.pv_meter):
        lacking.append(words("programme.lacks_meter"))
    if project.kind in {"cooling", "led"} and (
        project.reference_efficiency is None or project.project_efficiency is None
    ):
        lacking.append(words("programme.lacks_efficiency"))
    return ", ".join(lacking)


def partners_table(programme: ProgrammeYear, words: Words) -> PaperGrid:
    """List, for each measure that waits or is needed, who could do it."""
    columns = (
        GridColumn(words("programme.measure")),
        GridColumn(words("programme.open_needs"), "number", is_summed=True),
        GridColumn(words("programme.waiting"), "number", is_summed=True),
        GridColumn(words("report.plan_budget"), "number", is_summed=True),
        GridColumn(words("programme.expected_kwh"), "number", is_summed=True),
        GridColumn(words("programme.partners")),
    )
    rows: list[tuple[Value, ...]] = []
    for kind in PROJECT_KINDS:
        needs = [need for need in programme.needs if need.measure == kind and need.answered_on is None]
        waiting = [one for one in programme.projects if one.kind == kind and one.state in WAITING]
        able = shortlisted(programme.partners, kind)
        if needs or waiting or able:
            named = ", ".join(
                f"{words.either(th=one.name_th, en=one.name_en)} ({words(f'record_choice.standing.{one.standing}')})"
                for one in able
            )
            rows.append(
                (
                    words(f"project_kind.{kind}"), float(len(needs)), float(len(waiting)),
                    _sum(one.budget_thb for one in waiting), _sum(one.expected_kwh for one in waiting), named,
                )
            )  # fmt: skip
    cells = tuple(rows)
    return PaperGrid(words("programme.shortlist"), columns, cells, None, words("programme.shortlist_note"))


def needs_table(programme: ProgrammeYear, words: Words) -> PaperGrid:
    """List what agencies need and lack, what is open first."""
    columns = (
        GridColumn(words("programme.need")),
        GridColumn(words("report.agency")),
        GridColumn(words("programme.measure")),
        GridColumn(words("programme.gaps")),
        GridColumn(words("programme.surveyed_on"), "date"),
        GridColumn(words("programme.answered_on"), "date"),
    )
    rows = tuple(
        (
            words.either(th=need.name_th, en=need.name_en or need.name_th), _agency(programme, need.agency, words),
            words(f"project_kind.{need.measure}"),
            ", ".join(words(f"record_choice.gaps.{gap}") for gap in need.gaps), need.surveyed_on, need.answered_on,
        )
        for need in sorted(programme.needs, key=lambda one: (one.answered_on is not None, one.surveyed_on))
    )  # fmt: skip
    return PaperGrid(words("programme.needs"), columns, rows)


def workshops_table(programme: ProgrammeYear, words: Words) -> PaperGrid:
    """List workshops with who came, their material, and how much changed after them."""
    columns = (
        GridColumn(words("programme.workshop")),
        GridColumn(words("programme.held"), "date"),
        GridColumn(words("programme.hours"), "number", 1),
        GridColumn(words("programme.invited"), "number", is_summed=True),
        GridColumn(words("programme.attended"), "number", is_summed=True),
        GridColumn(words("programme.came_agencies"), "number"),
        GridColumn(words("programme.material"), "number"),
        GridColumn(words("programme.follow_up_count"), "number", is_summed=True),
    )
    ids = {agency.id for agency in programme.agencies}
    rows = []
    for workshop in programme.workshops:
        came = [one for one in workshop.attendance if one.agency in ids]
        rows.append(
            (
                words.either(th=workshop.name_th, en=workshop.name_en), workshop.first, workshop.hours,
                float(sum(one.invited for one in came)), float(sum(one.attended for one in came)),
                float(sum(1 for one in came if one.attended)), float(len(workshop.material)),
                float(sum(1 for one in programme.follow_ups if one.workshop == workshop.id)),
            )
        )  # fmt: skip
    cells: tuple[tuple[Value, ...], ...] = tuple(rows)
    return PaperGrid(
        words("programme.workshops"),
        columns,
        cells,
        total_row(words("report.sum"), columns, cells) if cells else None,
    )


def follow_ups_table(programme: ProgrammeYear, words: Words) -> PaperGrid:
    """List what agencies changed after workshops, and what the meters say of it where it became a project."""
    columns = (
        GridColumn(words("programme.changed")),
        GridColumn(words("report.agency")),
        GridColumn(words("programme.workshop")),
        GridColumn(words("programme.changed_on"), "date"),
        GridColumn(words("report.plan_project")),
        GridColumn(words("programme.measured_kwh"), "number"),
    )
    titles = {one.id: words.either(th=one.name_th, en=one.name_en) for one in programme.workshops}
    names = {one.id: words.either(th=one.name_th, en=one.name_en) for one in programme.projects}
    rows = tuple(
        (
            words.either(th=one.name_th, en=one.name_en or one.name_th), _agency(programme, one.agency, words),
            titles.get(one.workshop, one.workshop), one.changed_on, names.get(one.project, one.project),
            programme.measured[one.project].kwh_a_year if one.project in programme.measured else None,
        )
        for one in sorted(programme.follow_ups, key=lambda one: one.changed_on)
    )  # fmt: skip
    return PaperGrid(words("programme.follow_ups"), columns, rows)


def year_text(year: Period, words: Words) -> str:
    """Name a fiscal year."""
    return words("report.period_fiscal_year", year=words.year(year.last_day.year))
