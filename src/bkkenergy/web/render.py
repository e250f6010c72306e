"""Pages from templates: what every page shares."""

from __future__ import annotations

from typing import Any

from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from bkkenergy import __version__
from bkkenergy.i18n import Lang, Words
from bkkenergy.web.assets import has_charts, static_mark
from bkkenergy.web.security import Visitor

environment = Environment(
    loader=PackageLoader("bkkenergy.web", "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
NAVIGATION = (
    ("/", "web.overview", "see"),
    ("/explore", "web.explore", "see"),
    ("/reports", "web.reports", "see"),
    ("/plan", "web.plan", "see"),
    ("/solar", "web.solar", "see"),
    ("/meters", "web.meters", "see"),
    ("/records", "record.title", "see"),
    ("/jobs", "web.jobs", "operate"),
    ("/admin", "web.admin", "administer"),
    ("/help", "web.help", "see"),
)


def page(visitor: Visitor, template: str, *, title: str, status: int = 200, **values: Any) -> HTMLResponse:
    """Render a page for a user who is signed in."""
    links = [(path, visitor.words(key)) for path, key, power in NAVIGATION if visitor.account.may(power)]  # type: ignore[arg-type]
    return _response(
        template, visitor.lang, status, title=title, visitor=visitor, links=links, csrf=visitor.csrf, **values
    )


def open_page(lang: Lang, template: str, *, title: str, status: int = 200, **values: Any) -> HTMLResponse:
    """Render a page for anybody."""
    return _response(template, lang, status, title=title, visitor=None, links=[], csrf="", **values)


def _response(template: str, lang: Lang, status: int, **values: Any) -> HTMLResponse:
    text = environment.get_template(template).render(
        t=Words(lang), lang=lang, mark=static_mark(), has_charts=has_charts(), version=__version__, **values
    )
    return HTMLResponse(text, status)
