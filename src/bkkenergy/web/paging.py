"""Long lists some rows at a time: what a request may ask for, and what a page says of the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Query

Limit = Annotated[int, Query(ge=1, le=500)]
Offset = Annotated[int, Query(ge=0, le=1_000_000)]


@dataclass(frozen=True, slots=True)
class Rows:
    """Which rows of a list a page shows. offset : rows before them. count : rows shown. total : rows of the list."""

    offset: int
    count: int
    total: int
    step: int

    @property
    def before(self) -> int | None:
        """Return the offset of the page before, of the last one where this is beyond it; None on the first."""
        return max(min(self.offset, self.total) - self.step, 0) if self.offset else None

    @property
    def after(self) -> int | None:
        """Return the offset of the page after; None on the last."""
        following = self.offset + self.count
        return following if self.count and following < self.total else None
