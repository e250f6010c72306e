"""What commands that read or compute energy begin with: the site, open."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bkkenergy.site import Configuration, Site, load_configuration, open_site
from bkkenergy.usecases.follow import follow_configuration, follow_or_warn
from bkkenergy.usecases.uptodate import up_to_date


@contextmanager
def opened_site(config: Path | Configuration, *, may_wait: bool = False) -> Iterator[Site]:
    """Open a site, by its folder or as it is loaded. What is read of its energy is computed first where it waits.

    may_wait : as for `open_site`.
    """
    loaded = load_configuration(config) if isinstance(config, Path) else config
    with open_site(loaded, may_wait=may_wait) as site:
        (follow_or_warn if may_wait else follow_configuration)(site)
        yield up_to_date(site)
