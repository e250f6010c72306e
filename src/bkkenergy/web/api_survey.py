"""The JSON API, version 1, of photos that a survey on a phone sends. Its equipment is sent as records are."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import Response
from pydantic import BaseModel

from bkkenergy.errors import NotThere
from bkkenergy.usecases.photos import store_photo
from bkkenergy.web.api_portfolio_rows import RecordKey
from bkkenergy.web.api_writer import Answer, AnyWriter, raw_body
from bkkenergy.web.problems import PROBLEMS, WRITE_PROBLEMS

router = APIRouter(prefix="/api/v1", tags=["portfolio"], responses=PROBLEMS)
JPEG = {
    "requestBody": {"required": True, "content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}}}
}


class PhotoRow(BaseModel):
    """A photo that is stored. number : by which `/photos/{number}` shows it."""

    number: int
    equipment: str


@router.post(
    "/equipment/{key}/photos",
    responses=WRITE_PROBLEMS,
    response_model=PhotoRow,
    openapi_extra=JPEG,
)
def add_equipment_photo(key: RecordKey, who: AnyWriter, content: Annotated[bytes, Depends(raw_body)]) -> Response:
    """Store a photo of equipment: the body is a JPEG, PNG or WebP of at most 2 MB. The same is stored once."""

    def work() -> Answer:
        here, actor = who.visitor.here, who.visitor.actor
        equipment = here.portfolio.equipment.get(key)
        building = None if equipment is None else here.portfolio.buildings.get(equipment.building)
        if equipment is None or building is None:
            raise NotThere
        number = store_photo(here.opened.state, actor, building, equipment, content, who.now)
        return Answer(PhotoRow(number=number, equipment=key))

    return who.answer(work)
