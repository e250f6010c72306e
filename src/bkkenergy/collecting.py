"""The collector of cycles, which looks through all that there is: paused while much is made that stays."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(slots=True)
class _Pauses:
    """How many have the collector paused now, and whether it is to go on after the last of them."""

    count: int = 0
    goes_on: bool = False


_PAUSES = _Pauses()
_LOCK = threading.RLock()


@contextmanager
def without_collecting() -> Iterator[None]:
    """Pause the collector until the last of those who pause it is done.

    What has no cycles is given back all the same. Threads may pause it at once: one that asked whether it was on while
    another was about to turn it on again would leave a service without it for good.
    """
    with _LOCK:
        if not _PAUSES.count:
            _PAUSES.goes_on = gc.isenabled()
            gc.disable()
        _PAUSES.count += 1
    try:
        yield
    finally:
        with _LOCK:
            _PAUSES.count -= 1
            if _PAUSES.goes_on and not _PAUSES.count:
                gc.enable()
