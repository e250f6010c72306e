"""Paper bills of an account: entered once, corrected by another, removed with a reason, checked against the meters."""

from __future__ import annotations

import datetime as dt
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from bkkenergy.access import Actor, server_actor
from bkkenergy.adapters.state.auditlog import audit_lines
from bkkenergy.cli.opening import opened_site
from bkkenergy.errors import InputError, NotAllowed, NotThere
from bkkenergy.portfolio.more import ElectricityAccount
from bkkenergy.site import load_configuration
from bkkenergy.tariff.paper import PaperBill, billed_kw
from bkkenergy.usecases.bills import bill_of_days
from bkkenergy.usecases.paperbills import account_of, checked_bill, enter_bills, list_bills, remove_bill
from tests.conftest import ROOT
from tests.contract.test_bills_of_accounts import (  # noqa: F401 - made, config: fixtures
    BUSY_KW,
    NOW,
    OFFICE,
    QUIET_KW,
    account,
    config,
    entered,
    made,
)

ME = server_actor("malee")
ACCOUNT = ElectricityAccount(
    id="office", utility="mea", number="123456789", schedule="mea-3-1-lv", buildings=("district-bangkhen.office",)
)
PORTFOLIO = load_configuration(ROOT / "config").portfolio.model_copy(update={"accounts": {"office": ACCOUNT}})


def bill(month, kwh=1000.0, **fields):
    body = {"first": dt.date(2026, month, 12), "last": dt.date(2026, month + 1, 11), "energy_kwh": kwh}
    return PaperBill(**body | fields)


def enter(engine, *bills, replaces=False, actor=ME, source="bills.csv"):
    return enter_bills(engine, actor, PORTFOLIO, "office", bills, source=source, replaces=replaces, now=NOW)


def listed(engine, **options):
    return list_bills(engine, ME, PORTFOLIO, "office", **options)


def test_bills_are_listed_in_order_with_who_entered_them_and_from_which_file(engine):
    done = enter(engine, bill(8, items_thb={"ft": 1.5}, number="A/1"), bill(7, is_estimated=True))
    assert len(done.entered) == 2
    assert [one.bill for one in listed(engine)] == [
        bill(7, is_estimated=True),
        bill(8, items_thb={"ft": 1.5}, number="A/1"),
    ]
    assert {(one.by, one.at, one.source) for one in listed(engine)} == {("malee", NOW, "bills.csv")}
    (line,) = [line for line in audit_lines(engine) if line["action"] == "bills_enter"]
    assert (line["actor"], line["target"]) == ("malee", "office")


def test_a_file_that_is_entered_again_changes_nothing(engine):
    enter(engine, bill(7), bill(8))
    done = enter(engine, bill(8), bill(7))
    assert (done.entered, done.same, done.replaced) == ((), 2, ())
    assert len(listed(engine, with_removed=True)) == 2
    assert len([line for line in audit_lines(engine) if line["action"] == "bills_enter"]) == 1


def test_a_bill_that_differs_is_refused_or_takes_the_place_of_the_one_before(engine):
    enter(engine, bill(7), bill(8))
    with pytest.raises(InputError, match="is entered already"):
        enter(engine, bill(6), bill(8, 1100.0))
    assert [one.bill.energy_kwh for one in listed(engine)] == [1000, 1000], "all or none"
    done = enter(engine, bill(8, 1100.0), replaces=True, source="corrected.csv")
    assert len(done.replaced) == 1
    assert [one.bill.energy_kwh for one in listed(engine)] == [1000, 1100]
    removed = [one for one in listed(engine, with_removed=True) if one.removed_at]
    assert [(one.bill, one.removed_by, one.removed_why) for one in removed] == [
        (bill(8), "malee", "replaced from corrected.csv")
    ]


def test_a_bill_that_overlaps_a_part_of_another_is_no_new_one(engine):
    enter(engine, bill(7))
    late = PaperBill(first=dt.date(2026, 8, 11), last=dt.date(2026, 9, 11), energy_kwh=5)
    with pytest.raises(InputError, match="entered already"):
        enter(engine, late)
    next_one = PaperBill(first=dt.date(2026, 8, 12), last=dt.date(2026, 9, 11), energy_kwh=5)
    assert len(enter(engine, next_one).entered) == 1


@pytest.mark.parametrize(
    ("bills", "why"),
    [
        ([], "give 1 to"),
        ([bill(7), bill(7, 5.0)], "has not ended"),
        ([PaperBill(first=dt.date(2026, 11, 1), last=dt.date(2026, 11, 30), energy_kwh=1)], "has not come"),
    ],
)
def test_bills_that_cannot_be_are_refused(engine, bills, why):
    with pytest.raises(InputError, match=why):
        enter(engine, *bills)
    assert listed(engine) == []


def test_a_removed_bill_stays_in_the_history_with_its_reason(engine):
    (number,) = enter(engine, bill(7)).entered
    with pytest.raises(InputError, match="needs a reason"):
        remove_bill(engine, ME, PORTFOLIO, number, why=" ", now=NOW)
    remove_bill(engine, ME, PORTFOLIO, number, why="of another account", now=NOW)
    assert listed(engine) == []
    (one,) = listed(engine, with_removed=True)
    assert (one.removed_by, one.removed_why) == ("malee", "of another account")
    with pytest.raises(InputError, match="removed already"):
        remove_bill(engine, ME, PORTFOLIO, number, why="again", now=NOW)
    with pytest.raises(NotThere):
        remove_bill(engine, ME, PORTFOLIO, 999, why="none", now=NOW)
    assert len(enter(engine, bill(7)).entered) == 1, "it may be entered again"


def test_who_does_not_reach_the_account_is_not_shown_it(engine):
    (number,) = enter(engine, bill(7)).entered
    stranger = Actor("somchai", powers=frozenset({"see", "edit"}), agencies=("education",))
    viewer = Actor("anong", powers=frozenset({"see"}), agencies=("district-bangkhen",))
    for work in (
        lambda: enter(engine, bill(8), actor=stranger),
        lambda: list_bills(engine, stranger, PORTFOLIO, "office"),
        lambda: remove_bill(engine, stranger, PORTFOLIO, number, why="mine", now=NOW),
    ):
        with pytest.raises(NotThere):
            work()
    with pytest.raises(NotAllowed):
        enter(engine, bill(8), actor=viewer)
    assert len(list_bills(engine, viewer, PORTFOLIO, "123456789")) == 1, "by its number too"


def test_the_same_file_entered_by_two_at_once_is_entered_once(engine):
    together = threading.Barrier(2)

    def work(_):
        together.wait()
        return enter(engine, bill(7), bill(8))

    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(work, range(2)))
    assert sorted(len(one.entered) for one in done) == [0, 2]
    assert len(listed(engine, with_removed=True)) == 2


@pytest.fixture
def site(config):  # noqa: F811
    """The office on an account that is read on the 12th, its meter on the low side."""
    entered(config, account(read_day=12))
    with opened_site(load_configuration(config)) as opened:
        yield opened


def ours_of(site, first, last):
    from bkkenergy.calendar import Period

    return bill_of_days(site, account_of(site.portfolio, "one"), Period.days(first, last), last.replace(day=1))


def paper_like(bill, **changes):
    """The paper of a bill of ours."""
    days = bill.quantities.days
    body = {
        "first": days.first,
        "last": days.end - dt.timedelta(days=1),
        "energy_kwh": bill.billed_kwh,
        "demand_kw": billed_kw(bill),
        "items_thb": {line.item: bill.amount_thb(line.item) for line in bill.lines},
        "total_thb": bill.total_thb,
    }
    return PaperBill(**body | changes)


def checked(site, paper):
    return checked_bill(site, account_of(site.portfolio, "one"), paper)


def causes(site, paper):
    return {one.item: one.causes for one in checked(site, paper).differences}


FIRST, LAST = dt.date(2026, 9, 12), dt.date(2026, 10, 11)


def test_a_paper_bill_like_the_meters_differs_in_nothing(site):
    one = checked(site, paper_like(ours_of(site, FIRST, LAST)))
    assert {item.causes for item in one.differences} == {("same",)}
    assert (one.difference_thb, one.known_ratio, one.faults, one.fitting) == (0, 1.0, (), None)


def test_a_paper_of_other_days_than_it_says_differs_by_dates(site):
    """Read three days before it says: of the days before October three more are of 80 kW."""
    theirs = paper_like(
        ours_of(site, FIRST - dt.timedelta(days=3), LAST - dt.timedelta(days=3)), first=FIRST, last=LAST
    )
    one = checked(site, theirs)
    (energy,) = [item for item in one.differences if item.item == "energy"]
    assert energy.causes == ("dates",)
    moved = (FIRST - one.fitting.first_day).days + (LAST - one.fitting.last_day).days
    assert theirs.energy_kwh == pytest.approx(
        ours_of(site, one.fitting.first_day, one.fitting.last_day).billed_kwh, rel=0.002
    )
    assert 0 < moved <= 6


def test_a_paper_of_an_estimated_read_differs_by_it(site):
    theirs = paper_like(
        ours_of(site, FIRST, LAST), energy_kwh=20_000.0, is_estimated=True, items_thb={}, total_thb=80_000.0
    )
    assert causes(site, theirs)["total"] == ("rate",), "80,000 THB is not what 20,000 kWh cost"


def test_a_paper_of_a_third_more_energy_differs_by_energy(site):
    ours = ours_of(site, FIRST, LAST)
    theirs = paper_like(ours, energy_kwh=ours.billed_kwh * 1.5, items_thb={"energy": ours.amount_thb("energy") * 1.5})
    assert causes(site, theirs)["energy"] == ("energy",)


def test_days_without_any_reading_are_compared_with_nothing(site):
    paper = PaperBill(first=dt.date(2025, 1, 1), last=dt.date(2025, 1, 31), energy_kwh=5.0, total_thb=4.0)
    one = checked(site, paper)
    assert (one.ours, one.known_ratio, one.differences, one.difference_thb) == (None, 0.0, (), None)


def test_days_that_are_known_in_part_are_said_to_be(site):
    """Readings end with October: half of a bill to the middle of November is not known."""
    first, last = dt.date(2026, 10, 12), dt.date(2026, 11, 11)
    theirs = PaperBill(
        first=first, last=last, energy_kwh=31 * 24 * QUIET_KW, items_thb={"energy": 31 * 24 * QUIET_KW * 3.1751}
    )
    one = checked(site, theirs)
    (energy,) = [item for item in one.differences if item.item == "energy"]
    assert energy.causes == ("unknown",)
    assert "known of 64.5 %" in energy.why.replace("%", " %").replace("  ", " ")
    assert one.known_ratio == pytest.approx(20 / 31)


def test_an_account_of_one_meter_is_billed_by_that_meter(config):  # noqa: F811
    """The air-conditioning's meter has no readings: an account of it alone has none either."""
    entered(config, account(meters=[f"{OFFICE}.aircon"]))
    with opened_site(load_configuration(config)) as opened:
        assert checked(opened, PaperBill(first=FIRST, last=LAST, energy_kwh=1.0)).ours is None
    entered(config, account(meters=[f"{OFFICE}.main"]))
    with opened_site(load_configuration(config)) as opened:
        ours = checked(opened, PaperBill(first=FIRST, last=LAST, energy_kwh=1.0)).ours
    assert ours.quantities.energy_kwh == pytest.approx(24 * (19 * BUSY_KW + 11 * QUIET_KW), abs=20)
