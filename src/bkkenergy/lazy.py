"""What takes long to load: loaded where it is first used, and without searches for garbage meanwhile."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any

from bkkenergy.collecting import without_collecting


@contextmanager
def loading() -> Iterator[None]:
    """Search for no garbage while modules are loaded, nor among what they brought afterwards.

    Half a million objects come, and all stay: a fifth of the time that a command takes to start. Where loading fails,
    nothing stays: what is tried again and again must not leave more out of searches each time.
    """
    with without_collecting():
        yield
        gc.freeze()


def load(name: str) -> ModuleType:
    """Import a module, as `loading` does where it is not loaded yet."""
    if name in sys.modules:
        return import_module(name)  # another thread may be loading it
    with loading():
        return import_module(name)


class Lazy:
    """Stand for a library until something of it is asked for."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        return getattr(load(self._name), attribute)

    def __repr__(self) -> str:
        return f"<{self._name}, loaded at its first use>"


pvlib: Any = Lazy("pvlib")
"""It brings scipy's integrals and optimisers, and a web client: as much as all of pandas."""
