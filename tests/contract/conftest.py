"""An empty state of each kind that there is."""

from __future__ import annotations

import pytest

from bkkenergy.adapters.state import open_state
from bkkenergy.settings import StateSettings
from tests.sites import postgresql_database


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def state(request, tmp_path):
    """Settings of an empty state database of each kind."""
    if request.param == "sqlite":
        return StateSettings(path=tmp_path / "state.sqlite")
    return StateSettings(url=postgresql_database(request.getfixturevalue("postgres").port, "state"))


@pytest.fixture
def engine(state):
    """The same, opened."""
    found = open_state(state)
    yield found
    found.dispose()
