"""From a survey or a finding to a proposal: a project of the plan, with what it promises and how that will be shown."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from bkkenergy.access import Actor
from bkkenergy.adapters.state.baselines import versions_of
from bkkenergy.adapters.state.projects import projects
from bkkenergy.calendar import BANGKOK, fiscal_year_of
from bkkenergy.errors import InputError
from bkkenergy.i18n import LANGS, Words
from bkkenergy.plan import Project
from bkkenergy.plan.projects import ProjectKind
from bkkenergy.plan.promise import Promise, PromisedFigure
from bkkenergy.portfolio import Building
from bkkenergy.reports.retrofit.screen import Opportunity, Survey, bank_opportunities
from bkkenergy.reports.retrofit.words import FIGURES
from bkkenergy.reports.savings.phrasing import finding_texts
from bkkenergy.reports.savings.power import showable
from bkkenergy.retrofits import Catalogue
from bkkenergy.retrofits.catalogue import MeasureKind
from bkkenergy.savings.facts import Finding
from bkkenergy.savings.insights import dismissed_as
from bkkenergy.site import Site
from bkkenergy.texts import BE_OFFSET_YEARS, Named
from bkkenergy.usecases.plan import enter_projects

MONTHS_PER_YEAR = 12
YEARS_TO_DO_IT = 1
MAX_ID = 64
MARK_LENGTH = 8
OPEN_STATES = frozenset({"surveyed", "proposed", "dropped"})
"""States in which a project can be proposed again; one that is decided is not taken back by a click."""
PROJECT_KIND: Mapping[MeasureKind, ProjectKind] = MappingProxyType(
    {
        "efficient_cooling": "cooling",
        "led": "led",
        "drive": "other",
        "hours": "schedule",
        "power_factor": "other",
    }
)
KIND_OF_RULE: Mapping[str, ProjectKind] = MappingProxyType(
    {
        "out_of_hours": "schedule",
        "overrun": "schedule",
        "closed_days": "schedule",
        "holiday_running": "schedule",
        "load_shift": "schedule",
        "demand_peak": "schedule",
        "baseload_rise": "behaviour",
        "night_spread": "behaviour",
        "week_rise": "behaviour",
        "anomaly": "behaviour",
        "weather_sensitivity": "cooling",
        "power_factor": "other",
        "phase_unbalance": "other",
    }
)
"""Rules whose findings a project can end. The others are of meters, of PV's upkeep, or questions."""


# -- from a survey -----------------------------------------------------------------------------------------------------


def propose(
    site: Site, actor: Actor, surveys: Sequence[Survey], building: Building, option_id: str, now: dt.datetime
) -> Project:
    """Enter an option of a building into the action plan as a proposed project.

    option_id : equipment and measure. Raises InputError where the building has no such option, or it is decided
    already, and as `usecases.plan.enter_projects`.
    """
    by_id = {one.option.id: one for survey in surveys for one in survey.candidates if one.building.id == building.id}
    if option_id not in by_id:
        raise InputError.of("no_option", id=option_id[:80], building=building.id, known=", ".join(by_id) or "–")
    return _entered(site, actor, project_of_candidate(by_id[option_id], now.astimezone(BANGKOK).date()), now)


def project_of_candidate(candidate: Opportunity, today: dt.date) -> Project:
    """Return a candidate as a proposed project of the action plan, with the way in which it will be shown.

    The plan's own option stays that of the whole building until what another one needs is entered.
    """
    option, building = candidate.option, candidate.building
    return Project(
        id=id_of(building.id, option.appliance.id, option.measure.id),
        agency=building.agency,
        building=building.id,
        kind=PROJECT_KIND[option.measure.kind],
        name_th=f"{option.measure.name_th}: {building.name_th}",
        name_en=f"{option.measure.name_en}: {building.name_en}",
        budget_thb=round(option.cost_high_thb),
        expected_kwh=round(option.saved_kwh),
        due_year_be=_due_year_be(today),
        state="proposed",
        promise=promise_of(candidate, today),
    )


def promise_of(candidate: Opportunity, today: dt.date) -> Promise:
    """Return what a candidate promises, with the figures that it rests on as they are today."""
    option, worth, measure = candidate.option, candidate.worth, candidate.option.measure
    figures = tuple(
        PromisedFigure(
            name=name, source=figure.source, source_th=figure.source_th, grade=figure.grade, entered=figure.entered
        )
        for name, figure in zip(FIGURES, measure.figures, strict=True)
    )
    return Promise(
        made_on=today,
        equipment=option.appliance.id,
        equipment_count=option.appliance.count,
        hours_a_day=option.appliance.hours,
        measure=measure.id,
        kwh=option.saved_kwh,
        low_kwh=option.low_kwh,
        high_kwh=option.high_kwh,
        thb=worth.saved_thb,
        low_thb=worth.saved_low_thb,
        high_thb=worth.saved_high_thb,
        tco2e=worth.tco2e,
        kgco2e_per_kwh=candidate.kgco2e_per_kwh,
        cost_low_thb=option.cost_low_thb,
        cost_high_thb=option.cost_high_thb,
        npv_thb=worth.npv_thb,
        npv_low_thb=worth.npv_low_thb,
        npv_high_thb=worth.npv_high_thb,
        payback_years=worth.payback_years,
        life_years=measure.life.years,
        discount_ratio=candidate.discount_ratio,
        year_kwh=candidate.year_kwh,
        proof=candidate.proof.option,
        months=candidate.proof.months,
        kvar=None if option.bank is None else option.bank.size_kvar,
        is_provisional=measure.is_provisional,
        figures=figures,
    )


# -- from a finding ----------------------------------------------------------------------------------------------------


def propose_finding(
    site: Site, actor: Actor, building: Building, finding: Finding, catalogue: Catalogue, now: dt.datetime
) -> Project:
    """Enter a finding of a building into the action plan as a proposed project.

    Its saving is what the finding has at stake, without an interval and without a cost: it is not surveyed yet.
    A low power factor gets the capacitors that the ledger's kvar asks for. Raises InputError where a finding is none
    that a project ends, or it is decided already, and as `usecases.plan.enter_projects`.
    """
    today = now.astimezone(BANGKOK).date()
    if finding.rule not in KIND_OF_RULE:
        raise InputError.of("finding_no_project", rule=finding.rule)
    if finding.rule == "power_factor":
        last_day = today - dt.timedelta(days=1)
        for candidate in bank_opportunities(site, [building], catalogue, last_day=last_day).values():
            project = project_of_candidate(candidate, today)
            from_finding = (project.promise or Promise(made_on=today)).model_copy(update={"origin": finding.rule})
            return _entered(site, actor, project.model_copy(update={"promise": from_finding}), now)
    return _entered(site, actor, project_of_finding(site, building, finding, today), now)


def project_of_finding(site: Site, building: Building, finding: Finding, today: dt.date) -> Project:
    """Return a finding as a proposed project: a year of what it has at stake, as long as nothing is done."""
    months = MONTHS_PER_YEAR if finding.of_days != 1 else 0  # of one day: nothing says that a month has more of them
    kwh, thb = max(finding.energy_kwh_a_month, 0.0) * months, max(finding.cost_thb_a_month, 0.0) * months
    factor = site.figures.prices(today, today)[-1].factor
    kg_per_kwh = None if factor is None else factor.kg_co2e_per_kwh
    year_kwh, months_to_show = _shown_by_the_building(site, building, kwh, today)
    promise = Promise(
        made_on=today,
        origin=dismissed_as(finding),
        kwh=kwh,
        thb=thb,
        tco2e=None if kg_per_kwh is None else kwh * kg_per_kwh / 1000,
        kgco2e_per_kwh=kg_per_kwh,
        year_kwh=year_kwh,
        proof="whole" if months_to_show is not None else "system",
        months=months_to_show,
        is_provisional=True,
    )
    names = {lang: finding_texts(finding, Words(lang))[0] for lang in LANGS}
    return Project(
        id=id_of(building.id, finding.rule),
        agency=building.agency,
        building=building.id,
        kind=KIND_OF_RULE[finding.rule],
        name_th=f"{names['th']}: {building.name_th}",
        name_en=f"{names['en']}: {building.name_en}",
        expected_kwh=round(kwh),
        due_year_be=_due_year_be(today),
        state="proposed",
        promise=promise,
    )


def _shown_by_the_building(
    site: Site, building: Building, kwh: float, today: dt.date
) -> tuple[float | None, int | None]:
    """Return the building's use of a year, and after how many months its meter would show the saving."""
    if kwh <= 0:
        return None, None
    versions = versions_of(site.state, [building.id]).get(building.id, ())
    try:
        known = showable(site, building, today, versions, saving_kwh=kwh)
    except InputError:
        return None, None
    return known.year_kwh, known.months


# -- both --------------------------------------------------------------------------------------------------------------


def _entered(site: Site, actor: Actor, project: Project, now: dt.datetime) -> Project:
    """Enter a proposed project. Raises InputError where the same one is decided already."""
    for known in projects(site.state, agency=project.agency):
        if known.id == project.id and known.state not in OPEN_STATES:
            raise InputError.of("project_decided", project=Named(known.id, known.name_th))
    enter_projects(site.state, actor, [project], now, portfolio=site.portfolio)
    return project


def id_of(*parts: str) -> str:
    """Return an id made of names; one that is too long ends with a mark of the whole, so that no two are the same."""
    whole = ".".join(parts).replace("_", "-")
    if len(whole) <= MAX_ID:
        return whole
    mark = hashlib.sha256(whole.encode()).hexdigest()[:MARK_LENGTH]
    return f"{whole[: MAX_ID - MARK_LENGTH - 1].rstrip('.-')}.{mark}"


def _due_year_be(today: dt.date) -> int:
    return fiscal_year_of(today).last_day.year + BE_OFFSET_YEARS + YEARS_TO_DO_IT
