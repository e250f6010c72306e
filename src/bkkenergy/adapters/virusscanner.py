"""ClamAV's daemon: what was uploaded is sent to it as a stream, before anything reads it (clamd(8), INSTREAM)."""

from __future__ import annotations

import datetime as dt
import re
import socket
import time
from collections.abc import Iterator
from contextlib import suppress

from bkkenergy.errors import UnavailableError

CHUNK_BYTES, MAX_ANSWER_BYTES = 65_536, 4_096
TIMEOUT_S = 30.0
"""For all of one file: to connect, to send it, and to be answered."""
LARGEST_BYTES = 13_000_000
"""Of the files that the web app takes: a scanner whose StreamMaxLength is below it refuses them."""
VIRUS = re.compile(r"stream: (.+) FOUND")
SIGNED = re.compile(r"ClamAV [^/]+/\d+/(.+)")
"""Its version, with the number and the time of its signatures."""


class ScannerUnavailable(UnavailableError):
    """The virus scanner does not answer, or did not look at the whole file."""


def virus_in(scanner: str, content: bytes) -> str:
    """Return what the scanner calls the virus in a file; "" where it knows none. Raises ScannerUnavailable.

    scanner : "unix:/run/clamav/clamd.ctl", or "tcp:HOST:PORT".
    """
    answer = _answer(scanner, _stream(content))
    if match := VIRUS.fullmatch(answer):
        return match[1]
    if answer != "stream: OK":
        raise ScannerUnavailable.of("scanner_refuses", answer=repr(answer))
    return ""


def signatures_day(scanner: str) -> dt.date | None:
    """Return the day of the scanner's signatures; None where it has none of ClamAV's. Raises ScannerUnavailable."""
    answer = _answer(scanner, iter([b"zVERSION\0"]))
    if match := SIGNED.fullmatch(answer):
        with suppress(ValueError):
            return dt.datetime.strptime(match[1], "%a %b %d %H:%M:%S %Y").date()  # noqa: DTZ007 - a day is enough
    return None


def _stream(content: bytes) -> Iterator[bytes]:
    yield b"zINSTREAM\0"
    for start in range(0, len(content), CHUNK_BYTES):
        chunk = content[start : start + CHUNK_BYTES]
        yield len(chunk).to_bytes(4, "big") + chunk
    yield bytes(4)


def _answer(scanner: str, parts: Iterator[bytes]) -> str:
    """Send a command, and return the answer without its end. Raises ScannerUnavailable, for one that was cut off too.

    An answer counts with the zero byte at its end alone: a piece of one could say "OK".
    """
    until_s = time.monotonic() + TIMEOUT_S
    try:
        with _connected(scanner) as connection:
            for part in parts:
                connection.settimeout(_left_s(until_s))
                connection.sendall(part)
            content = b""
            while not content.endswith(b"\0"):
                connection.settimeout(_left_s(until_s))
                piece = connection.recv(1024)
                content += piece
                if not piece or len(content) > MAX_ANSWER_BYTES:
                    raise ScannerUnavailable.of("scanner_refuses", answer=repr(content[:200]))
    except (OSError, OverflowError, UnicodeError) as error:  # the last two: a port or a host that there cannot be
        raise ScannerUnavailable.of("scanner_silent", error=error) from error
    return content.rstrip(b"\0").decode("utf-8", "replace")


def _left_s(until_s: float) -> float:
    left_s = until_s - time.monotonic()
    if left_s <= 0:
        raise TimeoutError("timed out")
    return left_s


def _connected(scanner: str) -> socket.socket:
    kind, _, address = scanner.partition(":")
    if kind == "tcp":
        host, _, port = address.rpartition(":")
        return socket.create_connection((host.strip("[]"), int(port)), timeout=TIMEOUT_S)
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(TIMEOUT_S)
    try:
        connection.connect(address)
    except OSError:
        connection.close()
        raise
    return connection
