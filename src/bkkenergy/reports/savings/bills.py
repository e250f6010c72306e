"""Paper bills as data, and the baseline that they alone can make."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from bkkenergy.calendar import BE_OFFSET_YEARS, Period
from bkkenergy.errors import InputError
from bkkenergy.portfolio import OpeningCalendar
from bkkenergy.savings.monthly import MonthlyModel, fit_monthly, predict_monthly
from bkkenergy.site.ft_file import FULL_THAI_MONTHS, THAI_MONTHS
from bkkenergy.solar.assumptions import SolarConfig


def read_paper(path: Path) -> pd.DataFrame:
    """Read paper bills by month. Raises InputError when the file has no months, or days that are none.

    `from` and `to`, where the file has them, are the first and the last day of a bill; `estimated` says that the read
    at its end was an estimate.
    """
    try:
        table = pd.read_csv(path, dtype={"month": str, "from": str, "to": str, "estimated": str}, thousands=",")
    except (ValueError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: no readable CSV ({error}).") from error
    if "month" not in table:
        raise InputError(f"{path}: no column `month`. Write one bill a line: month,kwh,kw,…,total.")
    if ("from" in table) != ("to" in table):
        raise InputError(f"{path}: `from` and `to` go together: the first and the last day of a bill.")
    table["month"] = [_common_month(str(month)) for month in table["month"]]
    if "from" in table:
        table["from"] = [_day(path, text) for text in table["from"]]
        table["to"] = [_day(path, text) for text in table["to"]]
        _refuse_strange_days(path, table)
    if "estimated" in table:
        table["estimated"] = [_is_estimated(path, text) for text in table["estimated"]]
    return table.set_index("month")


def _common_month(text: str) -> str:
    """Return a month of the Buddhist or the common era as 2026-10; what is not understood, as it is."""
    if match := re.fullmatch(r"(2[4-9]\d\d)-(\d\d)", text.strip()):
        return f"{int(match[1]) - BE_OFFSET_YEARS}-{match[2]}"
    name, _, year = text.strip().rpartition(" ")
    for names in (THAI_MONTHS, FULL_THAI_MONTHS):
        if name in names and re.fullmatch(r"2[4-9]\d\d", year):
            return f"{int(year) - BE_OFFSET_YEARS}-{names.index(name) + 1:02}"
    return text.strip()


def _day(path: Path, text: object) -> dt.date:
    """Read a day of the Buddhist or the common era."""
    if (match := re.fullmatch(r"(\d{4})-(\d\d)-(\d\d)", str(text).strip())) is None:
        raise InputError(f"{path}: {str(text)!r} is no day: write 2026-08-12.")
    try:
        year = int(match[1]) - (BE_OFFSET_YEARS if match[1] >= "2400" else 0)
        return dt.date(year, int(match[2]), int(match[3]))
    except ValueError as why:
        raise InputError(f"{path}: {text!r} is no day ({why}).") from None


def _refuse_strange_days(path: Path, table: pd.DataFrame) -> None:
    """Raise InputError where a bill ends before it begins, or begins before the one above it has ended."""
    previous: dt.date | None = None
    for first, last in zip(table["from"], table["to"], strict=True):
        if last < first:
            raise InputError(f"{path}: a bill ends on {last}, before it begins on {first}.")
        if previous is not None and first <= previous:
            raise InputError(f"{path}: a bill begins on {first}, when the one above it has not ended ({previous}).")
        previous = last


def _is_estimated(path: Path, text: object) -> bool:
    known = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False, "": False, "nan": False}
    if (is_estimated := known.get(str(text).strip().lower())) is None:
        raise InputError(f"{path}: `estimated` is true or false, not {text!r}.")
    return is_estimated


@dataclass(frozen=True, slots=True)
class BillsBaseline:
    """A baseline from bills; rows : (month, kWh, baseline kWh, whether the baseline was made from it)."""

    model: MonthlyModel
    rows: tuple[tuple[str, float, float, bool], ...]


def monthly_from_bills(
    paper: pd.DataFrame, calendar: OpeningCalendar, solar: SolarConfig, months: int
) -> BillsBaseline:
    """Fit a baseline to the first bills, and apply it to all of them. Raises ValueError with fewer than nine, or
    without kWh.
    """
    if "kwh" not in paper:
        raise ValueError("no column `kwh`. Write one bill a line: month,kwh")
    paper = _with_estimates_merged(paper)
    periods = [_period_of(str(month), row) for month, row in paper.iterrows()]
    days = np.array([len(period.dates) for period in periods], np.float64)
    is_open = np.array([np.mean([calendar.is_open(day) for day in period.dates]) for period in periods])
    normal_c = solar.climate.temp_mean_c.months
    temp_c = np.array([np.mean([normal_c[day.month - 1] for day in period.dates]) for period in periods])
    day_kwh = paper["kwh"].to_numpy(np.float64) / days
    model = fit_monthly(day_kwh[:months], is_open[:months], temp_c[:months])
    expected = predict_monthly(model, is_open, temp_c) * days
    rows = zip(paper.index, paper["kwh"], expected, strict=True)
    return BillsBaseline(
        model,
        tuple(
            (str(month), float(kwh), float(predicted_kwh), at < months)
            for at, (month, kwh, predicted_kwh) in enumerate(rows)
        ),
    )


def _period_of(month: str, row: pd.Series) -> Period:
    """Return the days of a bill: from its read to the next one, or its calendar month."""
    if "from" in row:
        return Period.days(row["from"], row["to"])
    year, number = month.split("-")
    return Period.month(int(year), int(number))


def _with_estimates_merged(paper: pd.DataFrame) -> pd.DataFrame:
    """Merge each bill that ends with an estimate into the next, which makes up for it; the last is left out so.

    The merged bill has the name of the last one. Raises ValueError where bills with estimates have no days.
    """
    if "estimated" not in paper or not paper["estimated"].any():
        return paper
    if "from" not in paper:
        raise ValueError("bills with estimates need `from` and `to`: they are merged with the next ones")
    number = paper["estimated"].shift(1, fill_value=False).astype(bool)
    group = (~number).cumsum().to_numpy()
    named = paper.reset_index().groupby(group)
    merged = named.agg({"month": "last", "from": "first", "to": "last", "kwh": "sum", "estimated": "last"})
    return merged[~merged["estimated"].astype(bool)].set_index("month")
