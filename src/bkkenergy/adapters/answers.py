"""Asks servers of others by HTTP, and takes no more of an answer, and for no longer, than an answer needs."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

import urllib3

MAX_ANSWER_BYTES = 1 << 20
"""Of a provider's keys and documents; a channel of delivery says a line."""
PIECE_BYTES = 65_536


class NoAnswer(Exception):
    """The server does not answer, or its answer has no end."""


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What a server answered."""

    status: int
    data: bytes


def ask(
    method: str, url: str, *, body: bytes | str | None = None, headers: Mapping[str, str] = {}, timeout_s: float
) -> HttpAnswer:
    """Send a request once, follow no redirect, and return the answer. Raises NoAnswer.

    timeout_s : for each wait, and for the whole answer from its head on. The answer is taken as it comes, not inflated.
    """
    try:
        answer = urllib3.request(
            method, url, body=body, headers=headers, timeout=timeout_s, retries=False, preload_content=False
        )
        try:
            return HttpAnswer(answer.status, _read(answer, time.monotonic() + timeout_s))
        finally:
            answer.close()
    except (urllib3.exceptions.HTTPError, ValueError) as error:
        raise NoAnswer(str(error)) from error


def _read(answer: urllib3.BaseHTTPResponse, until_s: float) -> bytes:
    parts, length = list[bytes](), 0
    while part := answer.read1(PIECE_BYTES, decode_content=False):
        parts.append(part)
        length += len(part)
        if length > MAX_ANSWER_BYTES:
            raise NoAnswer(f"the answer is longer than {MAX_ANSWER_BYTES:,} bytes")
        if time.monotonic() > until_s:
            raise NoAnswer("the answer did not end in time")
    return b"".join(parts)
