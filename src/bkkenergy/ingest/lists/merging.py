"""A row of a list beside what is known: what a person edited in it, and what others changed since it was exported."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bkkenergy.access import Actor
from bkkenergy.portfolio import Records
from bkkenergy.portfolio.reach import shown_body, version_of
from bkkenergy.portfolio.records import Entry
from bkkenergy.usecases.recordforms.fields import ALL_KINDS

DRIVERS = "drivers"
Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ListRecords:
    """The records in reach that a list is read beside. actor : who reads it. present : those of now.

    newest : the number of the newest revision. at : the records of a revision.
    """

    actor: Actor
    present: Records
    newest: int
    at: Callable[[int], Records]

    def bodies(self, entry: Entry, records: Records) -> tuple[Body, Body]:
        """Return a whole body, and as a list of the actor has it: without the names of what is of others."""
        body = ALL_KINDS[entry.kind].body_of(entry.value)
        if self.actor.sees_all:
            return body, body
        return body, shown_body(body, version_of(records, entry), entry.kind, records, self.actor.reaches)


@dataclass(frozen=True, slots=True)
class MergedRow:
    """What a row changes of a record, by field, and what is now in fields that others changed as well."""

    fields: dict[str, Any]
    theirs: dict[str, Any]


def merged(values: Body, row_body: Body, exported: Body, present: Body) -> MergedRow:
    """Return what a row changes of a record, without the cells that are as they were exported.

    values : what cells say. row_body : the whole record as the row has it. exported, present : as it was, and as it is.
    """
    fields: dict[str, Any] = {}
    theirs: dict[str, Any] = {}
    for name in values:
        was, says, is_now = exported.get(name), row_body.get(name), present.get(name)
        if name == DRIVERS:
            drivers = merged(values[name], says or {}, was or {}, is_now or {})
            theirs |= {f"{DRIVERS}.{inner}": amount for inner, amount in drivers.theirs.items()}
            if drivers.fields:
                fields[name] = dict(is_now or {}) | drivers.fields
        elif name == "id" or says in (was, is_now):
            continue
        elif was != is_now:
            theirs[name] = is_now
        else:
            fields[name] = says
    return MergedRow(fields, theirs)
