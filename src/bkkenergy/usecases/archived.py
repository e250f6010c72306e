"""Files of the archive, as the ledger of runs names them: written, read, and copied from one archive to another."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence

import structlog

from bkkenergy.adapters.state import StateStore
from bkkenergy.adapters.state.runs import Artefact, Run, RunQueue
from bkkenergy.calendar import Period
from bkkenergy.errors import NotThere, UnavailableError
from bkkenergy.ports.archive import ArchiveDraft, NotInArchive, ReportArchive
from bkkenergy.recipients import ENERGY

log = structlog.get_logger(__name__)


def folder_of(run: Run) -> str:
    """Return the folder of a run's files in the archive."""
    return f"{run.agency}/{run.period}/r{run.revision}"


def written(
    draft: ArchiveDraft, name: str, form: str, lang: str, content: bytes, *, document: str = ENERGY
) -> Artefact:
    """Add a file to a run's draft; return it as the ledger of runs names it. Raises ArchiveUnavailable, OSError."""
    digest = hashlib.sha256(content).hexdigest()
    path = draft.write(name, content)
    return Artefact(document=document, form=form, lang=lang, path=path, size_bytes=len(content), sha256=digest)


def file_of_run(engine: StateStore, path: str) -> Artefact:
    """Return the file of a closed run that has this path in the archive. Raises NotThere for any other."""
    agency, slug, *_ = *path.split("/"), "", ""
    try:
        period = Period.of(slug)
    except ValueError:
        raise NotThere from None
    queue = RunQueue(engine, "archive")
    files = queue.artefacts(queue.runs(agency=agency, period=period, state="done")).values()
    named = next((file for of_run in files for file in of_run if file.path == path), None)
    if named is None:
        raise NotThere
    return named


def archived_file(archive: ReportArchive, file: Artefact) -> bytes:
    """Read a file that the ledger of runs names. Raises UnavailableError where it is not there, or is another one."""
    return archived_content(archive, file.path, file.sha256)


def archived_content(archive: ReportArchive, path: str, sha256: str) -> bytes:
    """Read a file of the archive. Raises UnavailableError where it is not there, or not what hashes to that."""
    try:
        content = archive.read(path)
    except NotInArchive as error:
        log.warning("archive_file_missing", path=path, error=str(error))
        raise UnavailableError.of("archive_file", path=path) from None
    if hashlib.sha256(content).hexdigest() != sha256:
        log.warning("archive_file_changed", path=path, where=archive.where)
        raise UnavailableError.of("archive_file_changed", path=path)
    return content


def copied(
    source: ReportArchive, target: ReportArchive, files: Sequence[Artefact], on_file: Callable[[], object]
) -> Mapping[str, int]:
    """Copy files that the target lacks, and read each back; how many were copied, there, or missing in both.

    Can be ended and begun again at any time. Raises ArchiveUnavailable.
    """
    counts = {"copied": 0, "there": 0, "missing": 0}
    for file in files:
        if is_as_written(target, file):
            counts["there"] += 1
        elif (content := _content(source, file)) is not None:
            target.put(file.path, content)
            counts["copied" if is_as_written(target, file) else "missing"] += 1
        else:
            counts["missing"] += 1
        on_file()
    return counts


def is_as_written(archive: ReportArchive, file: Artefact) -> bool:
    """Return whether the archive has a file as it was written. Raises ArchiveUnavailable."""
    return _content(archive, file) is not None


def _content(archive: ReportArchive, file: Artefact) -> bytes | None:
    """Return a file's content; None where it is missing or another one. Raises ArchiveUnavailable."""
    try:
        content = archive.read(file.path)
    except NotInArchive:
        return None
    return content if hashlib.sha256(content).hexdigest() == file.sha256 else None
