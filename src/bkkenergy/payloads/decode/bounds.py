"""What one payload may cost: memory and time are in proportion to its bytes, and bounded."""

from __future__ import annotations

from bkkenergy.payloads.message import DecodeError

MAX_JSON_MARKS = 400_000
"""Brackets, commas and colons of one payload. An object takes some 230 bytes in memory and five in JSON."""
_MARKS = (b"{", b"[", b",", b":")


def check_json_size(payload: bytes) -> None:
    """Raise DecodeError where a JSON payload holds more values than any gateway sends."""
    if len(payload) > MAX_JSON_MARKS and sum(map(payload.count, _MARKS)) > MAX_JSON_MARKS:
        raise DecodeError.of("decode_json_marks", max_json_marks=MAX_JSON_MARKS)
