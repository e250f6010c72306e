"""How a client of ours shows who it is, and by which way it comes: user, password, certificates, path of WebSocket."""

from __future__ import annotations

from contextlib import suppress

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from bkkenergy.settings import MqttSettings

CALLBACKS = tuple(name for name in vars(mqtt.Client) if name.startswith("on_"))
"""What a client calls: on_connect, on_message and so on."""


def introduce(client: mqtt.Client, settings: MqttSettings) -> None:
    """Give a client its user, its password, the authorities that it trusts, and where WebSocket is served."""
    if settings.transport == "websockets":
        client.ws_set_options(path=settings.websocket_path)
    if settings.username:
        client.username_pw_set(settings.username, settings.password.get_secret_value() if settings.password else None)
    if settings.tls:
        ca_file, cert_file, key_file = (str(path) if path else None for _, path in settings.tls)
        client.tls_set(ca_file, cert_file, key_file)


def end_loop(client: mqtt.Client) -> None:
    """Wait until a client's network thread has ended, and take its callbacks away: it closes its sockets as it goes.

    paho 2.1 looks whether there is a thread, and then asks it: one that ends in between is None by then. Two sockets by
    which it wakes itself up stay open as long as the client does, which its callbacks usually keep alive until a search
    for garbage; and beyond file number 1023 paho's `select` makes no connection any more.
    """
    with suppress(AttributeError):
        client.loop_stop()
    for callback in CALLBACKS:
        setattr(client, callback, None)


def client_that_looks_on(settings: MqttSettings, protocol: str, client_id: str) -> mqtt.Client:
    """Return a client without a session, which speaks the protocol ("5" or "3.1.1")."""
    is_v5 = protocol == "5"
    client = mqtt.Client(
        CallbackAPIVersion.VERSION2,
        client_id=client_id,
        transport=settings.transport,
        clean_session=None if is_v5 else True,
        protocol=MQTTProtocolVersion.MQTTv5 if is_v5 else MQTTProtocolVersion.MQTTv311,
    )
    introduce(client, settings)
    return client
