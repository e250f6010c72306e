"""From the texts of a bill's fields to a bill."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping

from pydantic import ValidationError

from bkkenergy.errors import InputError
from bkkenergy.ingest.paper.fields import ITEMS, QUANTITIES, amount_of, day_of, is_estimate, last_of, month_of
from bkkenergy.ingest.sheets.cells import is_missing
from bkkenergy.tariff.paper import PaperBill
from bkkenergy.tariff.quantities import reads_of

QUANTITY_NAMES = {
    "kwh": "energy_kwh",
    "kwh_on_peak": "on_peak_kwh",
    "kwh_off_peak": "off_peak_kwh",
    "kw": "demand_kw",
    "kvar": "peak_kvar",
}
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
    try:
        return PaperBill.model_validate(
            {
                **body,
                "first": first,
                "last": last,
                "is_estimated": is_estimate(texts.get("estimated", "")),
                "items_thb": items,
                "total_thb": amounts.get("total"),
                "number": given.get("number", ""),
            }
        )
    except ValidationError as error:
        raise InputError("; ".join(_plainly(fault["loc"], fault["msg"]) for fault in error.errors())) from None


def _plainly(where: tuple[int | str, ...], message: str) -> str:
    name = ".".join(map(str, where))
    return f"{name}: {message}" if name else message.removeprefix("Value error, ")


def _amount(field: str, text: str) -> float:
    amount = amount_of(text)
    if isinstance(amount, str):
        raise InputError(f"{field}: {amount}")
    return amount


def _days(given: Mapping[str, str], this_year: int, days_of_month: DaysOfMonth) -> tuple[dt.date, dt.date]:
    """Return the first and the last day of a bill: as it says them, by its reads, or by its month."""
    if "from" in given or "to" in given:
        if not ("from" in given and "to" in given):
            raise InputError("`from` and `to` go together: the first and the last day of a bill")
        return day_of(given["from"], this_year), day_of(given["to"], this_year)
    if "read_before" in given and "read_on" in given:
        return day_of(given["read_before"], this_year), day_of(given["read_on"], this_year) - dt.timedelta(days=1)
    if "month" in given:
        return days_of_month(month_of(given["month"]))
    raise InputError("it says no days: it needs a month, its first and last day, or the days of both reads")
