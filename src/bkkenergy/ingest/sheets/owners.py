"""Whose a file is: the account or meter that it names, by the numbers of the portfolio."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

from bkkenergy.ingest.sheets.cells import ENERGY_UNITS
from bkkenergy.ingest.sheets.table import DAY_COLUMN, TableForm
from bkkenergy.portfolio import Meter, Portfolio

WORD = re.compile(r"[A-Za-z0-9._-]+")
SEPARATORS = re.compile(r"(?<=[0-9])[ -](?=[0-9])")
"""Within a number of an account, as bills print it."""

OWNER_HEADING = re.compile(
    r"(?:(?:smart|electric|electricity|service|flow|delivery)[ _-]*)?"
    r"(?:meter|nmi|mpan|mprn|esi ?id|ean|prm|pod|icp|account|customer|serial|device|site|channel|register|obis"
    r"|direction|point)s?(?:[ _.-]*(?:no|nr|number|id|name|code|serial|type|#))*\.?"
    r"|(?:รหัส|หมายเลข|เลขที่|เลข|ชื่อ)? *(?:เครื่องวัด|มิเตอร์|ผู้ใช้ไฟ|บัญชี)(?:ฟ้า|ไฟฟ้า)?",
    re.IGNORECASE,
)
"""Over a column that says whose a row is, or which of a meter's registers."""


def owner_columns(titles: Sequence[str], but: Collection[str]) -> list[int]:
    """Return the columns whose headings say whose a row is. but : headings that are dealt with already."""
    return [n for n, title in enumerate(titles) if title not in but and OWNER_HEADING.fullmatch(title)]


def owners_of(portfolio: Portfolio) -> dict[str, str]:
    """Return number of an account, or id of a meter -> the meter that files of it are of.

    An account of several main meters names none: which of them a file is of is for a person to say.
    """
    meters = {meter.id: meter for meter in portfolio.meters}
    owners = {name: name for name in meters}
    for account in portfolio.accounts.values():
        main = [meter.id for meter in _meters_of(account.meters, account.buildings, meters) if meter.is_main]
        if len(main) == 1:
            owners[_plain(account.number)] = main[0]
    return owners


def _meters_of(named: Sequence[str], buildings: Sequence[str], meters: Mapping[str, Meter]) -> list[Meter]:
    if named:
        return [meters[name] for name in named if name in meters]
    return [meter for meter in meters.values() if meter.building in buildings]


def named_columns(form: TableForm, owners: Mapping[str, str]) -> dict[str, str]:
    """Return the only column of power or energy with the meter that the rows above the table name; else nothing."""
    words = {word for text in form.above for word in WORD.findall(_plain(text))}
    meters = {owners[word] for word in words & owners.keys()}
    columns = [DAY_COLUMN] if form.slots else [name for name in form.values if form.units[name] in ENERGY_UNITS]
    return {columns[0]: meters.pop()} if len(meters) == 1 and len(columns) == 1 else {}


def _plain(text: str) -> str:
    return SEPARATORS.sub("", text)
