"""A whole and its parts as one bar, drawn as SVG inside a page, with the words beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

WIDTH, HEIGHT, GAP = 760.0, 26.0, 1.5


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of the bar: its value, its colour's class, and what it says when pointed at."""

    value: float
    kind: str
    tooltip: str


def stack(pieces: Sequence[Piece], *, title: str, whole: float) -> Markup:
    """Return a bar as long as the pieces are of the whole; nothing without any. A negative piece has no length."""
    if whole <= 0 or not any(piece.value > 0 for piece in pieces):
        return Markup("")
    part = Markup('<rect class="{}" x="{:.1f}" y="0" width="{:.1f}" height="{:g}"><title>{}</title></rect>')
    body, x = [], 0.0
    for piece in pieces:
        width = WIDTH * max(piece.value, 0.0) / whole
        if width > 0:
            body.append(part.format(piece.kind, x, max(width - GAP, 0.5), HEIGHT, piece.tooltip))
        x += width
    label = f"{title}: " + ", ".join(piece.tooltip for piece in pieces)
    svg = Markup(
        '<svg class="stack" viewBox="0 0 {:g} {:g}" preserveAspectRatio="none" role="img" aria-label="{}">{}</svg>'
    )
    return svg.format(WIDTH, HEIGHT, label, Markup("").join(body))
