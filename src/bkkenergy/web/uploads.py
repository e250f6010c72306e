"""Forms with a file: from our own pages alone, and looked at by the virus scanner where one is set."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Annotated

from fastapi import Depends, Request
from fastapi.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile

from bkkenergy.adapters.virusscanner import virus_in
from bkkenergy.errors import InputError
from bkkenergy.web.bodies import MAX_BODY_BYTES
from bkkenergy.web.budgets import HeavyWork
from bkkenergy.web.security import MAX_FORM_FIELDS, PageVisitor, Visitor, own_form

MAX_NAME = 255


def decoded(text: str) -> bytes:
    """Return what a form carries as base64; nothing where it is none."""
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return b""


async def posted_upload(request: Request) -> AsyncIterator[FormData]:
    """Read a form that was sent, with one file, or with what a file had; its file is closed after the answer."""
    async with request.form(max_files=1, max_fields=MAX_FORM_FIELDS, max_part_size=MAX_BODY_BYTES) as form:
        yield form


async def own_upload(
    request: Request, visitor: PageVisitor, form: Annotated[FormData, Depends(posted_upload)]
) -> FormData:
    """Check that this user's page sent the form with a file, and no other page, and that no virus is known in it."""
    return await scanned(request, visitor, own_form(visitor, form))


async def scanned(
    request: Request, visitor: Visitor, form: FormData, unpacked: Callable[[str], bytes] = decoded
) -> FormData:
    """Return a form whose file the virus scanner has looked at, where one is set, or what it carries of a file.

    A user holds one turn and two are for all: a scanner that does not answer takes no more of the threads that pages
    need. Raises InputError for a known virus, ScannerUnavailable where none can be asked: no file is taken then.
    """
    scanner = visitor.here.settings.web.virus_scanner
    scans: HeavyWork = request.app.state.scans
    for name, content in _files(form, unpacked) if scanner else ():
        async with scans.turn(visitor.account.id):
            await run_in_threadpool(_refuse_virus, visitor, scanner, name, content)
    return form


def _files(form: FormData, unpacked: Callable[[str], bytes]) -> Iterator[tuple[str, bytes]]:
    """Yield what is in the files of a form, and what it carries of a file that was sent before."""
    for _, upload in form.multi_items():
        if isinstance(upload, UploadFile) and upload.size:
            content = upload.file.read()
            upload.file.seek(0)
            yield upload.filename or "", content
    if content := unpacked(str(form.get("content", ""))):
        yield str(form.get("file_name") or form.get("name") or ""), content


def _refuse_virus(visitor: Visitor, scanner: str, name: str, content: bytes) -> None:
    if virus := virus_in(scanner, content)[:MAX_NAME]:
        visitor.noted("refuse_file", name[:MAX_NAME], virus=virus)
        raise InputError.of("file_virus", virus=virus)
