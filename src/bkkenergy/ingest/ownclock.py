"""Whether it is our own clock that is wrong: most gateways then say so, and all by the same time."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Collection, Mapping

import numpy as np
import structlog

from bkkenergy.readings import LATEST, US_PER_S

log = structlog.get_logger(__name__)

MIN_GATEWAYS = 3
"""Fewer are no majority of anything."""
ALIKE_US = 120 * US_PER_S
"""Clocks that are right differ by so much at most, with the time that a message takes."""
MIN_BEHIND_US = 60 * US_PER_S
"""Less is a matter of seconds, which no reading is refused for."""
HEARD_WITHIN_S = 7200.0
REMEDY = "Let this host keep time by NTP (timedatectl)."
SET_CLOCK = (
    "Set this machine's clock (timedatectl), with years of the common era. Until then nothing is taken from the broker."
)
EARLIEST_CLOCK_S, LATEST_CLOCK_S = dt.datetime(2026, 1, 1, tzinfo=dt.UTC).timestamp(), LATEST.timestamp()
"""Outside of these our own clock was never set, or counts the years of the Buddhist era."""


def is_of_a_set_clock(at_s: float) -> bool:
    """Return whether a clock that shows this, in seconds since 1970, can be right."""
    return EARLIEST_CLOCK_S <= at_s < LATEST_CLOCK_S


def behind_us(lags_us: Collection[int]) -> int:
    """Return how far our clock is behind that of most gateways, us; 0 where they do not agree that it is.

    lags_us : from stamp to receipt, one for each gateway; negative where its clock is ahead of ours. A backlog arrives
    late, so it is never mistaken for a clock that is ahead. A lag of exactly 0 is a stamp that we gave ourselves.
    """
    ahead_us = -np.array([lag_us for lag_us in lags_us if lag_us != 0], np.int64)
    if len(ahead_us) < MIN_GATEWAYS:
        return 0
    middle_us = int(np.sort(ahead_us)[len(ahead_us) // 2])
    alike = np.abs(ahead_us - middle_us) <= ALIKE_US
    return middle_us if middle_us >= MIN_BEHIND_US and 2 * alike.sum() > len(ahead_us) else 0


class OwnClock:
    """What the gateways last said of our clock."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._heard: dict[str, tuple[float, int]] = {}
        self.behind_us = 0

    def hear(self, lags_us: Mapping[str, int]) -> int:
        """Take in each gateway's latest lag; return how far our clock is behind. Once it is set right, they say so."""
        now_s = self._monotonic()
        self._heard.update({name: (now_s, lag_us) for name, lag_us in lags_us.items()})
        behind = behind_us([lag_us for heard_s, lag_us in self._heard.values() if now_s - heard_s < HEARD_WITHIN_S])
        if bool(behind) != bool(self.behind_us):
            if behind:
                log.warning("own_clock_is_behind", seconds=behind / US_PER_S, gateways=len(self._heard), remedy=REMEDY)
            else:
                log.info("own_clock_is_right")
        self.behind_us = behind
        return behind
