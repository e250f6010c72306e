"""The configuration that the package brings: tariffs, factors, the placebo of savings, calendars."""

from __future__ import annotations

from functools import cache

from bkkenergy.library.errors import unknown_name
from bkkenergy.portfolio import Portfolio, load_portfolio
from bkkenergy.retrofits import Catalogue
from bkkenergy.savings.uncertainty import Placebo
from bkkenergy.site.figures import RatesAndTariffs, load_figures
from bkkenergy.site.packaged import packaged_config_dir
from bkkenergy.site.retrofit_config import load_retrofit
from bkkenergy.site.savings_config import SavingsConfig, load_savings
from bkkenergy.tariff.schedule import Schedule

__all__ = ["demonstration", "figures", "placebo", "retrofit_catalogue", "savings_figures", "schedule_named"]


@cache
def figures() -> RatesAndTariffs:
    """Return the rates, schedules and grid factors."""
    return load_figures(packaged_config_dir())


@cache
def demonstration() -> Portfolio:
    """Return the demonstration's made-up portfolio, with the calendars."""
    return load_portfolio(packaged_config_dir())


@cache
def placebo() -> Placebo:
    """Return the errors of baselines where nothing was saved, from which intervals of savings are made."""
    return savings_figures().placebo


@cache
def savings_figures() -> SavingsConfig:
    """Return what judgements on savings rest on: the errors of baselines, of years beside years, and of forecasts."""
    return load_savings(packaged_config_dir())


@cache
def retrofit_catalogue() -> Catalogue:
    """Return the measures on equipment, with their costs, lives and sources."""
    return load_retrofit(packaged_config_dir())


def schedule_named(name: str) -> Schedule:
    """Return a tariff schedule. Raise InputError with the nearest names."""
    schedules = figures().tariffs.schedules
    if name not in schedules:
        raise unknown_name("schedule", name, schedules)
    return schedules[name]
