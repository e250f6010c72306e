"""The broker's queue as the doctor measured it, beside what the ingester's own session shows of it."""

from __future__ import annotations

import time

from bkkenergy.adapters.broker_troubles import TroubleKind
from bkkenergy.adapters.canary import Canary
from bkkenergy.adapters.drop_count import DropListener
from bkkenergy.adapters.mqtt import Subscriber
from bkkenergy.adapters.queue_depth import broker_of, recalled, trouble_of_queue, trouble_of_span
from bkkenergy.adapters.queue_span import QueuedAtOnce
from bkkenergy.settings import Settings
from bkkenergy.site.folder import dropped_file, played_file, queue_depth_file

EVERY_S = 60.0
LIVE_SAID_EVERY_S = 3600.0
"""A flood that the queue is not known to take is an event an hour, or when it has doubled. Each absence is one."""


class QueueWatch:
    """Says that a queue is too short while it is, and what each backlog and flood leaves in doubt."""

    def __init__(self, settings: Settings, subscriber: Subscriber, canary: Canary | None) -> None:
        """Prepare to watch. canary : of the subscriber; without one no backlog is counted."""
        self._file, self._broker = queue_depth_file(settings), broker_of(settings.mqtt)
        self._subscriber, self._canary = subscriber, canary
        files = dropped_file(settings), played_file(settings)
        self._drops = DropListener(settings.mqtt, *files, subscriber.report)
        self._next_at_s = self._say_live_at_s = 0.0
        self._said_messages = self._epoch = 0

    def __enter__(self) -> None:
        """Listen to the broker's own count of what it drops."""
        self._drops.__enter__()

    def __exit__(self, *_: object) -> None:
        """Listen no more, and note nothing more."""
        self._drops.__exit__()
        if self._canary is not None:
            self._canary.close()

    def look(self) -> None:
        """Look at what the doctor measured, now and then, and at a backlog that has come."""
        self._drops.look()
        span = None if self._canary is None else self._canary.longest_span()
        if span is None and time.monotonic() < self._next_at_s:
            return
        self._next_at_s = time.monotonic() + EVERY_S
        depth, troubles = recalled(self._file, self._broker), self._subscriber.troubles
        of_queue = trouble_of_queue(depth)
        if of_queue is None:
            troubles.pop(TroubleKind.QUEUE_SHORT, None)
        elif troubles.get(TroubleKind.QUEUE_SHORT) != of_queue:
            self._subscriber.report(of_queue)
        if span is None or self._canary is None:
            return
        of_span = trouble_of_span(depth, span, is_counted=self._drops.was_heard)
        if of_span is not None and self._is_news(span):
            self._subscriber.report(of_span)
        self._canary.judged(span)

    def _is_news(self, span: QueuedAtOnce) -> bool:
        """Return whether to say it: always after an absence, and now and then of a flood."""
        now_s, epoch = time.monotonic(), self._subscriber.resumed_epoch
        if epoch != self._epoch:
            self._epoch, self._say_live_at_s = epoch, 0.0
        if not span.was_away and now_s < self._say_live_at_s and span.messages < 2 * self._said_messages:
            return False
        self._say_live_at_s, self._said_messages = now_s + LIVE_SAID_EVERY_S, span.messages
        return True
