"""Everything that a site knows in one file, taken while it runs, and back again, each file held to its hash.

Databases are copied by SQLite's online backup: a view of one moment, whatever is written meanwhile. The state is taken
before the archive, whose files are only ever added: so every report that the state names is there.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import json
import os
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bkkenergy import __version__
from bkkenergy.errors import BkkEnergyError, InputError
from bkkenergy.settings import Settings
from bkkenergy.store.archive import archive_of

MANIFEST = "manifest.json"
FORMAT = "bkkenergy.backup/1"
CHUNK_BYTES = 1 << 20


class BackupBroken(BkkEnergyError):
    """The file is not what was written."""


@dataclass(frozen=True, slots=True)
class Part:
    """A file of a site: its name in the backup, and where it lies."""

    name: str
    path: Path


def places(settings: Settings, config_dir: Path) -> dict[str, Path]:
    """Where what is backed up lies, by the name that it has in a backup."""
    beside = settings.store.path.parent
    found = {
        "config": config_dir,
        "state.sqlite": settings.state.path,
        "store.sqlite": settings.store.path,
        "baselines": beside / "baselines",
        "silenced.json": beside / "silenced.json",
        "archive": archive_of(settings),
    }
    if settings.state.url is not None:
        del found["state.sqlite"]
    return found


def left_out(settings: Settings) -> list[str]:
    """What a backup does not hold, and how to keep that."""
    told = ["secrets (password, token and key files): keep them apart"]
    if settings.state.url is not None:
        told.append("the state in its own database: pg_dump")
    if settings.store.kind == "influx":
        told.append("readings in InfluxDB: influx backup, or influxd backup on 1.x")
    return told


def back_up(
    settings: Settings, config_dir: Path, target: Path, *, now: dt.datetime, told: Callable[[str], object]
) -> dict[str, Any]:
    """Write a backup; its manifest. told : hears what is being taken. The file appears whole or not at all."""
    unfinished = target.with_name(target.name + ".part")
    target.parent.mkdir(parents=True, exist_ok=True)
    files: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".backup-") as folder:
        with tarfile.open(unfinished, "w:gz", compresslevel=1, dereference=True) as tar:
            for part in _parts(places(settings, config_dir), Path(folder)):
                told(part.name)
                files[part.name] = {"sha256": _digest(part.path), "bytes": part.path.stat().st_size}
                tar.add(part.path, part.name, recursive=False)
            manifest = {"format": FORMAT, "version": __version__, "made": now.isoformat(), "files": files}
            content = json.dumps(manifest, indent=1).encode()
            entry = tarfile.TarInfo(MANIFEST)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
        unfinished.replace(target)
    return manifest


def _parts(found: dict[str, Path], folder: Path) -> Iterator[Part]:
    """Every file, the databases as copies of one moment; those in front first."""
    for name, path in found.items():
        if path.suffix == ".sqlite" and path.exists():
            copy = folder / name
            _snapshot(path, copy)
            yield Part(name, copy)
            copy.unlink()
        elif path.is_dir():
            for file in _files(path):
                yield Part(f"{name}/{file.relative_to(path)}", file)
        elif path.is_file():
            yield Part(name, path)


def _files(folder: Path) -> Iterator[Path]:
    """Every file below a folder, through links; what is hidden is unfinished, and left out."""
    for where, folders, names in os.walk(folder, followlinks=True):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(where) / name for name in sorted(names) if not name.startswith("."))


def _snapshot(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source)) as held, closing(sqlite3.connect(target)) as copy:
        held.backup(copy)  # in one step: in several, each commit of a writer would make it begin anew


def restore(backup: Path, settings: Settings, config_dir: Path, *, told: Callable[[str], object]) -> dict[str, Any]:
    """Put a backup's files where the settings say; the manifest.

    Every file is held to its hash before anything is touched. Raises InputError where something lies there already,
    BackupBroken where a file is not what was written.
    """
    found = places(settings, config_dir)
    present = [path for name, path in found.items() if name != "config" and path.exists()]
    if present:
        raise InputError(f"{', '.join(map(str, present))} exists already. Move it away first, or restore elsewhere.")
    settings.store.path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=settings.store.path.parent, prefix=".restore-") as folder:
        manifest = unpacked(backup, Path(folder), told=told)
        for name, path in found.items():
            unpacked_path = Path(folder) / name
            if name != "config" and unpacked_path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                shutil.move(unpacked_path, path)
    return manifest


def unpacked(backup: Path, folder: Path, *, told: Callable[[str], object]) -> dict[str, Any]:
    """The files of a backup in a folder, each held to its hash; the manifest. Raises BackupBroken."""
    try:
        with tarfile.open(backup, "r:gz") as tar:
            tar.extractall(folder, filter="data")
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, EOFError, tarfile.TarError, ValueError) as error:
        raise BackupBroken(f"{backup}: not a whole backup ({error}). Take another.") from error
    if manifest.get("format") != FORMAT:
        raise BackupBroken(f"{backup}: of format {manifest.get('format')!r}, this version reads {FORMAT}.")
    for name, entry in manifest["files"].items():
        told(name)
        path = folder / name
        if not path.is_file() or _digest(path) != entry["sha256"]:
            raise BackupBroken(f"{backup}: {name} is not what was written. Take another backup; nothing was changed.")
    return manifest


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(CHUNK_BYTES):
            digest.update(block)
    return digest.hexdigest()
