"""Where the ingester tells how it is doing."""

from __future__ import annotations

import socket

import pytest
from prometheus_client import CollectorRegistry

from bkkenergy.errors import InputError
from bkkenergy.ingest.observe import Endpoint
from bkkenergy.settings import ObserveSettings
from tests.servers import free_port


def test_a_port_that_another_has_is_told_with_the_remedy():
    with socket.create_server(("127.0.0.1", free_port())) as taken:
        settings = ObserveSettings(port=taken.getsockname()[1])
        endpoint = Endpoint(settings, CollectorRegistry(), lambda: pytest.fail("it was asked"))
        with pytest.raises(InputError, match=r"in use.*observe\.port"):
            endpoint.start()
        endpoint.stop()
