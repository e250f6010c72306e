"""Who can read a backup, and who made it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from bkkenergy.adapters.sealing import SIGNATURE, decrypt, is_encrypted, is_signed_by
from bkkenergy.errors import BkkEnergyError, InputError
from bkkenergy.settings import Settings
from bkkenergy.tomlfiles import read_secret


class BackupBroken(BkkEnergyError):
    """The file is not what was written."""


@dataclass(frozen=True, slots=True)
class Key:
    """What reads a backup. identity_file : with the secret key of age. sign_key : by which it must be signed.

    is_unsigned_fine : whether one that is not signed by the key is taken, because a person said so.
    """

    identity_file: Path | None = None
    sign_key: str | None = None
    is_unsigned_fine: bool = False


NO_KEY = Key()


def opened_by(backup: Path, key: Key, folder: Path) -> Path:
    """Return the archive of a backup: the file itself, or what is encrypted in it, in a folder. Raises InputError."""
    if not is_encrypted(backup):
        return backup
    if key.identity_file is None:
        raise InputError.of("backup_encrypted", backup=backup)
    archive = folder / "archive"
    new_file(archive)
    decrypt(backup, archive, key.identity_file)
    return archive


def check_signed(backup: Path, manifest: Mapping[str, Any], key: Key) -> None:
    """Check who wrote a manifest. Raises InputError without the key, BackupBroken where it was not its holder."""
    if key.is_unsigned_fine or (key.sign_key is None and SIGNATURE not in manifest):
        return
    if key.sign_key is None:
        raise InputError.of("backup_signed", backup=backup)
    if not is_signed_by(manifest, key.sign_key):
        raise BackupBroken.of("backup_other_key", backup=backup)


def new_file(file: Path) -> None:
    """Make an empty file that its owner alone reads: it will hold the hashes of passwords."""
    file.unlink(missing_ok=True)
    file.touch(mode=0o600)


def secret_files(settings: Settings, config_dir: Path) -> frozenset[Path]:
    """Return every file that the settings name for a secret: passwords, tokens, keys, URLs with a password."""

    def named(model: BaseModel) -> Iterator[Path]:
        for name, value in model:
            if isinstance(value, Path) and name.endswith("_file") and name not in {"ca_file", "cert_file"}:
                yield (config_dir.resolve().parent / value).resolve()
            for one in value if isinstance(value, tuple) else (value,):
                if isinstance(one, BaseModel):
                    yield from named(one)

    return frozenset(named(settings))


def sign_key_of(settings: Settings, config_dir: Path) -> str | None:
    """Return the key that signs a site's backups; None where there is none. Raises ConfigError."""
    file = settings.backup.sign_key_file
    return None if file is None else read_secret(config_dir.resolve().parent / file)
