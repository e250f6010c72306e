"""Ft from a table that a utility publishes, compared with what is entered, and added to config/tariffs/rules.toml."""

from __future__ import annotations

import calendar
import datetime as dt
import json
import math
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import pandas as pd

from bkkenergy.adapters.files import write_whole
from bkkenergy.dated import Grade, holding
from bkkenergy.errors import ConfigError, InputError
from bkkenergy.regularfiles import MAX_TEXT_BYTES, need_regular
from bkkenergy.site.figures import load_figures
from bkkenergy.tariff.schedule import Ft
from bkkenergy.texts import BE_OFFSET_YEARS

State = Literal["new", "same", "differs"]
HEADINGS = {
    "from": ("valid_from", "start", "from", "month", "เริ่ม", "ตั้งแต่", "เดือน", "งวด"),
    "to": ("valid_to", "end", "to", "ถึง", "สิ้นสุด"),
    "ft": ("ft", "เอฟที"),
}
THAI_MONTHS = ("ม.ค.", "ก.พ.", "มี.ค.", "เม.ย.", "พ.ค.", "มิ.ย.", "ก.ค.", "ส.ค.", "ก.ย.", "ต.ค.", "พ.ย.", "ธ.ค.")
FULL_THAI_MONTHS = (
    "มกราคม", "กุมภาพันธ์", "มีนาคม", "เมษายน", "พฤษภาคม", "มิถุนายน", "กรกฎาคม", "สิงหาคม", "กันยายน", "ตุลาคม",
    "พฤศจิกายน", "ธันวาคม",
)  # fmt: skip
FIRST_BUDDHIST_YEAR = 2400
SATANG_PER_BAHT = 100
MAX_FT_THB = 5.0
SAME_THB = 0.00005


@dataclass(frozen=True, slots=True)
class FtRow:
    """A period of the file, and how it stands to what is entered."""

    first_day: dt.date
    last_day: dt.date | None
    thb_per_kwh: float
    known_thb_per_kwh: float | None
    state: State


def read_ft_table(path: Path) -> pd.DataFrame:
    """Read a CSV as text, in UTF-8 or TIS-620. Raises InputError."""
    need_regular(path, MAX_TEXT_BYTES)
    for encoding in ("utf-8-sig", "cp874"):
        try:
            return pd.read_csv(path, dtype=str, encoding=encoding, skipinitialspace=True).dropna(how="all")
        except UnicodeDecodeError:
            continue
        except (ValueError, pd.errors.ParserError) as error:
            raise InputError.of("ft_no_csv", path=path, error=error) from error
    raise InputError.of("ft_encoding", path=path)


def ft_rows(
    table: pd.DataFrame,
    *,
    from_column: str | None,
    to_column: str | None,
    ft_column: str | None,
    unit: str | None,
    type_column: str | None,
    customer: str | None,
    known: Sequence[Ft],
) -> list[FtRow]:
    """Read the periods of a table, in order, and compare each with what is entered.

    Neighbouring months of the same Ft are one period. Raises InputError with the row where a cell cannot be read.
    """
    names = [str(name) for name in table.columns]
    first_name = _column(names, from_column, "from")
    last_name = _column(names, to_column, "to") if to_column or _guessed(names, "to") else None
    ft_name = _column(names, ft_column, "ft")
    satang = _is_satang(ft_name, unit)
    if type_column is not None:
        table = table[table[_column(names, type_column, "from")].str.strip() == (customer or "")]
    if table.empty:
        raise InputError.of("ft_no_rows")
    rows = []
    for number, (_, cells) in enumerate(table.iterrows(), 2):
        try:
            first_day = day_of(str(cells[first_name]))
            last_day = day_of(str(cells[last_name]), is_last=True) if last_name else _month_end(first_day)
            thb = float(str(cells[ft_name]).replace(",", "")) / (SATANG_PER_BAHT if satang else 1)
        except ValueError as error:
            raise InputError.of("ft_row", number=number, error=error) from None
        if math.isnan(thb):
            raise InputError.of("ft_number", number=number, given=repr(cells[ft_name]))
        if abs(thb) >= MAX_FT_THB:
            raise InputError.of("ft_impossible", number=number, thb=f"{thb:g}")
        rows.append((first_day, last_day, thb))
    return [_compared(row, known) for row in _joined(sorted(rows))]


def new_rows(rows: Sequence[FtRow]) -> list[FtRow]:
    """Return the periods that are not entered yet. Raises InputError where one differs from what is entered."""
    if differing := [row for row in rows if row.state == "differs"]:
        raise InputError.of("ft_differs", count=len(differing))
    return [row for row in rows if row.state == "new"]


def add_ft(config_dir: Path, rows: Sequence[FtRow], *, source: str, grade: Grade, entered: dt.date) -> None:
    """Add periods to config/tariffs/rules.toml, which stays as it is otherwise; the file appears whole or not at all.

    Raises ConfigError and changes nothing where the result could not be read.
    """
    path = config_dir / "tariffs" / "rules.toml"
    entries = "".join(_entry(row, source, grade, entered) for row in rows)
    content = (path.read_text(encoding="utf-8").rstrip("\n") + "\n" + entries).encode()
    _need_readable(config_dir, content)
    write_whole(path, content)


def _need_readable(config_dir: Path, rules: bytes) -> None:
    """Raise ConfigError where the figures could not be read with other rules; they are tried in a folder beside."""
    with TemporaryDirectory() as trial:
        shutil.copytree(config_dir / "tariffs", Path(trial, "tariffs"))
        shutil.copy(config_dir / "factors.toml", trial)
        Path(trial, "tariffs", "rules.toml").write_bytes(rules)
        try:
            load_figures(Path(trial))
        except ConfigError as error:
            named = [replace(fault, where=fault.where.replace(trial, str(config_dir))) for fault in error.faults]
            raise ConfigError(named) from None


def _entry(row: FtRow, source: str, grade: Grade, entered: dt.date) -> str:
    until = f"valid_to = {row.last_day}\n" if row.last_day else ""
    quoted = json.dumps(source, ensure_ascii=False)
    return (
        f"\n[[ft]]\nvalid_from = {row.first_day}\n{until}thb_per_kwh = {row.thb_per_kwh:.6g}\nsource = {quoted}\n"
        f'grade = "{grade}"\nentered = {entered}\n'
    )


def day_of(text: str, *, is_last: bool = False) -> dt.date:
    """Read a day or a month as Thai files write it: 2569-05-01, 01/05/2569, 2026-05, พ.ค. 2569.

    A month is its first day, or its last. Years above 2400 are of the Buddhist era. Raises ValueError.

    Parameters
    ----------
    text : str
        The cell.
    is_last : bool
        Whether a month means its last day.

    Returns
    -------
    date
        The day.

    Examples
    --------
    >>> from bkkenergy.site.ft_file import day_of
    >>> str(day_of("พ.ค. 2569")), str(day_of("31/08/2569")), str(day_of("2026-08", is_last=True))
    ('2026-05-01', '2026-08-31', '2026-08-31')
    """
    cell = text.strip()
    for months in (FULL_THAI_MONTHS, THAI_MONTHS):
        for number, name in enumerate(months, 1):
            cell = cell.replace(name, f" {number:02d}/")
    cell = re.sub(r"\s*/\s*", "/", cell.strip())
    if match := re.fullmatch(r"(\d{4})-(\d{1,2})(?:-(\d{1,2}))?(?:[T ].*)?", cell):
        year, month, day = match[1], match[2], match[3]
    elif match := re.fullmatch(r"(?:(\d{1,2})[/ ]+)?(\d{1,2})/\s*(\d{4})", cell):
        day, month, year = match[1], match[2], match[3]
    else:
        raise ValueError(f"{text!r} is no day and no month. Write 2026-05-01, 01/05/2569 or 2026-05.")
    common = int(year) - (BE_OFFSET_YEARS if int(year) > FIRST_BUDDHIST_YEAR else 0)
    first_day = dt.date(common, int(month), int(day or 1))
    return _month_end(first_day) if day is None and is_last else first_day


def _month_end(day: dt.date) -> dt.date:
    return day.replace(day=calendar.monthrange(day.year, day.month)[1])


def _joined(rows: Sequence[tuple[dt.date, dt.date, float]]) -> list[tuple[dt.date, dt.date, float]]:
    joined: list[tuple[dt.date, dt.date, float]] = []
    for first_day, last_day, thb in rows:
        if last_day < first_day:
            raise InputError.of("ft_period", last_day=last_day, first_day=first_day)
        if joined and first_day <= joined[-1][1] and (first_day, last_day, thb) != joined[-1]:
            raise InputError.of("ft_periods_overlap", first_day=first_day)
        if joined and joined[-1][1] + dt.timedelta(days=1) == first_day and joined[-1][2] == thb:
            joined[-1] = (joined[-1][0], last_day, thb)
        elif not joined or (first_day, last_day, thb) != joined[-1]:
            joined.append((first_day, last_day, thb))
    return joined


def _compared(row: tuple[dt.date, dt.date, float], known: Sequence[Ft]) -> FtRow:
    first_day, last_day, thb = row
    overlapping = [
        one for one in known if one.valid_from <= last_day and (one.valid_to is None or one.valid_to >= first_day)
    ]
    if not overlapping:
        return FtRow(first_day, last_day, thb, None, "new")
    differing = next((one for one in overlapping if abs(one.thb_per_kwh - thb) > SAME_THB), None)
    entered = differing or holding(known, last_day) or overlapping[0]
    return FtRow(first_day, last_day, thb, entered.thb_per_kwh, "differs" if differing else "same")


def _column(names: Sequence[str], given: str | None, kind: str) -> str:
    if given is not None:
        if given not in names:
            raise InputError.of("ft_no_column", given=repr(given), known=", ".join(names))
        return given
    if (guess := _guessed(names, kind)) is None:
        raise InputError.of("ft_which_column", kind=kind, known=", ".join(names))
    return guess


def _guessed(names: Sequence[str], kind: str) -> str | None:
    return next((name for word in HEADINGS[kind] for name in names if word in name.lower()), None)


def _is_satang(heading: str, unit: str | None) -> bool:
    if unit is not None:
        return unit == "satang"
    if "satang" in heading.lower() or "สตางค์" in heading:
        return True
    if "baht" in heading.lower() or "บาท" in heading or "thb" in heading.lower():
        return False
    raise InputError.of("ft_unit", heading=repr(heading))
