"""Changing the portfolio in the state: who, when, why, and from which day. Nothing that was known is lost.

A change is one revision, and comes with its line in the audit log in the same transaction: all of it, or nothing.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from bkkenergy.access import Actor
from bkkenergy.adapters.state import StateStore, StateTransaction, reading, transaction
from bkkenergy.adapters.state.portfolio import (
    PORTFOLIO,
    RecordBook,
    Revision,
    add_revision,
    lock_revisions,
    newest_revision,
    records_at,
    revisions,
)
from bkkenergy.adapters.state.users import enter_audit
from bkkenergy.errors import ConfigError, Fault, InputError, NotThere
from bkkenergy.payloads.check import payload_faults_of
from bkkenergy.payloads.profile import Profile
from bkkenergy.portfolio.check import cross_check, part_faults
from bkkenergy.portfolio.edits import Edit, changes_of, key_of
from bkkenergy.portfolio.records import EVER, Change, Kinds, Records, differences, entry_on
from bkkenergy.portfolio.values import MAX_TEXT, text_faults
from bkkenergy.settings import Settings
from bkkenergy.site.configuration import Configuration
from bkkenergy.site.figures import RatesAndTariffs
from bkkenergy.site.record_kinds import SITE_KINDS
from bkkenergy.texts import filled
from bkkenergy.usecases.portfolio_powers import allow, faults_in_reach, is_in_sight, need_sight
from bkkenergy.usecases.powers import use_case

MAX_AUDITED = 100
"""Up to this many changes of a revision are written out in the audit log; the revision itself has all of them."""
MIN_WHY = 3


def no_faults(_records: Records) -> list[Fault]:
    """Find nothing: where only the records themselves are to be checked."""
    return []


@dataclass(frozen=True, slots=True)
class PortfolioState:
    """The portfolio's records in the state, or those of another book, such as the plan.

    source : as in the settings. tariffs : the tariff ids that exist; None leaves that check out. check : finds faults
    that only the whole configuration shows, such as payload profiles that do not exist. sound : records in which
    nothing of all this was found wrong: of a newer revision, only what came after is read and checked.
    """

    engine: StateStore
    source: Literal["auto", "files", "state"] = "auto"
    tariffs: frozenset[str] | None = None
    check: Callable[[Records], list[Fault]] = no_faults
    kinds: Kinds = field(default_factory=lambda: SITE_KINDS)
    book: RecordBook = PORTFOLIO
    sound: Records | None = None

    def records(self, revision: int | None = None) -> Records:
        """Return the records as known at a revision, by default the newest. Raises InputError, StoreUnavailable."""
        with reading(self.engine) as connection:
            return _records(connection, self, revision)

    def read(self, connection: StateTransaction, revision: int | None = None) -> Records:
        """Return the records as known at a revision that there is, by default the newest."""
        return records_at(connection, self.kinds, revision, self.book, since=self.sound)

    def newest(self) -> int:
        """Return the number of the newest revision; 0 where nothing was ever imported. Raises StoreUnavailable."""
        with reading(self.engine) as connection:
            return newest_revision(connection, self.book)


class ReadOnlyPortfolio(InputError):
    """The portfolio is read from files, and is changed there alone."""

    key = "error.portfolio_read_only"

    def __init__(self) -> None:
        super().__init__(filled("en", self.key, {}))


class Conflict(InputError):
    """What a person wants to change was changed by another since they looked.

    changes : what happened meanwhile. seen, present : the records that the person looked at, and those of now.
    """

    key = "error.portfolio_changed_meanwhile"

    def __init__(self, changes: Sequence[Change], seen: Records, present: Records) -> None:
        self.changes, self.seen, self.present = tuple(changes), seen, present
        named = "; ".join(described(change) for change in self.changes[:5])
        self.values = {"revision": present.revision, "changes": named}
        super().__init__(filled("en", self.key, self.values))


def portfolio_state(config: Configuration, engine: StateStore) -> PortfolioState:
    """Return the records of a site whose configuration is loaded, with what it knows to check them by."""
    state = checked_state(config.settings, config.figures, config.profiles, engine)
    return replace(state, sound=config.portfolio.records)


def checked_state(
    settings: Settings, figures: RatesAndTariffs, profiles: Mapping[str, Profile], engine: StateStore
) -> PortfolioState:
    """Return the records of a site whose portfolio need not be without faults, with what they are checked by."""

    def check(records: Records) -> list[Fault]:
        return payload_faults_of(records, profiles)

    return PortfolioState(engine, settings.portfolio.source, frozenset(figures.tariffs.schedules), check)


@dataclass(frozen=True, slots=True)
class Changed:
    """What was done. revision : its number; None where nothing had to be changed."""

    revision: int | None
    changes: tuple[Change, ...]


@use_case("portfolio.change", "edit", "agency")
def change(
    state: PortfolioState,
    actor: Actor,
    edits: Sequence[Edit],
    *,
    why: str,
    from_day: dt.date | None,
    expected_revision: int | None,
    now: dt.datetime,
) -> Changed:
    """Change records from a day on, as one revision.

    Raises ConfigError with every fault, Conflict, StoreUnavailable; NotThere for what is out of the actor's reach, and
    NotAllowed where the change touches what others have or share: that can be proposed (`usecases.proposals`).

    from_day : None for ever, which corrects what was entered wrongly. expected_revision : what the person looked at;
    None where no other person can be meant, such as an import of everything.
    """
    actor.need("edit")
    _writable(state)
    with transaction(state.engine) as connection:
        before = locked(connection, state)
        if before.revision == 0 and state.source == "auto":
            raise ReadOnlyPortfolio
        need_sight(actor, edits, before, state.kinds)
        with faults_in_reach(actor, before, edits):
            changes = changes_of(before, edits, from_day or EVER, state.kinds)
            allow(actor, changes, before)
            meant = {(edit.kind, key_of(edit, state.kinds)) for edit in edits}
            need_unchanged(connection, state, meant, expected_revision, before.revision)
            return _entered(connection, state, actor, before, changes, why, now)


@use_case("portfolio.import", "portfolio", "server")
def replace_all(
    state: PortfolioState,
    actor: Actor,
    new: Records,
    *,
    why: str,
    now: dt.datetime,
    keeps_others: bool = False,
    expected_revision: int | None = None,
) -> Changed:
    """Make the records what files say, as one revision: the first one too. Raises as `change` does.

    keeps_others : whether things that the files do not name stay as they are.
    """
    _writable(state)
    with transaction(state.engine) as connection:
        before = locked(connection, state)
        if expected_revision is not None and expected_revision != before.revision:
            meanwhile = differences(_records(connection, state, expected_revision), before)
            raise Conflict(meanwhile, _records(connection, state, expected_revision), before)
        return _entered(connection, state, actor, before, import_changes(before, new, keeps_others), why, now)


def import_changes(before: Records, new: Records, keeps_others: bool) -> tuple[Change, ...]:
    """Return what an import would change."""
    changes = differences(before, new)
    if not keeps_others:
        return changes
    named = {(entry.kind, entry.key) for entry in new.entries}
    return tuple(change for change in changes if change.identity[:2] in named)


@use_case("portfolio.undo", "edit", "agency")
def undo(state: PortfolioState, actor: Actor, number: int, *, why: str, now: dt.datetime) -> Changed:
    """Take a revision back: what it changed becomes what it was before, by a new revision.

    Raises Conflict where a later revision changed the same things: a later version has in it what an earlier one said.
    Raises InputError where there is no such revision, StoreUnavailable.
    """
    actor.need("edit")
    _writable(state)
    with transaction(state.engine) as connection:
        before = locked(connection, state)
        if not 1 <= number <= before.revision:
            raise InputError.of("no_revision", revision=number)
        if number == 1:
            raise InputError.of("first_revision")
        changes = taken_back(connection, state, actor, number, before)
        with faults_in_reach(actor, before, ()):
            return _entered(connection, state, actor, before, changes, why, now, undoes=number)


def taken_back(
    connection: StateTransaction, state: PortfolioState, who: Actor, number: int, before: Records
) -> tuple[Change, ...]:
    """Return what an undo of a revision changes. Raises NotThere, NotAllowed, Conflict as `undo` does."""
    old, done = (_records(connection, state, revision) for revision in (number - 1, number))
    changes = differences(done, old)
    if not any(is_in_sight(who, change, done, old) for change in changes):
        raise NotThere
    allow(who, changes, done)
    things = {change.identity[:2] for change in changes}
    later = [change for change in differences(done, before) if change.identity[:2] in things]
    if later:
        raise Conflict(later, done, before)
    allow(who, changes, before)
    return changes


def history(
    state: PortfolioState, *, kind: str | None = None, key: str | None = None, limit: int = 50
) -> list[Revision]:
    """Return revisions, the newest first; only those that changed a kind, or a thing. Raises StoreUnavailable."""
    with reading(state.engine) as connection:
        return revisions(connection, kind=kind, key=key, limit=limit, book=state.book)


def compare(state: PortfolioState, before: int, after: int | None = None) -> tuple[Change, ...]:
    """Return what differs between two revisions, the later one by default the newest.

    Raises InputError, StoreUnavailable.
    """
    with reading(state.engine) as connection:
        return differences(_records(connection, state, before), _records(connection, state, after))


def described(change: Change) -> str:
    """Return a change in a few words: what, from when, and from what to what."""
    kind, key, valid_from = change.identity
    since = "" if valid_from == EVER else f" from {valid_from}"
    if change.before is None:
        return f"{kind} {key}{since}: new"
    if change.after is None:
        return f"{kind} {key}{since}: withdrawn"
    before, after = fields_of(change)
    fields = ", ".join(f"{name} {before[name]} → {after[name]}" for name in after)
    return f"{kind} {key}{since}: {fields}"


def fields_of(change: Change) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the fields that a change changed, before and after, as JSON has them."""
    names = change.fields

    def shown(entry: Any) -> dict[str, Any]:
        body = entry.value.model_dump(mode="json", include=set(names))
        end = {"valid_to": entry.valid_to and entry.valid_to.isoformat()} if "valid_to" in names else {}
        return {name: (body | end).get(name) for name in names}

    return shown(change.before), shown(change.after)


def _writable(state: PortfolioState) -> None:
    if state.source == "files":
        raise ReadOnlyPortfolio


def locked(connection: StateTransaction, state: PortfolioState) -> Records:
    """Return the newest records, to which no other transaction adds until this one ends."""
    lock_revisions(connection, state.book)
    return state.read(connection)


def _records(connection: StateTransaction, state: PortfolioState, revision: int | None) -> Records:
    newest = newest_revision(connection, state.book)
    if revision is not None and not 0 <= revision <= newest:
        raise InputError.of("no_revision", revision=revision)
    return state.read(connection, revision)


def need_unchanged(
    connection: StateTransaction, state: PortfolioState, meant: set[tuple[str, str]], expected: int | None, newest: int
) -> None:
    """Raise Conflict where a thing that is to be changed was changed since a revision."""
    if expected is None or expected == newest:
        return
    seen, present = (_records(connection, state, number) for number in (expected, newest))
    meanwhile = [change for change in differences(seen, present) if change.identity[:2] in meant]
    if meanwhile:
        raise Conflict(meanwhile, seen, present)


def _entered(
    connection: StateTransaction,
    state: PortfolioState,
    actor: Actor,
    before: Records,
    changes: tuple[Change, ...],
    why: str,
    now: dt.datetime,
    *,
    undoes: int | None = None,
) -> Changed:
    """Check and enter changes with their line in the audit log."""
    needs_reason(why)
    if not changes:
        return Changed(None, ())
    after = before.with_changes(changes)
    if faults := faults_of(state, after):
        raise ConfigError(faults)
    number = add_revision(connection, changes, state.kinds, actor=actor.name, why=why.strip(), now=now, undoes=undoes)
    detail = {
        "why": why.strip(),
        "count": len(changes),
        "changes": [_line(_against(change, before)) for change in changes[:MAX_AUDITED]],
    }
    if undoes is not None:
        detail["undoes"] = undoes
    enter_audit(connection, actor, "portfolio", f"revision {number}", detail, now)
    numbered = [
        change if change.after is None else Change(change.before, replace(change.after, revision=number))
        for change in changes
    ]
    return Changed(number, tuple(numbered))


def needs_reason(why: str) -> None:
    """Raise InputError where a reason is no reason."""
    if len(why.strip()) < MIN_WHY:
        raise InputError.of("portfolio_reason")
    if any(text_faults(why, "why")):
        raise InputError.of("portfolio_reason_text", count=f"{MAX_TEXT:,}")


def dry_run(state: PortfolioState, before: Records, changes: Sequence[Change]) -> None:
    """Raise ConfigError with the faults that changes would bring, and ReadOnlyPortfolio where none can be made."""
    _writable(state)
    if before.revision == 0 and state.source == "auto":
        raise ReadOnlyPortfolio
    if faults := faults_of(state, before.with_changes(changes)):
        raise ConfigError(faults)


def faults_of(state: PortfolioState, records: Records, places: Mapping[str, str] | None = None) -> list[Fault]:
    """Return every fault in records, on every day. places : where each id is in its file."""
    where = places or {}
    faults = [*cross_check(records, where, state.tariffs, sound=state.sound), *part_faults(records, where)]
    return list(dict.fromkeys([*faults, *state.check(records)]))


def _against(change: Change, before: Records) -> Change:
    """Return a change with what held on its first day until then, where it begins a new version of a thing."""
    if change.before is not None or change.after is None:
        return change
    entry = entry_on(before.of(change.after.kind, change.after.key), change.after.valid_from)
    return change if entry is None else Change(replace(entry, valid_from=change.after.valid_from), change.after)


def _line(change: Change) -> dict[str, Any]:
    """Return a change as the audit log has it: what, and its fields before and after."""
    kind, key, valid_from = change.identity
    line: dict[str, Any] = {"kind": kind, "key": key, "from": None if valid_from == EVER else valid_from.isoformat()}
    if change.before is None and change.after is not None:
        return line | {"before": None, "after": change.after.value.model_dump(mode="json")}
    if change.after is None and change.before is not None:
        return line | {"before": change.before.value.model_dump(mode="json"), "after": None}
    before, after = fields_of(change)
    return line | {"before": before, "after": after}
