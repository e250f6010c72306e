"""Revisions and differences of records, as commands show them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from bkkenergy.adapters.state.portfolio import Revision
from bkkenergy.calendar import BANGKOK
from bkkenergy.cli.output import print_json
from bkkenergy.portfolio.records import EVER, Change
from bkkenergy.usecases.portfolio import described, fields_of

MAX_SHOWN = 60


def show_revisions(revisions: Sequence[Revision], *, as_json: bool) -> None:
    """Print revisions: who, when and why."""
    if as_json:
        print_json([_revision_row(revision) for revision in revisions])
        return
    for revision in revisions:
        undone = f" (undoes {revision.undoes})" if revision.undoes else ""
        at = revision.at.astimezone(BANGKOK).strftime("%Y-%m-%d %H:%M")
        click.echo(f"{revision.number:>6}  {at}  {revision.actor}  {revision.entries} entries  {revision.why}{undone}")
    if not revisions:
        click.echo("No revision.")


def _revision_row(revision: Revision) -> dict[str, Any]:
    return {
        "revision": revision.number,
        "at": revision.at.isoformat(),
        "actor": revision.actor,
        "why": revision.why,
        "undoes": revision.undoes,
        "entries": revision.entries,
    }


def show_changes(changes: Sequence[Change], *, as_json: bool = False) -> None:
    """Print changes: what, from when, and from what to what."""
    if as_json:
        print_json([_row(change) for change in changes])
        return
    for change in changes[:MAX_SHOWN]:
        click.echo(described(change))
    if len(changes) > MAX_SHOWN:
        click.echo(f"… and {len(changes) - MAX_SHOWN} more (--json shows all).")
    new = sum(change.before is None for change in changes)
    gone = sum(change.after is None for change in changes)
    counts = f"{new} new, {len(changes) - new - gone} changed, {gone} withdrawn"
    click.echo(f"{counts}." if changes else "No change.")


def _row(change: Change) -> dict[str, Any]:
    kind, key, valid_from = change.identity
    row: dict[str, Any] = {"kind": kind, "key": key, "from": None if valid_from == EVER else valid_from.isoformat()}
    if change.before is None or change.after is None:
        return row | {"change": "new" if change.before is None else "withdrawn"}
    before, after = fields_of(change)
    return row | {"change": "changed", "before": before, "after": after}
