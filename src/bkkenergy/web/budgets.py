"""Who waits for heavy work, and for how long: one at a time for each user, few at once for all."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from fastapi import Depends, HTTPException, Request

from bkkenergy.web.security import ApiVisitor, NeedsClick, PageVisitor, is_unasked

MAX_AT_ONCE = 2
"""Of the threads that answer; the others are for pages that take milliseconds."""
MAX_WAITING = 3
"""Requests of one user that wait or are worked; one more is refused at once."""
WAIT_S = 20.0
LOOK_S = 0.02


@dataclass
class HeavyWork:
    """Turns of heavy work. All of it runs in the event loop: no lock is needed, and no loop is bound."""

    max_at_once: int = MAX_AT_ONCE
    wait_s: float = WAIT_S
    _asked: Counter[int] = field(default_factory=Counter)
    _working: set[int] = field(default_factory=set)

    @asynccontextmanager
    async def turn(self, user: int) -> AsyncIterator[None]:
        """Wait for a user's turn, and hold it. Raises HTTPException with 429 and when to come again."""
        if self._asked[user] >= MAX_WAITING:
            raise self._too_many()
        self._asked[user] += 1
        try:
            until_s = time.monotonic() + self.wait_s
            while user in self._working or len(self._working) >= self.max_at_once:
                if time.monotonic() > until_s:
                    raise self._too_many()
                await asyncio.sleep(LOOK_S)
            self._working.add(user)
            try:
                yield
            finally:
                self._working.discard(user)
        finally:
            self._asked[user] -= 1
            if not self._asked[user]:
                del self._asked[user]

    def _too_many(self) -> HTTPException:
        after = {"Retry-After": str(max(1, round(self.wait_s / 2)))}
        return HTTPException(429, "too much of this is being computed. Ask again in some seconds.", after)


async def page_turn(request: Request, visitor: PageVisitor) -> AsyncIterator[None]:
    """Hold a turn of heavy work while a page is made. Raises NeedsClick where no person asked for it."""
    if is_unasked(request):
        raise NeedsClick
    work: HeavyWork = request.app.state.heavy
    async with work.turn(visitor.account.id):
        yield


async def api_turn(request: Request, visitor: ApiVisitor) -> AsyncIterator[None]:
    """Hold a turn of heavy work while the API answers. Raises 403 where a page of another site made a browser ask."""
    if is_unasked(request):
        raise HTTPException(403, "asked for by a page of another site")
    work: HeavyWork = request.app.state.heavy
    async with work.turn(visitor.account.id):
        yield


HEAVY_PAGE = [Depends(page_turn)]
HEAVY_API = [Depends(api_turn)]
