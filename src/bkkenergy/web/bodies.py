"""How long the body of a request may be: longer ones are refused before they are held in memory."""

from __future__ import annotations

from fastapi import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY_BYTES = 2_000_000
"""More than 500 changes of records need."""


class BoundedBodies:
    """Refuses a body that is too long while it comes in, with 413."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on, and count its bytes."""
        length = 0

        async def counting() -> Message:
            nonlocal length
            message = await receive()
            length += len(message.get("body", b""))
            if length > MAX_BODY_BYTES:
                what = f"the body is longer than {MAX_BODY_BYTES:,} bytes, and nothing was changed"
                raise HTTPException(413, f"{what}. Send less in one request.")
            return message

        await self.app(scope, counting, send)
