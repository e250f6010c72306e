"""The JSON API of what meters count and measure beside energy: which channels a meter has, and one over a period."""

from __future__ import annotations

import datetime as dt
from typing import Literal

import msgspec
import pandas as pd
from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import Response

from bkkenergy.calendar import Period
from bkkenergy.ports.channels import CHANNELS
from bkkenergy.readings import Quality
from bkkenergy.usecases.channels import channel_series
from bkkenergy.usecases.energy import listed_values
from bkkenergy.usecases.standing import owner_of
from bkkenergy.web.api import SERIES_RESPONSES, SeriesFormat, checked_span, file_of, step_of, tagged
from bkkenergy.web.api_rows import Row
from bkkenergy.web.problems import PROBLEMS
from bkkenergy.web.security import ApiVisitor
from bkkenergy.web.standing import building_then

router = APIRouter(prefix="/api/v1", tags=["v1"], responses=PROBLEMS)
DIGITS = 9


class ChannelRow(Row):
    """A channel that a meter has in the ledger. is_additive : whether its intervals add up, or average."""

    channel: str
    unit: str
    is_additive: bool


class ChannelSeriesRow(Row):
    """A channel by intervals: sums of an additive one, else means of what is known; null where nothing is.

    starts : ISO 8601 with offset. waiting_days : not yet computed from all readings; ask again in some seconds.
    """

    meter: str
    channel: str
    unit: str
    step: Literal["15min", "60min", "day"]
    starts: list[dt.datetime]
    values: list[float | None]
    quality: list[Literal["measured", "edited", "estimated", "incomplete", "missing"]]
    waiting_days: list[dt.date]


@router.get("/meters/{meter_id}/channels")
def meter_channels(meter_id: str, visitor: ApiVisitor) -> list[ChannelRow]:
    """List the channels that the ledger has of a meter."""
    site = visitor.here.opened
    owner = owner_of(site.portfolio, meter_id.rpartition(".")[0])
    if owner is None:
        raise HTTPException(404, "not found")
    visitor.need("see", owner)
    if meter_id not in site.portfolio.meters_ever:
        raise HTTPException(404, f"{meter_id} is no meter of the portfolio")
    names = site.ledger.channels([meter_id]).get(meter_id, ())
    known = [CHANNELS[name] for name in names if name in CHANNELS]
    return [ChannelRow(channel=one.name, unit=one.unit, is_additive=one.is_additive) for one in known]


@router.get("/meters/{meter_id}/channels/{channel}", response_model=ChannelSeriesRow, responses=SERIES_RESPONSES)
def meter_channel(
    request: Request,
    meter_id: str,
    channel: str,
    visitor: ApiVisitor,
    first: dt.date,
    last: dt.date,
    form: SeriesFormat = "json",
) -> Response:
    """Return one channel of a meter from the first to the last day: 15 minutes, hours or days, by the span.

    JSON is a ChannelSeriesRow; CSV and Parquet have the columns start, value and quality.
    """
    if channel not in CHANNELS:
        raise HTTPException(404, f"there is no such channel. Use one of: {', '.join(CHANNELS)}")
    step = step_of(checked_span(first, last))
    period = Period.days(first, last)
    meter = building_then(visitor, meter_id.rpartition(".")[0], period, meter=meter_id).meter(meter_id)
    series = channel_series(visitor.here.opened.energy, meter, period, step, CHANNELS[channel])
    is_hourly = CHANNELS[channel].slots_per_day == 24  # noqa: PLR2004 - hours
    quality = [Quality(value).name.lower() for value in series.quality.tolist()]
    if form != "json":
        frame = pd.DataFrame({"start": series.starts, "value": series.values, "quality": quality})
        return file_of(frame, form, f"{meter.id}_{channel}_{first}_{last}.{form}")
    body = {
        "meter": meter.id,
        "channel": channel,
        "unit": CHANNELS[channel].unit,
        "step": "60min" if is_hourly and step == "15min" else step,
        "starts": [at.isoformat() for at in series.starts],
        "values": listed_values(series.values, DIGITS),
        "quality": quality,
        "waiting_days": [day.isoformat() for day in series.waiting],
    }
    return tagged(request, msgspec.json.encode(body))
