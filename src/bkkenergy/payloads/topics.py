"""Topics of meters with a level left open, and which of them a message's topic fits."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence

WILDCARD = "+"
MAX_REMEMBERED = 50_000
"""Topics whose filters are remembered: more than meters of a city, and a bound for topics that anybody makes up."""


class TopicFilters:
    """Topics with + as a level, and which of them a topic fits."""

    def __init__(self, filters: Iterable[str]) -> None:
        self._by_levels: dict[int, list[tuple[list[str], str]]] = {}
        for filter_ in sorted(filters):
            levels = filter_.split("/")
            self._by_levels.setdefault(len(levels), []).append((levels, filter_))
        self._known: OrderedDict[str, tuple[str, ...]] = OrderedDict()

    def __bool__(self) -> bool:
        """Return whether there is any."""
        return bool(self._by_levels)

    def matching(self, topic: str) -> Sequence[str]:
        """Return the filters that a topic fits. One that begins with $ fits none that begins with + (MQTT 5, 4.7.2)."""
        known = self._known.get(topic)
        if known is None:
            levels = topic.split("/")
            known = tuple(
                filter_
                for wanted_levels, filter_ in self._by_levels.get(len(levels), ())
                if all(one in {WILDCARD, other} for one, other in zip(wanted_levels, levels, strict=True))
                and not (topic.startswith("$") and filter_.startswith(WILDCARD))
            )
            self._known[topic] = known
            if len(self._known) > MAX_REMEMBERED:
                self._known.popitem(last=False)
        return known
