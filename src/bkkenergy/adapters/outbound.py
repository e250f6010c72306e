"""Messages on their way to the broker, on disk until it has acknowledged them."""

from __future__ import annotations

import math
import sqlite3
import threading
import time
from collections import deque
from contextlib import closing
from pathlib import Path

import paho.mqtt.client as mqtt
import structlog
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.reasoncodes import ReasonCode

from bkkenergy.adapters.mqtt_client import end_loop, introduce
from bkkenergy.adapters.sqlite_file import Transaction, make_tables, open_database
from bkkenergy.ports.readings import StoreUnavailable
from bkkenergy.settings import MqttSettings

log = structlog.get_logger(__name__)

TABLE = (
    "CREATE TABLE IF NOT EXISTS outbound "
    "(id INTEGER PRIMARY KEY AUTOINCREMENT, topic TEXT NOT NULL, payload BLOB NOT NULL)"
)
MAX_MESSAGES = 500_000
"""Beyond these the oldest go, aloud: registers count on, and what goes is the detail between."""
IN_FLIGHT = 100
LOOK_EVERY_S, STOP_LOOK_S = 0.5, 0.02
REFUSED_PAUSE_S = 60.0
"""A message that the broker refuses is tried again so much later: a person may give the right meanwhile."""


def waiting_in(path: Path) -> int:
    """Return how many messages wait in a file. Raises StoreUnavailable where it cannot be read."""
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as database:
            return int(database.execute("SELECT count(*) FROM outbound").fetchone()[0])
    except sqlite3.Error as error:
        raise StoreUnavailable.of("file_unreadable", path=path, error=error) from None


class Outbound:
    """Publishes with QoS 1, in the order in which messages were put in. Nothing is dropped before its PUBACK.

    The client resends what a connection left open. A process that ended sends all that is in the file again: the
    ingester takes the same reading twice as once.
    """

    def __init__(self, settings: MqttSettings, path: Path, *, max_messages: int = MAX_MESSAGES) -> None:
        """Open the file. Connects with `start`. Raises StoreUnavailable."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._settings, self._max_messages, self._path = settings, max_messages, path
        self._lock = threading.Lock()
        self._database = open_database(path)
        make_tables(self._database, path, TABLE)
        self.waiting = int(self._database.execute("SELECT count(*) FROM outbound").fetchone()[0])
        """Messages that the broker has not acknowledged."""
        self._sent: dict[int, int] = {}
        """Row of each message that was sent and not answered, by its id. Of the publishing thread alone."""
        self._answers: deque[tuple[int, bool]] = deque()
        self._taken: list[int] = []
        """Rows that the broker has, and that are still to be deleted: the disk may not take it at once."""
        self._last_row, self._retry_at_s = 0, math.inf
        self._is_connected, self._stop, self._new = threading.Event(), threading.Event(), threading.Event()
        self._client = self._new_client()
        self._thread = threading.Thread(target=self._work, name="outbound")

    def put(self, topic: str, payload: bytes) -> None:
        """Store a message, to be published as soon as can be. Raises StoreUnavailable."""
        with self._lock:
            excess = max(0, self.waiting + 1 - self._max_messages)
            with Transaction(self._database, self._path) as database:
                database.execute("INSERT INTO outbound (topic, payload) VALUES (?, ?)", (topic, payload))
                if excess:
                    database.execute(
                        "DELETE FROM outbound WHERE id IN (SELECT id FROM outbound ORDER BY id LIMIT ?)", (excess,)
                    )
            self.waiting += 1 - excess
        if excess:
            log.error("outbound_full", dropped=excess, remedy="Bring the broker back: bkkenergy doctor.")
        self._new.set()

    def start(self) -> None:
        """Connect, and publish what waits."""
        settings = self._settings
        self._client.connect_async(settings.host, settings.port, settings.keepalive_s)
        self._client.loop_start()
        self._thread.start()

    def stop(self, *, within_s: float = 5.0) -> None:
        """Publish what waits for so long at the most, and disconnect. The rest stays on disk."""
        until_s = time.monotonic() + within_s
        while self._is_connected.is_set() and self.waiting and time.monotonic() < until_s:
            time.sleep(STOP_LOOK_S)
        self._stop.set()
        self._new.set()
        if self._thread.is_alive():
            self._thread.join()
        self._client.disconnect()
        end_loop(self._client)
        self._take_answers()
        self._database.close()

    def _new_client(self) -> mqtt.Client:
        settings = self._settings
        is_v5 = settings.protocol != "3.1.1"
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=settings.client_id,
            clean_session=None if is_v5 else True,
            protocol=MQTTProtocolVersion.MQTTv5 if is_v5 else MQTTProtocolVersion.MQTTv311,
            transport=settings.transport,
        )
        introduce(client, settings)
        client.reconnect_delay_set(1, settings.reconnect_max_s)
        client.on_connect, client.on_disconnect = self._on_connect, self._on_disconnect
        client.on_publish = self._on_publish
        return client

    def _on_connect(self, _client: mqtt.Client, _data: object, _flags: object, reason: ReasonCode, _p: object) -> None:
        if reason.is_failure:
            log.error("outbound_refused", why=str(reason), remedy="Check its user: bkkenergy meters passwords.")
            return
        log.info("outbound_connected", waiting=self.waiting)
        self._is_connected.set()
        self._new.set()

    def _on_disconnect(self, _client: mqtt.Client, _data: object, _flags: object, reason: object, _p: object) -> None:
        if self._is_connected.is_set() and not self._stop.is_set():
            log.warning("outbound_disconnected", why=str(reason), waiting=self.waiting)
        self._is_connected.clear()

    def _on_publish(self, _client: mqtt.Client, _data: object, number: int, reason: ReasonCode, _p: object) -> None:
        """Hand an answer to the publishing thread: here the client's own lock is held."""
        self._answers.append((number, not reason.is_failure))
        if reason.is_failure:
            log.error("outbound_message_refused", why=str(reason), remedy="Let it write: bkkenergy meters acl.")
        self._new.set()

    def _work(self) -> None:
        while not self._stop.is_set():
            self._new.wait(LOOK_EVERY_S)
            self._new.clear()
            try:
                self._take_answers()
                if self._is_connected.is_set():
                    self._publish_some()
            except (StoreUnavailable, sqlite3.Error) as error:  # a disk that is full now may have room later
                log.error("outbound_disk_failed", why=str(error))  # noqa: TRY400

    def _take_answers(self) -> None:
        """Delete what the broker has. What it refused is tried again after a while."""
        while self._answers:
            number, is_taken = self._answers.popleft()
            row = self._sent.pop(number, None)
            if row is None:
                continue
            if is_taken:
                self._taken.append(row)
            else:
                self._retry_at_s = min(self._retry_at_s, time.monotonic() + REFUSED_PAUSE_S)
        if not self._taken:
            return
        with self._lock:
            with Transaction(self._database, self._path) as database:
                rows = [(row,) for row in self._taken]
                count = database.executemany("DELETE FROM outbound WHERE id = ?", rows).rowcount
            self.waiting -= count
            self._taken.clear()

    def _publish_some(self) -> None:
        """Publish the next messages that were not sent yet."""
        if not self._sent and time.monotonic() >= self._retry_at_s:
            self._last_row, self._retry_at_s = 0, math.inf
        query = "SELECT id, topic, payload FROM outbound WHERE id > ? ORDER BY id LIMIT ?"
        with self._lock:
            rows = self._database.execute(query, (self._last_row, IN_FLIGHT - len(self._sent))).fetchall()
        for row, topic, payload in rows:
            self._sent[self._client.publish(topic, payload, qos=1).mid] = self._last_row = row
