"""A paper bill beside ours, in words: names of its lines, and what explains a difference."""

from __future__ import annotations

from bkkenergy.i18n import Words
from bkkenergy.tariff.paper import Difference

OF_PAPER_ALONE = frozenset({"adjustment", "total"})


def item_name(item: str, words: Words) -> str:
    """Return the name of a bill's line, as bills have it."""
    return words(f"{'command' if item in OF_PAPER_ALONE else 'solar'}.item_{item}")


def why_said(difference: Difference, words: Words) -> str:
    """Return what explains a difference; in Thai its causes, without the quantities."""
    if words.lang == "en":
        return difference.why
    return "; ".join(words(f"command.cause_{cause}") for cause in difference.causes)
