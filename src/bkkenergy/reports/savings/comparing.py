"""Comparison groups from the store: buildings of the whole city without a project, judged over the same days."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from bkkenergy.adapters.state.baselines import versions_of
from bkkenergy.calendar import Period
from bkkenergy.portfolio import Building
from bkkenergy.ports.ledger import EXPORT, IMPORT, LedgerReader
from bkkenergy.reports.content import BesideGroup, BuildingSaving
from bkkenergy.reports.savings.gather import SavingsAssessment, judge
from bkkenergy.reports.savings.yearly import VERDICTS, ComparedYear, compared_year
from bkkenergy.reports.yearpath import YearChange
from bkkenergy.savings.comparison import (
    MIN_COMPARED,
    CommonChange,
    LikeBuilding,
    common_change,
    group_of,
    total_without_common,
    weekend_ratio,
    without_common,
)
from bkkenergy.savings.uncertainty import MIN_VERDICT_RATIO, NORMAL_90, Band
from bkkenergy.savings.versions import BaselineVersion, judging
from bkkenergy.site import Site
from bkkenergy.usecases.during import site_during
from bkkenergy.usecases.readonce import ReadOnce

MAX_CANDIDATES = 120
"""Of a type, that are looked at: always the same ones, so that a figure does not change from day to day."""
MAX_LAG_DIFFERENCE = dt.timedelta(days=183)
"""How far apart baselines may end: a common change is since the baseline, so it has to be since the same time."""


@dataclass(frozen=True, slots=True)
class ComparedSaving:
    """A saving without the common change. common : what buildings like it saved, and which they are."""

    band: Band
    common: CommonChange

    def row(self, own_buildings: Collection[str]) -> BesideGroup:
        """Return it as reports have it. own_buildings : that may be named; the others are counted."""
        named = tuple(name for name in self.common.buildings if name in own_buildings)
        return BesideGroup(
            self.band.saving_ratio,
            self.band.half_width_ratio,
            self.band.significant_ratio,
            self.band.verdict,
            self.common.saving_ratio,
            self.common.sigma_ratio,
            len(self.common.buildings),
            named,
            self.common.matched_by,
        )


def compared_total(rows: Sequence[BuildingSaving]) -> BesideGroup | None:
    """Return the saving of many buildings without what happened to everyone.

    None unless nine tenths of the energy that is judged could be compared.
    """
    judged_kwh = sum(row.baseline_kwh or 0.0 for row in rows if row.band is not None)
    known = [(row, row.compared) for row in rows if row.compared is not None and row.baseline_kwh is not None]
    baseline_kwh = np.array([row.baseline_kwh for row, _ in known], np.float64)
    if not known or baseline_kwh.sum() < MIN_VERDICT_RATIO * judged_kwh:
        return None
    actual_kwh = np.array([row.actual_kwh for row, _ in known], np.float64)
    commons = [(compared.common_ratio, compared.common_sigma_ratio) for _, compared in known]
    band = total_without_common(baseline_kwh, actual_kwh, [compared.band for _, compared in known], commons)
    weights = baseline_kwh / baseline_kwh.sum()
    common, sigma = (float(weights @ np.array(values)) for values in zip(*commons, strict=True))
    count = max(compared.count for _, compared in known)
    return BesideGroup(
        band.saving_ratio, band.half_width_ratio, band.significant_ratio, band.verdict, common, sigma, count
    )


@dataclass
class ComparisonPool:
    """Buildings that may be compared with; what is read or judged of each is read once. Not for two threads."""

    site: Site
    _versions: dict[str, Sequence[BaselineVersion]] = field(default_factory=dict)
    _judged: dict[tuple[str, Period], SavingsAssessment] = field(default_factory=dict)
    _changed: dict[tuple[str, Period], Band | None] = field(default_factory=dict)

    def compared(self, assessment: SavingsAssessment) -> ComparedSaving | None:
        """Return a building's saving without what happened to everyone.

        None where the saving has no verdict, or where fewer than six buildings are like it. Raises StoreUnavailable.
        """
        saving, band, baseline = assessment.saving, assessment.band, assessment.baseline
        if saving is None or band is None or baseline is None or band.no_verdict:
            return None
        period = Period.days(saving.first, saving.last)
        like = LikeBuilding(assessment.building.id, str(assessment.building.type), weekend_ratio(baseline))
        common = self._common(like, self._others(assessment.building, baseline.last, period), period)
        return None if common is None else ComparedSaving(without_common(band, common), common)

    def compared_change(self, one: ComparedYear, period: Period) -> ComparedSaving | None:
        """Return a change from the year before without what buildings like it changed too; less is a saving.

        None where the change has no verdict, or where fewer than six buildings are like it. Raises StoreUnavailable.
        """
        self._read([one.building])
        version = judging(self._versions[one.building.id], period.first_day)
        if one.band is None or one.band.no_verdict or version is None or version.usable is None:
            return None
        like = LikeBuilding(one.building.id, str(one.building.type), weekend_ratio(version.usable))
        group = group_of(like, self._others(one.building, version.usable.last, period))
        if group is None:
            return None
        bands = {name: self._change(name, period) for name in group.buildings}
        known = {name: band.saving_ratio for name, band in bands.items() if band is not None and not band.no_verdict}
        common = common_change(group, known)
        return None if common is None else ComparedSaving(without_common(one.band, common), common)

    def know(self, one: ComparedYear, period: Period) -> None:
        """Take a building's change that is computed already."""
        self._changed.setdefault((one.building.id, period), one.band)

    def _change(self, name: str, period: Period) -> Band | None:
        """Compare a building with its year before, once."""
        if (name, period) not in self._changed:
            building = self.site.portfolio.buildings[name]
            self._changed[name, period] = compared_year(self.site, building, period, self._versions[name]).band
        return self._changed[name, period]

    def _common(self, like: LikeBuilding, others: Sequence[LikeBuilding], period: Period) -> CommonChange | None:
        group = group_of(like, others)
        if group is None:
            return None
        judged = {name: one.band for name, one in self._judge(group.buildings, period).items()}
        saved = {name: band.saving_ratio for name, band in judged.items() if band is not None and not band.no_verdict}
        return common_change(group, saved)

    def _others(self, building: Building, ended: dt.date, period: Period) -> list[LikeBuilding]:
        """Return the buildings that can be compared with: of its type where there are enough, else of every type."""
        buildings = self.site.portfolio.buildings.values()
        same = self._usable([one for one in buildings if one.type == building.type], building, ended, period)
        if len(same) >= MIN_COMPARED:
            return same
        return self._usable(list(buildings), building, ended, period)

    def _usable(
        self, buildings: Sequence[Building], building: Building, ended: dt.date, period: Period
    ) -> list[LikeBuilding]:
        """Return those without a project since a baseline that ended about when the building's own did."""
        chosen = sorted(
            (one for one in buildings if one.main_meters and one.id != building.id), key=lambda one: _number_of(one.id)
        )[:MAX_CANDIDATES]
        self._read(chosen)
        likes = []
        for one in chosen:
            version = judging(self._versions[one.id], period.first_day)
            baseline = version.usable if version is not None else None
            if (
                baseline is not None
                and baseline.last < period.first_day
                and abs(baseline.last - ended) <= MAX_LAG_DIFFERENCE
                and not self._has_project(one.id, baseline.first, period.last_day)
            ):
                likes.append(LikeBuilding(one.id, str(one.type), weekend_ratio(baseline)))
        return likes

    def _read(self, buildings: Sequence[Building]) -> None:
        unread = [building.id for building in buildings if building.id not in self._versions]
        if unread:
            versions = versions_of(self.site.state, unread)
            self._versions.update({name: versions.get(name, ()) for name in unread})

    def _has_project(self, building: str, first: dt.date, last: dt.date) -> bool:
        """Return whether a project was done in a building from a baseline's first day on, or is under way."""
        return any(
            project.state == "running" or (project.done_on is not None and first <= project.done_on <= last)
            for project in self.site.projects
            if project.building == building and not project.pv_meter
        )

    def _judge(self, names: Sequence[str], period: Period) -> dict[str, SavingsAssessment]:
        """Judge buildings over a period; those that are not yet judged are read together."""
        new = [self.site.portfolio.buildings[name] for name in names if (name, period) not in self._judged]
        if new:
            site = replace(self.site, energy=read_together(self.site.energy, new, period))
            for building in new:
                judged = judge(site, building, period, None, self._versions[building.id])
                self._judged[building.id, period] = judged
        return {name: self._judged[name, period] for name in names}


def year_rows(pool: ComparisonPool, compared: Sequence[ComparedYear], period: Period) -> tuple[YearChange, ...]:
    """Return buildings beside their year before, each with what happened to others. Raises StoreUnavailable."""
    for one in compared:  # what is known already is not read again
        if one.band is not None:
            pool.know(one, period)
    return tuple(beside_year(one.row(), pool.compared_change(one, period)) for one in compared)


def beside_year(row: YearChange, beside: ComparedSaving | None) -> YearChange:
    """Add to a change from the year before what buildings like it changed together."""
    if beside is None:
        return row
    return replace(
        row,
        common_ratio=-beside.common.saving_ratio,
        common_half_ratio=NORMAL_90 * beside.common.sigma_ratio,
        beside_ratio=-beside.band.saving_ratio,
        beside_half_ratio=beside.band.half_width_ratio,
        beside_verdict=VERDICTS.get(beside.band.verdict, "unclear"),
        beside_count=len(beside.common.buildings),
    )


def total_beside_year(
    total: YearChange | None, compared: Sequence[ComparedYear], rows: Sequence[YearChange]
) -> YearChange | None:
    """Add to the total what happened to everyone, where nine tenths of its energy could be compared."""
    if total is None or not total.adjusted_kwh:
        return total
    pairs = [(one.change, row) for one, row in zip(compared, rows, strict=True)]
    known = [(change, row) for change, row in pairs if change is not None and row.common_ratio is not None]
    adjusted_kwh = np.array([change.adjusted_kwh for change, _ in known], np.float64)
    if not known or adjusted_kwh.sum() < MIN_VERDICT_RATIO * total.adjusted_kwh:
        return total
    actual_kwh = np.array([change.actual_kwh for change, _ in known], np.float64)
    commons = [(-(row.common_ratio or 0.0), (row.common_half_ratio or 0.0) / NORMAL_90) for _, row in known]
    bands = [_beside_band(row) for _, row in known]
    band = total_without_common(adjusted_kwh, actual_kwh, bands, commons)
    weights = adjusted_kwh / adjusted_kwh.sum()
    common, sigma = (float(weights @ np.array(values)) for values in zip(*commons, strict=True))
    verdict = VERDICTS.get(band.verdict, "unclear")
    return replace(
        total,
        common_ratio=-common,
        common_half_ratio=NORMAL_90 * sigma,
        beside_ratio=-band.saving_ratio,
        beside_half_ratio=band.half_width_ratio,
        beside_verdict=total.verdict if total.verdict in {"short", "part"} else verdict,
        beside_count=max(row.beside_count or 0 for _, row in known),
    )


def _beside_band(row: YearChange) -> Band:
    half = row.beside_half_ratio or 0.0
    widest = (row.significant_ratio or half) / row.half_width_ratio if row.half_width_ratio else 1.0
    return Band(-(row.beside_ratio or 0.0), half, half * widest)


@dataclass
class SharedPools:
    """The pool of one period for the reports of many agencies: the others are read and judged once for all of them.

    For one piece of work, such as a turn of the scheduler: its reports compare with one state of the others.
    """

    _period: Period | None = None
    _pool: ComparisonPool | None = None
    _of: Site | None = None

    def of(self, site: Site, period: Period) -> ComparisonPool:
        """Return the pool of a site in a period. Another period or site takes its place."""
        if self._pool is None or self._period != period or self._of is not site:
            self._period, self._of = period, site
            self._pool = ComparisonPool(site_during(site, period))
        return self._pool


def read_together(ledger: LedgerReader, buildings: Sequence[Building], period: Period) -> ReadOnce:
    """Return a reader that has what the main meters of buildings took and gave in a period, read at once."""
    reader = ReadOnce(ledger)
    names = list(dict.fromkeys(meter.id for building in buildings for meter in building.main_meters))
    for channel in (IMPORT, EXPORT):
        reader.slots(names, channel, period.first_day, period.last_day)
    return reader


def _number_of(name: str) -> bytes:
    """Return a number by which buildings of all agencies are mixed, the same in each process."""
    return hashlib.blake2b(name.encode(), digest_size=8).digest()
