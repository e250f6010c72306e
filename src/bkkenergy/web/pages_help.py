"""Help: the pages of docs/ (tutorial, how-to, reference, explanation), and the words explained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path, PurePosixPath
from posixpath import normpath
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
INDEX, API = "index", "reference/api"
TERMS = ("kwh", "demand", "load_factor", "baseline", "band", "heat", "tou", "co2")


@dataclass(frozen=True, slots=True)
class Guide:
    """A guide in one language: its title, its sections (anchor, heading), and its text as HTML."""

    title: str
    sections: tuple[tuple[str, str], ...]
    html: Markup


def docs_folder() -> Path:
    """Return the folder of the guides: in the package, or beside the source."""
    packaged = Path(__file__).resolve().parent.parent / "docs"
    return packaged if packaged.exists() else Path(__file__).resolve().parents[3] / "docs"


@lru_cache(maxsize=64)
def guide(name: str, lang: Lang) -> Guide:
    """Render a guide from its Markdown; raw HTML is shown, not obeyed."""
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    # Generated references, notebooks and decisions are in English.
    paths = [folder / f"{name}.md" for folder in (docs_folder() / lang, docs_folder() / "en", docs_folder())]
    path = next(path for path in paths if path.exists())
    tokens = parser.parse(path.read_text(encoding="utf-8"))
    title, sections = "", list[tuple[str, str]]()
    for heading, inside in pairwise(tokens):
        if heading.type == "heading_open" and heading.tag == "h1":
            title = inside.content
        elif heading.type == "heading_open" and heading.tag == "h2":
            anchor = f"part-{len(sections) + 1}"
            heading.attrSet("id", anchor)
            sections.append((anchor, inside.content))
        _redirect(inside.children or (), PurePosixPath(name).parent)
    html = parser.renderer.render(tokens, parser.options, {})
    # What may scroll sideways on a phone can be reached by the keyboard.
    html = html.replace("<table>", '<div class="scroll" tabindex="0"><table>').replace("</table>", "</table></div>")
    html = html.replace("<pre>", '<pre tabindex="0">')
    return Guide(title, tuple(sections), Markup(html))  # noqa: S704 - of our own files, and the parser escapes


def _redirect(tokens: Sequence[Token], folder: PurePosixPath) -> None:
    """Point links between guides, to notebooks and to pictures at where the app serves them."""
    for token in tokens:
        key = {"link_open": "href", "image": "src"}.get(token.type)
        target = str(token.attrGet(key) or "") if key else ""
        if key and target and "://" not in target and not target.startswith(("#", "/")):
            # As from docs/LANGUAGE/: what is beside the languages is left with one "..".
            path = normpath(str(folder / target)).removeprefix("../").removeprefix("en/")
            token.attrSet(key, f"/help/{path.removesuffix('.md')}")


@lru_cache(maxsize=1)
def guide_names() -> frozenset[str]:
    """Return the names of all pages: guides, references, notebooks and decisions."""
    pages = [(docs_folder() / "en", path) for path in (docs_folder() / "en").rglob("*.md")]
    pages += [(docs_folder(), path) for path in (docs_folder() / "decisions").glob("*.md")]
    return frozenset(path.relative_to(root).with_suffix("").as_posix() for root, path in pages)


@router.get("/help")
def help_page(visitor: PageVisitor) -> Response:
    """Show the index of the guides, where what is, and the words explained."""
    index = guide(INDEX, visitor.lang)
    return page(visitor, "help.html.j2", title=visitor.words("web.help"), terms=TERMS, index=index)


@router.get("/help/img/{name:path}")
def picture(name: str, _visitor: PageVisitor) -> Response:
    """Return a picture of a guide."""
    root = docs_folder() / "img"
    known = {path.relative_to(root).as_posix(): path for path in root.rglob("*") if path.suffix in {".png", ".svg"}}
    if name not in known:
        raise HTTPException(404, "not found")
    return FileResponse(known[name], headers={"Cache-Control": "private, max-age=3600"})


@router.get("/help/notebooks/{notebook}.py")
def notebook_source(notebook: str, _visitor: PageVisitor) -> Response:
    """Return a notebook's source, to be run elsewhere."""
    known = {path.stem: path for path in (docs_folder() / "notebooks").glob("*.py")}
    if notebook not in known:
        raise HTTPException(404, "not found")
    return FileResponse(known[notebook], media_type="text/x-python", filename=f"{notebook}.py")


@router.get("/help/{name:path}")
def guide_page(name: str, request: Request, visitor: PageVisitor) -> Response:
    """Show a guide; that of the API with every operation that there is."""
    if name not in guide_names():
        raise HTTPException(404, "not found")
    shown_guide = guide(name, visitor.lang)
    shown = operations(request.app.openapi()) if name == API else []
    return page(visitor, "guide.html.j2", title=shown_guide.title, name=name, guide=shown_guide, operations=shown)


def operations(schema: dict[str, Any]) -> list[dict[str, Any]]:
    """List method, path, summary and parameters of each operation of an OpenAPI description."""
    return [
        {
            "method": method.upper(),
            "path": path,
            "text": operation.get("description", operation.get("summary", "")).split("\n\n")[0],
            "parameters": [
                (given["name"], given.get("required", False), _kind(given["schema"]))
                for given in operation.get("parameters", ())
                if given["in"] in {"path", "query"}
            ],
        }
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
    ]


def _kind(schema: dict[str, Any]) -> str:
    """Return what a parameter may be, in a few words."""
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if "anyOf" in schema:
        return " | ".join(_kind(option) for option in schema["anyOf"] if option.get("type") != "null")
    return str(schema.get("format", schema.get("type", "")))
