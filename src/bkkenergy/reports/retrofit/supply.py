"""Capacitors for the buildings that are charged for reactive power: read from the ledger, sized and priced."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

import numpy as np

from bkkenergy.calendar import BANGKOK, Period, edges
from bkkenergy.dated import holding
from bkkenergy.portfolio import Building
from bkkenergy.readings import FloatArray
from bkkenergy.retrofits import Catalogue, Option, PowerRules, bank_of, bank_option
from bkkenergy.retrofits.catalogue import Measure
from bkkenergy.site import Site
from bkkenergy.usecases.bills import billed_of
from bkkenergy.usecases.channels import reactive_kvar_of
from bkkenergy.usecases.over import quarters_over

QUARTERS_PER_HOUR = 4
DAYS_PER_YEAR = 365
READ_AT_ONCE = 40


def bank_options(
    site: Site, buildings: Sequence[Building], catalogue: Catalogue, *, last_day: dt.date
) -> dict[str, Option]:
    """Return a bank of capacitors for each building whose bills of the last year had a charge for reactive power.

    It is sized to what the finding of a low power factor looks for. Raises StoreUnavailable.
    """
    measure = next((one for one in catalogue.measures if one.kind == "power_factor"), None)
    charged = [one for one in buildings if one.main_meters and _is_charged(site, one, last_day)]
    if measure is None:
        return {}
    year = Period.days(last_day - dt.timedelta(days=DAYS_PER_YEAR - 1), last_day)
    options: dict[str, Option] = {}
    for at in range(0, len(charged), READ_AT_ONCE):
        chunk = charged[at : at + READ_AT_ONCE]
        kvars = reactive_kvar_of(site.energy, [one.main_meters for one in chunk], year)
        counted = {one.id: kvar for one, kvar in zip(chunk, kvars, strict=True) if np.isfinite(kvar).any()}
        there = [one for one in chunk if one.id in counted]
        for one, quarters in zip(there, quarters_over(site.energy, site.portfolio, there, year), strict=True):
            power_kw = quarters.firm_kwh * QUARTERS_PER_HOUR
            if option := _option(site, one, measure, year, (power_kw, counted[one.id])):
                options[one.id] = option
    return options


def _is_charged(site: Site, building: Building, day: dt.date) -> bool:
    schedule = site.portfolio.on(day).schedule_of(building)
    rates = holding(site.figures.tariffs.schedules[schedule].rates, day)
    return rates is not None and rates.has_power_factor_charge


def _option(
    site: Site, building: Building, measure: Measure, year: Period, powers: tuple[FloatArray, FloatArray]
) -> Option | None:
    tariffs, last_day = site.figures.tariffs, year.last_day
    supply = billed_of(site, building).supply_on(last_day)
    power_kw, reactive_kvar = powers
    rules = PowerRules(
        tariffs.rules.free_kvar_per_kw,
        tariffs.rules.kvar_thb * (1 + tariffs.vat_on(last_day).ratio),
        tariffs.rules.demand_rounding_kw[supply.utility],
    )
    bank = bank_of(
        edges(year, "15min")[:-1].tz_convert(BANGKOK),
        power_kw * (1 + tariffs.raised_ratio(supply)),
        reactive_kvar,
        rules,
        target_kvar_per_kw=site.savings.insights.kvar_per_kw,
        step_kvar=measure.performance.step_kvar or 1.0,
    )
    return None if bank is None else bank_option(bank, measure)


def kvar_figures(option: Option) -> Mapping[str, float] | None:
    """Return what a bank is sized by, for JSON; None of other measures."""
    bank = option.bank
    if bank is None:
        return None
    return {
        "size_kvar": bank.size_kvar,
        "worst_kvar_per_kw": bank.kvar_per_kw,
        "months_known": bank.months,
        "left_thb_a_year": bank.left_thb,
    }
