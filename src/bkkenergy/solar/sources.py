"""Where every figure of a design comes from, for its last page."""

from __future__ import annotations

import datetime as dt
from typing import Any

from bkkenergy.dated import Citation, cited
from bkkenergy.solar.design import SolarDesign
from bkkenergy.solar.terms import scheme_named


def assumption_sources(design: SolarDesign) -> list[tuple[str, Citation, dt.date | None]]:
    """List where every figure of a design comes from.

    Parameters
    ----------
    design : Design
        A design.

    Returns
    -------
    list of (str, Citation, date or None)
        Key, source and the day of its entry.

    Examples
    --------
    >>> from bkkenergy.solar.sources import assumption_sources
    >>> import bkkenergy as bk
    >>> roof = bk.Roof(area_m2=500, tilt_deg=10, azimuth_deg=180)
    >>> made = bk.design(roof, schedule="mea-3-2-lv", floor_m2=3000, capacity_kwp=22).record
    >>> [key for key, _, _ in assumption_sources(made)][:3]
    ['weather', 'module', 'inverter']
    """
    config: Any = design.config
    sources = [
        (key, getattr(config, key).citation, getattr(config, key).entered)
        for key in ("losses", "cleaning", "uncertainty", "site_temperature", "layout", "quarter_hours", "finance")
    ]
    if design.load_measured_ratio == 0:
        sources.append(("typical_loads", config.typical_loads.citation, config.typical_loads.entered))
    if design.config.finance.export_scheme:
        scheme = scheme_named(design.config, design.config.finance.export_scheme, design.day)
        sources.append(("export", scheme.citation, scheme.entered))
    if design.battery is not None:
        sources.append(("battery", config.battery.citation, config.battery.entered))
    supports = {roof.layout.support.id: roof.layout.support for roof in design.roofs if roof.layout.support}
    sources += [("support", support.citation, support.entered) for support in supports.values()]
    rates = design.schedule.rates_on(design.bills.before[-1].month)
    return [
        ("weather", design.weather.citation, None),
        ("module", design.module.citation, design.module.entered),
        *(("inverter", plan.inverter.citation, plan.inverter.entered) for plan in design.strings.plans),
        (
            "tariff",
            Citation(cited(design.bills.before[-1].sources, "en"), cited(design.bills.before[-1].sources, "th")),
            rates.entered,
        ),
        ("grid_factor", design.factor.citation, design.factor.entered),
        *sources,
    ]
