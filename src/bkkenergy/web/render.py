"""Pages from templates: what every page shares."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from bkkenergy import __version__
from bkkenergy.access import Power
from bkkenergy.calendar import BANGKOK
from bkkenergy.i18n import Lang, Words
from bkkenergy.ingest.doctor import CheckResult, noted_losses
from bkkenergy.web.assets import has_charts, static_mark, tokens
from bkkenergy.web.icons import icon as icon_of
from bkkenergy.web.security import Visitor

LOOK_EVERY_S = 60.0
"""How often it is looked whether a database has lost commits."""
environment = Environment(
    loader=PackageLoader("bkkenergy.web", "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
environment.globals["icon"] = icon_of
environment.globals["top_colour"] = tokens("tokens.css")["--top"]
NAVIGATION: tuple[tuple[str, str, Power, str], ...] = (
    ("/", "web.overview", "see", "overview"),
    ("/explore", "web.explore", "see", "explore"),
    ("/reports", "web.reports", "see", "reports"),
    ("/plan", "web.plan", "see", "plan"),
    ("/live", "live.title", "see", "energy"),
    ("/solar", "web.solar", "see", "solar"),
    ("/meters", "web.meters", "see", "meters"),
    ("/records", "record.title", "see", "records"),
    ("/jobs", "web.jobs", "operate", "jobs"),
    ("/admin", "web.admin", "administer", "admin"),
    ("/help", "web.help", "see", "help"),
)


def page(visitor: Visitor, template: str, *, title: str, status: int = 200, **values: Any) -> HTMLResponse:
    """Render a page for a user who is signed in."""
    links = [(path, visitor.words(key), icon) for path, key, power, icon in NAVIGATION if visitor.account.may(power)]
    shared = {"visitor": visitor, "links": links, "csrf": visitor.csrf, "lost": _lost(visitor)}
    shown_at = visitor.words.moment(visitor.here.clock().astimezone(BANGKOK))
    return _response(template, visitor.lang, status, title=title, shown_at=shown_at, **shared, **values)


def _lost(visitor: Visitor) -> list[CheckResult]:
    """Return which commits the databases have lost, for who looks after the server."""
    if not visitor.actor.may("serve"):
        return []
    settings = visitor.here.settings
    noted: list[CheckResult] = visitor.here.cached(("lost",), LOOK_EVERY_S, lambda: list(noted_losses(settings)))
    return [check.said(visitor.lang) for check in noted]


def open_page(lang: Lang, template: str, *, title: str, status: int = 200, **values: Any) -> HTMLResponse:
    """Render a page for anybody."""
    return _response(template, lang, status, title=title, visitor=None, links=[], csrf="", **values)


def onward_page(lang: Lang, target: str, title: str, text: str = "", *, at_once: bool = False) -> HTMLResponse:
    """Render a page with one button, which leads to another address. at_once : without waiting for a click."""
    return open_page(lang, "onward.html.j2", title=title, text=text, target=target, at_once=at_once)


def dead_link(lang: Lang, section: str) -> HTMLResponse:
    """Say of a link that opens nothing why that can be and what to do: the same whatever is wrong with it."""
    words = Words(lang)
    text, detail = words(f"{section}.no_link"), words(f"{section}.no_link_do")
    return open_page(lang, "error.html.j2", title=text, status=404, text=text, detail=detail)


def _response(template: str, lang: Lang, status: int, **values: Any) -> HTMLResponse:
    text = environment.get_template(template).render(
        t=Words(lang), lang=lang, mark=static_mark(), has_charts=has_charts(), version=__version__, **values
    )
    return HTMLResponse(text, status)


def options(lines: Iterable[tuple[str, str]]) -> Markup:
    """Return the options of a choice as HTML, from (value, text). A template takes ten times as long for a thousand."""
    return Markup("".join(f'<option value="{escape(value)}">{escape(text)}</option>' for value, text in lines))  # noqa: S704 - both parts are escaped


def chosen(written: Markup, value: str) -> Markup:
    """Return options with the one of a value chosen; as they are where none has it."""
    start = f'<option value="{escape(value)}"'
    return Markup(str(written).replace(f"{start}>", f"{start} selected>", 1)) if value else written  # noqa: S704 - the value is escaped
