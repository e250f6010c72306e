"""The environment of all pages: templates, escaping, and the paper form of a page."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined

from bkkenergy.reports.render.browser import Browser

environment = Environment(
    loader=PackageLoader("bkkenergy.reports.render", "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def as_pdf(page: bytes) -> bytes:
    """Print one self-contained page as PDF. Many are printed faster by one Browser.

    A browser, since it draws the page's SVG and Thai tone marks right where lighter libraries do not.
    Raises InputError where none is installed, PrintFailed when it fails.
    """
    with Browser() as browser:
        return browser.pdf(page)
