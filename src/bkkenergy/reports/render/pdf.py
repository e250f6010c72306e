"""The report on paper: the very page, printed by a browser."""

from __future__ import annotations

from bkkenergy.i18n import Lang
from bkkenergy.reports.content import AgencyReport
from bkkenergy.reports.render.html import render_html
from bkkenergy.reports.render.page import as_pdf


def render_pdf(report: AgencyReport, lang: Lang) -> bytes:
    """Print the report as PDF. Raises InputError where no browser is installed."""
    return as_pdf(render_html(report, lang))
