"""Requests that change records: who asks, what they looked at, and that each is done once."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Annotated, Any

from fastapi import Depends, Header, HTTPException, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel

from bkkenergy.access import Actor
from bkkenergy.errors import ConfigError
from bkkenergy.portfolio.records import Records
from bkkenergy.usecases.once import KeyReused, Once, once
from bkkenergy.usecases.portfolio import (
    Changed,
    Conflict,
    PortfolioState,
    ReadOnlyPortfolio,
    portfolio_state,
)
from bkkenergy.usecases.portfolio_view import seen_changes, seen_versions
from bkkenergy.web.api_portfolio_rows import DoneRow, RecordVersionRow, row_of
from bkkenergy.web.problems import problem
from bkkenergy.web.security import ApiVisitor, Visitor, asked_language


async def raw_body(request: Request) -> bytes:
    """Return what was sent, byte for byte."""
    return await request.body()


@dataclass(frozen=True, slots=True)
class Writer:
    """A request that changes something: who asks, on which records, and its key where it has one."""

    visitor: Visitor
    request: Request
    state: PortfolioState
    request_once: Once | None

    @property
    def now(self) -> dt.datetime:
        """The time now."""
        return self.visitor.here.clock()

    def answer(self, work: Callable[[], Answer]) -> Response:
        """Do it once, and answer; what does not fit what is there goes out as a problem that says how."""
        try:
            answered = once(self.state.engine, self.visitor.actor, self.request_once, lambda: work().plain, self.now)
        except Conflict as conflict:
            return self._conflict(conflict)
        except ReadOnlyPortfolio as why:
            return problem(409, str(why), self.request)
        except KeyReused as why:
            return problem(422, str(why), self.request)
        except ConfigError as error:
            said = [fault.said(asked_language(self.request)) for fault in error.faults]
            faults = [{"where": fault.where, "what": fault.what, "remedy": fault.remedy} for fault in said]
            return problem(422, "the records would have faults, and nothing was changed", self.request, faults=faults)
        finally:
            self.visitor.here.look_now()
        headers = {"ETag": answered["etag"]} if answered["etag"] else {}
        return JSONResponse(answered["body"], answered["status"], headers)

    def _conflict(self, conflict: Conflict) -> Response:
        changes = seen_changes(conflict.changes, conflict.seen, conflict.present, self.state.kinds, self.visitor.actor)
        rows = [row_of(change).model_dump(mode="json") for change in changes]
        revision = conflict.present.revision
        status = 412 if {"if-match", "if-none-match"} & set(self.request.headers) else 409
        title = f"this was changed meanwhile (revision {revision}). Nothing was changed. Look at it, and ask again."
        return problem(status, title, self.request, changes=rows, revision=revision)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a write is answered with."""

    body: BaseModel
    status: int = 200
    revision: int | None = None

    @property
    def plain(self) -> dict[str, Any]:
        """The answer as it is stored."""
        etag = None if self.revision is None else tag_of(self.revision)
        return {"status": self.status, "etag": etag, "body": self.body.model_dump(mode="json")}


def writer(
    request: Request,
    visitor: ApiVisitor,
    body: Annotated[bytes, Depends(raw_body)],
    idempotency_key: Annotated[str | None, Header(pattern=r"^[\x21-\x7e]{1,128}$")] = None,
    x_csrf_token: Annotated[str | None, Header()] = None,
) -> Writer:
    """Return who writes. A browser's session has to show its secret, so that no other site writes with it."""
    if visitor.csrf and not hmac.compare_digest((x_csrf_token or "").encode(), visitor.csrf.encode()):
        raise HTTPException(403, "send a token, or the session's secret as X-CSRF-Token")
    opened = visitor.here.opened
    state = portfolio_state(opened.config, opened.state)
    key = None if idempotency_key is None else Once(idempotency_key, digest_of(request, visitor.actor, body))
    return Writer(visitor, request, state, key)


def digest_of(request: Request, who: Actor, body: bytes) -> str:
    """Return a digest of what is asked for, and of what the sender may: a stored answer is for that alone."""
    may = [*sorted(who.powers), *sorted(who.agencies), str(who.user_id)]
    headers = [request.headers.get(name, "") for name in ("if-match", "if-none-match")]
    asked = "\n".join([request.method, request.url.path, request.url.query, *headers, *may]).encode()
    return hashlib.sha256(asked + b"\n" + body).hexdigest()


AnyWriter = Annotated[Writer, Depends(writer)]


def tag_of(revision: int) -> str:
    """Return a revision as an ETag."""
    return f'"{revision}"'


def expected(
    if_match: Annotated[str | None, Header()] = None, if_none_match: Annotated[str | None, Header()] = None
) -> int:
    """Return the revision that the caller looked at; 0 where the thing should be new."""
    if if_match is None and if_none_match is None:
        raise HTTPException(428, "send the thing's ETag as If-Match, or If-None-Match: * for a new one")
    if if_match is None:
        if if_none_match != "*":
            raise HTTPException(422, "If-None-Match: * is for a new thing; nothing else is understood here")
        return 0
    match = re.fullmatch(r'"?([0-9]{1,9})"?', if_match)
    if match is None or if_none_match is not None:
        raise HTTPException(422, 'send one of If-Match with the ETag as it came, such as "12", or If-None-Match: *')
    return int(match[1])


Expected = Annotated[int, Depends(expected)]


def done_of(who: Writer, done: Changed, before: Records) -> DoneRow:
    """Return what was done as it goes out."""
    after = before.with_changes(done.changes)
    shown = seen_changes(done.changes, before, after, who.state.kinds, who.visitor.actor)
    versions = seen_versions(after, who.visitor.actor, who.state.kinds, done.changes)
    return DoneRow(
        revision=done.revision,
        changes=[row_of(change) for change in shown],
        versions=[RecordVersionRow(**asdict(version)) for version in versions],
    )
