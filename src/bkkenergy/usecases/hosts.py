"""What a host has to fulfil before it works beside others on one state."""

from __future__ import annotations

import datetime as dt
import secrets
import socket
from collections.abc import Callable, Mapping
from pathlib import Path

import structlog

from bkkenergy.adapters.files import write_whole
from bkkenergy.adapters.state import StateStore, open_state, transaction
from bkkenergy.adapters.state.hosts import (
    CommonSettings,
    addresses_elsewhere,
    common_settings,
    enter_common_settings,
    forget_hosts,
    host_names,
    lock_hosts,
    note_host,
)
from bkkenergy.errors import ConfigError, Fault
from bkkenergy.ports.readings import StoreUnavailable
from bkkenergy.settings import FILE_NAME, Settings, is_postgresql
from bkkenergy.site import Configuration
from bkkenergy.site.common import digests_of, is_in_use
from bkkenergy.site.folder import host_id_file
from bkkenergy.site.follower import wall_clock
from bkkenergy.site.open import ledger_url

log = structlog.get_logger(__name__)

NUMBER = "state.settings_number"
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def opened_with_others(config: Configuration) -> StateStore:
    """Open the state, where this host may work on it. Raises ConfigError, StoreUnavailable."""
    state = open_state(config.settings.state)
    try:
        join(config, state)
    except BaseException:
        state.dispose()
        raise
    return state


def join(config: Configuration, state: StateStore, clock: Callable[[], dt.datetime] = wall_clock) -> None:
    """Enter this host among those that share the state. Raises ConfigError where it would do otherwise than they.

    The first sets what is common. A host that is alone changes it as it likes; one of several by a settings number
    that is higher than that of the others, which also says that they are gone where a part is on its own disk. A state
    in a file has one host.
    """
    settings = config.settings
    if settings.state.url is None or not is_postgresql(settings.state.url):
        return
    given, name = digests_of(config), socket.gethostname()
    with transaction(state) as connection:
        lock_hosts(connection)
        identity = host_id(settings)  # under the lock: the processes of a host start at once
        boot = boot_id()
        if boot and (elsewhere := addresses_elsewhere(state, connection, identity, boot)):
            where = ", ".join(sorted(elsewhere))
            raise ConfigError([Fault.of("host_twice", str(host_id_file(settings)), addresses=where)])
        others = {key: other for key, other in host_names(connection).items() if key != identity}
        common = common_settings(connection)
        number = settings.state.settings_number
        is_newer = common is not None and number > common.number
        higher = max(number, common.number if common else 0) + 1
        on_disk = _on_own_disk(settings, next(iter(others.values())), higher) if others else []
        if others and not is_newer and (faults := [*on_disk, *_faults(config, common, given)]):
            raise ConfigError(faults)
        if on_disk:  # a person says by the number that the others are gone
            forget_hosts(connection)
        note_host(connection, identity, name, clock())
        if common is None or (common.digests, common.number) != (given, number):
            enter_common_settings(connection, CommonSettings(given, number, name))
            log.info("common_settings_entered", number=number, others=len(others))


def boot_id() -> str:
    """Return what this machine's kernel has for itself since it started; "" where that cannot be read."""
    try:
        return BOOT_ID.read_text("ascii").strip().replace("-", "")[:16]
    except (OSError, UnicodeDecodeError):
        return ""


def host_id(settings: Settings) -> str:
    """Return the id of this host, made once in its data folder. Raises StoreUnavailable."""
    path = host_id_file(settings)
    try:
        if not path.exists() or not path.stat().st_size:
            write_whole(path, f"{secrets.token_hex(8)}\n".encode())
        return path.read_text(encoding="utf-8").strip()[:32]
    except (OSError, UnicodeDecodeError) as error:
        raise StoreUnavailable.of("path_rights_disk", path=path, error=error) from error


def _on_own_disk(settings: Settings, other: str, next_number: int) -> list[Fault]:
    """Return what all hosts need and only this one would have."""
    is_on_disk = {
        "store.kind": settings.store.kind == "sqlite",
        "ledger": not (ledger_url(settings) or "").startswith("postgresql"),
        "archive.kind": settings.archive.kind == "folder",
    }
    return [
        Fault.of("host_own_disk", f"{FILE_NAME}: {key}", host=other, next=next_number)
        for key, is_so in is_on_disk.items()
        if is_so
    ]


def _faults(config: Configuration, common: CommonSettings | None, given: Mapping[str, str]) -> list[Fault]:
    """Return which parts are other ones than what hosts have in common."""
    if common is None:
        return []
    parts = {part for part in common.digests if is_in_use(config, part)} | given.keys()
    other = sorted(part for part in parts if common.digests.get(part) != given.get(part))
    if config.settings.state.settings_number < common.number and not other:
        other = [NUMBER]
    return [
        Fault.of(
            "host_other_settings",
            f"{FILE_NAME}: {part}" if part.startswith("[") or part == NUMBER else part,
            host=common.host,
            number=common.number,
            next=common.number + 1,
        )
        for part in other
    ]
