"""Prints the longest modules and functions, so that growth is seen before it hurts; fails past the bars."""

from __future__ import annotations

import ast
from pathlib import Path

MODULE_LINES, BODY_LINES = 400, 60
SRC = Path(__file__).resolve().parent.parent / "src"


def docstring_lines(tree: ast.AST) -> int:
    """Lines of all docstrings: a reference is no code."""
    owners = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    strings = [node.body[0] for node in ast.walk(tree) if isinstance(node, owners) and ast.get_docstring(node)]
    return sum((string.end_lineno or 0) - string.lineno + 1 for string in strings)


def body_lines(function: ast.FunctionDef) -> int:
    """Lines of a function without its docstring."""
    first = function.body[1] if ast.get_docstring(function) and len(function.body) > 1 else function.body[0]
    return (function.end_lineno or 0) - first.lineno + 1


def main() -> int:
    modules, functions = [], []
    for path in SRC.rglob("*.py"):
        if "migrations" in path.parts:  # tables, written by Alembic
            continue
        text = path.read_text()
        name = str(path.relative_to(SRC))
        tree = ast.parse(text)
        modules.append((len(text.splitlines()) - docstring_lines(tree), name))
        functions += [
            (body_lines(node), f"{name}:{node.name}") for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)
        ]
    for title, found in (("Longest modules", modules), ("Longest functions", functions)):
        print(title + ": " + ", ".join(f"{name} {lines}" for lines, name in sorted(found, reverse=True)[:5]))
    return int(max(modules)[0] > MODULE_LINES or max(functions)[0] > BODY_LINES)


if __name__ == "__main__":
    raise SystemExit(main())
