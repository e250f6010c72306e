"""Revisions and differences of records, as commands show them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from bkkenergy.adapters.state.portfolio import Revision
from bkkenergy.calendar import BANGKOK
from bkkenergy.cli.output import print_json
from bkkenergy.i18n import Words
from bkkenergy.portfolio.records import EVER, Change
from bkkenergy.usecases.portfolio import described, fields_of

MAX_SHOWN = 60
ENGLISH = Words("en")


def show_revisions(revisions: Sequence[Revision], words: Words = ENGLISH, *, as_json: bool) -> None:
    """Print revisions: who, when and why."""
    if as_json:
        print_json([_revision_row(revision) for revision in revisions])
        return
    for revision in revisions:
        line = {"number": revision.number, "actor": revision.actor, "entries": revision.entries}
        why = words.stored(revision.why)
        undone = words("command.revision_undoes", number=revision.undoes) if revision.undoes else ""
        at = words.stamp(revision.at.astimezone(BANGKOK))
        click.echo(words("command.revision_line", at=at, undone=undone, why=why, **line))
    if not revisions:
        click.echo(words("command.revision_none"))


def _revision_row(revision: Revision) -> dict[str, Any]:
    return {
        "revision": revision.number,
        "at": revision.at.isoformat(),
        "actor": revision.actor,
        "why": revision.why,
        "undoes": revision.undoes,
        "entries": revision.entries,
    }


def show_changes(changes: Sequence[Change], words: Words = ENGLISH, *, as_json: bool = False) -> None:
    """Print changes: what, from when, and from what to what."""
    if as_json:
        print_json([_row(change) for change in changes])
        return
    for change in changes[:MAX_SHOWN]:
        click.echo(described(change) if words.lang == "en" else _said(change, words))
    if len(changes) > MAX_SHOWN:
        click.echo(words("command.changes_more", count=len(changes) - MAX_SHOWN))
    new = sum(change.before is None for change in changes)
    gone = sum(change.after is None for change in changes)
    key = "command.changes" if changes else "command.changes_none"
    click.echo(words(key, new=new, changed=len(changes) - new - gone, gone=gone))


def _said(change: Change, words: Words) -> str:
    """Say a change in the names that forms have."""
    kind, key, valid_from = change.identity
    what = f"{words.name('record_kind', kind)} {key}"
    if valid_from != EVER:
        what += f" {words('command.change_since', day=words.date(valid_from))}"
    if change.before is None or change.after is None:
        return f"{what}: {words('command.change_new' if change.before is None else 'command.change_gone')}"
    before, after = fields_of(change)
    fields = (f"{words.name('record_field', name)} {before[name]} → {after[name]}" for name in after)
    return f"{what}: {', '.join(fields)}"


def _row(change: Change) -> dict[str, Any]:
    kind, key, valid_from = change.identity
    row: dict[str, Any] = {"kind": kind, "key": key, "from": None if valid_from == EVER else valid_from.isoformat()}
    if change.before is None or change.after is None:
        return row | {"change": "new" if change.before is None else "withdrawn"}
    before, after = fields_of(change)
    return row | {"change": "changed", "before": before, "after": after}
