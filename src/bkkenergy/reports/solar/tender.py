"""The tender pack of a design: one archive of documents, tables, a diagram, hourly series and input for SAM."""

from __future__ import annotations

import csv
import datetime as dt
import io
import zipfile
from collections.abc import Iterable, Sequence

import msgspec
import numpy as np

from bkkenergy.adapters.files import plain_rows
from bkkenergy.calendar import BANGKOK
from bkkenergy.i18n import Lang, Words
from bkkenergy.portfolio import Portfolio
from bkkenergy.reports.render.page import as_pdf, environment
from bkkenergy.reports.solar.html import render_design_html
from bkkenergy.reports.solar.linediagram import line_diagram
from bkkenergy.reports.solar.tables import BOM, design_json
from bkkenergy.solar.design import SolarDesign
from bkkenergy.solar.sources import assumption_sources
from bkkenergy.solar.tender import Tender, tender_of
from bkkenergy.solar.weather import Weather

EPOCH = (2026, 1, 1, 0, 0, 0)
"""Files of an archive bear one time, so that the same design gives the same bytes."""
STANDARD_MODULE, FIXED_ROOF, FIXED_RACK = 0, 1, 0
"""SAM's numbers of a module type and of array types."""


def transformer_kva(portfolio: Portfolio, building_id: str) -> float | None:
    """Return the capacity of a building's transformers that are entered; None without any."""
    each_kva = [
        (item.capacity_kva or 0.0) * item.count
        for item in portfolio.equipment.values()
        if item.building == building_id and item.kind == "transformer"
    ]
    return sum(each_kva) or None


def tender_archive(
    design: SolarDesign,
    langs: Sequence[Lang],
    *,
    today: dt.date,
    kva: float | None,
    with_pdf: bool,
    is_simulated: bool = False,
) -> bytes:
    """Return the pack as a ZIP archive. Raises InputError where no browser prints, or nothing carries a current."""
    tender = tender_of(design, transformer_kva=kva)
    files: list[tuple[str, bytes]] = []
    for lang in langs:
        words = Words(lang)
        documents = {
            "design": render_design_html(design, lang, today=today, is_simulated=is_simulated),
            "tender": tender_html(design, tender, lang, today=today, is_simulated=is_simulated),
        }
        for name, page in documents.items():
            files.append((f"{name}.{lang}.html", page))
            if with_pdf:
                files.append((f"{name}.{lang}.pdf", as_pdf(page)))
        files.append((f"single_line.{lang}.svg", str(line_diagram(design, tender, words)).encode()))
        files.append((f"materials.{lang}.csv", materials_csv(tender, words)))
    files += [("strings.csv", strings_csv(tender)), ("design.json", design_json(design))]
    if design.year is not None:
        files.append(("hourly.csv", hourly_csv(design.year, design)))
        files.append(("sam_weather.csv", sam_weather(design.year)))
    files.append(("sam_pvwatts.json", sam_inputs(design)))
    return _zipped(files)


def _zipped(files: Iterable[tuple[str, bytes]]) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as pack:
        for name, content in files:
            pack.writestr(zipfile.ZipInfo(name, EPOCH), content, zipfile.ZIP_DEFLATED)
    return archive.getvalue()


def tender_html(
    design: SolarDesign, tender: Tender, lang: Lang, *, today: dt.date, is_simulated: bool = False
) -> bytes:
    """Render materials, diagram, strings, cables, AC side, permits and devices as a page."""
    words = Words(lang)
    config = design.config
    page = environment.get_template("tender.html.j2").render(
        d=design,
        tender=tender,
        t=words,
        lang=lang,
        name=words.either(th=design.building.name_th, en=design.building.name_en),
        diagram=line_diagram(design, tender, words),
        wiring_source=config.wiring.citation.said(lang),
        sources=assumption_sources(design),
        today=today,
        is_simulated=is_simulated,
    )
    return page.encode()


def _table(rows: Iterable[Sequence[object]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(plain_rows(rows))
    return (BOM + text.getvalue()).encode()


def materials_csv(tender: Tender, words: Words) -> bytes:
    """Write the bill of materials, ready for prices."""
    head = [words(f"tender.{key}") for key in ("item", "description", "quantity", "unit", "basis", "unit_price")]
    rows = [
        (
            words(f"tender.material_{line.name}"),
            line.text,
            f"{line.quantity:.0f}",
            words(f"tender.unit_{line.unit}"),
            words("tender.assumed" if line.is_assumed else "tender.of_design"),
            "",
        )
        for line in tender.materials
    ]
    return _table([head, *rows])


def strings_csv(tender: Tender) -> bytes:
    """Write which strings go to which tracker."""
    rows = [
        (row.inverter_number, row.tracker_number, row.roof, row.strings, row.modules_in_string, row.module_count)
        for row in tender.strings
    ]
    return _table([("inverter", "tracker", "roof", "strings", "modules_in_string", "modules"), *rows])


def hourly_csv(year: Weather, design: SolarDesign) -> bytes:
    """Write each interval's weather and output."""
    starts = [start.isoformat() for start in year.starts.tz_convert(BANGKOK)]
    columns = (year.ghi_wm2, year.dni_wm2, year.dhi_wm2, year.temp_air_c, year.wind_ms, design.ac_kw)
    rows = zip(starts, *(np.round(column, 4).tolist() for column in columns), strict=True)
    return _table([("start", "ghi_wm2", "dni_wm2", "dhi_wm2", "temp_air_c", "wind_ms", "ac_kw"), *rows])


def sam_weather(year: Weather) -> bytes:
    """Write the weather as SAM's own CSV; its hours are marked by their middles."""
    local = year.starts.tz_convert(BANGKOK)
    half = round(year.interval_h * 30)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["Source", "Latitude", "Longitude", "Time Zone", "Elevation"])
    writer.writerow(["bkkenergy", year.latitude_deg, year.longitude_deg, 7, year.elevation_m])
    writer.writerow(["Year", "Month", "Day", "Hour", "Minute", "GHI", "DNI", "DHI", "Temperature", "Wind Speed"])
    for at, start in enumerate(local):
        values = (year.ghi_wm2[at], year.dni_wm2[at], year.dhi_wm2[at], year.temp_air_c[at], year.wind_ms[at])
        writer.writerow([start.year, start.month, start.day, start.hour, half, *(f"{value:.2f}" for value in values)])
    return text.getvalue().encode()


def sam_inputs(design: SolarDesign) -> bytes:
    """Write inputs of SAM's PVWatts for each roof; losses are all that PVWatts does not model by itself."""
    losses, plan = design.config.losses, design.strings
    left_ratio = np.prod(
        [
            1 - share
            for share in (
                losses.mismatch,
                losses.module_quality,
                losses.light_induced_degradation,
                losses.dc_wiring,
                losses.ac_wiring,
                losses.unavailability,
                -_soiling(design),
            )
        ]
    )
    roofs = [
        {
            "roof": roof.id,
            "system_capacity": roof.layout.capacity_kwp,
            "tilt": roof.layout.module_tilt_deg,
            "azimuth": roof.layout.module_azimuth_deg,
            "array_type": FIXED_ROOF if roof.layout.mounting == "flush" else FIXED_RACK,
            "module_type": STANDARD_MODULE,
            "dc_ac_ratio": plan.dc_ac_ratio,
            "inv_eff": plan.inverter.efficiency * 100,
            "losses": float(1 - left_ratio) * 100,
            "gcr": 0.4,
            "adjust_constant": 0.0,
        }
        for roof in design.roofs
    ]
    return msgspec.json.format(msgspec.json.encode({"weather": "sam_weather.csv", "roofs": roofs}), indent=2) + b"\n"


def _soiling(design: SolarDesign) -> float:
    return next((line.change_ratio for line in design.losses if line.step == "soiling"), 0.0)
