"""Slots of a day as bytes and back, bit for bit.

Doubles are cut into planes of their like bytes, which compress where neighbours are alike. A quality that is the same
all day is one byte.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np

from bkkenergy.readings import FloatArray, QualityArray

ZLIB_LEVEL = 1
DOUBLE_BYTES = 8


def packed_values(values: FloatArray) -> list[bytes]:
    """Encode days. values : (days, slots)."""
    planes = np.ascontiguousarray(values, "<f8").view(np.uint8).reshape(len(values), -1, DOUBLE_BYTES)
    return [zlib.compress(day.tobytes(), ZLIB_LEVEL) for day in planes.transpose(0, 2, 1)]


def unpacked_values(blobs: Sequence[bytes], slots: int) -> FloatArray:
    """Decode days of the same number of slots to (days, slots). Raises ValueError where a blob is damaged."""
    planes = np.frombuffer(_joined(blobs, slots * DOUBLE_BYTES), np.uint8).reshape(-1, DOUBLE_BYTES, slots)
    values: FloatArray = np.ascontiguousarray(planes.transpose(0, 2, 1)).view("<f8").reshape(-1, slots)
    return values


def packed_quality(quality: QualityArray) -> list[bytes]:
    """Encode days. quality : (days, slots)."""
    days = np.ascontiguousarray(quality, np.uint8)
    is_uniform = (days == days[:, :1]).all(axis=1)
    return [
        bytes([day[0]]) if uniform else zlib.compress(day.tobytes(), ZLIB_LEVEL)
        for day, uniform in zip(days, is_uniform.tolist(), strict=True)
    ]


def unpacked_quality(blobs: Sequence[bytes], slots: int) -> QualityArray:
    """Decode days of the same number of slots to (days, slots). Raises ValueError where a blob is damaged."""
    quality = np.empty((len(blobs), slots), np.uint8)
    lengths = np.fromiter(map(len, blobs), np.int64, len(blobs))
    is_uniform = lengths == 1
    quality[is_uniform] = np.frombuffer(b"".join([blob for blob in blobs if len(blob) == 1]), np.uint8)[:, None]
    others = [blob for blob in blobs if len(blob) != 1]
    if others:
        quality[~is_uniform] = np.frombuffer(_joined(others, slots), np.uint8).reshape(-1, slots)
    return quality


def _joined(blobs: Sequence[bytes], size_bytes: int) -> bytes:
    try:
        parts = [zlib.decompress(blob, bufsize=size_bytes) for blob in blobs]
    except zlib.error as error:
        raise ValueError(f"packed slots are damaged ({error})") from error
    if any(len(part) != size_bytes for part in parts):
        raise ValueError(f"packed slots have another length than {size_bytes} bytes")
    return b"".join(parts)
