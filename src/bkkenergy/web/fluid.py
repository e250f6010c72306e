"""Charts of reports, laid out for pages: lines stretch with the page while texts stay as large as they are."""

from __future__ import annotations

import re

from markupsafe import Markup

DRAWING = re.compile(
    r'<svg class="([^"]*)" viewBox="0 0 ([\d.]+) ([\d.]+)" role="(\w+)" aria-label="([^"]*)">(.*)</svg>', re.DOTALL
)
TEXT = re.compile(r'<text class="([^"]*)" x="([-\d.]+)" y="([-\d.]+)" text-anchor="(\w+)">(.*?)</text>', re.DOTALL)
DOT = re.compile(r'<circle class="([^"]*)" cx="([-\d.]+)" cy="([-\d.]+)" r="([-\d.]+)"/>')
GUTTER_MAX, BESIDE = 100.0, 6.0
"""Texts that end left of this are values of the grid; the plot begins so far right of them."""
EDGE_PERCENT, NOTE_PERCENT, MIDDLE_PERCENT = 4.0, 24.0, 50.0
CROWDED, CROWDED_SIGNS = 8, 40
"""More names under a chart, or longer ones, do not fit beside each other on a phone: each second is left out there."""


def fluid(chart: Markup) -> Markup:
    """Return a chart whose texts keep their size at any width; anything but a chart as it is.

    Values of the grid move from the chart's left to above their lines.
    """
    match = DRAWING.fullmatch(str(chart))
    if match is None:
        return chart
    kind, width, height, role, label, inner = match.groups()
    texts, dots = TEXT.findall(inner), DOT.findall(inner)
    ends = [float(x) for _, x, _, anchor, _ in texts if anchor == "end" and float(x) < GUTTER_MAX]
    left = max(ends) + BESIDE if ends else 0.0
    plot = float(width) - left
    names = [text for text in texts if text[0] == "tick" and float(text[1]) >= left]
    is_crowded = len(names) > CROWDED or sum(len(name[4]) for name in names) > CROWDED_SIGNS
    minor = set(names[1::2]) if is_crowded else set()
    moved = "".join(_moved(text, left, plot, is_minor=text in minor) for text in texts)
    moved += "".join(
        f'<circle class="{name}" cx="{(float(x) - left) / plot:.2%}" cy="{y}" r="{r}"/>' for name, x, y, r in dots
    )
    shapes = DOT.sub("", TEXT.sub("", inner))
    return Markup(  # noqa: S704 - each part is of a chart that is markup already
        f'<svg class="{kind} fluid" height="{height}" role="{role}" aria-label="{label}">'
        f'<svg width="100%" height="{height}" viewBox="{left:g} 0 {plot:g} {height}" preserveAspectRatio="none">'
        f"{shapes}</svg>{moved}</svg>"
    )


def _moved(text: tuple[str, str, str, str, str], left: float, plot: float, *, is_minor: bool) -> str:
    """Return a text at its share of the width."""
    kind, x, y, anchor, words = text
    percent = (float(x) - left) / plot * 100
    if percent < 0:
        return f'<text class="{kind} height" x="4" y="{float(y) - 8:.1f}" text-anchor="start">{words}</text>'
    if kind == "note":
        anchor = "start" if percent < MIDDLE_PERCENT else "end"
        percent = min(percent, NOTE_PERCENT) if percent < MIDDLE_PERCENT else max(percent, 100 - NOTE_PERCENT)
    elif anchor == "middle" and not EDGE_PERCENT <= percent <= 100 - EDGE_PERCENT:
        anchor = "start" if percent < MIDDLE_PERCENT else "end"
    kind += " minor" if is_minor else ""
    return f'<text class="{kind}" x="{percent:.2f}%" y="{y}" text-anchor="{anchor}">{words}</text>'
