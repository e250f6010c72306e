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

CLEAR, HASHED, INGESTER = "gateway-passwords.csv", "mosquitto-passwords", "mqtt-password"
ROUNDS, SALT_BYTES, HASH_BYTES = 101, 12, 64
"""As mosquitto_passwd 2.0 writes them. The passwords are random, so more rounds would add nothing."""
PASSWORD_BYTES = 18


def issue_passwords(folder: Path, gateways: Sequence[str], *, ingester: str) -> tuple[int, int]:
    """Write both files for these gateways and the ingester; how many are new, how many were taken away.

    What is there is kept, so this may be run whenever the portfolio has changed.
    """
    known = _read(folder / CLEAR)
    new_secret(folder / INGESTER)
    chosen = {name: known.get(name) or secrets.token_urlsafe(PASSWORD_BYTES) for name in gateways}
    lines = io.StringIO()
    csv.writer(lines).writerows([("gateway", "password"), *chosen.items()])
    _write(folder / CLEAR, lines.getvalue(), 0o600)
    _write(
        folder / HASHED, hashed({**chosen, ingester: (folder / INGESTER).read_text(encoding="utf-8").strip()}), 0o644
    )
    return len(chosen.keys() - known.keys()), len(known.keys() - chosen.keys())


def new_secret(path: Path) -> None:
    """A random secret in a file, in a folder of its owner's; what is there is kept.

    The file itself is readable: it is handed to a container by itself, whose user is another.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        _write(path, secrets.token_urlsafe(PASSWORD_BYTES), 0o644)


def hashed(passwords: Mapping[str, str]) -> str:
    """A password file of mosquitto 2: user:$7$rounds$salt$hash, PBKDF2 with SHA-512 (mosquitto_passwd(1))."""
    return "".join(
        f"{user}:{_hash(password, secrets.token_bytes(SALT_BYTES))}\n" for user, password in passwords.items()
    )


def _hash(password: str, salt: bytes) -> str:
    found = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, ROUNDS, HASH_BYTES)
    return f"$7${ROUNDS}${base64.b64encode(salt).decode()}${base64.b64encode(found).decode()}"


def _read(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        return {row["gateway"]: row["password"] for row in csv.DictReader(file)}


def _write(path: Path, text: str, mode: int) -> None:
    """A file that appears whole, with its rights from the first byte on."""
    unfinished = path.with_name(path.name + ".part")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), mode)
        file.write(text)
    unfinished.replace(path)
