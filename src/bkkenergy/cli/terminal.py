"""What a terminal can show: text that its encoding lacks is written another way, and that is said.

Texts of devices, files and people can hold signs by which a terminal clears itself, fills its clipboard or writes over
what stands there. They are shown instead: only colours pass, and what moves a progress bar at the start of a write.
"""

from __future__ import annotations

import codecs
import io
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
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


SAFE = re.compile(r"\x1b\[[0-9;]*m")
MOVES = re.compile(r"(?:\r|\x1b\[(?:1A|2K|\?25[lh]))+")
STRANGE = re.compile("\r(?!\n)|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Control signs but tab and line feed, and signs that turn the direction of what follows."""


def shown(text: str) -> str:
    """Return a text as it may be written: signs that a terminal obeys are spelled out."""
    if not STRANGE.search(text):
        return text
    moves = MOVES.match(text)
    head = moves[0] if moves else ""
    rest = text[len(head) :]
    parts, colours = SAFE.split(rest), SAFE.findall(rest)
    plain = [STRANGE.sub(lambda sign: sign[0].encode("unicode_escape").decode(), part) for part in parts]
    return head + "".join(part + colour for part, colour in zip(plain, [*colours, ""], strict=True))


class ShownText(io.TextIOWrapper):
    """A stream of text that spells out what a terminal would obey."""

    def write(self, text: str, /) -> int:
        """Write a text. Return the length that was given."""
        super().write(shown(text))
        return len(text)


@contextmanager
def shown_output() -> Iterator[None]:
    """Let standard output and standard error spell out what a terminal would obey."""
    before = sys.stdout, sys.stderr
    guards = [_guard(stream) for stream in before]
    sys.stdout, sys.stderr = (guard or stream for guard, stream in zip(guards, before, strict=True))
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before
        for guard in guards:
            if guard is not None:
                with suppress(BrokenPipeError):
                    guard.flush()
                guard.detach()  # the stream beneath stays open


def _guard(stream: TextIO) -> ShownText | None:
    if not isinstance(stream, io.TextIOWrapper):
        return None
    stream.flush()
    return ShownText(
        stream.buffer, stream.encoding, stream.errors, line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )  # fmt: skip


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
