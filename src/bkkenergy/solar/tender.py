"""What a tender asks beside the design: materials, cables, breakers, the string plan, and the permit's weight."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, sqrt
from typing import Literal, NamedTuple

from bkkenergy.errors import InputError
from bkkenergy.solar.assumptions import Wiring
from bkkenergy.solar.design import RoofDesign, SolarDesign
from bkkenergy.solar.module import Inverter
from bkkenergy.solar.strings import SHORT_CIRCUIT_FACTOR, StringPlan

CableName = Literal["string", "inverter", "main"]
MaterialName = Literal[
    "modules", "inverters", "string_cable", "connectors", "mounting", "inverter_cable", "inverter_breaker",
    "main_cable", "main_breaker", "meter", "surge_dc", "surge_ac", "earthing", "battery", "canopy", "floating",
]  # fmt: skip
WATTS_PER_KW = 1000


@dataclass(frozen=True, slots=True)
class Cable:
    """A run of cable. length_m : assumed, one way. current_a : in work. design_a : that it must carry.

    area_mm2 : the least that carries it and loses no more than allowed. drop_ratio : of the voltage. of : the inverter,
    where a design has several sizes.
    """

    name: CableName
    length_m: float
    current_a: float
    design_a: float
    area_mm2: float
    parallel: int
    drop_ratio: float
    max_drop_ratio: float
    of: str = ""


class CableRun(NamedTuple):
    """A run of cable before it is sized. way : 2 there and back, the root of 3 with three phases."""

    name: CableName
    length_m: float
    current_a: float
    design_a: float
    volts: float
    way: float
    max_drop: float
    of: str = ""


@dataclass(frozen=True, slots=True)
class StringRow:
    """Strings of a roof on one tracker."""

    roof: str
    inverter_number: int
    tracker_number: int
    strings: int
    modules_in_string: int

    @property
    def module_count(self) -> int:
        """All modules of these strings."""
        return self.strings * self.modules_in_string


@dataclass(frozen=True, slots=True)
class Material:
    """A line of the bill of materials. is_assumed : its quantity follows from an assumed length or a rule of thumb."""

    name: MaterialName
    text: str
    quantity: float
    unit: Literal["pcs", "m", "set"]
    is_assumed: bool


@dataclass(frozen=True, slots=True)
class InverterSide:
    """Inverters of one size on the AC side, each with its breaker."""

    inverter: Inverter
    count: int
    volts: float
    is_three_phase: bool
    current_a: float
    breaker_a: float


@dataclass(frozen=True, slots=True)
class AcSide:
    """From the inverters to the main board. transformer_kva : of the building, None where it is not entered.

    inverters : by size. busbar_a : that the main board's busbar must carry at least for PV, beside its own main
    breaker.
    """

    inverters: tuple[InverterSide, ...]
    total_a: float
    main_breaker_a: float
    busbar_a: float
    transformer_kva: float | None
    transformer_ratio: float | None


@dataclass(frozen=True, slots=True)
class Tender:
    """A design as a tender needs it. highest_kg_m2 : of its roofs; limit_kg_m2 : above it an engineer certifies."""

    strings: tuple[StringRow, ...]
    cables: tuple[Cable, ...]
    ac: AcSide
    materials: tuple[Material, ...]
    highest_kg_m2: float | None
    limit_kg_m2: float

    @property
    def needs_certificate(self) -> bool | None:
        """Whether a civil engineer must certify the roof; None where the modules' weight is not known."""
        return None if self.highest_kg_m2 is None else self.highest_kg_m2 > self.limit_kg_m2


def tender_of(design: SolarDesign, *, transformer_kva: float | None = None) -> Tender:
    """Work out what a tender asks of a design.

    Parameters
    ----------
    design : SolarDesign
        The design.
    transformer_kva : float, optional
        Capacity of the building's transformers [kVA], where it is known.

    Returns
    -------
    Tender
        String plan, cables, AC side, materials and the roofs' load.

    Raises
    ------
    InputError
        If no cable of the table carries a current.

    References
    ----------
    .. [1] IEC 62548 for the DC side, IEC 60364-5-52 for the current that cables carry.

    Examples
    --------
    >>> import bkkenergy as bk
    >>> from bkkenergy.solar.tender import tender_of
    >>> roof = bk.Roof(area_m2=500, tilt_deg=10, azimuth_deg=180)
    >>> made = bk.design(roof, schedule="mea-3-2-lv", floor_m2=3000, capacity_kwp=44).record
    >>> tender = tender_of(made, transformer_kva=500)
    >>> sum(row.module_count for row in tender.strings) == made.strings.module_count
    True
    """
    wiring = design.config.wiring
    rows = string_rows(design)
    ac = _ac_side(design, wiring, transformer_kva)
    cables = _cables(design, wiring, ac)
    return Tender(
        rows,
        cables,
        ac,
        tuple(_materials(design, rows, cables, ac)),
        max((load for roof in design.roofs if (load := roof.layout.load_kg_m2) is not None), default=None),
        design.config.layout.max_load_kg_m2,
    )


def string_rows(design: SolarDesign) -> tuple[StringRow, ...]:
    """List which strings go to which tracker of which inverter; no tracker has strings of two roofs.

    Strings are spread over all trackers before a second one is put on any, as far as roofs allow. An inverter has the
    strings of neighbouring roofs, so that cables are short, where that loads inverters as evenly as dealing them out.

    Parameters
    ----------
    design : SolarDesign
        The design.

    Returns
    -------
    tuple of StringRow
        By inverter and tracker.

    Examples
    --------
    >>> import bkkenergy as bk
    >>> from bkkenergy.solar.tender import string_rows
    >>> roof = bk.Roof(area_m2=500, tilt_deg=10, azimuth_deg=180)
    >>> made = bk.design(roof, schedule="mea-3-2-lv", floor_m2=3000, capacity_kwp=44).record
    >>> sum(row.strings for row in string_rows(made)) == made.strings.string_count
    True
    """
    whole = design.strings.strings_by_roof
    rows: list[StringRow] = []
    before = 0
    for plan in design.strings.plans:
        by_roof = [strings for strings, every in zip(plan.strings_by_roof, whole, strict=True) if every]
        rows += _rows_of(design, plan, by_roof, before)
        before += plan.inverter_count
    return tuple(sorted(rows, key=lambda row: (row.inverter_number, row.tracker_number)))


def _rows_of(design: SolarDesign, plan: StringPlan, by_roof: Sequence[int], before: int) -> list[StringRow]:
    """Return the rows of one size of inverters. before : inverters of other sizes that are numbered before."""
    trackers = plan.inverter_count * plan.inverter.mppt_count
    given = _trackers_by_roof(by_roof, trackers, plan.strings_per_mppt)
    roofs = [roof.id for roof, count in zip(design.roofs, given, strict=True) for _ in range(count)]
    shares = [
        strings * (number + 1) // count - strings * number // count
        for strings, count in zip(by_roof, given, strict=True)
        for number in range(count)
    ]
    rows: list[StringRow] = []
    used = Counter[int]()
    inverters = inverters_of(shares, plan.inverter_count, plan.inverter.mppt_count)
    for roof_id, share, inverter in zip(roofs, shares, inverters, strict=True):
        used[inverter] += 1
        rows.append(StringRow(roof_id, before + inverter + 1, used[inverter], share, plan.modules_in_string))
    return rows


def inverters_of(strings: Sequence[int], inverters: int, most_trackers: int) -> list[int]:
    """Return on which inverter, from 0, each tracker is: neighbours together, where none carries more by that.

    Parameters
    ----------
    strings : sequence of int
        Strings of each tracker in use, roof after roof.
    inverters : int
        How many there are.
    most_trackers : int
        Trackers of an inverter.

    Returns
    -------
    list of int
        For each tracker.

    Examples
    --------
    >>> from bkkenergy.solar.tender import inverters_of
    >>> inverters_of([1, 1, 1, 1, 1, 1], 2, 4)
    [0, 0, 0, 1, 1, 1]
    >>> inverters_of([2, 2, 1, 1], 2, 2)
    [0, 1, 0, 1]
    """
    dealt = [at % inverters for at in range(len(strings))]
    together: list[int] = []
    whole, before, number = sum(strings), 0, 0
    for at, count in enumerate(strings):
        has_its_share = before + count / 2 > whole * (number + 1) / inverters
        rest_fits = len(strings) - at <= most_trackers * (inverters - number - 1)
        if together.count(number) == most_trackers or (has_its_share and rest_fits):
            number += 1
        together.append(number)
        before += count
    return together if _most(together, strings) <= _most(dealt, strings) else dealt


def _most(inverters: Sequence[int], strings: Sequence[int]) -> int:
    """Return the most strings on one inverter."""
    sums = Counter[int]()
    for inverter, count in zip(inverters, strings, strict=True):
        sums[inverter] += count
    return max(sums.values(), default=0)


def _trackers_by_roof(strings: Sequence[int], trackers: int, most_on_one: int) -> list[int]:
    """Return how many trackers each roof gets: the least it needs, then those left where a tracker carries most."""
    given = [ceil(count / most_on_one) for count in strings]
    for _ in range(trackers - sum(given)):
        wanting = [at for at, count in enumerate(strings) if given[at] < count]
        if not wanting:
            break
        fullest = max(wanting, key=lambda at: strings[at] / given[at])
        given[fullest] += 1
    return given


def _current_a(inverter: Inverter, wiring: Wiring) -> tuple[float, float, bool]:
    """Return current, voltage and whether it has three phases."""
    if inverter.ac_kw > wiring.single_phase_up_to_kw:
        return inverter.ac_kw * WATTS_PER_KW / (sqrt(3) * wiring.three_phase_v), wiring.three_phase_v, True
    return inverter.ac_kw * WATTS_PER_KW / wiring.single_phase_v, wiring.single_phase_v, False


def _ac_side(design: SolarDesign, wiring: Wiring, transformer_kva: float | None) -> AcSide:
    plan = design.strings
    sides = tuple(_inverter_side(one, wiring) for one in plan.plans)
    # One-phase inverters are spread over the three phases of the board.
    total_a = sum(side.current_a * (side.count if side.is_three_phase else ceil(side.count / 3)) for side in sides)
    return AcSide(
        sides,
        total_a,
        breaker_a(total_a * wiring.continuous_factor, wiring),
        total_a * wiring.continuous_factor,
        transformer_kva,
        plan.inverter_kw / transformer_kva if transformer_kva else None,
    )


def _inverter_side(plan: StringPlan, wiring: Wiring) -> InverterSide:
    current_a, volts, is_three_phase = _current_a(plan.inverter, wiring)
    rating_a = breaker_a(current_a * wiring.continuous_factor, wiring)
    return InverterSide(plan.inverter, plan.inverter_count, volts, is_three_phase, current_a, rating_a)


def breaker_a(current_a: float, wiring: Wiring) -> float:
    """Return the smallest breaker that carries a current.

    Parameters
    ----------
    current_a : float
        The current [A].
    wiring : Wiring
        Ratings that there are.

    Returns
    -------
    float
        Rating [A].

    Raises
    ------
    InputError
        If none carries it.

    Examples
    --------
    >>> from bkkenergy.library.skies import solar_config
    >>> from bkkenergy.solar.tender import breaker_a
    >>> breaker_a(90.2, solar_config().wiring)
    100.0
    """
    for rating in wiring.breakers_a:
        if rating >= current_a:
            return rating
    raise InputError.of("no_breaker", current_a=f"{current_a:.0f}", max_a=f"{wiring.breakers_a[-1]:g}")


def _cables(design: SolarDesign, wiring: Wiring, ac: AcSide) -> tuple[Cable, ...]:
    """Return the cables of strings, of each size of inverter, and the main one."""
    module, plan = design.module, design.strings
    string_m = max(_string_length_m(roof, wiring) for roof in design.roofs)
    string_v = module.v_mp_v * plan.modules_in_string
    fault_a = module.i_sc_a * SHORT_CIRCUIT_FACTOR
    string = CableRun("string", string_m, module.i_mp_a, fault_a, string_v, 2.0, wiring.max_dc_drop)
    inverters = [
        CableRun(
            "inverter", wiring.inverter_run_m, side.current_a, side.breaker_a, side.volts,
            sqrt(3) if side.is_three_phase else 2.0, wiring.max_ac_drop,
            side.inverter.name if len(ac.inverters) > 1 else "",
        )
        for side in ac.inverters
    ]  # fmt: skip
    main = CableRun(
        "main", wiring.main_run_m, ac.total_a, ac.main_breaker_a, wiring.three_phase_v, sqrt(3), wiring.max_ac_drop
    )
    return tuple(_sized(run, wiring) for run in (string, *inverters, main))


def _string_length_m(roof: RoofDesign, wiring: Wiring) -> float:
    """Return the assumed run of a string: half around its modules, and down to the inverter."""
    corners = roof.layout.corners_m.reshape(-1, 2)
    width_m, depth_m = (corners.max(axis=0) - corners.min(axis=0)).tolist()
    return float(width_m + depth_m) / 2 + wiring.roof_to_inverter_m


def _sized(run: CableRun, wiring: Wiring) -> Cable:
    """Return the least cable, in parallel runs where one is not enough, that carries the current within the drop."""
    for parallel in range(1, wiring.max_parallel + 1):
        for area_mm2, carries_a in zip(wiring.areas_mm2, wiring.carries_a, strict=True):
            ohm = run.way * run.length_m * wiring.copper_ohm_mm2_per_m / (area_mm2 * parallel)
            drop = run.current_a * ohm / run.volts
            is_thick = area_mm2 >= wiring.min_dc_mm2 and carries_a * wiring.heat_factor * parallel >= run.design_a
            if is_thick and drop <= run.max_drop:
                return Cable(
                    run.name, run.length_m, run.current_a, run.design_a, area_mm2, parallel, drop, run.max_drop, run.of
                )
    raise InputError.of("no_cable", current_a=f"{run.design_a:.0f}", length_m=f"{run.length_m:.0f}")


def _materials(design: SolarDesign, rows: Sequence[StringRow], cables: Sequence[Cable], ac: AcSide) -> list[Material]:
    plan = design.strings
    string, *inverters, main = cables
    strings = plan.string_count
    lines = [
        Material("modules", design.module.name, plan.module_count, "pcs", is_assumed=False),
        *(Material("inverters", one.inverter.name, one.inverter_count, "pcs", is_assumed=False) for one in plan.plans),
        *_structures(design),
        Material("string_cable", f"{string.area_mm2:g} mm²", 2 * string.length_m * strings, "m", is_assumed=True),
        Material("connectors", "", 2 * strings, "pcs", is_assumed=False),
        Material("surge_dc", "", len(rows), "set", is_assumed=True),
        *(
            Material("inverter_cable", _runs(cable), cable.length_m * side.count, "m", is_assumed=True)
            for cable, side in zip(inverters, ac.inverters, strict=True)
        ),
        *(
            Material(
                "inverter_breaker",
                f"{side.breaker_a:g} A {'3P' if side.is_three_phase else '2P'}",
                side.count,
                "pcs",
                is_assumed=False,
            )
            for side in ac.inverters
        ),
        Material("main_cable", _runs(main), main.length_m, "m", is_assumed=True),
        Material("main_breaker", f"{ac.main_breaker_a:g} A 3P", 1, "pcs", is_assumed=False),
        Material("surge_ac", "", 1, "set", is_assumed=True),
        Material("meter", "", 1, "pcs", is_assumed=False),
        Material("earthing", "", 1, "set", is_assumed=True),
    ]
    if design.battery is not None:
        size = f"{design.battery.kwh:g} kWh, {design.battery.kw:g} kW"
        lines.append(Material("battery", size, 1, "set", is_assumed=False))
    return lines


def _structures(design: SolarDesign) -> list[Material]:
    """List what modules stand on: rails of roofs, canopies, floats."""
    counts: dict[MaterialName, int] = {}
    for roof in design.roofs:
        support = roof.layout.support
        name: MaterialName = "mounting" if support is None else support.id
        counts[name] = counts.get(name, 0) + roof.layout.module_count
    return [Material(name, "", count, "set", is_assumed=True) for name, count in counts.items()]


def _runs(cable: Cable) -> str:
    return f"{cable.parallel} x {cable.area_mm2:g} mm²" if cable.parallel > 1 else f"{cable.area_mm2:g} mm²"
