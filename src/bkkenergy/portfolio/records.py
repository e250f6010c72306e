"""The portfolio as records with dates: what is known of each thing, and from which day it holds. Pure.

An entry says that a thing is so from a day on. A revision adds entries and never changes one, so that what was known
at any revision, and valid on any day, can be asked for. Days are local, and periods are half-open.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from operator import is_
from typing import Any, Generic, TypeVar

from bkkenergy.tomlfiles import Frozen

EVER = dt.date.min
"""From which day something holds that has no first day."""
ValueT = TypeVar("ValueT", bound=Frozen)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of record.

    model : what its values are. key_of : what identifies a value. parts : fields that are records of their own.
    plural : where its tables are within their building's; empty where they have tables of their own.
    """

    name: str
    model: type[Frozen]
    key_of: Callable[[Any], str]
    parts: frozenset[str] = frozenset()
    plural: str = ""

    def body_of(self, value: Frozen) -> dict[str, Any]:
        """Return a value as JSON has it, every field written out."""
        return value.model_dump(mode="json", exclude=set(self.parts))


Kinds = Mapping[str, Kind]


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing as it is from a day on. valid_to : the first day on which it is no more; None while it lasts.

    revision : that brought it; 0 where it comes from files.
    """

    kind: str
    key: str
    valid_from: dt.date
    value: Frozen
    valid_to: dt.date | None = None
    revision: int = 0

    @property
    def identity(self) -> tuple[str, str, dt.date]:
        """What an entry replaces, and is replaced by: an entry of the same identity."""
        return self.kind, self.key, self.valid_from

    def says_the_same(self, other: Entry) -> bool:
        """Return whether two entries differ in nothing but who brought them."""
        return replace(self, revision=0) == replace(other, revision=0)


@dataclass(frozen=True, slots=True)
class Dated(Generic[ValueT]):
    """A value, and the days on which it holds: first included, end not; None while it lasts."""

    first: dt.date
    end: dt.date | None
    value: ValueT


@dataclass(frozen=True)
class Records:
    """All entries that count, as known at a revision, in the order in which their things first came.

    revised_us : the instant of the revision, by which a reader knows it again; 0 where there is none.
    """

    revision: int = 0
    entries: tuple[Entry, ...] = ()
    withdrawn: tuple[Entry, ...] = field(default=(), compare=False, repr=False)
    """What was taken out, as it was last, with the revision that took it out."""
    known: dict[int, Any] = field(default_factory=dict, compare=False, repr=False)
    """What readers derived from these records before."""
    revised_us: int = field(default=0, compare=False, repr=False)

    @cached_property
    def by_kind(self) -> Mapping[str, Mapping[str, tuple[Entry, ...]]]:
        """Entries of each thing in order of their days, by kind and key."""
        entries_of: dict[str, dict[str, list[Entry]]] = {}
        for entry in self.entries:
            entries_of.setdefault(entry.kind, {}).setdefault(entry.key, []).append(entry)
        return {kind: {key: _by_day(entries) for key, entries in things.items()} for kind, things in entries_of.items()}

    @cached_property
    def by_identity(self) -> Mapping[tuple[str, str, dt.date], Entry]:
        """Every entry by its identity."""
        return {entry.identity: entry for entry in self.entries}

    @cached_property
    def _by_whole(self) -> Mapping[tuple[str, str], tuple[str, ...]]:
        parts: dict[tuple[str, str], list[str]] = {}
        for kind, things in self.by_kind.items():
            for key in things:
                parts.setdefault((kind, key.rpartition(".")[0]), []).append(key)
        return {whole: tuple(keys) for whole, keys in parts.items()}

    def parts_of(self, kind: str, whole: str) -> tuple[str, ...]:
        """Return the keys of the things of a kind that a whole ever had, such as the meters of a building."""
        return self._by_whole.get((kind, whole), ())

    def of(self, kind: str, key: str) -> tuple[Entry, ...]:
        """Return the entries of a thing in order of their days; none where it is not known."""
        return self.by_kind.get(kind, {}).get(key, ())

    def history(self, kind: str, key: str) -> tuple[Dated[Any], ...]:
        """Return what a thing was, and when."""
        return dated(self.of(kind, key))

    def on(self, kind: str, day: dt.date) -> dict[str, Any]:
        """Return the things of a kind that there are on a day, by key."""
        return {key: entry.value for key, entry in self.entries_on(kind, day)}

    def entries_on(self, kind: str, day: dt.date) -> Iterator[tuple[str, Entry]]:
        """Return the entries of a kind that hold on a day, with their keys."""
        for key, entries in self.by_kind.get(kind, {}).items():
            entry = entry_on(entries, day)
            if entry is not None:
                yield key, entry

    @cached_property
    def change_days(self) -> tuple[dt.date, ...]:
        """The days on which anything begins to hold, or ends, in order."""
        days = {entry.valid_from for entry in self.entries}
        return tuple(sorted(days | {entry.valid_to for entry in self.entries if entry.valid_to is not None}))

    def with_changes(self, changes: Iterable[Change]) -> Records:
        """Return the records after changes; a thing keeps its place in the order.

        What is not changed is shared with these records: its cost is no other reader's again.
        """
        after, of_thing = dict(self.by_identity), dict[tuple[str, str], dict[dt.date, Entry]]()
        for change in changes:
            kind, key, day = change.identity
            versions = of_thing.setdefault((kind, key), {entry.valid_from: entry for entry in self.of(kind, key)})
            if change.after is None:
                after.pop(change.identity, None)
                versions.pop(day, None)
            else:
                after[change.identity] = versions[day] = change.after
        changed = Records(self.revision, tuple(after.values()))
        changed.__dict__["by_identity"] = after
        changed.__dict__["by_kind"] = _with_things(self.by_kind, of_thing)
        return changed


def _by_day(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    return tuple(sorted(entries, key=lambda entry: entry.valid_from))


def _with_things(
    by_kind: Mapping[str, Mapping[str, tuple[Entry, ...]]], of_thing: Mapping[tuple[str, str], Mapping[dt.date, Entry]]
) -> Mapping[str, Mapping[str, tuple[Entry, ...]]]:
    """Return entries by kind and key where some things have others; a thing without any is not there."""
    after = dict(by_kind)
    for name in dict.fromkeys(name for name, _ in of_thing):
        things = dict(by_kind.get(name, {}))
        for key in (key for kind, key in of_thing if kind == name):
            if versions := of_thing[name, key]:
                things[key] = _by_day(versions.values())
            else:
                things.pop(key, None)
        after[name] = things
    return {name: things for name, things in after.items() if things}


def things_changed(before: Records, after: Records) -> frozenset[tuple[str, str]]:
    """Return the things, by kind and key, whose entries are not the very ones that they were.

    Parameters
    ----------
    before, after : Records
        The two. Entries that were read again are others, even where they say the same.

    Returns
    -------
    frozenset of (str, str)
        What is new, what is no more, and what has another version.

    Examples
    --------
    >>> from bkkenergy.portfolio.records import Change, things_changed
    >>> from bkkenergy.portfolio.load import records_of
    >>> from bkkenergy.site.packaged import packaged_config_dir
    >>> records = records_of(packaged_config_dir())
    >>> gone = Change(records.of("agency", "education")[0], None)
    >>> sorted(things_changed(records, records.with_changes([gone])))
    [('agency', 'education')]
    """
    kinds = before.by_kind.keys() | after.by_kind.keys()
    pairs = ((kind, before.by_kind.get(kind, {}), after.by_kind.get(kind, {})) for kind in kinds)
    return frozenset(
        (kind, key)
        for kind, old, new in pairs
        if old is not new
        for key in old.keys() | new.keys()
        if not _are_the_same(old.get(key, ()), new.get(key, ()))
    )


def _are_the_same(one: tuple[Entry, ...], other: tuple[Entry, ...]) -> bool:
    return one is other or (len(one) == len(other) and all(map(is_, one, other)))


def entry_on(entries: Sequence[Entry], day: dt.date) -> Entry | None:
    """Return the entry of one thing that holds on a day.

    Parameters
    ----------
    entries : sequence of Entry
        Those of the thing, in the order of their days.
    day : date
        The day.

    Returns
    -------
    Entry or None
        None where the thing is not there on that day.

    Examples
    --------
    >>> import datetime as dt
    >>> from bkkenergy.portfolio.records import entry_on
    >>> from bkkenergy.portfolio.load import records_of
    >>> from bkkenergy.site.packaged import packaged_config_dir
    >>> records = records_of(packaged_config_dir())
    >>> entries = records.of("agency", "education")
    >>> entry_on(entries, dt.date(2026, 1, 1)).value.id
    'education'
    >>> entry_on((), dt.date(2026, 1, 1)) is None
    True
    """
    latest = None
    for entry in entries:
        if entry.valid_from > day:
            break
        latest = entry
    if latest is None or (latest.valid_to is not None and latest.valid_to <= day):
        return None
    return latest


def lost_exchanges(entries: Sequence[Entry]) -> Iterator[tuple[int, dt.datetime]]:
    """Find exchanges of a meter that a later version leaves out: they have instants of their own, and each counts.

    Parameters
    ----------
    entries : sequence of Entry
        Those of one thing, in the order of their days.

    Yields
    ------
    tuple of int and datetime
        The number of the version before, and the instant of the exchange that the next one leaves out.

    Examples
    --------
    >>> from bkkenergy.portfolio.records import lost_exchanges
    >>> from bkkenergy.portfolio.load import records_of
    >>> from bkkenergy.site.packaged import packaged_config_dir
    >>> records = records_of(packaged_config_dir())
    >>> list(lost_exchanges(records.of("meter", "district-bangkhen.office.main")))
    []
    """
    for number, versions in enumerate(pairwise(entries)):
        earlier, later = ({exchange.at for exchange in getattr(entry.value, "exchanges", ())} for entry in versions)
        for at in sorted(earlier - later):
            yield number, at


def dated(entries: Sequence[Entry]) -> tuple[Dated[Any], ...]:
    """Return entries of one thing as values with the days on which each holds.

    Parameters
    ----------
    entries : sequence of Entry
        Those of the thing, in the order of their days.

    Returns
    -------
    tuple of Dated
        First day, end and value of each version.

    Examples
    --------
    >>> from bkkenergy.portfolio.records import EVER, dated
    >>> from bkkenergy.portfolio.load import records_of
    >>> from bkkenergy.site.packaged import packaged_config_dir
    >>> records = records_of(packaged_config_dir())
    >>> (version,) = dated(records.of("agency", "education"))
    >>> version.first == EVER, version.end, version.value.id
    (True, None, 'education')
    """
    if len(entries) == 1:
        return (Dated(entries[0].valid_from, entries[0].valid_to, entries[0].value),)
    versions = []
    for number, entry in enumerate(entries):
        following = entries[number + 1].valid_from if number + 1 < len(entries) else None
        ends = [day for day in (following, entry.valid_to) if day is not None]
        versions.append(Dated(entry.valid_from, min(ends, default=None), entry.value))
    return tuple(versions)


@dataclass(frozen=True, slots=True)
class Change:
    """What a revision did at one place. before, after : None where there was nothing, or is no more."""

    before: Entry | None
    after: Entry | None

    def __post_init__(self) -> None:
        if self.before is None and self.after is None:
            raise ValueError("Change: neither before nor after. Leave it out.")

    @property
    def entry(self) -> Entry:
        """What is there afterwards, or was there before."""
        entry = self.after or self.before
        assert entry is not None  # noqa: S101 - held by __post_init__
        return entry

    @property
    def identity(self) -> tuple[str, str, dt.date]:
        """Where it is."""
        return self.entry.identity

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields that differ where a thing was changed, `valid_to` among them."""
        if self.before is None or self.after is None:
            return ()
        before, after = self.before.value.model_dump(), self.after.value.model_dump()
        named = [name for name in {**before, **after} if before.get(name) != after.get(name)]
        return (*named, *(["valid_to"] if self.before.valid_to != self.after.valid_to else []))


def differences(before: Records, after: Records) -> tuple[Change, ...]:
    """Return what differs between two revisions, or between records and files.

    Parameters
    ----------
    before, after : Records
        The two.

    Returns
    -------
    tuple of Change
        In the order of what is there after; then what is no more.

    Examples
    --------
    >>> from bkkenergy.portfolio.records import Records, differences
    >>> from bkkenergy.portfolio.load import records_of
    >>> from bkkenergy.site.packaged import packaged_config_dir
    >>> records = records_of(packaged_config_dir())
    >>> differences(records, records)
    ()
    >>> differences(records, Records(0, records.entries[1:]))[0].after is None
    True
    """
    changes = [
        Change(before.by_identity.get(entry.identity), entry)
        for entry in after.entries
        if not _is_known(before.by_identity.get(entry.identity), entry)
    ]
    changes += [Change(entry, None) for entry in before.entries if entry.identity not in after.by_identity]
    return tuple(changes)


def _is_known(before: Entry | None, after: Entry) -> bool:
    return before is not None and before.says_the_same(after)
