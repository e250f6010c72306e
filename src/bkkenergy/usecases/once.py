"""Doing once what is asked twice: a request under a key is answered again as it was the first time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bkkenergy.access import Actor
from bkkenergy.adapters.state import StateStore, transaction
from bkkenergy.adapters.state.answers import add_answer, answer_of, drop_answers, lock_key
from bkkenergy.errors import InputError
from bkkenergy.texts import filled

STORED_FOR = dt.timedelta(days=2)


class KeyReused(InputError):
    """A key was sent before, with another request."""

    key = "error.request_key_reused"

    def __init__(self, request_key: str) -> None:
        self.values = {"request_key": request_key}
        super().__init__(filled("en", self.key, self.values))


@dataclass(frozen=True, slots=True)
class Once:
    """A request under a key. digest : of all that is asked for."""

    key: str
    digest: str


def once(
    engine: StateStore,
    who: Actor,
    request: Once | None,
    work: Callable[[], Mapping[str, Any]],
    now: dt.datetime,
) -> Mapping[str, Any]:
    """Return what the work returns, or what it returned before under this key. Raises KeyReused, and what it raises.

    The answer is stored in the transaction of the work: both are there, or neither. What fails is not stored.
    """
    if request is None:
        return work()
    with transaction(engine) as connection:
        lock_key(connection, who.name, request.key)
        drop_answers(connection, now - STORED_FOR)
        stored = answer_of(connection, who.name, request.key)
        if stored is not None:
            digest, answer = stored
            if digest != request.digest:
                raise KeyReused(request.key)
            return answer
        answer = dict(work())
        add_answer(connection, who.name, request.key, request.digest, answer, now)
        return answer
