"""What measures would save of a building's equipment: `bk.retrofit`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, get_args

import pandas as pd

from bkkenergy.carbon import factor_on
from bkkenergy.errors import ConfigError, InputError
from bkkenergy.library.arguments import checked
from bkkenergy.library.findings import facts_of
from bkkenergy.library.packaged import figures, retrofit_catalogue
from bkkenergy.portfolio import OpeningCalendar
from bkkenergy.portfolio.more import Equipment, EquipmentKind
from bkkenergy.retrofits import Appliance, EndUses, appliance_of, calibrated, options_of, worth_of
from bkkenergy.retrofits.money import day_price
from bkkenergy.savings.baseline import HOURS_PER_DAY
from bkkenergy.savings.enduse import end_uses
from bkkenergy.tomlfiles import validated

__all__ = ["retrofit"]

DAYS_PER_YEAR = 365
RENAMED = {"hours": "hours_a_day", "year": "installed_year"}
"""Names of a record of equipment for the columns of an inventory."""
KEYS = (
    "id",
    "kind",
    "count",
    "rated_kw",
    "cooling_kw",
    "cooling_btu_h",
    "seer_btu_h_per_w",
    "hours",
    "flow_ratio",
    "year",
)


@checked
def retrofit(
    series: pd.Series,
    equipment: pd.DataFrame | Sequence[Mapping[str, object]],
    *,
    schedule: str,
    calendar: OpeningCalendar | str | None = None,
    temperature: pd.Series | None = None,
) -> pd.DataFrame:
    """Estimate what measures would save of a building's equipment, and what they are worth.

    Parameters
    ----------
    series : Series
        Energy of hours or shorter intervals [kWh] of a year or more, by their start, with a time zone.
    equipment : DataFrame or sequence of mappings
        What is in the building, some pieces alike to a row: ``id``, ``kind`` ("split_air_conditioner", "chiller",
        "lighting", "pump", "fan" or another), ``count``, ``rated_kw`` [kW each] or ``cooling_kw`` or ``cooling_btu_h``,
        ``seer_btu_h_per_w`` [BTU/h per W], ``hours`` on an open day, ``flow_ratio``, ``year`` of purchase.
    schedule : str
        The tariff schedule; `schedules` lists them.
    calendar : OpeningCalendar or str, optional
        When the building is open. Government offices by default.
    temperature : Series, optional
        Outdoor air temperature [degC] of the same time: it separates cooling from the rest.

    Returns
    -------
    DataFrame
        The measures, the cheapest tonne first: ``equipment``, ``measure``, ``saved_kwh`` a year with its 90 % interval
        ``low_kwh`` and ``high_kwh``, ``cost_low_thb``, ``cost_high_thb``, ``npv_thb``, ``payback_years``,
        ``tco2e`` a year, ``thb_per_tco2e``, ``is_provisional`` where a figure has no public source.

    Raises
    ------
    InputError
        If fewer than 60 days are valid, the schedule is not known, or a row of equipment has no id or kind, or another
        key.
    ConfigError
        If a figure of a row cannot be: with every fault of the row.

    References
    ----------
    .. [1] ASHRAE Guideline 14-2014: calibration of an engineering estimate to metered use.

    Examples
    --------
    >>> import bkkenergy as bk
    >>> lamps = {"id": "lamps", "kind": "lighting", "count": 400, "rated_kw": 0.045, "hours": 9}
    >>> table = bk.retrofit(bk.examples.office()["2024"], [lamps], schedule="mea-3-2-lv")
    >>> table["measure"].tolist(), table["low_kwh"].lt(table["saved_kwh"]).all()
    (['led-tube'], np.True_)
    """
    facts = facts_of(series, schedule=schedule, calendar=calendar, temperature=temperature)
    last = facts.series.day_index[-1].date()
    year = facts.series.between(last - pd.Timedelta(days=DAYS_PER_YEAR - 1).to_pytimedelta(), last)
    parts = end_uses(year)
    is_open = facts.is_open[-len(year.kind) :]
    uses = EndUses.of_days(
        {part.part: part.energy_kwh for part in parts},
        {part.part: part.half_width_ratio for part in parts},
        int(year.day_known.sum()),
        round(float(is_open.mean()) * DAYS_PER_YEAR),
    )
    catalogue = retrofit_catalogue()
    rows: Any = equipment.to_dict("records") if isinstance(equipment, pd.DataFrame) else equipment
    calibration = calibrated([_appliance(row) for row in rows], uses, catalogue)
    thb_per_kwh = day_price(facts.thb_per_kwh[-len(year.kind) * HOURS_PER_DAY :], is_open)
    factor = factor_on(figures().grid_factors, last, "footprint")
    table = []
    for option in options_of(calibration, catalogue):
        worth = worth_of(
            (option.low_kwh, option.saved_kwh, option.high_kwh),
            (option.cost_low_thb, option.cost_high_thb),
            thb_per_kwh=thb_per_kwh,
            kgco2e_per_kwh=factor.kg_co2e_per_kwh,
            life_years=option.measure.life.years,
            discount_ratio=catalogue.economics.discount_ratio,
        )
        table.append(
            {
                "equipment": option.appliance.id,
                "measure": option.measure.id,
                "saved_kwh": option.saved_kwh,
                "low_kwh": option.low_kwh,
                "high_kwh": option.high_kwh,
                "cost_low_thb": option.cost_low_thb,
                "cost_high_thb": option.cost_high_thb,
                "npv_thb": worth.npv_thb,
                "payback_years": worth.payback_years,
                "tco2e": worth.tco2e,
                "thb_per_tco2e": worth.abatement_thb_per_t,
                "is_provisional": option.measure.is_provisional,
            }
        )
    frame = pd.DataFrame(table, columns=list(table[0]) if table else None)
    return frame.sort_values("thb_per_tco2e", ignore_index=True) if len(frame) else frame


def _appliance(row: Mapping[str, Any]) -> Appliance:
    """Return a row of an inventory as an appliance. Raises InputError, ConfigError."""
    given = {key: value for key, value in row.items() if value is not None and value == value}  # noqa: PLR0124 - NaN
    unknown = sorted(map(str, given.keys() - set(KEYS)))
    if unknown or not {"id", "kind"} <= given.keys():
        raise InputError.of("equipment_row", unknown=", ".join(unknown) or "–", known=", ".join(KEYS))
    kind = given["kind"] if given["kind"] in get_args(EquipmentKind) else "other"
    fields = {RENAMED.get(key, key): value for key, value in given.items() if key not in {"id", "kind"}}
    names = {"id": "row", "building": "a.building", "name_th": "-", "name_en": "-"}
    record, faults = validated(Equipment, names | {"kind": kind} | fields, f"equipment {given['id']}")
    if record is None:
        raise ConfigError(faults)
    return replace(appliance_of(record), id=str(given["id"]), kind=str(given["kind"]))
