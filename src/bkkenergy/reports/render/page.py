"""The environment of all pages: templates, escaping, and the paper form of a page."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined

from bkkenergy.errors import InputError

environment = Environment(
    loader=PackageLoader("bkkenergy.reports.render", "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def as_pdf(page: bytes) -> bytes:
    """A self-contained page as PDF, with the system's fonts embedded and Thai broken between words.

    Raises InputError where Pango, which WeasyPrint draws with, is not installed.
    """
    try:
        from weasyprint import HTML  # noqa: PLC0415 - loads Pango: only when a PDF is wanted
    except OSError as error:
        raise InputError(
            f"PDF needs the library Pango ({error}). On Debian: apt install libpango-1.0-0 libpangoft2-1.0-0 "
            "libharfbuzz-subset0 fonts-thai-tlwg."
        ) from error
    written: bytes = HTML(string=page.decode()).write_pdf()
    return written
