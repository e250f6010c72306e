"""A file of real meter data as a portfolio, to be replayed over MQTT."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from bkkenergy.calendar import BANGKOK, Period
from bkkenergy.demo.gateways import payload
from bkkenergy.demo.session import Outgoing
from bkkenergy.errors import InputError
from bkkenergy.ingest.files import Wide, WideValues, wide_batch
from bkkenergy.portfolio import Agency, Building, BuildingType, Meter, OpeningCalendar, Portfolio
from bkkenergy.readings import US_PER_S

AGENCY = "replay"
READINGS_PER_MESSAGE = 240
MAIN_COLUMNS = ("power_kw", "main_kw", "total_kw")
NOT_ENERGY = ("temp", "rh", "humidity", "ghi", "irradiance", "wind", "solar")
RATING_MARGIN = 1.5


def value_kind(wide: Wide) -> WideValues:
    """Return mean power where any column says kW, else energy of the interval."""
    return "mean-power" if any(name.endswith("_kw") for name in wide.columns) else "energy"


def replay_portfolio(path: Path, wide: Wide, calendar: OpeningCalendar) -> tuple[Portfolio, Mapping[str, Meter]]:
    """Make a portfolio for the columns of a file, and the meter of each. Raises InputError.

    With a column power_kw (main_kw, total_kw) the file is one building, whose other *_kw columns are
    sub-meters; else every column is the main meter of a building.
    """
    values = value_kind(wide)
    columns = [
        name
        for name in wide.columns
        if (name.endswith("_kw") if values == "mean-power" else not name.lower().startswith(NOT_ENERGY))
        and np.isfinite(wide.columns[name]).any()
    ]
    if not columns:
        raise InputError.of("replay_columns", path=path, known=", ".join(wide.columns))
    stem = _slug(path.name.split(".")[0])
    main = next((name for name in MAIN_COLUMNS if name in columns), None)
    groups = {stem: [main, *(c for c in columns if c != main)]} if main else {_slug(c): [c] for c in columns}
    meters: dict[str, Meter] = {}
    buildings = {}
    for building_name, group in groups.items():
        building_id = f"{AGENCY}.{building_name}"
        for column in group:
            local = "main" if column == group[0] else _slug(column.removesuffix("_kw"))
            peak_kw = float(np.nanmax(wide.energy_kwh(column, values))) / (wide.interval_s / 3600)
            meters[column] = Meter(
                id=f"{building_id}.{local}",
                building=building_id,
                topic=f"bma/{AGENCY}/{building_name}/{local}/readings",
                name_th=column,
                name_en=column,
                parent=None if local == "main" else f"{building_id}.main",
                rated_kw=max(peak_kw * RATING_MARGIN, 1.0),
                interval_s=int(wide.interval_s),
            )
        buildings[building_id] = Building(
            id=building_id,
            agency=AGENCY,
            name_th=building_name,
            name_en=building_name,
            type=BuildingType.OFFICE,
            gross_floor_area_m2=1.0,
            latitude_deg=13.75,
            longitude_deg=100.5,
            tariff="mea-3-2-mv",
            calendar=calendar.id,
            meters=tuple(meters[column] for column in group),
        )
    agency = Agency(id=AGENCY, name_th=f"ข้อมูลจากไฟล์ {path.name}", name_en=f"Replay of {path.name}")
    return Portfolio(agencies={AGENCY: agency}, buildings=buildings, calendars={calendar.id: calendar}), meters


def replay_messages(wide: Wide, meters: Mapping[str, Meter]) -> Iterator[Outgoing]:
    """Split the file's readings into messages of one gateway, meter by meter."""
    batch = wide_batch(wide, meters, value_kind(wide))
    energy_kwh = batch.column("energy_kwh")
    for number, meter in enumerate(meters.values()):
        rows = np.flatnonzero(batch.meter == number)
        for at in range(0, len(rows), READINGS_PER_MESSAGE):
            part = rows[at : at + READINGS_PER_MESSAGE]
            yield AGENCY, meter.topic, payload(batch.ts_us[part], {"energy_kwh": energy_kwh[part]}), len(part)


def last_whole_month(wide: Wide) -> Period:
    """Return the last calendar month that the file covers; else the last day."""
    end = pd.Timestamp(int(wide.start_us[-1]) + int(wide.interval_s * US_PER_S), unit="us", tz="UTC").tz_convert(
        BANGKOK
    )
    start = pd.Timestamp(int(wide.start_us[0]), unit="us", tz="UTC").tz_convert(BANGKOK)
    month_end = end.normalize().replace(day=1)
    month_start = month_end - pd.DateOffset(months=1)
    if month_start >= start:
        return Period(month_start, month_end, "month")
    return Period.day((end.normalize() - pd.Timedelta(days=1)).date())


def _slug(text: str) -> str:
    """Convert a name to an id: small letters, digits and hyphens."""
    allowed = "".join(char if char.isalnum() and char.isascii() else "-" for char in text.lower())
    return "-".join(part for part in allowed.split("-") if part) or "x"
