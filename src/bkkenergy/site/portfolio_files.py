"""All records of a site from its files, and back: portfolio/, calendars.toml, adjustments.toml and plan.toml."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bkkenergy.adapters.files import write_whole
from bkkenergy.errors import ConfigError, Fault, InputError
from bkkenergy.portfolio.check import reference_faults
from bkkenergy.portfolio.document import Document
from bkkenergy.portfolio.load import read_document
from bkkenergy.portfolio.records import Records
from bkkenergy.portfolio.write import HEAD, files_of, single_table, things_text, versions_table
from bkkenergy.site.record_kinds import SITE_KINDS
from bkkenergy.tomlfiles import read_toml

REGISTER = ("partner", "need", "workshop", "follow_up", "consent")
OTHER_FILES = {
    "adjustments.toml": ("adjustment",),
    "plan.toml": ("programme", "target", "agency_target"),
    "programme.toml": REGISTER,
}
"""Files beside the portfolio's, and the kinds that each may have."""


def read_folder(config_dir: Path, *, is_partial: bool = False) -> Document:
    """Read every record of a configuration folder, with all faults in the files.

    is_partial : whether the calendars may be missing, since other records have them.
    """
    document = read_document(config_dir, SITE_KINDS, needs_calendars=not is_partial)
    for name, kinds in OTHER_FILES.items():
        path = config_dir / name
        if path.exists():
            _read_file(path, kinds, document)
    return document


def read_register(config_dir: Path, portfolio: Records) -> Records:
    """Read the programme's register from its file; nothing where there is none. Raises ConfigError.

    portfolio : with the agencies and buildings that it names.
    """
    document, path = Document(SITE_KINDS), config_dir / "programme.toml"
    if path.exists():
        _read_file(path, REGISTER, document)
        whole = Records(0, (*portfolio.entries, *document.entries))
        document.faults += reference_faults(whole, document.places)
    if document.faults:
        raise ConfigError(document.faults)
    return document.records


def _read_file(path: Path, kinds: tuple[str, ...], document: Document) -> None:
    try:
        tables: dict[str, Any] = read_toml(path)
    except ConfigError as error:
        document.faults += error.faults
        return
    for key, given in tables.items():
        if key not in kinds:
            document.faults.append(Fault.of("unknown_table_of", f"{path}: {key}", known=", ".join(kinds)))
            continue
        entries = given if isinstance(given, list) else [given]
        for number, table in enumerate(entries):
            document.take(key, table, f"{path}: {key}[{number}]" if isinstance(given, list) else f"{path}: {key}")


def folder_texts(records: Records) -> Iterator[tuple[str, str]]:
    """Return every file of a folder that says what the records say: its name, and its text."""
    yield from files_of(records)
    if things := records.by_kind.get("adjustment"):
        yield "adjustments.toml", f"{HEAD}\n{things_text(records, 'adjustment', things)}"
    parts = [
        things_text(records, kind, things) for kind in ("programme", "target") if (things := records.by_kind.get(kind))
    ]
    parts += [
        single_table(kind, versions_table(entries))
        for kind in ("agency_target",)
        for entries in records.by_kind.get(kind, {}).values()
    ]
    if parts:
        yield "plan.toml", f"{HEAD}\n" + "\n".join(parts)
    register = [things_text(records, kind, things) for kind in REGISTER if (things := records.by_kind.get(kind))]
    if register:
        yield "programme.toml", f"{HEAD}\n" + "\n".join(register)


def write_folder(records: Records, folder: Path) -> list[Path]:
    """Write the records into an empty or new folder; return the files. Raises InputError where something is there."""
    there = [name for name in ("portfolio", "calendars.toml", *OTHER_FILES) if (folder / name).exists()]
    if there:
        raise InputError.of("portfolio_folder", folder=folder, known=", ".join(there))
    paths = []
    for name, text in folder_texts(records):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text.encode())
        paths.append(path)
    return paths
