"""Errors for machines: problem+json (RFC 9457), and their place in the schema."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel

PROBLEM_TYPE = "application/problem+json"


class Problem(BaseModel):
    """What went wrong, for machines and for the people who read their logs."""

    type: str = "about:blank"
    status: int
    title: str
    instance: str
    faults: list[dict[str, str]] | None = None
    """Each fault of what was sent: where, what, remedy."""
    changes: list[dict[str, Any]] | None = None
    """What changed meanwhile."""
    revision: int | None = None
    """The revision to look at, and to ask again with."""


_CONTENT = {"content": {PROBLEM_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}
PROBLEMS: dict[int | str, dict[str, Any]] = {
    401: {"description": "Sign in, or send a token", **_CONTENT},
    403: {"description": "Not allowed", **_CONTENT},
    404: {"description": "Not there, or not yours", **_CONTENT},
    422: {"description": "Cannot be understood", **_CONTENT},
    429: {"description": "Too many requests, or too much is being computed: Retry-After says when", **_CONTENT},
    503: {"description": "The store does not answer", **_CONTENT},
}

WRITE_PROBLEMS: dict[int | str, dict[str, Any]] = {
    409: {"description": "Does not fit what is there now, or is read-only here", **_CONTENT},
    412: {"description": "Was changed meanwhile: `changes` says how", **_CONTENT},
    413: {"description": "The body is too long", **_CONTENT},
    428: {"description": "If-Match or If-None-Match is missing", **_CONTENT},
}


def problem(status: int, title: str, request: Request, headers: dict[str, str] | None = None, **more: Any) -> Response:
    """Return an error as the API sends it. more : faults, changes, revision."""
    body = Problem(status=status, title=title, instance=request.url.path, **more).model_dump(exclude_none=True)
    return JSONResponse(body, status, headers, media_type=PROBLEM_TYPE)


def with_problem_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """Add to the API's schema what a problem looks like."""
    schema.setdefault("components", {}).setdefault("schemas", {})["Problem"] = Problem.model_json_schema()
    return schema
