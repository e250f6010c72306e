"""The official memorandum (บันทึกข้อความ) that carries a report: cause, result, proposal, signature, annex."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bkkenergy.calendar import BANGKOK
from bkkenergy.reports.comparisons import signed
from bkkenergy.reports.pageone import beside, first_thing, saved_money
from bkkenergy.reports.papers.asked import AskedPaper
from bkkenergy.reports.papers.committee import headline_of
from bkkenergy.reports.papers.model import Paper, PaperMemo
from bkkenergy.reports.phrasing import document_number, is_running, title

BLANK = "." * 40
THAI_DIGITS = str.maketrans("0123456789", "๐๑๒๓๔๕๖๗๘๙")
PLAIN_TOKEN = re.compile(r"[^\sA-Za-z]*[A-Za-z]\S*|\d")
MEMO_FIELDS = ("number", "to", "signer", "position")
"""What a person writes; a line to be filled by hand stands where it is not given."""


def memo(asked: AskedPaper) -> Paper:
    """Make the memorandum; Thai digits where they are asked for, but not in words of Latin letters and numbers."""
    words, report, given = asked.words, asked.report, dict(asked.fields)
    agency = asked.site.portfolio.agencies.get(report.agency_id)
    building = asked.site.portfolio.buildings.get(report.agency_id)
    if building is not None:
        agency = asked.site.portfolio.agencies[building.agency]
    office = words("report.city") if agency is None else words.either(th=agency.name_th, en=agency.name_en)
    name, number = words.either(th=report.name_th, en=report.name_en), document_number(report)
    annex = words("memo.annex", number=number)
    block = PaperMemo(
        office=office,
        number=given.get("number") or BLANK,
        date=words.date(asked.now.astimezone(BANGKOK).date()),
        subject=words("memo.subject", title=title(report, words), name=name, period=asked.said_period),
        to=given.get("to") or BLANK,
        body=tuple(_body(asked)),
        annexes=(annex,),
        signer=given.get("signer") or BLANK,
        position=given.get("position") or BLANK,
    )
    if asked.thai_digits and words.lang == "th":
        block = block.changed(in_thai_digits)
    return asked.paper([block], sentence=headline_of(asked), layout="memo")


def _body(asked: AskedPaper) -> Iterator[str]:
    """Yield the paragraphs: why it is written, what came out, what is proposed, and what is asked of the reader."""
    words, report = asked.words, asked.report
    yield words("memo.cause")
    said = headline_of(asked)
    if is_running(report):
        said = words("report.headline_running", until=words.moment(report.generated_at), said=said)
    saved = saved_money(report, words)
    money = f"{words.number(saved.thb)} {words('unit.thb')}" if saved.thb is not None else saved.note
    yield words("memo.result", said=said, saved=f"{saved.name}: {money}")
    rows = [row for row in beside(report, words) if row.change_ratio is not None]
    if rows:
        texts = [
            f"{row.name} {words.percent(row.change_ratio, 1, signed=True)}"
            + (f" ({signed(row.difference_thb, words)} {words('unit.thb')})" if row.difference_thb is not None else "")
            for row in rows
        ]
        yield words("memo.compared", rows="; ".join(texts))
    if report.is_simulated:
        yield words("report.simulated")
    first = first_thing(report, words)
    if first is not None:
        stakes = f" ({first.stakes})" if first.stakes else ""
        yield words("memo.proposal", what=f"{first.title}{stakes}", task=first.task, owner=first.owner)
    yield words("memo.asked" if first is not None else "memo.for_information")


def in_thai_digits(text: str) -> str:
    """Return a text with Thai digits; tokens with Latin letters, like document numbers and kWh, stay.

    Examples
    --------
    >>> in_thai_digits("ใช้ไฟฟ้า 1,234 หน่วย เลขที่ health/2569-10/1")
    'ใช้ไฟฟ้า ๑,๒๓๔ หน่วย เลขที่ health/2569-10/1'
    """
    return PLAIN_TOKEN.sub(lambda match: match[0].translate(THAI_DIGITS) if len(match[0]) == 1 else match[0], text)
