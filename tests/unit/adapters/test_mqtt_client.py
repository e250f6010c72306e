"""What every client of ours has: an end that does not depend on when its thread ends."""

from __future__ import annotations

import gc
import threading
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from bkkenergy.adapters.mqtt_client import end_loop


class Ending(mqtt.Client):
    """A client whose network thread ends between paho's look at it and its question."""

    looks = 0

    @property
    def _thread(self):
        self.looks += 1
        return threading.Thread() if self.looks == 1 else None

    @_thread.setter
    def _thread(self, _thread):
        """Whatever paho notes."""


def test_a_thread_that_ends_while_it_is_asked_for_its_end_is_no_fault():
    with pytest.raises(AttributeError):
        Ending(CallbackAPIVersion.VERSION2).loop_stop()  # what paho does by itself
    end_loop(Ending(CallbackAPIVersion.VERSION2))


def test_a_client_that_was_ended_keeps_no_socket_open():
    def open_files() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    gc.disable()
    try:
        before = open_files()
        for _ in range(3):
            client = mqtt.Client(CallbackAPIVersion.VERSION2)
            client.on_connect = client.on_publish = lambda *_, client=client: client
            client.connect_async("127.0.0.1", 9)
            client.loop_start()
            end_loop(client)
        del client
        assert open_files() == before
    finally:
        gc.enable()
