"""An untidy list of generated schools, as an office might have it: merged cells, Thai headings, blanks, sums, repeats."""

from __future__ import annotations

import random
from pathlib import Path

import openpyxl

DISTRICTS = ("บางเขน", "ดินแดง", "จตุจักร", "ลาดกระบัง", "มีนบุรี", "หนองจอก", "คลองเตย", "บางกอกใหญ่", "ธนบุรี", "พระโขนง")
SOUNDS = ("วัดทอง", "วัดใหม่", "บ้านคลอง", "ประชา", "สามเสน", "ราษฎร์", "พระยา", "ดอนเมือง", "หนองแขม", "สวน")
HEADINGS = ("ลำดับ", "เขต", "ชื่อโรงเรียน", "พื้นที่ใช้สอย\n(ตร.ม.)", "พิกัด", "จำนวนนักเรียน", "เลขที่บัญชีผู้ใช้ไฟฟ้า", "พิกัดมิเตอร์ (kW)",
            "CT", "พื้นที่หลังคา", "ผู้อำนวยการ", "เบอร์โทร", "หมายเหตุ")  # fmt: skip


def place(number: int) -> str:
    """The place of a school, written in one of the ways that lists have."""
    latitude, longitude = 13.70 + number * 1e-4, 100.50 + number * 1e-4
    match number % 3:
        case 0:
            return f"{latitude:.5f}, {longitude:.5f}"
        case 1:
            return f"{dms(latitude)}N {dms(longitude)}E"
        case _:
            return f"{664_000 + number} {1_514_000 + number * 11}"


def dms(angle: float) -> str:
    seconds = round(angle * 3600, 1)
    return f"{int(seconds // 3600)}°{int(seconds % 3600 // 60):02}'{seconds % 60:04.1f}\""


def write_untidy(path: Path, count: int, *, seed: int = 3) -> None:
    """Write a list of that many schools, and of some rows that are none."""
    chance = random.Random(seed)
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "โรงเรียน"
    sheet.append(["บัญชีรายชื่อโรงเรียนสังกัดกรุงเทพมหานคร"])
    sheet.merge_cells("A1:M1")
    sheet.append(["ข้อมูล ณ วันที่ ๑ พฤศจิกายน ๒๕๖๙"])
    sheet.append([])
    sheet.append(HEADINGS)
    number = 0
    for index, district in enumerate(DISTRICTS):
        members = count // len(DISTRICTS) + (index < count % len(DISTRICTS))
        first = 0
        for inner in range(members):
            number += 1
            row = [
                number, f"เขต{district}" if inner == 0 else None, f"โรงเรียน{SOUNDS[inner % 10]}{district} {inner // 10 + 1}",
                chance.choice([1250 + number, f"{1250 + number:,} ตร.ม.", f"{1250 + number}.5"]), place(number),
                thai(100 + number) if number % 7 == 0 else 100 + number, 900_000_000 + seed * 10_000 + number,
                100 + number % 50, "400/5" if number % 2 else 1, 300.0 if number % 4 else None,
                "นางสาวมาลี ใจดี", f"02-{number:07}", None,
            ]  # fmt: skip
            sheet.append(row)
            first = first or sheet.max_row
            if number % 90 == 0:
                sheet.append(row)  # entered twice
        sheet.merge_cells(start_row=first, end_row=sheet.max_row, start_column=2, end_column=2)
        sheet.append(["รวมเขต" + district, None, None, members])
        sheet.append([])
    book.create_sheet("ว่าง")
    book.save(path)


def thai(number: int) -> str:
    return str(number).translate(str.maketrans("0123456789", "๐๑๒๓๔๕๖๗๘๙"))
