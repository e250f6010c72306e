"""The app's static files: ours, and what deploy/make-assets fetched from npm when the app was built."""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from importlib import resources
from pathlib import Path

STATIC = Path(str(resources.files("bkkenergy.web"))) / "static"
CHART_FILES = ("vendor/uPlot.iife.min.js", "vendor/uPlot.min.css")

TOKEN = re.compile(r"(--[a-z0-9-]+):\s*([^;]+);")


@lru_cache
def tokens(sheet: str) -> dict[str, str]:
    """Return the names and values that a style sheet of tokens gives."""
    return dict(TOKEN.findall((STATIC / sheet).read_text(encoding="utf-8")))


@lru_cache
def static_mark() -> str:
    """Return a mark that changes with any of the static files, so that browsers may cache them for ever."""
    files = sorted(path for path in STATIC.rglob("*") if path.is_file())
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]


@lru_cache
def has_charts(static: Path = STATIC) -> bool:
    """Return whether the charts' script is there. Without it the explorer shows still pictures."""
    return all((static / name).is_file() for name in CHART_FILES)
