"""The reference is what the docstrings say, and the docstrings say what a reader needs."""

import inspect
import re
import types

import pytest

import bkkenergy as bk
from tests.reference import GROUPS, PAGE, page, sections_of


def test_the_page_is_made_from_todays_docstrings():
    assert page() == PAGE.read_text(encoding="utf-8"), "The docstrings changed. Run `make docs`."


def test_every_public_name_is_in_the_reference():
    assert sorted(name for names in GROUPS.values() for name in names) == sorted(set(bk.__all__) - {"__version__"})


def functions() -> list[tuple[str, object]]:
    """Public functions and methods of the library."""
    found: dict[str, object] = {}
    for name in bk._MODULE_OF:
        value = getattr(bk, name)
        if isinstance(value, types.ModuleType):
            found |= {f"{name}.{key}": getattr(value, key) for key in value.__all__}
        elif isinstance(value, type):
            members = {key: getattr(value, key) for key in vars(value) if not key.startswith("_")}
            found |= {f"{name}.{key}": one for key, one in members.items() if inspect.isroutine(one)}
        else:
            found[name] = value
    return [(name, value) for name, value in found.items() if inspect.isroutine(value)]


@pytest.mark.parametrize(("name", "value"), functions(), ids=lambda part: part if isinstance(part, str) else "")
def test_a_docstring_has_its_sections(name, value):
    sections = sections_of(value.__doc__)
    assert re.match(r"[A-Z][a-z]+ ", sections[""]), f"{name} begins with a verb"
    assert {"Returns", "Examples"} <= set(sections)
    arguments = [one for one in inspect.signature(value).parameters if one not in {"self", "cls"}]
    described = re.findall(r"(?m)^(\S.*?)(?: : .*)?$", sections.get("Parameters", ""))
    named = [one.strip().lstrip("*") for line in described for one in line.split(",")]
    assert named == arguments, f"{name} describes each argument, in order"


def test_units_stand_in_brackets_wherever_a_number_has_one():
    for name, value in functions():
        for line, text in re.findall(
            r"(?m)^(\w+(?:_kwh|_kw|_thb|_deg|_kwp|_m2|_kvar)\b.*?)\n((?: {4,}.*\n?)+)", inspect.cleandoc(value.__doc__)
        ):
            assert re.search(r"\[.+\]", text) or "-" in text, f"{name}: {line}"
