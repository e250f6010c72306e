"""The JSON API, version 1, of readings that are sent: for gateways that reach no broker, and for programs."""

from __future__ import annotations

import json
import math
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, HTTPException, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from bkkenergy.ingest.sent import take_in
from bkkenergy.payloads.decode.canonical import MAX_READINGS
from bkkenergy.payloads.message import Reason
from bkkenergy.usecases.once import KeyReused, Once, once
from bkkenergy.web.api_writer import digest_of, raw_body
from bkkenergy.web.problems import PROBLEMS, WRITE_PROBLEMS, problem
from bkkenergy.web.security import ApiSender

router = APIRouter(prefix="/api/v1", tags=["readings"], responses=PROBLEMS)
MAX_METERS = 1000
MeterName = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
MeterReadings = Annotated[list[Any], Field(min_length=1, max_length=MAX_READINGS)]
EXAMPLE: dict[str, Any] = {
    "readings": {
        "health.centre-1.main": [
            {"ts": "2026-11-24T10:15:00+07:00", "energy_kwh": 81234.5, "power_kw": 12.4},
            {"ts": "2026-11-24T10:30:00+07:00", "energy_kwh": 81237.6, "power_kw": 12.1},
        ]
    }
}


class SentReadings(BaseModel):
    """Readings by meter, each as a gateway publishes it: `ts` with its offset, and registers or powers.

    Each reading is judged by itself, as those that come by MQTT are: transformer ratios are applied, and one that
    cannot be is refused, counted, and set aside in quarantine.
    """

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": EXAMPLE})

    readings: Annotated[dict[MeterName, MeterReadings], Field(min_length=1, max_length=MAX_METERS)]


class RefusalRow(BaseModel):
    """What was not stored of a meter's readings."""

    meter: str
    reason: Reason
    count: int
    detail: str


class TakenInRow(BaseModel):
    """What became of readings. stored : in the store now, for good."""

    stored: int
    refused: list[RefusalRow]


SENT: dict[int | str, dict[str, Any]] = {
    207: {"description": "Stored in part: `refused` says what was not, and why", "model": TakenInRow},
    413: WRITE_PROBLEMS[413],
}


@router.post("/readings", response_model=TakenInRow, responses=SENT)
def send_readings(
    asked: SentReadings,
    request: Request,
    visitor: ApiSender,
    body: Annotated[bytes, Depends(raw_body)],
    idempotency_key: Annotated[str | None, Header(pattern=r"^[\x21-\x7e]{1,128}$")] = None,
) -> Response:
    """Store readings. The answer comes once they are durable; the same readings again change nothing.

    With an Idempotency-Key the same request is answered again as it was the first time.
    """
    _refuse_doubled(body)
    payloads = {meter: _payload(readings) for meter, readings in asked.readings.items()}
    here, actor = visitor.here, visitor.actor
    key = None if idempotency_key is None else Once(idempotency_key, digest_of(request, actor, body))

    def work() -> dict[str, Any]:
        taken = take_in(here.opened, actor, payloads)
        rows = [
            RefusalRow(meter=one.meter, reason=one.reason, count=one.count, detail=one.detail) for one in taken.refused
        ]
        return TakenInRow(stored=taken.stored, refused=rows).model_dump(mode="json")

    try:
        answer = dict(once(here.opened.state, actor, key, work, here.clock()))
    except KeyReused as why:
        return problem(422, str(why), request)
    return JSONResponse(answer, 207 if answer["refused"] else 200)


def _refuse_doubled(body: bytes) -> None:
    """Raise 422 where an object names a thing twice: of the two, JSON's readers take one and drop the other."""

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        named = dict(items)
        if len(named) < len(items):
            raise HTTPException(422, "a meter or a field is named twice in one object. Give its readings as one list.")
        return named

    json.loads(body, object_pairs_hook=pairs)


def _payload(readings: list[Any]) -> bytes:
    """Return a meter's readings as it publishes them. Raises 422 for what is nested too deep."""
    try:
        try:
            return json.dumps(readings, allow_nan=False).encode()
        except ValueError:  # Python reads NaN and 1e999, and one of them would cost the meter its other readings
            return json.dumps(_with_numbers_alone(readings)).encode()
    except RecursionError:
        raise HTTPException(422, "readings are nested too deep") from None


def _with_numbers_alone(value: Any) -> Any:
    """Return a value in which what is no number of JSON is text: its own reading is refused then."""
    match value:
        case list():
            return [_with_numbers_alone(one) for one in value]
        case dict():
            return {name: _with_numbers_alone(one) for name, one in value.items()}
        case float() if not math.isfinite(value):
            return str(value)
        case _:
            return value
