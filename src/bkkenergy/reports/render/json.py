"""The report as data: the content itself, nothing added and nothing left out; its schema; and the way back."""

from __future__ import annotations

from typing import Any

import msgspec
from pydantic import BaseModel

from bkkenergy.errors import InputError
from bkkenergy.i18n import Lang
from bkkenergy.reports.content import SCHEMA, AgencyReport


def render_json(report: AgencyReport, _lang: Lang) -> bytes:
    """Encode the report as UTF-8 JSON; unknown numbers are null, instants carry their offset."""
    return msgspec.json.format(msgspec.json.encode(report, enc_hook=_plain), indent=2) + b"\n"


def read_json(data: bytes) -> AgencyReport:
    """Read a report from its JSON. Raises InputError when it is of another version, or none."""
    try:
        report = msgspec.json.decode(data, type=AgencyReport, dec_hook=_model)
    except msgspec.DecodeError as error:
        raise InputError.of("report_unread", schema=SCHEMA, error=error) from error
    if report.schema != SCHEMA:
        raise InputError.of("report_other_schema", schema=report.schema, expected=SCHEMA)
    return report


def report_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a report's JSON form."""
    schema = msgspec.json.schema(AgencyReport, schema_hook=_model_schema)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": SCHEMA, **schema}


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    raise NotImplementedError(f"a report cannot hold {type(value)}")


def _model(kind: type, value: Any) -> Any:
    if issubclass(kind, BaseModel):
        return kind.model_validate(value)
    raise NotImplementedError(f"a report cannot hold {kind}")


def _model_schema(kind: type) -> dict[str, Any]:
    if issubclass(kind, BaseModel):
        return kind.model_json_schema()
    raise NotImplementedError(f"a report cannot hold {kind}")
