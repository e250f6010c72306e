"""Write docs/en/reference/library.md from the docstrings of `bkkenergy`: `python -m tests.reference`."""

from __future__ import annotations

import dataclasses
import inspect
import re
import types
from collections.abc import Callable, Iterator
from pathlib import Path

import bkkenergy as bk

ROOT = Path(__file__).resolve().parent.parent
LINE = 100
PAGE = ROOT / "docs/en/reference/library.md"
GROUPS = {
    "Meters": ("intervals", "Exchange", "spans"),
    "Savings": ("Baseline", "Savings", "parts", "findings", "retrofit"),
    "Bills": ("bill", "Bills", "schedules", "compare_schedules"),
    "Solar": ("Roof", "simulate", "Yield", "design", "Design", "screen"),
    "Money and carbon": ("finance", "Finance", "emissions"),
    "Portfolio": ("buildings", "rank"),
    "Calendars, charts and examples": ("calendars", "charts", "examples"),
    "Errors and warnings": ("BkkEnergyError", "InputError", "ConfigError", "EnergyWarning"),
}
SECTIONS = ("Parameters", "Attributes", "Returns", "Yields", "Raises", "Warns", "See Also", "References", "Examples")
LISTS = ("Parameters", "Attributes", "Returns", "Yields", "Raises", "Warns", "See Also")


def sections_of(docstring: str) -> dict[str, str]:
    """Split a numpydoc docstring into its text ("") and its sections."""
    found, name = {"": ""}, ""
    lines = inspect.cleandoc(docstring).splitlines()
    for line, below in zip(lines, [*lines[1:], ""], strict=True):
        if line in SECTIONS and set(below) == {"-"}:
            name = line
            found[name] = ""
        elif set(line) != {"-"} or not line:
            found[name] += line + "\n"
    return {key: text.strip("\n") for key, text in found.items()}


def in_markdown(text: str) -> str:
    """Write reStructuredText's code and references as Markdown's."""
    text = re.sub(r"``([^`]+)``", r"`\1`", text)
    return re.sub(r"(?m)^\.\. \[(\d+)\] ", r"\1. ", text)


def as_list(text: str, *, is_plain: bool = False) -> str:
    """Write the entries of a section, each a line with text indented below it, as a list."""
    entries: list[str] = []
    for line in text.splitlines():
        if line.startswith("    "):
            entries[-1] += " " + line.strip()
        elif line.strip():
            name, _, rest = line.partition(" : ")
            kind = f": {rest.strip()}" if is_plain else f" ({rest.strip()}):" if rest else ":"
            entries.append(f"- `{name.strip()}`{kind}")
    return in_markdown("\n".join(entries))


def described(docstring: str) -> Iterator[str]:
    """Yield the parts of a docstring as Markdown."""
    for name, text in sections_of(docstring).items():
        if not name:
            yield in_markdown(text)
        elif name == "Examples":
            yield "**Examples**\n\n" + _examples(text)
        else:
            yield f"**{name}**\n\n" + (
                as_list(text, is_plain=name == "See Also") if name in LISTS else _flowing(in_markdown(text))
            )


def _flowing(text: str) -> str:
    """Join the lines of each entry of a numbered list."""
    return re.sub(r"\n\s+", " ", text)


def _examples(text: str) -> str:
    """Put what is run and what it gives into blocks, and leave sentences outside."""
    parts = re.split(r"\n\n(?=[^>\s])|(?<=:)\n\n", text)
    return "\n\n".join(f"```python\n{part.strip()}\n```" if part.lstrip().startswith(">>>") else part for part in parts)


def signature(name: str, value: Callable[..., object]) -> str:
    """Write how a function is called, one argument on a line where they are many."""
    arguments, returns = arguments_of(value)
    call = f"{name}({', '.join(arguments)}){returns}"
    if len(call) > LINE:
        call = f"{name}(\n" + "".join(f"    {one},\n" for one in arguments) + f"){returns}"
    return f"```python\n{call}\n```"


def arguments_of(value: Callable[..., object]) -> tuple[list[str], str]:
    """Return the arguments of a function as they are written, and what it returns."""
    found = inspect.signature(value)
    arguments: list[str] = []
    for one in found.parameters.values():
        if one.kind is one.KEYWORD_ONLY and not any(text.startswith("*") for text in arguments):
            arguments.append("*")
        stars = {one.VAR_POSITIONAL: "*", one.VAR_KEYWORD: "**"}.get(one.kind, "")
        kind = "" if one.annotation is one.empty else f": {one.annotation}"
        default = "" if one.default is one.empty else f" = {one.default!r}"
        arguments.append(f"{stars}{one.name}{kind}{default}")
    returns = "" if found.return_annotation is found.empty else f" -> {found.return_annotation}"
    return arguments, returns


def of_function(title: str, name: str, value: Callable[..., object], level: str) -> Iterator[str]:
    yield f"{level} {title}"
    yield signature(name, value)
    yield from described(value.__doc__ or "")


def of_class(name: str, value: type) -> Iterator[str]:
    yield f"### {name}"
    yield from described(value.__doc__ or "")
    own = {key: member for key, member in vars(value).items() if not key.startswith("_")}
    fields = {field.name for field in dataclasses.fields(value)} if dataclasses.is_dataclass(value) else set()
    rows = [
        f"- `{key}`: {in_markdown((member.fget.__doc__ or '').strip())}"
        for key, member in own.items()
        if isinstance(member, property) and key not in fields
    ]
    if rows:
        yield "**Properties**\n\n" + "\n".join(rows)
    for key, member in own.items():
        function = member.__func__ if isinstance(member, classmethod) else member
        if isinstance(function, types.FunctionType):
            yield from of_function(
                f"{name}.{key}",
                f"{name}.{key}",
                getattr(value, key) if isinstance(member, classmethod) else function,
                "####",
            )


def of_module(name: str, value: types.ModuleType) -> Iterator[str]:
    yield f"### {name}"
    yield (value.__doc__ or "").strip()
    for key in value.__all__:
        member = getattr(value, key)
        if isinstance(member, types.FunctionType):
            yield from of_function(f"{name}.{key}", f"bk.{name}.{key}", member, "####")


def of_name(name: str) -> Iterator[str]:
    value = getattr(bk, name)
    if isinstance(value, types.ModuleType):
        yield from of_module(name, value)
    elif isinstance(value, type):
        yield from of_class(name, value)
    else:
        yield from of_function(name, f"bk.{name}", value, "###")


def page() -> str:
    """Write the reference of every public name."""
    parts = [
        "# Library reference",
        "*Made by `make docs` from the docstrings. Every example is run as a test.*",
        (
            "Units stand in brackets. Instants have a time zone; intervals are labelled by their start. How to begin: "
            "[the library](../how-to/python.md)."
        ),
    ]
    for group, names in GROUPS.items():
        parts.append(f"## {group}")
        for name in names:
            parts += of_name(name)
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"{PAGE.relative_to(ROOT)}: {sum(map(len, GROUPS.values()))} names")
