"""What may become a record's value: its model's form, and texts that every database and every reader can take."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bkkenergy.calendar import FIRST_YEAR_BE
from bkkenergy.errors import Fault
from bkkenergy.portfolio.records import Kind
from bkkenergy.texts import BE_OFFSET_YEARS, Term
from bkkenergy.tomlfiles import Frozen, validated

MAX_TEXT = 2_000
"""Characters of a text or a name within a record: more is no name, note or address."""
MAX_KEY = 200
"""Characters of what identifies a thing: databases have columns for it."""
FIRST_YEAR, END_YEAR = 1900, 2200
"""The years in which days of records are. The end is not one of them."""
MAX_DEPTH = 12
"""How often a value of a record may be within another; no model has half of that."""
NO_CHARACTER = re.compile("[\x00\ud800-\udfff]")
"""NUL, which PostgreSQL cannot store, and halves of a character, which UTF-8 cannot write."""


def kind_term(name: str) -> Term:
    """Return the name of a kind of record as texts show it: its slug in English, its name in Thai.

    Parameters
    ----------
    name : str
        Of the kind.

    Returns
    -------
    Term
        For a place in a text.

    Examples
    --------
    >>> from bkkenergy.portfolio.values import kind_term
    >>> kind_term("pv_plant").key
    'record_kind.pv_plant'
    """
    return Term(name, f"record_kind.{name}")


def checked_value(kind: Kind, fields: Mapping[str, Any], where: str) -> tuple[Frozen | None, list[Fault]]:
    """Make a value of a kind from its fields: what a person enters by a form, the API or a file.

    Parameters
    ----------
    kind : Kind
        What it is to be.
    fields : mapping of str to object
        Every field by name.
    where : str
        What the places of faults begin with.

    Returns
    -------
    Frozen or None
        The value; None where it has faults.
    list of Fault
        Where, what is wrong, and the remedy.

    Examples
    --------
    >>> from bkkenergy.portfolio.kinds import KINDS
    >>> from bkkenergy.portfolio.values import checked_value
    >>> value, faults = checked_value(KINDS["agency"], {"id": "health", "name_th": "ก", "name_en": "x" * 3000}, "a")
    >>> value is None, faults[0].what
    (True, 'this is longer than 2,000 characters')
    """
    if faults := list(text_faults(fields, where)):
        return None, faults
    value, faults = validated(kind.model, dict(fields), where)
    if value is not None and (far := list(_far_days(value.model_dump(exclude=set(kind.parts)), where))):
        return None, far
    if value is not None and len(kind.key_of(value)) > MAX_KEY:
        return None, [Fault.of("too_long", f"{where}.id", count=f"{MAX_KEY:,}")]
    return value, faults


def text_faults(value: Any, where: str, depth_count: int = 0) -> Iterator[Fault]:
    """Find texts that are too long, or that some database or encoding cannot take.

    Parameters
    ----------
    value : object
        A text, or tables and lists with texts in them; names of fields count.
    where : str
        What the places of faults begin with.
    depth_count : int, optional
        Within how many tables and lists it is.

    Yields
    ------
    Fault
        Where, what is wrong, and the remedy. It repeats nothing that could not be shown.

    Examples
    --------
    >>> from bkkenergy.portfolio.values import text_faults
    >>> [fault.where for fault in text_faults({"note": "a", "names": ["b", "c" * 2001]}, "agency")]
    ['agency.names[1]']
    """
    if depth_count > MAX_DEPTH:
        yield Fault.of("nested", where)
        return
    match value:
        case str():
            if len(value) > MAX_TEXT:
                yield Fault.of("too_long", where, count=f"{MAX_TEXT:,}")
            elif NO_CHARACTER.search(value):
                yield Fault.of("no_character", where)
        case Mapping():
            for number, (name, item) in enumerate(value.items()):
                faults = [*text_faults(name, f"{where}: key {number + 1}", depth_count + 1)]
                yield from faults or text_faults(item, f"{where}.{name}", depth_count + 1)
        case Sequence():
            for number, item in enumerate(value):
                yield from text_faults(item, f"{where}[{number}]", depth_count + 1)
        case _:
            pass


def day_faults(day: dt.date, where: str) -> Iterator[Fault]:
    """Find a day that no record can mean, such as one of the Buddhist era that was read as one of the common era.

    Parameters
    ----------
    day : date
        The day.
    where : str
        Where it stands.

    Yields
    ------
    Fault
        Where, what is wrong, and the remedy.

    Examples
    --------
    >>> import datetime as dt
    >>> from bkkenergy.portfolio.values import day_faults
    >>> [fault.remedy for fault in day_faults(dt.date(2569, 5, 1), "commissioned")]
    ['Write 2026.']
    """
    if day.year >= FIRST_YEAR_BE and day.year - BE_OFFSET_YEARS < END_YEAR:
        yield Fault.of("buddhist_year", where, given=day.year, year=day.year - BE_OFFSET_YEARS)
    elif not FIRST_YEAR <= day.year < END_YEAR:
        yield Fault.of("far_year", where, given=day.year, first=FIRST_YEAR, last=END_YEAR - 1)


def _far_days(value: Any, where: str) -> Iterator[Fault]:
    """Find days within a value that no record can mean."""
    match value:
        case dt.date():
            yield from day_faults(value, where)
        case Mapping():
            for name, item in value.items():
                yield from _far_days(item, f"{where}.{name}")
        case Sequence() | frozenset() if not isinstance(value, str):
            for number, item in enumerate(value):
                yield from _far_days(item, f"{where}[{number}]")
        case _:
            pass
