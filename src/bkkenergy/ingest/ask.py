"""What administrators of the server ask of ingest: quarantined payloads tried again, mappings of files saved."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bkkenergy.access import Actor
from bkkenergy.adapters.state import transaction
from bkkenergy.adapters.state.births import BirthStore
from bkkenergy.adapters.state.quarantine import Quarantine, Quarantined
from bkkenergy.adapters.state.users import enter_audit, note
from bkkenergy.ingest.replay import replay
from bkkenergy.ingest.sheets import FileMapping, save_mapping
from bkkenergy.site import Site
from bkkenergy.site.folder import mappings_folder
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


@use_case("imports.mapping", "serve", "server")
def store_mapping(site: Site, actor: Actor, name: str, mapping: FileMapping) -> Path:
    """Save how files of a kind are read, over an earlier mapping of that name; the audit log has what it says.

    Return the file. Raises InputError, NotAllowed, StoreUnavailable.
    """
    with transaction(site.state) as connection:
        enter_audit(connection, actor, "save_mapping", name, mapping.given(), site.clock())
        return save_mapping(mappings_folder(site.settings), name, mapping)
