"""`import bkkenergy` brings its names without loading anything."""

import ast
import subprocess
import sys
from importlib import import_module

import pytest

import bkkenergy as bk
from tests.conftest import ROOT

INIT = ROOT / "src/bkkenergy/__init__.py"


def seen_by_type_checkers() -> dict[str, str]:
    """The names that are imported under TYPE_CHECKING, with their modules."""
    block = next(node for node in ast.parse(INIT.read_text()).body if isinstance(node, ast.If))
    return {
        alias.name: node.module.removeprefix("bkkenergy.")
        for node in block.body
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }


def test_type_checkers_see_what_is_loaded_lazily():
    assert seen_by_type_checkers() == bk._MODULE_OF


def test_all_lists_every_name_and_no_other():
    assert set(bk.__all__) == {*bk._MODULE_OF, "__version__"}
    assert len(bk.__all__) == len(set(bk.__all__))


@pytest.mark.parametrize("name", sorted(bk._MODULE_OF))
def test_each_name_can_be_used_and_says_what_it_is(name):
    value = getattr(bk, name)
    assert name in dir(bk)
    assert value.__doc__


def test_a_name_that_does_not_exist_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'intervalls'"):
        _ = bk.intervalls


def test_no_name_hides_a_package():
    packages = {path.stem for path in INIT.parent.iterdir() if not path.name.startswith("_")}
    assert not packages & set(bk.__all__)


def test_the_import_loads_neither_pandas_nor_a_driver():
    code = "import sys, bkkenergy; print(sorted({name.split('.')[0] for name in sys.modules} & {'numpy', 'pandas', 'pydantic', 'sqlalchemy', 'fastapi'}))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_a_bill_loads_no_web_app_and_no_database():
    code = "import sys, bkkenergy as bk; bk.bill(bk.examples.office_quarters('2025-11'), schedule='mea-3-2-lv'); print(sorted({name.split('.')[0] for name in sys.modules} & {'fastapi', 'sqlalchemy', 'paho', 'click', 'pvlib'}))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def packages() -> list[str]:
    inits = sorted((ROOT / "src/bkkenergy").rglob("__init__.py"))
    names = [".".join(path.parent.relative_to(ROOT / "src").parts) for path in inits]
    return [name for name in names if "migrations" not in name]


@pytest.mark.parametrize("package", packages())
def test_each_package_says_what_is_public(package):
    module = import_module(package)
    assert isinstance(module.__all__, (list, tuple))
    assert [name for name in module.__all__ if not hasattr(module, name) and not _is_module(package, name)] == []


def _is_module(package: str, name: str) -> bool:
    folder = ROOT / "src" / package.replace(".", "/")
    return (folder / f"{name}.py").exists() or (folder / name).is_dir()
