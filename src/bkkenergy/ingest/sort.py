"""Messages sorted into readings that are good and things that are refused."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Self

import numpy as np
import structlog

from bkkenergy.errors import ConfigError
from bkkenergy.ingest.deviceclocks import DeviceClocks, Receipts
from bkkenergy.ingest.ownclock import OwnClock
from bkkenergy.ingest.validate import REASONS, Limits, explain, reject_codes
from bkkenergy.metering.events import Event
from bkkenergy.payloads.check import payload_faults
from bkkenergy.payloads.decode import FAMILIES, Decoded, Decoder, Outgoing
from bkkenergy.payloads.decode.base import Address
from bkkenergy.payloads.decode.births import Births
from bkkenergy.payloads.decode.sparkplug import SparkplugDecoder
from bkkenergy.payloads.message import Grounds, Message, Reason, Refused, described
from bkkenergy.payloads.profile import Profile
from bkkenergy.payloads.topics import WILDCARD, TopicFilters
from bkkenergy.portfolio import Meter
from bkkenergy.readings import US_PER_S, BoolArray, FloatArray, IntArray, ReadingBatch

log = structlog.get_logger(__name__)

NEVER_US = 2**62
UNKNOWN_TOPIC = "no meter of the portfolio listens to this topic. Add the meter, or correct the gateway's topic."


@dataclass(frozen=True, slots=True)
class Sorted:
    """What a run of messages holds.

    source : (n,) number of the message that each reading of `batch` came in.
    stale_count : retained messages that were no news, and empty ones.
    lags_us : gateway -> least time from stamp to receipt among its messages, microseconds.
    outgoing : what decoders ask to be published. events : clocks of devices found at fault.
    ignored_count : what was left out as profiles and devices say.
    """

    batch: ReadingBatch
    source: IntArray
    refused: tuple[Refused, ...]
    stale_count: int = 0
    outgoing: tuple[Outgoing, ...] = ()
    lags_us: Mapping[str, int] = field(default_factory=dict)
    events: tuple[Event, ...] = ()
    ignored_count: int = 0

    @classmethod
    def without_readings(cls, meter_ids: tuple[str, ...], refused: Sequence[Refused]) -> Self:
        """Return refused messages alone."""
        return cls(ReadingBatch.empty(meter_ids), np.empty(0, np.int64), tuple(refused))

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Join parts of one run of messages, each with `source` numbers of the whole run."""
        return cls(
            ReadingBatch.concat([part.batch for part in parts]),
            np.concatenate([part.source for part in parts]),
            tuple(item for part in parts for item in part.refused),
            sum(part.stale_count for part in parts),
            tuple(item for part in parts for item in part.outgoing),
            {name: lag_us for part in parts for name, lag_us in part.lags_us.items()},
            tuple(event for part in parts for event in part.events),
            sum(part.ignored_count for part in parts),
        )


class Sorter:
    """Knows the meters by topic and key, with their limits and decoders."""

    def __init__(
        self,
        meters: Sequence[Meter],
        profiles: Mapping[str, Profile],
        *,
        max_ahead_s: int,
        max_payload_bytes: int = 2_000_000,
        own_clock: OwnClock | None = None,
        decoders: Mapping[str, Decoder] | None = None,
        births: Births | None = None,
    ) -> None:
        """Create a sorter.

        own_clock : hears the gateways; where most say that it is behind, no reading is refused for that.
        decoders : of a sorter before this one, with what they remember of devices. births : of Sparkplug nodes, for
            every decoder that wants them.
        """
        if faults := payload_faults(meters, profiles):
            raise ConfigError(faults)
        self.meter_ids = tuple(meter.id for meter in meters)
        self._max_ahead_us = max_ahead_s * US_PER_S
        self._max_payload_bytes = max_payload_bytes
        self._own_clock = own_clock
        self._limits = Limits.of(meters)
        self._device_clocks = DeviceClocks(len(meters))
        self._gateways, gateway_of = np.unique([meter.gateway_id for meter in meters], return_inverse=True)
        self._gateway_of: IntArray = gateway_of.astype(np.int64)
        self._births = births or Births()
        self.decoders: dict[str, Decoder] = dict(decoders or {})
        for name in {meter.payload for meter in meters} - self.decoders.keys():
            decoder = self.decoders[name] = FAMILIES[profiles[name].family](profiles[name])
            if isinstance(decoder, SparkplugDecoder):
                decoder.births = self._births
        self._meter_at = {(meter.payload, meter.topic, meter.key): number for number, meter in enumerate(meters)}
        self._meter_of: dict[str, dict[str, int]] = {name: {} for name in self.decoders}
        """By profile, the meter of each topic that has one."""
        for (profile, topic, key), number in self._meter_at.items():
            if not key:
                self._meter_of[profile][topic] = number
        self._profiles_at: dict[str, list[str]] = {}
        for meter in meters:
            for topic in self.decoders[meter.payload].topics(meter.topic):
                readers = self._profiles_at.setdefault(topic, [])
                if meter.payload not in readers:
                    readers.append(meter.payload)
        self._only_profile_at = {topic: names[0] for topic, names in self._profiles_at.items() if len(names) == 1}
        self._timeless = {name for name in self.decoders if name in profiles and may_lack_time(profiles[name])}
        self._filters = TopicFilters(topic for topic in self._profiles_at if WILDCARD in topic)
        self._addresses = TopicFilters({meter.topic for meter in meters if WILDCARD in meter.topic})

    @property
    def has_sparkplug(self) -> bool:
        """Whether a meter speaks Sparkplug, so that its node waits for a host application."""
        return any(isinstance(decoder, SparkplugDecoder) for decoder in self.decoders.values())

    @property
    def topics(self) -> tuple[str, ...]:
        """Every topic on which a meter's messages come, some with + as a level."""
        return tuple(self._profiles_at)

    def timeless_topics(self, messages: Sequence[Message]) -> AbstractSet[str]:
        """Return the topics among those of messages whose payloads may say no time."""
        if not self._timeless:
            return frozenset()
        return {
            topic
            for topic in {message.topic for message in messages}
            if self._timeless.intersection(self._readers(topic))
        }

    def _readers(self, topic: str) -> Sequence[str]:
        """Return the profiles that read a topic: of meters with this topic, and with one that has + for some of it."""
        exact = self._profiles_at.get(topic, ())
        if not self._filters:
            return exact
        wide = [name for filter_ in self._filters.matching(topic) for name in self._profiles_at[filter_]]
        return tuple(dict.fromkeys((*exact, *wide)))

    def sort(self, messages: Sequence[Message], *, now_us: int) -> Sorted:
        """Decode, scale and judge every reading of the messages. Raises nothing that a message can cause.

        A run that raises anything is halved until the message at fault stands alone, and is refused.
        """
        try:
            return self._sorted(messages, now_us)
        except Exception as error:  # noqa: BLE001 - no message may stop the service
            if len(messages) == 1:
                (message,) = messages
                refused = Refused(message.topic, message.payload, Reason.FAILED, described(error))
                log.error("message_failed", topic=message.topic, bytes=len(message.payload), why=refused.detail)  # noqa: TRY400
                return Sorted.without_readings(self.meter_ids, [refused])
        # Outside the handler, whose traceback holds whatever filled the memory.
        middle = len(messages) // 2
        first = self.sort(messages[:middle], now_us=now_us)
        second = self.sort(messages[middle:], now_us=now_us)
        return Sorted.joined([first, replace(second, source=second.source + middle)])

    def _sorted(self, messages: Sequence[Message], now_us: int) -> Sorted:
        profile_at = self._only_profile_at
        topics = {message.topic for message in messages}
        profiles = {None} if self._filters else {profile_at.get(topic) for topic in topics}
        only = profiles.pop() if len(profiles) == 1 else None
        sizes_bytes = [len(message.payload) for message in messages]
        if only is not None and min(sizes_bytes) > 0 and max(sizes_bytes) <= self._max_payload_bytes:
            return self._read(only, messages, np.arange(len(messages)), now_us)
        return self._sorted_apart(messages, now_us)

    def _sorted_apart(self, messages: Sequence[Message], now_us: int) -> Sorted:
        """Sort messages of several profiles, or with some that are refused at once."""
        refused: list[Refused] = []
        rows_of: dict[str, list[int]] = {}
        empty_count = 0
        for row, message in enumerate(messages):
            names = self._readers(message.topic)
            if not message.payload:  # by which a retained message is deleted
                empty_count += 1
            elif not names:
                refused.append(Refused(message.topic, message.payload, Reason.UNKNOWN_METER, UNKNOWN_TOPIC))
            elif len(message.payload) > self._max_payload_bytes:
                detail = f"{len(message.payload)} bytes, more than {self._max_payload_bytes}. Send smaller messages."
                refused.append(Refused(message.topic, message.payload, Reason.TOO_LARGE, detail))
            else:
                for name in names:
                    rows_of.setdefault(name, []).append(row)
        parts = [
            self._read(name, [messages[row] for row in rows], np.array(rows), now_us) for name, rows in rows_of.items()
        ]
        first = replace(Sorted.without_readings(self.meter_ids, refused), stale_count=empty_count)
        return Sorted.joined([first, *parts])

    def _read(self, profile: str, chosen: Sequence[Message], rows: IntArray, now_us: int) -> Sorted:
        """Read messages of one profile, which stand at `rows` of their run. The work is linear in their bytes."""
        decoded = self.decoders[profile].decode(chosen)
        grounds: dict[int, Grounds] = defaultdict(Grounds)
        for bad in decoded.undecoded:
            grounds[bad.message].add(bad.reason, partial(str, bad.detail), bad.faults)
        meter = self._meters(profile, chosen, decoded)
        for row in np.flatnonzero(meter < 0).tolist():
            number = int(decoded.message[row])
            grounds[number].add(Reason.UNKNOWN_METER, partial(_unknown_key, chosen[number], decoded, row))
        batch, message = self._scaled(decoded, meter >= 0, meter)
        receipts = Receipts.of(chosen)
        restamped = self._device_clocks.restamp(batch, message, receipts)
        batch = replace(batch, ts_us=restamped.ts_us)
        lags_us = self._lags_us(batch, message, receipts)
        behind_us = self._own_clock.hear(lags_us) if self._own_clock else 0
        codes = reject_codes(batch, self._limits, latest_us=now_us + behind_us + self._max_ahead_us)
        for row in np.flatnonzero(codes).tolist():
            reason = REASONS[codes[row]]
            if reason is not None:
                grounds[int(message[row])].add(reason, partial(explain, batch, row, reason, self._limits))
        good = (codes == 0) & restamped.is_news
        refused = tuple(grounds[number].refused(chosen[number]) for number in sorted(grounds))
        stale_count = decoded.stale_count + int((~restamped.is_news).sum())
        source = rows[message[good]]
        return Sorted(
            batch.take(good),
            source,
            refused,
            stale_count,
            decoded.outgoing,
            lags_us,
            restamped.events,
            decoded.ignored_count,
        )

    def _lags_us(self, batch: ReadingBatch, message: IntArray, receipts: Receipts) -> dict[str, int]:
        """Compute each gateway's least time from stamp to receipt; not of what is retained, late or sent again."""
        received_us = receipts.received_us
        counts = (receipts.says_time & (received_us > 0))[message]
        gateway = self._gateway_of[batch.meter[counts]]
        min_us = np.full(len(self._gateways), NEVER_US)
        np.minimum.at(min_us, gateway, received_us[message[counts]] - batch.ts_us[counts])
        return {str(self._gateways[number]): int(min_us[number]) for number in np.unique(gateway)}

    def _meters(self, profile: str, messages: Sequence[Message], decoded: Decoded) -> IntArray:
        """Return (n,) the meter of each reading, -1 where no meter has that topic and key."""
        if decoded.addresses is None:
            meter_of = self._meter_of[profile]
            by_message = [meter_of.get(message.topic, -1) for message in messages]
            return np.array(by_message, np.int64)[decoded.message] if messages else np.empty(0, np.int64)
        return np.array([self._meter_of_address(profile, address) for address in decoded.addresses], np.int64)

    def _meter_of_address(self, profile: str, address: Address) -> int:
        """Return the meter with a topic and key, or with a topic that has + for some of it; -1 for none."""
        number = self._meter_at.get((profile, *address), -1)
        if number < 0 and self._addresses:
            topic, key = address
            wide = (self._meter_at.get((profile, filter_, key), -1) for filter_ in self._addresses.matching(topic))
            return next((other for other in wide if other >= 0), -1)
        return number

    def _scaled(self, decoded: Decoded, known: BoolArray, meter: IntArray) -> tuple[ReadingBatch, IntArray]:
        """Return readings of known meters in what flows, with their messages."""
        columns: dict[str, FloatArray] = {name: values[known] for name, values in decoded.columns.items()}
        scaled = self._limits.scaled(meter[known], columns)
        batch = ReadingBatch(self.meter_ids, meter[known], decoded.ts_us[known], scaled)
        return batch, decoded.message[known]


def may_lack_time(profile: Profile) -> bool:
    """Return whether payloads of a profile may be stamped when they come."""
    return profile.family not in {"canonical", "sparkplug"} and (profile.time is None or not profile.time.required)


def _unknown_key(message: Message, decoded: Decoded, row: int) -> str:
    topic, key = decoded.addresses[row] if decoded.addresses else (message.topic, "")
    return (
        f"the payload names meter {key!r} at {topic!r}, which no meter of the portfolio has as topic and key. "
        "Add the meter, or correct its key."
    )
