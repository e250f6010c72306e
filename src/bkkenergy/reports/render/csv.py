"""The report as a table for a spreadsheet: one row a building, and the agency's total."""

from __future__ import annotations

import pandas as pd

from bkkenergy.adapters.files import plain_frame
from bkkenergy.i18n import Lang, Words
from bkkenergy.reports.content import AgencyReport, Use
from bkkenergy.reports.scopewords import of_scope

BOM = "\ufeff"
"""Without it Excel takes Thai text for Windows-874."""


def render_csv(report: AgencyReport, lang: Lang) -> bytes:
    """Write CSV, UTF-8 with BOM; numbers to ten digits, empty where unknown."""
    words = Words(lang)
    rows = [
        {
            of_scope("row", report, words): words.either(th=building.name_th, en=building.name_en),
            "id": building.id,
            words("report.type"): words(f"building_type.{building.type}"),
            f"{words('report.floor_area')} ({words('unit.m2')})": building.gross_floor_area_m2,
            **_figures(building.use, words),
        }
        for building in report.buildings
    ]
    total = {of_scope("row", report, words): of_scope("total", report, words), "id": report.agency_id}
    rows.append(total | _figures(report.total, words))
    return (
        BOM + plain_frame(pd.DataFrame(rows)).to_csv(index=False, lineterminator="\r\n", float_format="%.10g")
    ).encode()


def _figures(use: Use, words: Words) -> dict[str, object]:
    return {
        f"{words('report.energy')} ({words('unit.kwh')})": use.energy_kwh,
        f"{words('report.profile_usual')} ({words('unit.kwh')})": use.usual_kwh,
        f"{words('report.change')} (%)": None if use.change_ratio is None else use.change_ratio * 100,
        f"{words('report.peak')} ({words('unit.kw')})": use.peak_kw,
        f"{words('report.peak')} (ISO 8601)": use.peak_at.isoformat() if use.peak_at else None,
        f"{words('report.load_factor')} (%)": None if use.load_factor_ratio is None else use.load_factor_ratio * 100,
        f"{words('report.coverage')} (%)": use.coverage_ratio * 100,
        f"{words('report.cost')} ({words('unit.thb')})": use.cost_thb,
        f"{words('report.co2')} ({words('unit.kgco2e')})": use.co2e_kg,
        f"{words('report.exported')} ({words('unit.kwh')})": use.exported_kwh,
    }
