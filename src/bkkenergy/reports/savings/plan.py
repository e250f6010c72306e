"""Projects of the action plan compared with what meters say: the plan that reports prove."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from bkkenergy.adapters.state.baselines import versions_of
from bkkenergy.adapters.state.pins import BaselinePin, pins_of
from bkkenergy.calendar import Period
from bkkenergy.errors import InputError
from bkkenergy.plan import Measured, Project, as_yearly, projects_on, shared
from bkkenergy.portfolio import Building
from bkkenergy.reports.content import PlanLine, PlanProgress
from bkkenergy.reports.savings.gather import hours_of, judged_by
from bkkenergy.reports.savings.options import MIN_MEASURED_DAYS, measured_option
from bkkenergy.savings.baseline import HOURS_PER_DAY, Series
from bkkenergy.savings.facts import DAYS_PER_YEAR, Facts
from bkkenergy.savings.versions import BaselineVersion, judging, pinned
from bkkenergy.site import Site
from bkkenergy.usecases.energy import meters_energy_kwh


def plan_progress(site: Site, agency_id: str, seen: Sequence[tuple[Building, Facts]]) -> PlanProgress | None:
    """Return the agency's projects, as they were on the last day of the report, with their measured savings.

    None where it has none. seen : of each metered building.
    """
    last_day = max((facts.series.day_index[-1].date() for _, facts in seen), default=None)
    there = projects_on(site.plan_records, min(last_day or site.today, site.today))
    projects = [project for project in there if project.agency == agency_id and project.state != "dropped"]
    if not projects:
        return None
    series = {building.id: facts.series for building, facts in seen if facts.why is None}
    measured = measured_savings(site, projects, series, last_day)
    done = [project for project in projects if project.state == "done"]
    known = [measured[project.id].kwh_a_year for project in done if project.id in measured]
    target = site.plan.agency_target if site.plan else None
    year_kwh = sum(_year_kwh(facts) for _, facts in seen)
    return PlanProgress(
        projects=tuple(_line(project, measured.get(project.id)) for project in projects),
        expected_kwh=sum(project.expected_kwh for project in projects),
        done_kwh=sum(project.expected_kwh for project in done),
        measured_kwh=sum(known) if known else None,
        target_kwh=target.saving_ratio * year_kwh if target else None,
        target_year_be=target.year_be if target else None,
    )


def plan_of_building(plan: PlanProgress, building_id: str) -> PlanProgress | None:
    """Return the part of an agency's plan that is in one building; None without any. The target is the agency's."""
    lines = tuple(line for line in plan.projects if line.building_id == building_id)
    if not lines:
        return None
    done = [line for line in lines if line.state == "done"]
    known = [line.measured_kwh for line in done if line.measured_kwh is not None]
    return PlanProgress(
        projects=lines,
        expected_kwh=sum(line.expected_kwh for line in lines),
        done_kwh=sum(line.expected_kwh for line in done),
        measured_kwh=sum(known) if known else None,
        target_kwh=None,
        target_year_be=None,
    )


def measured_savings(
    site: Site, projects: Sequence[Project], series: Mapping[str, Series], last_day: dt.date | None
) -> dict[str, Measured]:
    """Compute what each done project saves in a year, as measured; those that cannot be measured are left out.

    PV by its meter, and a system or a key parameter by the project's own option. The others of a building that are
    pinned to the same baseline share its saving since the last of them was done, without what these saved: a kWh
    counts once.
    """
    done = [project for project in projects if project.state == "done" and project.done_on and project.building]
    if last_day is None:
        return {}
    measured_of: dict[str, Measured] = {}
    for project in done:
        if measured := _by_itself(site, project, last_day):
            measured_of[project.id] = measured
    by_building: dict[str, list[Project]] = {}
    for project in done:
        if is_of_whole(project) and project.building in series and project.building in site.portfolio.buildings:
            by_building.setdefault(project.building, []).append(project)
    versions = versions_of(site.state, list(by_building))
    pins = pins_of(site.state, [project.id for project in done])
    for name, of_building in by_building.items():
        beside = tuple(
            (project.done_on, measured_of[project.id])
            for project in done
            if project.building == name and project.option != "whole" and project.id in measured_of and project.done_on
        )
        judged = BuildingHours(site.portfolio.buildings[name], series[name], versions.get(name, ()), pins, beside)
        measured_of |= _saved_by_groups(site, judged, of_building, last_day)
    return measured_of


def is_of_whole(project: Project) -> bool:
    """Return whether a project's saving is looked for in its whole building."""
    return not project.pv_meter and project.option == "whole"


def why_unmeasured(site: Site, project: Project, last_day: dt.date) -> InputError | None:
    """Return why a done project of option A or B is not measured; None of others, or where it is."""
    if project.state != "done" or project.option == "whole":
        return None
    try:
        measured_option(site, project, last_day)
    except InputError as why:
        return why
    return None


def _by_itself(site: Site, project: Project, last_day: dt.date) -> Measured | None:
    """Measure PV, a system or a key parameter; None where that cannot be, or the whole building says it."""
    if is_of_whole(project):
        return None
    if project.pv_meter:
        return _made(site, project, last_day)
    try:
        return measured_option(site, project, last_day)
    except InputError:
        return None


@dataclass(frozen=True, slots=True)
class BuildingHours:
    """A building with hours that are read, its baselines, and which of them projects are pinned to.

    beside : what projects of options A and B save there, each since its day.
    """

    building: Building
    hours: Series
    versions: Sequence[BaselineVersion]
    pins: Mapping[str, BaselinePin]
    beside: Sequence[tuple[dt.date, Measured]] = ()


def _saved_by_groups(
    site: Site, known: BuildingHours, projects: Sequence[Project], last_day: dt.date
) -> dict[str, Measured]:
    """Measure projects of one baseline together: from the last of them on until projects of another baseline begin."""
    groups: dict[int, list[Project]] = {}
    version_of: dict[int, BaselineVersion] = {}
    for project in sorted(projects, key=lambda one: one.done_on or dt.date.min):
        if (version := _version_of(known, project)) is not None:
            groups.setdefault(version.number, []).append(project)
            version_of[version.number] = version
    if not groups:
        return {}
    measured_of: dict[str, Measured] = {}
    ends = [_first_done(group) - dt.timedelta(days=1) for group in list(groups.values())[1:]] + [last_day]
    for (number, group), end in zip(groups.items(), ends, strict=True):
        period = Period.days(min(_last_done(group), end), end)
        if whole := _saved(site, known, version_of[number], period):
            measured_of |= shared(group, _without(known, version_of[number], period, whole))
    return measured_of


def _without(known: BuildingHours, version: BaselineVersion, period: Period, whole: Measured) -> Measured:
    """Take off what systems saved in the same days beside the same baseline: it is theirs."""
    kwh, half = whole.kwh_a_year, whole.half_width_kwh
    for done_on, system in known.beside:
        if done_on > version.last:
            share = max((period.last_day - max(done_on, period.first_day)).days + 1, 0) / len(period.dates)
            kwh -= share * system.kwh_a_year
            half = float(np.hypot(half, share * system.half_width_kwh))
    return replace(whole, kwh_a_year=kwh, half_width_kwh=half)


def _version_of(known: BuildingHours, project: Project) -> BaselineVersion | None:
    """Return the baseline that a project is pinned to, or that would judge it; None where that is not there."""
    pin = known.pins.get(project.id)
    if pin is not None and pin.holds_for(project):
        return pinned(known.versions, pin.fingerprint)
    return judging(known.versions, project.done_on or dt.date.min)


def _first_done(projects: Sequence[Project]) -> dt.date:
    return min(project.done_on for project in projects if project.done_on)


def _last_done(projects: Sequence[Project]) -> dt.date:
    return max(project.done_on for project in projects if project.done_on)


def _saved(site: Site, known: BuildingHours, version: BaselineVersion, period: Period) -> Measured | None:
    """Return what a period saved under a baseline; days before those that are read are read where none of them is."""
    first_read = known.hours.day_index[0].date()
    hours: Series | InputError = known.hours
    if period.last_day < first_read:
        hours = _read(site, known.building, period)
    else:
        period = Period.days(max(period.first_day, first_read), period.last_day)
    if (period.last_day - period.first_day).days < MIN_MEASURED_DAYS:
        return None
    judged = judged_by(site, known.building, period, hours, version)
    if judged.saving is None or judged.band is None:
        return None
    half_kwh = judged.band.half_width_ratio * judged.saving.adjusted_kwh
    return as_yearly(judged.saving.saving_kwh, half_kwh, judged.saving.days)


def _read(site: Site, building: Building, period: Period) -> Series | InputError:
    try:
        return hours_of(site, building, period)
    except InputError as why:
        return why


def _made(site: Site, project: Project, last_day: dt.date) -> Measured | None:
    """Sum what a project's PV meter counted since it was done, over the days that are known."""
    meter = next((known for known in site.portfolio.meters if known.id == project.pv_meter), None)
    first = project.done_on
    if meter is None or first is None or (last_day - first).days < MIN_MEASURED_DAYS:
        return None
    energy_kwh = meters_energy_kwh(site.energy, (meter,), Period.days(first, last_day), "day")
    known = np.isfinite(energy_kwh)
    if not known.any():
        return None
    return replace(as_yearly(float(energy_kwh[known].sum()), 0.0, int(known.sum())), way="pv")


def _year_kwh(facts: Facts) -> float:
    """Compute the use of a year at the mean of its last valid days; what the grid gave where use is not known."""
    days = facts.series.day_energy_kwh
    if facts.why is not None and facts.grid_kwh is not None:
        days = facts.grid_kwh.reshape(-1, HOURS_PER_DAY).sum(axis=1)
    days = days[-DAYS_PER_YEAR:]
    return float(np.nanmean(days)) * DAYS_PER_YEAR if np.isfinite(days).any() else 0.0


def _line(project: Project, measured: Measured | None) -> PlanLine:
    return PlanLine(
        id=project.id,
        name_th=project.name_th,
        name_en=project.name_en,
        kind=project.kind,
        state=project.state,
        building_id=project.building,
        due_year_be=project.due_year_be,
        budget_thb=project.budget_thb,
        expected_kwh=project.expected_kwh,
        measured_kwh=measured.kwh_a_year if measured else None,
        half_width_kwh=measured.half_width_kwh if measured else None,
        way=measured.way if measured else "",
    )
