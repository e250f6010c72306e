"""What an agency's memoranda are made with: its template and seal, which are looked at first, and standing terms."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from bkkenergy.access import Actor
from bkkenergy.adapters.memotemplate import MemoTemplate, checked_template, seal_of
from bkkenergy.adapters.state import StateStore, reading, transaction
from bkkenergy.adapters.state.stationery import (
    StationeryPart,
    add_stationery,
    newest_stationery,
    stationery_history,
)
from bkkenergy.adapters.state.users import enter_audit
from bkkenergy.errors import InputError
from bkkenergy.usecases.powers import use_case

TEMPLATE, SEAL, TERMS = PARTS = ("template", "seal", "terms")
MAX_TERM = 200
MAX_NAME = 120


@dataclass(frozen=True, slots=True)
class MemoTerms:
    """What stands on every memorandum of an agency: the addressee, who signs, and whether digits are Thai."""

    to: str = ""
    signer: str = ""
    position: str = ""
    thai_digits: bool = False

    @property
    def fields(self) -> dict[str, str]:
        """The texts, by their places."""
        return {"to": self.to, "signer": self.signer, "position": self.position}


NO_TERMS = MemoTerms()


@dataclass(frozen=True, slots=True)
class EnteredStationery:
    """What an agency entered. seal : a PNG, or nothing."""

    template: MemoTemplate | None
    seal: bytes
    terms: MemoTerms


@use_case("stationery.template", "edit", "agency")
def store_template(engine: StateStore, actor: Actor, agency: str, name: str, content: bytes, now: dt.datetime) -> None:
    """Store the template of an agency's memoranda. Raises NotAllowed, InputError for what is no safe template."""
    actor.need("edit", agency)
    template = checked_template(name[-MAX_NAME:], content)
    _enter(engine, actor, agency, TEMPLATE, template.name, content, now)


@use_case("stationery.seal", "edit", "agency")
def store_seal(
    engine: StateStore,
    actor: Actor,
    agency: str,
    name: str,
    content: bytes,
    now: dt.datetime,
    draw: Callable[[bytes], bytes],
) -> None:
    """Store an agency's seal, written again as PNG. draw : makes a PNG of an SVG. Raises NotAllowed, InputError."""
    actor.need("edit", agency)
    _enter(engine, actor, agency, SEAL, name[-MAX_NAME:], seal_of(name[-MAX_NAME:], content, draw), now)


@use_case("stationery.terms", "edit", "agency")
def store_terms(engine: StateStore, actor: Actor, agency: str, terms: MemoTerms, now: dt.datetime) -> None:
    """Store what stands on every memorandum of an agency. Raises NotAllowed, InputError for a text that is too long."""
    actor.need("edit", agency)
    if any(len(text) > MAX_TERM or not text.isprintable() for text in terms.fields.values()):
        raise InputError.of("memo_term", max=MAX_TERM)
    _enter(engine, actor, agency, TERMS, "", msgspec.json.encode(terms), now)


@use_case("stationery.reset", "edit", "agency")
def reset_stationery(engine: StateStore, actor: Actor, agency: str, part: str, now: dt.datetime) -> None:
    """Take a part back to the standard one; its versions stay in the history. Raises NotAllowed, InputError."""
    actor.need("edit", agency)
    if part not in PARTS:
        raise InputError.of("memo_part", part=part[:40])
    _enter(engine, actor, agency, part, "", b"", now)


@use_case("stationery.history", "see", "agency")
def stationery_versions(engine: StateStore, actor: Actor, agency: str) -> list[StationeryPart]:
    """Return the versions of an agency's parts, the newest first. Raises NotAllowed, StoreUnavailable."""
    actor.need("see", agency)
    with reading(engine) as connection:
        return stationery_history(connection, agency)


def stationery_entered(engine: StateStore, agency: str) -> EnteredStationery:
    """Return what an agency entered and counts now. Raises StoreUnavailable."""
    with reading(engine) as connection:
        parts = newest_stationery(connection, agency)
    template, terms = parts.get(TEMPLATE), parts.get(TERMS)
    return EnteredStationery(
        None if template is None else MemoTemplate(*template),
        parts.get(SEAL, ("", b""))[1],
        NO_TERMS if terms is None else msgspec.json.decode(terms[1], type=MemoTerms),
    )


def _enter(
    engine: StateStore, actor: Actor, agency: str, part: str, name: str, content: bytes, now: dt.datetime
) -> None:
    with transaction(engine) as connection:
        add_stationery(connection, agency, part, name, content, actor.name, now)
        action = "stationery_set" if content else "stationery_reset"
        enter_audit(connection, actor, action, agency, {"part": part, "name": name}, now)
