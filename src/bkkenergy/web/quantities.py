"""What a building's page shows of the quantities that meters have beside energy."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from urllib.parse import quote

import numpy as np

from bkkenergy.i18n import Words
from bkkenergy.portfolio import Building
from bkkenergy.ports.channels import Channel
from bkkenergy.usecases.channels import building_channels
from bkkenergy.web.context import AppContext

UNITS = {"degC": "\u00b0C", "m3": "m\u00b3"}


@dataclass(frozen=True, slots=True)
class QuantityRow:
    """A further quantity as the page shows it. address : where the explorer shows it."""

    meter: str
    name: str
    address: str
    yesterday: str
    month: str


def quantity_rows(here: AppContext, building: Building, words: Words) -> list[QuantityRow]:
    """Return what a building's meters count and measure beside energy, up to yesterday."""
    figures = building_channels(here.opened.ledger, building, here.today - dt.timedelta(days=1))
    return [
        QuantityRow(
            words.either(th=figure.meter.name_th, en=figure.meter.name_en),
            words(f"channel.{figure.channel.name}"),
            f"/explore/meter/{quote(figure.meter.id, safe='')}?quantity={figure.channel.name}",
            _with_unit(figure.day, figure.channel, words),
            _with_unit(figure.month, figure.channel, words),
        )
        for figure in figures
    ]


def _with_unit(value: float, channel: Channel, words: Words) -> str:
    if not np.isfinite(value):
        return "\u2013"
    if channel.unit == "1":
        return words.percent(value, 1)
    return f"{words.number(value, 1)} {UNITS.get(channel.unit, channel.unit)}"
