"""Icons by what they stand for: Heroicons, which deploy/make-assets fetched from npm. Beside each stands its word."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from markupsafe import Markup

from bkkenergy.web.assets import STATIC

ICONS = {
    "overview": "home",
    "explore": "presentation-chart-line",
    "reports": "document-chart-bar",
    "plan": "clipboard-document-check",
    "solar": "sun",
    "meters": "signal",
    "records": "building-office-2",
    "jobs": "clock",
    "admin": "cog-6-tooth",
    "help": "question-mark-circle",
    "menu": "bars-3",
    "energy": "bolt",
    "month": "calendar-days",
    "year": "chart-bar",
    "peak": "arrow-trending-up",
    "money": "banknotes",
    "co2": "cloud",
    "coverage": "check-badge",
    "alert": "exclamation-triangle",
    "finding": "light-bulb",
    "search": "magnifying-glass",
    "scheme": "moon",
    "language": "language",
    "account": "user-circle",
    "sign_out": "arrow-right-start-on-rectangle",
    "download": "arrow-down-tray",
    "new": "sparkles",
    "done": "check-circle",
    "info": "information-circle",
}
"""What an icon stands for, and its name in the set. deploy/assets/icons lists the same names."""


@lru_cache(maxsize=256)
def icon(meaning: str, static: Path = STATIC) -> Markup:
    """Return an icon, unseen by readers of the screen; nothing where the set could not be fetched."""
    path = static / f"vendor/icon-{ICONS[meaning]}.svg"
    if not path.is_file():
        return Markup("")
    drawing = path.read_text(encoding="utf-8").strip()
    return Markup(drawing.replace("<svg ", '<svg class="icon" ', 1))  # noqa: S704 - a file of our own build
