"""Importing a list: read, looked at with every fault, and entered as one revision, or not at all. And lists written."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import xlsxwriter

from bkkenergy.access import Actor
from bkkenergy.adapters.files import AS_TEXT
from bkkenergy.adapters.state.proposals import Proposal
from bkkenergy.errors import ConfigError, Fault, InputError, NotThere
from bkkenergy.i18n import Words, catalogue
from bkkenergy.ingest.lists.cells import names_in
from bkkenergy.ingest.lists.headings import (
    COORDINATES,
    DRIVER,
    IN_LISTS,
    PARTS,
    REVISION,
    REVISION_LABEL,
    field_of,
    remember,
    remembered,
)
from bkkenergy.ingest.lists.merging import ListRecords
from bkkenergy.ingest.lists.reading import CellFault, ListContext, ListReading, read_rows
from bkkenergy.ingest.lists.table import ListTable, read_list
from bkkenergy.portfolio import Records
from bkkenergy.portfolio.edits import Amend
from bkkenergy.portfolio.reach import visible_keys
from bkkenergy.portfolio.records import Change, entry_on
from bkkenergy.usecases.changeorpropose import PartedEdits, change_or_propose, part
from bkkenergy.usecases.portfolio import Changed, PortfolioState
from bkkenergy.usecases.portfolio_view import seen_records
from bkkenergy.usecases.recordforms.fields import ALL_KINDS, choice_key, fields_of, label_key
from bkkenergy.usecases.recordforms.texts import PREFIX, texts_of


@dataclass(frozen=True, slots=True)
class AskedList:
    """A list that is to be read. said : the field of each heading, as a person chose. defaults : by field."""

    kind: str
    path: Path
    said: Mapping[str, str]
    defaults: Mapping[str, str]
    sheet: str | None = None


@dataclass(frozen=True, slots=True)
class SeenList:
    """A list as it was read: nothing is entered. mapping : field by heading; None where it is not known.

    changes : what it would change; asked : what has to be proposed; both empty where it has faults. revision : that it
    was read beside.
    """

    table: ListTable
    mapping: Mapping[str, str | None]
    reading: ListReading
    changes: tuple[Change, ...]
    asked: tuple[Change, ...]
    revision: int

    @property
    def faults(self) -> Sequence[CellFault]:
        """Every fault, by row."""
        return sorted(self.reading.faults, key=lambda one: (one.row, one.column))


def look_at_list(
    state: PortfolioState, actor: Actor, asked: AskedList, records: Records, tariffs: Mapping[str, Any], *,
    folder: Path, day: dt.date, from_day: dt.date | None = None,
) -> SeenList:  # fmt: skip
    """Read a list, and return what it would change, with every fault. Raises InputError where it is no list."""
    actor.need("edit")
    known = remembered(folder, asked.kind)

    def knows(text: str) -> bool:
        return field_of(asked.kind, text, known) is not None

    table = read_list(asked.path, knows, asked.sheet)
    mapping = {
        text: asked.said[text] if text in asked.said else field_of(asked.kind, text, known)
        for _, text in table.headings
    }
    visible = _in_reach(records, actor)

    @cache
    def at(revision: int) -> Records:
        return _in_reach(state.records(revision), actor)

    context = ListContext(
        asked.kind,
        {text: name for text, name in mapping.items() if name},
        asked.defaults,
        ListRecords(actor, visible, records.revision, at),
        names_in(visible, day, tariffs),
        day,
        from_day,
    )
    reading = read_rows(table, context)
    _note_doubles(mapping, reading, table)
    parted = None
    if not reading.faults and reading.edits:
        try:
            parted = part(state, actor, reading.edits, from_day=from_day)
            _note_later(records, parted, reading, max(day, from_day or day))
        except ConfigError as error:
            reading.faults += [_of_row(fault, reading) for fault in error.faults]
        except NotThere:
            reading.faults.append(CellFault(0, "", "", "", Fault.of("hidden", "")))
    if parted is None or reading.faults:
        return SeenList(table, mapping, reading, (), (), records.revision)
    return SeenList(table, mapping, reading, parted.changes, parted.asked, records.revision)


def _note_later(records: Records, parted: PartedEdits, reading: ListReading, day: dt.date) -> None:
    """Add a fault for each row that would not be on a day what the list says, as a later version says otherwise."""
    after = records.with_changes([*parted.changes, *parted.asked])
    for edit in reading.edits:
        entry = entry_on(after.of(edit.kind, edit.key), day) if isinstance(edit, Amend) else None
        if entry is None or not isinstance(edit, Amend):
            continue
        body = ALL_KINDS[edit.kind].body_of(entry.value)
        if others := {name: body[name] for name, value in edit.fields.items() if body[name] != value}:
            said = ", ".join(f"{name} {value}" for name, value in others.items())
            fault = Fault.of("list_later", edit.key, day=entry.valid_from, said=said)
            reading.faults.append(CellFault(reading.row_of[edit.kind, edit.key], "", edit.key, "", fault))


def _in_reach(records: Records, actor: Actor) -> Records:
    if actor.sees_all:
        return records
    visible = set(visible_keys(records, actor.reaches))
    return Records(records.revision, tuple(one for one in records.entries if (one.kind, one.key) in visible))


def _note_doubles(mapping: Mapping[str, str | None], reading: ListReading, table: ListTable) -> None:
    """Add a fault for each field that two columns have."""
    names = [name for name in mapping.values() if name]
    for heading, name in mapping.items():
        if name and names.count(name) > 1:
            fault = Fault.of("list_two_columns", heading, name=name)
            reading.faults.append(CellFault(table.heading_row, table.column_of(heading), heading, heading, fault))


def _of_row(fault: Fault, reading: ListReading) -> CellFault:
    """Return a fault between records with the row of the record that it is about, or that it names."""
    said = set(re.findall(r"[\w.-]+", fault.what))
    rows = [(len(key), row) for (_, key), row in reading.row_of.items() if fault.where.startswith(key)]
    rows = rows or [(len(key), row) for (_, key), row in reading.row_of.items() if key in said]
    return CellFault(max(rows)[1] if rows else 0, "", fault.where, "", fault)


def enter_list(
    state: PortfolioState,
    actor: Actor,
    seen: SeenList,
    kind: str,
    *,
    why: str,
    from_day: dt.date | None = None,
    expected_revision: int,
    folder: Path,
    now: dt.datetime,
) -> tuple[Changed, Proposal | None]:
    """Enter what a list asks for as one revision, all of it or nothing, and remember its columns.

    What is beyond the actor's powers is proposed at the same time. expected_revision : that the person looked at.
    Raises InputError where it has faults or changes nothing, and else as `usecases.changeorpropose` does.
    """
    if seen.faults:
        raise InputError.of("list_faults", count=len(seen.faults))
    if not seen.reading.edits:
        raise InputError.of("changes_nothing")
    done = change_or_propose(
        state, actor, seen.reading.edits, why=why, from_day=from_day, expected_revision=expected_revision, now=now
    )
    remember(folder, kind, {text: name or "" for text, name in seen.mapping.items()})
    return done


# -- written -------------------------------------------------------------------------------------------------------


def write_list(
    path: Path, records: Records, actor: Actor, kind: str, day: dt.date, words: Words, *, agency: str = ""
) -> int:
    """Write the records of a kind as a workbook that an import reads back without a change. Return how many.

    Each row says at which revision it was written: what others change meanwhile is then no edit of the list.
    """
    things = seen_records(records, actor, ALL_KINDS, kind, day)
    things = [thing for thing in things if not agency or agency in (thing.value.get("agency"), thing.key.split(".")[0])]
    fields = [one for one in fields_of(kind) if one.widget in IN_LISTS]
    fields.sort(key=lambda one: one.name != "id")
    drivers = sorted({name for thing in things for name in (thing.value.get("drivers") or {})})
    texts = catalogue(words.lang)
    heads = [texts.get(label_key(kind, one.name, texts), one.name) for one in fields]
    book = xlsxwriter.Workbook(path, AS_TEXT)
    bold = book.add_format({"bold": True})
    sheet = book.add_worksheet(words.name("record_kind", kind)[:31])
    sheet.write_row(0, 0, [*heads, *(f"{DRIVER}{name}" for name in drivers), texts[REVISION_LABEL]], bold)
    sheet.freeze_panes(1, 0)
    sheet.set_column(0, len(heads), 22)
    for number, thing in enumerate(things, 1):
        for column, one in enumerate(fields):
            value = thing.value.get(one.name)
            if one.widget in {"number", "whole"} and value is not None:
                sheet.write_number(number, column, value)
            elif one.widget == "choice" and value:
                sheet.write_string(number, column, texts.get(choice_key(kind, one.name, value, texts), value))
            elif one.widget == "tick":
                sheet.write_string(number, column, texts["record.yes" if value else "record.no"])
            elif text := texts_of(one, value).get(f"{PREFIX}{one.name}", ""):
                sheet.write_string(number, column, text)
        for column, name in enumerate(drivers, len(fields)):
            if (amount := (thing.value.get("drivers") or {}).get(name)) is not None:
                sheet.write_number(number, column, amount)
        if records.revision:
            sheet.write_number(number, len(fields) + len(drivers), records.revision)
    book.close()
    return len(things)


def default_fields(kind: str) -> tuple[str, ...]:
    """Return the fields for which a person may say what empty cells mean."""
    if kind == "building":
        return (
            "agency",
            "type",
            "calendar",
            "tariff",
            "meter.rated_kw",
            "roof.tilt_deg",
            "roof.azimuth_deg",
        )
    return tuple(one.name for one in fields_of(kind) if one.is_required and one.widget in {"one", "choice"})


def path_label(kind: str, path: str, words: Words) -> str:
    """Return the label of a field of a list, with its part before it."""
    texts = catalogue(words.lang)
    if path == REVISION:
        return texts[REVISION_LABEL]
    if path == COORDINATES:
        return texts["record.coordinates"]
    part, _, name = path.rpartition(".")
    if f"{part}." == DRIVER:
        return texts.get(f"driver.{name}", name)
    label = texts.get(label_key(part or kind, name, texts), path)
    return f"{texts[f'record_kind.{part}']}: {label}" if part in PARTS else label
