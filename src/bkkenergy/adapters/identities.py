"""Who we are at the broker: a user for each of our clients, since the shipped broker makes the user the client id.

A gateway that takes another's client id would end its session, with all that waits in it. So mosquitto's
`use_username_as_clientid` binds the two, and each of our clients has a user of its own beside the ingester's:
with the ingester's it would throw the ingester off. Their passwords are in files beside the ingester's.
"""

from __future__ import annotations

import secrets
from pathlib import Path
from types import MappingProxyType

import structlog
from pydantic import SecretStr

from bkkenergy.settings import MqttSettings
from bkkenergy.tomlfiles import read_secret

log = structlog.get_logger(__name__)

OWN_USERS = (
    "Where the broker makes the user the client id, as the shipped one does, this ends the ingester's connection. "
    "Run bkkenergy meters passwords and meters acl: they make a user for each helper, beside mqtt.password_file."
)
OWN_TOPICS = "bkkenergy"
"""The first level of topics that are ours: the canary's, and those of the doctor's outage."""
DROPPED = "$SYS/broker/publish/messages/dropped"
"""mosquitto(8), "Broker status": publish messages dropped due to inflight or queuing limits, since it was started."""
RIGHTS = MappingProxyType(
    {
        "doctor": ("read #", f"write {OWN_TOPICS}/doctor/#"),
        "doctor-away": (f"read {OWN_TOPICS}/doctor/#",),
        "listen": ("read #",),
        "discover": ("read #",),
        "drops": (f"read {DROPPED}",),
        "poll": ("write bma/+/+/+/readings",),
    }
)
"""What each of our clients may do at the broker, beside the ingester."""
LISTENERS = frozenset({"listen", "discover", "drops"})
"""Whose session ends with the connection: to a session that goes on, mosquitto gives no retained message twice."""
INGESTER_RIGHTS = (
    "read #",
    "write spBv1.0/+/NCMD/+",
    "write spBv1.0/STATE/+",
    f"write {OWN_TOPICS}/canary/+",
)


def user_of(ingester: str, role: str) -> str:
    """Return the user of one of an ingester's helpers.

    >>> user_of("bkkenergy", "doctor")
    'bkkenergy-doctor'
    """
    return f"{ingester}-{role}"


def has_own_user(settings: MqttSettings, role: str) -> bool:
    """Return whether a helper has a user of its own, or none is needed: with the ingester's it may throw it off."""
    return settings.username is None or _password_file(settings, role) is not None


def bystander(settings: MqttSettings, role: str, *, tries_share: bool = False) -> MqttSettings:
    """Return settings to look on beside the ingester: a short session, a user and a client id of its own.

    The user is the ingester's where no password file of its own lies beside the ingester's. Never in the ingesters'
    shared group, since a member of it would take messages from them: in a group of its own, to see whether the
    broker knows shared subscriptions, or in none.
    """
    name = f"bkkenergy-{role}-{secrets.token_hex(4)}"  # not the process id: in a container that is the same each time
    share = name if tries_share and settings.share else ""
    own_settings = settings.model_copy(
        update={"client_id": name, "session_expiry_s": 0 if role in LISTENERS else 60, "share": share}
    )
    file = _password_file(settings, role)
    if settings.username is None:
        return own_settings
    if file is None:
        log.warning("helper_has_the_ingesters_user", role=role, user=settings.username, remedy=OWN_USERS)
        return own_settings
    password = SecretStr(read_secret(file))
    return own_settings.model_copy(update={"username": user_of(settings.username, role), "password": password})


def _password_file(settings: MqttSettings, role: str) -> Path | None:
    if settings.password_file is None:
        return None
    file = settings.password_file.with_name(f"{settings.password_file.name}-{role}")
    return file if file.is_file() else None
