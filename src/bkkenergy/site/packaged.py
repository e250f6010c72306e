"""Where the configuration lies that the package brings."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path


def packaged_config_dir() -> Path:
    """Return the folder of the configuration that the package brings, whatever the current folder holds."""
    packaged = Path(str(files("bkkenergy"))) / "default_config"
    return packaged if packaged.exists() else packaged.parents[2] / "config"
