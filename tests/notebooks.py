"""Run the notebooks of docs/notebooks and write them as pages of docs/en/notebooks: `python -m tests.notebooks`.

They are kept as text in percent format: a change is read as a change, no output is stored beside the code, and nothing
but Python runs them. `--ipynb FOLDER` writes them as Jupyter's files.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd

ROOT = Path(__file__).resolve().parent.parent
SOURCES, PAGES, PICTURES = ROOT / "docs/notebooks", ROOT / "docs/en/notebooks", ROOT / "docs/img/notebooks"
NEEDS_A_SERVICE = "6_the_web_api"
WIDTH = 110
WHOLE = 100.0


@dataclass(frozen=True, slots=True)
class Cell:
    """Markdown, or code."""

    is_code: bool
    text: str
    line: int


@dataclass(frozen=True, slots=True)
class Page:
    """A notebook that was run: its page, and its pictures by file name."""

    markdown: str
    pictures: dict[str, str]


def notebooks() -> list[Path]:
    """List the notebooks, in order."""
    return sorted(SOURCES.glob("*.py"))


def cells_of(text: str) -> list[Cell]:
    """Split a file in percent format into its cells."""
    found: list[Cell] = []
    lines = text.splitlines()
    starts = [number for number, line in enumerate(lines) if line.startswith("# %%")] + [len(lines)]
    for first, last in pairwise(starts):
        body = lines[first + 1 : last]
        is_code = "[markdown]" not in lines[first]
        if not is_code:
            body = [re.sub(r"^# ?", "", line) for line in body]
        found.append(Cell(is_code, "\n".join(body).strip("\n"), first + 1))
    return found


def shown(value: float) -> str:
    """Write a number of a table so that no digit depends on the processor."""
    return f"{value:,.0f}" if abs(value) >= WHOLE else f"{value:.4g}"


def run(path: Path) -> Page:
    """Run a notebook from its begin, with what each cell prints and returns."""
    names: dict[str, Any] = {"__name__": "__main__"}
    parts: list[str] = []
    pictures: dict[str, str] = {}
    options = (
        "display.width",
        WIDTH,
        "display.max_columns",
        12,
        "display.max_colwidth",
        60,
        "display.float_format",
        shown,
    )
    with pd.option_context(*options):
        for cell in cells_of(path.read_text(encoding="utf-8")):
            if not cell.is_code:
                parts.append(cell.text)
                continue
            parts.append(f"```python\n{cell.text}\n```")
            printed, value = _executed(cell, path, names)
            if printed:
                parts.append(_block(printed))
            if hasattr(value, "_repr_svg_"):
                name = f"{path.stem}-{len(pictures) + 1}.svg"
                pictures[name] = value._repr_svg_()
                parts.append(f"![{value.title}](../../img/notebooks/{name})")
            elif value is not None:
                parts.append(_block(repr(value)))
    note = f"*Made by `make docs` from [the notebook](../../notebooks/{path.name}). Numbers in tables are rounded.*"
    title, rest = parts[0].split("\n", 1)
    return Page("\n\n".join([title, note, rest.strip(), *parts[1:]]) + "\n", pictures)


def _block(text: str) -> str:
    return "```text\n" + "\n".join(line.rstrip() for line in text.rstrip().splitlines()) + "\n```"


def _executed(cell: Cell, path: Path, names: dict[str, Any]) -> tuple[str, Any]:
    """What a cell prints, and the value of its last line where that is an expression."""
    tree = ast.parse("\n" * cell.line + cell.text, str(path))
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        exec(compile(tree, str(path), "exec"), names)
        value = eval(compile(ast.Expression(last.value), str(path), "eval"), names) if last else None
    return output.getvalue(), value


def write(path: Path, page: Page) -> None:
    """Write a page with its pictures, in the place of earlier ones."""
    PAGES.mkdir(parents=True, exist_ok=True)
    PICTURES.mkdir(parents=True, exist_ok=True)
    for old in PICTURES.glob(f"{path.stem}-*.svg"):
        old.unlink()
    (PAGES / f"{path.stem}.md").write_text(page.markdown, encoding="utf-8")
    for name, svg in page.pictures.items():
        (PICTURES / name).write_text(svg, encoding="utf-8")


def as_ipynb(path: Path) -> str:
    """Convert a notebook to Jupyter's form (nbformat 4.5), without outputs."""
    cells = []
    for number, cell in enumerate(cells_of(path.read_text(encoding="utf-8"))):
        kind = (
            {"cell_type": "code", "execution_count": None, "outputs": []} if cell.is_code else {"cell_type": "markdown"}
        )
        cells.append({**kind, "id": f"cell-{number}", "metadata": {}, "source": cell.text.splitlines(keepends=True)})
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return json.dumps(
        {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}, indent=1
    )


@contextlib.contextmanager
def service() -> Iterator[None]:
    """Run a real service with a week of readings, and say in the environment where it is."""
    from tests.notebook_service import serving

    with serving():
        yield


def built() -> Iterator[tuple[Path, Page]]:
    """Run every notebook."""
    for path in notebooks():
        with service() if path.stem == NEEDS_A_SERVICE else contextlib.nullcontext():
            yield path, run(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ipynb", type=Path, metavar="FOLDER", help="write Jupyter's files there, and run nothing")
    folder = parser.parse_args().ipynb
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        for path in notebooks():
            (folder / f"{path.stem}.ipynb").write_text(as_ipynb(path), encoding="utf-8")
        return
    for path, page in built():
        write(path, page)
        print(f"{path.name}: {len(page.pictures)} pictures")


if __name__ == "__main__":
    main()
