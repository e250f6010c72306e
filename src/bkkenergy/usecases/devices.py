"""Browsers that a user has signed in by: reported to the user where one is new, listed and forgotten by the user."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from bkkenergy.access import Account, Actor
from bkkenergy.adapters.state import StateStore, reading, transaction
from bkkenergy.adapters.state.devices import KnownDevice, devices_of, forget_device, greet_device
from bkkenergy.adapters.state.users import enter_audit
from bkkenergy.errors import NotThere
from bkkenergy.usecases.accountnotices import notify_of_change
from bkkenergy.usecases.people import own_id
from bkkenergy.usecases.powers import use_case

BROWSERS = {"Edg/": "Edge", "OPR/": "Opera", "Firefox/": "Firefox", "Chrome/": "Chrome", "Safari/": "Safari"}
SYSTEMS = {
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Android": "Android",
    "Windows": "Windows",
    "Mac OS": "Mac",
    "Linux": "Linux",
}
"""What is looked for in a browser's name of itself, in this order, and what is shown for it."""


def device_named(agent: str) -> str:
    """Return a browser and its system as people know them; empty where neither is known."""
    known = (next((name for mark, name in table.items() if mark in agent), "") for table in (BROWSERS, SYSTEMS))
    return " · ".join(name for name in known if name)


@dataclass(frozen=True, slots=True)
class Arrival:
    """A user who has just signed in by a browser. key : what the browser has from now on."""

    key: str
    is_known: bool


def arrive(engine: StateStore, account: Account, key: str, now: dt.datetime, *, address: str, agent: str) -> Arrival:
    """Note by which browser a user signed in, and mail the user of one that is new to the account."""
    with transaction(engine) as connection:
        new_key = greet_device(connection, account.id, key, (address, agent), now)
        is_known = new_key == key
        if not is_known:
            notify_of_change(
                connection, account.id, "device", now, by=account.name, address=address, device=device_named(agent)
            )
    return Arrival(new_key, is_known)


@use_case("account.devices", None, "own")
def own_devices(engine: StateStore, actor: Actor) -> Sequence[KnownDevice]:
    """Return the browsers that one has signed in by, the one that was used last first."""
    with reading(engine) as connection:
        return devices_of(connection, own_id(actor))


@use_case("account.forget_device", None, "own")
def forget_own_device(engine: StateStore, actor: Actor, device: str, now: dt.datetime) -> None:
    """Forget a browser of one's own: its next sign-in is mailed again. Raises NotThere."""
    with transaction(engine) as connection:
        if not forget_device(connection, own_id(actor), device):
            raise NotThere
        enter_audit(connection, actor, "forget_device", actor.name, {}, now)
