"""Libraries that take long to load, loaded where they are first used: most commands and pages use nothing of them."""

from __future__ import annotations

from importlib import import_module
from typing import Any


class Lazy:
    """Stand for a library until something of it is asked for."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        return getattr(import_module(self._name), attribute)

    def __repr__(self) -> str:
        return f"<{self._name}, loaded at its first use>"


pvlib: Any = Lazy("pvlib")
"""It brings scipy's integrals and optimisers, and a web client: as much as all of pandas."""
