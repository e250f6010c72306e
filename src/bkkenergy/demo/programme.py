"""The programme beside projects in the demonstration: partners, needs, a workshop with what followed, a consent."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

from bkkenergy.portfolio import Portfolio
from bkkenergy.portfolio.edits import Put

SCHOOL, OFFICE = "district-dindaeng.school-1", "district-bangkhen.office"
"""Where it plays; what needs a building that is not there is left out."""
PARTNERS: tuple[dict[str, Any], ...] = (
    {
        "id": "esco-a", "name_th": "บริษัทจัดการพลังงาน ก (สาธิต)", "name_en": "Energy service company A (demo)",
        "kind": "esco", "measures": ["led", "cooling"], "standing": "shortlisted", "finance_thb": 20_000_000,
        "needs": "ข้อมูลการใช้ไฟฟ้ารายชั่วโมงหนึ่งปี / A year of hourly use", "gaps": "",
    },
    {
        "id": "solar-b", "name_th": "บริษัทโซลาร์ ข (สาธิต)", "name_en": "Solar company B (demo)",
        "kind": "supplier", "measures": ["solar"], "standing": "agreed", "has_jcm": True,
        "needs": "แบบโครงสร้างหลังคา / Drawings of roofs", "gaps": "",
    },
    {
        "id": "bank-c", "name_th": "ธนาคาร ค (สาธิต)", "name_en": "Bank C (demo)", "kind": "financier",
        "measures": ["led", "solar", "cooling"], "standing": "candidate", "needs": "",
        "gaps": "ไม่มีเกณฑ์วัดผลประหยัด / No measure of savings",
    },
)  # fmt: skip
"""Made up: no company is meant."""


def programme_edits(portfolio: Portfolio, today: dt.date) -> list[Put]:
    """Return the programme's records, of the buildings that there are."""
    return [Put(kind, body) for kind, body in _records(portfolio, today)]


def _records(portfolio: Portfolio, today: dt.date) -> Iterator[tuple[str, dict[str, Any]]]:
    buildings = [portfolio.buildings[name] for name in (SCHOOL, OFFICE) if name in portfolio.buildings]
    if not buildings:
        return
    surveyed, taught, changed, agreed = (f"{today - dt.timedelta(days=days)}" for days in (120, 60, 30, 90))
    yield from (("partner", partner | {"surveyed_on": surveyed}) for partner in PARTNERS)
    yield "workshop", {
        "id": "workshop-1", "name_th": "อบรมอ่านรายงานพลังงาน (สาธิต)", "name_en": "Reading energy reports (demo)",
        "kind": "training", "first": taught, "last": taught, "hours": 6.0,
        "attendance": [{"agency": one.agency, "invited": 12, "attended": 9} for one in buildings],
        "material": [{"name": "เอกสารฝึกอบรม / Training sheet"}],
    }  # fmt: skip
    for one in buildings:
        of_one = {"agency": one.agency, "building": one.id}
        yield "need", of_one | {
            "id": f"need-{one.agency}", "measure": "led", "name_th": "เปลี่ยนหลอดไฟทั้งอาคาร (สาธิต)",
            "name_en": "New lamps in the whole building (demo)", "gaps": ["money", "procurement"],
            "surveyed_on": surveyed,
        }  # fmt: skip
        yield "follow_up", of_one | {
            "id": f"follow-up-{one.agency}", "workshop": "workshop-1", "name_th": "ตั้งเวลาเครื่องปรับอากาศ (สาธิต)",
            "name_en": "Timers of air conditioners were set (demo)", "changed_on": changed,
        }  # fmt: skip
    yield "consent", {
        "id": "consent-1", "agency": buildings[0].agency, "buildings": [buildings[0].id],
        "figures": ["energy", "intensity"], "licence": "cc_by_4", "agreed_by": "ผู้อำนวยการเขต (สาธิต)",
        "agreed_on": agreed,
    }  # fmt: skip
