"""How many messages the broker says that it dropped: mosquitto counts them, and publishes the number.

It drops what is new for a session whose queue is full (`max_queued_messages`, 1,000 unless set). The sender gets its
acknowledgement all the same, and the session hears nothing of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import paho.mqtt.client as mqtt
import structlog
from paho.mqtt.reasoncodes import ReasonCode

from bkkenergy.adapters.broker_troubles import Trouble, messages_dropped
from bkkenergy.adapters.identities import DROPPED, OWN_USERS, bystander, has_own_user
from bkkenergy.adapters.mqtt_client import client_that_looks_on, end_loop
from bkkenergy.settings import MqttSettings

log = structlog.get_logger(__name__)

ROLE = "drops"
SAID_EVERY_S = 3600.0
"""Where another client has left a session for good, each message to it is dropped: that is said now and then."""
RECONNECT_MAX_S = 300


class DropCount:
    """Compares the broker's count with what it was when we last heard it, also in the process before."""

    def __init__(self, file: Path | None = None, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Prepare to compare. file : where the count stays while no ingester runs."""
        self._file, self._monotonic = file, monotonic
        self._unsaid_count, self._say_at_s = 0, 0.0
        self._count: int | None = None
        if file is not None:
            with suppress(OSError, ValueError):
                self._count = int(file.read_text("ascii"))

    def compared(self, payload: bytes) -> Trouble | None:
        """Take a count; return what it says that was lost, if that is to be said now."""
        try:
            count = int(payload)
        except ValueError:
            return None
        before, self._count = self._count, count
        if count != before and self._file is not None:
            with suppress(OSError):
                self._file.write_text(str(count), "ascii")
        # A count that fell began again with the broker. Of the first that is ever heard nothing is known.
        self._unsaid_count += 0 if before is None else count - before if count >= before else count
        if not self._unsaid_count or self._monotonic() < self._say_at_s:
            return None
        dropped, self._unsaid_count, self._say_at_s = self._unsaid_count, 0, self._monotonic() + SAID_EVERY_S
        return messages_dropped(dropped)


class DropListener:
    """Hears the count on a connection of its own, which has no session.

    Never through the ingester's session: one that subscribes to this count, and that mosquitto 2.0.11 read from its
    file after a crash, is sent all of its backlog but the first message beyond the window, until it connects again.
    """

    def __init__(self, settings: MqttSettings, file: Path, report: Callable[[Trouble], None]) -> None:
        """Prepare to listen. file : where the count stays. report : is given what was lost, in a thread of its own."""
        self._settings, self._file, self._report = settings, file, report
        self._client: mqtt.Client | None = None
        self.was_heard = False
        """Whether the broker counts, and lets us hear it."""

    def __enter__(self) -> None:
        """Listen in the background, where a user of our own may. A broker that counts nothing says nothing."""
        if not has_own_user(self._settings, ROLE):
            log.warning("drop_count_not_heard", user=self._settings.username, remedy=OWN_USERS)
            return
        count = DropCount(self._file)
        looking_on = bystander(self._settings, ROLE)
        client = client_that_looks_on(looking_on, "5" if looking_on.protocol == "5" else "3.1.1", looking_on.client_id)

        def on_connect(_client: mqtt.Client, _data: object, _flags: object, reason: ReasonCode, _props: object) -> None:
            if reason.is_failure:
                log.warning("drop_count_refused", why=str(reason), user=looking_on.username)
            else:
                client.subscribe(DROPPED, qos=0)

        def on_message(_client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
            self.was_heard = True
            if (dropped := count.compared(bytes(message.payload))) is not None:
                self._report(dropped)

        client.on_connect, client.on_message = on_connect, on_message
        client.reconnect_delay_set(1, RECONNECT_MAX_S)
        client.connect_async(looking_on.host, looking_on.port, looking_on.keepalive_s)
        client.loop_start()
        self._client = client

    def __exit__(self, *_: object) -> None:
        """Listen no more."""
        if self._client is not None:
            self._client.disconnect()
            end_loop(self._client)
