"""Pages of paper bills: out of a file that is looked at first, or one by hand; listed, and removed with a reason."""

from __future__ import annotations

import base64
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.datastructures import FormData, UploadFile

from bkkenergy.adapters.state.paperbills import EnteredBill
from bkkenergy.errors import BkkEnergyError, ConfigError, InputError, NotThere
from bkkenergy.ingest.paper.bill import bill_of_fields, days_of_bill
from bkkenergy.ingest.paper.fields import FIELDS
from bkkenergy.ingest.paper.mapping import BillMapping, load_bill_mapping, save_bill_mapping
from bkkenergy.ingest.paper.read import BillFile, read_bills
from bkkenergy.portfolio.more import ElectricityAccount
from bkkenergy.reports.billwords import item_name, why_said
from bkkenergy.site.folder import mappings_folder
from bkkenergy.tariff.paper import PaperBill, billed_kw, faults_within
from bkkenergy.tomlfiles import validated
from bkkenergy.usecases.bills import read_day_of
from bkkenergy.usecases.paperbills import (
    agencies_of_account,
    checked_bill,
    enter_bills,
    list_bills,
    remove_bill,
)
from bkkenergy.web.budgets import HEAVY_PAGE
from bkkenergy.web.render import page
from bkkenergy.web.security import OwnForm, PageVisitor, Visitor
from bkkenergy.web.uploads import decoded, own_upload

router = APIRouter(prefix="/accounts/{account}/bills", default_response_class=HTMLResponse)
SUFFIXES = frozenset({".xlsx", ".csv", ".txt", ".tsv", ".pdf"})
STEM = "bills"
"""What a file is called while it is read."""
BY_HAND = ("month", "from", "to", "kwh", "kwh_on_peak", "kwh_off_peak", "kw", "kvar", "total", "number")


@dataclass(frozen=True, slots=True)
class SentBills:
    """A file of bills as it came, with what the person said of its columns."""

    name: str = ""
    content: bytes = b""
    columns: Mapping[str, str] = field(default_factory=dict)
    replaces: bool = False


async def sent_bills(form: Annotated[FormData, Depends(own_upload)]) -> SentBills:
    """Return the file that a form of ours sends, or what it sent before."""
    upload = form.get("file")
    if isinstance(upload, UploadFile) and upload.filename:
        name, content = upload.filename, await upload.read()
    else:
        name, content = str(form.get("name", "")), decoded(str(form.get("content", "")))
    headings = {key.removesuffix(".heading"): str(text) for key, text in form.items() if key.endswith(".heading")}
    columns = {heading: str(form.get(f"{number}.field", "")) for number, heading in headings.items()}
    return SentBills(name[:200], content, columns, form.get("replaces") == "1")


def _account(visitor: Visitor, key: str) -> ElectricityAccount:
    """Return an account that the visitor may see; any other is not found."""
    account = visitor.here.portfolio.accounts.get(key)
    if account is None:
        raise NotThere
    visitor.need("see", *agencies_of_account(visitor.here.portfolio, account))
    return account


@router.get("")
def bills_page(account: str, visitor: PageVisitor) -> Response:
    """Show the paper bills of an account, and forms for more."""
    return _page(visitor, _account(visitor, account))


def _page(visitor: Visitor, account: ElectricityAccount, fault: str = "", **shown: Any) -> Response:
    here, words = visitor.here, visitor.words
    values: dict[str, Any] = {"sent": SentBills(), "content": "", "read": None, "columns": [], "contrary": []}
    entered = list_bills(here.opened.state, visitor.actor, here.portfolio, account.id, with_removed=True)
    return page(
        visitor,
        "bills.html.j2",
        title=words("paper_bill.title", number=account.number),
        status=422 if fault else 200,
        account=account,
        entered=entered[::-1],
        may_edit=visitor.actor.may("edit"),
        fault=fault,
        fields=FIELDS,
        by_hand=BY_HAND,
        **(values | {"given": {}} | shown),
    )


@router.post("/upload", dependencies=HEAVY_PAGE)
def upload(
    account: str, visitor: PageVisitor, sent: Annotated[SentBills, Depends(sent_bills)], do: str = "look"
) -> Response:
    """Look at a file of bills, or enter what it has: all of it or nothing."""
    chosen = _account(visitor, account)
    visitor.need("edit")
    if not sent.content:
        return _page(visitor, chosen, visitor.words("record.list_no_file"))
    shown: dict[str, Any] = {"sent": sent, "content": base64.b64encode(sent.content).decode()}
    mapping, faults = validated(BillMapping, {"columns": dict(sent.columns)}, "columns")
    if mapping is None:
        return _page(visitor, chosen, ConfigError(faults).said(visitor.lang), **shown)
    try:
        mapping = mapping.over(_remembered(visitor, chosen, sent))
        read = _read(visitor, chosen, sent, mapping)
    except BkkEnergyError as error:
        return _page(visitor, chosen, _said(visitor, error, sent.name), **shown)
    shown |= {"read": read, "columns": _columns(read), "contrary": [faults_within(bill) for _, bill in read.bills]}
    if read.refused:
        return _page(visitor, chosen, visitor.words("paper_bill.refused", count=len(read.refused)), **shown)
    if do != "enter":
        return _page(visitor, chosen, **shown)
    return _entered(visitor, chosen, [bill for _, bill in read.bills], sent.name, sent.replaces, mapping, **shown)


def _saved(visitor: Visitor, account: ElectricityAccount) -> BillMapping:
    """Return what was said of the columns of this utility's files before."""
    try:
        return load_bill_mapping(mappings_folder(visitor.here.settings), f"app-{account.utility}")
    except InputError:
        return BillMapping()


def _remembered(visitor: Visitor, account: ElectricityAccount, sent: SentBills) -> BillMapping:
    """Return what was said before of headings that this file has: a file of other headings is read as it is."""
    saved = _saved(visitor, account)
    if not saved.columns:
        return saved
    try:
        plain = _read(visitor, account, sent, BillMapping())
    except BkkEnergyError:
        return saved
    headings = {*plain.taken.values(), *plain.left_out}
    return BillMapping(columns={heading: name for heading, name in saved.columns.items() if heading in headings})


def _read(visitor: Visitor, account: ElectricityAccount, sent: SentBills, mapping: BillMapping) -> BillFile:
    suffix = Path(sent.name).suffix.lower()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{STEM}{suffix if suffix in SUFFIXES else '.csv'}"
        path.write_bytes(sent.content)
        return read_bills(
            path,
            mapping,
            account=account.number,
            this_year=visitor.here.today.year,
            days_of_month=partial(days_of_bill, read_day_of(visitor.here.opened, account, visitor.here.today)),
        )


def _said(visitor: Visitor, error: BkkEnergyError, name: str) -> str:
    """Return what is wrong, with the file's own name instead of a path that the person does not know."""
    return re.sub(rf"\S*/{STEM}\.\w+", lambda _: name, error.said(visitor.lang))


def _columns(read: BillFile) -> list[tuple[str, str]]:
    """Return each heading with the field that it is taken for, "" where it is left out."""
    return [*((heading, name) for name, heading in read.taken.items()), *((heading, "") for heading in read.left_out)]


def _entered(
    visitor: Visitor,
    account: ElectricityAccount,
    bills: list[PaperBill],
    source: str,
    replaces: bool,
    mapping: BillMapping | None = None,
    **shown: Any,
) -> Response:
    here = visitor.here
    try:
        enter_bills(
            here.opened.state, visitor.actor, here.portfolio, account.id, bills,
            source=source, replaces=replaces, now=here.clock(),
        )  # fmt: skip
    except InputError as error:
        return _page(visitor, account, error.said(visitor.lang), **shown)
    if mapping is not None and mapping.columns:
        save_bill_mapping(mappings_folder(here.settings), f"app-{account.utility}", mapping)
    return RedirectResponse(f"/accounts/{account.id}/bills#entered", 303)


@router.post("")
def one_bill(account: str, visitor: PageVisitor, form: OwnForm) -> Response:
    """Enter one bill by hand."""
    chosen = _account(visitor, account)
    visitor.need("edit")
    given = {name: str(form.get(name, "")).strip()[:100] for name in (*BY_HAND, "estimated")}
    here = visitor.here
    try:
        bill = bill_of_fields(
            given,
            this_year=here.today.year,
            days_of_month=partial(days_of_bill, read_day_of(here.opened, chosen, here.today)),
        )
    except InputError as error:
        return _page(visitor, chosen, f"{visitor.words('paper_bill.wrong')} {error.said(visitor.lang)}", given=given)
    return _entered(
        visitor, chosen, [bill], visitor.words("paper_bill.by_hand"), form.get("replaces") == "1", given=given
    )


def _one(visitor: Visitor, account: str, number: int) -> EnteredBill:
    """Return a bill of an account that counts. Raises NotThere."""
    bills = list_bills(visitor.here.opened.state, visitor.actor, visitor.here.portfolio, account)
    entered = next((one for one in bills if one.number == number), None)
    if entered is None:
        raise NotThere
    return entered


@router.get("/{number}")
def bill_beside_meters(account: str, number: int, visitor: PageVisitor) -> Response:
    """Show a paper bill beside what the meters say, line by line, with what explains each difference."""
    chosen, words, figures = _account(visitor, account), visitor.words, visitor.here.opened.figures
    paper = _one(visitor, account, number).bill
    checked = checked_bill(visitor.here.opened, chosen, paper)
    schedule = figures.tariffs.schedules[checked.ours.schedule_id] if checked.ours else None
    return page(
        visitor,
        "bill_check.html.j2",
        title=words("paper_bill.beside", number=chosen.number),
        account=chosen,
        paper=paper,
        checked=checked,
        kw=billed_kw(checked.ours) if checked.ours else None,
        items=[(one, item_name(one.item, words), why_said(one, words)) for one in checked.differences],
        schedule_name=words.either(th=schedule.name_th, en=schedule.name_en) if schedule else "",
    )


@router.post("/{number}/remove")
def bill_removed(account: str, number: int, visitor: PageVisitor, form: OwnForm) -> Response:
    """Remove a bill with a reason; the history still has it."""
    chosen = _account(visitor, account)
    visitor.need("edit")
    here = visitor.here
    _one(visitor, account, number)
    try:
        remove_bill(
            here.opened.state, visitor.actor, here.portfolio, number, why=str(form.get("why", "")), now=here.clock()
        )
    except InputError as error:
        return _page(visitor, chosen, error.said(visitor.lang))
    return RedirectResponse(f"/accounts/{account}/bills#entered", 303)
