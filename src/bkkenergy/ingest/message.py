"""What the broker hands over, and what becomes of messages that are refused."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from bkkenergy.errors import BkkEnergyError


class Message(NamedTuple):
    """One MQTT message that is not yet acknowledged.

    epoch : number of the connection that it came on; an acknowledgement is good on that one alone.
    retained : kept by the broker from some earlier time, and no news.
    received_us : when it came, microseconds since the epoch.
    """

    topic: str
    payload: bytes
    packet_id: int = 0
    qos: int = 0
    epoch: int = 0
    retained: bool = False
    duplicate: bool = False
    received_us: int = 0


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


class Refused(NamedTuple):
    """One payload, or one reading out of a payload, that did not go into the store."""

    topic: str
    payload: bytes
    reason: Reason
    detail: str


class DecodeError(BkkEnergyError):
    """A payload is not what its profile says it is."""

    reason = Reason.NOT_DECODED


class NoBirthError(DecodeError):
    """Sparkplug data that names no metric, without the birth certificate that would tell."""

    reason = Reason.NO_BIRTH
