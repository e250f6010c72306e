"""Enters, lists, removes and checks the paper bills of electricity accounts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from bkkenergy.access import Actor
from bkkenergy.adapters.state import StateStore, reading, transaction
from bkkenergy.adapters.state.paperbills import (
    EnteredBill,
    add_bill,
    entered_bills,
    lock_account,
    locked_bill,
    mark_removed,
)
from bkkenergy.adapters.state.users import enter_audit
from bkkenergy.calendar import Period
from bkkenergy.errors import InputError, NotThere
from bkkenergy.portfolio import Portfolio
from bkkenergy.portfolio.more import ElectricityAccount
from bkkenergy.readings import FloatArray
from bkkenergy.site import Site
from bkkenergy.tariff.bill import Bill
from bkkenergy.tariff.paper import Difference, PaperBill, check_paper, faults_within
from bkkenergy.texts import Phrase, or_none
from bkkenergy.usecases.bills import Billable, bill_of_days, billed_of, known_ratio
from bkkenergy.usecases.portfolio import needs_reason
from bkkenergy.usecases.powers import use_case

MAX_AT_ONCE = 1000
SHIFT_DAYS = 5
"""How far the days of a bill may be from those that its energy fits."""
FITS_RATIO, DIFFERS_RATIO = 0.002, 0.01


@dataclass(frozen=True, slots=True)
class EnteredBills:
    """What came of bills, by number. same : were there already. replaced : removed for new ones."""

    entered: tuple[int, ...]
    same: int
    replaced: tuple[int, ...]


def account_of(portfolio: Portfolio, name: str) -> ElectricityAccount:
    """Return an electricity account by its id or its number. Raises InputError with the ids that there are."""
    for account in portfolio.accounts.values():
        if name in {account.id, account.number}:
            return account
    raise InputError.of("no_account", account=name, known=or_none(sorted(portfolio.accounts)[:8]))


def agencies_of_account(portfolio: Portfolio, account: ElectricityAccount) -> list[str]:
    """Return whose buildings an account is for."""
    return sorted({portfolio.buildings[name].agency for name in account.buildings if name in portfolio.buildings})


@use_case("bills.enter", "edit", "agency")
def enter_bills(
    state: StateStore,
    actor: Actor,
    portfolio: Portfolio,
    name: str,
    bills: Sequence[PaperBill],
    *,
    source: str,
    replaces: bool,
    now: dt.datetime,
) -> EnteredBills:
    """Enter the paper bills of an account, all or none.

    A bill that is there already stays. One of days that another has is refused, or with `replaces` takes its place.

    Raises NotThere, NotAllowed, InputError where bills overlap one another or those that are entered, StoreUnavailable.
    """
    account = account_of(portfolio, name)
    actor.need("edit", *agencies_of_account(portfolio, account))
    _refuse_strange(bills, now)
    with transaction(state) as connection:
        lock_account(connection, account.id)
        there = entered_bills(connection, [account.id])
        fresh = [bill for bill in bills if not any(bill == one.bill for one in there)]
        replaced = [one for one in there if any(_overlap(one.bill, bill) for bill in fresh)]
        if replaced and not replaces:
            first = replaced[0]
            raise InputError.of("bill_is_there", number=first.number, first=first.bill.first, last=first.bill.last)
        for one in replaced:
            mark_removed(
                connection,
                one.number,
                by=actor.name,
                why=str(Phrase("stored.replaced_from", {"source": source})),
                now=now,
            )
        numbers = [add_bill(connection, account.id, bill, source=source, by=actor.name, now=now) for bill in fresh]
        done = EnteredBills(tuple(numbers), len(bills) - len(fresh), tuple(one.number for one in replaced))
        if fresh:
            detail = {"source": source, "entered": numbers, "replaced": [one.number for one in replaced]}
            enter_audit(connection, actor, "bills_enter", account.id, detail, now)
    return done


def _refuse_strange(bills: Sequence[PaperBill], now: dt.datetime) -> None:
    """Raise InputError where there is nothing, too much, a day that has not come, or bills of the same days."""
    if not 0 < len(bills) <= MAX_AT_ONCE:
        raise InputError.of("bills_count", count=len(bills), max=MAX_AT_ONCE)
    in_order = sorted(bills, key=lambda bill: bill.first)
    if in_order[-1].last > now.date():
        raise InputError.of("bill_of_the_future", first=in_order[-1].first, last=in_order[-1].last)
    for before, after in pairwise(in_order):
        if after.first <= before.last:
            raise InputError.of("bills_overlap", first=after.first, last=before.last)


def _overlap(one: PaperBill, other: PaperBill) -> bool:
    return one.first <= other.last and other.first <= one.last


@use_case("bills.remove", "edit", "agency")
def remove_bill(
    state: StateStore, actor: Actor, portfolio: Portfolio, number: int, *, why: str, now: dt.datetime
) -> EnteredBill:
    """Remove a paper bill; the history still has it, with who removed it and why.

    Raises NotThere, NotAllowed, InputError.
    """
    with transaction(state) as connection:
        entered = locked_bill(connection, number)
        account = None if entered is None else portfolio.accounts.get(entered.account)
        if entered is None or account is None:
            raise NotThere
        actor.need("edit", *agencies_of_account(portfolio, account))
        needs_reason(why)
        if entered.removed_at is not None:
            raise InputError.of("bill_is_removed", number=number)
        mark_removed(connection, number, by=actor.name, why=why.strip(), now=now)
        enter_audit(connection, actor, "bills_remove", account.id, {"number": number, "why": why.strip()}, now)
    return entered


@use_case("bills.list", "see", "agency")
def list_bills(
    state: StateStore, actor: Actor, portfolio: Portfolio, name: str, *, with_removed: bool = False
) -> list[EnteredBill]:
    """Return the paper bills of an account, in order of their days. Raises NotThere, NotAllowed, InputError."""
    account = account_of(portfolio, name)
    actor.need("see", *agencies_of_account(portfolio, account))
    return bills_of_account(state, account, with_removed=with_removed)


def bills_of_account(
    state: StateStore, account: ElectricityAccount, *, with_removed: bool = False
) -> list[EnteredBill]:
    """Return the paper bills of an account, in order of their days. Raises StoreUnavailable."""
    with reading(state) as connection:
        return entered_bills(connection, [account.id], with_removed=with_removed)


@dataclass(frozen=True, slots=True)
class CheckedBill:
    """A paper bill beside what the meters say.

    faults : where the paper contradicts itself. ours : None where nothing was measured in its days. known_ratio : the
    share of its time that is known. fitting : other days whose energy is that of the paper.
    """

    paper: PaperBill
    faults: tuple[str, ...]
    ours: Bill | None
    known_ratio: float
    differences: tuple[Difference, ...]
    fitting: Period | None = field(default=None)

    @property
    def difference_thb(self) -> float | None:
        """The paper's total less ours; None where either is not known."""
        if self.ours is None or self.paper.total_thb is None:
            return None
        return self.paper.total_thb - self.ours.total_thb


def checked_bill(site: Site, what: Billable, paper: PaperBill) -> CheckedBill:
    """Compare a paper bill with the meters of its account, or of a building.

    Raises StoreUnavailable, InputError before the first Ft.
    """
    faults = tuple(faults_within(paper))
    days = Period.days(paper.first, paper.last)
    share = known_ratio(site, what, days)
    if share == 0:
        return CheckedBill(paper, faults, None, 0.0, ())
    ours = bill_of_days(site, what, days, paper.month)
    schedule = site.figures.tariffs.schedules[ours.schedule_id]
    fitting = _fitting_days(site, what, paper, ours)
    differences = [_explained(one, share, fitting) for one in check_paper(paper, ours, schedule, site.figures.tariffs)]
    return CheckedBill(paper, faults, ours, share, tuple(differences), fitting)


def _explained(difference: Difference, share: float, fitting: Period | None) -> Difference:
    """Say of a difference in energy that it is one of days, or of time that is not known, where it is."""
    if "energy" not in difference.causes:
        return difference
    if fitting is not None:
        causes = tuple("dates" if cause == "energy" else cause for cause in difference.causes)
        said = f"dates: the meters have its energy from {fitting.first_day} to {fitting.last_day}"
        return replace(difference, causes=causes, why=f"{difference.why}; {said}")
    if share < 1:
        causes = tuple("unknown" if cause == "energy" else cause for cause in difference.causes)
        return replace(difference, causes=causes, why=f"{difference.why}; known of {share:.1%} of the time")
    return difference


def _fitting_days(site: Site, what: Billable, paper: PaperBill, ours: Bill) -> Period | None:
    """Return days near those of a bill whose energy is that of the paper, where its own have another.

    Bills are read some days early or late: of the days that fit, those which are moved least.
    """
    billed_kwh = paper.kwh
    if billed_kwh is None or paper.is_estimated or abs(billed_kwh - ours.billed_kwh) <= DIFFERS_RATIO * ours.billed_kwh:
        return None
    shift = dt.timedelta(days=SHIFT_DAYS)
    longer = Period.days(paper.first - shift, min(paper.last + shift, site.clock().date() - dt.timedelta(days=1)))
    daily_kwh = _daily_kwh(site, what, longer) * (1 + ours.raised_ratio)
    return _moved_least(daily_kwh, paper, longer, billed_kwh)


def _daily_kwh(site: Site, what: Billable, period: Period) -> FloatArray:
    """(d,) energy of each day, NaN where a part of it is not known."""
    known_kwh = billed_of(site, what).quarters(site.energy, period).known_kwh
    daily_kwh: FloatArray = known_kwh.reshape(len(period.dates), -1).sum(axis=1)
    return daily_kwh


def _moved_least(daily_kwh: FloatArray, paper: PaperBill, longer: Period, billed_kwh: float) -> Period | None:
    fits: list[tuple[int, float, int, int]] = []
    for first in range(2 * SHIFT_DAYS + 1):
        for last in range(paper.days - 1, len(daily_kwh)):
            moved = abs(first - SHIFT_DAYS) + abs(last - SHIFT_DAYS - paper.days + 1)
            off_kwh = abs(float(daily_kwh[first : last + 1].sum()) - billed_kwh)
            if last >= first and off_kwh <= FITS_RATIO * billed_kwh:
                fits.append((moved, off_kwh, first, last))
    if not fits:
        return None
    _, _, first, last = min(fits)
    return Period.days(longer.dates[first], longer.dates[last])
