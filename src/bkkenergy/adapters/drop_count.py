"""How many messages the broker says that it dropped: mosquitto counts them, and publishes the number.

It drops what is new for a session whose queue is full (`max_queued_messages`, 1,000 unless set). The sender gets its
acknowledgement all the same, and the session hears nothing of it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import paho.mqtt.client as mqtt
import structlog
from paho.mqtt.reasoncodes import ReasonCode

from bkkenergy.adapters.broker_troubles import Trouble, messages_dropped
from bkkenergy.adapters.files import write_whole
from bkkenergy.adapters.identities import DROPPED, OWN_USERS, bystander, has_own_user
from bkkenergy.adapters.mqtt_client import client_that_looks_on, end_loop
from bkkenergy.adapters.played import PlayedOutages, played_outages
from bkkenergy.settings import MqttSettings

log = structlog.get_logger(__name__)

ROLE = "drops"
SAID_EVERY_S = 3600.0
"""Where another client has left a session for good, each message to it is dropped: that is said now and then."""
RECONNECT_MAX_S = 300
PLAYED_LOOK_S = 1.0
OWN_COUNTED_WITHIN_S = 60.0
"""mosquitto publishes its count each 10 s unless set: what an outage of ours cost is in it by then."""


class DropCount:
    """Compares the broker's count with what it was when we last heard it, also in the process before."""

    def __init__(
        self,
        file: Path | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        *,
        played: Callable[[], PlayedOutages] = PlayedOutages,
    ) -> None:
        """Prepare to compare.

        file : where the count stays while no ingester runs. played : returns what outages that we played have cost.
        """
        self._file, self._monotonic, self._played = file, monotonic, played
        self._lock = threading.Lock()
        self._unsaid_count = self._own_count = 0
        self._say_at_s = self._own_until_s = 0.0
        self._count: int | None = None
        self._played_count = played().dropped
        if file is not None:
            with suppress(OSError, ValueError):
                self._count, *rest = map(int, file.read_text("ascii").split())
                self._unsaid_count, self._played_count = rest or (0, self._played_count)

    def compared(self, payload: bytes) -> Trouble | None:
        """Take a count; return what it says that was lost, if that is to be said now."""
        try:
            count = int(payload)
        except ValueError:
            return None
        with self._lock:
            before, self._count = self._count, count
            # A count that fell began again with the broker. Of the first that is ever heard nothing is known.
            self._unsaid_count += 0 if before is None else count - before if count >= before else count
            if count != before:
                self._note()
        return self.due()

    def due(self) -> Trouble | None:
        """Return what was lost and is to be said now: never what an outage that we played has cost."""
        with self._lock:
            now_s = self._monotonic()
            if not self._unsaid_count or now_s < self._say_at_s:
                return None
            played = self._played()
            if played.is_playing:
                self._say_at_s = now_s + PLAYED_LOOK_S
                return None
            if now_s > self._own_until_s:
                self._own_count = 0
            if played.dropped != self._played_count:
                self._own_count += max(0, played.dropped - self._played_count)
                self._played_count, self._own_until_s = played.dropped, now_s + OWN_COUNTED_WITHIN_S
            own_count = min(self._own_count, self._unsaid_count)
            self._own_count -= own_count
            dropped, self._unsaid_count = self._unsaid_count - own_count, 0
            self._say_at_s = now_s + SAID_EVERY_S if dropped else now_s
            self._note()
            return messages_dropped(dropped) if dropped else None

    def _note(self) -> None:
        """Write down what the next process has to know: a kill must not leave anything unsaid."""
        if self._file is not None:
            with suppress(OSError):
                write_whole(self._file, f"{self._count} {self._unsaid_count} {self._played_count}".encode())


class DropListener:
    """Hears the count on a connection of its own, which has no session.

    Never through the ingester's session: one that subscribes to this count, and that mosquitto 2.0.11 read from its
    file after a crash, is sent all of its backlog but the first message beyond the window, until it connects again.
    """

    def __init__(
        self, settings: MqttSettings, file: Path, played_file: Path, report: Callable[[Trouble], None]
    ) -> None:
        """Prepare to listen.

        file : where the count stays. played_file : what the doctor notes of outages that it plays. report : is given
        what was lost, in a thread of its own or in that of `look`.
        """
        self._settings, self._report = settings, report
        self._count = DropCount(file, played=partial(played_outages, played_file))
        self._client: mqtt.Client | None = None
        self.was_heard = False
        """Whether the broker counts, and lets us hear it."""

    def __enter__(self) -> None:
        """Listen in the background, where a user of our own may. A broker that counts nothing says nothing."""
        if not has_own_user(self._settings, ROLE):
            log.warning("drop_count_not_heard", user=self._settings.username, remedy=OWN_USERS)
            return
        looking_on = bystander(self._settings, ROLE)
        client = client_that_looks_on(looking_on, "5" if looking_on.protocol == "5" else "3.1.1", looking_on.client_id)

        def on_connect(_client: mqtt.Client, _data: object, _flags: object, reason: ReasonCode, _props: object) -> None:
            if reason.is_failure:
                log.warning("drop_count_refused", why=str(reason), user=looking_on.username)
            else:
                client.subscribe(DROPPED, qos=0)

        def on_message(_client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
            self.was_heard = True
            self._say(self._count.compared(bytes(message.payload)))

        client.on_connect, client.on_message = on_connect, on_message
        client.reconnect_delay_set(1, RECONNECT_MAX_S)
        client.connect_async(looking_on.host, looking_on.port, looking_on.keepalive_s)
        client.loop_start()
        self._client = client

    def look(self) -> None:
        """Say what had to wait: the broker publishes its count only where it has changed."""
        self._say(self._count.due())

    def _say(self, dropped: Trouble | None) -> None:
        if dropped is not None:
            self._report(dropped)

    def __exit__(self, *_: object) -> None:
        """Listen no more."""
        if self._client is not None:
            self._client.disconnect()
            end_loop(self._client)
