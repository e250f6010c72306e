"""Every example of a docstring runs, and gives what it says."""

import doctest
import importlib
import inspect
import pkgutil
import re

import pytest

import bkkenergy

PACKAGES = ("carbon", "library", "metering", "plan", "portfolio", "savings", "solar", "tariff")
FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


def modules() -> list[str]:
    found = pkgutil.walk_packages(bkkenergy.__path__, "bkkenergy.")
    return [info.name for info in found if info.name.split(".")[1] in PACKAGES]


class Checker(doctest.OutputChecker):
    """Compare numbers of an example by their shown digits, whatever processor made the last one."""

    def check_output(self, want: str, got: str, optionflags: int) -> bool:
        if super().check_output(want, got, optionflags):
            return True
        number = re.compile(r"-?\d[\d,]*\.?\d*(?:e-?\d+)?")
        if number.sub("#", want.strip()) != number.sub("#", got.strip()):
            return False
        pairs = zip(number.findall(want), number.findall(got), strict=True)
        return all(float(w.replace(",", "")) == pytest.approx(float(g.replace(",", "")), rel=1e-9) for w, g in pairs)


class Finder(doctest.DocTestFinder):
    """Find the examples of a function that another wraps, too."""

    def _from_module(self, module, member):
        return super()._from_module(module, inspect.unwrap(member))


def test_examples_of_guarded_functions_are_among_them():
    from bkkenergy.library import meters

    assert [test.name for test in Finder(exclude_empty=True).find(meters) if test.examples] == [
        "bkkenergy.library.meters.intervals", "bkkenergy.library.meters.spans",
    ]  # fmt: skip


@pytest.mark.parametrize("name", modules())
def test_the_examples_of_a_module_run(name):
    module = importlib.import_module(name)
    runner = doctest.DocTestRunner(Checker(), optionflags=FLAGS, verbose=False)
    said: list[str] = []
    for test in Finder(exclude_empty=True).find(module, name):
        runner.run(test, out=said.append)
    assert runner.summarize(verbose=False).failed == 0, "\n" + "".join(said)
