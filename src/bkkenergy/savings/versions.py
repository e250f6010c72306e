"""Baselines as versions: proposed, accepted or declined, each with its reason, and which of them judges what.

A refit never replaces what a project was measured by: a period is judged by the newest accepted baseline that ended
before it, and a project by the one that it is pinned to.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from bkkenergy.errors import InputError
from bkkenergy.savings.baseline import Baseline
from bkkenergy.savings.uncertainty import DAYS_PER_YEAR, OLD_YEARS

VersionState = Literal["proposed", "accepted", "declined"]
Reason = Literal["first", "old", "model"]
"""Why the scheduler fitted: a building had none, its baseline is old, or was made by another version of the model."""
REASONS: tuple[Reason, ...] = get_args(Reason)
WINDOW_DAYS = 365
DECLINED_DAYS = 91
"""So long after a declined one's last day no other is proposed."""


@dataclass(frozen=True, slots=True)
class ChainLink:
    """What the baseline before says of a new baseline's own period: a share of it, with half its 90 % interval.

    By it a saving under the new baseline joins what was saved before: what was saved until then is no part of it.
    """

    saving_ratio: float
    half_width_ratio: float
    days: int


@dataclass(frozen=True, slots=True)
class BaselineVersion:
    """One fitted baseline of a building, or why it cannot be used.

    reason : one of `REASONS`, or a person's words. by : who fitted it. link : to the one before, where there is one.
    """

    number: int
    building: str
    first: dt.date
    last: dt.date
    fingerprint: str
    baseline: Baseline | InputError
    state: VersionState
    reason: str
    by: str
    at: dt.datetime
    decided_by: str = ""
    decided_at: dt.datetime | None = None
    link: ChainLink | None = None

    @property
    def usable(self) -> Baseline | None:
        """The baseline; None where it cannot be used."""
        return self.baseline if isinstance(self.baseline, Baseline) else None


def latest_accepted(versions: Sequence[BaselineVersion]) -> BaselineVersion | None:
    """Return the newest baseline that was accepted.

    Parameters
    ----------
    versions : sequence of BaselineVersion
        A building's, the newest first.

    Returns
    -------
    BaselineVersion or None
        The first of them that is accepted.

    Examples
    --------
    >>> from bkkenergy.savings.versions import latest_accepted
    >>> latest_accepted([]) is None
    True
    """
    return next((version for version in versions if version.state == "accepted"), None)


def judging(versions: Sequence[BaselineVersion], first_day: dt.date) -> BaselineVersion | None:
    """Return the baseline that judges a period: the newest accepted one that ended before its first day.

    Parameters
    ----------
    versions : sequence of BaselineVersion
        A building's, the newest first.
    first_day : date
        First day of what is judged.

    Returns
    -------
    BaselineVersion or None
        Where each ends later, the newest accepted one; None without any.

    Examples
    --------
    >>> import datetime as dt
    >>> from bkkenergy.savings.versions import judging
    >>> judging([], dt.date(2026, 1, 1)) is None
    True
    """
    before = [version for version in versions if version.state == "accepted" and version.last < first_day]
    return before[0] if before else latest_accepted(versions)


def pinned(versions: Sequence[BaselineVersion], fingerprint: str) -> BaselineVersion | None:
    """Return the baseline of a fingerprint, accepted or not any more.

    Parameters
    ----------
    versions : sequence of BaselineVersion
        A building's.
    fingerprint : str
        That a project is pinned to.

    Returns
    -------
    BaselineVersion or None
        The version; None where the building has none such.

    Examples
    --------
    >>> from bkkenergy.savings.versions import pinned
    >>> pinned([], "0123456789ab") is None
    True
    """
    return next((version for version in versions if version.fingerprint == fingerprint), None)


@dataclass(frozen=True, slots=True)
class FitWindow:
    """Days that a baseline can be made of, both included, and why one is needed."""

    first: dt.date
    last: dt.date
    reason: Reason


def windows_needed(
    versions: Sequence[BaselineVersion], done_on: Sequence[dt.date], last_day: dt.date
) -> tuple[FitWindow, ...]:
    """Return the days of which a baseline should be fitted, the best first.

    A baseline never spans a project: its days end before one of the last two years, or begin with the last one.

    Parameters
    ----------
    versions : sequence of BaselineVersion
        A building's, the newest first.
    done_on : sequence of date
        First days on which its projects save; PV is no such project.
    last_day : date
        The last whole day.

    Returns
    -------
    tuple of FitWindow
        Empty where no new one is needed, or one is proposed already.

    Examples
    --------
    >>> import datetime as dt
    >>> from bkkenergy.savings.versions import windows_needed
    >>> windows_needed([], [], dt.date(2026, 11, 25))
    (FitWindow(first=datetime.date(2025, 11, 26), last=datetime.date(2026, 11, 25), reason='first'),)
    >>> [window.last.isoformat() for window in windows_needed([], [dt.date(2026, 6, 1)], dt.date(2026, 11, 25))]
    ['2026-05-31', '2026-11-25']
    """
    newest = latest_accepted(versions)
    waiting = [version for version in versions if version.state == "proposed"]
    if waiting and (newest is None or waiting[0].last >= newest.last):
        return ()
    declined = [version for version in versions if version.state == "declined"]
    if declined and (last_day - declined[0].last).days <= DECLINED_DAYS:
        return ()
    year = dt.timedelta(days=WINDOW_DAYS - 1)
    if newest is not None and isinstance(newest.baseline, InputError):
        same = FitWindow(newest.first, newest.last, "model")
        return (same, *_clear_of(done_on, last_day, year, "model"))
    if newest is None:
        return _clear_of(done_on, last_day, year, "first")
    if (last_day - newest.last).days <= OLD_YEARS * DAYS_PER_YEAR:
        return ()
    return tuple(window for window in _clear_of(done_on, last_day, year, "old") if window.first > newest.last)


def _clear_of(
    done_on: Sequence[dt.date], last_day: dt.date, year: dt.timedelta, reason: Reason
) -> tuple[FitWindow, ...]:
    """Return the year, or what there is of it, before each project of the last two years, and before today."""
    begun = sorted({day for day in done_on if day <= last_day})
    ends = [day - dt.timedelta(days=1) for day in begun if last_day - 2 * year < day] + [last_day]
    return tuple(FitWindow(max([end - year, *(day for day in begun if day <= end)]), end, reason) for end in ends)
