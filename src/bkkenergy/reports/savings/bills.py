"""Paper bills as data, and the baseline that they alone can make."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from bkkenergy.calendar import Period
from bkkenergy.errors import InputError
from bkkenergy.portfolio import OpeningCalendar
from bkkenergy.savings.monthly import MonthlyModel, fit_monthly, predict_monthly
from bkkenergy.solar.assumptions import SolarConfig


def read_paper(path: Path) -> pd.DataFrame:
    """Read paper bills by month. Raises InputError when the file has no months."""
    try:
        table = pd.read_csv(path, dtype={"month": str}, thousands=",")
    except (ValueError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: no readable CSV ({error}).") from error
    if "month" not in table:
        raise InputError(f"{path}: no column `month`. Write one bill a line: month,kwh,kw,…,total.")
    return table.set_index("month")


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
    periods = [Period.month(*(int(part) for part in str(month).split("-"))) for month in paper.index]
    days = np.array([len(period.dates) for period in periods], np.float64)
    is_open = np.array([np.mean([calendar.is_open(day) for day in period.dates]) for period in periods])
    temp_c = np.array([solar.climate.temp_mean_c.months[period.first_day.month - 1] for period in periods])
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
