"""A message to ourselves through the ingester's own session: a connection that answers pings may deliver nothing.

Two brokers of those tried hold a session that is connected and dead, after a crash or a backlog larger than the window.
Neither says so. A canary that does not come back is the only sign.
"""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from bkkenergy.adapters.awaited import Awaited, Publication, Sent
from bkkenergy.adapters.broker_troubles import Trouble, canary_missed, messages_lost, queue_full
from bkkenergy.adapters.canary_file import NOTHING, CanaryFile, SentBefore
from bkkenergy.adapters.cut_guard import CutGuard
from bkkenergy.adapters.identities import OWN_TOPICS
from bkkenergy.adapters.queue_span import QueuedAtOnce, QueueSpan
from bkkenergy.adapters.renewal import Renewal
from bkkenergy.calendar import BANGKOK
from bkkenergy.payloads.message import Message
from bkkenergy.settings import MqttSettings

MISSED_AFTER_S = 30.0
"""A canary that is this late while nothing else comes either is missed."""
MISSED_AT_LAST_S = 600.0
"""A backlog is before it in the queue; but none takes so long for a message."""
AGAIN_AFTER_S = 5.0
"""Where nothing has come for so long, another is sent: if it comes alone, the one before was dropped."""
BUSY_MESSAGES, BUSY_S = 50, 0.5
"""After this number of messages of others another is sent, and not sooner than this after the last."""
DROPS_SAID_EVERY_S = 60.0
"""A queue that stays full is an event a minute, not one a second: each is a line of the log and a row of the state."""
PARTS_WITHIN_S = 1.0
"""So long a service that stops waits for the broker to take its last canary."""
MAX_DIGITS = 20


def canary_topic(client_id: str) -> str:
    """Return the topic of an ingester's canary.

    >>> canary_topic("a/b+")
    'bkkenergy/canary/a-b-'
    """
    return f"{OWN_TOPICS}/canary/{client_id.translate(str.maketrans('/+#', '---'))}"


def canary_of(settings: MqttSettings, file: Path | None = None, mark: Path | None = None) -> Canary | None:
    """Return an ingester's canary; None where the settings want none. file, mark : of its notes."""
    if not settings.canary_s:
        return None
    notes = None if file is None else CanaryFile(file, mark)
    return Canary(settings.client_id, settings.canary_s, share=settings.share, file=notes)


class Canary:
    """Sends itself numbered messages now and then, and misses them."""

    def __init__(
        self,
        client_id: str,
        every_s: float,
        monotonic: Callable[[], float] = time.monotonic,
        *,
        share: str = "",
        file: CanaryFile | None = None,
    ) -> None:
        """Prepare one.

        share : of the ingester. Its canary comes through a shared group of its own, since a broker may take such a
        subscription and deliver nothing to it. file : of what outlasts the process.
        """
        self.topic = canary_topic(client_id)
        self.filter = self.topic
        self._shared_filter = f"$share/{share}-{self.topic.rpartition('/')[2]}/{self.topic}" if share else ""
        self.is_missed = False
        self.guard, self.renewal = CutGuard(), Renewal(monotonic)
        self._every_s, self._monotonic = every_s, monotonic
        self._file, notes = file, NOTHING if file is None else file.read()
        self._awaited, self._span, self._is_parted = Awaited(notes.latest), QueueSpan(notes.counts), False
        self._awaited.recall((one.number, self._recalled(one)) for one in notes.sent)
        self._next_at_s = self._traffic_at_s = self._sent_at_s = 0.0
        self._acknowledged_at_s = self._held_up_until_s = self._say_drops_at_s = 0.0
        self._lock = threading.Lock()
        self._since_sent = 0
        """Messages of others since the last canary was sent."""

    def connected(self, *, has_share: bool = True, is_resumed: bool = False, epoch: int = 0) -> None:
        """Begin again, with what the broker has for a session that is resumed. epoch : number of the connection."""
        self.filter = self._shared_filter if self._shared_filter and has_share else self.topic
        with self._lock:
            self._next_at_s, self._since_sent = self._monotonic(), 0
            self._awaited = self._awaited.of_next_connection(self._next_at_s, is_resumed=is_resumed)
            is_of_group = self.filter != self.topic
            self._span.connected(self._next_at_s, is_resumed=is_resumed, epoch=epoch, is_of_group=is_of_group)
            self._note_counts()
            self._note_numbers()
        self.renewal.connected(is_resumed=is_resumed)

    def longest_span(self) -> QueuedAtOnce | None:
        """Return how many messages the broker's queue may have had at once, until that is said."""
        with self._lock:
            return self._span.ended(self._monotonic())

    def judged(self, span: QueuedAtOnce) -> None:
        """Note that a span was judged."""
        with self._lock:
            self._span.judged(span)
            self._note_counts()

    def part(self, publish: Callable[[str, bytes], Publication]) -> None:
        """Leave one in the session, which ends now: a broker that loses it has lost what came after it, too."""
        if self.is_missed or not self.guard.was_heard:
            return
        self._is_parted = True
        sent = self.send(publish)
        until_s = time.monotonic() + PARTS_WITHIN_S
        while not self.guard.is_taken(sent) and time.monotonic() < until_s:
            time.sleep(0.005)
        with self._lock:
            self._awaited.look_at_answers()
            self._note_numbers()

    def close(self) -> None:
        """Close the file of notes."""
        if self._file is not None:
            self._file.close()

    def disconnected(self, on_trouble: Callable[[Trouble], None]) -> None:
        """Give it up where connections end before one was ever heard: the ingester goes on without."""
        if self.guard.cut():
            on_trouble(canary_missed(self.topic, was_heard=False, is_shared=self.filter != self.topic))

    def tend(self, publish: Callable[[str, bytes], Publication], on_trouble: Callable[[Trouble], None]) -> None:
        """Send one when it is time, and report those that are missed or were dropped."""
        now_s = self._monotonic()
        with self._lock:
            is_due, is_missed = self._is_due(), self._is_newly_missed()
            dropped = self._awaited.dropped(now_s) if now_s >= self._say_drops_at_s else None
            if self._awaited.look_at_answers():
                self._note_numbers()
        if is_due:
            self.send(publish)
        if is_missed:
            on_trouble(canary_missed(self.topic, was_heard=self.guard.was_heard, is_shared=self.filter != self.topic))
        if dropped:
            self._say_drops_at_s = now_s + DROPS_SAID_EVERY_S
            times = map(self._clock_time, (dropped.first_s, dropped.last_s))
            said = messages_lost if dropped.is_earlier else queue_full
            on_trouble(said(dropped.number, dropped.of_number, *times))
            with self._lock:
                self._note_numbers()

    def before_acknowledging(
        self, publish: Callable[[str, bytes], Publication], messages: Sequence[Message] = ()
    ) -> None:
        """Send one where many messages come: the queue is full for moments only, and fullest before it hears of us.

        After an acknowledgement there is room for a moment, in which a canary would always be taken. messages : which
        are acknowledged on this connection.
        """
        now_s = self._monotonic()
        with self._lock:
            if now_s - self._acknowledged_at_s >= MISSED_AFTER_S:
                self._held_up_until_s = now_s  # by a store that was away: what is awaited could not come
            self._acknowledged_at_s = now_s
            pause_s = now_s - self._sent_at_s
            is_due = self._since_sent >= BUSY_MESSAGES and pause_s >= BUSY_S and self._awaited.has_room
        if is_due:
            self.send(publish)
        with self._lock:
            if messages and messages[0].topic != self.topic:  # ours are acknowledged by themselves
                self._span.acknowledged(messages, now_s)
                self._note_counts()
            if self._awaited.look_at_answers():
                self._note_numbers()

    def send(self, publish: Callable[[str, bytes], Publication]) -> Publication:
        """Send one now: on a connection before any of its backlog is acknowledged, as a full queue is full still."""
        with self._lock:
            self._sent_at_s, self._since_sent = self._monotonic(), 0
            self._next_at_s = self._sent_at_s + self._every_s
            number = self._awaited.sent(self._sent_at_s, self._span.counts.gone)
            self._note_numbers()
        publication = publish(self.topic, b"%d" % number)
        with self._lock:
            self._awaited.follow(number, publication)
        self.guard.sent(publication)
        return publication

    def sifted(self, messages: list[Message]) -> tuple[list[Message], list[Message]]:
        """Note canaries that came back; return the messages of others, and our own."""
        ours = [number for number, message in enumerate(messages) if message.topic == self.topic]
        start = 0
        for number in ours:
            self._hear(messages[start:number], messages[number])
            start = number + 1
        self._hear(messages[start:] if ours else messages)
        if not ours:
            return messages, []
        others = [message for message in messages if message.topic != self.topic]
        return others, [messages[number] for number in ours]

    def _hear(self, others: Sequence[Message], ours: Message | None = None) -> None:
        """Note the messages of others, and a canary behind them; nothing once the last one was sent."""
        if self._is_parted:
            return
        self.renewal.heard(others)
        now_s = self._monotonic()
        with self._lock:
            if others:
                is_canary_awaited = self._awaited.oldest_s is not None
                self._span.heard(others, now_s, is_canary_awaited=is_canary_awaited)
                self._traffic_at_s = now_s  # the canary waits behind other messages
                self._since_sent += len(others)
            came = None if ours is None else self._awaited.came(_number(ours.payload), now_s)
            if came is not None:
                self._span.canary_came(came.gone, now_s, is_of_connection=came.is_of_connection)
                self._note_counts()
                self._note_numbers()
        if came is not None:
            self.is_missed, self.guard.was_heard = False, True
            if came.is_of_connection:
                self.renewal.canary_came()

    def _is_due(self) -> bool:
        """Return whether to publish one now: at its time, and again where nothing comes, not even the one before."""
        now_s = self._monotonic()
        if self._awaited.oldest_s is not None and not self.is_missed:
            return min(now_s - self._sent_at_s, now_s - self._traffic_at_s) >= AGAIN_AFTER_S
        return now_s >= self._next_at_s

    def _is_newly_missed(self) -> bool:
        """Return whether the oldest that is awaited is late, once until one is heard again."""
        oldest_s = self._awaited.oldest_s
        if oldest_s is None or self.is_missed:
            return False
        now_s = self._monotonic()
        late_s, idle_s = now_s - max(oldest_s, self._held_up_until_s), now_s - self._traffic_at_s
        self.is_missed = (late_s >= MISSED_AFTER_S and idle_s >= MISSED_AFTER_S) or late_s >= MISSED_AT_LAST_S
        return self.is_missed

    def _note_counts(self) -> None:
        if self._file is not None:
            self._file.note_counts(self._span.counts)

    def _note_numbers(self) -> None:
        if self._file is not None:
            to_wall_s = time.time() - self._monotonic()
            known = [
                SentBefore(number, sent.at_s + to_wall_s, sent.gone) for number, sent in self._awaited.acknowledged
            ]
            self._file.note_numbers(self._awaited.latest, known)

    def _recalled(self, one: SentBefore) -> Sent:
        """Return what an earlier process noted, by our clock."""
        at_s = one.at_s - time.time() + self._monotonic()
        return Sent(at_s, at_s, one.gone, is_acknowledged=True)

    def _clock_time(self, at_s: float) -> dt.datetime:
        """Return the time in Bangkok of an instant of the monotonic clock."""
        ago = dt.timedelta(seconds=self._monotonic() - at_s)
        return dt.datetime.now(BANGKOK) - ago


def _number(payload: bytes) -> int:
    """Return the number that a canary bears; -1 where it is none of ours."""
    return int(payload) if payload.isdigit() and len(payload) <= MAX_DIGITS else -1
