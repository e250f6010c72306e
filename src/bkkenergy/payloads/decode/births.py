"""What Sparkplug nodes said of themselves at birth: names, kinds and units of their metrics, by alias.

Data name their metrics by alias alone, so a decoder needs the births: every decoder of a process shares one
`Births`, and hosts share what of it is stored.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from bkkenergy.readings import US_PER_S

FIRST_PAUSE_US, LONGEST_PAUSE_US = 10 * US_PER_S, 60 * US_PER_S
"""Between two requests to a node for its births, while names are missing."""


class Place(NamedTuple):
    """A topic of Sparkplug taken apart; `device` is empty for the edge node itself."""

    group: str
    kind: str
    node: str
    device: str

    @property
    def address(self) -> str:
        """The topic that the portfolio knows: without the kind of message."""
        return "/".join(part for part in ("spBv1.0", self.group, self.node, self.device) if part)


class Birth(msgspec.Struct, frozen=True):
    """One birth certificate, of a node or of a device.

    names : alias -> name. types, units : name -> Sparkplug's datatype, and the unit that it states.
    bd_seq : number of the node's session, which its death repeats.
    """

    group: str
    node: str
    device: str
    born_ms: int = 0
    bd_seq: int | None = None
    names: dict[int, str] = {}
    types: dict[str, int] = {}
    units: dict[str, str] = {}

    @property
    def id(self) -> str:
        """By what it is stored. The parts of a topic may be too long for an index."""
        parts = msgspec.json.encode((self.group, self.node, self.device))
        return hashlib.blake2b(parts, digest_size=16).hexdigest()


@dataclass(slots=True)
class NodeSession:
    """What is remembered of a node while the process lives: its last sequence number, and when a birth was asked."""

    sequence: int | None = None
    asked_us: int | None = None
    pause_us: int = FIRST_PAUSE_US


class Births:
    """Births of every node and device that was heard.

    is_shared : other ingesters take a part of the messages; sequence numbers then say nothing.
    is_frozen : what comes changes nothing, since it is of the past: a replay.
    """

    def __init__(self, *, is_shared: bool = False, is_frozen: bool = False) -> None:
        self.is_shared, self.is_frozen = is_shared, is_frozen
        self._of: dict[tuple[str, str], dict[str, Birth]] = {}
        self._sessions: dict[tuple[str, str], NodeSession] = {}
        self._changed: dict[str, Birth] = {}

    def session(self, address: Place) -> NodeSession:
        """Return what is remembered of a node's session."""
        return self._sessions.setdefault((address.group, address.node), NodeSession())

    def birth(self, address: Place) -> Birth:
        """Return the birth of a node or device; one without names where none was heard."""
        of_node = self._of.get((address.group, address.node), {})
        match = of_node.get(address.device)
        node = of_node.get("")
        if match is None or (node is not None and match.born_ms < node.born_ms):
            return Birth(address.group, address.node, address.device)
        return match

    def born(self, birth: Birth) -> None:
        """Take a birth certificate. That of a node ends its devices' births: they are to follow."""
        if self.is_frozen:
            return
        if not birth.device:
            self._sessions.pop((birth.group, birth.node), None)
            if not self.is_shared:  # with several ingesters they may be here already: times decide
                self._forget_devices(birth)
        self._put(birth)

    def died(self, address: Place, bd_seq: int | None) -> bool:
        """Forget the births of a node, unless the death is that of an earlier session. Return whether it died."""
        node = self.birth(address)
        if self.is_frozen or (None not in {bd_seq, node.bd_seq} and bd_seq != node.bd_seq):
            return False
        self._sessions.pop((address.group, address.node), None)
        self._forget_devices(node)
        self._put(Birth(address.group, address.node, "", node.born_ms, node.bd_seq))
        return True

    def learn(self, stored: Mapping[str, bytes]) -> None:
        """Take over births that were stored, here or by another host."""
        for body in stored.values():
            birth = msgspec.msgpack.decode(body, type=Birth)
            self._of.setdefault((birth.group, birth.node), {})[birth.device] = birth

    def changed(self) -> dict[str, bytes]:
        """Return what is new since the last `stored`, by id."""
        return {number: msgspec.msgpack.encode(birth) for number, birth in self._changed.items()}

    def stored(self) -> None:
        """Note that all that had changed is stored."""
        self._changed.clear()

    def _put(self, birth: Birth) -> None:
        self._of.setdefault((birth.group, birth.node), {})[birth.device] = birth
        self._changed[birth.id] = birth

    def _forget_devices(self, node: Birth) -> None:
        for device, birth in self._of.get((node.group, node.node), {}).items():
            if device and birth.names:
                self._put(Birth(node.group, node.node, device))
