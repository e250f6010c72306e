"""What the layers hold beside their order: drivers below the adapters, the data folder's files named in one module."""

from __future__ import annotations

import re
import tomllib

from tests.conftest import ROOT

PACKAGE = ROOT / "src/bkkenergy"
PATHS = re.compile(r"(store|state)\.path\.(parent|with_name)|report\.folder\s*/")


def test_every_part_of_the_package_but_the_adapters_is_held_from_database_drivers():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (held,) = [own["source_modules"] for own in contracts if own["name"] == "Database drivers stay below the adapters"]
    parts = {path.stem for path in PACKAGE.iterdir() if (path / "__init__.py").exists() or path.suffix == ".py"}
    assert {f"bkkenergy.{name}" for name in parts - {"adapters", "__init__", "__main__"}} == set(held)


def test_files_of_the_data_folder_are_named_in_one_module():
    found = [
        f"{path.relative_to(PACKAGE)}:{number}: {line.strip()}"
        for path in sorted(PACKAGE.rglob("*.py"))
        if path != PACKAGE / "site/folder.py"
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if PATHS.search(line)
    ]
    assert found == []
