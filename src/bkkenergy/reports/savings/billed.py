"""Adds to a report what its buildings cost by calendar months, and the bills that the utility reads in them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import replace

from bkkenergy.calendar import Period
from bkkenergy.dated import cited
from bkkenergy.errors import InputError
from bkkenergy.portfolio import Building
from bkkenergy.reports.content import AgencyReport, BillItem, ReadBills, in_bill_order
from bkkenergy.site import Site
from bkkenergy.tariff.bill import Bill
from bkkenergy.usecases.bills import month_bills, read_day_of
from bkkenergy.usecases.billsofmany import bills_until


def with_bills(report: AgencyReport, site: Site, period: Period) -> AgencyReport:
    """Return the report with each building's cost from the bills of its schedule, where it has energy to bill.

    Costs are of calendar months, as the energy beside them. Where an electricity account has a read day, the bills that
    are read in the period are listed too. Before the first known Ft there is no bill.
    """
    if any(period.first_day < _first_billed(site, building.id) for building in report.buildings):
        return report
    billed = [site.portfolio.buildings[one.id] for one in report.buildings if one.use.energy_kwh is not None]
    bills = _bills(site, billed, period)
    every = [bill for months in bills.values() for bill in months]
    if not every:
        return report
    sources = tuple(dict.fromkeys(citation for bill in every for citation in bill.sources))
    cost_thb = {name: sum(bill.total_thb for bill in months) for name, months in bills.items()}
    return replace(
        report,
        total=replace(report.total, cost_thb=sum(cost_thb.values())),
        buildings=tuple(
            replace(
                building, use=replace(building.use, cost_thb=cost_thb[building.id]), bill=_items(bills[building.id])
            )
            if building.id in cost_thb
            else building
            for building in report.buildings
        ),
        bill=_items(every),
        bill_source=cited(sources, "en"),
        bill_sources=sources,
        provisional=tuple(dict.fromkeys(one for bill in every for one in bill.provisional)),
        is_demand_estimated=any(bill.is_demand_estimated for bill in every),
        is_bill_split=any(bill.parts for bill in every),
        raised_ratio=max(bill.raised_ratio for bill in every),
        minimum_floor=site.figures.tariffs.rules.minimum_floor if _has_minimum(every) else None,
        read_bills=tuple(_read_bills(site, billed, period)),
    )


def _bills(site: Site, buildings: Sequence[Building], period: Period) -> dict[str, list[Bill]]:
    """Return each building's bills of whole months. Raises InputError where one has no price."""
    bills: dict[str, list[Bill]] = {}
    of_all = bills_until(site, buildings, period.first_day, period.last_day)
    for building, of_building in zip(buildings, of_all, strict=True):
        if isinstance(of_building, InputError):
            raise of_building
        bills[building.id] = of_building
    return bills


def _read_bills(site: Site, buildings: Iterable[Building], period: Period) -> Iterable[ReadBills]:
    """List the bills that are read in a period, of buildings whose bills are not those of calendar months."""
    for building in buildings:
        if (read_day_of(site, building, period.last_day) or 1) == 1:
            continue
        bills = month_bills(site, building, period, by_reads=True)
        first, last = bills[0].each[0].quantities.days.first, bills[-1].each[-1].quantities.days.end
        yield ReadBills(
            building.id,
            first,
            last - dt.timedelta(days=1),
            len(bills),
            sum(bill.billed_kwh for bill in bills),
            sum(bill.total_thb for bill in bills),
        )


def _has_minimum(bills: Iterable[Bill]) -> bool:
    return any(bill.amount_thb("minimum") for bill in bills)


def _first_billed(site: Site, building: str) -> dt.date:
    """Return the first day on which a building can be billed: its rates, Ft and VAT are known."""
    tariffs = site.figures.tariffs
    return max(
        tariffs.first_day, tariffs.schedules[site.portfolio.schedule_of(site.portfolio.buildings[building])].first_day
    )


def _items(bills: Sequence[Bill]) -> tuple[BillItem, ...]:
    """Sum each item of bills over them."""
    items = in_bill_order(line.item for bill in bills for line in bill.lines)
    return tuple(BillItem(item, sum(bill.amount_thb(item) for bill in bills)) for item in items)
