"""The archive of reports in a bucket of an S3-compatible object store, which all hosts read alike.

An object appears whole or not at all. Those of a run are written where they stay, below a folder of their own for each
try, so that a process which lost its lease never writes over what another one published. No reader looks for them
before the ledger of runs names them. What a crash leaves there stays: nothing is deleted on the word of one witness.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import timedelta

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from bkkenergy.ports.archive import ArchiveUnavailable, NotInArchive
from bkkenergy.settings import ArchiveSettings

RETRIES = 2
NO_BUCKET = "NoSuchBucket"
PROBES = ".unfinished"


class ObjectDraft:
    """Objects of one try of a run, which no ledger names yet."""

    def __init__(self, archive: ObjectArchive, folder: str) -> None:
        self._archive, self._folder = archive, f"{folder}-{uuid.uuid4().hex[:8]}"
        self._written: list[str] = []

    def write(self, name: str, content: bytes) -> str:
        """Add an object; the store has it durably when it answers."""
        path = f"{self._folder}/{name}"
        self._archive.put(path, content)
        self._written.append(path)
        return path

    def publish(self) -> None:
        """Leave the objects where they are: the ledger of runs names them now."""
        self._written.clear()

    def drop(self) -> None:
        """Delete what is not published, as far as the store answers."""
        with suppress(ArchiveUnavailable):
            self._archive.delete(self._written)
        self._written.clear()


class ObjectArchive:
    """The archive in a bucket. settings : with kind "s3"."""

    def __init__(self, settings: ArchiveSettings) -> None:
        self._settings = settings
        self._store = opened_store(settings)

    @property
    def where(self) -> str:
        """The bucket and its server."""
        return f"{self._settings.endpoint or 'AWS'}/{self._settings.bucket}"

    def draft(self, folder: str) -> ObjectDraft:
        """Begin to write a run's objects."""
        return ObjectDraft(self, folder)

    def put(self, path: str, content: bytes) -> None:
        """Write an object, which appears whole. Raises ArchiveUnavailable."""
        try:
            obstore.put(self._store, path, content, use_multipart=False)
        except (BaseError, OSError) as error:
            raise self._unavailable(error) from None

    def read(self, path: str) -> bytes:
        """Return the content of an object. Raises NotInArchive, ArchiveUnavailable."""
        try:
            return bytes(obstore.get(self._store, path).bytes())
        except FileNotFoundError as error:
            if NO_BUCKET in str(error):
                raise self._unavailable(error) from None
            raise NotInArchive.of("object_gone", where=self.where, path=path) from None
        except (BaseError, OSError) as error:
            raise self._unavailable(error) from None

    def delete(self, paths: list[str]) -> None:
        """Delete objects. Raises ArchiveUnavailable."""
        if not paths:
            return
        try:
            obstore.delete(self._store, paths)
        except (BaseError, OSError) as error:
            raise self._unavailable(error) from None

    def sweep(self, running: Callable[[], Iterable[str]]) -> int:  # noqa: ARG002 - as other archives have it
        """Do nothing: see above."""
        return 0

    def probe(self) -> None:
        """Write an object, read it back and delete it. Raises ArchiveUnavailable with the cause."""
        path, content = f"{PROBES}/probe-{uuid.uuid4().hex}", uuid.uuid4().bytes
        self.put(path, content)
        try:
            if self.read(path) != content:
                raise ArchiveUnavailable.of("object_reads_back_other", where=self.where)
        except NotInArchive as error:
            raise ArchiveUnavailable(str(error)) from None
        finally:
            self.delete([path])

    def _unavailable(self, error: Exception) -> ArchiveUnavailable:
        """Return the error that says what the store answered, on one line."""
        return ArchiveUnavailable.of(
            "object_store", where=self.where, why=" ".join(str(error).split("Debug source:")[0].split())[:400]
        )


def opened_store(settings: ArchiveSettings) -> S3Store:
    """Return a bucket as its library knows it."""
    key = settings.secret_key
    return S3Store(
        settings.bucket,
        endpoint=settings.endpoint or None,
        region=settings.region,
        access_key_id=settings.access_key_id,
        secret_access_key=key.get_secret_value() if key else None,
        virtual_hosted_style_request=not settings.endpoint,
        client_options={
            "allow_http": settings.endpoint.startswith("http://"),
            "timeout": timedelta(seconds=settings.timeout_s),
        },
        retry_config={"max_retries": RETRIES, "retry_timeout": timedelta(seconds=settings.timeout_s)},
    )
