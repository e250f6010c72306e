"""Paper bills: what an account was billed, compared with what its meters say, item by item with the cause."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from bkkenergy.errors import WrongValue
from bkkenergy.tariff.bill import Bill, Item, bill_of
from bkkenergy.tariff.quantities import Quantities
from bkkenergy.tariff.schedule import Schedule, Tariffs, Window
from bkkenergy.tomlfiles import Frozen

Amount = Annotated[float, Field(allow_inf_nan=False, gt=-1e10, lt=1e10)]
Quantity = Annotated[float, Field(allow_inf_nan=False, ge=0, lt=1e10)]
PaperItem = Item | Literal["adjustment"]
"""Lines of a bill, and what was added or credited beside them."""
Cause = Literal[
    "same", "not_on_paper", "not_in_schedule", "rate", "energy", "demand", "dates", "estimate", "unknown", "follows",
    "sum",
]  # fmt: skip
MAX_DAYS = 100
"""No bill is for more days: a longer one has a wrong year."""
YEARS = range(1990, 2100)
SAME_THB, ROUNDING_THB, SAME_KWH, SAME_KW = 0.005, 0.025, 1.0, 0.5
MINIMUM: frozenset[Item] = frozenset({"minimum"})
ENERGY: frozenset[Item] = frozenset({"energy", "energy_on_peak", "energy_off_peak", "ft"})
DEMAND: frozenset[Item] = frozenset({"demand", "demand_partial", "power_factor"})


class PaperBill(Frozen):
    """A bill of an electricity account as the utility sent it.

    first, last : the days that it is for, both included: read on 12 September, it is for 12 August to 11 September.
    is_estimated : the read at its end was an estimate, which the next bill makes up for. energy_kwh, demand_kw : as
    billed. items_thb : amounts by line, as far as they are known [THB]. number : of the bill.
    """

    first: dt.date
    last: dt.date
    is_estimated: bool = False
    energy_kwh: Quantity | None = None
    on_peak_kwh: Quantity | None = None
    off_peak_kwh: Quantity | None = None
    demand_kw: Quantity | None = None
    peak_kvar: Quantity | None = None
    items_thb: dict[PaperItem, Amount] = Field(default_factory=dict)
    total_thb: Amount | None = None
    number: Annotated[str, StringConstraints(strip_whitespace=True, max_length=40, pattern=r"^[^\x00-\x1f]*$")] = ""

    @model_validator(mode="after")
    def _is_a_bill(self) -> Self:
        if self.first.year not in YEARS or self.last.year not in YEARS:
            raise WrongValue("bill_year", first=self.first, last=self.last)
        if self.last < self.first:
            raise WrongValue("bill_ends_before", first=self.first, last=self.last)
        if self.days > MAX_DAYS:
            raise WrongValue("bill_too_long", days=self.days, first=self.first, last=self.last)
        if self.kwh is None and self.total_thb is None:
            raise WrongValue("bill_of_nothing")
        return self

    @property
    def days(self) -> int:
        """How many days it is for."""
        return (self.last - self.first).days + 1

    @property
    def month(self) -> dt.date:
        """The month that it is named by: that of its last day."""
        return self.last.replace(day=1)

    @property
    def kwh(self) -> float | None:
        """Its energy; where only on-peak and off-peak are given, their sum."""
        if self.energy_kwh is None and self.on_peak_kwh is not None and self.off_peak_kwh is not None:
            return self.on_peak_kwh + self.off_peak_kwh
        return self.energy_kwh


def faults_within(paper: PaperBill) -> list[str]:
    """Return where a bill contradicts itself: what was read from a wrong column, or is misprinted.

    Parameters
    ----------
    paper : PaperBill
        The bill.

    Returns
    -------
    list of str
        A sentence for each; none where its lines add up, as far as all are there.

    Examples
    --------
    >>> import datetime as dt
    >>> from bkkenergy.tariff.paper import PaperBill, faults_within
    >>> days = {"first": dt.date(2026, 8, 12), "last": dt.date(2026, 9, 11)}
    >>> faults_within(PaperBill(**days, energy_kwh=100.0, on_peak_kwh=60.0, off_peak_kwh=50.0))
    ['on-peak and off-peak make 110 kWh, and the bill says 100']
    """
    faults = []
    if paper.on_peak_kwh is not None and paper.off_peak_kwh is not None and paper.energy_kwh is not None:
        parts_kwh = paper.on_peak_kwh + paper.off_peak_kwh
        if abs(parts_kwh - paper.energy_kwh) > SAME_KWH:
            faults.append(f"on-peak and off-peak make {parts_kwh:,.0f} kWh, and the bill says {paper.energy_kwh:,.0f}")
    if paper.total_thb is not None and "vat" in paper.items_thb and ENERGY & paper.items_thb.keys():
        sum_thb = sum(paper.items_thb.values())
        if abs(sum_thb - paper.total_thb) > 1:
            faults.append(f"its lines make {sum_thb:,.2f} THB, and the total is {paper.total_thb:,.2f}")
    return faults


@dataclass(frozen=True, slots=True)
class Difference:
    """One item of a paper bill beside ours. causes : what explains the difference. why : the same in words."""

    item: str
    paper_thb: float | None
    ours_thb: float
    causes: tuple[Cause, ...]
    why: str

    @property
    def difference_thb(self) -> float | None:
        """Paper less ours; None where the paper does not have the item."""
        return None if self.paper_thb is None else self.paper_thb - self.ours_thb


def check_paper(paper: PaperBill, ours: Bill, schedule: Schedule, tariffs: Tariffs) -> list[Difference]:
    """Compare a paper bill with ours, item by item, and say what explains each difference.

    Ours is computed a second time from the energy and the demand on the paper: what agrees then differs by these alone,
    and what does not differs by its rate.

    Parameters
    ----------
    paper : PaperBill
        What the utility billed.
    ours : Bill
        What the meters say, of the same days.
    schedule : Schedule
        By which ours is computed.
    tariffs : Tariffs
        Ft and rules that all schedules share.

    Returns
    -------
    list of Difference
        One for each item that either has; the total, if the paper has one, last.

    Examples
    --------
    >>> import datetime as dt
    >>> from bkkenergy.library.packaged import figures
    >>> from bkkenergy.tariff.bill import bill_of
    >>> from bkkenergy.tariff.paper import PaperBill, check_paper
    >>> from bkkenergy.tariff.quantities import Quantities
    >>> tariffs = figures().tariffs
    >>> schedule = tariffs.schedules["mea-2-1-lv"]
    >>> ours = bill_of(Quantities(dt.date(2025, 11, 1), 1_000.0, 400.0, {"all": 5.0}), schedule, tariffs)
    >>> days = {"first": dt.date(2025, 11, 1), "last": dt.date(2025, 11, 30)}
    >>> paper = PaperBill(**days, energy_kwh=1_100.0, items_thb={"ft": 172.92})
    >>> [one.why for one in check_paper(paper, ours, schedule, tariffs) if one.item == "ft"]
    ['energy: 1,100 kWh on the paper, 1,000 kWh metered']
    """
    at_paper = _at_paper(paper, ours, schedule, tariffs)
    items: list[Item] = list(dict.fromkeys(line.item for line in ours.lines))
    differences = [_difference(item, paper, ours, at_paper) for item in items]
    differences += [
        Difference(item, thb, 0.0, ("not_in_schedule",), "the schedule has no such item")
        for item, thb in paper.items_thb.items()
        if item not in items
    ]
    if paper.total_thb is not None:
        differences.append(_total(paper, ours, at_paper, differences))
    return differences


def _at_paper(paper: PaperBill, ours: Bill, schedule: Schedule, tariffs: Tariffs) -> Bill | None:
    """Compute our bill from the quantities on the paper; None where its parts are under several schedules."""
    if len({part.schedule_id for part in ours.each}) > 1 or paper.kwh is None:
        return None
    quantities, whole_ratio = ours.quantities, 1 + ours.raised_ratio
    return bill_of(
        replace(
            quantities,
            energy_kwh=paper.kwh / whole_ratio,
            on_peak_kwh=quantities.on_peak_kwh if paper.on_peak_kwh is None else paper.on_peak_kwh / whole_ratio,
            demand_kw=_demand_at(paper, quantities, whole_ratio),
            peak_kvar=quantities.peak_kvar if paper.peak_kvar is None else paper.peak_kvar,
        ),
        schedule,
        tariffs,
    )


def _demand_at(paper: PaperBill, quantities: Quantities, whole_ratio: float) -> Mapping[Window, float]:
    if paper.demand_kw is None:
        return quantities.demand_kw
    return dict.fromkeys(quantities.demand_kw, paper.demand_kw / whole_ratio)


def _difference(item: Item, paper: PaperBill, ours: Bill, at_paper: Bill | None) -> Difference:
    paper_thb, ours_thb = paper.items_thb.get(item), ours.amount_thb(item)
    if paper_thb is None:
        return Difference(item, None, ours_thb, ("not_on_paper",), "not on the paper")
    if abs(paper_thb - ours_thb) < SAME_THB:
        return Difference(item, paper_thb, ours_thb, ("same",), "same")
    is_explained = at_paper is not None and abs(paper_thb - at_paper.amount_thb(item)) <= ROUNDING_THB
    if item == "vat" or (item in MINIMUM and is_explained):
        return Difference(item, paper_thb, ours_thb, *_of_vat(paper, ours))
    causes = _quantity_causes(item, paper, ours)
    if not is_explained or not causes:
        causes = (*causes, "rate")
    return Difference(item, paper_thb, ours_thb, causes, "; ".join(_said(cause, item, paper, ours) for cause in causes))


def _of_vat(paper: PaperBill, ours: Bill) -> tuple[tuple[Cause, ...], str]:
    before_thb = sum(thb for item, thb in paper.items_thb.items() if item != "vat")
    ratio = ours.lines[-1].rate_thb
    if (
        abs(paper.items_thb.get("vat", 0.0) - before_thb * ratio) <= 2 * ROUNDING_THB
        or not ENERGY & paper.items_thb.keys()
    ):
        return ("follows",), "follows the items above"
    return ("rate",), f"rate: ours is {ratio:.1%} of the items above".replace("%", " %")


def _quantity_causes(item: Item, paper: PaperBill, ours: Bill) -> tuple[Cause, ...]:
    """Return by which quantities an item differs."""
    pairs = _kwh_pairs(item, paper, ours)
    if item in ENERGY and any(abs(theirs - metered) > SAME_KWH for theirs, metered in pairs):
        return ("estimate",) if paper.is_estimated else ("energy",)
    if item in DEMAND and paper.demand_kw is not None and abs(paper.demand_kw - billed_kw(ours)) > SAME_KW:
        return ("demand",)
    return ()


def _kwh_pairs(item: Item, paper: PaperBill, ours: Bill) -> list[tuple[float, float]]:
    """Return the energy of an item on the paper and as metered, where the paper says it."""
    whole_ratio = 1 + ours.raised_ratio
    on_peak_kwh = ours.quantities.on_peak_kwh * whole_ratio
    if item == "energy_on_peak":
        return [] if paper.on_peak_kwh is None else [(paper.on_peak_kwh, on_peak_kwh)]
    if item == "energy_off_peak":
        return [] if paper.off_peak_kwh is None else [(paper.off_peak_kwh, ours.billed_kwh - on_peak_kwh)]
    return [] if paper.kwh is None else [(paper.kwh, ours.billed_kwh)]


def billed_kw(bill: Bill) -> float:
    """Return the demand that a bill charges; the highest that was metered, where its schedule charges none.

    Parameters
    ----------
    bill : Bill
        Ours.

    Returns
    -------
    float
        Demand [kW].

    Examples
    --------
    >>> import datetime as dt
    >>> from bkkenergy.library.packaged import figures
    >>> from bkkenergy.tariff.bill import bill_of
    >>> from bkkenergy.tariff.paper import billed_kw
    >>> from bkkenergy.tariff.quantities import Quantities
    >>> tariffs = figures().tariffs
    >>> month = Quantities(dt.date(2025, 11, 1), 10_000.0, 6_000.0, {"on_peak": 40.4})
    >>> billed_kw(bill_of(month, tariffs.schedules["mea-3-2-lv"], tariffs))
    40.0
    """
    charged = [line.quantity for line in bill.lines if line.item == "demand"]
    metered = max(bill.quantities.demand_kw.values(), default=0.0) * (1 + bill.raised_ratio)
    return max(charged, default=metered)


def _said(cause: Cause, item: Item, paper: PaperBill, ours: Bill) -> str:
    if cause in {"energy", "estimate"}:
        ((theirs, metered),) = _kwh_pairs(item, paper, ours)
        estimate = "estimated read: " if cause == "estimate" else "energy: "
        return f"{estimate}{theirs:,.0f} kWh on the paper, {metered:,.0f} kWh metered"
    if cause == "demand":
        return f"demand: {paper.demand_kw:,.0f} kW on the paper, {billed_kw(ours):,.0f} kW metered"
    return _rate_said(item, paper, ours)


def _rate_said(item: Item, paper: PaperBill, ours: Bill) -> str:
    """Say by which rate the paper seems to be computed, and by which ours is."""
    lines = [line for line in ours.lines if line.item == item]
    quantity = next((theirs for theirs, _ in _kwh_pairs(item, paper, ours)), None) if item in ENERGY else None
    if item in {"demand", "demand_partial"}:
        quantity = paper.demand_kw
    if quantity and len({line.rate_thb for line in lines}) == 1:
        unit = lines[0].unit.replace("kwh", "kWh").replace("kw", "kW")
        theirs = paper.items_thb[item] / quantity
        return f"rate: {theirs:.4f} THB/{unit} on the paper, {lines[0].rate_thb:.4f} ours"
    if item == "ft" and not ours.ft_is_entered:
        return "rate: the Ft of these days is not entered in config/tariffs/rules.toml"
    return "rate: check the schedule of the account"


def _total(paper: PaperBill, ours: Bill, at_paper: Bill | None, differences: Sequence[Difference]) -> Difference:
    total_thb = paper.total_thb or 0.0
    if abs(total_thb - ours.total_thb) < SAME_THB:
        return Difference("total", total_thb, ours.total_thb, ("same",), "same")
    if faults := faults_within(paper):
        return Difference("total", total_thb, ours.total_thb, ("sum",), faults[-1])
    if paper.items_thb:
        causes = dict.fromkeys(cause for one in differences for cause in one.causes)
        real = tuple(cause for cause in causes if cause not in {"same", "follows", "not_on_paper"})
        return Difference("total", total_thb, ours.total_thb, real or ("follows",), "sum of the items above")
    if at_paper is not None and abs(total_thb - at_paper.total_thb) <= 1:
        causes_of_total = (*_quantity_causes("ft", paper, ours), *_quantity_causes("demand", paper, ours))
        if causes_of_total:
            said = "; ".join(_said(cause, "ft", paper, ours) for cause in causes_of_total)
            return Difference("total", total_thb, ours.total_thb, causes_of_total, said)
    return Difference("total", total_thb, ours.total_thb, ("rate",), "rate: check the schedule of the account")
