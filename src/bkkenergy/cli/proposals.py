"""`bkkenergy portfolio proposals`: what people ask to be changed in records, and the decision on it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from bkkenergy.adapters.state.proposals import Proposal
from bkkenergy.calendar import BANGKOK
from bkkenergy.cli.context import command_line, config_option
from bkkenergy.cli.lang import operator_lang_option
from bkkenergy.cli.output import json_option, print_json
from bkkenergy.cli.records import opened_records
from bkkenergy.cli.revisions import show_changes
from bkkenergy.i18n import Lang, Words
from bkkenergy.usecases.proposals import accept, list_proposals, read_proposal, refuse

PROPOSAL_FIELDS = ("number", "state", "by", "why", "seen_revision", "is_shared", "decided_by", "note", "revision")


@click.group("proposals", epilog="\b\nExamples:\n  bkkenergy portfolio proposals list\n"
                         '  bkkenergy portfolio proposals accept 3 --note "seen on the bill"')  # fmt: skip
def proposals_group() -> None:
    """Show what people ask to be changed in records that they may not change themselves, and decide on it."""


@proposals_group.command("list", epilog="\b\nExamples:\n  bkkenergy portfolio proposals list --all")
@click.option("--all", "is_all", is_flag=True, help="Those too that are decided.")
@json_option
@operator_lang_option
@config_option
def proposals_list_command(lang: Lang, config_dir: Path, *, is_all: bool, as_json: bool) -> None:
    """List proposals, the newest first."""
    with opened_records(config_dir) as state:
        listed = list_proposals(state, command_line(), None if is_all else "open")
    if as_json:
        print_json([_proposal_row(proposal) for proposal in listed])
        return
    words = Words(lang)
    for proposal in listed:
        at = words.stamp(proposal.at.astimezone(BANGKOK))
        about = ", ".join(proposal.agencies) or words("command.proposal_shared")
        state_of = _state_name(proposal, words)
        click.echo(f"{proposal.number:>6}  {at}  {state_of}  {proposal.by}  {about}  {proposal.why}")
    if not listed:
        click.echo(words("command.proposal_none" if is_all else "command.proposal_none_waits"))


def _state_name(proposal: Proposal, words: Words) -> str:
    """Return the state of a proposal: the slug, which --json has; in Thai its name."""
    return proposal.state if words.lang == "en" else words.name("proposal_state", proposal.state)


@proposals_group.command("show", epilog="\b\nExamples:\n  bkkenergy portfolio proposals show 3")
@click.argument("number", type=click.IntRange(1))
@json_option
@operator_lang_option
@config_option
def proposals_show_command(number: int, lang: Lang, config_dir: Path, *, as_json: bool) -> None:
    """Show one proposal: who, why, from which day, and each change that is asked for."""
    with opened_records(config_dir) as state:
        proposal = read_proposal(state, command_line(), number)
    if as_json:
        print_json(_proposal_row(proposal))
        return
    words = Words(lang)
    state_of, day = _state_name(proposal, words), proposal.from_day
    about = {"number": proposal.number, "state": state_of, "by": proposal.by, "why": proposal.why}
    click.echo(words("command.proposal_line", **about))
    click.echo(words("command.proposal_from", day=words.stamp_day(day)) if day else words("command.proposal_all_days"))
    for edit in proposal.edits:
        click.echo(f"  {_edit_line(edit, words)}")
    if proposal.decided_by:
        revision = proposal.revision
        became = "" if revision is None else words("command.proposal_revision", revision=revision)
        done = {"state": state_of, "by": proposal.decided_by, "became": became, "note": proposal.note}
        click.echo(words("command.proposal_decided", **done))


def _edit_line(edit: Mapping[str, Any], words: Words) -> str:
    """Return a change that is asked for: what is done, to which record, and its fields as the API has them."""
    key = edit.get("key") or edit.get("body", {}).get("id", "")
    kind = edit["kind"] if words.lang == "en" else words.name("record_kind", edit["kind"])
    done = words(f"command.edit_{edit['do']}")
    return f"{done} {kind} {key}: {edit.get('fields') or edit.get('body') or ''}"


@proposals_group.command(
    "accept", epilog='\b\nExamples:\n  bkkenergy portfolio proposals accept 3 --note "seen on the bill"'
)
@click.argument("number", type=click.IntRange(1))
@click.option("--note", default="", help="A note, for the audit log.")
@operator_lang_option
@config_option
def proposals_accept_command(number: int, note: str, lang: Lang, config_dir: Path) -> None:
    """Make a proposed change, as one revision. Refused where the same was changed meanwhile."""
    with opened_records(config_dir) as state:
        _, done = accept(state, command_line(), number, note=note, now=dt.datetime.now(dt.UTC))
    show_changes(done.changes, Words(lang))
    click.echo(Words(lang)("command.proposal_accepted", revision=done.revision, number=number))


@proposals_group.command(
    "reject", epilog='\b\nExamples:\n  bkkenergy portfolio proposals reject 3 --note "that is another meter"'
)
@click.argument("number", type=click.IntRange(1))
@click.option("--note", required=True, help="Why: who proposed it is shown this.")
@operator_lang_option
@config_option
def proposals_reject_command(number: int, note: str, lang: Lang, config_dir: Path) -> None:
    """Refuse a proposed change. Nothing is changed."""
    with opened_records(config_dir) as state:
        refuse(state, command_line(), number, note=note, now=dt.datetime.now(dt.UTC))
    click.echo(Words(lang)("command.proposal_refused", number=number))


def _proposal_row(proposal: Proposal) -> dict[str, Any]:
    row = {name: getattr(proposal, name) for name in PROPOSAL_FIELDS}
    return row | {
        "at": proposal.at.isoformat(),
        "from_day": proposal.from_day and proposal.from_day.isoformat(),
        "edits": [dict(edit) for edit in proposal.edits],
        "agencies": list(proposal.agencies),
    }
