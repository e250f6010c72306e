"""`bkkenergy backup` and `bkkenergy restore`: a site's whole data in one file, and back."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.status import Status

from bkkenergy.adapters.sealing import new_key
from bkkenergy.adapters.sqlite_file import NotCopied
from bkkenergy.calendar import BANGKOK
from bkkenergy.cli.context import command_line, config_option
from bkkenergy.cli.inputfile import InputFile
from bkkenergy.cli.lang import operator_lang_option
from bkkenergy.errors import InputError
from bkkenergy.i18n import Lang, Words
from bkkenergy.settings import FILE_NAME, load_settings
from bkkenergy.site.folder import data_folder
from bkkenergy.texts import Phrase
from bkkenergy.tomlfiles import read_secret
from bkkenergy.usecases.backup import left_out, places, unpacked, unplaced, verify
from bkkenergy.usecases.backupkeys import Key, check_signed, opened_by, sign_key_of
from bkkenergy.usecases.server import SiteFolders, back_up, restore

console = Console(stderr=True)


@click.command(
    "backup",
    epilog="\b\nExamples:\n  bkkenergy backup\n  bkkenergy backup /mnt/nas/bkkenergy-$(date +%F).tar.gz",
)
@click.argument("target", required=False, type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--make-key",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Make no backup; write a new secret key here, and print its public key for backup.recipients.",
)
@operator_lang_option
@config_option
def backup_command(target: Path | None, make_key: Path | None, lang: Lang, config_dir: Path) -> None:
    """Write readings, state, baselines, reports and configuration into TARGET, while the service runs.

    Without TARGET: bkkenergy-DATE.tar.gz here. Secrets are left out. It is unpacked again before it appears: one that
    could not be restored is none. With backup.recipients it is encrypted, as `age` does, and named .age.
    """
    if make_key is not None:
        with _translate_file_errors(make_key, Phrase("error.remedy_folder"), []):
            click.echo(new_key(make_key))
        return
    settings, words = load_settings(config_dir), Words(lang)
    now = dt.datetime.now(BANGKOK)
    ending = ".tar.gz.age" if settings.backup.recipients else ".tar.gz"
    path = target or Path(f"bkkenergy-{now:%Y-%m-%d-%H%M}{ending}")
    data = data_folder(settings).resolve()
    remedy = Phrase("error.remedy_such_as", {"path": data / path.name})
    sources = places(settings, config_dir).values()
    doing = words("command.doing_backup")
    with _translate_file_errors(path, remedy, sources), Status(doing, console=console) as status:
        if path.exists():
            raise InputError.of("file_exists", path=path)
        manifest = back_up(
            SiteFolders(settings, config_dir),
            command_line(),
            path,
            now=now,
            on_progress=lambda name: status.update(f"{doing}: {name}"),
        )
    total = sum(entry["bytes"] for entry in manifest["files"].values())
    written = {"size": f"{total / 1e6:,.1f}", "packed": f"{path.stat().st_size / 1e6:,.1f}"}
    key = "command.backup_encrypted" if settings.backup.recipients else "command.backup_written"
    click.echo(words(key, path=path, files=len(manifest["files"]), **written))
    for name in left_out(settings):
        click.echo(words("command.backup_left_out", name=name))


@click.command(
    "restore",
    epilog="\b\nExamples:\n  bkkenergy restore bkkenergy-2026-11-25-0300.tar.gz\n"
    "  bkkenergy restore bkkenergy-2026-11-25-0300.tar.gz --config-to /etc/bkkenergy/config",
)
@click.argument("backup", type=InputFile())
@click.option(
    "--config-to", type=click.Path(file_okay=False, path_type=Path), help="Put the backup's configuration here first."
)
@click.option("--identity", type=InputFile(), help="The secret key of an encrypted backup.")
@click.option("--sign-key", type=InputFile(), help="The key that signed it, where the configuration names none.")
@click.option("--unsigned", is_flag=True, help="Take a backup that is not signed by the key.")
@click.option("--check", "is_check", is_flag=True, help="Restore nothing: unpack it, check all that is in it.")
@operator_lang_option
@config_option
def restore_command(
    backup: Path,
    config_to: Path | None,
    identity: Path | None,
    sign_key: Path | None,
    unsigned: bool,
    is_check: bool,
    lang: Lang,
    config_dir: Path,
) -> None:
    """Restore a backup's data where the configuration says, after checking every file's hash.

    Refuses where there is data already. Stop the service before.
    """
    key, words = _key(identity, sign_key, config_dir, is_unsigned_fine=unsigned), Words(lang)
    if is_check:
        with _translate_file_errors(Path(), Phrase("error.remedy_space"), [backup]):
            manifest = verify(backup, key, Path())
        click.echo(words("command.backup_checked", path=backup, **_counts(manifest)))
        return
    doing = words("command.doing_restore")
    with Status(doing, console=console) as status:
        if config_to is not None:
            with _translate_file_errors(config_to, Phrase("error.remedy_config_to"), [backup]):
                _place_config(backup, key, config_to, lambda name: status.update(f"{doing}: {name}"))
            config_dir = config_to
        settings = load_settings(config_dir)
        data = data_folder(settings)
        remedy = Phrase("error.remedy_data", {"folder": data.resolve()})
        with _translate_file_errors(data, remedy, [backup]):
            manifest = restore(
                SiteFolders(settings, config_dir),
                command_line(),
                backup,
                key,
                now=dt.datetime.now(BANGKOK),
                on_progress=lambda name: status.update(f"{doing}: {name}"),
            )
    click.echo(words("command.backup_restored", **_counts(manifest), folder=data))
    for name in unplaced(manifest, settings, config_dir):
        click.echo(words("command.backup_unplaced", name=name))


def _counts(manifest: Mapping[str, Any]) -> dict[str, object]:
    return {"files": len(manifest["files"]), "made": manifest["made"]}


@contextmanager
def _translate_file_errors(path: Path, remedy: Phrase, sources: Iterable[Path]) -> Iterator[None]:
    """Raise what the system or SQLite says of a file as an error with its place and the remedy.

    path, remedy : what is written, and what to do where that cannot be. sources : what is read.
    """
    try:
        yield
    except OSError as error:
        where = Path(error.filename or path)
        is_read = any(where.absolute().is_relative_to(source.absolute()) for source in sources)
        what_to_do = Phrase("error.remedy_read") if is_read and isinstance(error, PermissionError) else remedy
        raise InputError.of("file_trouble", where=where, why=error.strerror or str(error), remedy=what_to_do) from error
    except NotCopied as error:
        raise InputError.of("not_copied", path=path, why=str(error)) from error


def _key(identity: Path | None, sign_key: Path | None, config_dir: Path, *, is_unsigned_fine: bool) -> Key:
    """Return what reads a backup; the key that signs is the configuration's where none is named. Raises ConfigError."""
    if sign_key is not None:
        return Key(identity, read_secret(sign_key), is_unsigned_fine)
    is_known = not is_unsigned_fine and (config_dir / FILE_NAME).exists()
    return Key(identity, sign_key_of(load_settings(config_dir), config_dir) if is_known else None, is_unsigned_fine)


def _place_config(backup: Path, key: Key, target: Path, on_progress: Callable[[str], object]) -> None:
    if target.exists() and any(target.iterdir()):
        raise InputError.of("folder_not_empty", path=target)
    target.parent.mkdir(parents=True, exist_ok=True)
    folder = target.with_name(target.name + ".part")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    try:
        parts = folder / "parts"
        archive = opened_by(backup, key, folder)
        manifest = unpacked(archive, parts, on_progress=on_progress)
        check_signed(backup, manifest, key)
        if target.exists():
            target.rmdir()
        shutil.move(parts / "config", target)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
