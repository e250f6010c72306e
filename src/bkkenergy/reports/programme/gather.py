"""What the programme's tables are made of, read once for some agencies and a fiscal year."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bkkenergy.adapters.state.agencymonths import month_amounts
from bkkenergy.adapters.state.participation import Readers, readers_since, work_since
from bkkenergy.calendar import Period, fiscal_year_of
from bkkenergy.carbon import GridFactor, avoided, factor_on
from bkkenergy.errors import InputError
from bkkenergy.plan import ActionPlan, FollowUp, Measured, Need, Partner, Project, Workshop, projects_on
from bkkenergy.plan.jcm import MethodName
from bkkenergy.portfolio import Agency
from bkkenergy.ports.ledger import IMPORT, QUARTERS_PER_DAY
from bkkenergy.recipients import ALL
from bkkenergy.reports.plan.progress import measured_projects
from bkkenergy.reports.programme.goal import MIN_KNOWN_RATIO, GoalLine, goal_lines
from bkkenergy.site import Site
from bkkenergy.site.record_readers import register_of
from bkkenergy.texts import BE_OFFSET_YEARS
from bkkenergy.usecases.emissions import EmissionMonths, emission_months

KW_PER_MW = 1000.0
READERS_D, WEEK_D = 30, 7
METHOD_OF_KIND: Mapping[str, MethodName] = {"solar": "TH_AM001", "cooling": "TH_AM005", "led": "TH_AM016"}
"""The method that could fit a project without one of its own; T-VER is for the rest, which a person chooses."""


@dataclass(frozen=True, slots=True)
class Participation:
    """An agency's part. reporting : metered buildings of which nine tenths of the last week are known.

    months : whole months of the fiscal year so far; entered : those of which it entered amounts for the e-report.
    recipients : who gets its reports. work : entries on findings in 30 days. attended : people at workshops.
    """

    agency: Agency
    buildings: int
    metered: int
    reporting: int
    months: int
    entered: int
    readers: Readers
    recipients: int
    work: int
    attended: int


@dataclass(frozen=True, slots=True)
class ProjectReduction:
    """What a project keeps from being emitted in a year: as expected, and as measured; None where that is not known.

    method : its own, or the one that could fit; is_chosen : whether it is its own.
    """

    project: Project
    method: MethodName | None
    is_chosen: bool
    expected_t: float | None
    measured_t: float | None


@dataclass(frozen=True, slots=True)
class ProgrammeYear:
    """The programme of some agencies in a fiscal year, up to yesterday.

    year : the fiscal year. months : its whole months up to yesterday; None before the first has ended. years_back :
    how far the base year is before it. has_partners : whether the reader sees partners.
    """

    day: dt.date
    year: Period
    months: Period | None
    years_back: int
    agencies: tuple[Agency, ...]
    plan: ActionPlan | None
    projects: tuple[Project, ...]
    measured: Mapping[str, Measured]
    reductions: tuple[ProjectReduction, ...]
    factor: GridFactor | None
    pv_kwp: float
    goal: tuple[GoalLine, ...]
    emissions: tuple[EmissionMonths, ...]
    participation: tuple[Participation, ...]
    partners: tuple[Partner, ...]
    needs: tuple[Need, ...]
    workshops: tuple[Workshop, ...]
    follow_ups: tuple[FollowUp, ...]
    has_partners: bool

    @property
    def year_be(self) -> int:
        """The fiscal year, Buddhist era."""
        return self.year.last_day.year + BE_OFFSET_YEARS

    def agency_name(self, agency_id: str) -> Agency | None:
        """Return an agency of these."""
        return next((agency for agency in self.agencies if agency.id == agency_id), None)


def programme_of(
    site: Site,
    agencies: Sequence[str],
    *,
    now: dt.datetime,
    has_partners: bool,
    year_be: int | None = None,
    measured: Mapping[str, Measured] | None = None,
) -> ProgrammeYear:
    """Gather the programme of some agencies in a fiscal year (by default the running one).

    measured : of all projects, where the caller has it. Raises InputError for a year that has not begun,
    StoreUnavailable, ConfigError where the register cannot be read.
    """
    today = site.today
    year = fiscal_year_of(today) if year_be is None else Period.fiscal_year(year_be)
    if year.first_day > today:
        raise InputError.of("programme_year", year=year.last_day.year + BE_OFFSET_YEARS)
    day, there = min(year.last_day, today), [one for one in agencies if one in site.portfolio.agencies]
    projects = tuple(
        one for one in projects_on(site.plan_records, day) if one.agency in there and one.state != "dropped"
    )
    if measured is None:
        measured = measured_projects(site, projects, day)
    register = _Register.on(site, day, there, has_partners=has_partners)
    months = _whole_months(year, today)
    plan = site.plan
    base = plan.agency_target.base_year_be if plan is not None else None
    years_back = max(year.last_day.year + BE_OFFSET_YEARS - base, 1) if base is not None else 1
    return ProgrammeYear(
        day=day,
        year=year,
        months=months,
        years_back=years_back,
        agencies=tuple(site.portfolio.agencies[one] for one in there),
        plan=plan,
        projects=projects,
        measured={name: one for name, one in measured.items() if name in {project.id for project in projects}},
        reductions=tuple(_reduction(site, project, measured.get(project.id), day) for project in projects),
        factor=_factor(site, day),
        pv_kwp=_pv_kwp(site, there, day),
        goal=goal_lines(site, there, months, years_back) if months is not None else (),
        emissions=tuple(emission_months(site, one, months) for one in there) if months is not None else (),
        participation=tuple(_participation(site, there, year, months, register, now)),
        partners=register.partners,
        needs=register.needs,
        workshops=register.workshops,
        follow_ups=register.follow_ups,
        has_partners=has_partners,
    )


@dataclass(frozen=True, slots=True)
class _Register:
    partners: tuple[Partner, ...]
    needs: tuple[Need, ...]
    workshops: tuple[Workshop, ...]
    follow_ups: tuple[FollowUp, ...]

    @classmethod
    def on(cls, site: Site, day: dt.date, agencies: Sequence[str], *, has_partners: bool) -> _Register:
        """Return what the register holds on a day, of some agencies."""
        records = register_of(site.config.folder, site.portfolio.records)

        def of(kind: str) -> list[Any]:
            return [value for _, value in sorted(records.on(kind, day).items())]

        return cls(
            tuple(of("partner")) if has_partners else (),
            tuple(one for one in of("need") if one.agency in agencies),
            tuple(sorted(of("workshop"), key=lambda one: one.first)),
            tuple(one for one in of("follow_up") if one.agency in agencies),
        )


def _whole_months(year: Period, today: dt.date) -> Period | None:
    """Return the months of a fiscal year that have ended."""
    after = min(year.last_day + dt.timedelta(days=1), today.replace(day=1))
    return None if after <= year.first_day else Period.days(year.first_day, after - dt.timedelta(days=1))


def _reduction(site: Site, project: Project, measured: Measured | None, day: dt.date) -> ProjectReduction:
    method = project.method or METHOD_OF_KIND.get(project.kind)

    def tonnes(kwh: float | None) -> float | None:
        if kwh is None:
            return None
        try:
            return avoided(kwh, site.figures.grid_factors, day, method=project.method).co2e_kg / 1000
        except InputError:
            return None

    return ProjectReduction(
        project,
        method,
        project.method is not None,
        tonnes(project.expected_kwh or None),
        tonnes(measured.kwh_a_year if measured is not None else None),
    )


def _factor(site: Site, day: dt.date) -> GridFactor | None:
    try:
        return factor_on(site.figures.grid_factors, day, "project")
    except InputError:
        return None


def _pv_kwp(site: Site, agencies: Sequence[str], day: dt.date) -> float:
    """Sum the PV that is entered: plants, and of buildings without a plant what stands on their roofs."""
    portfolio = site.portfolio
    plants = [one for one in portfolio.pv_plants.values() if one.commissioned is None or one.commissioned <= day]
    kwp = 0.0
    for agency in agencies:
        for building in portfolio.buildings_of(agency):
            of_building = [one.capacity_kwp for one in plants if one.building == building.id]
            kwp += sum(of_building) if of_building else sum(roof.installed_kwp or 0.0 for roof in building.roofs)
    return kwp


def _participation(
    site: Site,
    agencies: Sequence[str],
    year: Period,
    months: Period | None,
    register: _Register,
    now: dt.datetime,
) -> list[Participation]:
    since = now - dt.timedelta(days=READERS_D)
    readers, work = readers_since(site.state, since), work_since(site.state, since)
    reporting = _reporting(site, agencies)
    rows = []
    for agency in agencies:
        buildings = site.portfolio.buildings_of(agency)
        entered = {} if months is None else month_amounts(site.state, agency, months.first_day, months.last_day)
        at_workshops = [
            one.attended
            for workshop in register.workshops
            if year.first_day <= workshop.first <= year.last_day
            for one in workshop.attendance
            if one.agency == agency
        ]
        rows.append(
            Participation(
                agency=site.portfolio.agencies[agency],
                buildings=len(buildings),
                metered=sum(1 for building in buildings if building.main_meters),
                reporting=sum(1 for building in buildings if building.id in reporting),
                months=0 if months is None else round(len(months.dates) / 30.4),
                entered=len(entered),
                readers=readers.get(agency, Readers(0, 0)),
                recipients=sum(1 for one in site.settings.recipient if {ALL, agency} & set(one.agencies)),
                work=work.get(agency, 0),
                attended=sum(at_workshops),
            )
        )
    return rows


def _reporting(site: Site, agencies: Sequence[str]) -> set[str]:
    """Return the buildings of which nine tenths of the last seven whole days are known."""
    last = site.today - dt.timedelta(days=1)
    first = last - dt.timedelta(days=WEEK_D - 1)
    buildings = [building for agency in agencies for building in site.portfolio.buildings_of(agency)]
    mains = list(dict.fromkeys(meter.id for building in buildings for meter in building.main_meters))
    if not mains:
        return set()
    totals = site.energy.totals(mains, IMPORT, first, last)
    known = (totals.measured + totals.estimated + totals.edited).mean(axis=0) / QUARTERS_PER_DAY
    of_meter = dict(zip(mains, known.tolist(), strict=True))
    return {
        building.id
        for building in buildings
        if building.main_meters
        and float(np.mean([of_meter[meter.id] for meter in building.main_meters])) >= MIN_KNOWN_RATIO
    }
