"""Projects as records: how each was on which day, and what changes when one is entered or moves. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from bkkenergy.errors import Fault
from bkkenergy.plan.projects import Project
from bkkenergy.portfolio import Portfolio, Records
from bkkenergy.portfolio.records import Change, Entry, Kind, Kinds, entry_on
from bkkenergy.texts import Term

PLAN_KINDS: Kinds = {"project": Kind("project", Project, lambda project: str(project.id))}
"""The kinds of record that the plan's own revisions hold."""


def projects_on(records: Records, day: dt.date) -> tuple[Project, ...]:
    """Return the projects as they are on a day, by id.

    Parameters
    ----------
    records : Records
        The plan's, with all versions of each project.
    day : date
        The day.

    Returns
    -------
    tuple of Project
        Without those that are not there on that day.

    Examples
    --------
    >>> import datetime as dt
    >>> from bkkenergy.plan import projects_on
    >>> from bkkenergy.portfolio import Records
    >>> projects_on(Records(), dt.date(2026, 11, 1))
    ()
    """
    return tuple(project for _, project in sorted(records.on("project", day).items()))


def newest(records: Records, today: dt.date) -> tuple[Project, ...]:
    """Return the projects as they were entered last, whenever that holds, by id; without those that have ended.

    Parameters
    ----------
    records : Records
        The plan's, with all versions of each project.
    today : date
        A project that is withdrawn from a later day has not ended yet.

    Returns
    -------
    tuple of Project
        The last version of each.

    Examples
    --------
    >>> import datetime as dt
    >>> from bkkenergy.plan import newest
    >>> from bkkenergy.portfolio import Records
    >>> newest(Records(), dt.date(2026, 11, 26))
    ()
    """
    last: list[Any] = [entries[-1] for _, entries in sorted(records.by_kind.get("project", {}).items())]
    return tuple(entry.value for entry in last if entry.valid_to is None or entry.valid_to > today)


def agencies_of_versions(records: Records, project_id: str, day: dt.date) -> frozenset[str]:
    """Return whose versions of a project a change from a day on replaces: those that hold then or later, and the last.

    Parameters
    ----------
    records : Records
        The plan's, with all versions of each project.
    project_id : str
        The project.
    day : date
        From which day on it is changed.

    Returns
    -------
    frozenset of str
        Ids of agencies; empty where there is no such project.

    Examples
    --------
    >>> import datetime as dt
    >>> from bkkenergy.plan import agencies_of_versions
    >>> from bkkenergy.portfolio import Records
    >>> agencies_of_versions(Records(), "led-1", dt.date(2026, 11, 26))
    frozenset()
    """
    entries: list[Any] = list(records.by_kind.get("project", {}).get(project_id, ()))
    touched = [entry for entry in entries if entry.valid_to is None or entry.valid_to > day] + entries[-1:]
    return frozenset(entry.value.agency for entry in touched)


def changes_from(records: Records, project: Project, day: dt.date) -> tuple[Change, ...]:
    """Return what changes where a project is as given from a day on: what was said of later days is overtaken.

    Parameters
    ----------
    records : Records
        The plan's, with all versions of each project.
    project : Project
        The project as it is from that day on.
    day : date
        The first day.

    Returns
    -------
    tuple of Change
        None where the records say so already.

    Examples
    --------
    >>> import datetime as dt
    >>> from bkkenergy.plan import Project, changes_from
    >>> from bkkenergy.portfolio import Records
    >>> led = Project(id="led-1", agency="health", kind="led", name_th="หลอดไฟ", name_en="Lamps", due_year_be=2570)
    >>> len(changes_from(Records(), led, dt.date(2026, 11, 1)))
    1
    """
    entries = records.of("project", project.id)
    present = entry_on(entries, day)
    later = tuple(Change(entry, None) for entry in entries if entry.valid_from > day)
    if present is not None and present.value == project and present.valid_to is None:
        return later
    before = records.by_identity.get(("project", project.id, day))
    return (Change(before, Entry("project", project.id, day, project)), *later)


def first_day(project: Project, known: Project | None, today: dt.date) -> dt.date:
    """Return from which day a project is as it is entered today: since it was done, where that is new and was before.

    Parameters
    ----------
    project : Project
        As entered.
    known : Project or None
        As it was before; None where it is new.
    today : date
        The day on which it is entered.

    Returns
    -------
    date
        Today, or the day that it was done on.

    Examples
    --------
    >>> import datetime as dt
    >>> from bkkenergy.plan import Project, first_day
    >>> led = Project(id="led-1", agency="health", kind="led", name_th="หลอดไฟ", name_en="Lamps", due_year_be=2570)
    >>> done = led.model_copy(update={"state": "done", "done_on": dt.date(2026, 6, 1)})
    >>> str(first_day(done, led, dt.date(2026, 11, 1))), str(first_day(led, None, dt.date(2026, 11, 1)))
    ('2026-06-01', '2026-11-01')
    """
    is_new = known is None or (known.state, known.done_on) != (project.state, project.done_on)
    if project.state == "done" and project.done_on is not None and is_new:
        return min(today, project.done_on)
    return today


def project_faults(project: Project, portfolio: Portfolio, where: str) -> list[Fault]:
    """List what of a project does not fit the portfolio.

    Parameters
    ----------
    project : Project
        The project.
    portfolio : Portfolio
        Where its agency, building and PV meter should be.
    where : str
        Where it is entered.

    Returns
    -------
    list of Fault
        Where, what is wrong, and the remedy.

    Examples
    --------
    >>> from bkkenergy.library.packaged import demonstration
    >>> from bkkenergy.plan import Project, project_faults
    >>> led = Project(id="led-1", agency="nowhere", kind="led", name_th="ก", name_en="Lamps", due_year_be=2570)
    >>> [fault.what for fault in project_faults(led, demonstration(), "row 2")]
    ["'nowhere' is not in the portfolio"]
    """
    faults = []
    if project.agency not in portfolio.agencies:
        known = ", ".join(sorted(portfolio.agencies))
        faults.append(Fault.of("agency_not_there", f"{where}: agency", name=project.agency, known=known))
    building = portfolio.buildings.get(project.building)
    if project.building and (building is None or building.agency != project.agency):
        names = ", ".join(known.id for known in portfolio.buildings_of(project.agency)) or "(none)"
        values = {"name": project.building, "agency": project.agency, "known": names}
        faults.append(Fault.of("no_building_of", f"{where}: building", **values))
    if project.pv_meter and project.pv_meter not in {meter.id for meter in portfolio.meters if meter.pv}:
        faults.append(Fault.of("no_pv_meter", f"{where}: pv_meter", name=project.pv_meter))
    if project.state == "done" and project.done_on is None:
        faults.append(Fault.of("no_done_day", f"{where}: done_on"))
    return faults + _option_faults(project, portfolio, where)


def _option_faults(project: Project, portfolio: Portfolio, where: str) -> list[Fault]:
    """List what a project's option lacks, and meters that are not its building's."""
    faults = []
    building = portfolio.buildings.get(project.building)
    meters = {meter.id: meter for meter in building.meters} if building is not None else {}
    named = [("system_meters", name) for name in project.system_meters]
    named += [("cooling_meter", project.cooling_meter)] if project.cooling_meter else []
    for name, meter in named:
        if meter not in meters:
            known = ", ".join(meters) or "(none)"
            faults.append(
                Fault.of("no_meter_of", f"{where}: {name}", name=meter, building=project.building, known=known)
            )
        elif meters[meter].pv:
            faults.append(Fault.of("pv_is_no_system", f"{where}: {name}", name=meter))
    if project.option != "whole" and project.pv_meter:
        faults.append(Fault.of("option_or_pv", f"{where}: option"))
    if project.option == "system" and not project.system_meters:
        faults += _needed(project, where, ["system_meters"])
    if project.option == "parameter":
        faults += _parameter_faults(project, where)
    if project.option == "system" and project.reference_efficiency is not None and not project.cooling_meter:
        faults += _needed(project, where, ["cooling_meter"])
    if project.stipulated_half_ratio is None and _stipulates(project):
        faults += _needed(project, where, ["stipulated_half_ratio"])
    return faults


def _stipulates(project: Project) -> bool:
    by_cop = project.option == "system" and project.reference_efficiency is not None
    return project.option == "parameter" or by_cop


def _needed(project: Project, where: str, names: Sequence[str]) -> list[Fault]:
    return [
        Fault.of(
            "option_needs", f"{where}: {name}", option=Term(project.option, f"option.{project.option}"), needs=name
        )
        for name in names
    ]


POWER, EFFICIENCY = ("before_kw", "after_kw", "hours_a_year"), ("reference_efficiency", "project_efficiency")
"""What option A is measured by: power with stipulated hours, or energy with stipulated efficiencies."""


def _parameter_faults(project: Project, where: str) -> list[Fault]:
    is_begun = [any(getattr(project, name) is not None for name in names) for names in (POWER, EFFICIENCY)]
    if is_begun[0] == is_begun[1]:
        needs = f"{', '.join(POWER)}; system_meters, {', '.join(EFFICIENCY)}"
        return [Fault.of("option_one_of", f"{where}: option", needs=needs)]
    names = POWER if is_begun[0] else ("system_meters", *EFFICIENCY)
    lacking = [name for name in names if getattr(project, name) in (None, ())]
    return _needed(project, where, lacking) or _order_faults(project, where)


def _order_faults(project: Project, where: str) -> list[Fault]:
    """Refuse a measure that would use more than what it replaces: the two are most often in each other's place."""
    pairs = (
        ("after_kw", project.after_kw, project.before_kw),
        ("reference_efficiency", project.reference_efficiency, project.project_efficiency),
    )
    return [
        Fault.of("option_in_order", f"{where}: {name}", low=low, high=high)
        for name, low, high in pairs
        if low is not None and high is not None and low >= high
    ]
