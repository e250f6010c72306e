"""What one payload becomes, step by step, for a person who commissions a gateway."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bkkenergy.ingest.sort import Sorter
from bkkenergy.payloads.decode import FAMILIES, Decoded, RowDecoder, Step
from bkkenergy.payloads.message import DecodeError, Message, Reason
from bkkenergy.payloads.profile import Profile
from bkkenergy.payloads.topics import WILDCARD, TopicFilters
from bkkenergy.portfolio import Meter
from bkkenergy.readings import US_PER_S
from bkkenergy.texts import counted


@dataclass(frozen=True, slots=True)
class ExplainedReading:
    """One reading that a payload gave. `meter_id` is None where no meter has its topic and key."""

    topic: str
    key: str
    at: dt.datetime
    values: Mapping[str, float]
    meter_id: str | None


@dataclass(frozen=True, slots=True)
class ExplainedRefusal:
    """Why the ingester would refuse a reading. reason : None where no meter has the profile at all."""

    reason: Reason | None
    detail: str

    def __str__(self) -> str:
        """Return it in English."""
        return self.detail if self.reason is None else f"{self.reason}: {self.detail}"


@dataclass(frozen=True, slots=True)
class Explained:
    """Steps of the decoder, readings, and what would be refused and why."""

    steps: tuple[Step, ...]
    readings: tuple[ExplainedReading, ...]
    refused: tuple[ExplainedRefusal, ...]


def explain_payload(profile: Profile, meters: Sequence[Meter], message: Message, *, max_ahead_s: int) -> Explained:
    """Decode one message by a profile, and judge it as the ingester would."""
    decoder = FAMILIES[profile.family](profile)
    steps: list[Step] = []
    if isinstance(decoder, RowDecoder):
        try:
            list(decoder.rows(message, steps))
        except DecodeError as error:
            steps.append(Step("payload", str(error), is_fault=True))
    decoded = FAMILIES[profile.family](profile).decode([message])
    if not isinstance(decoder, RowDecoder):
        steps.append(Step("payload", f"{counted(len(decoded), 'reading')}"))
    steps += [Step("not read", bad.detail, is_fault=True) for bad in decoded.undecoded if not steps]
    return Explained(
        tuple(steps), _readings(decoded, profile, meters, message), _refusals(profile, meters, message, max_ahead_s)
    )


def _readings(
    decoded: Decoded, profile: Profile, meters: Sequence[Meter], message: Message
) -> tuple[ExplainedReading, ...]:
    of_profile = [meter for meter in meters if meter.payload == profile.id]
    meter_at = {(meter.topic, meter.key): meter.id for meter in of_profile}
    filters = TopicFilters({meter.topic for meter in of_profile if WILDCARD in meter.topic})
    readings = []
    for row in range(len(decoded)):
        topic, key = decoded.addresses[row] if decoded.addresses else (message.topic, "")
        values = {name: float(column[row]) for name, column in decoded.columns.items()}
        known = {name: value for name, value in values.items() if value == value}  # noqa: PLR0124 - not NaN
        at = dt.datetime.fromtimestamp(min(int(decoded.ts_us[row]) / US_PER_S, 2.5e11), dt.UTC)
        meters_here = [meter_at.get((own_topic, key)) for own_topic in (topic, *filters.matching(topic))]
        meter_id = next((meter_id for meter_id in meters_here if meter_id is not None), None)
        readings.append(ExplainedReading(topic, key, at, known, meter_id))
    return tuple(readings)


def _refusals(
    profile: Profile, meters: Sequence[Meter], message: Message, max_ahead_s: int
) -> tuple[ExplainedRefusal, ...]:
    """Return what the ingester would quarantine, were this message to come now."""
    of_profile = [meter for meter in meters if meter.payload == profile.id]
    if not of_profile:
        return (ExplainedRefusal(None, "no meter of the portfolio has this profile"),)
    sorter = Sorter(of_profile, {profile.id: profile}, max_ahead_s=max_ahead_s)
    outcome = sorter.sort([message], now_us=message.received_us)
    return tuple(ExplainedRefusal(item.reason, item.detail) for item in outcome.refused)
