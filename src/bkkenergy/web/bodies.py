"""How long the body of a request may be, and may take: others are refused before they are held in memory."""

from __future__ import annotations

import re
import time
from asyncio import wait_for

from fastapi import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY_BYTES = 2_000_000
"""More than 500 changes of records need."""
MAX_BODY_S = 60.0
"""From the head of a request to the end of its body: 2 MB by a slow line."""
MAX_PHOTO_BYTES, MAX_PHOTO_S = 13_000_000, 300.0
PHOTO_PATH = re.compile(r"/(meters|buildings|equipment)/[^/]+/photos")
"""Where telephones send their pictures as they are."""
MAX_IMPORT_BYTES, MAX_IMPORT_S = 13_000_000, 300.0
IMPORT_PATH = re.compile(r"/imports/upload|/solar/weather/[^/]+")
"""Where a year of quarter-hours comes as a utility writes it, and a year of weather."""


def bounds_of(path: str) -> tuple[int, float]:
    """Return how long the body of a request to an address may be [bytes], and how long it may take [s]."""
    if IMPORT_PATH.fullmatch(path):
        return MAX_IMPORT_BYTES, MAX_IMPORT_S
    return (MAX_PHOTO_BYTES, MAX_PHOTO_S) if PHOTO_PATH.fullmatch(path) else (MAX_BODY_BYTES, MAX_BODY_S)


class BoundedBodies:
    """Refuses a body that is too long while it comes in, with 413, and one that comes too slowly, with 408."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on, and count its bytes."""
        max_bytes, max_s = bounds_of(scope.get("path", ""))
        length, is_whole, until_s = 0, False, time.monotonic() + max_s

        async def counting() -> Message:
            nonlocal length, is_whole
            try:
                message = await (receive() if is_whole else wait_for(receive(), until_s - time.monotonic()))
            except TimeoutError:
                what = f"the body did not come within {max_s:g} s, and nothing was changed"
                raise HTTPException(408, what, {"Connection": "close"}) from None
            is_whole = not message.get("more_body", False)
            length += len(message.get("body", b""))
            if length > max_bytes:
                what = f"the body is longer than {max_bytes:,} bytes, and nothing was changed"
                raise HTTPException(413, f"{what}. Send less in one request.")
            return message

        await self.app(scope, counting, send)
