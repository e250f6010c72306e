"""What happened to everyone is no saving: buildings like this one, without a project, judged over the same days.

The median of what they saved is the common change: a pandemic, a hot year beyond the baselines' weather, a new rule for
all. A saving is stated as it is, and beside it without the common change.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Literal

import numpy as np

from bkkenergy.readings import FloatArray
from bkkenergy.savings.baseline import Baseline
from bkkenergy.savings.daily import DailyModel
from bkkenergy.savings.hourly import HOURS_PER_DAY
from bkkenergy.savings.uncertainty import CLAIM_NORMAL, NORMAL_90, Band

MIN_COMPARED, MAX_COMPARED = 6, 30
"""With fewer buildings the median is no measure of what happened to everyone; more hardly sharpen it."""
MAX_PROFILE_DIFFERENCE = 0.15
"""How far the weekend's share of a working day may be from this building's, where its type has too few."""
WORKDAYS, WEEKEND = slice(0, 5), slice(5, 7)
MEDIAN_TO_MEAN = math.sqrt(math.pi / 2)
"""How much further a median errs than a mean, of many normal draws."""
MAD_SIGMA = 1 / NormalDist().inv_cdf(0.75)

MatchedBy = Literal["type", "profile"]


@dataclass(frozen=True, slots=True)
class LikeBuilding:
    """What a building is matched by. weekend_ratio : a weekend's day as a share of a working day."""

    building: str
    type: str
    weekend_ratio: float


@dataclass(frozen=True, slots=True)
class ComparisonGroup:
    """Buildings without a project that are like one. matched_by : its type, or else the profile of its week."""

    buildings: tuple[str, ...]
    matched_by: MatchedBy


@dataclass(frozen=True, slots=True)
class CommonChange:
    """What the buildings of a group saved in the median. sigma_ratio : standard error of that median."""

    saving_ratio: float
    sigma_ratio: float
    buildings: tuple[str, ...]
    matched_by: MatchedBy


def weekend_ratio(baseline: Baseline) -> float:
    """Return what a baseline says of the week's profile: a weekend's day as a share of a working day.

    Parameters
    ----------
    baseline : Baseline
        A fitted baseline.

    Returns
    -------
    float
        The share, by the form without temperature where there is one; NaN where working days use nothing.

    Examples
    --------
    >>> import bkkenergy as bk
    >>> from bkkenergy.savings.comparison import weekend_ratio
    >>> round(weekend_ratio(bk.Baseline.fit(bk.examples.office()["2024"]).fitted), 1)
    0.4
    """
    model = baseline.model if baseline.calendar is None else baseline.calendar
    constants = model.constant_kwh
    week = constants[:7] if isinstance(model, DailyModel) else constants[: 7 * HOURS_PER_DAY].reshape(7, -1).sum(axis=1)
    working = float(np.mean(week[WORKDAYS]))
    return float(np.mean(week[WEEKEND])) / working if working > 0 else float("nan")


def group_of(like: LikeBuilding, others: Sequence[LikeBuilding]) -> ComparisonGroup | None:
    """Choose the buildings that one is compared with: those of its type, by the nearest profile of the week.

    Parameters
    ----------
    like : LikeBuilding
        The building.
    others : sequence of LikeBuilding
        Buildings without a project that can be judged.

    Returns
    -------
    ComparisonGroup or None
        At most 30. Of other types, where its own has fewer than 6 and enough have a profile like its own; else None.

    Examples
    --------
    >>> from bkkenergy.savings.comparison import LikeBuilding, group_of
    >>> schools = [LikeBuilding(f"e.{n}", "school", 0.3) for n in range(6)]
    >>> group_of(LikeBuilding("e.x", "school", 0.3), schools).matched_by
    'type'
    >>> group_of(LikeBuilding("h.x", "hospital", 0.9), schools) is None
    True
    """

    def distance(other: LikeBuilding) -> float:
        return abs(other.weekend_ratio - like.weekend_ratio)

    ordered = sorted(
        (other for other in others if other.building != like.building),
        key=lambda other: (distance(other), other.building),
    )
    same = [other.building for other in ordered if other.type == like.type]
    if len(same) >= MIN_COMPARED:
        return ComparisonGroup(tuple(same[:MAX_COMPARED]), "type")
    near = [other.building for other in ordered if distance(other) <= MAX_PROFILE_DIFFERENCE]
    if len(near) >= MIN_COMPARED:
        return ComparisonGroup(tuple(near[:MAX_COMPARED]), "profile")
    return None


def common_change(group: ComparisonGroup, saving_ratio: Mapping[str, float]) -> CommonChange | None:
    """Compute what the buildings of a group saved in the median, over the days of a period.

    Parameters
    ----------
    group : ComparisonGroup
        The buildings.
    saving_ratio : mapping of str to float
        What each of them saved, a share of its baseline; those that could not be judged are left out.

    Returns
    -------
    CommonChange or None
        The median with its standard error; None where fewer than 6 could be judged.

    Examples
    --------
    >>> from bkkenergy.savings.comparison import ComparisonGroup, common_change
    >>> names = tuple("abcdefg")
    >>> saved = dict(zip(names, (0.14, 0.15, 0.16, 0.16, 0.17, 0.18, 0.60)))
    >>> round(common_change(ComparisonGroup(names, "type"), saved).saving_ratio, 3)
    0.16
    """
    known = [name for name in group.buildings if name in saving_ratio and np.isfinite(saving_ratio[name])]
    if len(known) < MIN_COMPARED:
        return None
    ratios = np.array([saving_ratio[name] for name in known])
    median = float(np.median(ratios))
    sigma = MAD_SIGMA * float(np.median(np.abs(ratios - median)))
    return CommonChange(median, MEDIAN_TO_MEAN * sigma / math.sqrt(len(known)), tuple(known), group.matched_by)


def without_common(band: Band, common: CommonChange) -> Band:
    """Take what happened to everyone off a saving; what is not known of it widens the interval.

    Parameters
    ----------
    band : Band
        A building's saving with its interval.
    common : CommonChange
        What buildings like it saved.

    Returns
    -------
    Band
        The saving as a share of the baseline with the common change.

    Examples
    --------
    >>> from bkkenergy.savings.comparison import CommonChange, without_common
    >>> from bkkenergy.savings.uncertainty import Band
    >>> everyone = CommonChange(0.16, 0.0, ("a", "b", "c", "d", "e", "f"), "type")
    >>> round(without_common(Band(0.244, 0.08, 0.12), everyone).saving_ratio, 3)
    0.1
    """
    left = 1 - common.saving_ratio
    return replace(
        band,
        saving_ratio=1 - (1 - band.saving_ratio) / left,
        half_width_ratio=math.hypot(band.half_width_ratio, NORMAL_90 * common.sigma_ratio) / left,
        significant_ratio=math.hypot(band.significant_ratio, CLAIM_NORMAL * common.sigma_ratio) / left,
    )


def total_without_common(
    baseline_kwh: FloatArray, actual_kwh: FloatArray, bands: Sequence[Band], commons: Sequence[tuple[float, float]]
) -> Band:
    """Take what happened to everyone off the saving of many buildings.

    Parameters
    ----------
    baseline_kwh, actual_kwh : (n,) array
        Baseline and use of each building [kWh].
    bands : sequence of Band
        The saving of each without its common change.
    commons : sequence of (float, float)
        The common change of each, and its standard error, which does not cancel: buildings of one group share it.

    Returns
    -------
    Band
        The saving of the sum with half its interval; NaN without any baseline.

    Examples
    --------
    >>> import numpy as np
    >>> from bkkenergy.savings.comparison import total_without_common
    >>> from bkkenergy.savings.uncertainty import Band
    >>> each = [Band(0.1, 0.1, 0.15)] * 4
    >>> found = total_without_common(np.full(4, 1e3), np.full(4, 756.0), each, [(0.16, 0.01)] * 4)
    >>> round(found.saving_ratio, 3), found.half_width_ratio < 0.07
    (0.1, True)
    """
    common = np.array([change for change, _ in commons])
    expected_kwh = baseline_kwh * (1 - common)
    total = float(expected_kwh.sum())
    if total <= 0:
        return Band(float("nan"), float("nan"), float("nan"))
    shared_kwh = float((np.array([sigma for _, sigma in commons]) * baseline_kwh).sum())

    def joined(ratios: Sequence[float], sigmas: float) -> float:
        own_kwh = np.array(ratios) * expected_kwh
        return math.hypot(float((own_kwh**2).sum()) ** 0.5, sigmas * shared_kwh) / total

    return Band(
        1 - float(actual_kwh.sum()) / total,
        joined([band.half_width_ratio for band in bands], NORMAL_90),
        joined([band.significant_ratio for band in bands], CLAIM_NORMAL),
    )
