"""Columns of readings as InfluxDB line protocol, encoded column by column, never line by line."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bkkenergy.readings import FIELDS, FloatArray, ReadingBatch

MEASUREMENT = "reading"
TAG = "meter"


def encode(batch: ReadingBatch) -> bytes:
    """Encode one line a reading, stamped in microseconds. Readings without any value are left out.

    Syntax: InfluxData, "Line protocol reference". Floats carry no suffix, so a field never changes
    its type from one write to another.
    """
    columns = {name: batch.columns[name] for name in FIELDS if name in batch.columns}
    is_known = {name: ~np.isnan(values) for name, values in columns.items()}
    if columns and len(batch) and all(known.all() for known in is_known.values()):
        return _of_whole(batch, columns)
    # Arrow drops a row whose parts are all null, so such rows go first: the columns stay in step.
    has_value = np.zeros(len(batch), np.bool_)
    for known in is_known.values():
        has_value |= known
    batch = batch.take(has_value)
    if len(batch) == 0:
        return b""
    fields = [_field(name, batch.columns[name]) for name in columns]
    values = pc.binary_join_element_wise(*fields, ",", null_handling="skip")
    return _as_one(pc.binary_join_element_wise(_series(batch), values, _stamps(batch), " "))


def _of_whole(batch: ReadingBatch, columns: Mapping[str, FloatArray]) -> bytes:
    """Encode readings of which each has every field: in one pass, and with a text for what is the same in all."""
    parts: list[pa.Array | str] = [_series(batch)]
    literal = " "
    for name, values in columns.items():
        literal += f"{name}="
        if (values == values[0]).all():
            literal += f"{_texts(values[:1])[0].as_py()},"
        else:
            parts += [literal, _texts(values)]
            literal = ","
    return _as_one(pc.binary_join_element_wise(*parts, literal.removesuffix(",") + " ", _stamps(batch), ""))


def _as_one(lines: pa.Array) -> bytes:
    return bytes(pc.binary_join(pa.ListArray.from_arrays([0, len(lines)], lines), "\n")[0].as_buffer())


def _series(batch: ReadingBatch) -> pa.Array:
    """Return what each line begins with: measurement and meter."""
    names = pa.array([f"{MEASUREMENT},{TAG}={_escaped(name)}" for name in batch.meter_ids])
    return names.take(pa.array(batch.meter))


def _stamps(batch: ReadingBatch) -> pa.Array:
    return pa.array(batch.ts_us).cast(pa.string())


def _texts(values: FloatArray) -> pa.Array:
    return pa.array(values).cast(pa.string())


def _field(name: str, values: FloatArray) -> pa.Array:
    """Return strings "name=value", null where there is no value."""
    text = pa.array(values, mask=np.isnan(values)).cast(pa.string())
    return pc.binary_join_element_wise(f"{name}=", text, "")


def _escaped(tag: str) -> str:
    """Return a name with what would end it escaped. A backslash stays: the server reads two of them as two."""
    return tag.replace(",", "\\,").replace("=", "\\=").replace(" ", "\\ ")
