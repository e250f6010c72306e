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
import tarfile
import tempfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Never, cast

from bkkenergy import __version__
from bkkenergy.adapters.commits import forget_commits
from bkkenergy.adapters.files import files_below, hand_over, make_folder
from bkkenergy.adapters.sealing import SIGNATURE, encrypt, signature
from bkkenergy.adapters.sqlite_file import copy_database, fault_in
from bkkenergy.errors import InputError
from bkkenergy.settings import Settings
from bkkenergy.site.folder import archive_of, data_folder, outbound_file
from bkkenergy.texts import Phrase
from bkkenergy.usecases.backupkeys import (
    NO_KEY,
    BackupBroken,
    Key,
    check_signed,
    new_file,
    opened_by,
    secret_files,
    sign_key_of,
)

MANIFEST = "manifest.json"
FORMAT = "bkkenergy.backup/1"
CHUNK_BYTES = 1 << 20
LARGEST_MANIFEST_BYTES = 1 << 28
LATEST_S = 1 << 33
"""A file's time beyond this, in the year 2242, is not set."""


@dataclass(frozen=True, slots=True)
class BackupFile:
    """A file of a site: its name in the backup, and where it lies."""

    name: str
    path: Path


def places(settings: Settings, config_dir: Path) -> dict[str, Path]:
    """Return where what is backed up is stored, by the name that it has in a backup."""
    paths = {
        "config": config_dir,
        "state.sqlite": settings.state.path,
        "store.sqlite": settings.store.path,
        "outbound.sqlite": outbound_file(settings),
        "archive": archive_of(settings),
    }
    if settings.state.url is not None:
        del paths["state.sqlite"]
    if settings.archive.kind == "s3":
        del paths["archive"]
    return paths


def left_out(settings: Settings) -> list[Phrase]:
    """List what a backup does not hold, and how to save that."""
    is_outside = {
        "secrets": True,
        "state": settings.state.url is not None,
        "archive": settings.archive.kind == "s3",
        "influx": settings.store.kind == "influx",
        "postgresql": settings.store.kind == "postgresql",
    }
    return [Phrase(f"not_in_backup.{name}") for name, is_so in is_outside.items() if is_so]


def back_up(
    settings: Settings, config_dir: Path, target: Path, *, now: dt.datetime, on_progress: Callable[[str], object]
) -> dict[str, Any]:
    """Write a backup and return its manifest. on_progress : called with each part. It appears whole or not at all.

    It is unpacked again before it appears: one that could not be restored never takes the place of earlier ones. What
    is to be encrypted lies beside the data alone while it is made, and not where the backup goes.
    """
    unfinished = target.with_name(target.name + ".part")
    target.parent.mkdir(parents=True, exist_ok=True)
    recipients = settings.backup.recipients
    try:
        beside = data_folder(settings) if recipients else target.parent
        make_folder(beside)
        with tempfile.TemporaryDirectory(dir=beside, prefix=".backup-") as folder:
            new_file(unfinished)
            archive = Path(folder) / "archive" if recipients else unfinished
            manifest = _archived(settings, config_dir, archive, Path(folder), now=now, on_progress=on_progress)
            _try_out(archive, Path(folder) / "tried", on_progress=on_progress)
            if recipients:
                encrypt(archive, unfinished, recipients)
            unfinished.replace(target)
    except BaseException:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
        raise
    return manifest


def _archived(
    settings: Settings,
    config_dir: Path,
    archive: Path,
    folder: Path,
    *,
    now: dt.datetime,
    on_progress: Callable[[str], object],
) -> dict[str, Any]:
    """Write an archive of everything, its manifest last; the manifest. folder : for copies of databases."""
    files: dict[str, dict[str, Any]] = {}
    manifest = {"format": FORMAT, "version": __version__, "made": now.isoformat(), "files": files}
    with tarfile.open(archive, "w:gz", compresslevel=1, dereference=True) as tar:
        for part in _parts(places(settings, config_dir), folder, secret_files(settings, config_dir)):
            on_progress(part.name)
            files[part.name] = _added(tar, part)
        if (key := sign_key_of(settings, config_dir)) is not None:
            manifest[SIGNATURE] = signature(manifest, key)
        content = json.dumps(manifest, indent=1).encode()
        entry = tarfile.TarInfo(MANIFEST)
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))
    return manifest


def _try_out(archive: Path, folder: Path, *, on_progress: Callable[[str], object]) -> dict[str, Any]:
    """Unpack an archive, read every page of its databases, and remove it again; its manifest. Raises BackupBroken."""
    folder.mkdir(mode=0o700)
    try:
        manifest = unpacked(archive, folder, on_progress=on_progress)
        for database in sorted(folder.glob("*.sqlite")):
            if (fault := fault_in(database)) is not None:
                raise BackupBroken.of("backup_part_damaged", archive=archive, name=database.name, fault=fault)
    finally:
        shutil.rmtree(folder)
    return manifest


def verify(
    backup: Path, key: Key, beside: Path, *, on_progress: Callable[[str], object] = lambda _: None
) -> dict[str, Any]:
    """Unpack a backup and check all that is in it, as if it were restored; its manifest.

    beside : a folder with room for it, in which nothing stays. Raises BackupBroken, InputError, OSError.
    """
    with tempfile.TemporaryDirectory(dir=beside, prefix=".restore-") as folder:
        manifest = _try_out(opened_by(backup, key, Path(folder)), Path(folder) / "tried", on_progress=on_progress)
    check_signed(backup, manifest, key)
    return manifest


class _Hashed:
    """A file whose content is hashed as it is read: what the manifest says is what the archive holds."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.sha256 = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """Read some bytes of the file."""
        block = self._file.read(size)
        self.sha256.update(block)
        return block


def _added(tar: tarfile.TarFile, part: BackupFile) -> dict[str, Any]:
    """Put a file into an archive; its entry in the manifest."""
    with part.path.open("rb") as file:
        member, content = tar.gettarinfo(arcname=part.name, fileobj=file), _Hashed(file)
        tar.addfile(member, cast("IO[bytes]", content))
    return {"sha256": content.sha256.hexdigest(), "bytes": member.size}


def _parts(paths: dict[str, Path], folder: Path, secrets: frozenset[Path]) -> Iterator[BackupFile]:
    """Yield every file but secrets, the databases as copies of one moment; those in front first."""
    for name, path in paths.items():
        if name.endswith(".sqlite") and path.exists():
            copy = folder / name
            _snapshot(path, copy)
            yield BackupFile(name, copy)
            copy.unlink()
        elif path.is_dir():
            for file in (file for file in files_below(path, _raised) if file.resolve() not in secrets):
                yield BackupFile(f"{name}/{file.relative_to(path)}", file)
        elif path.is_file():
            yield BackupFile(name, path)


def _raised(error: OSError) -> Never:
    """Raise the error: a folder that cannot be read is not an empty folder."""
    raise error


def _snapshot(source: Path, target: Path) -> None:
    """Copy a database. One that is damaged is no backup: night after night it would take the place of the good ones."""
    copy_database(source, target)
    if (fault := fault_in(target)) is not None:
        raise InputError.of("backup_none_made", why=Phrase("error.sqlite_damaged", {"where": source, "damage": fault}))


def restore(
    backup: Path, settings: Settings, config_dir: Path, key: Key = NO_KEY, *, on_progress: Callable[[str], object]
) -> dict[str, Any]:
    """Put a backup's files where the settings say; the manifest.

    Every file is held to its hash before anything is touched. Raises InputError where something lies there already,
    BackupBroken where a file is not what was written.
    """
    paths = places(settings, config_dir)
    present = [file for name, path in paths.items() if name != "config" for file in _with_logs(path) if file.exists()]
    if present:
        named = ", ".join(map(str, present))
        raise InputError.of("restore_there", named=named)
    make_folder(data_folder(settings))
    with tempfile.TemporaryDirectory(dir=data_folder(settings), prefix=".restore-") as folder:
        parts = Path(folder) / "parts"
        manifest = unpacked(opened_by(backup, key, Path(folder)), parts, on_progress=on_progress)
        check_signed(backup, manifest, key)
        for name, path in paths.items():
            unpacked_path = parts / name
            if name != "config" and unpacked_path.exists():
                make_folder(path.parent)
                if name.endswith(".sqlite"):
                    forget_commits(path)
                shutil.move(unpacked_path, path)
                hand_over(path)
    return manifest


def _with_logs(path: Path) -> list[Path]:
    """Return a path and the files that belong to it: SQLite reads any log beside a database into it."""
    return [path.with_name(path.name + end) for end in ("", "-wal", "-shm", "-journal")]


def unplaced(manifest: Mapping[str, Any], settings: Settings, config_dir: Path) -> list[str]:
    """List what a backup holds that has no place here: the state's file where the state has a database of its own."""
    paths = places(settings, config_dir)
    return sorted({name.partition("/")[0] for name in manifest["files"]} - paths.keys())


def unpacked(backup: Path, folder: Path, *, on_progress: Callable[[str], object]) -> dict[str, Any]:
    """Write the files that a backup's manifest names into a folder; the manifest.

    Nothing is written before every member is known to be a plain file that the manifest names, of the size that it
    names, and no file stays that is not what was written. Raises BackupBroken.
    """
    with _opened(backup) as tar:
        with _read(backup):
            members = _members(backup, tar)
            manifest = _manifest(backup, tar, members.pop(MANIFEST, None))
        _check_names(backup, members, manifest["files"])
        for name, member in members.items():
            on_progress(name)
            _extract(backup, tar, member, folder / name, manifest["files"][name]["sha256"])
    return manifest


@contextmanager
def _read(backup: Path) -> Iterator[None]:
    """Raise BackupBroken for whatever goes wrong in reading an archive, but for what the system says."""
    try:
        yield
    except (OSError, EOFError, zlib.error, tarfile.TarError, ValueError, OverflowError, RecursionError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise BackupBroken.of("backup_not_whole", backup=backup, error=error) from error


def _opened(backup: Path) -> tarfile.TarFile:
    with _read(backup):
        return tarfile.open(backup, "r:gz")


def _members(backup: Path, tar: tarfile.TarFile) -> dict[str, tarfile.TarInfo]:
    """Return every member by its name. Raises BackupBroken for links, devices, and names that lead elsewhere."""
    members: dict[str, tarfile.TarInfo] = {}
    while (member := tar.next()) is not None:
        is_file = member.type in {tarfile.REGTYPE, tarfile.AREGTYPE} and not member.issparse() and member.size >= 0
        parts = member.name.split("/")
        if not is_file or any(part in {"", ".", ".."} or "\0" in part for part in parts):
            raise BackupBroken.of("backup_strange_name", backup=backup, name=repr(member.name))
        if member.name in members:
            raise BackupBroken.of("backup_twice", backup=backup, name=repr(member.name))
        members[member.name] = member
    return members


def _manifest(backup: Path, tar: tarfile.TarFile, member: tarfile.TarInfo | None) -> dict[str, Any]:
    """Read the manifest in the form that this version knows. Raises BackupBroken."""
    if member is None or member.size > LARGEST_MANIFEST_BYTES:
        raise BackupBroken.of("backup_no_manifest", backup=backup, manifest=MANIFEST)
    content = tar.extractfile(member)
    manifest = json.loads(content.read().decode()) if content is not None else None
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        form = manifest.get("format") if isinstance(manifest, dict) else None
        raise BackupBroken.of("backup_form", backup=backup, form=repr(form), format=FORMAT)
    files = manifest.get("files")
    if not isinstance(files, dict) or not all(
        isinstance(entry, dict) and isinstance(entry.get("sha256"), str) and isinstance(entry.get("bytes"), int)
        for entry in files.values()
    ):
        raise BackupBroken.of("backup_manifest", backup=backup, manifest=MANIFEST)
    return manifest


def _check_names(backup: Path, members: Mapping[str, tarfile.TarInfo], files: Mapping[str, Mapping[str, Any]]) -> None:
    """Check that the members are the manifest's files, of the sizes that it says. Raises BackupBroken."""
    if missing := sorted(files.keys() - members.keys()):
        raise BackupBroken.of("backup_lacks", backup=backup, name=repr(missing[0]))
    if foreign := sorted(members.keys() - files.keys()):
        raise BackupBroken.of("backup_foreign", backup=backup, name=repr(foreign[0]), manifest=MANIFEST)
    for name, member in members.items():
        folders = (name[:at] for at, letter in enumerate(name) if letter == "/")
        if member.size != files[name]["bytes"] or any(folder in members for folder in folders):
            raise BackupBroken.of("backup_changed", backup=backup, name=name)


def _extract(backup: Path, tar: tarfile.TarFile, member: tarfile.TarInfo, path: Path, sha256: str) -> None:
    """Write a member as a new file, with its time, and without rights to be written by others. Raises BackupBroken."""
    path.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with path.open("xb") as file:
        for block in _blocks(backup, tar, member):
            digest.update(block)
            file.write(block)
    if digest.hexdigest() != sha256:
        path.unlink()
        raise BackupBroken.of("backup_changed", backup=backup, name=member.name)
    path.chmod(member.mode & 0o755 | 0o600)
    if 0 <= member.mtime < LATEST_S:
        os.utime(path, (member.mtime, member.mtime))


def _blocks(backup: Path, tar: tarfile.TarFile, member: tarfile.TarInfo) -> Iterator[bytes]:
    with _read(backup):
        content = tar.extractfile(member)
    while content is not None:
        with _read(backup):
            block = content.read(CHUNK_BYTES)
        if not block:
            return
        yield block
