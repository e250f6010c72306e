"""By what a state is known again, so that hosts which should share one see that they do not."""

from __future__ import annotations

from sqlalchemy import Engine, select

from bkkenergy.adapters.state import reading
from bkkenergy.adapters.state.tables import identity


def identity_of(engine: Engine) -> str:
    """Return a text that is the same wherever this state is opened, and another for every other state.

    It was drawn by lot when the state was made, and goes wherever its data go. Raises StoreUnavailable.
    """
    with reading(engine) as connection:
        return f"{engine.dialect.name}-{connection.execute(select(identity.c.value)).scalar_one()}"
