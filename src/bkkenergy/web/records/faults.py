"""Faults of a form: each beside its field, in the reader's language; what is no field's above them all."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from bkkenergy.errors import Fault
from bkkenergy.usecases.recordforms.fields import FormField
from bkkenergy.web.records.view import RecordWords

PATH_PARTS = re.compile(r"[.\[\] ]+")


@dataclass(frozen=True, slots=True)
class FormFaults:
    """What is wrong with a form. of_field : by the name of a field. general : what is no field's."""

    of_field: dict[str, list[str]] = field(default_factory=dict)
    general: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.general) + sum(map(len, self.of_field.values()))


def form_faults(
    faults: Iterable[Fault], kind: str, key: str, fields: Sequence[FormField], read: RecordWords
) -> FormFaults:
    """Return faults by the field that each is about."""
    sorted_faults = FormFaults()
    names = {one.name: one for one in fields}
    for fault in faults:
        said = fault.said(read.words.lang)
        name = _field_of(fault.where, kind, key, frozenset(names))
        if name is None:
            text = f"{fault.where}: {said.what}. {said.remedy}" if _is_elsewhere(fault.where, kind, key) else said.what
            sorted_faults.general.append(text)
            continue
        row = _row_of(fault.where, names[name], kind, read)
        text = _plain_fault(fault, kind, name, read) or said.what
        sorted_faults.of_field.setdefault(name, []).append(f"{row}{text}")
    return sorted_faults


def _own_path(where: str, kind: str, key: str) -> str | None:
    """Return the path of a place within the form's record; None where it is in another one."""
    for head in (f"{kind} {key}", key, kind, "change 1.fields", "change 1.body"):
        if head and (where == head or where.startswith((f"{head}.", f"{head}:"))):
            return where[len(head) :].lstrip(".: ")
    return None


def _is_elsewhere(where: str, kind: str, key: str) -> bool:
    return _own_path(where, kind, key) is None and not where.startswith("change ")


def _field_of(where: str, kind: str, key: str, names: frozenset[str]) -> str | None:
    path = _own_path(where, kind, key)
    first = PATH_PARTS.split(path)[0] if path else ""
    return first if first in names else None


def _row_of(where: str, field_: FormField, kind: str, read: RecordWords) -> str:
    """Return which row, and which part of it, a fault is about, as the form numbers them."""
    match = re.search(rf"\b{re.escape(field_.name)}\[(\d+)\](?:\.(\w+))?", where)
    if match is not None:
        part = f" {read.label(kind, match[2])}" if match[2] else ""
        return f"{read.words('record.row', number=int(match[1]) + 1)}{part}: "
    inner = re.search(rf"\b{re.escape(field_.name)}\.(\w+)$", where)
    if inner is None:
        return ""
    return f"{read.choice(kind, field_.name, inner[1]) if field_.widget == 'hours' else inner[1]}: "


def _plain_fault(fault: Fault, kind: str, name: str, read: RecordWords) -> str:
    """Return what a person can do about a form that a pattern describes: the field's hint says it better."""
    hint = read.hint(kind, name)
    return read.words("record.wrong_form", hint=hint) if fault.key == "pattern" and hint else ""
