"""The archive of reports in a folder: a folder a revision, which appears whole or not at all.

Files are written into a folder of their own beside the archive, synced, and moved into place by one rename.
"""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from bkkenergy.adapters.files import hand_over, make_folder, write_whole
from bkkenergy.ports.archive import ArchiveUnavailable, NotInArchive

STAGING = ".unfinished"


class FolderDraft:
    """Files of one try of a run, not visible yet."""

    def __init__(self, root: Path, folder: str) -> None:
        self.root, self.run_path = root, folder
        self.folder = root / STAGING / f"{_prefix(folder)}{uuid.uuid4().hex[:8]}"
        make_folder(self.folder)

    def write(self, name: str, content: bytes) -> str:
        """Add a file, synced to disk."""
        with (self.folder / name).open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        return f"{self.run_path}/{name}"

    def publish(self) -> None:
        """Publish the files by moving them into place. What an earlier try left there before it crashed is replaced."""
        target = self.root / self.run_path
        make_folder(target.parent)
        hand_over(self.folder)
        if target.exists():
            target.rename(self.folder.with_suffix(".replaced"))
        self.folder.rename(target)
        for folder in (target, target.parent):
            _sync(folder)
        self.drop()

    def drop(self) -> None:
        """Delete what is not published."""
        for folder in (self.folder, self.folder.with_suffix(".replaced")):
            shutil.rmtree(folder, ignore_errors=True)


class FolderArchive:
    """The archive below a folder of this host."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def where(self) -> str:
        """The folder."""
        return str(self.root)

    def draft(self, folder: str) -> FolderDraft:
        """Begin to write a run's files."""
        return FolderDraft(self.root, folder)

    def read(self, path: str) -> bytes:
        """Return the content of a file. Raises NotInArchive, ArchiveUnavailable."""
        try:
            return (self.root / path).read_bytes()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
            raise NotInArchive(str(error)) from None
        except OSError as error:
            raise ArchiveUnavailable(str(error)) from None

    def put(self, path: str, content: bytes) -> None:
        """Write a file that another archive has. Raises ArchiveUnavailable."""
        try:
            write_whole(self.root / path, content)
        except OSError as error:
            raise ArchiveUnavailable(str(error)) from None

    def sweep(self, running: Callable[[], Iterable[str]]) -> int:
        """Remove what processes left unfinished when they died."""
        staging = self.root / STAGING
        folders = list(staging.iterdir()) if staging.exists() else []
        if not folders:
            return 0
        prefixes = tuple(map(_prefix, running()))
        left = [folder for folder in folders if not folder.name.startswith(prefixes)]
        for folder in left:
            shutil.rmtree(folder, ignore_errors=True)
        return len(left)

    def probe(self) -> None:
        """Write a file, read it back and remove it. Raises ArchiveUnavailable."""
        path = self.root / STAGING / f"probe-{uuid.uuid4().hex[:8]}"
        try:
            make_folder(path.parent)
            path.write_bytes(path.name.encode())
            if self.read(f"{STAGING}/{path.name}") != path.name.encode():
                raise ArchiveUnavailable.of("archive_reads_back_other", where=self.where)
        except (OSError, NotInArchive) as error:
            raise ArchiveUnavailable(str(error)) from None
        finally:
            with suppress(OSError):
                path.unlink(missing_ok=True)


def _prefix(folder: str) -> str:
    """Return how names of a run's drafts begin."""
    return f"{folder.replace('/', '_')}_"


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
