"""What each piece of equipment uses in a year: by its nameplate, and held to what the building's meter shows. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, combinations

import numpy as np

from bkkenergy.portfolio.more import BTU_PER_WH, Equipment
from bkkenergy.readings import FloatArray
from bkkenergy.retrofits.catalogue import Catalogue, Group

DRAWS = 4_000
SEED = 20_260_925
NORMAL_90 = 1.6448536269514722
"""Half of a normal 90 % interval, in standard deviations."""
DAYS_PER_YEAR = 365
ALL_DAY_H = 20.0
"""What runs longer than this on a day runs at night as well."""
GROUPS: dict[str, Group] = {
    "chiller": "cooling",
    "split_air_conditioner": "cooling",
    "cooling_tower": "cooling",
    "lighting": "lighting",
    "pump": "motion",
    "fan": "motion",
}
PARTS = ("base", "weather", "occupied")
OF_GROUP: dict[Group, frozenset[str]] = {
    "cooling": frozenset({"weather", "occupied"}),
    "lighting": frozenset({"occupied"}),
    "motion": frozenset({"base", "occupied"}),
    "other": frozenset({"base", "occupied"}),
}
"""Parts of a building's use in which a group's energy can lie."""


@dataclass(frozen=True, slots=True)
class Appliance:
    """One kind of equipment in a building, some pieces alike.

    rated_kw : electrical, of each. cooling_kw : cooling of each. cop : of its nameplate. hours : on an open day.
    flow_ratio : the mean share of its full flow that is needed. year : in which it was bought.
    """

    id: str
    kind: str
    count: int = 1
    rated_kw: float | None = None
    cooling_kw: float | None = None
    cop: float | None = None
    hours: float | None = None
    flow_ratio: float | None = None
    year: int | None = None

    @property
    def group(self) -> Group:
        """The group that it belongs to."""
        return GROUPS.get(self.kind, "other")


def appliance_of(equipment: Equipment) -> Appliance:
    """Return a record of equipment as what it uses is computed from.

    Parameters
    ----------
    equipment : Equipment
        The record.

    Returns
    -------
    Appliance
        The same figures, in kW and as a coefficient of performance.
    """
    return Appliance(
        equipment.id,
        equipment.kind,
        count=equipment.count,
        rated_kw=equipment.rated_kw,
        cooling_kw=equipment.cooling_capacity_kw,
        cop=None if equipment.seer_btu_h_per_w is None else equipment.seer_btu_h_per_w / BTU_PER_WH,
        hours=equipment.hours_a_day,
        flow_ratio=equipment.flow_ratio,
        year=equipment.installed_year,
    )


def doubled(equipment: Sequence[Equipment]) -> tuple[tuple[str, str], ...]:
    """List pairs of records that say the same but for their ids: a room that was surveyed twice counts twice.

    Parameters
    ----------
    equipment : sequence of Equipment
        Of a building.

    Returns
    -------
    tuple of tuple of str
        The ids of each later one and of the one that it repeats. Two pieces can be alike: it is for a person to judge.
    """
    first: dict[Equipment, str] = {}
    pairs = []
    for one in equipment:
        known = first.setdefault(one.model_copy(update={"id": "", "note": ""}), one.id)
        if known != one.id:
            pairs.append((one.id, known))
    return tuple(pairs)


@dataclass(frozen=True, slots=True)
class EndUses:
    """A building's use of a year by part [kWh], with half of the 90 % interval of each.

    open_days : of the year.
    """

    base_kwh: float
    weather_kwh: float
    occupied_kwh: float
    base_half_kwh: float = 0.0
    weather_half_kwh: float = 0.0
    occupied_half_kwh: float = 0.0
    open_days: int = 365

    @classmethod
    def of_days(
        cls, kwh: Mapping[str, float], half_ratio: Mapping[str, float], known_days: int, open_days: int
    ) -> EndUses:
        """Return the parts of known days as those of a year: days that are not known are taken to be like the others.

        kwh, half_ratio : by part; the half of its interval is a share of the whole, NaN where it is not known.
        """
        to_year = DAYS_PER_YEAR / known_days
        whole = sum(kwh.values()) * to_year
        base, weather, occupied = (kwh.get(name, 0.0) * to_year for name in PARTS)
        halves = (float(np.nan_to_num(half_ratio.get(name, 0.0))) * whole for name in PARTS)
        base_half, weather_half, occupied_half = halves
        return cls(base, weather, occupied, base_half, weather_half, occupied_half, open_days)

    @property
    def whole_kwh(self) -> float:
        """All of it."""
        return self.base_kwh + self.weather_kwh + self.occupied_kwh


@dataclass(frozen=True, slots=True)
class Calibrated:
    """A building's equipment, held to its meter.

    appliances : (n,) in their order. draws_kwh : (draws, n) possible energies of a year. named_kwh : (n,) by nameplate
    and duty. scale_ratio : by which the nameplates' energy had to shrink in the median, 1 where the meter has room.
    """

    appliances: tuple[Appliance, ...]
    draws_kwh: FloatArray
    named_kwh: FloatArray
    scale_ratio: float
    whole_kwh: float

    @property
    def kwh(self) -> FloatArray:
        """(n,) the energy of each, in the median."""
        middle: FloatArray = np.median(self.draws_kwh, axis=0) if len(self.appliances) else np.empty(0)
        return middle

    def interval_kwh(self, at: int) -> tuple[float, float]:
        """Return the 90 % interval of one's energy."""
        low, high = np.quantile(self.draws_kwh[:, at], [0.05, 0.95])
        return float(low), float(high)

    @property
    def explained_ratio(self) -> float:
        """How much of the meter's energy is of named equipment, in the median."""
        return float(np.median(self.draws_kwh.sum(axis=1)) / self.whole_kwh) if self.whole_kwh > 0 else 0.0


def input_kw(appliance: Appliance, catalogue: Catalogue) -> float:
    """Compute the electrical power of one piece at full load.

    Parameters
    ----------
    appliance : Appliance
        The equipment.
    catalogue : Catalogue
        For the efficiency of cooling whose nameplate has none.

    Returns
    -------
    float
        Power [kW]; 0 where neither power nor cooling is known.
    """
    if appliance.rated_kw is not None:
        return appliance.rated_kw
    return 0.0 if appliance.cooling_kw is None else appliance.cooling_kw / cop_of(appliance, catalogue)


def cop_of(appliance: Appliance, catalogue: Catalogue) -> float:
    """Return the coefficient of performance of cooling: of its nameplate, else usual in the year it was bought.

    Parameters
    ----------
    appliance : Appliance
        The equipment.
    catalogue : Catalogue
        With the efficiencies of earlier years.

    Returns
    -------
    float
        W of cooling for each W.
    """
    if appliance.cop is not None:
        return appliance.cop
    if appliance.rated_kw and appliance.cooling_kw:
        return appliance.cooling_kw / appliance.rated_kw
    return catalogue.past_cop(appliance.year).cop


def yearly_kwh(appliance: Appliance, catalogue: Catalogue, open_days: int) -> float:
    """Compute what equipment uses in a year by its nameplate and its hours.

    Parameters
    ----------
    appliance : Appliance
        The equipment.
    catalogue : Catalogue
        For duties and efficiencies that are not entered.
    open_days : int
        Days of the year on which the building is open. What runs all day runs every day.

    Returns
    -------
    float
        Energy of all pieces [kWh].

    Examples
    --------
    >>> from bkkenergy.library.packaged import retrofit_catalogue
    >>> from bkkenergy.retrofits import Appliance, yearly_kwh
    >>> lamps = Appliance("lamps", "lighting", count=100, rated_kw=0.046, hours=9)
    >>> round(yearly_kwh(lamps, retrofit_catalogue(), 245))
    9129
    """
    duty = catalogue.duty_of(appliance.kind)
    hours = duty.hours if appliance.hours is None else appliance.hours
    days = DAYS_PER_YEAR if hours >= ALL_DAY_H else open_days
    return appliance.count * input_kw(appliance, catalogue) * duty.load_ratio * hours * days


def calibrated(appliances: Sequence[Appliance], uses: EndUses, catalogue: Catalogue) -> Calibrated:
    """Hold the energies of a building's equipment to the parts of its metered use.

    Each energy is drawn about its nameplate's, with the spread of its kind's duty; each part of the use within its
    interval. What cannot lie within the parts together is made smaller: the equipment never adds up to more than the
    meter, nor cooling to more than what follows the weather and the hours of work. It is never made larger: an
    inventory may lack things.

    Parameters
    ----------
    appliances : sequence of Appliance
        The building's inventory.
    uses : EndUses
        The parts of its use of a year.
    catalogue : Catalogue
        Duties and efficiencies.

    Returns
    -------
    Calibrated
        With draws from which intervals follow. The same input gives the same draws.

    References
    ----------
    .. [1] Hall 1935, "On representatives of subsets": equipment fits into the parts where no set of parts has more
       energy that can lie only there than it has room.
    """
    rng = np.random.default_rng(SEED)
    count = len(appliances)
    named = np.array([yearly_kwh(one, catalogue, uses.open_days) for one in appliances])
    halves = np.array([catalogue.duty_of(one.kind).half_ratio for one in appliances])
    spread = np.log1p(halves) / NORMAL_90
    draws = named * np.exp(spread * rng.standard_normal((DRAWS, count)) - spread**2 / 2)
    middles = np.array([uses.base_kwh, uses.weather_kwh, uses.occupied_kwh])
    half = np.array([uses.base_half_kwh, uses.weather_half_kwh, uses.occupied_half_kwh])
    parts = np.maximum(middles + half / NORMAL_90 * rng.standard_normal((DRAWS, len(PARTS))), 0.0)
    # The meter knows the whole better than its parts.
    total = parts.sum(axis=1, keepdims=True)
    parts *= np.where(total > 0, uses.whole_kwh / np.maximum(total, 1e-9), 0.0)
    scale = _fitting(draws, parts, [parts_of(one) for one in appliances])
    return Calibrated(tuple(appliances), draws * scale, named, float(np.median(scale)), uses.whole_kwh)


def parts_of(appliance: Appliance) -> frozenset[str]:
    """Return the parts of a building's use in which equipment's energy can lie. What runs all day is in the base load.

    Parameters
    ----------
    appliance : Appliance
        The equipment.

    Returns
    -------
    frozenset of str
        Of base, weather and occupied.
    """
    allowed = OF_GROUP[appliance.group]
    return allowed | {"base"} if (appliance.hours or 0.0) >= ALL_DAY_H else allowed


def _fitting(draws: FloatArray, parts: FloatArray, allowed: Sequence[frozenset[str]]) -> FloatArray:
    """Return (draws, n) the factor by which each energy shrinks so that all of them fit into the parts.

    Sets of parts are looked at from the smallest on. What can lie only within a set that is too small shrinks.
    """
    scale = np.ones_like(draws)
    sets = chain.from_iterable(combinations(PARTS, size) for size in range(1, len(PARTS) + 1))
    for names in sets:
        within = [at for at, possible in enumerate(allowed) if possible <= set(names)]
        if not within:
            continue
        room = parts[:, [PARTS.index(name) for name in names]].sum(axis=1)
        needed = (draws * scale)[:, within].sum(axis=1)
        factor = np.where(needed > room, room / np.maximum(needed, 1e-9), 1.0)
        scale[:, within] *= factor[:, None]
    return scale
