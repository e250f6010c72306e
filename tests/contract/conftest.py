"""An empty state of each kind that there is."""

from __future__ import annotations

import pytest

from bkkenergy.adapters.state import open_state
from bkkenergy.settings import StateSettings
from tests.sites import postgresql_database, postgresql_state


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def postgresql_port(request):
    """For each kind of database: None, or the port of its server."""
    return None if request.param == "sqlite" else request.getfixturevalue("postgres").port


@pytest.fixture
def settings_of_state(postgresql_port, tmp_path):
    """Settings of a state without rows of each kind."""
    if postgresql_port is None:
        return StateSettings(path=tmp_path / "state.sqlite")
    return StateSettings(url=postgresql_state(postgresql_port))


@pytest.fixture
def state(settings_of_state):
    """The same; a module may have a state of its own by this name."""
    return settings_of_state


@pytest.fixture
def empty_state(postgresql_port, state):
    """Settings of a database of each kind that has no tables yet."""
    return state if postgresql_port is None else StateSettings(url=postgresql_database(postgresql_port, "empty"))


@pytest.fixture
def engine(settings_of_state):
    """A state without rows, opened."""
    found = open_state(settings_of_state)
    yield found
    found.dispose()
