"""An empty state of each kind that there is."""

from __future__ import annotations

import itertools

import pytest
from pydantic import SecretStr
from sqlalchemy import create_engine, text

from bkkenergy.adapters.state import open_state
from bkkenergy.settings import StateSettings

numbers = itertools.count()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def state(request, tmp_path):
    """Settings of an empty state database of each kind."""
    if request.param == "sqlite":
        return StateSettings(path=tmp_path / "state.sqlite")
    server = request.getfixturevalue("postgres")
    name = f"state{next(numbers)}"
    admin = create_engine(f"postgresql+psycopg://bkk@127.0.0.1:{server.port}/postgres", isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    admin.dispose()
    return StateSettings(url=SecretStr(f"postgresql+psycopg://bkk@127.0.0.1:{server.port}/{name}"))


@pytest.fixture
def engine(state):
    """The same, opened."""
    found = open_state(state)
    yield found
    found.dispose()
