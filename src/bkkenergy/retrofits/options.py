"""What measures would save of a building's equipment, one after the other, with the interval of each. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bkkenergy.readings import FloatArray
from bkkenergy.retrofits.catalogue import Catalogue, Measure
from bkkenergy.retrofits.inventory import DRAWS, NORMAL_90, SEED, Appliance, Calibrated, cop_of
from bkkenergy.retrofits.powerfactor import CapacitorBank

COOLED_RATIO = 0.5
"""How much of the lamps' heat air-conditioning has to remove: not all rooms have it. An assumption."""
ORDER = ("led", "hours", "drive", "efficient_cooling")
"""Loads first: cooling that is bought after them has less to do."""


@dataclass(frozen=True, slots=True)
class Option:
    """One measure on one kind of equipment of a building.

    saved_kwh : a year, after the measures before it, with its 90 % interval. alone_kwh : where it is the only one.
    cost_low_thb, cost_high_thb : of all pieces, installed. bill_thb : what a year's bills have less beside energy, low,
    middle and high. bank : of capacitors.
    """

    appliance: Appliance
    measure: Measure
    saved_kwh: float
    low_kwh: float
    high_kwh: float
    alone_kwh: float
    cost_low_thb: float
    cost_high_thb: float
    bill_thb: tuple[float, float, float] = (0.0, 0.0, 0.0)
    bank: CapacitorBank | None = None

    @property
    def id(self) -> str:
        """By what it is known: equipment and measure."""
        return f"{self.appliance.id}:{self.measure.id}"

    @property
    def cost_thb(self) -> float:
        """The middle of its cost."""
        return (self.cost_low_thb + self.cost_high_thb) / 2


def options_of(calibration: Calibrated, catalogue: Catalogue) -> list[Option]:
    """List what the catalogue's measures save of a building's equipment.

    Measures of one piece of equipment exclude one another: the one that saves most is taken to have been done where a
    later measure asks what is left. Lamps of less power leave less heat to cooling.

    Parameters
    ----------
    calibration : Calibrated
        The building's equipment, held to its meter.
    catalogue : Catalogue
        The measures.

    Returns
    -------
    list of Option
        In the order in which they are done. None that is likely to save nothing.
    """
    rng = np.random.default_rng(SEED + 1)
    energies = {one.id: calibration.draws_kwh[:, at] for at, one in enumerate(calibration.appliances)}
    left = dict(energies)
    options: list[Option] = []
    for kind in ORDER:
        for appliance in calibration.appliances:
            ratios = [
                (measure, _saved_ratio(appliance, measure, catalogue, rng))
                for measure in catalogue.measures
                if measure.kind == kind and fits(measure, appliance)
            ]
            known = [(measure, ratio) for measure, ratio in ratios if ratio is not None and np.median(ratio) > 0]
            options += [
                _option(appliance, measure, left[appliance.id] * ratio, energies[appliance.id] * ratio)
                for measure, ratio in known
            ]
            if known:
                _, best = max(known, key=lambda pair: float(np.median(pair[1])))
                _take(left, appliance, left[appliance.id] * best, calibration.appliances, catalogue)
    return options


def bank_option(bank: CapacitorBank, measure: Measure) -> Option:
    """Return a bank of capacitors as a measure on a building's supply: it saves no energy, and a charge.

    Parameters
    ----------
    bank : CapacitorBank
        Sized for the building.
    measure : Measure
        Of the kind power_factor, with its price for each kvar.

    Returns
    -------
    Option
        What it saves in wires is not counted.
    """
    supply = Appliance("supply", measure.replaces[0], count=1)
    low_thb, high_thb = (bank.size_kvar * price for price in (measure.price.low_thb, measure.price.high_thb))
    return Option(supply, measure, 0.0, 0.0, 0.0, 0.0, low_thb, high_thb, bank.saved_thb, bank)


def fits(measure: Measure, appliance: Appliance) -> bool:
    """Return whether a measure is for equipment of this kind and size.

    Parameters
    ----------
    measure : Measure
        Of the catalogue.
    appliance : Appliance
        The equipment.

    Returns
    -------
    bool
        False as well where its cost cannot be known.
    """
    if appliance.kind not in measure.replaces:
        return False
    if measure.price.per == "cooling_kw" and appliance.cooling_kw is None:
        return False
    return measure.max_cooling_kw is None or (appliance.cooling_kw or 0.0) <= measure.max_cooling_kw


def _saved_ratio(
    appliance: Appliance, measure: Measure, catalogue: Catalogue, rng: np.random.Generator
) -> FloatArray | None:
    """(draws,) the share of the equipment's energy that a measure saves; None where it cannot be known."""
    new = measure.performance
    if new.cop is not None and measure.kind == "efficient_cooling":
        ratio = 1 - cop_of(appliance, catalogue) / new.cop
    elif new.power_ratio is not None and measure.kind == "led":
        ratio = 1 - new.power_ratio
    elif new.exponent is not None and measure.kind == "drive":
        if appliance.flow_ratio is None:
            return None
        ratio = 1 - appliance.flow_ratio**new.exponent
    else:
        ratio = 1 - (new.hours_ratio or 1.0)
    noise = 1 + new.half_ratio / NORMAL_90 * rng.standard_normal(DRAWS)
    saved: FloatArray = np.clip(ratio * noise, min(ratio, 0.0), 1.0)
    return saved


def _take(
    left: dict[str, FloatArray],
    appliance: Appliance,
    saved_kwh: FloatArray,
    appliances: Sequence[Appliance],
    catalogue: Catalogue,
) -> None:
    """Take a saving off what is left; of lamps, the cooling of their heat too."""
    left[appliance.id] = np.maximum(left[appliance.id] - saved_kwh, 0.0)
    cooling = [one for one in appliances if one.group == "cooling"]
    total = sum((left[one.id] for one in cooling), np.zeros(DRAWS))
    if appliance.group != "lighting" or not cooling:
        return
    for one in cooling:
        share = np.divide(left[one.id], total, out=np.zeros(DRAWS), where=total > 0)
        less = COOLED_RATIO * saved_kwh * share / cop_of(one, catalogue)
        left[one.id] = np.maximum(left[one.id] - less, 0.0)


def _option(appliance: Appliance, measure: Measure, saved_kwh: FloatArray, alone_kwh: FloatArray) -> Option:
    low, high = np.quantile(saved_kwh, [0.05, 0.95])
    pieces = appliance.count * (appliance.cooling_kw or 0.0 if measure.price.per == "cooling_kw" else 1.0)
    return Option(
        appliance,
        measure,
        float(np.median(saved_kwh)),
        float(low),
        float(high),
        float(np.median(alone_kwh)),
        measure.price.low_thb * pieces,
        measure.price.high_thb * pieces,
    )
