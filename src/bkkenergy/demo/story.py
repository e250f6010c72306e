"""What people have done in the demonstration: projects at each stage, notes, paper bills, and work on findings."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from bkkenergy.access import Actor
from bkkenergy.calendar import BANGKOK, Period, buddhist_year
from bkkenergy.demo.meters import COOLING_LEFT_ON
from bkkenergy.plan import Project
from bkkenergy.plan.projects import ProjectKind, ProjectState
from bkkenergy.portfolio import Portfolio
from bkkenergy.portfolio.more import ElectricityAccount
from bkkenergy.reports.savings.gather import facts_of
from bkkenergy.savings.insights import dismissed_as, find
from bkkenergy.site import Site
from bkkenergy.tariff.bill import Bill, bill_of
from bkkenergy.tariff.paper import PaperBill, PaperItem
from bkkenergy.usecases.bills import bill_of_days, known_ratio, months_before
from bkkenergy.usecases.ereport import enter_month
from bkkenergy.usecases.findingwork import AskedWork, enter_work
from bkkenergy.usecases.notes import write_note
from bkkenergy.usecases.paperbills import enter_bills
from bkkenergy.usecases.plan import enter_projects

MIN_KNOWN_RATIO = 0.99

NOTE = "ทดสอบระบบปรับอากาศหลังเวลาทำการ / Air conditioning was tested after hours"


class DemoNote(NamedTuple):
    """A note on some days of a building."""

    building: str
    days_ago: int
    days: int
    text: str


class DemoProject(NamedTuple):
    """A project as the demonstration has it; its money and energy are made up."""

    building: str
    kind: ProjectKind
    state: ProjectState
    name_th: str
    name_en: str
    expected_kwh: float
    budget_thb: float


MEASURES = (
    DemoProject(
        "district-latkrabang.office",
        "schedule",
        "surveyed",
        "ตั้งเวลาเครื่องปรับอากาศ",
        "Air conditioning by timer",
        38_000,
        60_000,
    ),
    DemoProject("medical-service.klang", "cooling", "proposed", "เปลี่ยนเครื่องทำน้ำเย็น", "New chiller", 410_000, 9_500_000),
    DemoProject("district-chatuchak.office", "led", "endorsed", "เปลี่ยนหลอดเป็น LED", "LED lamps", 52_000, 780_000),
    DemoProject(
        "education.headquarters",
        "solar",
        "running",
        "โซลาร์รูฟท็อปอาคารสำนักการศึกษา",
        "Rooftop PV of the headquarters",
        96_000,
        2_100_000,
    ),
    DemoProject(
        "district-phayathai.office",
        "led",
        "done",
        "เปลี่ยนหลอดเป็น LED ทั้งอาคาร",
        "LED lamps in the whole building",
        61_000,
        840_000,
    ),
    DemoProject(
        "drainage-sewerage.dindaeng",
        "wastewater",
        "proposed",
        "เปลี่ยนเครื่องเติมอากาศ",
        "New aerators",
        620_000,
        14_000_000,
    ),
    DemoProject("health.centre-1", "behaviour", "dropped", "รณรงค์ปิดไฟพักเที่ยง", "Lights out at noon", 4_000, 5_000),
)


NOTES = (
    DemoNote("medical-service.klang", 12, 2, "ซ่อมเครื่องทำน้ำเย็นหมายเลข 1 / Chiller 1 was repaired"),
    DemoNote("district-bangkhen.school-1", 20, 3, "สอบกลางภาค / Midterm exams"),
    DemoNote("district-chatuchak.office", 8, 1, "งานบริการประชาชนนอกเวลา / Services for citizens after hours"),
)
PAPER_MONTHS = 2
READ_EARLY_DAYS = 3
"""The last paper bill has the energy of as many more days: its first read was made before the day that it names."""
WORK: Mapping[str, AskedWork] = {
    COOLING_LEFT_ON: AskedWork("assigned", "ช่างอาคาร", comment="ตรวจตารางเวลาเครื่องปรับอากาศ / Check the timer"),
    "medical-service.klang": AskedWork("repairing", "วิศวกรโรงพยาบาล"),
    "district-phayathai.sports": AskedWork("seen"),
}
DAYS_TO_DUE = 14
FUEL_LITRES = {"environment": 415_000.0, "fire-rescue": 38_000.0, "district-dindaeng": 21_000.0}
"""Of vehicles in a month a year ago, made up; each later month takes 0.3 % less."""
FUEL_MONTHS, FUEL_FALL_RATIO = 26, 0.003


def enter_story(site: Site, actor: Actor, now: dt.datetime, lamps_on: dt.date | None = None) -> int:
    """Enter what people did in the buildings that there are; return how many projects.

    lamps_on : since when the new lamps burn.
    """
    done_on = lamps_on or now.astimezone(BANGKOK).date() - dt.timedelta(days=21)
    projects = _projects(site.portfolio, now, done_on)
    if projects:
        enter_projects(site.state, actor, projects, now)
    _enter_notes(site, actor, now)
    for account in site.portfolio.accounts.values():
        _enter_bills(site, actor, account, now)
    _enter_work(site, actor, now)
    _enter_fuel(site, actor, now)
    return len(projects)


def _projects(portfolio: Portfolio, now: dt.datetime, done_on: dt.date) -> list[Project]:
    buildings, today = portfolio.buildings, now.astimezone(BANGKOK).date()
    return [
        Project(
            id=f"{measure.kind}-{measure.building}",
            agency=buildings[measure.building].agency,
            building=measure.building,
            kind=measure.kind,
            name_th=measure.name_th,
            name_en=measure.name_en,
            expected_kwh=measure.expected_kwh,
            budget_thb=measure.budget_thb,
            due_year_be=buddhist_year(today.year) + 1,
            state=measure.state,
            done_on=done_on if measure.state == "done" else None,
        )
        for measure in MEASURES
        if measure.building in buildings
    ]


def _enter_fuel(site: Site, actor: Actor, now: dt.datetime) -> None:
    """Enter the fuel of vehicles in the months before, as agencies do by hand."""
    last = now.astimezone(BANGKOK).date().replace(day=1)
    for back in range(FUEL_MONTHS):
        last = (last - dt.timedelta(days=1)).replace(day=1)
        for agency, litres in FUEL_LITRES.items():
            if agency in site.portfolio.agencies:
                amount = round(litres * (1 - FUEL_FALL_RATIO * (12 - back)))
                enter_month(site.state, actor, site.portfolio, agency, last, {"fuel_litres": float(amount)}, now)


def _enter_notes(site: Site, actor: Actor, now: dt.datetime) -> None:
    """Enter the note on yesterday's evening, and those on days before."""
    midnight = dt.datetime.combine(now.astimezone(BANGKOK).date(), dt.time(), BANGKOK)
    times = {COOLING_LEFT_ON: (midnight - dt.timedelta(hours=6), midnight, NOTE)}
    for note in NOTES:
        first = midnight - dt.timedelta(days=note.days_ago)
        times[note.building] = (first, first + dt.timedelta(days=note.days), note.text)
    for building, (first, end, text) in times.items():
        if building in site.portfolio.buildings:
            write_note(site.state, actor, site.portfolio, building, first, end, text, now)


def _enter_bills(site: Site, actor: Actor, account: ElectricityAccount, now: dt.datetime) -> None:
    """Enter an account's paper bills of the last whole months that were measured, the last one wrong."""
    month = now.astimezone(BANGKOK).date().replace(day=1)
    papers: list[PaperBill] = []
    for number in range(PAPER_MONTHS, 0, -1):
        first = months_before(month, number)
        days = Period.month(first.year, first.month)
        if known_ratio(site, account, days) < MIN_KNOWN_RATIO:
            continue
        ours = bill_of_days(site, account, days, first)
        early = dt.timedelta(days=READ_EARLY_DAYS if number == 1 else 0)
        metered = bill_of_days(site, account, Period.days(days.first_day - early, days.last_day), first)
        papers.append(_paper(site, ours, days, metered))
    if papers:
        source = "demonstration"
        enter_bills(site.state, actor, site.portfolio, account.id, papers, source=source, replaces=False, now=now)


def _paper(site: Site, ours: Bill, days: Period, metered: Bill) -> PaperBill:
    """Return the paper bill that the utility would send for some days, with the energy that was metered in others."""
    read = metered.quantities
    billed = replace(ours.quantities, energy_kwh=read.energy_kwh, on_peak_kwh=read.on_peak_kwh)
    bill = bill_of(billed, site.figures.tariffs.schedules[ours.schedule_id], site.figures.tariffs)
    items_thb: dict[PaperItem, float] = {}
    for line in bill.lines:
        items_thb[line.item] = round(items_thb.get(line.item, 0.0) + line.amount_thb, 2)
    return PaperBill(
        first=days.first_day,
        last=days.last_day,
        energy_kwh=round(billed.energy_kwh, 2),
        on_peak_kwh=round(billed.on_peak_kwh, 2),
        off_peak_kwh=round(billed.energy_kwh - billed.on_peak_kwh, 2),
        items_thb=items_thb,
        total_thb=round(bill.total_thb, 2),
    )


def _enter_work(site: Site, actor: Actor, now: dt.datetime) -> None:
    """Enter how the largest finding of some buildings stands."""
    today = now.astimezone(BANGKOK).date()
    for name, asked in WORK.items():
        building = site.portfolio.buildings.get(name)
        if building is None or not building.main_meters:
            continue
        facts = facts_of(site, building, last_day=today - dt.timedelta(days=1))
        findings = find(facts, site.savings.insights)
        if findings:
            due = today + dt.timedelta(days=DAYS_TO_DUE) if asked.owner else None
            first = max(findings, key=lambda finding: finding.cost_thb_a_month)
            enter_work(
                site.state, actor, site.portfolio, name, dismissed_as(first), replace(asked, due=due), findings, now
            )
