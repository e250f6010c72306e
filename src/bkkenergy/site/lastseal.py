"""The newest seal of the audit log, outside the state: a log that was cut off at its end fits the seals that it has."""

from __future__ import annotations

from bkkenergy.adapters.files import write_whole
from bkkenergy.adapters.state.auditlog import Seal
from bkkenergy.ports.readings import StoreUnavailable
from bkkenergy.settings import Settings
from bkkenergy.site.folder import last_seal_file

MAX_BYTES = 200


def note_seal(settings: Settings, seal: Seal) -> None:
    """Write the newest seal into the data folder. Raises OSError."""
    write_whole(last_seal_file(settings), f"{seal.noted}\n".encode())


def noted_seal(settings: Settings) -> str:
    """Return the newest seal as it was noted; empty where none was. Raises StoreUnavailable."""
    path = last_seal_file(settings)
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES).decode("utf-8", "replace").strip() or path.name
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise StoreUnavailable.of("known_file", path=path, error=error) from error
