"""What the API of records takes in and sends out."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field

from bkkenergy.adapters.state.proposals import Proposal
from bkkenergy.portfolio.edits import Amend, Edit, End, Put, Withdraw
from bkkenergy.usecases.portfolio_view import SeenChange
from bkkenergy.web.api_rows import Page, Row

MAX_EDITS = 500
KIND = r"^[a-z_]{1,32}$"
KindName = Annotated[str, Path(pattern=KIND)]
RecordKey = Annotated[str, Path(min_length=1, max_length=255)]
Number = Annotated[int, Path(ge=1, le=2_000_000_000)]
Day = Annotated[dt.date, Field(ge=dt.date(1990, 1, 1), lt=dt.date(2200, 1, 1))]
Why = Annotated[str, Field(min_length=3, max_length=500, pattern=r"^[^\x00]*$")]
Value = dict[str, Any]


class Asked(BaseModel):
    """What comes in; unknown names are refused."""

    model_config = ConfigDict(extra="forbid")

    from_day: Day | None = None
    """From which day it holds; None for ever, which corrects what was entered wrongly."""
    why: Why


class AskedValue(Asked):
    """All that a thing is. until : the day of a later version that says otherwise, and stays."""

    value: Value
    until: Day | None = None


class AskedFields(Asked):
    """Fields of a thing."""

    fields: Value


class AskedEdit(BaseModel):
    """One of several changes. value, until : of put; fields : of amend; key : of all but put."""

    model_config = ConfigDict(extra="forbid")

    do: Literal["put", "amend", "end", "withdraw"]
    kind: Annotated[str, Field(pattern=KIND)]
    key: Annotated[str, Field(max_length=255)] = ""
    value: Value = Field(default_factory=dict)
    fields: Value = Field(default_factory=dict)
    until: Day | None = None

    @property
    def edit(self) -> Edit:
        """The change as use cases know it."""
        match self.do:
            case "put":
                return Put(self.kind, self.value, self.until)
            case "amend":
                return Amend(self.kind, self.key, self.fields)
            case "end":
                return End(self.kind, self.key)
            case "withdraw":
                return Withdraw(self.kind, self.key)


class AskedChanges(Asked):
    """Several changes that are made together, or not at all."""

    edits: Annotated[list[AskedEdit], Field(min_length=1, max_length=MAX_EDITS)]


class AskedRevision(AskedChanges):
    """Several changes, as one revision. expected_revision : that the caller looked at."""

    expected_revision: Annotated[int, Field(ge=0, le=2_000_000_000)]


class AskedProposal(AskedChanges):
    """Several changes to propose. expected_revision : that the caller looked at, if any."""

    expected_revision: Annotated[int | None, Field(ge=0, le=2_000_000_000)] = None


class AskedNote(BaseModel):
    """Why something is undone, accepted or refused."""

    model_config = ConfigDict(extra="forbid")

    why: Why


class RecordRow(Row):
    """A thing as it is on a day. Its ETag is the newest revision that changed it."""

    kind: str
    key: str
    valid_from: dt.date | None
    valid_to: dt.date | None
    revision: int
    value: Value


class RecordPage(Page):
    """Things of a kind."""

    items: list[RecordRow]


class ChangeRow(Row):
    """What changed of a thing, from a day on; before and after are null where there was nothing, or is no more."""

    kind: str
    key: str
    valid_from: dt.date | None
    before: Value | None
    after: Value | None


class RevisionRow(Row):
    """A revision. actor and why are empty where it also changed what is not yours."""

    number: int
    at: dt.datetime
    actor: str
    why: str
    undoes: int | None
    changes: list[ChangeRow]


class RecordVersionRow(Row):
    """What a thing is on some days: from valid_from (null: ever) until valid_to (null: for good), which is not one."""

    kind: str
    key: str
    valid_from: dt.date | None
    valid_to: dt.date | None
    value: Value


class DoneRow(Row):
    """What was done. revision : its number; null where nothing had to be changed.

    versions : of each thing that changed, what it is now on all days.
    """

    revision: int | None
    changes: list[ChangeRow]
    versions: list[RecordVersionRow]


class ProposalRow(Row):
    """A proposal. revision : that it became."""

    number: int
    at: dt.datetime
    by: str
    why: str
    from_day: dt.date | None
    edits: list[Value]
    seen_revision: int
    state: str
    decided_at: dt.datetime | None
    decided_by: str
    note: str
    revision: int | None

    @classmethod
    def of(cls, proposal: Proposal) -> ProposalRow:
        """Return a proposal as it goes out."""
        named = {name: getattr(proposal, name) for name in cls.model_fields if name != "edits"}
        return cls(edits=[dict(edit) for edit in proposal.edits], **named)


def row_of(change: SeenChange) -> ChangeRow:
    """Return a change as it goes out."""
    return ChangeRow(**{name: getattr(change, name) for name in ChangeRow.model_fields})
