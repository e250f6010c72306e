"""Live power and the progress of jobs over server-sent events, for as long as the browser listens."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse

from bkkenergy.web.building import power_now
from bkkenergy.web.pages_energy import building_of
from bkkenergy.web.pages_work import ledger_of, own_agencies
from bkkenergy.web.security import PageVisitor

router = APIRouter()
EVERY_S = 5.0
LONGEST_S = 300.0
"""Then the browser connects again, and a user who may no longer see the building is refused."""


@router.get("/live/jobs")
async def jobs(request: Request, visitor: PageVisitor) -> StreamingResponse:
    """Send how many runs of reports wait, are worked, and have failed, each time that changes."""
    visitor.need("operate")

    async def lines() -> AsyncIterator[str]:
        yield "retry: 3000\n\n"
        sent = ""
        for _ in range(int(LONGEST_S / EVERY_S)):
            if await request.is_disconnected():
                return
            counts = await run_in_threadpool(ledger_of(visitor).counts, own_agencies(visitor))
            if (now := json.dumps(counts, sort_keys=True)) != sent:
                sent = now
                yield f"data: {now}\n\n"
            await asyncio.sleep(EVERY_S)

    return _stream(lines())


@router.get("/live/buildings/{building_id}")
async def live(building_id: str, request: Request, visitor: PageVisitor) -> StreamingResponse:
    """Send the building's power each five seconds. A browser that does not read is sent nothing more: one line at a
    time.
    """
    building = building_of(visitor, building_id)
    words = visitor.words

    async def lines() -> AsyncIterator[str]:
        yield "retry: 3000\n\n"
        for _ in range(int(LONGEST_S / EVERY_S)):
            if await request.is_disconnected():
                return
            now = await run_in_threadpool(power_now, visitor.here, building)
            shown = {
                "power_kw": now.power_kw,
                "text": words.number(now.power_kw, 1),
                "at": words.time(now.at) if now.at else "",
            }
            yield f"data: {json.dumps(shown, ensure_ascii=False)}\n\n"
            await asyncio.sleep(EVERY_S)

    return _stream(lines())


def _stream(lines: AsyncIterator[str]) -> StreamingResponse:
    """Send events as they come, past a proxy's buffers."""
    return StreamingResponse(lines, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})
