"""Write docs/sky.md: statistics of the typical year beside satellite and measured years.

python -m tests.sky [NAME=FILE ...]: years of files stand beside the packaged ones; what was read of others is below.
Without a file the columns that docs/sky.md has of files stay as they are.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from bkkenergy.adapters.weather import read_weather_file
from bkkenergy.site.solar_config import load_solar
from bkkenergy.solar.climate import typical_year
from bkkenergy.solar.skystatistics import SkyStatistics, sky_statistics

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "sky.md"
NOT_READ = "–"
ROWS: Mapping[str, Callable[[SkyStatistics], str]] = {
    "GHI, kWh/m² a year": lambda sky: f"{year_kwh(sky):,.0f}",
    **{
        f"GHI of month {month}, kWh/m² a day": lambda sky, at=month - 1: f"{sky.month_kwh_per_m2_day[at]:.2f}"
        for month in range(1, 13)
    },
    "diffuse share": lambda sky: f"{sky.diffuse_ratio:.3f}",
    "spread of days about their month": lambda sky: f"{sky.day_spread_ratio:.3f}",
    "clearness of the darkest 1 % of days": lambda sky: f"{sky.day_p01_ratio:.3f}",
    "of the brightest 1 %": lambda sky: f"{sky.day_p99_ratio:.3f}",
    "from day to day (correlation)": lambda sky: f"{sky.day_to_day_ratio:.2f}",
    "from hour to hour (correlation)": lambda sky: f"{sky.hour_to_hour_ratio:.2f}",
    "mean step of an hour, 8-16 h, W/m²": lambda sky: f"{sky.step_w_per_m2:.0f}",
    "hourly clearness 5/25/50/75/95 %": lambda sky: "/".join(f"{ratio:.2f}"[1:] for ratio in sky.hour_ratios),
    "hours above 900 W/m²; most": lambda sky: f"{sky.bright_hours:.0f}; {sky.brightest_w_per_m2:,.0f}",
}
READ_OF_OTHERS: Mapping[str, tuple[str, ...]] = {
    "DEDE Bangkok 2023": (
        "1,753", "4.35", "4.87", "5.58", "5.31", "5.97", "5.22", "4.75", "4.69", "4.48", "3.77", "4.25", "4.40", NOT_READ,
        "0.097", "0.229", "0.661", "0.33", "0.64", "148", ".17/.35/.50/.61/.70", "111; 1,054",
    ),
    "Chulalongkorn 2023": (
        "1,714", "4.26", "4.81", "5.34", "5.13", "5.88", "5.08", "4.61", "4.38", "4.39", "3.83", "4.28", "4.39", NOT_READ,
        "0.080", "0.262", "0.627", "0.33", "0.65", "130", ".20/.34/.47/.59/.67", "38; 964",
    ),
}  # fmt: skip
"""Pyranometers, as published of them. Statistics of Chulalongkorn are of 2023 and 2024 together."""
HEAD = """# The sky of the typical year

Written by `python -m tests.sky`. `solar/skystatistics.py` defines each figure, and `bkkenergy solar weather show` prints those of any
weather. "Before" is the typical year as it was until 26 November 2026. CAMS is the radiation service of Copernicus for Bangkok, read from
a file; the pyranometers are as published. Centre and suburb are the typical year at the level of the stations there
(`--weather typical:centre`, `typical:suburb`); their days and hours differ as the city's do.

"""


def year_kwh(sky: SkyStatistics) -> float:
    """Return global irradiation of a year of 365 days, kWh/m2."""
    days = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
    return sum(kwh * count for kwh, count in zip(sky.month_kwh_per_m2_day, days, strict=True))


def packaged_columns() -> dict[str, tuple[str, ...]]:
    """Return the columns of the typical year, and of centre and suburb."""
    climate = load_solar(ROOT / "config").climate
    climates = {"typical": climate} | {f"typical:{level.id}": climate.at_level(level) for level in climate.levels}
    return {name: column(sky_statistics(typical_year(one))) for name, one in climates.items()}


def column(sky: SkyStatistics) -> tuple[str, ...]:
    """Return the cells of one weather."""
    return tuple(cell(sky) for cell in ROWS.values())


def columns_of(page: str) -> dict[str, tuple[str, ...]]:
    """Return the columns of a page that was written."""
    lines = [line.strip("|").split("|") for line in page.splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in line] for line in lines]
    return {name: tuple(row[at] for row in rows[2:]) for at, name in enumerate(rows[0]) if at}


def written(columns: Mapping[str, tuple[str, ...]]) -> str:
    """Return the page with these columns."""
    rows = [["", *columns], ["---", *("---:" for _ in columns)]]
    rows += [[name, *(cells[at] for cells in columns.values())] for at, name in enumerate(ROWS)]
    return HEAD + "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n"


if __name__ == "__main__":
    of_files = {
        name: column(sky_statistics(read_weather_file(Path(file))))
        for name, _, file in (given.partition("=") for given in sys.argv[1:])
    }
    packaged = packaged_columns()
    known = columns_of(PAGE.read_text(encoding="utf-8")) if PAGE.exists() else {}
    stays = {name: cells for name, cells in known.items() if name not in packaged and name not in READ_OF_OTHERS}
    PAGE.write_text(written(stays | of_files | packaged | READ_OF_OTHERS), encoding="utf-8")
