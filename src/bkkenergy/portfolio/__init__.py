"""The site's agencies, buildings, meters and roofs: models, files, and checks across them."""

from bkkenergy.portfolio.load import inspect_portfolio, load_portfolio
from bkkenergy.portfolio.models import (
    Agency,
    Building,
    BuildingType,
    Exchange,
    Meter,
    MeterKind,
    OpeningCalendar,
    Purpose,
    Roof,
    VirtualMeter,
)
from bkkenergy.portfolio.records import Records
from bkkenergy.portfolio.snapshot import DaysOpen, Portfolio, portfolio_on

__all__ = [
    "Agency",
    "Building",
    "BuildingType",
    "DaysOpen",
    "Exchange",
    "Meter",
    "MeterKind",
    "OpeningCalendar",
    "Portfolio",
    "Purpose",
    "Records",
    "Roof",
    "VirtualMeter",
    "inspect_portfolio",
    "load_portfolio",
    "portfolio_on",
]
