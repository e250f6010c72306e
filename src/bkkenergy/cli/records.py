"""The portfolio's records, opened for a command."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bkkenergy.adapters.state import open_state
from bkkenergy.payloads.decode import FAMILIES
from bkkenergy.settings import load_settings
from bkkenergy.site.figures import load_figures
from bkkenergy.site.profiles import load_profiles
from bkkenergy.usecases.portfolio import PortfolioState, checked_state


@contextmanager
def opened_records(config_dir: Path) -> Iterator[PortfolioState]:
    """Open the records' state, with what the configuration knows to check them by."""
    settings, figures = load_settings(config_dir), load_figures(config_dir)
    profiles = load_profiles(config_dir, frozenset(FAMILIES))
    engine = open_state(settings.state)
    try:
        yield checked_state(settings, figures, profiles, engine)
    finally:
        engine.dispose()
