"""The JSON API, version 1, of paper bills: entered, listed, removed, compared with the meters."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from bkkenergy.adapters.state.paperbills import EnteredBill
from bkkenergy.errors import NotThere
from bkkenergy.tariff.paper import Cause, PaperBill
from bkkenergy.usecases.paperbills import account_of, checked_bill, enter_bills, list_bills, remove_bill
from bkkenergy.web.api_rows import Page, Row
from bkkenergy.web.api_writer import Answer, AnyWriter
from bkkenergy.web.paging import Limit, Offset
from bkkenergy.web.problems import PROBLEMS, WRITE_PROBLEMS
from bkkenergy.web.security import ApiVisitor, Visitor

router = APIRouter(prefix="/api/v1/accounts/{account}/bills", tags=["bills"], responses=PROBLEMS)

AccountId = Annotated[str, Path(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=64)]
BillNumber = Annotated[int, Path(ge=1, le=2_000_000_000)]
Reason = Annotated[str, Query(min_length=1, max_length=500, pattern=r"^[^\x00]*$")]


class PaperBillRow(Row):
    """A paper bill with who entered it, when and from which file, and who removed it."""

    number: int
    account: str
    bill: PaperBill
    source: str
    by: str
    at: dt.datetime
    removed_by: str
    removed_at: dt.datetime | None
    removed_why: str


class PaperBillPage(Page):
    """Paper bills of an account, in order of their days."""

    items: list[PaperBillRow]


class AskedBills(BaseModel):
    """Bills to be entered, all or none. replaces : whether they take the place of others of the same days."""

    model_config = ConfigDict(extra="forbid")

    bills: Annotated[list[PaperBill], Field(min_length=1, max_length=1000)]
    source: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
    replaces: bool = False


class EnteredBillsRow(Row):
    """What came of them, by number. same : were there already."""

    entered: list[int]
    same: int
    replaced: list[int]


class RemovedBillRow(Row):
    """The number of the bill that was removed."""

    removed: int


class DifferenceRow(Row):
    """An item of a paper bill beside ours, THB."""

    item: str
    paper_thb: float | None
    ours_thb: float
    difference_thb: float | None
    causes: list[Cause]
    why: str


class CheckedBillRow(Row):
    """A paper bill beside the meters. faults : where the paper contradicts itself. fitting : other days that fit."""

    number: int
    first: dt.date
    last: dt.date
    known_ratio: float
    faults: list[str]
    fitting_first: dt.date | None
    fitting_last: dt.date | None
    items: list[DifferenceRow]


@router.get("")
def bills(
    account: AccountId, visitor: ApiVisitor, *, removed: bool = False, limit: Limit = 100, offset: Offset = 0
) -> PaperBillPage:
    """Return the paper bills of an account. removed : those that were removed too."""
    entered = _listed(visitor, account, with_removed=removed)
    rows = [_row(one) for one in entered[offset : offset + limit]]
    return PaperBillPage(total=len(entered), offset=offset, limit=limit, items=rows)


@router.post("", status_code=201, responses=WRITE_PROBLEMS | {201: {"model": EnteredBillsRow}})
def enter(account: AccountId, asked: AskedBills, who: AnyWriter) -> Response:
    """Enter paper bills of an account, all or none."""
    _need_account(who.visitor, account)

    def work() -> Answer:
        done = enter_bills(
            who.state.engine,
            who.visitor.actor,
            who.visitor.here.portfolio,
            account,
            asked.bills,
            source=asked.source,
            replaces=asked.replaces,
            now=who.now,
        )
        row = EnteredBillsRow(entered=list(done.entered), same=done.same, replaced=list(done.replaced))
        return Answer(row, status=201)

    return who.answer(work)


@router.delete("/{number}", responses=WRITE_PROBLEMS | {200: {"model": RemovedBillRow}})
def remove(account: AccountId, number: BillNumber, why: Reason, who: AnyWriter) -> Response:
    """Remove a paper bill. The history still has it."""
    _entered(who.visitor, account, number)

    def work() -> Answer:
        portfolio = who.visitor.here.portfolio
        remove_bill(who.state.engine, who.visitor.actor, portfolio, number, why=why, now=who.now)
        return Answer(RemovedBillRow(removed=number))

    return who.answer(work)


@router.get("/{number}/check")
def check(account: AccountId, number: BillNumber, visitor: ApiVisitor) -> CheckedBillRow:
    """Compare a paper bill with the meters of its account, item by item, with the causes of differences."""
    entered = _entered(visitor, account, number)
    site = visitor.here.opened
    one = checked_bill(site, account_of(visitor.here.portfolio, account), entered.bill)
    return CheckedBillRow(
        number=number,
        first=entered.bill.first,
        last=entered.bill.last,
        known_ratio=one.known_ratio,
        faults=list(one.faults),
        fitting_first=one.fitting and one.fitting.first_day,
        fitting_last=one.fitting and one.fitting.last_day,
        items=[
            DifferenceRow(
                item=item.item,
                paper_thb=item.paper_thb,
                ours_thb=item.ours_thb,
                difference_thb=item.difference_thb,
                causes=list(item.causes),
                why=item.why,
            )
            for item in one.differences
        ],
    )


def _need_account(visitor: Visitor, account: str) -> None:
    """Raise NotThere where the portfolio has no such account."""
    if account not in visitor.here.portfolio.accounts:
        raise NotThere


def _listed(visitor: Visitor, account: str, *, with_removed: bool) -> list[EnteredBill]:
    _need_account(visitor, account)
    site = visitor.here.opened
    return list_bills(site.state, visitor.actor, visitor.here.portfolio, account, with_removed=with_removed)


def _entered(visitor: Visitor, account: str, number: int) -> EnteredBill:
    """Return a bill of an account. Raises NotThere where it has no such bill."""
    for one in _listed(visitor, account, with_removed=True):
        if one.number == number:
            return one
    raise NotThere


def _row(one: EnteredBill) -> PaperBillRow:
    plain: dict[str, Any] = {name: getattr(one, name) for name in PaperBillRow.model_fields}
    return PaperBillRow(**plain)
