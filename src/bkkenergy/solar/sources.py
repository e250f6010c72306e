"""Where every figure of a design comes from, for its last page."""

from __future__ import annotations

import datetime as dt
from typing import Any

from bkkenergy.solar.design import Design


def assumption_sources(made: Design) -> list[tuple[str, str, dt.date | None]]:
    """(key, source, entered) of every figure that the design rests on."""
    config: Any = made.config
    sources = [
        (key, getattr(config, key).source, getattr(config, key).entered)
        for key in ("losses", "uncertainty", "site_temperature", "layout", "finance")
    ]
    if made.load_measured_ratio == 0:
        sources.append(("typical_loads", config.typical_loads.source, config.typical_loads.entered))
    rates = made.schedule.rates_on(made.bills.before[-1].month)
    return [
        ("weather", made.weather.source, None),
        ("module", made.module.source, made.module.entered),
        ("inverter", made.strings.inverter.source, made.strings.inverter.entered),
        ("tariff", made.bills.before[-1].source, rates.entered),
        ("grid_factor", made.factor.source, made.factor.entered),
        *sources,
    ]
