"""Thai as officials write it: fifteen things that were said oddly, each with what is said today, and where it is not."""

from __future__ import annotations

import pytest

from bkkenergy.i18n import catalogue
from tests.conftest import ROOT

LINES: tuple[tuple[str, tuple[str, ...], dict[str, str]], ...] = (
    ("administration is no person", (), {"web.admin": "จัดการระบบ", "web.role_admin": "ผู้ดูแลระบบ"}),
    ("jobs follow a schedule", ("งานตามเวลา",), {"web.jobs": "งานตามกำหนดการ"}),
    ("a project has a status", ("เปลี่ยนขั้น", "ย้ายขั้น"), {"plan.state": "สถานะ", "web.move": "เปลี่ยนสถานะ"}),
    ("a saving that may be none", ("แยกจากศูนย์ไม่ได้",), {"saving.unclear_less": "ยังสรุปไม่ได้ว่าประหยัดได้จริง"}),
    ("a saving that is significant", ("พิสูจน์ได้",), {"saving.proven": "มีนัยสำคัญทางสถิติ"}),
    ("months that the model has not seen", ("เดือนที่ไม่เคยเห็น",), {"saving.baseline": "ไม่ได้ใช้สร้าง"}),
    ("the report of a design", ("แบบออกแบบ",), {"solar.title": "รายงานการออกแบบระบบโซลาร์รูฟท็อป"}),
    (
        "what is typical",
        ("แบบฉบับ", "ปีอากาศเฉลี่ย", "ปีตัวแทน"),
        {"solar.load_typical": "รูปแบบการใช้ไฟฟ้าตัวแทน", "report.solar_note": "ปีอากาศตัวแทน"},
    ),
    (
        "what is lost on the way",
        ("ความไม่เข้าคู่", "เกินพิกัด"),
        {
            "solar.step_mismatch": "การสูญเสียจากแผงไม่สมดุล (mismatch)",
            "solar.step_clipping": "การจำกัดกำลังที่อินเวอร์เตอร์ (clipping)",
        },
    ),
    ("the highest demand", ("ความต้องการไฟฟ้าสูงสุด",), {"report.peak": "ความต้องการพลังไฟฟ้าสูงสุด"}),
    ("the peak that is charged", ("ความต้องการสูงสุดที่กำหนด",), {"insight.demand_peak": "พีคที่ทำให้ค่าความต้องการพลังไฟฟ้าสูง"}),
    ("agencies are no persons", ("ใครใช้มาก", "ใครใช้น้อย"), {"report.ranking": "ใช้ไฟฟ้ามากหรือน้อยกว่าที่คาด"}),
    ("a heat map is no map of heat", ("แผนที่ความร้อน",), {"report.heat": "แผนภาพการใช้ไฟฟ้ารายชั่วโมง"}),
    (
        "what is written for operators",
        ("สมุดบัญชีงาน", "สำรองของมันเอง", "ย่อแล้วคืนไม่ได้"),
        {"how-to/operator.md": "ต้องสำรองด้วยเครื่องมือของ InfluxDB", "explanation/scaling.md": "ทะเบียนงาน"},
    ),
    (
        "what is written for managers and engineers",
        ("เป็นไม้บรรทัด", "ไฟที่ไหลย้อน", "แถบนี้ครอบศูนย์", "โทเค็น"),
        {
            "how-to/manager.md": "ใช้เป็นค่าอ้างอิง",
            "how-to/engineer.md": "ไฟฟ้าที่ไหลย้อน",
            "explanation/savings.md": "ครอบคลุมค่าศูนย์",
            "reference/api.md": "โทเคน",
        },
    ),
)
"""A line: what it is about, what nothing says any more, and texts or guides with what they say."""
GUIDES = ROOT / "docs/th"


def sayings() -> dict[str, str]:
    """Every Thai text by its key, and every Thai guide by its path."""
    guides = {path.relative_to(GUIDES).as_posix(): path.read_text(encoding="utf-8") for path in GUIDES.rglob("*.md")}
    return dict(catalogue("th")) | guides


@pytest.mark.parametrize(("gone", "today"), [line[1:] for line in LINES], ids=[line[0] for line in LINES])
def test_thai_says_it_as_officials_do(gone, today):
    texts = sayings()
    assert {where: text for where, text in today.items() if text not in texts[where]} == {}
    assert [(where, old) for where, text in texts.items() for old in gone if old in text] == []
