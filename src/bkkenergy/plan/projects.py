"""Action plans: targets by year and sector, and projects from survey to proof. Pure.

A project's saving is measured: by its building's baseline since the day it was done, or by its own PV meter.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, field_validator

from bkkenergy.dated import Cited
from bkkenergy.errors import InputError
from bkkenergy.plan.jcm import MethodName
from bkkenergy.plan.promise import Promise
from bkkenergy.texts import Named, Term
from bkkenergy.tomlfiles import Frozen

ProjectKind = Literal[
    "led", "cooling", "schedule", "solar", "behaviour", "ev_charging", "wastewater", "street_lighting", "vehicles",
    "other",
]  # fmt: skip
PROJECT_KINDS: tuple[ProjectKind, ...] = get_args(ProjectKind)
ProjectState = Literal["surveyed", "proposed", "endorsed", "running", "done", "dropped"]
PROJECT_STATES: tuple[ProjectState, ...] = get_args(ProjectState)
ProjectOption = Literal["whole", "system", "parameter"]
PROJECT_OPTIONS: tuple[ProjectOption, ...] = get_args(ProjectOption)
"""IPMVP: the whole building (option C), a system by its own meters (B), a key parameter, the other stipulated (A)."""
WAY: tuple[ProjectState, ...] = ("surveyed", "proposed", "endorsed", "running", "done")
DECIDED: frozenset[ProjectState] = frozenset({"endorsed", "running", "done"})
DAYS_PER_YEAR = 365

Text = Annotated[str, Field(min_length=1)]
YearBe = Annotated[int, Field(ge=2560, le=2700)]
NotNegative = Annotated[float, Field(ge=0)]
Above = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Half = Annotated[float, Field(ge=0, lt=1)]


class Programme(Cited):
    """A plan of the city, under which projects stand."""

    id: Text
    name_th: Text
    name_en: Text
    first_year_be: YearBe
    last_year_be: YearBe
    entered: dt.date


class Target(Cited):
    """What a programme wants of a sector by a year (Buddhist era)."""

    id: str = ""
    programme: Text
    sector: Text
    what_th: Text
    what_en: Text
    year_be: YearBe
    quantity: NotNegative
    unit: Text
    entered: dt.date


class AgencyTarget(Cited):
    """What each agency should save of its yearly use, by a year. base_year_be : the fiscal year beside which the goal
    for electricity and fuel is looked at; without one the year before.
    """

    saving_ratio: Annotated[float, Field(gt=0, lt=1)]
    year_be: YearBe
    base_year_be: YearBe | None = None
    entered: dt.date


class ActionPlan(Frozen):
    """The programmes with their targets."""

    programmes: tuple[Programme, ...]
    targets: tuple[Target, ...]
    agency_target: AgencyTarget


class Project(Frozen):
    """One measure in one building, or in a whole agency.

    expected_kwh : saved (or made by PV) a year. budget_thb : as endorsed, or as estimated before. pv_meter : the meter
    that counts what its PV makes. done_on : the first day on which it saves.

    option : by which its saving is measured. system_meters : what counts the energy of its system; cooling_meter : the
    cooling that the system makes. reference_efficiency, project_efficiency : of what was replaced and of what is there
    now, a COP or lm/W. before_kw, after_kw : power measured before and after, for hours_a_year that are stipulated.
    stipulated_half_ratio : half of the 90 % interval of what is stipulated. method : of JCM or T-VER. promise : what
    its proposal said when it was written.
    """

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{2,63}$")]
    agency: Text
    building: str = ""
    kind: ProjectKind
    name_th: Text
    name_en: Text
    owner: str = ""
    programme: Text = "energy-action-plan"
    budget_thb: NotNegative = 0.0
    expected_kwh: NotNegative = 0.0
    due_year_be: YearBe
    state: ProjectState = "surveyed"
    done_on: dt.date | None = None
    pv_meter: str = ""
    option: ProjectOption = "whole"
    system_meters: tuple[Text, ...] = ()
    cooling_meter: str = ""
    reference_efficiency: Above | None = None
    project_efficiency: Above | None = None
    before_kw: Above | None = None
    after_kw: NotNegative | None = None
    hours_a_year: Annotated[float, Field(gt=0, le=8784)] | None = None
    stipulated_half_ratio: Half | None = None
    method: MethodName | None = None
    note: str = ""
    promise: Promise | None = None

    @field_validator("system_meters", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        """Take names that a cell of a workbook has between commas or blanks."""
        return tuple(value.replace(",", " ").split()) if isinstance(value, str) else value


@dataclass(frozen=True, slots=True)
class StatusChange:
    """A project's move to a state."""

    project_id: str
    state: ProjectState
    day: dt.date
    by: str
    note: str


def moved(project: Project, state: ProjectState, day: dt.date, *, note: str) -> Project:
    """Move a project to its next state.

    It goes forward one step at a time; back, or to "dropped", only with a note that says why.

    Parameters
    ----------
    project : Project
        The project as it is.
    state : str
        One of `PROJECT_STATES`.
    day : date
        The day of the move: the first on which it saves, where the state is "done".
    note : str
        Why it goes back or is dropped.

    Returns
    -------
    Project
        The project in its new state.

    Raises
    ------
    InputError
        If the way does not lead there, or a note is missing.

    Examples
    --------
    >>> import datetime as dt
    >>> from bkkenergy.plan import Project, moved
    >>> led = Project(id="led-1", agency="health", kind="led", name_th="หลอดไฟ", name_en="Lamps", due_year_be=2570)
    >>> moved(led, "proposed", dt.date(2026, 11, 1), note="").state
    'proposed'
    """
    if state == project.state:
        raise InputError.of("project_is_already", project=Named(project.id, project.name_th), state=_term(state))
    is_back = state == "dropped" or project.state == "dropped" or WAY.index(state) < WAY.index(project.state)
    if is_back and not note:
        raise InputError.of(
            "project_needs_note",
            project=Named(project.id, project.name_th),
            before=_term(project.state),
            state=_term(state),
        )
    if not is_back and WAY.index(state) != WAY.index(project.state) + 1:
        following = WAY[WAY.index(project.state) + 1]
        raise InputError.of(
            "project_next_state",
            project=Named(project.id, project.name_th),
            before=_term(project.state),
            following=_term(following),
            state=_term(state),
        )
    return project.model_copy(update={"state": state, "done_on": day if state == "done" else None})


def moves_from(state: ProjectState) -> tuple[ProjectState, ...]:
    """Return the states that a project can move to: the next one, then those that need a note that says why.

    Parameters
    ----------
    state : str
        The project's state.

    Returns
    -------
    tuple of str
        The states, the next one first.

    Examples
    --------
    >>> from bkkenergy.plan import moves_from
    >>> moves_from("proposed")
    ('endorsed', 'surveyed', 'dropped')
    """
    at = WAY.index(state) if state in WAY else len(WAY)
    return (*WAY[at + 1 : at + 2], *WAY[:at], *(() if state == "dropped" else ("dropped",)))


def _term(state: ProjectState) -> Term:
    return Term(state, f"project_state.{state}")


MeasuredWay = Literal["whole", "pv", "cop", "cooling", "system", "efficiency", "power"]
"""By the whole building; by PV's meter; a system against a reference COP, what it took for its cooling before, or its
use before; a measured energy with stipulated efficiencies; a measured power with stipulated hours."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What meters prove since a project was done: kWh of a year at this rate, and half of its 90 % interval.

    way : how it was measured; facts : what it rests on, for words.
    """

    kwh_a_year: float
    half_width_kwh: float
    days: int
    way: MeasuredWay = "whole"
    facts: Mapping[str, float] = field(default_factory=dict, hash=False)


def as_yearly(saved_kwh: float, half_width_kwh: float, days: int) -> Measured:
    """Convert a saving over some days to the rate of a year.

    Parameters
    ----------
    saved_kwh, half_width_kwh : float
        The saving and half its 90 % interval [kWh].
    days : int
        Over how many days.

    Returns
    -------
    Measured
        The saving of a year of 365 days, and half its interval [kWh].

    Examples
    --------
    >>> from bkkenergy.plan import as_yearly
    >>> yearly = as_yearly(100.0, 20.0, 73)
    >>> yearly.kwh_a_year, yearly.half_width_kwh, yearly.days
    (500.0, 100.0, 73)
    """
    scale = DAYS_PER_YEAR / max(days, 1)
    return Measured(saved_kwh * scale, half_width_kwh * scale, days)


def shared(projects: Sequence[Project], whole: Measured) -> dict[str, Measured]:
    """Share a building's measured saving among the projects done in it, by what each was expected to save.

    Parameters
    ----------
    projects : sequence of Project
        Projects of one building.
    whole : Measured
        What the building saves [kWh a year].

    Returns
    -------
    dict of str to Measured
        By project; the sum is the whole. Without any expectation each gets the same.

    Examples
    --------
    >>> from bkkenergy.plan import Measured, Project, shared
    >>> names = {"agency": "health", "kind": "led", "name_th": "หลอดไฟ", "name_en": "Lamps", "due_year_be": 2570}
    >>> projects = [Project(id=f"led-{n}", expected_kwh=1_000.0 * n, **names) for n in (1, 3)]
    >>> {name: one.kwh_a_year for name, one in shared(projects, Measured(800.0, 80.0, 365)).items()}
    {'led-1': 200.0, 'led-3': 600.0}
    """
    expected = sum(project.expected_kwh for project in projects)
    shares = {}
    for project in projects:
        share = project.expected_kwh / expected if expected > 0 else 1 / len(projects)
        shares[project.id] = Measured(whole.kwh_a_year * share, whole.half_width_kwh * share, whole.days)
    return shares


@dataclass(frozen=True, slots=True)
class RollUp:
    """Projects of an agency, kind or state together. measured_kwh : of those done and measured."""

    name: str
    count: int
    budget_thb: float
    expected_kwh: float
    decided_kwh: float
    done_kwh: float
    measured_kwh: float | None
    measured_count: int


def roll_up(
    projects: Iterable[Project], measured: Mapping[str, Measured], key: Callable[[Project], str]
) -> list[RollUp]:
    """Sum projects by what a key says of each: its agency, kind or state.

    What was dropped does not count.

    Parameters
    ----------
    projects : iterable of Project
        The projects.
    measured : mapping of str to Measured
        What is measured of those that are done [kWh a year], by project.
    key : callable
        Returns the group of a project.

    Returns
    -------
    list of RollUp
        Sums by group, in the order of their names.

    Examples
    --------
    >>> from bkkenergy.plan import Project, roll_up
    >>> names = {"kind": "led", "name_th": "หลอดไฟ", "name_en": "Lamps", "due_year_be": 2570, "budget_thb": 5_000.0}
    >>> agencies = ("health", "fire", "health")
    >>> projects = [Project(id=f"led-{n}", agency=agency, **names) for n, agency in enumerate(agencies)]
    >>> [(row.name, row.count, row.budget_thb) for row in roll_up(projects, {}, lambda project: project.agency)]
    [('fire', 1, 5000.0), ('health', 2, 10000.0)]
    """
    groups: dict[str, list[Project]] = {}
    for project in projects:
        if project.state != "dropped":
            groups.setdefault(key(project), []).append(project)
    return [_sums(name, group, measured) for name, group in sorted(groups.items())]


def _sums(name: str, projects: Sequence[Project], measured: Mapping[str, Measured]) -> RollUp:
    known = [measured[project.id] for project in projects if project.id in measured]
    return RollUp(
        name=name,
        count=len(projects),
        budget_thb=sum(project.budget_thb for project in projects),
        expected_kwh=sum(project.expected_kwh for project in projects),
        decided_kwh=sum(project.expected_kwh for project in projects if project.state in DECIDED),
        done_kwh=sum(project.expected_kwh for project in projects if project.state == "done"),
        measured_kwh=sum(saving.kwh_a_year for saving in known) if known else None,
        measured_count=len(known),
    )
