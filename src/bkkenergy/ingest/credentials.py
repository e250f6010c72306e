"""Passwords of gateways: in clear for who installs them, hashed for mosquitto."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import os
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from bkkenergy.adapters.identities import RIGHTS, user_of

CLEAR, HASHED, INGESTER, RULES = "gateway-passwords.csv", "mosquitto-passwords", "mqtt-password", "mosquitto-acl"
FOLDER_OF = MappingProxyType({HASHED: "broker", RULES: "broker", INGESTER: "app"})
"""The folder of a file's reader, below the folder of secrets, where a site has such folders: containers mount them."""
ROUNDS, SALT_BYTES, HASH_BYTES = 101, 12, 64
"""As mosquitto_passwd 2.0 writes them. The passwords are random, so more rounds would add nothing."""
PASSWORD_BYTES = 18


def issue_passwords(folder: Path, gateways: Sequence[str], *, ingesters: Sequence[str]) -> tuple[int, int]:
    """Write both files for these gateways and the ingesters; how many are new, how many were taken away.

    What is there stays, so this may be run whenever the portfolio has changed. The first ingester's password is in
    mqtt-password, another's in mqtt-password-NAME; their helpers' are beside them.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    known = _read(folder / CLEAR)
    ours = _our_passwords(place_of(folder, INGESTER), ingesters)
    chosen = {name: known.get(name) or secrets.token_urlsafe(PASSWORD_BYTES) for name in gateways}
    lines = io.StringIO()
    csv.writer(lines, lineterminator="\n").writerows([("gateway", "password"), *chosen.items()])
    _write(folder / CLEAR, lines.getvalue(), 0o600)
    _write(place_of(folder, HASHED), hashed(chosen | ours), 0o644)
    return len(chosen.keys() - known.keys()), len(known.keys() - chosen.keys())


def _our_passwords(first: Path, ingesters: Sequence[str]) -> dict[str, str]:
    """Return the passwords of ingesters and their helpers, made where there is none."""
    files: dict[str, Path] = {}
    for number, ingester in enumerate(ingesters):
        password_file = first if number == 0 else first.with_name(f"{first.name}-{ingester}")
        files[ingester] = password_file
        files |= {user_of(ingester, role): password_file.with_name(f"{password_file.name}-{role}") for role in RIGHTS}
    for path in files.values():
        new_secret(path)
    return {user: path.read_text(encoding="utf-8").strip() for user, path in files.items()}


def write_rules(folder: Path, rules: str) -> Path:
    """Write the broker's access rules to a folder of secrets and return their path. The old ones serve until then."""
    path = place_of(folder, RULES)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    _write(path, rules, 0o644)
    return path


def place_of(folder: Path, name: str) -> Path:
    """Return where a file belongs: beside the others, or in its reader's folder where there is one."""
    below = folder / FOLDER_OF[name]
    return (below if below.is_dir() else folder) / name


def new_secret(path: Path) -> None:
    """Write a random secret into a file, in a folder that only its owner enters; what is there stays.

    The file itself is readable: a container mounts it, and runs as another user.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        _write(path, secrets.token_urlsafe(PASSWORD_BYTES), 0o644)


def hashed(passwords: Mapping[str, str]) -> str:
    """Return a password file of mosquitto 2: user:$7$rounds$salt$hash, PBKDF2 with SHA-512 (mosquitto_passwd(1))."""
    return "".join(
        f"{user}:{_hash(password, secrets.token_bytes(SALT_BYTES))}\n" for user, password in passwords.items()
    )


def _hash(password: str, salt: bytes) -> str:
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, ROUNDS, HASH_BYTES)
    return f"$7${ROUNDS}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


def _read(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        return {row["gateway"]: row["password"] for row in csv.DictReader(file)}


def _write(path: Path, text: str, mode: int) -> None:
    """Write a file that appears whole, with its rights from the first byte on.

    In a reader's folder root leaves it to the folder's owner alone: mosquitto wants its files to be its own.
    """
    owner = path.parent.stat()
    is_for_another = os.geteuid() == 0 and owner.st_uid != 0 and path.parent.name == FOLDER_OF.get(path.name)
    unfinished = path.with_name(path.name + ".part")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), 0o600 if is_for_another else mode)
        if is_for_another:
            os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
        file.write(text)
    unfinished.replace(path)
