"""What a bill's field is called in files, and what a cell of it says."""

from __future__ import annotations

import datetime as dt
import re
from calendar import monthrange
from collections.abc import Iterable
from typing import Literal, get_args

from bkkenergy.errors import InputError
from bkkenergy.ingest.sheets.cells import (
    BUDDHIST_FROM,
    MONTH_NAMES,
    days_of,
    is_missing,
    split_stamp,
)
from bkkenergy.ingest.sheets.numbers import number_of
from bkkenergy.tariff.bill import Item
from bkkenergy.texts import BE_OFFSET_YEARS, Phrase

DayField = Literal["month", "from", "to", "read_before", "read_on"]
QuantityField = Literal["kwh", "kwh_on_peak", "kwh_off_peak", "kw", "kvar"]
OtherField = Literal["account", "number", "estimated", "adjustment", "total"]
Field = DayField | QuantityField | OtherField | Item
DAY_FIELDS: tuple[DayField, ...] = get_args(DayField)
QUANTITIES: tuple[QuantityField, ...] = get_args(QuantityField)
ITEMS: tuple[Item, ...] = get_args(Item)
FIELDS: tuple[str, ...] = (*DAY_FIELDS, *QUANTITIES, *get_args(OtherField), *ITEMS)
"""from, to : the first and the last day. read_before, read_on : the days of the two reads; the bill ends the day before
the second. estimated : whether that read was an estimate. adjustment : added or credited beside the lines."""

NAMES: dict[str, tuple[str, ...]] = {
    "month": ("month", "billing month", "bill month", "เดือน", "ประจำเดือน", "ค่าไฟฟ้าประจำเดือน", "รอบบิล"),
    "from": ("from", "first day", "ตั้งแต่วันที่", "จากวันที่"),
    "to": ("to", "last day", "ถึงวันที่"),
    "read_before": (
        "previous read date", "previous reading date", "วันที่จดครั้งก่อน", "วันที่อ่านครั้งก่อน", "วันที่จดเลขอ่านครั้งก่อน",
    ),
    "read_on": (
        "read date", "reading date", "meter reading date", "วันที่จดเลขอ่าน", "วันที่อ่านหน่วย", "วันที่จดหน่วย", "วันที่จดครั้งหลัง",
    ),
    "kwh": (
        "kwh", "energy kwh", "units", "จำนวนหน่วย", "จำนวนหน่วยที่ใช้", "หน่วยที่ใช้", "หน่วย", "รวมหน่วย", "พลังงานไฟฟ้าที่ใช้",
    ),
    "kwh_on_peak": ("kwh on peak", "on peak kwh", "หน่วย on peak", "จำนวนหน่วย on peak", "units on peak"),
    "kwh_off_peak": ("kwh off peak", "off peak kwh", "หน่วย off peak", "จำนวนหน่วย off peak", "units off peak"),
    "kw": ("kw", "demand kw", "ความต้องการพลังไฟฟ้า", "ความต้องการพลังไฟฟ้าสูงสุด", "maximum demand"),
    "kvar": ("kvar", "กิโลวาร์"),
    "account": ("account", "contract account", "ca", "บัญชีแสดงสัญญา", "เลขที่บัญชีแสดงสัญญา", "หมายเลขผู้ใช้ไฟฟ้า"),
    "number": ("number", "invoice", "invoice no", "bill no", "เลขที่ใบแจ้ง", "เลขที่ใบแจ้งค่าไฟฟ้า"),
    "estimated": ("estimated", "ประมาณการ", "ค่าประมาณ"),
    "energy": ("energy", "energy charge", "ค่าพลังงานไฟฟ้า"),
    "energy_on_peak": ("energy on peak", "ค่าพลังงานไฟฟ้า on peak", "on peak charge"),
    "energy_off_peak": ("energy off peak", "ค่าพลังงานไฟฟ้า off peak", "off peak charge"),
    "demand": ("demand", "demand charge", "ค่าความต้องการพลังไฟฟ้า"),
    "demand_partial": ("demand partial", "ค่าความต้องการพลังไฟฟ้า partial peak"),
    "minimum": ("minimum", "minimum charge", "ค่าไฟฟ้าต่ำสุด"),
    "power_factor": ("power factor", "power factor charge", "ค่าเพาเวอร์แฟคเตอร์"),
    "service": ("service", "service charge", "ค่าบริการ", "ค่าบริการรายเดือน"),
    "ft": ("ft", "ft charge", "ค่า ft", "ค่าไฟฟ้าผันแปร", "ค่าไฟฟ้าผันแปร ft"),
    "vat": ("vat", "vat 7%", "ภาษีมูลค่าเพิ่ม", "ภาษีมูลค่าเพิ่ม 7%"),
    "adjustment": ("adjustment", "credit", "ส่วนลด", "เงินชดเชย"),
    "total": (
        "total", "amount due", "total amount", "รวมเงินที่ต้องชำระ", "รวมเงินค่าไฟฟ้า", "รวมเงิน", "รวมทั้งสิ้น", "จำนวนเงินรวม",
        "ยอดเงินที่ต้องชำระ",
    ),
}  # fmt: skip
"""What fields are called: proposals, which a person confirms. Layouts of utilities' files were read in no public
source."""
MARKS = re.compile(r"[\u0e31\u0e34-\u0e3a\u0e47-\u0e4e]")
BRACKETS = re.compile(r"[(\[][^()\[\]]*[)\]]")
NO = frozenset({"false", "0", "no", "", "ไม่", "ไม่ใช่", "-"})
YES = frozenset({"true", "1", "yes", "ใช่", "ประมาณการ", "e", "estimated"})
CREDIT = re.compile(r"\(\s*([\d,.]+)\s*\)|([\d,.]+)\s*-")
MONTH_FIRST = re.compile(r"(\d{4})-(\d{1,2})")
MONTH_LAST = re.compile(r"(\d{1,2})[/-](\d{4})")
MONTH_NAMED = re.compile(r"([A-Za-z\u0e00-\u0e7f.]+)[ /-]*(\d{4}|\d{2})")
TWO_DIGITS, MAX_YEAR = 100, 2099


def skeleton(text: str) -> str:
    """Return a text as it is compared: without case, spaces, punctuation and the marks above and below Thai letters.

    Programs lose these marks when they take text out of a PDF, or put them in another order.
    """
    bare = MARKS.sub("", text.replace("ำ", "า").casefold())
    return re.sub(r"[^0-9a-z\u0e00-\u0e7f%]", "", bare)


SKELETONS: dict[str, str] = {skeleton(name): field for field, names in NAMES.items() for name in (field, *names)} | {
    skeleton(field.replace("_", " ")): field for field in FIELDS
}


TOTALS = frozenset(map(skeleton, ("รวม", "รวมทั้งสิ้น", "รวมทั้งปี", "รวมเป็นเงิน", "total", "grand total", "sum")))
"""Words that mark a row as the sum of others."""


def field_of(heading: str) -> str | None:
    """Return the field that a heading names, or None. Text in brackets is a unit, unless it says more."""
    return SKELETONS.get(skeleton(heading)) or SKELETONS.get(skeleton(BRACKETS.sub("", heading)))


def amount_of(text: str) -> float | Phrase:
    """Return the number of a cell, or why it is none. Credits have a minus behind them, or brackets around."""
    match = CREDIT.fullmatch(text.strip())
    bare = (match[1] or match[2]) if match else text.strip()
    if "," in bare and "." in bare and bare.rindex(",") > bare.rindex("."):
        return Phrase("row.comma_behind_point", {"text": text})
    number = number_of(bare, is_comma=False)
    if isinstance(number, Phrase):
        return number
    return -number.value if match else number.value


def day_of(text: str, this_year: int) -> dt.date:
    """Return a day of either era; of two numbers the first is the day. Raises InputError."""
    date, _ = split_stamp(text.strip()) or ("", "")
    days, _ = days_of([date], dates="dmy", calendar=None, this_year=this_year)
    if date not in days:
        raise InputError.of("bill_no_day", text=text)
    return days[date]


def month_of(text: str) -> dt.date:
    """Return the first day of a month, of either era: 2026-10, 10/2569, ต.ค. 69. Raises InputError."""
    bare = text.strip()
    if split_stamp(bare) is not None:
        return day_of(bare, MAX_YEAR).replace(day=1)
    if match := MONTH_FIRST.fullmatch(bare):
        year, month = int(match[1]), int(match[2])
    elif match := MONTH_LAST.fullmatch(bare):
        year, month = int(match[2]), int(match[1])
    elif match := MONTH_NAMED.fullmatch(bare):
        year, month = int(match[2]), MONTH_NAMES.get(match[1].replace(".", "").casefold(), 0)
        if year < TWO_DIGITS:
            is_thai = bool(re.match(r"[\u0e00-\u0e7f]", bare))
            year += 2500 if is_thai else 2000
    else:
        raise InputError.of("bill_no_month", text=text)
    try:
        return dt.date(year - (BE_OFFSET_YEARS if year >= BUDDHIST_FROM else 0), month, 1)
    except ValueError:
        raise InputError.of("bill_no_month", text=text) from None


def is_total(cells: Iterable[str]) -> bool:
    """Return whether a row is the sum of those above it, by a word in one of its cells."""
    return any(skeleton(cell) in TOTALS for cell in cells)


def last_of(month: dt.date) -> dt.date:
    """Return the last day of a month."""
    return month.replace(day=monthrange(month.year, month.month)[1])


def is_estimate(text: str) -> bool:
    """Return whether a cell says that a read was estimated. Raises InputError."""
    bare = text.strip().casefold()
    if bare in YES:
        return True
    if bare in NO or is_missing(bare):
        return False
    raise InputError.of("bill_no_truth", text=text)
