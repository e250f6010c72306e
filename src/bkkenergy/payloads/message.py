"""What the broker hands over, and what becomes of messages that are refused."""

from __future__ import annotations

import traceback
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from bkkenergy.errors import BkkEnergyError

FIRST_DETAILS = 3
LONGEST_DETAIL = 300
"""Characters of one detail. A payload may put any length of text into one."""


OF_DETAILS = ("detail.", "error.decode_", "error.sparkplug_")
"""Sections of the catalogues by which details, which are stored in English, are said in another language."""


class Message(NamedTuple):
    """One MQTT message that is not yet acknowledged.

    epoch : number of the connection that it came on; an acknowledgement is good on that one alone.
    retained : kept by the broker from some earlier time, and no news.
    received_us : when it came, microseconds since the epoch.
    late : of a backlog, with the time at which its first message came: it says nothing of any clock.
    """

    topic: str
    payload: bytes
    packet_id: int = 0
    qos: int = 0
    epoch: int = 0
    retained: bool = False
    duplicate: bool = False
    received_us: int = 0
    late: bool = False


class Reason(StrEnum):
    """Why something was refused: stable slugs, for counters, filters and translation."""

    UNKNOWN_METER = "unknown_meter"
    NOT_DECODED = "not_decoded"
    TOO_LARGE = "too_large"
    NO_BIRTH = "no_birth"
    NO_VALUE = "no_value"
    TIME_AHEAD = "time_ahead"
    BEFORE_COMMISSIONING = "before_commissioning"
    ENERGY_OUT_OF_RANGE = "energy_out_of_range"
    POWER_OUT_OF_RANGE = "power_out_of_range"
    GAUGE_OUT_OF_RANGE = "gauge_out_of_range"
    STORE_REFUSED = "store_refused"
    NOT_READ = "not_read"
    FAILED = "failed"
    STOPPED_THE_SERVICE = "stopped_the_service"


class Refused(NamedTuple):
    """One message that did not go into the store, or not whole.

    reason : the commonest. counts : how many of its readings were refused for each reason; empty where
        the message was refused as one.
    """

    topic: str
    payload: bytes
    reason: Reason
    detail: str
    counts: tuple[tuple[Reason, int], ...] = ()

    @property
    def by_reason(self) -> Mapping[Reason, int]:
        """How many readings were refused for each reason."""
        return dict(self.counts) or {self.reason: 1}


class Grounds:
    """Why readings of one message are refused: all are counted, the first are explained.

    A message may hold ten thousand readings at fault. To explain each would cost more than to store them.
    """

    __slots__ = ("counts", "details")

    def __init__(self) -> None:
        self.counts: Counter[Reason] = Counter()
        self.details: list[str] = []

    def add(self, reason: Reason, detail: Callable[[], str], count: int = 1) -> None:
        """Count `count` readings; `detail` is asked while explanations are wanted."""
        self.counts[reason] += count
        if len(self.details) < FIRST_DETAILS:
            self.details.append(detail())

    def refused(self, message: Message) -> Refused:
        """Return the message's one row for quarantine."""
        detail = summed_up(self.details, self.counts.total())
        return Refused(
            message.topic, message.payload, self.counts.most_common(1)[0][0], detail, tuple(self.counts.items())
        )


def summed_up(details: Sequence[str], count: int) -> str:
    """Return the first of `count` details as one text of bounded length."""
    shown = [
        detail if len(detail) <= LONGEST_DETAIL else detail[: LONGEST_DETAIL - 3] + "..."
        for detail in details[:FIRST_DETAILS]
    ]
    heading = f"{count} faults; the first: "
    if count <= 1 or shown[0].startswith(heading):  # a decoder has summed them up already
        return shown[0]
    return heading + "; ".join(shown)


def described(error: BaseException) -> str:
    """Return an unexpected error in one line, with the place in the code where it came up."""
    frames = traceback.extract_tb(error.__traceback__, limit=-1)
    where = f" ({frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {str(error)[:LONGEST_DETAIL]}{where}"


class DecodeError(BkkEnergyError):
    """A payload is not what its profile says it is."""

    reason = Reason.NOT_DECODED


class TooLargeError(DecodeError):
    """A payload holds more than is read."""

    reason = Reason.TOO_LARGE


class NotReadError(DecodeError):
    """A payload of a form that the product does not read yet."""

    reason = Reason.NOT_READ
