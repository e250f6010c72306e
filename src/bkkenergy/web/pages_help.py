"""Help: guides of docs/ for managers, engineers and operators, the API's reference, and the words explained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import FileResponse, Response
from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

from bkkenergy.i18n import Lang
from bkkenergy.web.render import page
from bkkenergy.web.security import PageVisitor

router = APIRouter()
GUIDES = ("manager", "engineer", "operator", "gateways", "api")
TERMS = ("kwh", "demand", "load_factor", "baseline", "band", "heat", "tou", "co2")


@dataclass(frozen=True, slots=True)
class Guide:
    """A guide in one language: its title, its sections (anchor, heading), and its text as HTML."""

    title: str
    sections: tuple[tuple[str, str], ...]
    html: Markup


def docs_folder() -> Path:
    """Where the guides lie: in the package, or beside the source."""
    packaged = Path(__file__).resolve().parent.parent / "docs"
    return packaged if packaged.exists() else Path(__file__).resolve().parents[3] / "docs"


@lru_cache(maxsize=16)
def guide(name: str, lang: Lang) -> Guide:
    """A guide from its Markdown; raw HTML is shown, not obeyed."""
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = parser.parse((docs_folder() / lang / f"{name}.md").read_text(encoding="utf-8"))
    title, sections = "", list[tuple[str, str]]()
    for heading, inside in pairwise(tokens):
        if heading.type == "heading_open" and heading.tag == "h1":
            title = inside.content
        elif heading.type == "heading_open" and heading.tag == "h2":
            anchor = f"part-{len(sections) + 1}"
            heading.attrSet("id", anchor)
            sections.append((anchor, inside.content))
        _redirect(inside.children or ())
    html = parser.renderer.render(tokens, parser.options, {})
    # What may scroll sideways on a phone can be reached by the keyboard.
    html = html.replace("<table>", '<div class="scroll" tabindex="0"><table>').replace("</table>", "</table></div>")
    html = html.replace("<pre>", '<pre tabindex="0">')
    return Guide(title, tuple(sections), Markup(html))  # noqa: S704 - of our own files, and the parser escapes


def _redirect(tokens: Sequence[Token]) -> None:
    """Links between guides and to pictures, as the app serves them."""
    for token in tokens:
        target = str(token.attrGet("href") or "")
        if token.type == "link_open" and target.endswith(".md"):
            token.attrSet("href", f"/help/{target.removesuffix('.md')}")
        source = str(token.attrGet("src") or "")
        if token.type == "image" and source.startswith("../img/"):
            token.attrSet("src", f"/help/img/{source.removeprefix('../img/')}")


@router.get("/help")
def help_page(visitor: PageVisitor) -> Response:
    """The guides, where what is, and the words explained."""
    guides = [(name, guide(name, visitor.lang)) for name in GUIDES]
    return page(visitor, "help.html.j2", title=visitor.words("web.help"), terms=TERMS, guides=guides)


@router.get("/help/img/{name}")
def picture(name: str, _visitor: PageVisitor) -> Response:
    """A picture of a guide."""
    known = {path.name: path for path in (docs_folder() / "img").glob("*.png")}
    if name not in known:
        raise HTTPException(404, "not found")
    return FileResponse(known[name], headers={"Cache-Control": "private, max-age=3600"})


@router.get("/help/{name}")
def guide_page(name: str, request: Request, visitor: PageVisitor) -> Response:
    """A guide; that of the API with every operation that there is."""
    if name not in GUIDES:
        raise HTTPException(404, "not found")
    found = guide(name, visitor.lang)
    shown = operations(request.app.openapi()) if name == "api" else []
    return page(visitor, "guide.html.j2", title=found.title, name=name, guide=found, operations=shown)


def operations(schema: dict[str, Any]) -> list[dict[str, Any]]:
    """Method, path, summary and parameters of each operation of an OpenAPI description."""
    return [
        {
            "method": method.upper(),
            "path": path,
            "text": own.get("description", own.get("summary", "")).split("\n\n")[0],
            "parameters": [
                (given["name"], given.get("required", False), _kind(given["schema"]))
                for given in own.get("parameters", ())
                if given["in"] in {"path", "query"}
            ],
        }
        for path, methods in schema["paths"].items()
        for method, own in methods.items()
    ]


def _kind(schema: dict[str, Any]) -> str:
    """What a parameter may be, in a few words."""
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if "anyOf" in schema:
        return " | ".join(_kind(own) for own in schema["anyOf"] if own.get("type") != "null")
    return str(schema.get("format", schema.get("type", "")))
