"""The action plan as a document: drafted from the plan's records, and approved. A version never changes afterwards."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from bkkenergy.access import Actor
from bkkenergy.adapters.state import StateStore, reading, transaction
from bkkenergy.adapters.state.plandocuments import (
    PlanDocument,
    add_document,
    documents,
    one_document,
    set_approved,
)
from bkkenergy.adapters.state.users import enter_audit
from bkkenergy.calendar import BANGKOK
from bkkenergy.errors import InputError, NotThere
from bkkenergy.portfolio.values import MAX_TEXT, text_faults
from bkkenergy.usecases.portfolio import MIN_WHY, needs_reason
from bkkenergy.usecases.powers import use_case


@use_case("plan.draft", "plan", "agency")
def draft_document(
    engine: StateStore,
    actor: Actor,
    agency: str,
    body: Mapping[str, Any],
    plan_revision: int,
    now: dt.datetime,
    *,
    why: str,
) -> PlanDocument:
    """Store what the plan of an agency, or of the city, says now as its next version: a draft.

    Raises InputError without a reason, NotThere, NotAllowed, StoreUnavailable.
    """
    actor.need("plan", agency)
    needs_reason(why)
    with transaction(engine) as connection:
        document = add_document(connection, agency, body, plan_revision, by=actor.name, why=why.strip(), now=now)
        detail = {"version": document.version, "plan_revision": plan_revision, "digest": document.digest, "why": why}
        enter_audit(connection, actor, "plan_draft", agency, detail, now)
    return document


@use_case("plan.approve", "administer", "agency")
def approve_document(
    engine: StateStore,
    actor: Actor,
    number: int,
    approver: str,
    on: dt.date,
    now: dt.datetime,
    *,
    letter: str = "",
) -> PlanDocument:
    """Enter that a draft was approved, by an officer on a day; the version that was approved before is replaced.

    Raises InputError where it is no draft any more, was changed in the database, or a newer one is approved already;
    NotThere, NotAllowed, StoreUnavailable.
    """
    _need_texts(approver, letter)
    with transaction(engine) as connection:
        document = _one(connection, actor, number)
        actor.need("administer", document.agency)
        if document.state != "draft":
            raise InputError.of("plan_no_draft", version=document.version)
        if not document.is_whole:
            raise InputError.of("plan_changed", version=document.version)
        if on > now.astimezone(BANGKOK).date() or on < document.drafted_at.astimezone(BANGKOK).date():
            raise InputError.of("plan_approved_on", version=document.version)
        newer = [one for one in documents(connection, [document.agency]) if one.version > document.version]
        if any(one.state == "approved" for one in newer):
            raise InputError.of("plan_newer", version=document.version)
        set_approved(connection, document, approver.strip(), on, letter.strip(), by=actor.name, now=now)
        detail = {
            "version": document.version, "digest": document.digest, "before": document.state, "approver": approver,
            "on": on.isoformat(), "letter": letter,
        }  # fmt: skip
        enter_audit(connection, actor, "plan_approve", document.agency, detail, now)
        return one_document(connection, number)


@use_case("plan.documents", "see", "agency")
def seen_documents(engine: StateStore, actor: Actor, agencies: Sequence[str]) -> list[PlanDocument]:
    """Return the versions of some agencies, the newest first. Raises NotThere, StoreUnavailable."""
    actor.need("see", *agencies)
    with reading(engine) as connection:
        return documents(connection, agencies)


@use_case("plan.document", "see", "agency")
def seen_document(engine: StateStore, actor: Actor, number: int) -> PlanDocument:
    """Return a version. Raises InputError where it is not what was drafted, NotThere, StoreUnavailable."""
    with reading(engine) as connection:
        document = _one(connection, actor, number)
    actor.need("see")
    if not document.is_whole:
        raise InputError.of("plan_changed", version=document.version)
    return document


def _one(connection: Any, who: Actor, number: int) -> PlanDocument:
    """Return a version in reach. Raises NotThere."""
    try:
        document = one_document(connection, number)
    except LookupError:
        raise NotThere from None
    if not who.reaches(document.agency):
        raise NotThere
    return document


def _need_texts(approver: str, letter: str) -> None:
    if len(approver.strip()) < MIN_WHY:
        raise InputError.of("plan_approver")
    if any(fault for text in (approver, letter) for fault in text_faults(text, "approver")):
        raise InputError.of("portfolio_reason_text", count=f"{MAX_TEXT:,}")
