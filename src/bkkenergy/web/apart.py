"""Heavy computing in processes apart from the one that answers people."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TypeVar

from bkkenergy.adapters.workers import Workers
from bkkenergy.site import Configuration, open_site

T = TypeVar("T")
LOADED = (
    "bkkenergy.web.solar",
    "bkkenergy.reports.savings.moneysofar",
    "holidays.countries",
    "pvlib",
    "scipy.optimize",
)


@functools.cache
def workers() -> Workers:
    """Return the processes of heavy work, the same for all that this process serves."""
    return Workers(*LOADED)


def with_site(config: Configuration, function: Callable[..., T], *arguments: object) -> T:
    """Return what a function makes of the site, opened where this runs: what is read of it is read there, too."""
    with open_site(config) as site:
        return function(site, *arguments)
