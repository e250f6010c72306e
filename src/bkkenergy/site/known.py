"""By what a site is known again when its state was lost: the state's id lies outside the state too."""

from __future__ import annotations

import structlog

from bkkenergy.adapters.state.identity import identity_of
from bkkenergy.ports.readings import StoreUnavailable
from bkkenergy.site.folder import site_id_file
from bkkenergy.site.site import Site

log = structlog.get_logger(__name__)
MAX_ID_BYTES = 200


def note_site(site: Site) -> None:
    """Write the state's id into the data folder, where it is not there. A failure is logged: nothing rests on it."""
    path, identity = site_id_file(site.settings), identity_of(site.state)
    try:
        if not path.exists() or path.read_text(encoding="utf-8").strip() != identity:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{identity}\n", encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        log.warning("site_not_noted", path=str(path), why=str(error))


def lost_states(site: Site) -> list[str]:
    """Return the ids of states that this site had, where the present one is another. Raises StoreUnavailable.

    They are in the data folder, and beside readings that several hosts can open. A file that cannot be read counts as
    an id: that it says nothing is no proof that there was none.
    """
    identity, path = identity_of(site.state), site_id_file(site.settings)
    noted = [one.state for one in site.readings.noted_states()]
    if path.exists():
        try:
            with path.open("rb") as file:
                noted.append(file.read(MAX_ID_BYTES).decode("utf-8", "replace").strip() or path.name)
        except OSError as error:
            raise StoreUnavailable.of("known_file", path=path, error=error) from error
    return list(dict.fromkeys(one for one in noted if one != identity))
