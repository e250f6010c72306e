"""What people have done in the demonstration: projects at each stage, and a note on the day that stands out."""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple

from bkkenergy.access import Actor
from bkkenergy.calendar import BANGKOK, buddhist_year
from bkkenergy.demo.meters import COOLING_LEFT_ON
from bkkenergy.plan import Project
from bkkenergy.plan.projects import ProjectKind, ProjectState
from bkkenergy.site import Site
from bkkenergy.usecases.notes import write_note
from bkkenergy.usecases.plan import enter_projects

NOTE = "ทดสอบระบบปรับอากาศหลังเวลาทำการ / Air conditioning was tested after hours"


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
    DemoProject("health.centre-1", "behaviour", "dropped", "รณรงค์ปิดไฟพักเที่ยง", "Lights out at noon", 4_000, 5_000),
)


def enter_story(site: Site, actor: Actor, now: dt.datetime) -> int:
    """Enter the projects whose buildings there are, and the note; return how many projects."""
    buildings, today = site.portfolio.buildings, now.astimezone(BANGKOK).date()
    projects = [
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
            done_on=today - dt.timedelta(days=21) if measure.state == "done" else None,
        )
        for measure in MEASURES
        if measure.building in buildings
    ]
    if projects:
        enter_projects(site.state, actor, projects, now)
    if COOLING_LEFT_ON in buildings:
        end = dt.datetime.combine(today, dt.time(), BANGKOK)
        evening = end - dt.timedelta(hours=6)
        write_note(site.state, actor, site.portfolio, COOLING_LEFT_ON, evening, end, NOTE, now)
    return len(projects)
