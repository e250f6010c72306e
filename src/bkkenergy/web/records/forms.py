"""Forms of records: entered, changed from a day on, corrected, ended, or proposed to those who may.

Two people at one record lose nothing: who saves second is shown what the first one changed, with the own changes in
the form, and what both changed side by side.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from bkkenergy.errors import ConfigError, Fault, InputError, NotAllowed, NotThere
from bkkenergy.plan import Project
from bkkenergy.portfolio.edits import Amend, Edit, End, Put, Withdraw
from bkkenergy.portfolio.records import Records
from bkkenergy.portfolio.values import checked_value
from bkkenergy.usecases.plan import enter_projects, withdraw_project
from bkkenergy.usecases.portfolio import Conflict, change, needs_reason
from bkkenergy.usecases.portfolio_view import SeenRecord, seen_record, seen_revisions
from bkkenergy.usecases.proposals import propose
from bkkenergy.usecases.recordforms.fields import ALL_KINDS, FormField, fields_of
from bkkenergy.usecases.recordforms.texts import (
    BLANK,
    PREFIX,
    body_of,
    of_field,
    texts_of,
    touched_fields,
    value_of,
)
from bkkenergy.web.records.filled import (
    FilledForm,
    completed,
    day_of,
    fixed_fields,
    form_page,
    form_texts,
    open_book,
    refused,
    with_text,
)
from bkkenergy.web.records.pages import shown_record
from bkkenergy.web.records.view import PLAN_KIND, OpenRecords, RecordWords, book_of, href_of
from bkkenergy.web.security import OwnForm, PageVisitor, Visitor, whole_number

router = APIRouter(prefix="/records", default_response_class=HTMLResponse)
MAX_GIVEN = 600
"""Characters of a text that an address fills in."""
MAX_MEANWHILE = 5


# -- shown ---------------------------------------------------------------------------------------------------------


@router.get("/new/{kind}")
def new_page(kind: str, request: Request, visitor: PageVisitor) -> Response:
    """Show a form for a new record. What the address names is filled in."""
    book = open_book(visitor, kind)
    given = {name: text for name, text in request.query_params.items() if len(text) <= MAX_GIVEN}
    texts: dict[str, str] = {}
    for one in fields_of(kind):
        if one.name in given and one.widget in {"many", "ticks"}:
            texts |= {f"{PREFIX}{one.name}": given[one.name]}
        elif one.name in given:
            texts |= texts_of(one, given[one.name])
        elif (default := _default(visitor, one)) is not None:
            texts |= texts_of(one, default)
    today = visitor.here.today
    why = given.get("why", "")
    first = FilledForm(kind, "", texts, book.records.revision, today, from_day=today.isoformat(), why=why)
    return form_page(visitor, book, first)


def _default(visitor: Visitor, field: FormField) -> Any:
    """Return what a field of a new record begins with: agencies are those of a visitor who has not all of them."""
    if field.target != "agency" or visitor.account.sees_all:
        return field.default
    agencies = visitor.account.reachable(visitor.here.portfolio.agencies)
    if field.widget == "many":
        return agencies
    return agencies[0] if len(agencies) == 1 and field.is_required else field.default


@router.get("/edit/{kind}/{key:path}")
def edit_page(kind: str, key: str, visitor: PageVisitor, day: dt.date | None = None) -> Response:
    """Show a form with a record as it is on a day."""
    book = open_book(visitor, kind, key)
    on = day or visitor.here.today
    record = seen_record(book.records, visitor.actor, book.state.kinds, kind, key, on)
    today = visitor.here.today.isoformat()
    return form_page(
        visitor, book, FilledForm(kind, key, form_texts(record), book.records.revision, on, from_day=today), record
    )


# -- entered -------------------------------------------------------------------------------------------------------


@router.post("/new/{kind}")
def enter(kind: str, visitor: PageVisitor, form: OwnForm) -> Response:
    """Enter a record, or propose it."""
    book = open_book(visitor, kind)
    filled = FilledForm.sent(kind, "", form, visitor.here.today)
    if "preview" in form:
        return form_page(visitor, book, filled)
    fields = fields_of(kind)
    body = completed(kind, body_of(fields, filled.texts), visitor)
    value, faults = checked_value(ALL_KINDS[kind], body, kind)
    if value is None:
        return refused(visitor, book, filled, faults)
    key = ALL_KINDS[kind].key_of(value)
    edit = Put(kind, ALL_KINDS[kind].body_of(value))
    return _save(visitor, book, Save(replace(filled, revision=0), edit, key, is_proposal="propose" in form))


# -- changed -------------------------------------------------------------------------------------------------------


@router.post("/edit/{kind}/{key:path}")
def amend(kind: str, key: str, visitor: PageVisitor, form: OwnForm) -> Response:
    """Change the fields of a record that were touched, or propose it."""
    book = open_book(visitor, kind, key)
    filled = FilledForm.sent(kind, key, form, visitor.here.today)
    seen = _seen_at(visitor, book, filled)
    texts = dict(filled.texts)
    fixed = fixed_fields(kind)
    fields = [one for one in fields_of(kind) if one.name not in fixed]
    texts |= {
        name: text
        for one in fields_of(kind)
        if one.name in fixed
        for name, text in texts_of(one, seen.value.get(one.name)).items()
    }
    filled = replace(filled, texts=texts)
    if "preview" in form:
        return form_page(visitor, book, filled, seen)
    touched = touched_fields(fields, form_texts(seen), texts)
    if not touched:
        return with_text(visitor, book, filled, visitor.words("record.nothing_touched"), seen)
    values = {one.name: value_of(one, texts) for one in touched}
    missing = [
        Fault.of("missing", f"{kind}.{one.name}") for one in touched if one.is_required and values[one.name] is BLANK
    ]
    if missing:
        return refused(visitor, book, filled, missing, seen)
    new_fields = {one.name: one.default if values[one.name] is BLANK else values[one.name] for one in touched}
    saving = Save(filled, Amend(kind, key, new_fields), key, seen, is_proposal="propose" in form)
    return _save(visitor, book, saving)


def _seen_at(visitor: Visitor, book: OpenRecords, filled: FilledForm) -> SeenRecord:
    """Return the record that the person looked at, as it was known then. Raises NotThere."""
    records = book.records if filled.revision == book.records.revision else _records_at(book, filled.revision)
    return seen_record(records, visitor.actor, book.state.kinds, filled.kind, filled.key, filled.day)


def _records_at(book: OpenRecords, revision: int) -> Records:
    return book.state.records(revision)


def _from_day(filled: FilledForm, seen: SeenRecord | None) -> dt.date | None:
    """Return from which day a change holds; None for all days. Raises InputError where no day is written."""
    if filled.since != "day":
        return seen.valid_from if seen else None
    day = day_of(filled.from_day)
    if day is None:
        raise InputError.of("record_day")
    return day


@dataclass(frozen=True, slots=True)
class Save:
    """A change that a form asks for. key : of its record. seen : as the person looked at it; None where it is new."""

    filled: FilledForm
    edit: Edit
    key: str
    seen: SeenRecord | None = None
    is_proposal: bool = False


def _save(visitor: Visitor, book: OpenRecords, saving: Save) -> Response:
    """Make a change or propose it, and go to what came of it; the form with what is wrong where it cannot be."""
    filled, seen = saving.filled, saving.seen
    try:
        target = _saved(visitor, book, saving)
    except Conflict as conflict:
        return _conflict(visitor, saving, conflict)
    except ConfigError as error:
        return refused(visitor, book, filled, error.faults, seen, key=saving.key)
    except NotAllowed:
        if not visitor.actor.may("propose") or filled.kind == PLAN_KIND:
            raise
        text = visitor.words("record.propose_instead")
        return with_text(visitor, book, replace(filled, must_propose=True), text, seen)
    except NotThere:
        raise
    except InputError as error:
        return with_text(visitor, book, filled, error.said(visitor.lang), seen)
    finally:
        visitor.here.look_now()
    return RedirectResponse(target, 303)


def _saved(visitor: Visitor, book: OpenRecords, saving: Save) -> str:
    """Make a change or propose it. Return the address of what came of it."""
    here, actor, filled = visitor.here, visitor.actor, saving.filled
    from_day = _from_day(filled, saving.seen)
    if saving.is_proposal:
        proposal = propose(
            book.state,
            actor,
            [saving.edit],
            why=filled.why,
            from_day=from_day,
            expected_revision=filled.revision,
            now=here.clock(),
        )
        return f"/records/proposals/{proposal.number}"
    if filled.kind == PLAN_KIND:
        needs_reason(filled.why)
        _enter_project(visitor, saving, from_day)
        return href_of(filled.kind, saving.key)
    done = change(
        book.state,
        actor,
        [saving.edit],
        why=filled.why,
        from_day=from_day,
        expected_revision=filled.revision,
        now=here.clock(),
    )
    return href_of(filled.kind, saving.key) + (f"?done={done.revision}" if done.revision else "")


def _enter_project(visitor: Visitor, saving: Save, from_day: dt.date | None) -> None:
    """Enter a project of the plan as the form has it. Raises ConfigError where it has faults."""
    edit = saving.edit
    body = dict(edit.body) if isinstance(edit, Put) else dict(saving.seen.value if saving.seen else {})
    body |= edit.fields if isinstance(edit, Amend) else {}
    value, faults = checked_value(ALL_KINDS[PLAN_KIND], body, PLAN_KIND)
    if not isinstance(value, Project):
        raise ConfigError(faults)
    enter_projects(
        visitor.here.opened.state,
        visitor.actor,
        [value],
        visitor.here.clock(),
        why=saving.filled.why,
        from_day=from_day,
        portfolio=visitor.here.portfolio,
        expected_revision=saving.filled.revision,
    )


def _conflict(visitor: Visitor, saving: Save, conflict: Conflict) -> Response:
    """Return the form with what another person changed meanwhile, and the own changes over it: nothing is stored."""
    filled, seen = saving.filled, saving.seen
    book = OpenRecords(book_of(visitor, filled.kind).state, conflict.present)
    if seen is None:
        text = visitor.words("record.there_already", name=saving.key)
        return with_text(visitor, book, filled, text, None)
    actor, kind = visitor.actor, filled.kind
    present = seen_record(conflict.present, actor, book.state.kinds, kind, saving.key, filled.day)
    fields, read = fields_of(kind), RecordWords.of(visitor)
    own_fields = {one.name for one in touched_fields(fields, form_texts(seen), filled.texts)}
    their_fields = touched_fields(fields, form_texts(seen), form_texts(present))
    texts = {
        name: text
        for one in fields
        for name, text in of_field(one, filled.texts if one.name in own_fields else form_texts(present)).items()
    }
    theirs = {
        one.name: ", ".join(value.text for value in read.shown(kind, one, present.value.get(one.name)))
        for one in their_fields
    }
    revisions = seen_revisions(book.state, actor, kind=kind, key=saving.key, limit=MAX_MEANWHILE)
    meanwhile = tuple(one for one in revisions if one.number > filled.revision)
    merged = replace(
        filled, texts=texts, revision=conflict.present.revision, theirs=theirs, meanwhile=meanwhile or (None,)
    )
    return form_page(visitor, book, merged, present)


# -- ended ---------------------------------------------------------------------------------------------------------


@router.post("/end/{kind}/{key:path}")
def end(kind: str, key: str, visitor: PageVisitor, form: OwnForm) -> Response:
    """Let a record be no more from a day on, or take it out as if it had never been entered."""
    book, here = open_book(visitor, kind, key), visitor.here
    why, revision = str(form.get("why", "")), whole_number(form.get("revision", "0")) or 0
    from_day = None if form.get("do") == "withdraw" else day_of(str(form.get("from_day", "")))
    if from_day is None and form.get("do") != "withdraw":
        return shown_record(visitor, kind, key, None, fault=visitor.words("record.no_day"))
    edit: Edit = Withdraw(kind, key) if from_day is None else End(kind, key)
    try:
        if kind == PLAN_KIND:
            state, now = here.opened.state, here.clock()
            withdraw_project(state, visitor.actor, key, now, why=why, from_day=from_day, expected_revision=revision)
        else:
            actor, now = visitor.actor, here.clock()
            change(book.state, actor, [edit], why=why, from_day=from_day, expected_revision=revision, now=now)
    except (NotThere, NotAllowed):
        raise
    except ConfigError as error:
        faults = "; ".join(f"{one.where}: {one.what}" for one in (fault.said(visitor.lang) for fault in error.faults))
        return shown_record(visitor, kind, key, None, fault=faults)
    except InputError as error:
        text = visitor.words("record.meanwhile") if isinstance(error, Conflict) else error.said(visitor.lang)
        return shown_record(visitor, kind, key, None, fault=text)
    finally:
        here.look_now()
    return RedirectResponse(f"/records/list/{kind}" if from_day is None else href_of(kind, key), 303)
