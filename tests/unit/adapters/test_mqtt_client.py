"""What every client of ours has: an end that does not depend on when its thread ends."""

from __future__ import annotations

import threading

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
