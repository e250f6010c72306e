"""Powers over records: who may change what is of some agencies, and what is shown of the rest."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from bkkenergy.access import Actor
from bkkenergy.errors import ConfigError, Fault, InputError, NotAllowed, NotThere
from bkkenergy.portfolio.edits import Amend, Edit, Put
from bkkenergy.portfolio.reach import (
    Touched,
    foreign_names,
    is_visible,
    shown_body,
    touched,
    version_of,
    visible_keys,
)
from bkkenergy.portfolio.records import Change, Kinds, Records
from bkkenergy.tomlfiles import validated

HIDDEN = Fault.of("hidden", "records")


def allow(actor: Actor, changes: Sequence[Change], before: Records) -> Touched:
    """Return what changes touch. Raises NotAllowed where they touch more than the actor may change."""
    scope = touched(changes, before, before.with_changes(changes))
    if not _covers(actor, scope):
        raise NotAllowed.of("to_be_proposed") if actor.may("propose") else NotAllowed()
    return scope


def _covers(actor: Actor, scope: Touched) -> bool:
    """Whether the actor may change what is touched."""
    if scope.is_shared and not actor.may("portfolio"):
        return False
    return actor.may("edit") and all(actor.reaches(agency) for agency in scope.agencies)


def beyond(actor: Actor, changes: Sequence[Change], before: Records) -> set[tuple[str, str]]:
    """Return the things among what is changed that the actor may not change, by kind and key."""
    after = before.with_changes(changes)
    if actor.sees_all and actor.may("edit") and actor.may("portfolio"):
        return set()
    return {change.identity[:2] for change in changes if not _covers(actor, touched([change], before, after))}


def need_sight(actor: Actor, edits: Sequence[Edit], records: Records, kinds: Kinds) -> None:
    """Raise NotThere where the actor may not see what an edit names, InputError where it would drop hidden values."""
    if actor.sees_all:
        return
    for edit in edits:
        kind = kinds.get(edit.kind)
        if kind is None:
            continue
        key = edit.key if not isinstance(edit, Put) else _key_of(edit, kinds)
        versions = [] if key is None else records.history(edit.kind, key)
        if not versions:
            if isinstance(edit, Put):
                continue
            raise NotThere
        if key is None or not any(is_visible(version, edit.kind, key, records, actor.reaches) for version in versions):
            raise NotThere
        _need_whole(actor, edit, key, records, kinds)


def _key_of(edit: Put, kinds: Kinds) -> str | None:
    """Return the key of what is put; None where it has faults, which are found later."""
    kind = kinds[edit.kind]
    value, _ = validated(kind.model, dict(edit.body), edit.kind)
    return None if value is None else kind.key_of(value)


def _need_whole(actor: Actor, edit: Edit, key: str, records: Records, kinds: Kinds) -> None:
    """Raise InputError where names that the actor is not shown would be written over."""
    for version in records.history(edit.kind, key):
        if not is_visible(version, edit.kind, key, records, actor.reaches):
            continue
        body = kinds[edit.kind].body_of(version.value)
        shown = shown_body(body, version, edit.kind, records, actor.reaches)
        hidden = {name for name in body if body[name] != shown[name]}
        written = set(edit.fields) if isinstance(edit, Amend) else set(body) if isinstance(edit, Put) else set()
        if hidden & written:
            raise InputError.of("names_of_others", fields=", ".join(sorted(hidden)))


def is_in_sight(actor: Actor, change: Change, before: Records, after: Records) -> bool:
    """Whether one side of a change is in the actor's reach."""
    return any(
        is_visible(version_of(records, entry), entry.kind, entry.key, records, actor.reaches)
        for records, entry in ((before, change.before), (after, change.after))
        if entry is not None
    )


def need_own_names(actor: Actor, changes: Sequence[Change], before: Records) -> None:
    """Raise NotThere where changes newly name buildings or meters out of reach, whether they exist or not."""
    if actor.sees_all:
        return
    after = before.with_changes(changes)
    for change in changes:
        if change.after is None:
            continue
        kind, key, _ = change.identity
        known = {
            name
            for version in before.history(kind, key)
            for name in foreign_names(version, kind, key, before, _nothing)
        }
        named = set(foreign_names(version_of(after, change.after), kind, key, before, actor.reaches))
        if kind == "building" and not before.of(kind, key) and not actor.reaches(key.partition(".")[0]):
            raise NotThere
        if named - known:
            raise NotThere


def _nothing(_agency: str) -> bool:
    return False


@contextmanager
def faults_in_reach(actor: Actor, records: Records, edits: Sequence[Edit]) -> Iterator[None]:
    """Hide from who does not see all what faults say of others' records."""
    try:
        yield
    except ConfigError as error:
        if actor.sees_all:
            raise
        raise ConfigError(shown_faults(actor, records, edits, error.faults)) from None


def shown_faults(actor: Actor, records: Records, edits: Sequence[Edit], faults: Sequence[Fault]) -> list[Fault]:
    """Return faults; those that name anything out of reach, which the actor did not name, say no more than that."""
    visible = {key for _, key in visible_keys(records, actor.reaches)}
    foreign = {key for things in records.by_kind.values() for key in things} - visible
    typed = set(_words(repr(edits)))
    hidden = foreign - typed
    return list(dict.fromkeys(HIDDEN if hidden & set(_words(str(fault))) else fault for fault in faults))


def _words(text: str) -> list[str]:
    return [word.strip(".") for word in re.findall(r"[\w.:-]+", text)]
