"""Solar scenarios that engineers of an agency store, and delete."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from bkkenergy.access import Actor
from bkkenergy.adapters.state import StateStore, transaction
from bkkenergy.adapters.state.scenarios import drop_scenario, keep_scenario, scenario_of
from bkkenergy.adapters.state.users import enter_audit
from bkkenergy.errors import NotThere
from bkkenergy.portfolio import Building
from bkkenergy.usecases.powers import use_case


@use_case("scenarios.store", "design", "agency")
def store_scenario(
    engine: StateStore, actor: Actor, building: Building, name: str, wish: Mapping[str, str], now: dt.datetime
) -> None:
    """Store what was asked for of a building's roof, under a name."""
    actor.need("design", building.agency)
    with transaction(engine) as connection:
        keep_scenario(engine, building.agency, name, wish, actor.name, now)
        detail = {"name": name, "before": None, "after": dict(wish)}
        enter_audit(connection, actor, "keep_scenario", building.id, detail, now)


@use_case("scenarios.delete", "design", "agency")
def delete_scenario(engine: StateStore, actor: Actor, scenario_id: int, now: dt.datetime) -> None:
    """Delete a scenario. Raises NotThere, NotAllowed."""
    with transaction(engine) as connection:
        stored = scenario_of(connection, scenario_id)
        if stored is None:
            raise NotThere
        actor.need("design", stored.agency)
        drop_scenario(engine, scenario_id)
        detail = {"before": dict(stored.wish), "after": None}
        enter_audit(connection, actor, "drop_scenario", stored.name, detail, now)
