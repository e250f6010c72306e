"""How a project's saving was measured, in words."""

from __future__ import annotations

from bkkenergy.i18n import Words
from bkkenergy.plan import Measured


def way_text(measured: Measured, words: Words) -> str:
    """Write by which meters a saving was measured, and what of it is stipulated."""
    facts = {name: _fact(name, value, words) for name, value in measured.facts.items()}
    text = words(f"plan.way_{measured.way}", **facts)
    return text if measured.way in {"whole", "pv"} else f"{text}. {words('plan.way_errors')}"


def _fact(name: str, value: float, words: Words) -> object:
    if name.endswith("_ratio"):
        return words.percent(value)
    if name == "valid_days":
        return int(value)
    return words.number(value, 0 if name == "hours_a_year" else 1)
