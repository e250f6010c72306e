"""An office program on the server, where there is one: it prints documents that were made of an agency's template."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
from contextlib import suppress
from pathlib import Path

from bkkenergy.adapters.heldfolder import HeldFolder
from bkkenergy.errors import InputError

PROGRAMS = ("soffice", "libreoffice")
MAX_WALL_S, MAX_CPU_S, MAX_MEMORY_KB = 60.0, 60, 4 << 20
"""A memorandum of a page takes some two seconds and 300 MB; the bound is of addresses, of which it reserves more."""
BOUNDED = 'ulimit -t "$1"; ulimit -v "$2"; shift 2; exec "$@"'
ONE_AT_A_TIME = threading.Lock()


def office_program() -> str | None:
    """Return where LibreOffice is installed; None where it is not."""
    return next((path for name in PROGRAMS if (path := shutil.which(name))), None)


def office_pdf(document: bytes, program: str, *, max_wall_s: float = MAX_WALL_S) -> bytes:
    """Print a DOCX by an office program, in a folder and with settings that are made for this document alone.

    Raises InputError where it takes too long, ends with a fault or prints nothing.
    """
    with ONE_AT_A_TIME:
        folder = HeldFolder("bkkenergy-print-")
        try:
            return _printed(document, program, folder.path, max_wall_s)
        finally:
            folder.remove()


def _printed(document: bytes, program: str, folder: Path, max_wall_s: float) -> bytes:
    source = folder / "document.docx"
    source.write_bytes(document)
    settings = f"-env:UserInstallation={(folder / 'settings').as_uri()}"
    options = ["--headless", "--norestore", "--convert-to", "pdf", "--outdir", str(folder)]
    _run([program, settings, *options, str(source)], folder, max_wall_s)
    printed = source.with_suffix(".pdf")
    if not printed.is_file():
        raise InputError.of("memo_not_printed")
    return printed.read_bytes()


def _run(asked: list[str], home: Path, max_wall_s: float) -> None:
    """Run a program within bounds, and end it with all that it started. One that was ended may have printed a part."""
    bounded = ["/bin/sh", "-c", BOUNDED, "sh", str(MAX_CPU_S), str(MAX_MEMORY_KB), *asked]
    given = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(home), "TMPDIR": str(home), "LANG": "C.UTF-8"}
    quiet = subprocess.DEVNULL
    with subprocess.Popen(  # noqa: S603 - a program that the operator installed, no shell reads the document's name
        bounded, cwd=home, env=given, stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True
    ) as process:
        try:
            if process.wait(max_wall_s) != 0:
                raise InputError.of("memo_not_printed")
        except subprocess.TimeoutExpired:
            raise InputError.of("memo_not_printed") from None
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
