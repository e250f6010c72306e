"""Designs and screenings as files, in every format and language."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from bkkenergy.adapters.files import write_whole
from bkkenergy.i18n import Lang
from bkkenergy.plan import Project
from bkkenergy.reports.solar.html import (
    render_design_html,
    render_design_pdf,
    render_screening_html,
    render_screening_pdf,
)
from bkkenergy.reports.solar.tables import (
    design_csv,
    design_json,
    design_xlsx,
    screening_csv,
    screening_json,
    screening_xlsx,
)
from bkkenergy.solar.design import SolarDesign
from bkkenergy.solar.screening import Screening

FORMATS = ("html", "pdf", "json", "csv", "xlsx")


def write_design(
    design: SolarDesign,
    folder: Path,
    formats: Iterable[str],
    langs: tuple[Lang, ...],
    *,
    today: dt.date,
    planned: Sequence[Project] = (),
    is_simulated: bool = False,
) -> list[Path]:
    """Write the design in every format and language; return the files, in that order. planned, is_simulated : as on its
    page.
    """
    writers: dict[str, Callable[[Lang], bytes]] = {
        "html": lambda lang: render_design_html(design, lang, today=today, planned=planned, is_simulated=is_simulated),
        "pdf": lambda lang: render_design_pdf(design, lang, today=today, planned=planned, is_simulated=is_simulated),
        "json": lambda _lang: design_json(design),
        "csv": lambda lang: design_csv(design, lang),
        "xlsx": lambda lang: design_xlsx(design, lang),
    }
    return _written(folder, f"solar_{design.building.id}", writers, formats, langs)


def write_screening(
    screening: Screening,
    folder: Path,
    formats: Iterable[str],
    langs: tuple[Lang, ...],
    *,
    today: dt.date,
    is_simulated: bool = False,
) -> list[Path]:
    """Write the ranking in every format and language; return the files."""
    writers: dict[str, Callable[[Lang], bytes]] = {
        "html": lambda lang: render_screening_html(screening, lang, today=today, is_simulated=is_simulated),
        "pdf": lambda lang: render_screening_pdf(screening, lang, today=today, is_simulated=is_simulated),
        "json": lambda _lang: screening_json(screening),
        "csv": lambda _lang: screening_csv(screening),
        "xlsx": lambda lang: screening_xlsx(screening, lang),
    }
    return _written(folder, "solar_screening", writers, formats, langs)


def _written(
    folder: Path,
    stem: str,
    writers: dict[str, Callable[[Lang], bytes]],
    formats: Iterable[str],
    langs: tuple[Lang, ...],
) -> list[Path]:
    """Write a document's files; each appears whole or not at all. JSON is the same in every language."""
    paths = []
    for form in formats:
        for lang in langs[:1] if form == "json" else langs:
            path = folder / (f"{stem}.json" if form == "json" else f"{stem}.{lang}.{form}")
            write_whole(path, writers[form](lang))
            paths.append(path)
    return paths
