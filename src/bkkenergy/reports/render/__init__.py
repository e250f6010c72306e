"""A report as bytes in a format: the one place where a renderer is registered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from bkkenergy.i18n import Lang
from bkkenergy.recipients import PICTURE
from bkkenergy.reports.content import AgencyReport
from bkkenergy.reports.render.csv import render_csv
from bkkenergy.reports.render.docx import render_docx
from bkkenergy.reports.render.html import render_html
from bkkenergy.reports.render.json import render_json
from bkkenergy.reports.render.pdf import render_pdf
from bkkenergy.reports.render.xlsx import render_xlsx

__all__ = ["HAS_LANGUAGE", "RENDERERS", "Renderer"]

Renderer = Callable[[AgencyReport, Lang], bytes]

RENDERERS: Mapping[str, Renderer] = MappingProxyType(
    {
        "html": render_html,
        "pdf": render_pdf,
        "xlsx": render_xlsx,
        "docx": render_docx,
        "json": render_json,
        "csv": render_csv,
    }
)
HAS_LANGUAGE = frozenset({"html", "pdf", "xlsx", "docx", "csv", PICTURE})
"""Formats whose bytes differ by language; the others are written once."""
