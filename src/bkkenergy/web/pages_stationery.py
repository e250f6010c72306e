"""The page of an agency's memoranda: template, seal and standing terms, a preview, and who changed what."""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.datastructures import FormData, UploadFile

from bkkenergy.adapters.memotemplate import PLACES
from bkkenergy.calendar import BANGKOK
from bkkenergy.errors import InputError, NotThere
from bkkenergy.reports.papers.memodocx import standard_template
from bkkenergy.reports.render.browser import PrintFailed, drawn_by_browser
from bkkenergy.usecases.stationery import (
    SEAL,
    TEMPLATE,
    MemoTerms,
    reset_stationery,
    stationery_entered,
    stationery_versions,
    store_seal,
    store_template,
    store_terms,
)
from bkkenergy.web.budgets import HEAVY_PAGE
from bkkenergy.web.pages_imports import own_file, plain_name
from bkkenergy.web.papers import file_response
from bkkenergy.web.render import page
from bkkenergy.web.security import OwnForm, PageVisitor, Visitor

router = APIRouter(default_response_class=HTMLResponse)


@router.get("/agencies/{agency}/memo")
def stationery_page(agency: str, visitor: PageVisitor) -> Response:
    """Show what an agency's memoranda are made with."""
    _need_agency(visitor, agency)
    return _page(visitor, agency)


@router.get("/agencies/{agency}/memo/template")
def template_to_edit(agency: str, visitor: PageVisitor) -> Response:
    """Return the template that counts now, to be edited: the agency's, or the standard one."""
    _need_agency(visitor, agency)
    entered = stationery_entered(visitor.here.opened.state, agency).template
    content = standard_template(visitor.lang) if entered is None else entered.content
    return file_response("memo.docx" if entered is None else f"{agency}_memo.docx", content, "docx")


@router.post("/agencies/{agency}/memo/{part}/file", dependencies=HEAVY_PAGE)
async def give_file(
    agency: str, part: str, visitor: PageVisitor, form: Annotated[FormData, Depends(own_file)]
) -> Response:
    """Take a template or a seal; it is looked at before it is stored."""
    _need_agency(visitor, agency)
    visitor.need("edit", agency)
    if part not in {TEMPLATE, SEAL}:
        raise NotThere
    upload = form.get("file")
    if not isinstance(upload, UploadFile) or not upload.filename:
        return await run_in_threadpool(_page, visitor, agency, visitor.words("record.list_no_file"))
    name, content, here = plain_name(upload.filename), await upload.read(), visitor.here

    def store() -> None:
        if part == TEMPLATE:
            store_template(here.opened.state, visitor.actor, agency, name, content, here.clock())
        else:
            store_seal(here.opened.state, visitor.actor, agency, name, content, here.clock(), drawn_by_browser)

    return await run_in_threadpool(_done, visitor, agency, store)


@router.post("/agencies/{agency}/memo/terms")
def give_terms(agency: str, visitor: PageVisitor, form: OwnForm) -> Response:
    """Take what stands on every memorandum."""
    _need_agency(visitor, agency)
    visitor.need("edit", agency)
    to, signer, position = (str(form.get(name, "")).strip() for name in ("to", "signer", "position"))
    terms = MemoTerms(to, signer, position, "thai_digits" in form)
    here = visitor.here
    return _done(visitor, agency, lambda: store_terms(here.opened.state, visitor.actor, agency, terms, here.clock()))


@router.post("/agencies/{agency}/memo/{part}/reset")
def reset(agency: str, part: str, visitor: PageVisitor, _form: OwnForm) -> Response:
    """Take a part back to the standard one."""
    _need_agency(visitor, agency)
    visitor.need("edit", agency)
    here = visitor.here
    return _done(
        visitor, agency, lambda: reset_stationery(here.opened.state, visitor.actor, agency, part, here.clock())
    )


def _done(visitor: Visitor, agency: str, change: Callable[[], None]) -> Response:
    try:
        change()
    except (InputError, PrintFailed) as why:
        return _page(visitor, agency, why.said(visitor.lang) if isinstance(why, InputError) else str(why))
    return RedirectResponse(f"/agencies/{agency}/memo", 303)


def _need_agency(visitor: Visitor, agency: str) -> None:
    if agency not in visitor.here.portfolio.agencies:
        raise NotThere
    visitor.need("see", agency)


def _page(visitor: Visitor, agency: str, fault: str = "") -> Response:
    here, state = visitor.here, visitor.here.opened.state
    entered = stationery_entered(state, agency)
    return page(
        visitor,
        "memo_terms.html.j2",
        title=visitor.words("stationery.title"),
        agency=here.portfolio.agencies[agency],
        fault=fault,
        may=visitor.account.may("edit", agency),
        entered=entered,
        seal=f"data:image/png;base64,{base64.b64encode(entered.seal).decode()}" if entered.seal else "",
        places=PLACES,
        versions=stationery_versions(state, visitor.actor, agency),
        instant=lambda us: dt.datetime.fromtimestamp(us / 1e6, BANGKOK),
        month=f"{here.today.replace(day=1) - dt.timedelta(days=1):%Y-%m}",
        status=422 if fault else 200,
    )
