"""The text of a PDF, read in a process of its own with bounds on memory, time and size: a PDF is a stranger's program.

The process is this module run by itself; it opens no file but what came with it, writes none, and says what it read as
JSON.
"""

from __future__ import annotations

import io
import json
import resource
import subprocess
import sys
from pathlib import Path

from bkkenergy.errors import InputError
from bkkenergy.texts import Phrase

MAX_FILE_BYTES = 20 << 20
MAX_PAGES = 40
MAX_CHARACTERS = 400_000
MAX_MEMORY_BYTES = 1 << 30
MAX_CPU_S = 20
MAX_WAIT_S = 60.0


def pdf_text(path: Path, *, wait_s: float = MAX_WAIT_S) -> str:
    """Return the text of a PDF, lines as they stand on its pages.

    Raises InputError where it is none, is locked, has pictures instead of text, or takes more than the bounds.
    """
    if path.stat().st_size > MAX_FILE_BYTES:
        raise InputError.of("pdf_large", path=path, max=MAX_FILE_BYTES >> 20)
    try:
        done = subprocess.run(  # noqa: S603 - this very module, by this very interpreter
            [sys.executable, "-I", "-m", __name__],
            input=path.read_bytes(),
            capture_output=True,
            timeout=wait_s,
            check=False,
            env={"PYTHONIOENCODING": "utf-8"},
        )
    except subprocess.TimeoutExpired:
        raise InputError.of("pdf_slow", path=path, wait_s=f"{wait_s:.0f}") from None
    if done.returncode != 0:
        raise InputError.of("pdf_bounds", path=path, max_cpu_s=MAX_CPU_S, max=MAX_MEMORY_BYTES >> 20)
    said: dict[str, str] = json.loads(done.stdout)
    if "why" in said:
        raise InputError.of("pdf_why", path=path, why=Phrase(f"pdf.{said.pop('why')}", said))
    return said["text"]


def _bound() -> None:
    """Bound this process: memory, time of the processor, files."""
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (MAX_CPU_S, MAX_CPU_S))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _read(data: bytes) -> dict[str, str]:
    """Return the text, or why there is none: a key under [pdf] of the catalogues, with its values."""
    import pypdf  # noqa: PLC0415 - only this process needs it
    from pypdf.errors import PyPdfError  # noqa: PLC0415

    try:
        reader = pypdf.PdfReader(io.BytesIO(data))
        if reader.is_encrypted and not reader.decrypt(""):
            return {"why": "locked"}
        if len(reader.pages) > MAX_PAGES:
            return {"why": "pages", "count": str(len(reader.pages)), "most": str(MAX_PAGES)}
        pages = [page.extract_text(extraction_mode="layout") for page in reader.pages]
    except MemoryError:
        return {"why": "memory", "megabytes": str(MAX_MEMORY_BYTES >> 20)}
    except (PyPdfError, ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError, OSError) as error:
        return {"why": "unreadable", "error": type(error).__name__}
    text = "\n".join(pages)[:MAX_CHARACTERS].replace("\0", "")
    if not text.strip():
        return {"why": "picture"}
    return {"text": text}


if __name__ == "__main__":
    _bound()
    json.dump(_read(sys.stdin.buffer.read()), sys.stdout)
