"""Columns as arrays in PostgreSQL's binary form: a batch goes in, and years come out, without a loop over rows.

The form of the server's array_send: five 32-bit numbers (dimensions, whether any is NULL, the type of what is in it,
length, first index), then each value behind its length. What is NULL has no bytes: it travels as NaN.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from psycopg import Connection
from psycopg.adapt import Dumper
from psycopg.pq import Format

from bkkenergy.readings import FloatArray, IntArray

HEAD = struct.Struct(">5i")
INT8_OID, FLOAT8_OID = 20, 701
"""Types of the server, in its catalogue `pg_type` since they are there."""
INT8 = np.dtype([("size", ">i4"), ("value", ">i8")])
FLOAT8 = np.dtype([("size", ">i4"), ("value", ">f8")])


class Int8s(bytes):
    """An array of bigint."""

    __slots__ = ()


class Float8s(bytes):
    """An array of double precision."""

    __slots__ = ()


class _Int8sDumper(Dumper):
    format, oid = Format.BINARY, 1016

    def dump(self, obj: Int8s) -> bytes:
        return obj


class _Float8sDumper(Dumper):
    format, oid = Format.BINARY, 1022

    def dump(self, obj: Float8s) -> bytes:
        return obj


def take_arrays(connection: Connection[Any]) -> None:
    """Let a connection take these arrays as parameters."""
    connection.adapters.register_dumper(Int8s, _Int8sDumper)
    connection.adapters.register_dumper(Float8s, _Float8sDumper)


def int8s(values: IntArray) -> Int8s:
    """Pack (n,) numbers."""
    return Int8s(_packed(values, INT8, INT8_OID))


def float8s(values: FloatArray) -> Float8s:
    """Pack (n,) values."""
    return Float8s(_packed(values, FLOAT8, FLOAT8_OID))


def _packed(values: IntArray | FloatArray, row: np.dtype[Any], oid: int) -> bytes:
    rows = np.empty(len(values), row)
    rows["size"], rows["value"] = row["value"].itemsize, values
    return HEAD.pack(1, 0, oid, len(values), 1) + rows.tobytes()


def unpacked_int8s(data: bytes) -> IntArray:
    """Return (n,) numbers of an array without NULL that the server sent."""
    return np.frombuffer(data, INT8, offset=HEAD.size)["value"].astype(np.int64)


def unpacked_float8s(data: bytes) -> FloatArray:
    """Return (n,) values of an array without NULL that the server sent."""
    return np.frombuffer(data, FLOAT8, offset=HEAD.size)["value"].astype(np.float64)
