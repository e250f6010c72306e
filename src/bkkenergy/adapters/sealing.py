"""Files that only the holder of a key reads (age), and texts that only the holder of a key can have written (HMAC)."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bkkenergy.errors import InputError

AGE = b"age-encryption.org/v1"
SIGNATURE = "hmac_sha256"
MIN_KEY_LENGTH = 32
"""Characters of a key that signs: of random hex digits they are 128 bits."""


def new_key(path: Path) -> str:
    """Write a new secret key of age into a new file that its owner alone reads; its public key.

    Raises InputError where there is a file already, OSError.
    """
    from pyrage import x25519  # noqa: PLC0415 - where no backup is encrypted, nothing needs it

    identity = x25519.Identity.generate()
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise InputError.of("file_is_there", path=path) from None
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(f"# public key: {identity.to_public()}\n{identity}\n")
    return str(identity.to_public())


def encrypt(source: Path, target: Path, public_keys: Sequence[str]) -> None:
    """Write a file that the holder of any of the keys can read, with `age` too. Raises InputError for no key."""
    import pyrage  # noqa: PLC0415
    from pyrage import x25519  # noqa: PLC0415

    try:
        recipients = [x25519.Recipient.from_str(key) for key in public_keys]
    except pyrage.RecipientError as error:
        raise InputError.of("public_key", error=error) from error
    pyrage.encrypt_file(str(source), str(target), recipients)


def is_encrypted(path: Path) -> bool:
    """Return whether a file is one of age. Raises OSError."""
    with path.open("rb") as file:
        return file.read(len(AGE)) == AGE


def decrypt(source: Path, target: Path, identity_file: Path) -> None:
    """Write what is in an encrypted file. Raises InputError where the key is none, or not the file's; OSError."""
    import pyrage  # noqa: PLC0415
    from pyrage import x25519  # noqa: PLC0415

    lines = identity_file.read_text("utf-8", "replace").splitlines()
    keys = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    try:
        identities = [x25519.Identity.from_str(key) for key in keys]
        if not identities:
            raise InputError.of("no_secret_key", identity_file=identity_file)
        pyrage.decrypt_file(str(source), str(target), identities)
    except pyrage.IdentityError as error:
        raise InputError.of("secret_key", identity_file=identity_file, error=error) from error
    except (pyrage.DecryptError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:  # of the disk; without a number it is of the content
            raise
        raise InputError.of("not_decrypted", source=source, error=error) from error


def signature(document: Mapping[str, Any], key: str) -> str:
    """Return the signature of a document without its own signature. Raises InputError for a key that can be guessed."""
    if len(key) < MIN_KEY_LENGTH:
        raise InputError.of("sign_key_short", count=len(key), min_key_length=MIN_KEY_LENGTH)
    unsigned = {name: value for name, value in document.items() if name != SIGNATURE}
    content = json.dumps(unsigned, sort_keys=True, separators=(",", ":")).encode()
    return hmac.new(key.encode(), content, hashlib.sha256).hexdigest()


def is_signed_by(document: Mapping[str, Any], key: str) -> bool:
    """Return whether the holder of a key wrote a document."""
    return hmac.compare_digest(str(document.get(SIGNATURE, "")).encode(), signature(document, key).encode())
