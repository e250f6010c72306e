"""A number without a unit in its name is a bug that waits: the names of the domain are checked."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

NUMERIC = {"float", "int", "FloatArray", "IntArray", "Positive", "NotNegative", "Ratio", "Share"}
UNIT_SUFFIXES = (
    "_kwh", "_kw", "_kwp", "_wm2", "_c", "_m2", "_m", "_s", "_us", "_h", "_deg", "_thb", "_thb_per_kwh", "_kg", "_kg_co2e_per_kwh",
    "_ratio", "_count", "_bytes", "_readings", "_messages", "_days", "_weeks", "_maximum", "_v", "_a", "_kvar", "_kva", "_kv", "_thb_per_month", "_kwh_a_month", "_per_kw",
)  # fmt: skip
NOMENCLATURE = {
    "meter", "meters", "kind", "count", "kg_co2e_per_kwh", "power_factor", "frequency_hz", "register_digits", "year", "year_be",
    "month", "read_day", "number", "weeks", "lines", "hour", "value", "most", "port", "seed", "digits", "ratio", "days", "first", "last",
    "before", "after", "start", "end", "edge", "position", "message", "size", "compared_weeks", "compared_days", "quantity",
    "row", "rows", "step", "grade", "profiles", "slot", "signs",
    "batch", "revision", "odd", "reset",
}  # fmt: skip
DOMAIN = ("metering", "tariff", "carbon.py", "portfolio", "calendar.py", "readings.py")


def domain_modules() -> list[Path]:
    src = ROOT / "src/bkkenergy"
    return sorted(
        path for part in DOMAIN for path in ([src / part] if part.endswith(".py") else (src / part).rglob("*.py"))
    )


def numeric_names(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Arguments and annotated fields that hold numbers: (name, line)."""
    for node in ast.walk(tree):
        match node:
            case ast.arg(arg=name, annotation=ast.expr() as kind):
                pass
            case ast.AnnAssign(target=ast.Name(id=name), annotation=kind):
                pass
            case _:
                continue
        if ast.unparse(kind).removesuffix(" | None") in NUMERIC:
            yield name, node.lineno


@pytest.mark.parametrize("path", domain_modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_numbers_say_their_unit(path):
    silent = [
        f"{path}:{line} {name}"
        for name, line in numeric_names(ast.parse(path.read_text()))
        if not name.endswith(UNIT_SUFFIXES) and name not in NOMENCLATURE
    ]
    assert not silent, "Add the unit to the name, or the name to the nomenclature: " + ", ".join(silent)


def test_the_check_can_fail():
    assert list(numeric_names(ast.parse("def f(power: float, power_kw: float): pass"))) == [
        ("power", 1),
        ("power_kw", 1),
    ]
