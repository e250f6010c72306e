"""How long one waits after wrong passwords and codes, by name and by address, and after too many requests, by user."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from bkkenergy.adapters.state.users import FREE_TRIES, LOCK_FIRST_S, MAX_LOCK_S

FAILURES_AN_ADDRESS, WINDOW_S = 30, 600.0
MAX_ADDRESSES, FORGET_S = 10_000, 86_400.0
"""From here on, those that failed long ago are forgotten."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How many wrong tries are free, and how long one waits after the next: twice as long each time."""

    free: int
    first_s: float
    max_s: float

    def wait_s(self, failed: int) -> float:
        """Return how long to wait after some wrong tries."""
        over = failed - self.free
        return 0.0 if over < 0 else float(min(self.first_s * 2 ** min(over, 20), self.max_s))


@dataclass
class Delays:
    """Wrong tries to sign in, and how long each makes one wait: a name from an address, and a name from anywhere.

    Names that are no user's are counted as others are: the answers do not say which names there are.
    """

    from_one: Patience = Patience(5, 30.0, 3600.0)
    from_all: Patience = Patience(FREE_TRIES, LOCK_FIRST_S, MAX_LOCK_S)
    _tries: dict[tuple[str, str], tuple[int, float]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def wait_s(self, name: str, whence: str, *, is_known: bool = False) -> float:
        """Return how long one has to wait before a name's password is looked at.

        whence : an address, or the user's own browser (is_known): that waits for its own wrong tries alone.
        """
        now_s = time.monotonic()
        keys = _keys(name, whence)[: 1 if is_known else 2]
        return max(0.0, *(self._tries.get(key, (0, 0.0))[1] - now_s for key in keys))

    def failed(self, name: str, whence: str) -> None:
        """Count a wrong try."""
        now_s = time.monotonic()
        with self._lock:
            for key, patience in zip(_keys(name, whence), (self.from_one, self.from_all), strict=True):
                failed = self._tries.get(key, (0, 0.0))[0] + 1
                self._tries[key] = failed, now_s + patience.wait_s(failed)
            if len(self._tries) > MAX_ADDRESSES:
                self._tries = {key: tries for key, tries in self._tries.items() if tries[1] > now_s - FORGET_S}

    def succeeded(self, name: str, whence: str) -> None:
        """Forget a name's wrong tries from an address or a browser."""
        with self._lock:
            self._tries.pop((name, whence), None)


def _keys(name: str, whence: str) -> tuple[tuple[str, str], tuple[str, str]]:
    return (name, whence), (name, "")


@dataclass
class Throttle:
    """Failed tries by address, so that one address cannot try every account. max_tries : within window_s."""

    max_tries: int = FAILURES_AN_ADDRESS
    window_s: float = WINDOW_S
    _failed: dict[str, list[float]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def is_full(self, address: str) -> bool:
        """Return whether an address has failed too often of late."""
        return len(self._recent(address)) >= self.max_tries

    def failed(self, address: str) -> None:
        """Count a failure. Not more are remembered than count: a stranger's many would fill the memory."""
        with self._lock:
            self._failed[address] = [*self._recent(address), time.monotonic()][-self.max_tries :]
            if len(self._failed) > MAX_ADDRESSES:
                self._failed = {name: tries for name in self._failed if (tries := self._recent(name))}

    def _recent(self, address: str) -> list[float]:
        since_s = time.monotonic() - self.window_s
        return [at_s for at_s in self._failed.get(address, []) if at_s >= since_s]


@dataclass
class Rate:
    """Requests of each user. per_min : how many in a minute, of which all may come at once; 0 for no bound."""

    per_min: int
    monotonic_s: Callable[[], float] = time.monotonic
    _left: dict[int, tuple[float, float]] = field(default_factory=dict)
    """How many a user has left, and when that was counted. It is as long as there are users."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def wait_s(self, user: int) -> float:
        """Count a request, and return 0; or how long to wait where the user has none left."""
        if not self.per_min:
            return 0.0
        per_s, now_s = self.per_min / 60, self.monotonic_s()
        with self._lock:
            left, then_s = self._left.get(user, (float(self.per_min), now_s))
            left = min(float(self.per_min), left + (now_s - then_s) * per_s)
            is_let_in = left >= 1
            self._left[user] = left - is_let_in, now_s
        return 0.0 if is_let_in else (1 - left) / per_s
