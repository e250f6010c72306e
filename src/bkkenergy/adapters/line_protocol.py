"""Columns of readings as InfluxDB line protocol, encoded column by column, never line by line."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bkkenergy.readings import FIELDS, ReadingBatch

MEASUREMENT = "reading"
TAG = "meter"


def encode(batch: ReadingBatch) -> bytes:
    """Encode one line a reading, stamped in microseconds. Readings without any value are left out.

    Syntax: InfluxData, "Line protocol reference". Floats carry no suffix, so a field never changes
    its type from one write to another.
    """
    names = [name for name in FIELDS if name in batch.columns]
    # Arrow drops a row whose parts are all null, so such rows go first: the columns stay in step.
    is_known = np.zeros(len(batch), np.bool_)
    for name in names:
        is_known |= ~np.isnan(batch.columns[name])
    batch = batch.take(is_known)
    if len(batch) == 0:
        return b""
    fields = [_field(name, batch.columns[name]) for name in names]
    values = pc.binary_join_element_wise(*fields, ",", null_handling="skip")
    series = pa.array([f"{MEASUREMENT},{TAG}={_escaped(name)}" for name in batch.meter_ids])
    stamps = pa.array(batch.ts_us).cast(pa.string())
    lines = pc.binary_join_element_wise(series.take(pa.array(batch.meter)), values, stamps, " ")
    joined = pc.binary_join(pa.ListArray.from_arrays([0, len(lines)], lines), "\n")
    return bytes(joined[0].as_buffer())


def _field(name: str, values: np.ndarray) -> pa.Array:
    """Return strings "name=value", null where there is no value."""
    text = pa.array(values, mask=np.isnan(values)).cast(pa.string())
    return pc.binary_join_element_wise(f"{name}=", text, "")


def _escaped(tag: str) -> str:
    """Return a name with what would end it escaped. A backslash stays: the server reads two of them as two."""
    return tag.replace(",", "\\,").replace("=", "\\=").replace(" ", "\\ ")
