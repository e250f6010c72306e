"""What every decoder takes and gives: many messages in, columns out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

import numpy as np

from bkkenergy.payloads.message import FIRST_DETAILS, DecodeError, Message, Reason, described, summed_up
from bkkenergy.payloads.profile import Profile
from bkkenergy.readings import QUANTITIES, FloatArray, IntArray

Address = tuple[str, str]
"""A meter as gateways know it: the topic that its profile listens to, and its key in the payload."""


class Undecoded(NamedTuple):
    """A payload that could not be read, or not whole.

    message : number of the message among those that were given.
    faults : how many of its elements are at fault; the detail explains the first.
    """

    message: int
    detail: str
    reason: Reason = Reason.NOT_DECODED
    faults: int = 1


class Outgoing(NamedTuple):
    """Something that a decoder asks to be published, such as a request for a birth certificate."""

    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Decoded:
    """Readings of many messages as columns, in the order of the messages.

    message : (n,) number of the message that each reading came in.
    ts_us : (n,) instants, microseconds since the epoch.
    columns : name in readings.QUANTITIES -> (n,) values in the product's units, NaN where absent.
    undecoded : what could not be read.
    addresses : (n,) whose each reading is; None where that is the message's topic alone.
    stale_count : retained messages without a time of their own: no news, and left out.
    outgoing : what is to be published. ignored_count : what was left out as the profile or the device says: chatter,
        and values that the device itself calls bad.
    """

    message: IntArray
    ts_us: IntArray
    columns: Mapping[str, FloatArray]
    undecoded: tuple[Undecoded, ...]
    addresses: tuple[Address, ...] | None = None
    stale_count: int = 0
    outgoing: tuple[Outgoing, ...] = ()
    ignored_count: int = 0

    def __len__(self) -> int:
        return len(self.ts_us)


class Decoder(Protocol):
    """Reads the messages of one profile. It may remember (Sparkplug's births), and does no I/O."""

    def decode(self, messages: Sequence[Message]) -> Decoded:
        """Decode every reading of the messages."""

    def topics(self, address: str) -> Sequence[str]:
        """Return the exact topics on which a meter's messages come."""


class DecodedRow(NamedTuple):
    """One reading of a slow path. `ts_us` is None where the payload says no time."""

    address: Address
    ts_us: int | None
    values: dict[str, float]


class Step(NamedTuple):
    """One thing that a decoder did, for a person who wants to see why.

    is_fault : it went wrong, for `reason`. is_ignored : something was left out, as it should be.
    """

    what: str
    result: str
    is_fault: bool = False
    reason: Reason = Reason.NOT_DECODED
    is_ignored: bool = False


class RowDecoder:
    """A decoder whose family reads one message at a time, as rows."""

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self._asked: list[Outgoing] = []

    def ask(self, outgoing: Iterable[Outgoing]) -> None:
        """Ask for something to be published."""
        self._asked += outgoing

    def rows(self, message: Message, steps: list[Step]) -> Iterable[DecodedRow]:
        """Yield the readings of one message and add its steps. Raises DecodeError."""
        raise NotImplementedError

    def outgoing(self) -> tuple[Outgoing, ...]:
        """Return what is to be published since it was last asked."""
        asked, self._asked = tuple(self._asked), []
        return asked

    def topics(self, address: str) -> Sequence[str]:
        """Return the meter's own topic."""
        return (address,)

    def decode(self, messages: Sequence[Message]) -> Decoded:
        """Decode every reading of the messages; a message or element at fault does not take the others with it.

        Whatever a message raises stays with it: to decode others once more would disturb what is remembered.
        """
        numbered_rows: list[tuple[int, DecodedRow]] = []
        undecoded: list[Undecoded] = []
        stale_count = ignored_count = 0
        for number, message in enumerate(messages):
            steps: list[Step] = []
            try:
                rows = list(self.rows(message, steps))
            except DecodeError as error:
                undecoded.append(Undecoded(number, summed_up([str(error)], 1), error.reason))
                continue
            except Exception as error:  # noqa: BLE001 - no message may stop the service
                undecoded.append(Undecoded(number, described(error), Reason.FAILED))
                continue
            undecoded += _faults_of(number, steps)
            ignored_count += sum(step.is_ignored for step in steps)
            news = [row for row in rows if not (message.retained and row.ts_us is None)]
            stale_count += len(rows) - len(news)
            numbered_rows += [(number, row) for row in news]
        columns = self._columns(messages, numbered_rows, tuple(undecoded), stale_count)
        return replace(columns, ignored_count=ignored_count)

    def _columns(
        self,
        messages: Sequence[Message],
        numbered_rows: list[tuple[int, DecodedRow]],
        undecoded: tuple[Undecoded, ...],
        stale: int,
    ) -> Decoded:
        names = [name for name in QUANTITIES if any(name in row.values for _, row in numbered_rows)]
        stamps = [messages[number].received_us if row.ts_us is None else row.ts_us for number, row in numbered_rows]
        return Decoded(
            message=np.array([number for number, _ in numbered_rows], np.int64),
            ts_us=np.array(stamps, np.int64),
            columns={name: np.array([row.values.get(name, np.nan) for _, row in numbered_rows]) for name in names},
            undecoded=undecoded,
            addresses=tuple(row.address for _, row in numbered_rows),
            stale_count=stale,
            outgoing=self.outgoing(),
        )


def _faults_of(number: int, steps: Sequence[Step]) -> list[Undecoded]:
    """List the faults among a message's steps: one item a reason, counted."""
    faults = [step for step in steps if step.is_fault]
    undecoded = []
    for reason in dict.fromkeys(step.reason for step in faults):
        alike = [step for step in faults if step.reason is reason]
        details = [f"{step.what}: {step.result}" for step in alike[:FIRST_DETAILS]]
        undecoded.append(Undecoded(number, summed_up(details, len(alike)), reason, len(alike)))
    return undecoded
