"""A register of the programme for tests: partners, needs, a workshop with what followed, and a consent."""

from __future__ import annotations

REGISTER = """
[[partner]]
id = "cool-co"
name_th = "บริษัท เย็นสบาย จำกัด"
name_en = "Cool Co."
kind = "esco"
measures = ["cooling", "led"]
standing = "shortlisted"
has_jcm = true
finance_thb = 50000000
surveyed_on = 2026-10-05
needs = "Hourly data of chillers"
gaps = "No staff for small sites"

[[partner]]
id = "lamp-co"
name_th = "บริษัท แสง จำกัด"
name_en = "Lamp Co."
kind = "supplier"
measures = ["led"]
standing = "declined"

[[need]]
id = "old-splits"
agency = "health"
building = "health.centre-1"
measure = "cooling"
name_th = "เปลี่ยนเครื่องปรับอากาศเก่า"
name_en = "Replace old air conditioners"
gaps = ["money", "procurement"]
surveyed_on = 2026-10-06

[[workshop]]
id = "first-course"
name_th = "อบรมการอ่านรายงานพลังงาน"
name_en = "Reading the energy report"
kind = "training"
first = 2026-10-12
last = 2026-10-13
hours = 12
attendance = [{ agency = "health", invited = 10, attended = 8 }, { agency = "education", invited = 5, attended = 0 }]
material = [{ name = "Slides", address = "https://example.org/slides" }]

[[follow_up]]
id = "lights-at-noon"
agency = "health"
building = "health.centre-1"
workshop = "first-course"
name_th = "ปิดไฟพักเที่ยง"
name_en = "Lights off at noon"
changed_on = 2026-10-20

[[consent]]
id = "centre-1"
agency = "health"
buildings = ["health.centre-1"]
figures = ["energy", "intensity"]
licence = "cc_by_4"
agreed_by = "ผู้อำนวยการสำนักอนามัย"
agreed_on = 2026-11-01
document = "กท 0702/1234"
"""
