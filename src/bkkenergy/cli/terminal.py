"""What a terminal can show: text that its encoding lacks is written another way, and that is said."""

from __future__ import annotations

import codecs
import io
import sys
from collections.abc import Callable
from typing import TextIO

HANDLER = "bkkenergy"
PLAIN = {
    "–": "-", "—": "-", "−": "-", "·": "-", "→": "->", "±": "+-", "\N{MULTIPLICATION SIGN}": "x", "…": "...",
    "“": '"', "”": '"', "\N{LEFT SINGLE QUOTATION MARK}": "'", "\N{RIGHT SINGLE QUOTATION MARK}": "'",
    "∞": "inf", "₂": "2", "²": "2", "°": " deg", "\N{NO-BREAK SPACE}": " ",
}  # fmt: skip
"""Signs that ASCII has something like."""
REMEDY = (
    "bkkenergy: the encoding of this terminal ({encoding}) lacks letters: they are written as ?. "
    "Set PYTHONIOENCODING=utf-8, or use --lang en where a command has it."
)


def readable_output(streams: tuple[TextIO, ...] | None = None) -> Callable[[], None]:
    """Make standard output and standard error take any text. Return what says at the end that letters were lost.

    ASCII alone is the encoding of a system that was set to none: UTF-8 is written then, as click and Python do.
    """
    lost: list[str] = []
    codecs.register_error(HANDLER, _replaced_into(lost))
    for stream in streams or (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and not _is_unicode(stream):
            if codecs.lookup(stream.encoding).name == "ascii":
                stream.reconfigure(encoding="utf-8")
            else:
                stream.reconfigure(errors=HANDLER)
    return lambda: _say(lost)


def can_show_any_text(stream: TextIO) -> bool:
    """Return whether a stream takes every letter: one without an encoding does."""
    return not getattr(stream, "encoding", None) or _is_unicode(stream)


def _is_unicode(stream: TextIO) -> bool:
    return codecs.lookup(stream.encoding).name.startswith("utf")


def _replaced_into(lost: list[str]) -> Callable[[UnicodeError], tuple[str | bytes, int]]:
    """Return a handler of letters that an encoding lacks, which remembers the encoding where one was lost."""

    def replaced(error: UnicodeError) -> tuple[str | bytes, int]:
        if not isinstance(error, UnicodeEncodeError):
            raise error
        part = error.object[error.start : error.end]
        if any(letter not in PLAIN for letter in part):
            lost.append(error.encoding)
        return "".join(PLAIN.get(letter, "?") for letter in part), error.end

    return replaced


def _say(lost: list[str]) -> None:
    if lost:
        sys.stderr.write(REMEDY.format(encoding=lost[0]) + "\n")
