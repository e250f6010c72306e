"""The board of meters: which is silent, which has gaps, whose clock is off. A silent meter is silent. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from bkkenergy.ingest.status import MeterStatus
from bkkenergy.portfolio import Meter
from bkkenergy.usecases.meterchecks import MAX_DELAY_S, MAX_SKEW_S

CLOCKS_WITHIN_S = 86_400.0
"""For so long a gateway's clock is judged after its last message. Later it is silent, and its clock says nothing."""


class MeterState(StrEnum):
    """How a meter does, the worst first."""

    NEVER = "never"
    """It has not sent anything yet."""
    SILENT = "silent"
    """It sent, and no longer does: what its gateway's clock said then says nothing now."""
    CLOCK = "clock"
    """It sends, with times that are off."""
    POOR = "poor"
    """It sends, and less was measured than reports want."""
    OK = "ok"


@dataclass(frozen=True, slots=True)
class BoardRow:
    """A meter with its state. since : when it sent last, where it is silent. off_s : of a clock, behind is positive."""

    meter: Meter
    status: MeterStatus
    state: MeterState
    since: dt.datetime | None = None
    off_s: float | None = None


def board_row(
    meter: Meter, status: MeterStatus, *, now: dt.datetime, silent_h: float, behind_s: float = 0.0
) -> BoardRow:
    """Return how a meter does.

    Parameters
    ----------
    meter : Meter
        The meter.
    status : MeterStatus
        What is known of its last seven days.
    now : datetime
        The time now.
    silent_h : float
        After how many hours without a reading it is silent [h]; never less than three of its own intervals.
    behind_s : float
        How far this host's own clock is behind [s].

    Returns
    -------
    BoardRow
        The worst of what holds.

    Examples
    --------
    >>> import datetime as dt
    >>> from bkkenergy.ingest.meterboard import board_row
    >>> from bkkenergy.ingest.status import MeterStatus
    >>> from bkkenergy.library.packaged import demonstration
    >>> meter = demonstration().meters[0]
    >>> now = dt.datetime(2026, 11, 26, 12, tzinfo=dt.UTC)
    >>> since = now - dt.timedelta(hours=24)
    >>> row = board_row(meter, MeterStatus(meter.id, since, 0.8, 87_563.0, ()), now=now, silent_h=3)
    >>> row.state.value, row.off_s
    ('silent', None)
    """
    if status.last_seen is None:
        return BoardRow(meter, status, MeterState.NEVER)
    quiet_s = (now - status.last_seen).total_seconds()
    if quiet_s > max(silent_h * 3600, 3 * meter.interval_s):
        return BoardRow(meter, status, MeterState.SILENT, since=status.last_seen)
    off_s = None if status.skew_s is None else status.skew_s + behind_s
    if off_s is not None and not -MAX_SKEW_S <= off_s <= MAX_DELAY_S:
        return BoardRow(meter, status, MeterState.CLOCK, off_s=off_s)
    return BoardRow(meter, status, MeterState.POOR if status.is_poor else MeterState.OK)


ORDER = tuple(MeterState)


def in_order(rows: Sequence[BoardRow]) -> list[BoardRow]:
    """Return rows with the worst first; of those that are silent the longest."""
    return sorted(rows, key=lambda row: (ORDER.index(row.state), row.since.timestamp() if row.since else 0.0))
