"""What every decoder takes and gives: many payloads in, columns out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from bkkenergy.readings import FloatArray, IntArray


class Undecoded(NamedTuple):
    """A payload, or an element of one, that could not be read.

    message : number of the payload among those that were given.
    """

    message: int
    payload: bytes
    detail: str


@dataclass(frozen=True, slots=True)
class Decoded:
    """Readings of many payloads as columns, in the order of the payloads.

    message : (n,) number of the payload that each reading came in.
    position : (n,) its place in that payload's list.
    ts_us : (n,) instants, microseconds since the epoch.
    columns : name in readings.FIELDS -> (n,) values as sent, NaN where absent.
    undecoded : what could not be read.
    """

    message: IntArray
    position: IntArray
    ts_us: IntArray
    columns: Mapping[str, FloatArray]
    undecoded: tuple[Undecoded, ...]

    def __len__(self) -> int:
        return len(self.ts_us)


Decoder = Callable[[Sequence[bytes]], Decoded]
"""Reads payloads of one profile; pure. `element` in the same module gives back one reading's bytes."""
