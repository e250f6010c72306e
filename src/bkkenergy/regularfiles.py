"""Files that can be read to their end: regular ones within a bound. A pipe may never begin, and a device never ends."""

from __future__ import annotations

import lzma
import stat
import struct
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

from bkkenergy.errors import Fault, InputError

MAX_TEXT_BYTES = 32 << 20
"""Of a file of TOML, or of a secret: a thousand buildings with their history are 5 MB."""
MAX_DATA_BYTES = 512 << 20
MAX_INFLATED_BYTES = 256 << 20
BROKEN_DATA = (zlib.error, lzma.LZMAError, OSError, EOFError)
"""What damaged compressed data raise while they are inflated."""
BROKEN_ZIP = (*BROKEN_DATA, zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError, KeyError, struct.error)
"""What a damaged or locked archive raises."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Why a file is not read. key : of its text under [error] and [fault] of the catalogues."""

    path: Path
    key: str
    reason: str = ""

    @property
    def fault(self) -> Fault:
        """The fault of a file of the configuration."""
        return Fault.of(self.key, str(self.path), reason=self.reason)

    @property
    def error(self) -> InputError:
        """The error of a file that a person names."""
        return InputError.of(self.key, path=self.path, reason=self.reason)


def why_unreadable(path: Path, max_bytes: int) -> Unreadable | None:
    """Return why a file that is there is not read; None where it is, or is not there."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    except OSError as error:
        return Unreadable(path, "file_error", error.strerror or str(error))
    if not stat.S_ISREG(status.st_mode):
        return Unreadable(path, "file_not_regular")
    if status.st_size > max_bytes:
        return Unreadable(path, "file_too_large", f"{max_bytes >> 20}")
    return None


def need_small_archive(path: Path, max_bytes: int = MAX_INFLATED_BYTES) -> Path:
    """Return the path of a workbook that inflates within a bound. Raises InputError; one that is none is let through.

    No reader inflates more of a part than the archive says that it has.
    """
    need_regular(path)
    try:
        with zipfile.ZipFile(path) as archive:
            inflated_bytes = sum(part.file_size for part in archive.infolist())
    except BROKEN_ZIP:
        return path
    if inflated_bytes > max_bytes:
        raise Unreadable(path, "file_inflates", f"{max_bytes >> 20}").error
    return path


def need_regular(path: Path, max_bytes: int = MAX_DATA_BYTES) -> Path:
    """Return a path whose file can be read to its end, or is not there. Raises InputError."""
    if why := why_unreadable(path, max_bytes):
        raise why.error
    return path
