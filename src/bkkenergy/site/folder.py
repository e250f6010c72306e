"""Where the files of the data folder lie, beside those that the settings name: the only module that knows.

What every host must see alike is in the state, the ledger or the store. These files belong to one host.
"""

from __future__ import annotations

from pathlib import Path

from bkkenergy.settings import Settings, StoreSettings

TURNED = "jobs.turned"


def data_folder(settings: Settings) -> Path:
    """Return the folder of the host's own files: that of the store's file, whatever the kind of store."""
    return settings.store.path.parent


def service_folders(settings: Settings) -> tuple[Path, ...]:
    """Return the folders in which the service has files: the host's own, the state's, and that of reports."""
    return data_folder(settings), settings.state.path.parent, settings.report.folder


def in_hand_file(settings: Settings) -> Path:
    """Return where an ingester notes what it works on; several may share a folder."""
    return data_folder(settings) / f"in-hand-{_file_name(settings.mqtt.client_id)}"


def outbound_file(settings: Settings) -> Path:
    """Return where readings wait that the poller could not publish."""
    return data_folder(settings) / "outbound.sqlite"


def session_mark(settings: Settings) -> Path:
    """Return where an ingester notes that the broker knows its session."""
    return data_folder(settings) / f"session-{_file_name(settings.mqtt.client_id)}"


def canary_file(settings: Settings) -> Path:
    """Return where an ingester notes its messages to itself."""
    return session_mark(settings).with_name(f"{session_mark(settings).name}.canary")


def dropped_file(settings: Settings) -> Path:
    """Return where the broker's count of dropped messages stays while no ingester runs."""
    return session_mark(settings).with_name(f"{session_mark(settings).name}.dropped")


def played_file(settings: Settings) -> Path:
    """Return where the doctor notes the outages that it plays, for the ingester."""
    return session_mark(settings).with_name(f"{session_mark(settings).name}.played")


def queue_depth_file(settings: Settings) -> Path:
    """Return where the doctor notes how much the broker stores, for the ingester."""
    return session_mark(settings).with_name(f"{session_mark(settings).name}.queue")


def archive_of(settings: Settings) -> Path:
    """Return the archive of scheduled reports."""
    return settings.report.folder / "archive"


def solar_folder(settings: Settings) -> Path:
    """Return where designs of roofs go unless a person names another folder."""
    return settings.report.folder / "solar"


def scheduler_mark(settings: Settings) -> Path:
    """Return the file whose time says when the scheduler last turned."""
    return settings.state.path.with_name(TURNED)


def weather_folder(settings: Settings) -> Path:
    """Return where fetched weather is stored."""
    return data_folder(settings) / "weather"


def site_id_file(settings: Settings) -> Path:
    """Return the file that has the id of the state, outside the state."""
    return data_folder(settings) / "site-id"


def last_seal_file(settings: Settings) -> Path:
    """Return the file that has the newest seal of the audit log, outside the state."""
    return data_folder(settings) / "audit-seal"


def host_id_file(settings: Settings) -> Path:
    """Return the file that has the id of this host."""
    return data_folder(settings) / "host-id"


def migration_note(store: StoreSettings, source_kind: str, target: StoreSettings) -> Path:
    """Return where a migration notes how far it came."""
    return store.path.parent / f"migrated-{source_kind}-to-{target.kind}-{target.path.stem}.json"


def memo_file(config_folder: Path, agency: str, form: str) -> Path | None:
    """Return an agency's own memorandum template (docx) or seal (png) of the configuration; else that of all."""
    paths = [config_folder / "memo" / f"{_file_name(name)}.{form}" for name in (agency, "all")]
    return next((path for path in paths if path.exists()), None)


def _file_name(text: str) -> str:
    """Return a text as the name of a file."""
    return "".join(char if char.isalnum() or char in "-_" else f"%{ord(char):x}" for char in text)


def mappings_folder(settings: Settings) -> Path:
    """Return where saved mappings of files lie: beside the state, which knows what was imported by them."""
    return settings.state.path.parent / "mappings"
