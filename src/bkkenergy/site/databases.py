"""The host's own SQLite files, and how many commits they are known to have lost."""

from __future__ import annotations

from pathlib import Path

from bkkenergy.adapters.commits import losses_of
from bkkenergy.settings import Settings
from bkkenergy.site.folder import outbound_file


def databases(settings: Settings) -> list[Path]:
    """Return the SQLite files that are there."""
    in_state = [settings.state.path] if settings.state.url is None else []
    return [path for path in (settings.store.path, *in_state, outbound_file(settings)) if path.exists()]


def lost_commits(settings: Settings) -> int:
    """Count the commits that were noted as lost; one for a note that cannot be read."""
    count = 0
    for path in databases(settings):
        try:
            count += sum(loss.count for loss in losses_of(path))
        except (OSError, ValueError, TypeError):
            count += 1
    return count
