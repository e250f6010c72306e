"""The archive of reports: a folder a revision, which appears whole or not at all.

Files are written into a folder of their own beside the archive, synced, and moved into place by one rename.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path

from bkkenergy.adapters.files import hand_over, make_folder
from bkkenergy.adapters.state.runs import Artefact, Run
from bkkenergy.recipients import ENERGY

STAGING = ".unfinished"


def place_of(run: Run) -> str:
    """Return the folder of a run's files under the archive."""
    return f"{run.agency}/{run.period}/r{run.revision}"


class Staged:
    """Files of one try of a run, not visible yet."""

    def __init__(self, root: Path, run: Run) -> None:
        self.root, self.run_path = root, place_of(run)
        self.folder = root / STAGING / f"{run.agency}_{run.period}_r{run.revision}_{uuid.uuid4().hex[:8]}"
        make_folder(self.folder)
        self.artefacts: list[Artefact] = []

    def write(self, name: str, form: str, lang: str, content: bytes, *, document: str = ENERGY) -> None:
        """Add a file, synced to disk."""
        with (self.folder / name).open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        digest = hashlib.sha256(content).hexdigest()
        path = f"{self.run_path}/{name}"
        self.artefacts.append(
            Artefact(document=document, form=form, lang=lang, path=path, size_bytes=len(content), sha256=digest)
        )

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


def sweep(root: Path, running: Callable[[], Iterable[Run]]) -> int:
    """Remove what processes left unfinished when they died; how many folders. Runs still at work keep theirs.

    running : asked after the folders were listed, so that a run which another process begins now is not swept away.
    """
    staging = root / STAGING
    folders = list(staging.iterdir()) if staging.exists() else []
    if not folders:
        return 0
    prefixes = tuple(f"{run.agency}_{run.period}_r{run.revision}_" for run in running())
    left = [folder for folder in folders if not folder.name.startswith(prefixes)]
    for folder in left:
        shutil.rmtree(folder, ignore_errors=True)
    return len(left)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
