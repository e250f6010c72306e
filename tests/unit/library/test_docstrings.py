"""Each public function of the domain says what it does, of what, in which unit, and shows it."""

import ast
import re
from collections.abc import Iterator

from tests.conftest import ROOT
from tests.reference import sections_of

DOMAIN = (
    "carbon.py", "metering", "plan", "portfolio", "savings", "solar", "tariff",
)  # fmt: skip
UNITS = {
    "_kwh": "kWh",
    "_kw": "kW",
    "_kwp": "kWp",
    "_m2": "m2",
    "_deg": "degrees",
    "_us": "us",
    "_s": "s",
    "_c": "degC",
    "_wm2": "W/m2",
}


def functions() -> Iterator[tuple[str, ast.FunctionDef]]:
    for part in DOMAIN:
        root = ROOT / "src/bkkenergy" / part
        for path in sorted([root] if root.suffix else root.rglob("*.py")):
            module = str(path.relative_to(ROOT / "src/bkkenergy")).removesuffix(".py").replace("/", ".")
            for node in ast.parse(path.read_text(encoding="utf-8")).body:
                if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                    yield f"{module}.{node.name}", node


CASES = list(functions())


def arguments(node: ast.FunctionDef) -> list[str]:
    every = node.args
    return [one.arg for one in (*every.posonlyargs, *every.args, *every.kwonlyargs)]


def test_each_has_its_sections():
    assert len(CASES) > 300
    for name, node in CASES:
        sections = sections_of(ast.get_docstring(node))
        first = sections[""].split(" ")[0]
        assert re.fullmatch(r"[A-Z][a-z]+", first), f"{name}: {first}"
        assert not first.endswith("s"), f"{name}: {first}: an order, such as Return"
        assert ("Returns" in sections) or ("Yields" in sections) or ast.unparse(node.returns) == "None", name
        assert "Examples" in sections, name
        named = [
            one.strip()
            for line in sections.get("Parameters", "").splitlines()
            if line and not line.startswith(" ")
            for one in line.split(" : ")[0].split(",")
        ]
        assert named == arguments(node), name


def test_a_unit_in_a_name_is_a_unit_in_the_text():
    for function, node in CASES:
        parameters = sections_of(ast.get_docstring(node)).get("Parameters", "")
        for line, text in re.findall(r"(?m)^(\S.*)\n((?: .*\n?)+)", parameters + "\n"):
            for name in line.split(" : ")[0].split(","):
                unit = next((unit for suffix, unit in UNITS.items() if name.strip().endswith(suffix)), None)
                if unit is not None:
                    assert re.search(rf"\[[^\]]*{re.escape(unit)}", text), f"{function}: {name}: [{unit}]"


def test_what_it_raises_by_itself_is_said():
    for function, node in CASES:
        raised = {
            ast.unparse(one.exc.func).removesuffix(".of")
            for one in ast.walk(node)
            if isinstance(one, ast.Raise) and isinstance(one.exc, ast.Call)
        }
        said = sections_of(ast.get_docstring(node)).get("Raises", "")
        assert {name for name in raised if not re.search(rf"(?m)^{name}$", said)} == set(), function


def test_most_functions_of_a_formula_name_its_source():
    sourced = [name for name, node in CASES if "References" in sections_of(ast.get_docstring(node))]
    assert len(sourced) >= 45
