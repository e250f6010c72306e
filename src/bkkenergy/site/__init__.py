"""One site: its configuration, and what that configuration opens."""

from __future__ import annotations

from bkkenergy.site.configuration import Configuration, load_configuration
from bkkenergy.site.site import Clock, Site, open_site, wall_clock

__all__ = ["Clock", "Configuration", "Site", "load_configuration", "open_site", "wall_clock"]
