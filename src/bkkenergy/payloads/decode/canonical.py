"""The product's own payload: a JSON object, or a list of them, with plain names and units."""

from __future__ import annotations

import datetime as dt
import math
import secrets
from collections.abc import Sequence
from itertools import chain
from operator import attrgetter
from typing import Annotated, Any, NamedTuple

import msgspec
import numpy as np

from bkkenergy.payloads.decode.base import Decoded, Undecoded
from bkkenergy.payloads.decode.bounds import check_json_size
from bkkenergy.payloads.decode.times import LARGEST_US, MICROSECONDS_FROM, MILLISECONDS_FROM, NANOSECONDS_FROM
from bkkenergy.payloads.message import FIRST_DETAILS, DecodeError, Message, Reason, described, summed_up
from bkkenergy.payloads.profile import Profile
from bkkenergy.readings import MORE_FIELDS, WEATHER_FIELDS, FloatArray, IntArray

MAX_READINGS = 10_000
"""In one payload. More is refused: a gateway's backlog goes in several messages."""

_Phases = tuple[float | None, float | None, float | None]
_NO_PHASES: _Phases = (None, None, None)


class Reading(msgspec.Struct, frozen=True, gc=False):
    """One reading as it is sent. `ts`: RFC 3339 with offset, or seconds, milliseconds or microseconds since 1970."""

    ts: Annotated[dt.datetime, msgspec.Meta(tz=True)] | int | float
    energy_kwh: float | None = None
    export_kwh: float | None = None
    power_kw: float | None = None
    voltage_v: _Phases = _NO_PHASES
    current_a: _Phases = _NO_PHASES
    power_factor: float | None = None
    frequency_hz: float | None = None
    reactive_kvarh: float | None = None
    reactive_export_kvarh: float | None = None
    energy_on_peak_kwh: float | None = None
    energy_off_peak_kwh: float | None = None
    energy_holiday_kwh: float | None = None
    chilled_water_kwh: float | None = None
    water_m3: float | None = None
    gas_m3: float | None = None
    reactive_kvar: float | None = None
    apparent_kva: float | None = None
    demand_kw: float | None = None
    current_n_a: float | None = None
    thd_voltage_ratio: float | None = None
    thd_current_ratio: float | None = None
    room_temp_c: float | None = None
    humidity_ratio: float | None = None
    ghi_wm2: float | None = None
    temp_air_c: float | None = None


class PlainReading(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """What most readings are: energy and power alone. A payload of these needs no search for other fields."""

    ts: Annotated[dt.datetime, msgspec.Meta(tz=True)] | int | float
    energy_kwh: float | None = None
    power_kw: float | None = None


_PLAIN_FIELDS = {"energy_kwh", "power_kw"}
_SCALARS = ("energy_kwh", "export_kwh", "power_kw", "power_factor", "frequency_hz", *MORE_FIELDS, *WEATHER_FIELDS)
_PHASES = {"voltage_v": "voltage_l{}_v", "current_a": "current_l{}_a"}
_payload_decoder = msgspec.json.Decoder(Reading | list[Reading])
_reading_decoder = msgspec.json.Decoder(Reading)
_raw_decoder = msgspec.json.Decoder(list[msgspec.Raw])

AT_ONCE, AT_ONCE_BYTES = 1000, 400_000
"""Payloads that are decoded as one text, at most."""
_BETWEEN = secrets.token_hex(16)
"""Stands between payloads that are decoded together. No payload can hold it: it is another at each start."""
_plain_decoder = msgspec.json.Decoder(list[PlainReading | list[PlainReading] | None])
_full_decoder = msgspec.json.Decoder(list[Reading | list[Reading] | str])


class CanonicalDecoder:
    """The family "canonical": the one that is fast, since a city's own gateways speak it."""

    def __init__(self, profile: Profile) -> None:
        self.profile = profile

    def decode(self, messages: Sequence[Message]) -> Decoded:
        """Decode every reading of the messages."""
        return decode([message.payload for message in messages])

    def topics(self, address: str) -> Sequence[str]:
        """Return the meter's own topic."""
        return (address,)


class _Run(NamedTuple):
    """Readings of payloads one after the other, with the number of readings in each payload."""

    readings: Sequence[Reading | PlainReading]
    lengths: Sequence[int]


def decode(payloads: Sequence[bytes]) -> Decoded:
    """Decode all payloads. Good elements of a list are returned when others cannot be read.

    Many payloads are decoded as one text, of readings that are plain or of any. Where that cannot be done the half of
    them is tried, down to one: what is at fault is found by halves, and costs the others nothing.
    """
    ends = np.cumsum([len(payload) for payload in payloads])
    parts: list[tuple[IntArray, dict[str, FloatArray]]] = []
    lengths: list[int] = []
    undecoded: list[Undecoded] = []
    step = AT_ONCE
    while (at := len(lengths)) < len(payloads):
        fits = int(np.searchsorted(ends, (ends[at - 1] if at else 0) + AT_ONCE_BYTES, side="right"))
        group = payloads[at : max(at + 1, min(at + step, fits))]
        run, fields = _plain_together(group), _PLAIN_FIELDS
        if run is None:
            run, fields = _together(group), _fields_in(group)
        if run is None and len(group) > 1:
            step = len(group) // 2
            continue
        if run is None:
            elements, fault = _read(group[0])
            run = _Run(elements, (len(elements),))
            undecoded += [fault._replace(message=at)] if fault is not None else []
        lengths += run.lengths
        parts.append(_columns(run.readings, fields))
        step = min(2 * step, AT_ONCE)
    message = np.repeat(np.arange(len(payloads)), np.array(lengths, np.int64))
    return Decoded(message, *_joined(parts), tuple(undecoded))


def _plain_together(payloads: Sequence[bytes]) -> _Run | None:
    """Decode payloads of plain readings as one text; None where that cannot be done.

    No payload can swallow the null between two, since nothing in a plain reading may hold other values. So all of them
    are there, and as many values as payloads are one of each.
    """
    values = _decoded(_plain_decoder, payloads, b",null,")
    return _run_of(values[::2]) if len(values) == 2 * len(payloads) - 1 else None


def _together(payloads: Sequence[bytes]) -> _Run | None:
    """Decode payloads of any readings as one text; None where that cannot be done.

    What is not known is skipped, and may swallow what stands between two payloads: so that has to be found again.
    """
    values = _decoded(_full_decoder, payloads, f',"{_BETWEEN}",'.encode())
    is_whole = len(values) == 2 * len(payloads) - 1 and values[1::2] == [_BETWEEN] * (len(payloads) - 1)
    return _run_of(values[::2]) if is_whole else None


def _decoded(decoder: msgspec.json.Decoder[Any], payloads: Sequence[bytes], between: bytes) -> list[Any]:
    """Return all values, with what stands between two payloads; none where one of them cannot be read."""
    try:
        if len(payloads) == 1:  # more have fewer bytes than the bound has marks
            check_json_size(payloads[0])
        values: list[Any] = decoder.decode(b"".join((b"[", between.join(payloads), b"]")))
    except Exception:  # noqa: BLE001 - a smaller part is looked at, and at last `_read` says why
        return []
    return values


def _run_of(values: list[Any]) -> _Run | None:
    """Return the readings of payloads, each of which holds one or a list; None where one holds neither, or too many."""
    kinds = set(map(type, values))
    if kinds <= {PlainReading} or kinds <= {Reading}:
        return _Run(values, [1] * len(values))
    if not kinds <= {list, Reading, PlainReading}:
        return None
    lists = values if kinds == {list} else [value if isinstance(value, list) else [value] for value in values]
    lengths = list(map(len, lists))
    return _Run(list(chain.from_iterable(lists)), lengths) if max(lengths) <= MAX_READINGS else None


def _joined(parts: Sequence[tuple[IntArray, dict[str, FloatArray]]]) -> tuple[IntArray, dict[str, FloatArray]]:
    """Join instants and columns of parts; a column that a part lacks is unknown there."""
    parts = [part for part in parts if len(part[0])] or [(np.empty(0, np.int64), {})]
    if len(parts) == 1:
        return parts[0]
    names = {name for _, columns in parts for name in columns}
    return np.concatenate([ts_us for ts_us, _ in parts]), {
        name: np.concatenate([columns.get(name, np.full(len(ts_us), np.nan)) for ts_us, columns in parts])
        for name in names
    }


def _read(payload: bytes) -> tuple[list[Reading], Undecoded | None]:
    """Read one payload. Return its readings, and what of it could not be read."""
    try:
        check_json_size(payload)
        return _whole(payload), None
    except DecodeError as error:
        return [], Undecoded(0, str(error))
    except msgspec.ValidationError as error:
        problem = str(error)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return [], Undecoded(0, f"no JSON: {error}")
    except Exception as error:  # noqa: BLE001 - no message may stop the service
        return [], Undecoded(0, described(error), Reason.FAILED)
    try:
        return _one_by_one(payload, problem)
    except Exception as error:  # noqa: BLE001 - nor in the second attempt
        return [], Undecoded(0, described(error), Reason.FAILED)


def _whole(payload: bytes) -> list[Reading]:
    readings = _payload_decoder.decode(payload)
    readings = readings if isinstance(readings, list) else [readings]
    if len(readings) > MAX_READINGS:
        raise msgspec.ValidationError(f"{len(readings)} readings in one payload, more than {MAX_READINGS}")
    return readings


def _one_by_one(payload: bytes, problem: str) -> tuple[list[Reading], Undecoded | None]:
    """Return the readable elements of a list, and the faults of the others."""
    try:
        elements = _raw_decoder.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return [], Undecoded(0, problem)
    if len(elements) > MAX_READINGS:
        return [], Undecoded(0, problem)
    readings, faults, count = [], [], 0
    for index, raw in enumerate(elements):
        try:
            readings.append(_reading_decoder.decode(raw))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            count += 1
            if count <= FIRST_DETAILS:
                faults.append(f"reading {index + 1} of {len(elements)}: {error}")
    return readings, Undecoded(0, summed_up(faults, count), faults=count) if count else None


def _fields_in(payloads: Sequence[bytes]) -> set[str]:
    """Find fields that may occur in the payloads; one that does not is never asked for, reading by reading."""
    if any(b"\\" in payload for payload in payloads):  # a key may be written with escapes
        return {*_SCALARS, *_PHASES}
    return {name for name in (*_SCALARS, *_PHASES) if any(name.encode() in payload for payload in payloads)}


def _columns(readings: Sequence[Reading | PlainReading], fields: set[str]) -> tuple[IntArray, dict[str, FloatArray]]:
    if not readings:
        return np.empty(0, np.int64), {}
    columns: dict[str, FloatArray] = {}
    for name in (name for name in _SCALARS if name in fields):
        columns[name] = _column(readings, name)
    for name in (name for name in _PHASES if name in fields):
        phases = np.array(list(map(attrgetter(name), readings)), np.float64)
        columns |= {_PHASES[name].format(n + 1): phases[:, n] for n in range(3)}
    known = {name: values for name, values in columns.items() if not np.isnan(values).all()}
    return _microseconds(list(map(attrgetter("ts"), readings))), known


def _column(readings: Sequence[Reading | PlainReading], name: str) -> FloatArray:
    """Return (n,) values of a field. A list is made only where a reading lacks it."""
    try:
        return np.fromiter(map(attrgetter(name), readings), np.float64, len(readings))
    except TypeError:
        return np.array(list(map(attrgetter(name), readings)), np.float64)


def _microseconds(ts: Sequence[dt.datetime | int | float]) -> IntArray:
    """Convert (n,) instants of mixed kinds to microseconds since the epoch."""
    numbers = np.array(ts)
    if numbers.dtype in (np.int64, np.float64):  # neither a time, nor an integer beyond them
        seconds = _seconds(numbers.astype(np.float64))
    elif set(map(type, ts)) == {dt.datetime}:
        seconds = np.array(list(map(dt.datetime.timestamp, ts)), np.float64)  # type: ignore[arg-type]
    else:
        epoch = np.array([t.timestamp() if isinstance(t, dt.datetime) else _clipped(t) for t in ts], np.float64)
        seconds = _seconds(epoch)
    return np.clip(np.rint(seconds * 1e6), -LARGEST_US, LARGEST_US).astype(np.int64)


def _seconds(epoch: FloatArray) -> FloatArray:
    """Return seconds since 1970 of (n,) numbers in seconds or milli-, micro- or nanoseconds, judged by their size."""
    epoch = np.clip(epoch, -LARGEST_US, LARGEST_US)
    size = np.abs(epoch)
    bounds = [size < MILLISECONDS_FROM, size < MICROSECONDS_FROM, size < NANOSECONDS_FROM]
    seconds: FloatArray = epoch / np.select(bounds, [1.0, 1e3, 1e6], 1e9)
    return seconds


def _clipped(epoch: float) -> float:
    """Convert a number to float; JSON may hold integers beyond any float."""
    try:
        return float(epoch)
    except OverflowError:
        return math.inf if epoch > 0 else -math.inf
