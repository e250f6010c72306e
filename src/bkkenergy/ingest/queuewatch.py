"""The broker's queue as the doctor measured it, beside what the ingester's own session shows of it."""

from __future__ import annotations

import time

from bkkenergy.adapters.broker_troubles import TroubleKind
from bkkenergy.adapters.canary import Canary
from bkkenergy.adapters.drop_count import DropListener
from bkkenergy.adapters.mqtt import Subscriber
from bkkenergy.adapters.queue_depth import broker_of, recalled, trouble_of_backlog, trouble_of_queue
from bkkenergy.settings import Settings
from bkkenergy.site.folder import dropped_file, queue_depth_file

EVERY_S = 60.0


class QueueWatch:
    """Says that a queue is too short while it is, and what each backlog leaves in doubt."""

    def __init__(self, settings: Settings, subscriber: Subscriber, canary: Canary | None) -> None:
        """Prepare to watch. canary : of the subscriber; without one no backlog is counted."""
        self._file, self._broker = queue_depth_file(settings), broker_of(settings.mqtt)
        self._subscriber, self._canary = subscriber, canary
        self._drops = DropListener(settings.mqtt, dropped_file(settings), subscriber.report)
        self._next_at_s = 0.0

    def __enter__(self) -> None:
        """Listen to the broker's own count of what it drops."""
        self._drops.__enter__()

    def __exit__(self, *_: object) -> None:
        """Listen no more."""
        self._drops.__exit__()

    def look(self) -> None:
        """Look at what the doctor measured, now and then, and at a backlog that has come."""
        backlog = None if self._canary is None else self._canary.waiting_backlog()
        if backlog is None and time.monotonic() < self._next_at_s:
            return
        self._next_at_s = time.monotonic() + EVERY_S
        depth, troubles = recalled(self._file, self._broker), self._subscriber.troubles
        of_queue = trouble_of_queue(depth)
        if of_queue is None:
            troubles.pop(TroubleKind.QUEUE_SHORT, None)
        elif troubles.get(TroubleKind.QUEUE_SHORT) != of_queue:
            self._subscriber.report(of_queue)
        if backlog is not None and (of_backlog := trouble_of_backlog(depth, backlog, is_counted=self._drops.was_heard)):
            self._subscriber.report(of_backlog)
