"""Makes the placebo pool of config/savings.toml from real buildings: fit one year, foretell the next, no project.

usage: python -m tests.bench.placebo FOLDER-WITH-CAMBRIDGE-FILES
"""

from __future__ import annotations

import datetime as dt
import sys
from pathlib import Path

import holidays
import numpy as np
import pandas as pd

from bkkenergy.savings.baseline import Baseline, Saving, Series, fit_baseline, saving_of
from bkkenergy.savings.days import DayKind
from bkkenergy.savings.uncertainty import fold_rms, scale_ratio

FIRST, SECOND = 2017, 2018


def cambridge(folder: Path) -> dict[str, Series]:
    """The 33 buildings with England's holidays and the university's closure of 23 to 31 December."""
    energy = pd.read_csv(folder / "cambridge-33-buildings-hourly.csv.gz", index_col=0, parse_dates=True).tz_localize(
        "UTC"
    )
    weather = pd.read_csv(folder / "cambridge-weather-hourly.csv.gz", index_col=0, parse_dates=True).tz_localize("UTC")
    energy = energy.where(energy > 0).iloc[: len(energy) // 24 * 24]
    temp_c = weather["temp_c"].reindex(energy.index).interpolate(limit=6).to_numpy()
    official = holidays.country_holidays("GB", subdiv="ENG", years=[FIRST, SECOND])
    days = [at.date() for at in energy.index[::24]]
    kind = np.array([_kind(day, day in official) for day in days])
    return {name: Series(energy.index, energy[name].to_numpy(float), temp_c, kind) for name in energy}


def _kind(day: dt.date, official: bool) -> int:
    if day.month == 12 and day.day >= 23:
        return int(DayKind.CLOSURE)
    return int(DayKind.HOLIDAY) if official else int(DayKind.USUAL)


def fitted(found: dict[str, Series]) -> dict[str, tuple[Baseline, Series]]:
    """Each building's baseline of the first year, and the second year."""
    return {
        name: (
            fit_baseline(series.between(dt.date(FIRST, 1, 1), dt.date(FIRST, 12, 31))),
            series.between(dt.date(SECOND, 1, 1), dt.date(SECOND, 12, 31)),
        )
        for name, series in found.items()
    }


def month_savings(baseline: Baseline, series: Series) -> list[Saving]:
    """The placebo saving of each month of the second year with at least 20 days."""
    found = []
    for month in range(1, 13):
        last = (pd.Timestamp(SECOND, month, 1) + pd.offsets.MonthEnd()).date()
        saving = saving_of(baseline, series.between(dt.date(SECOND, month, 1), last))
        if saving.days >= 20:
            found.append(saving)
    return found


def main() -> None:
    """Print the [placebo] table."""
    models = fitted(cambridge(Path(sys.argv[1])))
    typical = float(np.median([fold_rms(baseline.fold_error_ratio) for baseline, _ in models.values()]))
    year, month, total = [], [], [0.0, 0.0]
    for baseline, second in models.values():
        scale = scale_ratio(baseline.fold_error_ratio, typical)
        saving = saving_of(baseline, second)
        total[0] += saving.baseline_kwh
        total[1] += saving.actual_kwh
        year.append(abs(saving.saving_ratio) / scale)
        month += [abs(own.saving_ratio) / scale for own in month_savings(baseline, second)]
    month_quantiles = np.quantile(month, (np.arange(40) + 0.5) / 40)
    print(f"year = {[round(value, 3) for value in sorted(year)]}")
    print(f"month = {[round(float(value), 3) for value in month_quantiles]}")
    print(f"typical_fold_ratio = {typical:.4f}")
    print(f"# the total of all buildings was foretold {total[0] / total[1] - 1:+.3%} off")


if __name__ == "__main__":
    main()
