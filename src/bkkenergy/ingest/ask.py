"""Asking for quarantined payloads to be tried again. They are of no agency: administrators of the server ask."""

from __future__ import annotations

from collections.abc import Sequence

from bkkenergy.access import Actor
from bkkenergy.adapters.state.births import BirthStore
from bkkenergy.adapters.state.quarantine import Quarantine, Quarantined
from bkkenergy.adapters.state.users import note
from bkkenergy.ingest.replay import replay
from bkkenergy.site import Site
from bkkenergy.usecases.powers import use_case


@use_case("quarantine.replay", "serve", "server")
def replay_quarantined(
    site: Site, actor: Actor, chosen: Sequence[Quarantined], quarantine: Quarantine
) -> tuple[int, int]:
    """Run payloads again. Return how many readings went in, and how many payloads stay; the audit log says so."""
    config = site.config
    readings, stayed = replay(
        chosen,
        config.portfolio,
        config.profiles,
        config.settings.ingest,
        site.readings,
        quarantine,
        BirthStore(site.state).news(),
    )
    detail = {"payloads": len(chosen), "readings": readings, "stayed": stayed}
    note(site.state, actor.name, "replay", "quarantine", detail, site.clock(), address=actor.address)
    return readings, stayed
