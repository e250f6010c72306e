"""From the texts of a bill's fields to a bill."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping

from bkkenergy.errors import Fault, InputError
from bkkenergy.ingest.paper.fields import FIELDS, ITEMS, QUANTITIES, amount_of, day_of, is_estimate, last_of, month_of
from bkkenergy.ingest.sheets.cells import is_missing
from bkkenergy.tariff.paper import PaperBill
from bkkenergy.tariff.quantities import reads_of
from bkkenergy.texts import Phrase, Term
from bkkenergy.tomlfiles import validated

QUANTITY_NAMES = {
    "kwh": "energy_kwh",
    "kwh_on_peak": "on_peak_kwh",
    "kwh_off_peak": "off_peak_kwh",
    "kw": "demand_kw",
    "kvar": "peak_kvar",
}
FIELD_OF = {name: field for field, name in QUANTITY_NAMES.items()} | {"total_thb": "total"}
"""A bill's own names -> the fields that a person fills."""
DaysOfMonth = Callable[[dt.date], tuple[dt.date, dt.date]]


def days_of_bill(read_day: int | None, month: dt.date) -> tuple[dt.date, dt.date]:
    """Return the days of the bill that is named by a month: to its read, or of the calendar month."""
    if read_day is None:
        return calendar_month(month)
    (read,), end = reads_of(month, month, read_day)
    return read.first, end - dt.timedelta(days=1)


def calendar_month(month: dt.date) -> tuple[dt.date, dt.date]:
    """Return the first and the last day of a month."""
    return month, last_of(month)


def bill_of_fields(texts: Mapping[str, str], *, this_year: int, days_of_month: DaysOfMonth) -> PaperBill:
    """Return the bill that fields say. Raises InputError with what is wrong.

    days_of_month : the days of a bill that says its month alone.
    """
    given = {field: text for field, text in texts.items() if text.strip() and not is_missing(text.strip())}
    first, last = _days(given, this_year, days_of_month)
    amounts = {
        field: _amount(field, given[field]) for field in (*QUANTITIES, *ITEMS, "adjustment", "total") if field in given
    }
    body = {QUANTITY_NAMES[field]: amounts[field] for field in QUANTITIES if field in amounts}
    items = {field: amounts[field] for field in (*ITEMS, "adjustment") if field in amounts}
    table = {
        **body,
        "first": first,
        "last": last,
        "is_estimated": is_estimate(texts.get("estimated", "")),
        "items_thb": items,
        "total_thb": amounts.get("total"),
        "number": given.get("number", ""),
    }
    bill, faults = validated(PaperBill, table, "")
    if bill is None:
        raise InputError.of("bill_is_none", why=[_why(fault) for fault in faults])
    return bill


def _why(fault: Fault) -> object:
    """Return what is wrong with a bill, in words of either language as far as there are some."""
    what = Phrase(f"fault.{fault.key}", fault.values) if fault.key else fault.what
    key = fault.where.removeprefix(".").removeprefix("items_thb.")
    name = FIELD_OF.get(key, key)
    return _of_field(name, what) if name in FIELDS else what


def _of_field(name: str, what: object) -> InputError:
    return InputError.of("bill_field", field=Term(name, f"paper_field.{name}"), why=what)


def _amount(field: str, text: str) -> float:
    amount = amount_of(text)
    if isinstance(amount, Phrase):
        raise _of_field(field, amount)
    return amount


def _days(given: Mapping[str, str], this_year: int, days_of_month: DaysOfMonth) -> tuple[dt.date, dt.date]:
    """Return the first and the last day of a bill: as it says them, by its reads, or by its month."""
    if "from" in given or "to" in given:
        if not ("from" in given and "to" in given):
            raise InputError.of("bill_half_days")
        return day_of(given["from"], this_year), day_of(given["to"], this_year)
    if "read_before" in given and "read_on" in given:
        return day_of(given["read_before"], this_year), day_of(given["read_on"], this_year) - dt.timedelta(days=1)
    if "month" in given:
        return days_of_month(month_of(given["month"]))
    raise InputError.of("bill_no_days")
