"""From the store to what saving could be shown on a building before a project begins."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bkkenergy.adapters.state.baselines import versions_of
from bkkenergy.calendar import Period
from bkkenergy.errors import InputError
from bkkenergy.plan import Project
from bkkenergy.portfolio import Building
from bkkenergy.ports.channels import QUARTERS_PER_DAY
from bkkenergy.savings.facts import DAYS_PER_YEAR
from bkkenergy.savings.power import Detectable, detectable_by_month, months_to_show
from bkkenergy.savings.versions import BaselineVersion, judging
from bkkenergy.site import Site
from bkkenergy.texts import Named
from bkkenergy.usecases.gross import gross_quarters

MIN_KNOWN_RATIO = 0.5
"""Of the last year, that a building's yearly use is known by."""
NOT_BY_A_BASELINE = frozenset({"done", "dropped"})


@dataclass(frozen=True, slots=True)
class Showable:
    """What could be shown on a building with a power of 80 %.

    rows : the least saving by months since the start. year_kwh : what the building takes in a year, as last measured.
    saving_ratio : what is expected of a project, a share of it; months : after which that could be shown, None where
    three years are not enough.
    """

    rows: tuple[Detectable, ...]
    baseline_last: dt.date
    year_kwh: float | None
    saving_ratio: float | None
    months: int | None


def showable(
    site: Site,
    building: Building,
    start: dt.date,
    versions: Sequence[BaselineVersion],
    *,
    saving_ratio: float | None = None,
    saving_kwh: float | None = None,
) -> Showable:
    """Return what could be shown of a project that begins to save on a day.

    Raises StoreUnavailable, and InputError where the building has no baseline, or one that is too old by then.
    """
    version = judging(versions, start)
    if version is None:
        raise InputError.of("no_baseline", building=Named(building.id, building.name_th))
    if isinstance(version.baseline, InputError):
        raise version.baseline
    baseline, placebo = version.baseline, site.savings.placebo
    if start <= baseline.last:
        raise InputError.of("within_baseline", first=baseline.first, last=baseline.last)
    rows = detectable_by_month(baseline, placebo, start)
    if not rows and (start - baseline.last).days < placebo.lag_years[-1] * DAYS_PER_YEAR - DAYS_PER_YEAR:
        raise InputError.of("no_saving_shows", building=Named(building.id, building.name_th))
    if not rows:
        raise InputError.of("baseline_too_old", building=Named(building.id, building.name_th), last=baseline.last)
    year_kwh = _year_kwh(site, building, min(start, site.today) - dt.timedelta(days=1))
    if saving_ratio is None and saving_kwh is not None and year_kwh:
        saving_ratio = saving_kwh / year_kwh
    if saving_ratio is not None and saving_ratio >= 1:
        raise InputError.of(
            "saving_exceeds_use", building=Named(building.id, building.name_th), kwh=round(year_kwh or 0.0)
        )
    months = None if saving_ratio is None else months_to_show(baseline, placebo, saving_ratio, start)
    return Showable(rows, baseline.last, year_kwh, saving_ratio, months)


def showable_projects(site: Site, projects: Sequence[Project], start: dt.date) -> Mapping[str, Showable]:
    """Return what could be shown of each project that is not done yet, where its building has a baseline."""
    waiting = [
        project
        for project in projects
        if project.state not in NOT_BY_A_BASELINE
        and project.kind != "solar"
        and project.expected_kwh > 0
        and project.building in site.portfolio.buildings
    ]
    versions = versions_of(site.state, [project.building for project in waiting])
    known = {}
    for project in waiting:
        building = site.portfolio.buildings[project.building]
        try:
            known[project.id] = showable(
                site, building, start, versions.get(building.id, ()), saving_kwh=project.expected_kwh
            )
        except InputError:
            continue
    return known


def _year_kwh(site: Site, building: Building, last_day: dt.date) -> float | None:
    """Return the gross use of a year at the mean of the last year's known time; None where too little is known."""
    year = Period.days(last_day - dt.timedelta(days=DAYS_PER_YEAR - 1), last_day)
    try:
        use = gross_quarters(site.energy, site.portfolio, site.projects, building, year)
    except InputError:
        return None
    known = use.is_known
    if known.mean() < MIN_KNOWN_RATIO:
        return None
    return float(use.kwh[known].mean()) * DAYS_PER_YEAR * QUARTERS_PER_DAY
