"""How long the body of a request may be, and may take: others are refused before they are held in memory."""

from __future__ import annotations

import time
from asyncio import wait_for

from fastapi import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY_BYTES = 2_000_000
"""More than 500 changes of records need."""
MAX_BODY_S = 60.0
"""From the head of a request to the end of its body: 2 MB by a slow line."""


class BoundedBodies:
    """Refuses a body that is too long while it comes in, with 413, and one that comes too slowly, with 408."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on, and count its bytes."""
        length, is_whole, until_s = 0, False, time.monotonic() + MAX_BODY_S

        async def counting() -> Message:
            nonlocal length, is_whole
            try:
                message = await (receive() if is_whole else wait_for(receive(), until_s - time.monotonic()))
            except TimeoutError:
                what = f"the body did not come within {MAX_BODY_S:g} s, and nothing was changed"
                raise HTTPException(408, what, {"Connection": "close"}) from None
            is_whole = not message.get("more_body", False)
            length += len(message.get("body", b""))
            if length > MAX_BODY_BYTES:
                what = f"the body is longer than {MAX_BODY_BYTES:,} bytes, and nothing was changed"
                raise HTTPException(413, f"{what}. Send less in one request.")
            return message

        await self.app(scope, counting, send)
