"""The report as data: the content itself, nothing added and nothing left out."""

from __future__ import annotations

from typing import Any

import msgspec
from pydantic import BaseModel

from bkkenergy.i18n import Lang
from bkkenergy.reports.content import AgencyReport


def render_json(report: AgencyReport, _lang: Lang) -> bytes:
    """UTF-8 JSON; unknown numbers are null, instants carry their offset."""
    return msgspec.json.format(msgspec.json.encode(report, enc_hook=_plain), indent=2) + b"\n"


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    raise NotImplementedError(f"a report cannot hold {type(value)}")
