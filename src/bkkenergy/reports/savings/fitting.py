"""Baselines that come by themselves: how far a building is on the way to one, and those that can be fitted now."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from bkkenergy.access import Actor
from bkkenergy.adapters.state.baselines import Fitted, versions_of
from bkkenergy.calendar import Period
from bkkenergy.errors import InputError
from bkkenergy.portfolio import Building
from bkkenergy.ports.ledger import IMPORT, QUARTERS_PER_DAY
from bkkenergy.readings import BoolArray, IntArray
from bkkenergy.reports.savings.gather import hours_of, judged_by
from bkkenergy.savings.baseline import DAY_VALID_RATIO, FULL_DAYS, FULL_MONTHS, Series, fit_baseline
from bkkenergy.savings.versions import (
    BaselineVersion,
    ChainLink,
    FitWindow,
    VersionState,
    latest_accepted,
    windows_needed,
)
from bkkenergy.site import Site
from bkkenergy.usecases.baselines import store_baseline
from bkkenergy.usecases.over import all_over

FITTED_AT_ONCE = 100
"""In one turn of the scheduler, which has other things to do."""
LOOKED_AT_ONCE = 200
BY_RULE = "rule"
"""Who accepted what `baseline.accept` of the settings accepts."""


@dataclass(frozen=True, slots=True)
class BaselineProgress:
    """How many valid days of those that a baseline needs a building has.

    window : of which days, and why; None where no new baseline is needed, or one is proposed. why : the reason where
    gross use cannot be known.
    """

    building: str
    window: FitWindow | None
    valid_days: int = 0
    needed_days: int = FULL_DAYS
    why: InputError | None = None


def progress_of(site: Site, building: Building, versions: Sequence[BaselineVersion]) -> BaselineProgress:
    """Return how far a building is on the way to its next baseline. Raises StoreUnavailable."""
    best = BaselineProgress(building.id, None)
    if not building.main_meters:
        return best
    for window in windows_needed(versions, _done_on(site, building), _last_day(site)):
        try:
            hours = hours_of(site, building, Period.days(window.first, window.last))
        except InputError as why:
            return BaselineProgress(building.id, window, why=why)
        valid = int(hours.day_known.sum())
        if best.window is None or valid > best.valid_days:
            best = BaselineProgress(building.id, window, valid)
    return best


def propose_baselines(site: Site, actor: Actor, buildings: Sequence[Building]) -> list[Fitted]:
    """Fit the baselines that are needed and for which there are enough days; store them as proposed.

    What the rule of the settings accepts is accepted at once. Raises StoreUnavailable.
    """
    stored: list[Fitted] = []
    for at in range(0, len(buildings), LOOKED_AT_ONCE):
        chunk = [building for building in buildings[at : at + LOOKED_AT_ONCE] if building.main_meters]
        versions = versions_of(site.state, [building.id for building in chunk])
        for building, window in _ready(site, chunk, versions):
            known = versions.get(building.id, ())
            if (fitted := _fitted(site, building, window, known)) is not None:
                store_baseline(site.state, actor, site.portfolio, fitted, site.clock())
                stored.append(fitted)
            if len(stored) == FITTED_AT_ONCE:
                return stored
    return stored


def _last_day(site: Site) -> dt.date:
    return site.today - dt.timedelta(days=1)


def _done_on(site: Site, building: Building) -> list[dt.date]:
    """Return since when projects of a building save. PV is none: what is judged is gross use."""
    return [
        project.done_on
        for project in site.projects
        if project.building == building.id and project.done_on is not None and not project.pv_meter
    ]


def _ready(
    site: Site, buildings: Sequence[Building], versions: Mapping[str, Sequence[BaselineVersion]]
) -> Iterator[tuple[Building, FitWindow]]:
    """Return buildings that need a baseline, and the best days whose main meters have enough: a cheap look."""
    needed = {
        building.id: windows
        for building in buildings
        if (windows := windows_needed(versions.get(building.id, ()), _done_on(site, building), _last_day(site)))
    }
    if not needed:
        return
    chosen = [building for building in buildings if building.id in needed]
    first = min(window.first for windows in needed.values() for window in windows)
    energy, then = all_over(site.energy, site.portfolio, chosen, Period.days(first, _last_day(site)))
    meters = [meter.id for building in then for meter in building.main_meters]
    days = energy.totals(meters, IMPORT, first, _last_day(site))
    count: IntArray = days.measured + days.estimated + days.edited
    known = count >= DAY_VALID_RATIO * QUARTERS_PER_DAY
    column = {meter: number for number, meter in enumerate(days.meters)}
    for building, over_days in zip(chosen, then, strict=True):
        columns = [column[meter.id] for meter in over_days.main_meters]
        is_valid: BoolArray = np.logical_and.reduce(known[:, columns], axis=1)
        for window in needed[building.id]:
            rows = slice((window.first - first).days, (window.last - first).days + 1)
            if np.count_nonzero(is_valid[rows]) >= FULL_DAYS:
                yield building, window
                break


def _fitted(site: Site, building: Building, window: FitWindow, versions: Sequence[BaselineVersion]) -> Fitted | None:
    """Fit a building's baseline; None where its gross use is not known on enough days."""
    try:
        hours = hours_of(site, building, Period.days(window.first, window.last))
        if hours.day_known.sum() < FULL_DAYS or len(np.unique(hours.day_month)) < FULL_MONTHS:
            return None
        baseline = fit_baseline(hours)
    except InputError:
        return None
    before = latest_accepted(versions)
    fitted = Fitted(building.id, baseline, "proposed", window.reason, link=_link(site, building, hours, before))
    if _state_by_rule(site, window) == "accepted":
        return replace(fitted, state="accepted", decided_by=BY_RULE)
    return fitted


def _state_by_rule(site: Site, window: FitWindow) -> VersionState:
    rule = site.settings.baseline.accept
    is_by_rule = rule == "every" or (rule == "first" and window.reason != "old")
    return "accepted" if is_by_rule else "proposed"


def _link(site: Site, building: Building, hours: Series, before: BaselineVersion | None) -> ChainLink | None:
    """Return what the baseline before says of a new one's days; None where it cannot say anything."""
    if before is None:
        return None
    period = Period.days(hours.day_index[0].date(), hours.day_index[-1].date())
    judged = judged_by(site, building, period, hours, before)
    if judged.saving is None or judged.band is None:
        return None
    return ChainLink(judged.band.saving_ratio, judged.band.half_width_ratio, judged.saving.days)
