"""Retrofits: what a building's equipment uses, what measures save of it, and which to do first. Pure."""

from bkkenergy.retrofits.catalogue import Catalogue, Measure
from bkkenergy.retrofits.choose import Purchase, best_within
from bkkenergy.retrofits.inventory import Appliance, Calibrated, EndUses, calibrated, yearly_kwh
from bkkenergy.retrofits.money import LifeWorth, worth_of
from bkkenergy.retrofits.options import Option, options_of

__all__ = [
    "Appliance",
    "Calibrated",
    "Catalogue",
    "EndUses",
    "LifeWorth",
    "Measure",
    "Option",
    "Purchase",
    "best_within",
    "calibrated",
    "options_of",
    "worth_of",
    "yearly_kwh",
]
