"""Which column of a list is which field: by its heading in Thai or English, or as a person said before."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from bkkenergy.i18n import LANGS, catalogue
from bkkenergy.tomlfiles import read_toml
from bkkenergy.usecases.recordforms.fields import fields_of, label_key

LIST_KINDS = ("building", "meter", "account", "contact", "equipment", "agency", "recipient", "threshold", "pv_plant",
              "roof")  # fmt: skip
"""Kinds that lists have: the others have more in them than a row can say."""
PARTS = ("meter", "roof", "account", "contact")
"""What a list of buildings may have beside the building itself: a record of each kind a building."""
COORDINATES = "coordinates"
REVISION = "revision"
"""The column that says at which revision a list was exported."""
REVISION_LABEL = "record.list_revision"
DRIVER = "drivers."
NO_FIELD = ""
IN_LISTS = frozenset({"text", "long", "number", "whole", "tick", "choice", "date", "instant", "one", "many", "days"})
"""How fields are asked for that a cell can hold."""
PART_FIELDS: Mapping[str, tuple[str, ...]] = {
    "meter": ("rated_kw", "ct_ratio", "vt_ratio", "topic", "payload", "key", "register_digits"),
    "roof": ("area_m2", "tilt_deg", "azimuth_deg"),
    "account": ("number", "schedule", "read_day"),
    "contact": ("name", "phone", "mail", "role"),
}
SYNONYMS: Mapping[str, tuple[str, ...]] = {
    NO_FIELD: ("ลำดับ", "ลำดับที่", "ที่", "no", "no.", "number", "หมายเหตุ", "remark"),
    "id": ("รหัส", "รหัสโรงเรียน", "รหัสอาคาร", "id", "code"),
    "name_th": ("ชื่อ", "ชื่ออาคาร", "ชื่อโรงเรียน", "ชื่อสถานศึกษา", "โรงเรียน", "สถานที่", "อาคาร", "name", "school", "building"),
    "name_en": ("ชื่ออังกฤษ", "ชื่อภาษาอังกฤษ", "english name", "name (en)", "name en"),
    "agency": ("หน่วยงาน", "สังกัด", "เขต", "สำนักงานเขต", "สำนัก", "district", "agency", "office"),
    "type": ("ประเภท", "ประเภทอาคาร", "ชนิดอาคาร", "type"),
    "gross_floor_area_m2": ("พื้นที่", "พื้นที่ใช้สอย", "พื้นที่อาคาร", "พื้นที่รวม", "floor area", "area", "gfa"),
    "latitude_deg": ("ละติจูด", "lat", "latitude", "northing", "n", "y", "พิกัด y", "พิกัดเหนือ"),
    "longitude_deg": ("ลองจิจูด", "lon", "lng", "long", "longitude", "easting", "e", "x", "พิกัด x", "พิกัดตะวันออก"),
    COORDINATES: ("พิกัด", "พิกัดที่ตั้ง", "coordinates", "gps", "location", "lat, lon", "lat,long"),
    "tariff": ("อัตราค่าไฟฟ้า", "อัตรา", "ประเภทผู้ใช้ไฟฟ้า", "tariff"),
    "calendar": ("ปฏิทิน", "เวลาทำการ", "calendar"),
    "drivers.students": ("นักเรียน", "จำนวนนักเรียน", "students"),
    "drivers.staff": ("บุคลากร", "จำนวนบุคลากร", "ครู", "จำนวนครู", "staff"),
    "drivers.beds": ("เตียง", "จำนวนเตียง", "beds"),
    "meter.rated_kw": ("พิกัดมิเตอร์", "พิกัดกำลังไฟฟ้า", "กำลังไฟฟ้าสูงสุด", "rated kw", "rated power"),
    "meter.ct_ratio": ("ct", "อัตราส่วน ct", "ct ratio"),
    "meter.topic": ("หัวข้อ", "หัวข้อ mqtt", "topic", "mqtt topic"),
    "account.number": ("เลขที่บัญชีผู้ใช้ไฟฟ้า", "บัญชีแสดงสัญญา", "เลขที่ผู้ใช้ไฟฟ้า", "หมายเลขผู้ใช้ไฟฟ้า", "ca", "account number"),
    "roof.area_m2": ("พื้นที่หลังคา", "หลังคา", "roof area"),
    "contact.name": ("ผู้ติดต่อ", "ผู้ประสานงาน", "ผู้อำนวยการ", "contact"),
    "count": ("จำนวน", "จำนวนเครื่อง", "จำนวนหลอด", "qty", "quantity", "count"),
    "cooling_btu_h": ("บีทียู", "btu", "btu/h", "ขนาดบีทียู", "ขนาด (บีทียู)", "ขนาด (btu)", "ขนาดทำความเย็น"),
    "seer_btu_h_per_w": ("seer", "eer", "ค่าประสิทธิภาพ"),
    "hours_a_day": ("ชั่วโมง", "ชั่วโมงต่อวัน", "ชั่วโมงใช้งาน", "hours", "hours per day"),
    "room": ("ห้อง", "สถานที่ติดตั้ง", "room"),
    "contact.phone": ("โทรศัพท์", "เบอร์โทร", "เบอร์โทรศัพท์", "โทร", "phone", "tel"),
}  # fmt: skip
"""Headings that lists have, by the field of a building that they mean."""


def list_fields(kind: str) -> tuple[str, ...]:
    """Return the fields that a list of a kind may have: of a building with those of its parts."""
    names = [*(field.name for field in fields_of(kind) if field.widget in IN_LISTS), REVISION]
    if kind != "building":
        return tuple(names)
    drivers = [name for name in SYNONYMS if name.startswith(DRIVER)]
    parts = [f"{part}.{name}" for part in PARTS for name in PART_FIELDS[part]]
    return (*names, COORDINATES, *drivers, *parts)


def field_of(kind: str, heading: str, said: Mapping[str, str]) -> str | None:
    """Return the field that a heading means: as a person said, else as it is known; None where it is not known."""
    plain = plain_heading(heading)
    if plain in said:
        return said[plain]
    known = _known(kind)
    for text in (plain, re.sub(r"\(.*?\)|\[.*?\]", "", plain).strip()):
        if text in known:
            return known[text]
    return None


@cache
def _known(kind: str) -> Mapping[str, str]:
    """Return the field of each known heading: its own name, its labels, and what lists of buildings write."""
    known: dict[str, str] = {}
    for lang in LANGS:
        texts = catalogue(lang)
        for name in list_fields(kind):
            part, _, inner = name.rpartition(".")
            key = REVISION_LABEL if name == REVISION else label_key(part or kind, inner, texts)
            label = texts.get(key, name)
            if part in PARTS:
                label = f"{texts[f'record_kind.{part}']}: {label}"
            known.setdefault(plain_heading(label), name)
            known.setdefault(plain_heading(re.sub(r"\(.*?\)", "", label)), name)
    known |= {plain_heading(name): name for name in list_fields(kind)}
    if kind == "building":
        known |= {plain_heading(text): name for name, texts in SYNONYMS.items() for text in texts}
    return known


def plain_heading(text: str) -> str:
    """Return a heading in one form: without case, line breaks and signs around it."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(re.sub(r"[*:._]+", " ", plain).split())


# -- remembered ----------------------------------------------------------------------------------------------------


def _file(folder: Path, kind: str) -> Path:
    return folder / f"records-{kind}.toml"


def remembered(folder: Path, kind: str) -> dict[str, str]:
    """Return what people said of headings of a kind's lists. Raises ConfigError where the file is damaged."""
    path = _file(folder, kind)
    if not path.exists():
        return {}
    columns = read_toml(path).get("columns", {})
    known = {NO_FIELD, *list_fields(kind)}
    return {str(heading): field for heading, field in columns.items() if field in known}


def remember(folder: Path, kind: str, said: Mapping[str, str]) -> None:
    """Store what a person said of headings, beside what was said before."""
    known = remembered(folder, kind)
    columns = known | {plain_heading(heading): field for heading, field in said.items()}
    if columns == known:
        return
    folder.mkdir(parents=True, exist_ok=True)
    lines = ["[columns]", *(f"{_quoted(heading)} = {_quoted(field)}" for heading, field in sorted(columns.items()))]
    fresh = _file(folder, kind).with_suffix(".new")
    fresh.write_text("\n".join(lines) + "\n", encoding="utf-8")
    fresh.replace(_file(folder, kind))


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
