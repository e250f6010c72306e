"""Machines of a test: network namespaces of Linux, joined by cables that can be pulled."""

from __future__ import annotations

import ctypes
import functools
import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

CLONE_NEWNET = 0x40000000
NETWORK = "10.77.0"
"""Of the test alone: no route leads out of its namespaces."""
HUB = f"{NETWORK}.1"


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


def enter(namespace: str) -> None:
    """Move this thread, and what it starts from now on, to a namespace."""
    descriptor = os.open(f"/var/run/netns/{namespace}", os.O_RDONLY)
    try:
        _enter(descriptor)
    finally:
        os.close(descriptor)


def _enter(descriptor: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(descriptor, CLONE_NEWNET):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


@functools.cache
def why_not() -> str:
    """Why this machine makes no namespaces; "" where it does."""
    name = f"bkk-{os.getpid()}-try"
    try:
        ip("netns", "add", name)
    except (OSError, subprocess.CalledProcessError) as error:
        return f"no network namespaces here: {getattr(error, 'stderr', b'').decode().strip() or error}"
    ip("netns", "delete", name)
    return ""


class Cable:
    """A host with an address of its own, at the hub."""

    def __init__(self, prefix: str, number: int) -> None:
        self.namespace, self._hub = f"{prefix}-{number}", f"{prefix}-hub"
        self.address, self._port = f"{NETWORK}.{10 + number}", f"port{number}"

    def lay(self) -> None:
        """Make the host, and its line to the hub."""
        ip("netns", "add", self.namespace)
        at_hub = ("-n", self._hub)
        ip(*at_hub, "link", "add", self._port, "type", "veth", "peer", "name", "eth0", "netns", self.namespace)
        ip(*at_hub, "link", "set", self._port, "master", "hub", "up")
        ip("-n", self.namespace, "link", "set", "lo", "up")
        ip("-n", self.namespace, "address", "add", f"{self.address}/24", "dev", "eth0")
        ip("-n", self.namespace, "link", "set", "eth0", "up")

    def pull(self) -> None:
        """Cut the host off: nothing that is sent arrives, without a word."""
        ip("-n", self._hub, "link", "set", self._port, "down")

    def plug(self) -> None:
        """Join it again."""
        ip("-n", self._hub, "link", "set", self._port, "up")


@contextmanager
def cables(count: int) -> Iterator[list[Cable]]:
    """Some hosts around a hub, in which this thread is meanwhile: servers that it starts are reached at HUB."""
    prefix = f"bkk-{os.getpid()}"
    hub = f"{prefix}-hub"
    with ExitStack() as stack:
        ip("netns", "add", hub)
        stack.callback(ip, "netns", "delete", hub)
        for arguments in (
            ("link", "set", "lo", "up"),
            ("link", "add", "hub", "type", "bridge"),
            ("address", "add", f"{HUB}/24", "dev", "hub"),
            ("link", "set", "hub", "up"),
        ):
            ip("-n", hub, *arguments)
        hosts = [Cable(prefix, number) for number in range(1, count + 1)]
        for host in hosts:
            host.lay()
            stack.callback(ip, "netns", "delete", host.namespace)
        before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        stack.callback(os.close, before)
        enter(hub)
        stack.callback(_enter, before)
        yield hosts
