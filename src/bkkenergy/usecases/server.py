"""What is asked of the server itself: files taken in and back, a person's figures, purges, moves and backups.

Each needs the power over the whole server, and leaves its line in the audit log.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import structlog

from bkkenergy.access import Actor
from bkkenergy.adapters.ledger.moving import copy_ledger
from bkkenergy.adapters.state import StateStore, open_state, transaction
from bkkenergy.adapters.state.users import enter_audit
from bkkenergy.errors import BkkEnergyError, ConfigError, Fault, InputError
from bkkenergy.metering.sources import IntervalSeries
from bkkenergy.ports.channels import IMPORT, Channel
from bkkenergy.readings import US_PER_S, ReadingBatch
from bkkenergy.settings import READINGS_URL_VARIABLE, Settings, StoreKind, StoreSettings
from bkkenergy.site import Configuration, Site
from bkkenergy.site.folder import migration_note
from bkkenergy.site.open import ledger_url, open_store, open_writable
from bkkenergy.usecases import backup, edits, imports, purge
from bkkenergy.usecases.backupkeys import NO_KEY, Key
from bkkenergy.usecases.imports import Audit, Overlap, Source, Undone
from bkkenergy.usecases.migrate import StoreComparison, compare, copy_readings
from bkkenergy.usecases.powers import use_case
from bkkenergy.usecases.storedreadings import ReadingsPreview

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ImportFile:
    """A file that is taken in. sha256 : of what is in it."""

    name: str
    sha256: str

    @classmethod
    def of(cls, path: Path) -> ImportFile:
        """Return a file of this machine. Raises OSError."""
        with path.open("rb") as stream:
            return cls(path.name, hashlib.file_digest(stream, "sha256").hexdigest())


def latest_us(site: Site) -> int:
    """Return the instant after which no reading or interval may be, us since 1970 UTC."""
    return site.now_us() + int(site.settings.ingest.max_ahead_s) * US_PER_S


@use_case("imports.intervals", "serve", "server")
def import_intervals(
    site: Site,
    actor: Actor,
    file: ImportFile,
    series: Mapping[str, IntervalSeries],
    overlap: Overlap | None,
    channel: Channel = IMPORT,
) -> int:
    """Take in a file's intervals as one batch, wholly or not at all. Return its number. Raises InputError.

    series : of each meter. channel : of the meters, a register.
    """
    return imports.apply(
        site.ledger,
        site.energy,
        site.portfolio,
        series,
        overlap,
        _source(site, actor, file),
        latest_us=latest_us(site),
        audit=_audit(site, actor),
        channel=channel,
    )


@use_case("imports.readings", "serve", "server")
def import_readings(
    site: Site,
    actor: Actor,
    file: ImportFile,
    seen: ReadingsPreview,
    chunks: Iterable[ReadingBatch],
    overlap: Overlap | None,
) -> int:
    """Store a file's readings, which `seen` was made of, as a batch. Return its number. Raises InputError."""
    source = _source(site, actor, file)
    return imports.apply_readings(site.readings, site.ledger, seen, chunks, overlap, source, audit=_audit(site, actor))


@use_case("imports.undo", "serve", "server")
def undo_import(site: Site, actor: Actor, number: int) -> Undone:
    """Take an import back, or a person's figure. Raises InputError, DaysPurged."""
    return imports.undo(site.ledger, site.readings, number, actor.name, site.now_us(), audit=_audit(site, actor))


@use_case("energy.edit", "serve", "server")
def edit_energy(site: Site, actor: Actor, edit: edits.Edit) -> int:
    """Let the actor's figure count before all others. Return the number of its batch. Raises InputError, DaysPurged."""
    entered = replace(edit, who=actor.name, at_us=site.now_us())
    return edits.apply_edit(site.ledger, site.energy, site.portfolio, entered, audit=_audit(site, actor))


@use_case("readings.agree", "serve", "server")
def agree_to_purges(site: Site, actor: Actor, seen: purge.Planned) -> None:
    """Note that the actor has seen what the first deletion takes, and agrees to it and to later ones."""
    site.ledger.purges.agree(actor.name, site.now_us())
    detail = {"before": seen.cut.isoformat(), "meters": len(seen.meters), "readings": seen.readings}
    _audit(site, actor)("agree_to_purges", "readings", detail)


@use_case("readings.purge", "serve", "server")
def purge_readings(
    site: Site,
    actor: Actor,
    *,
    today: dt.date,
    is_seen: bool = False,
    on_progress: Callable[[str], object] = lambda _: None,
) -> purge.PurgeRun | None:
    """Delete readings that are past their years, as `purge.purge` does. What was deleted is in the audit log."""
    done = purge.purge(site, today=today, is_seen=is_seen, on_progress=on_progress)
    if done is not None and done.deleted:
        detail = {
            "before": done.cut.isoformat(),
            "days": done.days,
            "deleted": done.deleted,
            "undeleted": dict(done.undeleted),
        }
        _audit(site, actor)("purge_readings", "readings", detail)
    return done


@dataclass(frozen=True, slots=True)
class Move:
    """Readings from one store to another. to, come_from : kinds of store. path, source_path : of SQLite files.

    What is None is as the settings say; come_from is then the other kind.
    """

    to: StoreKind
    come_from: StoreKind | None = None
    path: Path | None = None
    source_path: Path | None = None


@dataclass(frozen=True, slots=True)
class Moved:
    """What a move did. copied : readings. noted : the file that says how far it came."""

    copied: int
    compared: list[StoreComparison]
    noted: Path

    @property
    def differing(self) -> list[StoreComparison]:
        """Meters whose readings are not the same in both."""
        return [meter for meter in self.compared if not meter.is_equal]


@use_case("readings.migrate", "serve", "server")
def move_readings(
    config: Configuration,
    actor: Actor,
    asked: Move,
    *,
    now: dt.datetime,
    on_copied: Callable[[], object] = lambda: None,
    on_compared: Callable[[], object] = lambda: None,
) -> Moved:
    """Copy every meter's readings to another store, and compare both. Cut off, it goes on where it was.

    on_copied, on_compared : called after each meter. Raises InputError, StoreUnavailable.
    """
    store = config.settings.store
    came_from = asked.come_from or _other(store, asked.to)
    if "postgresql" in (came_from, asked.to) and store.postgresql.url is None:
        raise ConfigError([Fault.of("store_no_server", f"${READINGS_URL_VARIABLE}")])
    old = store.model_copy(update={"kind": came_from, "path": asked.source_path or store.path})
    new = store.model_copy(update={"kind": asked.to, "path": asked.path or store.path})
    if old.kind == new.kind and old.path == new.path:
        raise InputError.of("stores_same")
    meters = [meter.id for meter in config.portfolio.meters]
    noted = migration_note(store, came_from, new)
    if old.path != new.path and ledger_url(config.settings) is None:
        copy_ledger(old.path, new.path)
    with (
        closing(open_store(old)) as source,
        closing(open_writable(config.settings.model_copy(update={"store": new}))) as target,
    ):
        copied = copy_readings(source, target, meters, noted, on_progress=lambda *_: on_copied())
        moved = Moved(copied, compare(source, target, meters, on_progress=lambda _: on_compared()), noted)
    detail = {"from": came_from, "to": asked.to, "readings": copied, "differing": len(moved.differing)}
    _note_where_there_is_a_state(config.settings, actor, "migrate", asked.to, detail, now)
    return moved


def _other(store: StoreSettings, to: StoreKind) -> StoreKind:
    """Return where readings come from where none is named: the store of the settings, unless they go there."""
    if store.kind != to:
        return store.kind
    return "influx" if to == "sqlite" else "sqlite"


@dataclass(frozen=True, slots=True)
class SiteFolders:
    """A site that is not open: its settings, and the folder of its configuration."""

    settings: Settings
    config_dir: Path


@use_case("server.backup", "serve", "server")
def back_up(
    site: SiteFolders, actor: Actor, target: Path, *, now: dt.datetime, on_progress: Callable[[str], object]
) -> dict[str, Any]:
    """Write a backup and return its manifest, as `backup.back_up` does. Its line in the audit log comes after it."""
    manifest = backup.back_up(site.settings, site.config_dir, target, now=now, on_progress=on_progress)
    detail = {"files": len(manifest["files"]), "bytes": sum(entry["bytes"] for entry in manifest["files"].values())}
    _note_where_there_is_a_state(site.settings, actor, "backup", target.name, detail, now)
    return manifest


@use_case("server.restore", "serve", "server")
def restore(
    site: SiteFolders,
    actor: Actor,
    source: Path,
    key: Key = NO_KEY,
    *,
    now: dt.datetime,
    on_progress: Callable[[str], object],
) -> dict[str, Any]:
    """Put a backup's files where the settings say, as `backup.restore` does. The audit log that it brings says so."""
    manifest = backup.restore(source, site.settings, site.config_dir, key, on_progress=on_progress)
    detail = {"files": len(manifest["files"]), "made": manifest["made"]}
    _note_where_there_is_a_state(site.settings, actor, "restore", source.name, detail, now)
    return manifest


def _source(site: Site, actor: Actor, file: ImportFile) -> Source:
    return Source(file.name, file.sha256, actor.name, site.now_us())


def _audit(site: Site, actor: Actor) -> Audit:
    """Return what writes a line of the audit log for an actor."""

    def write(action: str, target: str, detail: Mapping[str, Any]) -> None:
        _note(site.state, actor, action, target, detail, site.clock())

    return write


def _note(
    state: StateStore, actor: Actor, action: str, target: str, detail: Mapping[str, Any], now: dt.datetime
) -> None:
    with transaction(state) as connection:
        enter_audit(connection, actor, action, target, detail, now)


def _note_where_there_is_a_state(
    settings: Settings, actor: Actor, action: str, target: str, detail: Mapping[str, Any], now: dt.datetime
) -> None:
    """Write a line of the audit log of a site that is not open.

    What was done stays done where the log cannot be written: a backup is made of a disk that takes no more, too.
    """
    if settings.state.url is None and not settings.state.path.exists():
        return
    try:
        state = open_state(settings.state)
        try:
            _note(state, actor, action, target, detail, now)
        finally:
            state.dispose()
    except BkkEnergyError as error:
        log.warning("audit_log_not_written", action=action, target=target, why=str(error))
