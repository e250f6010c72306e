"""One site: its configuration, and what that configuration opens."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bkkenergy.site.configuration import Configuration, load_configuration
    from bkkenergy.site.site import Clock, Site, open_site, wall_clock

__all__ = ["Clock", "Configuration", "Site", "load_configuration", "open_site", "wall_clock"]


def __getattr__(name: str) -> object:
    """Load a name when it is first used: one who reads tariffs alone needs no database."""
    if name not in __all__:
        raise AttributeError(f"module 'bkkenergy.site' has no attribute {name!r}")
    module = "configuration" if name in {"Configuration", "load_configuration"} else "site"
    return getattr(import_module(f"bkkenergy.site.{module}"), name)
