"""Retrofits: what a building's equipment uses, what measures save of it, and which to do first. Pure."""

from bkkenergy.retrofits.catalogue import Catalogue, Measure
from bkkenergy.retrofits.choose import Purchase, best_within
from bkkenergy.retrofits.inventory import Appliance, Calibrated, EndUses, appliance_of, calibrated, doubled, yearly_kwh
from bkkenergy.retrofits.money import LifeWorth, worth_of
from bkkenergy.retrofits.options import Option, bank_option, options_of
from bkkenergy.retrofits.powerfactor import CapacitorBank, PowerRules, bank_of

__all__ = [
    "Appliance",
    "Calibrated",
    "CapacitorBank",
    "Catalogue",
    "EndUses",
    "LifeWorth",
    "Measure",
    "Option",
    "PowerRules",
    "Purchase",
    "appliance_of",
    "bank_of",
    "bank_option",
    "best_within",
    "calibrated",
    "doubled",
    "options_of",
    "worth_of",
    "yearly_kwh",
]
