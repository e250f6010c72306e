"""What every archive of reports promises: what the ledger of runs names is read as it was written, or it is said."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from bkkenergy.errors import BkkEnergyError, UnavailableError


class ArchiveUnavailable(UnavailableError):
    """The archive does not answer, or denies us what we ask. Trying again later can help."""


class NotInArchive(BkkEnergyError):
    """The archive answers, and has no such file."""


class ArchiveDraft(Protocol):
    """The files of one try of a run. They are not seen before the ledger of runs names them."""

    def write(self, name: str, content: bytes) -> str:
        """Add a file, durably, and return its path in the archive. Raises ArchiveUnavailable, OSError."""

    def publish(self) -> None:
        """Put the files where their paths say. What another try wrote is never what these paths give."""

    def drop(self) -> None:
        """Delete what is not published; raises nothing."""


class ReportArchive(Protocol):
    """Files of finished runs, by paths of four parts: agency, period, revision, name."""

    @property
    def where(self) -> str:
        """The folder, or the bucket with its server, for people."""

    def draft(self, folder: str) -> ArchiveDraft:
        """Begin to write a run's files. folder : `agency/period/rN`."""

    def read(self, path: str) -> bytes:
        """Return the content of a file. Raises NotInArchive, ArchiveUnavailable."""

    def put(self, path: str, content: bytes) -> None:
        """Write a file that another archive has at this path. Raises ArchiveUnavailable."""

    def sweep(self, running: Callable[[], Iterable[str]]) -> int:
        """Remove what processes left unfinished when they died; return how many runs' drafts.

        running : folders of runs at work, which stay; asked after the drafts were listed, so that a run which another
        process begins now is not swept away.
        """

    def probe(self) -> None:
        """Write a file, read it back and remove it. Raises ArchiveUnavailable with the cause."""
