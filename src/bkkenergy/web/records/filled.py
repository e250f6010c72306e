"""A form of a record: as it is shown first, and as it came; with its page."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from fastapi.responses import Response
from starlette.datastructures import FormData

from bkkenergy.errors import Fault, NotAllowed, NotThere
from bkkenergy.portfolio.document import default_topic
from bkkenergy.usecases.portfolio import ReadOnlyPortfolio
from bkkenergy.usecases.portfolio_view import SeenRecord
from bkkenergy.usecases.recordforms.fields import ALL_KINDS, fields_of, groups_of
from bkkenergy.usecases.recordforms.ids import free_slug, slug_of
from bkkenergy.usecases.recordforms.texts import MAX_TICKED, PREFIX, date_text, row_count, texts_of
from bkkenergy.web.records.faults import FormFaults, form_faults
from bkkenergy.web.records.options import options_of, unverified_source
from bkkenergy.web.records.pages import may_enter, visible_versions
from bkkenergy.web.records.preview import preview_of
from bkkenergy.web.records.view import PLAN_KIND, OpenRecords, RecordWords, book_of
from bkkenergy.web.render import page
from bkkenergy.web.security import Visitor, whole_number


@dataclass(frozen=True, slots=True)
class FilledForm:
    """A form as it was filled in, or as it is shown first.

    key : of what is changed; empty where it is new. day : whose version is shown. revision : that the person looked at.
    since : "version" corrects the version that is shown; "day" changes the record from a day on.
    """

    kind: str
    key: str
    texts: Mapping[str, str]
    revision: int
    day: dt.date
    since: str = "version"
    from_day: str = ""
    why: str = ""
    faults: FormFaults = field(default_factory=FormFaults)
    theirs: Mapping[str, str] = field(default_factory=dict)
    """Fields that another person changed meanwhile, with what they are now."""
    meanwhile: tuple[Any, ...] = ()
    must_propose: bool = False

    @property
    def is_new(self) -> bool:
        """Whether it enters a record."""
        return not self.key

    @classmethod
    def sent(cls, kind: str, key: str, form: FormData, today: dt.date) -> FilledForm:
        """Return a form as it came."""
        texts = {name: str(text) for name, text in form.items() if name.startswith(PREFIX)}
        day = day_of(str(form.get("day", ""))) or today
        revision = whole_number(form.get("revision", "0")) or 0
        since = "day" if form.get("since") == "day" else "version"
        return cls(kind, key, texts, revision, day, since, str(form.get("from_day", "")), str(form.get("why", "")))


def day_of(text: str) -> dt.date | None:
    """Return the day that a text names; None where it names none."""
    try:
        return dt.date.fromisoformat(date_text(text))
    except ValueError:
        return None


def open_book(visitor: Visitor, kind: str, key: str = "") -> OpenRecords:
    """Return the records that a kind is among, where the visitor sees the one that is named, and may enter any.

    Raises NotThere, NotAllowed, ReadOnlyPortfolio.
    """
    if kind not in ALL_KINDS:
        raise NotThere
    book = book_of(visitor, kind)
    if key:
        visible_versions(book.records, visitor.actor, kind, key)
    if not may_enter(visitor.actor, kind):
        raise NotAllowed
    if not book.is_open:
        raise ReadOnlyPortfolio
    return book


def form_texts(record: SeenRecord) -> dict[str, str]:
    """Return the texts by which a form shows a record."""
    return {
        name: text for one in fields_of(record.kind) for name, text in texts_of(one, record.value.get(one.name)).items()
    }


def form_page(visitor: Visitor, book: OpenRecords, filled: FilledForm, record: SeenRecord | None = None) -> Response:
    """Return the page of a form."""
    read = RecordWords.of(visitor)
    title = read.words("record.new", kind=read.kind(filled.kind))
    if record is not None:
        title = f"{read.words('record.edit')}: {read.title(filled.kind, filled.key, record.value)}"
    fields = fields_of(filled.kind)
    actor = visitor.actor
    return page(
        visitor,
        "record_form.html.j2",
        title=title,
        status=409 if filled.meanwhile else 422 if filled.faults.count else 200,
        filled=filled,
        groups=groups_of(filled.kind),
        fixed=frozenset() if filled.is_new else fixed_fields(filled.kind),
        options={one.name: options_of(visitor, one, filled.texts, read) for one in fields if one.target},
        rows={one.name: row_count(one, filled.texts) for one in fields if one.widget in {"rows", "pairs"}},
        drivers=[
            (name.removeprefix("driver."), text) for name, text in read.texts.items() if name.startswith("driver.")
        ],
        record=record,
        version_since=read.since(record.valid_from) if record else "",
        may_save=filled.kind == PLAN_KIND or (actor.may("edit") and not filled.must_propose),
        may_propose=filled.kind != PLAN_KIND and actor.may("propose") and not actor.may("portfolio"),
        preview=preview_of(visitor, filled.texts) if filled.kind == "meter" else None,
        unverified=unverified_source(visitor, filled.texts) if filled.kind == "meter" else "",
        max_ticked=MAX_TICKED,
        prefix=PREFIX,
        read=read,
        book=book,
    )


def fixed_fields(kind: str) -> frozenset[str]:
    """Return the fields that a record is known by: they are not changed."""
    match kind:
        case "meter" | "virtual_meter" | "roof":
            return frozenset({"id", "building"})
        case "channel":
            return frozenset({"meter", "name"})
        case _:
            return frozenset({"id"})


def completed(kind: str, body: dict[str, Any], visitor: Visitor) -> dict[str, Any]:
    """Return a body with whole ids, with an id where none is written, and with who entered it."""
    whole = dict(body)
    within = {"building": "agency", "meter": "building", "virtual_meter": "building"}.get(kind)
    if "id" in {one.name for one in fields_of(kind)} and not whole.get("id") and kind not in {"adjustment", "target"}:
        whole["id"] = _free_id(kind, body, visitor)
    local = str(whole.get("id", ""))
    if within is not None and local and not local.startswith(f"{body.get(within, '')}."):
        whole["id"] = f"{body.get(within, '')}.{local}"
    if kind == "meter" and not whole.get("topic") and body.get("building"):
        whole["topic"] = default_topic(str(body["building"]), local.rpartition(".")[2])
    names = ALL_KINDS[kind].model.model_fields
    if "entered" in names:
        whole["entered"] = visitor.here.today.isoformat()
    if "entered_by" in names:
        whole["entered_by"] = visitor.actor.name
    return whole


def _free_id(kind: str, body: Mapping[str, Any], visitor: Visitor) -> str:
    """Return an id made of the names, that no other record of the kind has."""
    names = [str(body.get(name, "")) for name in ("name_en", "name_th", "name", "to")]
    within = str(body.get({"building": "agency"}.get(kind, "building"), ""))
    things = book_of(visitor, kind).records.by_kind.get(kind, {})
    taken = {key.rpartition(".")[2] for key in things if not within or key.startswith(f"{within}.")}
    taken |= set(things) if kind not in {"building", "meter", "virtual_meter", "roof"} else set()
    return free_slug(next((slug for name in names if (slug := slug_of(name))), kind.replace("_", "-")), taken)


def refused(
    visitor: Visitor,
    book: OpenRecords,
    filled: FilledForm,
    faults: Sequence[Fault],
    record: SeenRecord | None = None,
    *,
    key: str = "",
) -> Response:
    """Return a form with its faults. key : of what it would enter."""
    read = RecordWords.of(visitor)
    shown = form_faults(faults, filled.kind, key or filled.key, fields_of(filled.kind), read)
    return form_page(visitor, book, replace(filled, faults=shown), record)


def with_text(
    visitor: Visitor, book: OpenRecords, filled: FilledForm, text: str, record: SeenRecord | None
) -> Response:
    """Return a form with what is wrong with all of it."""
    return form_page(visitor, book, replace(filled, faults=FormFaults(general=[text])), record)
