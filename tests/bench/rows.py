"""Rows of what is measured: a bench beside a peer, as a ratio within one run, with milliseconds beside it."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

MISSED = 4
"""The exit code of a bench that ran and missed a target."""
ROWS_VARIABLE = "BENCH_ROWS"
"""The file to which a bench adds its rows, a JSON object a line; without it they are printed alone."""


@dataclass(frozen=True)
class Row:
    """One thing that is measured. ms : of one; peer_ms : of the same by the peer. ratio : how many times as fast as the peer.

    target : the least ratio, or, where `is_cost`, the most that `ratio`, ours over the peer's, may be.
    """

    bench: str
    what: str
    ms: float
    peer: str
    peer_ms: float
    ratio: float
    target: float | None = None
    is_cost: bool = False

    @property
    def is_reached(self) -> bool | None:
        """Whether the target is reached; None where there is none."""
        if self.target is None:
            return None
        return self.ratio <= self.target if self.is_cost else self.ratio >= self.target


def faster(bench: str, what: str, ms: float, peer: str, peer_ms: float, target: float | None = None) -> Row:
    """Add a row of how many times as fast as a peer it is."""
    return _added(Row(bench, what, ms, peer, peer_ms, peer_ms / ms, target))


def costs(bench: str, what: str, ms: float, peer: str, peer_ms: float, target: float | None = None) -> Row:
    """Add a row of how many times the peer's time it takes."""
    return _added(Row(bench, what, ms, peer, peer_ms, ms / peer_ms, target, is_cost=True))


def _added(row: Row) -> Row:
    if path := os.environ.get(ROWS_VARIABLE):
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(row), ensure_ascii=False) + "\n")
    return row


def read_rows(path: Path) -> list[Row]:
    """Every row of a file."""
    return [Row(**json.loads(line)) for line in path.read_text("utf-8").splitlines()] if path.exists() else []
