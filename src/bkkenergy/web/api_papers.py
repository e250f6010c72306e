"""The JSON API, version 1, of reports and papers that are made when they are asked for."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query
from fastapi.responses import Response

from bkkenergy.recipients import DocumentKind
from bkkenergy.reports.papers.kinds import PAPER_FORMS, PaperForm
from bkkenergy.web.budgets import HEAVY_API
from bkkenergy.web.papers import MEDIA, asked_file, need_subject, period_asked
from bkkenergy.web.problems import PROBLEMS
from bkkenergy.web.security import ApiVisitor

router = APIRouter(prefix="/api/v1/papers", tags=["reports"], responses=PROBLEMS)
SubjectId = Annotated[str, Path(pattern=r"^[a-z0-9]+([.-][a-z0-9]+)*$", max_length=128)]
PeriodName = Annotated[str, Query(max_length=32, description="2026-11-23, 2026-W48, 2026-11, FY2570Q1, FY2570")]


@router.get(
    "/{paper}/{subject}",
    response_class=Response,
    responses={
        200: {"content": {media: {} for media in dict.fromkeys(MEDIA[form] for form in PAPER_FORMS)}},
    },
    dependencies=HEAVY_API,
)
def paper_made(
    paper: DocumentKind, subject: SubjectId, visitor: ApiVisitor, period: PeriodName, form: PaperForm = "json"
) -> Response:
    """Return an agency's or a building's energy report (`energy`), or a paper made from it, over a period."""
    need_subject(visitor, subject)
    name, content = asked_file(visitor, paper, subject, period_asked(visitor, period), form)
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type=MEDIA[form], headers=headers)
