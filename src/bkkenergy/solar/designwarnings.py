"""What a reader of a design is warned of: an unknown load or outline, figures that may change, an azimuth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bkkenergy.solar.assumptions import SolarConfig
from bkkenergy.solar.dispatch import BillChange
from bkkenergy.solar.layout import FLAT_DEG, Layout
from bkkenergy.solar.load import YearLoad

COS_60_DEG = 0.5
MIN_KNOWN_RATIO = 0.9
"""Of a load, as reports ask of a period."""


def design_warnings(
    load: YearLoad,
    layouts: Sequence[Layout],
    bills: BillChange,
    config: SolarConfig,
    *,
    is_of_years: bool,
    has_battery: bool,
) -> tuple[str, ...]:
    """List what a reader is warned of, by keys of the catalogues, each once.

    Parameters
    ----------
    load : YearLoad
        The building's load.
    layouts : sequence of Layout
        Where modules lie.
    bills : BillChange
        Bills without and with PV.
    config : SolarConfig
        What the design assumes; what of it is provisional is named.
    is_of_years : bool
        Whether P75 and P90 follow from the weather's own years.
    has_battery : bool
        Whether the design has one.

    Returns
    -------
    tuple of str
        Keys, such as "load_is_typical".

    Examples
    --------
    >>> import bkkenergy as bk
    >>> roof = bk.Roof(area_m2=500, tilt_deg=10, azimuth_deg=180)
    >>> "load_is_typical" in bk.design(roof, schedule="mea-3-2-lv", floor_m2=3000, capacity_kwp=22).record.warnings
    True
    """
    warnings = [warning for layout in layouts for warning in layout.warnings]
    if any(_faces_north(layout) for layout in layouts):
        warnings.append("faces_north")
    if load.is_typical:
        warnings.append("load_is_typical")
    elif load.measured_ratio < MIN_KNOWN_RATIO:
        warnings.append("load_is_partly_filled")
    if any(one.figure != "off_peak_days" for bill in bills.before for one in bill.provisional):
        warnings.append("figures_are_provisional")
    if any(not layout.roof.is_known for layout in layouts):
        warnings.append("outline_is_assumed")
    if config.uncertainty.is_provisional and not is_of_years:
        warnings.append("spread_is_provisional")
    if any(layout.support is not None and layout.support.is_provisional for layout in layouts):
        warnings.append("support_is_provisional")
    if config.battery.is_provisional and has_battery:
        warnings.append("battery_is_provisional")
    return tuple(dict.fromkeys(warnings))


def _faces_north(layout: Layout) -> bool:
    """Check whether tilted modules look away from the sun: often an azimuth that was counted from south."""
    return layout.module_tilt_deg > FLAT_DEG and np.cos(np.radians(layout.module_azimuth_deg)) > COS_60_DEG
