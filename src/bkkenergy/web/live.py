"""Live power and the progress of jobs over server-sent events, for as long as the browser listens and may see them."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import cast

from fastapi import APIRouter, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, Response, StreamingResponse

from bkkenergy.web.livefigures import EVERY_S as LOOK_EVERY_S
from bkkenergy.web.livefigures import LiveFigures, LiveView, listed, said, totals
from bkkenergy.web.pages_energy import building_of
from bkkenergy.web.pages_work import ledger_of, own_agencies
from bkkenergy.web.render import page
from bkkenergy.web.security import PageVisitor, Visitor, is_signed_in

router = APIRouter()
EVERY_S = LOOK_EVERY_S
LONGEST_S = 300.0
"""Then the browser connects again."""
LATE_S = 30.0
"""A look that is older is said to be late: the readings cannot be reached."""
MAX_A_USER, MAX_STREAMS = 30, 400
"""A user's windows and devices; all of them leave room for pages among the connections that the server takes."""


@dataclass
class Streams:
    """How many streams each user has open."""

    _open: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, whose: str) -> bool:
        """Count a stream of a user's, unless there are too many."""
        with self._lock:
            if self._open[whose] >= MAX_A_USER or self._open.total() >= MAX_STREAMS:
                return False
            self._open[whose] += 1
            return True

    def end(self, whose: str) -> None:
        """Count a stream of a user's no more."""
        with self._lock:
            self._open[whose] -= 1
            if self._open[whose] <= 0:
                del self._open[whose]

    @property
    def open(self) -> int:
        """How many are open."""
        return self._open.total()


def live_figures(request: Request) -> LiveFigures:
    """Return the looks that all who listen share."""
    figures: LiveFigures = request.app.state.live
    return figures


@router.get("/live", response_class=HTMLResponse)
def live_page(request: Request, visitor: PageVisitor) -> Response:
    """Show the power of every building that the visitor may see; a script shows the newest every five seconds."""
    portfolio, words = visitor.here.portfolio, visitor.words
    agencies = visitor.account.reachable(portfolio.agencies)
    view = live_figures(request).now()
    rows = sorted(view.of(agencies), key=lambda one: -(one.power.power_kw if one.power.power_kw is not None else -1.0))
    return page(
        visitor,
        "live.html.j2",
        title=words("live.title"),
        rows=[(one.building, portfolio.agencies[one.building.agency], listed(one, words)) for one in rows],
        total=totals(rows, words),
        at=view.at,
        is_demo=any(portfolio.agencies[agency].demonstration for agency in agencies),
    )


@router.get("/live/power")
async def live_power(request: Request, visitor: PageVisitor) -> StreamingResponse:
    """Send the power of every building that the visitor may see: first all of them, then what has changed."""
    agencies = tuple(visitor.account.reachable(visitor.here.portfolio.agencies))
    return _stream(request, visitor, lambda view, is_whole: view.event(agencies, visitor.lang, is_whole=is_whole))


@router.get("/live/buildings/{building_id}")
async def live_building(building_id: str, request: Request, visitor: PageVisitor) -> StreamingResponse:
    """Send one building's power, and how its running quarter-hour stands."""
    building, words = building_of(visitor, building_id), visitor.words

    def event(view: LiveView, _is_whole: bool) -> str:
        one = view.buildings.get(building.id)
        if one is None:
            return ""
        shown = {"power_kw": one.power.power_kw, **said(one, words)}
        return f"data: {json.dumps(shown, ensure_ascii=False)}\n\n"

    return _stream(request, visitor, event)


@router.get("/live/jobs")
async def jobs(request: Request, visitor: PageVisitor) -> StreamingResponse:
    """Send how many runs of reports wait, are worked, and have failed, each time that changes."""
    visitor.need("operate")

    async def lines() -> AsyncIterator[str]:
        sent = ""
        while True:
            counts = await run_in_threadpool(ledger_of(visitor).counts, own_agencies(visitor))
            now = json.dumps(counts, sort_keys=True)
            yield f"data: {now}\n\n" if now != sent else ":\n\n"
            sent = now

    return opened(request, visitor.account.name, lines(), lambda: _is_signed_in(request))


def _stream(request: Request, visitor: Visitor, event: Callable[[LiveView, bool], str]) -> StreamingResponse:
    lines = looks(live_figures(request), event)
    return opened(request, visitor.account.name, lines, lambda: _is_signed_in(request))


def _is_signed_in(request: Request) -> bool:
    return is_signed_in(request)


async def looks(figures: LiveFigures, event: Callable[[LiveView, bool], str]) -> AsyncIterator[str]:
    """Yield each look as an event: whole where one was missed; where none is new, whether that is late."""
    number = -1
    while True:
        view = await run_in_threadpool(figures.now)
        if view.number != number:
            yield event(view, view.number != number + 1)
            number = view.number
        else:
            yield f"data: {json.dumps({'late': figures.age_s() > LATE_S})}\n\n"


def opened(
    request: Request, whose: str, lines: AsyncIterator[str], may_listen: Callable[[], bool]
) -> StreamingResponse:
    """Answer with lines, one each some seconds, until the browser goes, may not listen any more, or time is up.

    What does not read is sent nothing more. Raises 429 where one user has too many streams open.
    """
    streams = cast("Streams", request.app.state.streams)
    if not streams.take(whose):
        raise HTTPException(429, "too many live streams are open", {"Retry-After": "60"})

    async def until_it_ends() -> AsyncIterator[str]:
        ends_s = time.monotonic() + LONGEST_S
        try:
            yield "retry: 3000\n\n"
            while time.monotonic() < ends_s and not await request.is_disconnected():
                if not await run_in_threadpool(may_listen):
                    yield "event: end\ndata: {}\n\n"
                    return
                yield await anext(lines)
                await asyncio.sleep(EVERY_S)
        finally:
            streams.end(whose)

    return StreamingResponse(until_it_ends(), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})
