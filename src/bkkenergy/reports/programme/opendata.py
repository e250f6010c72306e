"""What anybody may read of buildings: figures that their agencies agreed to publish, with the licence of each."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from bkkenergy.adapters.files import plain_cell
from bkkenergy.calendar import Period, past_year
from bkkenergy.plan import Consent, published
from bkkenergy.plan.register import Licence, PublishedFigure
from bkkenergy.portfolio import Building
from bkkenergy.portfolio.spans import mean_floor_m2
from bkkenergy.reports.programme.goal import building_months
from bkkenergy.site import Site
from bkkenergy.site.record_readers import register_of
from bkkenergy.usecases.wholemonths import whole_months

SCHEMA = "bkkenergy.open-data/1"
LICENCES: Mapping[Licence, tuple[str, str]] = {
    "cc_by_4": ("CC-BY-4.0", "https://creativecommons.org/licenses/by/4.0/"),
    "ogl_th": ("OGL-TH", "https://data.go.th/pages/open-government-license-thailand"),
}
"""SPDX or common name of each licence, and where it is read."""
DIGITS = 1


@dataclass(frozen=True, slots=True)
class OpenMonth:
    """A month of a building. Each figure is None where it is not published, or less than nine tenths are known."""

    month: str
    energy_kwh: float | None
    production_kwh: float | None


@dataclass(frozen=True, slots=True)
class OpenBuilding:
    """A building as anybody may read it.

    figures : that are published. intensity_kwh_per_m2 : of the last twelve whole months, None where one of them is not
    known. licence : under which; where figures have different ones, that of each is named in licences.
    """

    id: str
    name_th: str
    name_en: str
    agency: str
    type: str
    figures: tuple[PublishedFigure, ...]
    licences: Mapping[str, str]
    agreed_on: str
    gross_floor_area_m2: float | None
    intensity_kwh_per_m2: float | None
    months: tuple[OpenMonth, ...]


def open_buildings(site: Site) -> list[OpenBuilding]:
    """Return the buildings of which something may be published today. Raises StoreUnavailable, ConfigError."""
    today, portfolio = site.today, site.portfolio
    register = register_of(site.config.folder, portfolio.records)
    consents: list[Consent] = list(register.on("consent", today).values())
    agency_of = {name: building.agency for name, building in portfolio.buildings.items()}
    allowed = published(consents, agency_of, today)
    if not allowed:
        return []
    period = _months_published(today)
    buildings = [portfolio.buildings[name] for name in sorted(allowed)]
    bought_kwh = building_months(site, buildings, period)
    produced_kwh = building_months(site, buildings, period, lambda building: building.pv_meters)
    return [
        _open(site, building, allowed[building.id], period, bought_kwh[row], produced_kwh[row])
        for row, building in enumerate(buildings)
    ]


def _months_published(today: dt.date) -> Period:
    """Return the last 24 whole months."""
    last_year = past_year(today)
    return Period.days(last_year.first_day.replace(year=last_year.first_day.year - 1), last_year.last_day)


def _open(
    site: Site,
    building: Building,
    allowed: Mapping[PublishedFigure, Consent],
    period: Period,
    bought_kwh: Any,
    produced_kwh: Any,
) -> OpenBuilding:
    months = tuple(
        OpenMonth(
            f"{month.first_day:%Y-%m}",
            _figure(bought_kwh[number]) if "energy" in allowed else None,
            _figure(produced_kwh[number]) if "production" in allowed else None,
        )
        for number, month in enumerate(whole_months(period))
    )
    area_m2 = intensity = None
    if "intensity" in allowed:
        last_year = past_year(site.today)
        area_m2 = mean_floor_m2(site.portfolio, building, last_year.first_day, last_year.last_day)
        year_kwh = float(np.sum(bought_kwh[-12:]))  # NaN where a month is not known
        intensity = round(year_kwh / area_m2, DIGITS) if np.isfinite(year_kwh) and area_m2 else None
    has_months = {"energy", "production"} & set(allowed)
    return OpenBuilding(
        id=building.id,
        name_th=building.name_th,
        name_en=building.name_en,
        agency=building.agency,
        type=str(building.type),
        figures=tuple(sorted(allowed)),
        licences={name: LICENCES[consent.licence][0] for name, consent in sorted(allowed.items())},
        agreed_on=max(consent.agreed_on for consent in allowed.values()).isoformat(),
        gross_floor_area_m2=area_m2,
        intensity_kwh_per_m2=intensity,
        months=months if has_months else (),
    )


def _figure(kwh: float) -> float | None:
    return round(float(kwh), DIGITS) if np.isfinite(kwh) else None


def licences_of(buildings: Sequence[OpenBuilding]) -> dict[str, str]:
    """Return the licences that figures are under, each with where it is read."""
    named = {name for building in buildings for name in building.licences.values()}
    return {name: address for name, address in LICENCES.values() if name in named}


def open_json(buildings: Sequence[OpenBuilding], today: dt.date) -> bytes:
    """Encode what may be published as JSON, with its licences."""
    whole = {
        "schema": SCHEMA,
        "publisher": "Bangkok Metropolitan Administration",
        "day": today.isoformat(),
        "licences": licences_of(buildings),
        "buildings": [asdict(building) for building in buildings],
    }
    return (json.dumps(whole, ensure_ascii=False, indent=2, allow_nan=False) + "\n").encode()


def open_csv(buildings: Sequence[OpenBuilding], today: dt.date) -> bytes:
    """Write what may be published as CSV: a row a building and month, with its licence."""
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    said = "; ".join(f"{name} {address}" for name, address in licences_of(buildings).items()) or "-"
    writer.writerow([f"# Bangkok Metropolitan Administration, {today.isoformat()}. Licence: {said}"])
    writer.writerow(
        ["building", "name_th", "name_en", "agency", "type", "month", "energy_kwh", "production_kwh",
         "gross_floor_area_m2", "intensity_kwh_per_m2", "licence"]
    )  # fmt: skip
    writer.writerows([plain_cell(cell) for cell in row] for row in _rows(buildings))
    return b"\xef\xbb\xbf" + file.getvalue().encode()


def _rows(buildings: Sequence[OpenBuilding]) -> Iterator[list[object]]:
    for building in buildings:
        licence = " ".join(sorted(set(building.licences.values())))
        about = [building.id, building.name_th, building.name_en, building.agency, building.type]
        year = [building.gross_floor_area_m2, building.intensity_kwh_per_m2, licence]
        for month in building.months or (OpenMonth("", None, None),):
            yield [*about, month.month, month.energy_kwh, month.production_kwh, *year]
