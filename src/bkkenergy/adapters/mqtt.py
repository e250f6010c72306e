"""The subscriber: hands on messages, and acknowledges them only on request."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import structlog
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from bkkenergy.adapters import broker_troubles as troubles
from bkkenergy.adapters.broker_troubles import Trouble, TroubleKind
from bkkenergy.adapters.bulk_client import BulkClient, fits
from bkkenergy.adapters.canary import Canary
from bkkenergy.adapters.cut_guard import let_try_again, unless_off
from bkkenergy.adapters.host_state import HostState
from bkkenergy.adapters.inbox import Inbox
from bkkenergy.adapters.mqtt_client import end_loop, introduce
from bkkenergy.adapters.subscriptions import Subscriptions
from bkkenergy.payloads.message import Message
from bkkenergy.readings import US_PER_S
from bkkenergy.settings import MqttSettings

log = structlog.get_logger(__name__)

UNSUPPORTED_PROTOCOL = "Unsupported protocol version"
DROPS_BEFORE_FALLBACK = 2
"""Connections that a broker cuts before it answers: one that does not know MQTT 5 may do that."""
CONNACK_WITHIN_S = 4.0
SUBACK_WITHIN_S = 30.0
"""A broker that takes the connection and says nothing for so long does not speak this protocol."""
WILL_REFUSALS = frozenset({"Retain not supported", "QoS not supported", "Topic name invalid"})
"""Reasons of a CONNACK (MQTT 5, section 3.2.2.2) that are about our will, the STATE of a Sparkplug host."""
SOON_S = 5.0
"""A connection that the broker ends within so long was none."""
CUTS_BEFORE_PAUSE = 3
FULL_QUEUE_PAUSE_S = 0.01


class Subscriber:
    """A persistent session with the broker at QoS 1, with acknowledgement by hand.

    MQTT 5 with Receive Maximum bounds what is unacknowledged, and so the memory; on 3.1.1 a full
    queue makes the network thread wait, and TCP holds the broker back.
    """

    def __init__(
        self,
        settings: MqttSettings,
        topics: Sequence[str],
        *,
        exact_topics: Sequence[str] = (),
        session_mark: Path | None = None,
        on_trouble: Callable[[Trouble], None] | None = None,
        canary: Canary | None = None,
        host_id: str = "",
    ) -> None:
        """Prepare a session.

        exact_topics : what to subscribe to where the broker takes no wildcards. session_mark : a file
        that is there once this client id has had a session. on_trouble : is given what endangers messages,
        in the network thread. canary : a message to ourselves, whose absence is a trouble. host_id : of the Sparkplug
        host application that this session is.
        """
        self._settings = settings
        self._wanted, self._exact = tuple(topics), tuple(exact_topics)
        self._topics: tuple[str, ...] = ()
        self._subscriptions = Subscriptions()
        self._has_wildcards = self._has_share = True
        self._session_mark, self._on_trouble, self._canary = session_mark, on_trouble, canary
        self._had_session = session_mark is not None and session_mark.exists()
        self._connected_at_s, self._cuts = 0.0, 0
        self.troubles: dict[TroubleKind, Trouble] = {}
        """What is wrong with the present connection, or was with the last. Several threads report it."""
        self._host = HostState(host_id) if host_id else None
        self._whole = (self._host, self._canary)  # what we publish where the broker forbids none of it
        self._inbox = Inbox(settings.receive_maximum)
        self._received_us = 0
        self._lock = threading.Lock()
        self._epoch = 0
        self.resumed_epoch = 0
        """The latest connection at which the broker had our session, with what came meanwhile."""
        self._connected = threading.Event()
        self._drops = 0
        self._asked_at_s: float | None = None
        self._stopping = self._is_left = False
        self.refusal = ""
        self.unreached = 0
        """How many attempts in a row met no listener."""
        self._fallback_wanted = False
        self._is_v5 = settings.protocol != "3.1.1"
        self._reader = settings.reader
        if why := self._reader == "bulk" and fits():
            log.warning("mqtt_reader_is_paho", why=why, remedy="Install the version of paho-mqtt that is locked.")
            self._reader = "paho"
        self._client = self._new_client()

    @property
    def is_connected(self) -> bool:
        """Whether the session stands now."""
        return self._connected.is_set()

    @property
    def granted(self) -> dict[str, bool] | None:
        """Whether the broker granted each topic; None until it has answered."""
        return self._subscriptions.granted

    @property
    def is_subscribed(self) -> bool:
        """Whether the broker granted every topic of readings."""
        return self._subscriptions.has_all_but(self._apart())

    @property
    def protocol(self) -> str:
        """The version of MQTT in use."""
        return "5" if self._is_v5 else "3.1.1"

    def start(self) -> None:
        """Connect in the background, again and again until it holds."""
        settings = self._settings
        options: dict[str, Any] = {}
        if self._is_v5:
            properties = Properties(PacketTypes.CONNECT)
            properties.SessionExpiryInterval = settings.session_expiry_s
            properties.ReceiveMaximum = settings.receive_maximum
            options = {"clean_start": False, "properties": properties}
        self._client.connect_async(settings.host, settings.port, settings.keepalive_s, **options)
        self._client.loop_start()

    def stop(self) -> None:
        """Stop. The broker stores the session and what is not acknowledged."""
        if self._canary is not None and self.is_connected and not self._stopping:
            self._canary.part(partial(self._client.publish, qos=1))
        self._stopping = True
        if self._host is not None:
            self._host.leave(self._client)
        self._client.disconnect()
        end_loop(self._client)

    def tend(self) -> None:
        """Run the upkeep, to be called now and then: fall back to 3.1.1, and revive a network thread that died."""
        asked_at_s = self._asked_at_s
        is_silent = asked_at_s is not None and time.monotonic() - asked_at_s > CONNACK_WITHIN_S
        if self._fallback_wanted or (is_silent and self._settings.protocol == "auto"):
            self._fallback_wanted, self._asked_at_s, self.refusal = False, None, ""
            self._is_v5, self._drops = not self._is_v5, 0
            log.warning("mqtt_protocol_changed", protocol=self.protocol, broker=self._where)
            self._restart()
        elif not self._network_thread_lives():
            log.error("mqtt_thread_died", broker=self._where)
            self._restart()
        elif any(one.guard.is_off for one in self._published) or (
            self.is_connected and let_try_again(self._whole, time.monotonic() - self._connected_at_s)
        ):
            self._leave_out_what_is_off()
        elif self.is_connected:
            self._tend_subscriptions()
            if self._canary is not None and self.granted:
                self._canary.tend(partial(self._client.publish, qos=1), self.report)
                if why := self._canary.renewal.reason(canary_is_missed=self._canary.is_missed):
                    self._connect_again(why)

    def _connect_again(self, why: str) -> None:
        """End the connection and make another to the same session."""
        log.warning("mqtt_connects_again", broker=self._where, why=why)
        self._is_left = True
        self._client.disconnect()
        self._restart()

    def _tend_subscriptions(self) -> None:
        """Ask again for what was refused, and miss an answer that does not come."""
        now_s = time.monotonic()
        with self._lock:
            self._subscriptions.ask_again(self._client, now_s, is_v5=self._is_v5)
        is_late = self.granted is None and now_s - self._connected_at_s > SUBACK_WITHIN_S
        if is_late and TroubleKind.SUBSCRIPTION_REFUSED not in self.troubles:
            self.report(troubles.subscription_unanswered(SUBACK_WITHIN_S))

    def take(self, most: int, max_bytes: int, *, timeout_s: float | None = None) -> list[Message]:
        """Return messages that have come, until there are `most` of them or their payloads reach `max_bytes`.

        Waits up to `timeout_s` for the first; not at all without one.
        """
        taken = self._inbox.take(most, max_bytes, timeout_s)
        return self._without_ours(taken) if taken else taken

    def _without_ours(self, messages: list[Message]) -> list[Message]:
        """Return the messages of others. Our own have done their work when they come."""
        if self._canary is not None:
            messages, ours = self._canary.sifted(messages)
            if ours:
                self.acknowledge(ours)
                if not self._canary.is_missed:
                    self.troubles.pop(TroubleKind.CANARY_MISSED, None)
        if self._host is not None:
            messages, states = self._host.sifted(messages)
            self.acknowledge(states)
            if states and self.is_connected and self._host.is_contradicted_by(states[-1].payload):
                self._host.announce(self._client)
        return messages

    def acknowledge(self, messages: Sequence[Message]) -> None:
        """Mark messages as safe for the broker. Those of an earlier connection it sends again by itself."""
        with self._lock:
            epoch, client = self._epoch, self._client
            waiting = [message for message in messages if message.qos and message.epoch == epoch]
            if waiting and self._canary is not None:
                self._canary.before_acknowledging(partial(client.publish, qos=1), waiting)
            if waiting and isinstance(client, BulkClient):
                client.ack_all(waiting)
            else:
                for message in waiting:
                    client.ack(message.packet_id, message.qos)

    def want(self, topics: Sequence[str], exact_topics: Sequence[str]) -> None:
        """Subscribe to other topics from now on, in the same session: no message is lost meanwhile."""
        with self._lock:
            self._wanted, self._exact = tuple(topics), tuple(exact_topics)
            if not self._connected.is_set():
                return  # it is subscribed to with the next connection
            before, self._topics = self._topics, self._possible_topics()
            new = [topic for topic in self._topics if topic not in before]
            self._subscriptions.ask(self._client, new, is_v5=self._is_v5)
            if gone := [topic for topic in before if topic not in self._topics]:
                self._client.unsubscribe(gone)

    def publish(self, topic: str, payload: bytes) -> None:
        """Send a command to a gateway, once, if it is there."""
        self._client.publish(topic, payload, qos=0)

    @property
    def _published(self) -> list[Canary | HostState]:
        """What we publish ourselves, in the order in which a broker that forbids it is found out."""
        return [one for one in (self._host, self._canary) if one is not None]

    def _leave_out_what_is_off(self) -> None:
        """Connect without what the broker forbids: paho would send it, unanswered, with each connection."""
        host, canary = self._whole
        self._host, self._canary = unless_off(host), unless_off(canary)
        self._connect_again("what the broker may forbid is left out, or tried again")

    @property
    def _where(self) -> str:
        return f"{self._settings.host}:{self._settings.port}"

    def _restart(self) -> None:
        end_loop(self._client)
        self._client = self._new_client()
        self.start()

    def _network_thread_lives(self) -> bool:
        name = f"paho-mqtt-client-{self._settings.client_id}"
        return any(thread.name == name for thread in threading.enumerate())

    def _new_client(self) -> mqtt.Client:
        settings = self._settings
        options: dict[str, Any] = {
            "callback_api_version": CallbackAPIVersion.VERSION2,
            "client_id": settings.client_id,
            "clean_session": None if self._is_v5 else False,
            "protocol": MQTTProtocolVersion.MQTTv5 if self._is_v5 else MQTTProtocolVersion.MQTTv311,
            "manual_ack": True,
            "transport": settings.transport,
        }
        client: mqtt.Client
        if self._reader == "bulk":
            client = BulkClient(deliver=self._on_messages, stamp=self._stamp, is_full=self._inbox.is_full, **options)
        else:
            client = mqtt.Client(**options)
        introduce(client, settings)
        client.reconnect_delay_set(1, settings.reconnect_max_s)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_connect_fail = self._on_connect_fail
        if self._host is not None:
            client.on_pre_connect = self._on_pre_connect
        client.on_socket_open = self._on_socket_open
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        return client

    def _on_pre_connect(self, client: mqtt.Client, _data: object) -> None:
        if self._host is not None:
            self._host.before_connect(client)

    def _on_socket_open(self, _client: mqtt.Client, _data: object, _socket: object) -> None:
        self._asked_at_s, self.unreached = time.monotonic(), 0

    def _on_connect(
        self, client: mqtt.Client, _data: object, flags: mqtt.ConnectFlags, reason: ReasonCode, properties: object
    ) -> None:
        self._asked_at_s, self._is_left = None, False
        if reason.is_failure:
            log.error("mqtt_refused", broker=self._where, why=str(reason))
            if self._settings.protocol == "auto" and str(reason) == UNSUPPORTED_PROTOCOL:
                self._fallback_wanted = True
            else:
                self.refusal = str(reason)
            if self._host is not None and self.refusal in WILL_REFUSALS:
                self._host.disconnected(self.report)
            return
        self._drops, self._connected_at_s = 0, time.monotonic()
        with self._lock:
            self._epoch += 1
            self.resumed_epoch = self._epoch if flags.session_present else 0
        log.info("mqtt_connected", broker=self._where, protocol=self.protocol, session_present=flags.session_present)
        self._look_at_session(is_present=bool(flags.session_present))
        with self._lock:
            self._topics = self._granted_by(properties)
            self._subscriptions.begin(client, self._topics, is_v5=self._is_v5)
            if self._canary is not None and self.resumed_epoch:
                self._canary.send(partial(client.publish, qos=1))
            if self._host is not None:
                self._host.announce(client)
            self._connected.set()

    def _look_at_session(self, *, is_present: bool) -> None:
        """Check whether the broker still has what it had to store."""
        self.troubles = {kind: one for kind, one in self.troubles.copy().items() if kind in troubles.OF_THE_LAST}
        if self._had_session and not is_present:
            self.report(troubles.session_lost(self._settings.client_id))
        self._had_session = True
        if self._session_mark is not None:
            with suppress(OSError):
                self._session_mark.touch()

    def _granted_by(self, properties: object) -> tuple[str, ...]:
        """Return the topics to subscribe to, by what the broker says that it can do.

        Where it knows no shared subscriptions the prefix is dropped, aloud: as a literal topic it would
        match nothing, and a session without subscriptions would lose what comes until a person has read
        the log. Each ingester then stores every message, which the stores' keys make harmless.
        """
        settings = self._settings
        announced = (
            list(troubles.announced(properties, settings, has_exact_topics=bool(self._exact))) if self._is_v5 else []
        )
        if settings.share and not self._is_v5:
            announced.append(troubles.without_share(self.protocol))
        for trouble in announced:
            self.report(trouble)
        kinds = {trouble.kind for trouble in announced}
        self._has_wildcards = TroubleKind.WILDCARDS_UNAVAILABLE not in kinds
        self._has_share = TroubleKind.SHARE_UNAVAILABLE not in kinds
        if self._canary is not None:
            self._canary.connected(has_share=self._has_share, is_resumed=self.resumed_epoch > 0, epoch=self._epoch)
        return self._possible_topics()

    def _possible_topics(self) -> tuple[str, ...]:
        """Return the topics to subscribe to, by what the present connection's broker can do."""
        topics, share = self._wanted, self._settings.share
        if not self._has_wildcards:
            topics = self._exact or tuple(topic for topic in topics if not {"+", "#"} & set(topic))
        if share and self._has_share:
            topics = tuple(f"$share/{share}/{topic}" for topic in topics)
        return (*topics, *self._apart())

    def _apart(self) -> tuple[str, ...]:
        """Return the topics that are not of readings: the canary's, and STATE."""
        canary = (self._canary.filter,) if self._canary is not None else ()
        return canary if self._host is None else (*canary, self._host.topic)

    def report(self, trouble: Trouble) -> None:
        """Show a trouble, and say it in the log."""
        self.troubles[trouble.kind] = trouble
        log.warning("mqtt_trouble", kind=str(trouble.kind), observed=trouble.observed, remedy=trouble.remedy)
        if self._on_trouble is not None:
            self._on_trouble(trouble)

    def _on_disconnect(
        self, client: mqtt.Client, _data: object, flags: mqtt.DisconnectFlags, reason: ReasonCode, _props: object
    ) -> None:
        self._asked_at_s = None
        with self._lock:
            self._epoch += 1
        if self._stopping:
            return
        if not self._connected.is_set():
            self._drops += 1
            self._fallback_wanted |= self._settings.protocol == "auto" and self._drops >= DROPS_BEFORE_FALLBACK
        elif not self._is_left:
            self._look_at_cut(client, str(reason), is_explained=flags.is_disconnect_packet_from_server)
            suspect = next((one for one in self._published if one.guard.is_suspect), None)
            if suspect is not None:
                suspect.disconnected(self.report)
        self._connected.clear()
        log.warning("mqtt_disconnected", broker=self._where, why=str(reason))

    def _look_at_cut(self, client: mqtt.Client, reason: str, *, is_explained: bool) -> None:
        """Record why the broker ended the connection, and wait longer where it does so again and again.

        paho's own pause begins again with each CONNACK.
        """
        is_soon = time.monotonic() - self._connected_at_s < SOON_S
        self._cuts = self._cuts + 1 if is_soon else 0
        if self._cuts >= CUTS_BEFORE_PAUSE:
            pause_s = min(2 ** (self._cuts - CUTS_BEFORE_PAUSE + 1), self._settings.reconnect_max_s)
            client.reconnect_delay_set(pause_s, self._settings.reconnect_max_s)
            self.report(troubles.cut_again(self._cuts, reason, pause_s))
            return
        client.reconnect_delay_set(1, self._settings.reconnect_max_s)
        if is_explained:
            self.report(troubles.cut(reason))

    def _on_connect_fail(self, _client: mqtt.Client, _data: object) -> None:
        self.unreached += 1
        log.warning("mqtt_unreachable", broker=self._where)

    def _on_subscribe(
        self, _client: mqtt.Client, _data: object, number: int, reasons: list[ReasonCode], _props: object
    ) -> None:
        with self._lock:
            ills = self._subscriptions.answer(number, reasons)
        if self._subscriptions.has_all_but(()):
            self.troubles.pop(TroubleKind.SUBSCRIPTION_REFUSED, None)
        for trouble in ills:
            self.report(trouble)

    def _stamp(self) -> tuple[int, int]:
        """Return the connection's number, and a time of receipt after all before. In the network thread alone."""
        self._received_us = max(self._received_us + 1, int(time.time() * US_PER_S))
        return self._epoch, self._received_us

    def _on_messages(self, messages: list[Message]) -> None:
        """Take all messages of one read."""
        self._received_us = messages[-1].received_us
        self._inbox.put(messages)

    def _on_message(self, _client: mqtt.Client, _data: object, received: mqtt.MQTTMessage) -> None:
        """Take one message as paho reads it."""
        try:
            topic = received.topic
        except UnicodeDecodeError:
            topic = received._topic.decode(errors="replace")  # noqa: SLF001 - paho has no other way
        epoch, now_us = self._stamp()
        payload, is_retained, is_duplicate = bytes(received.payload), received.retain, received.dup
        message = Message(topic, payload, received.mid, received.qos, epoch, is_retained, is_duplicate, now_us)
        self._on_messages([message])
        while self._inbox.is_full() and not self._stopping:
            time.sleep(FULL_QUEUE_PAUSE_S)
