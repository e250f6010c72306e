"""Which modules of which roofs a design takes, and how they are wired."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations

from bkkenergy.errors import InputError
from bkkenergy.portfolio import Building
from bkkenergy.solar.assumptions import SolarConfig
from bkkenergy.solar.layout import Layout
from bkkenergy.solar.module import Module
from bkkenergy.solar.strings import BEST_DC_AC_RATIO, StringPlan, StringPlans, plan_strings, plan_two_sizes
from bkkenergy.texts import Lang, Named, filled

MAX_UNUSED_RATIO = 0.05
"""Of the modules that a size asks for."""
GOOD_DC_AC_WITHIN = 0.15
"""Of the best ratio: within it fewer inverters are worth more than a better ratio."""
PHASES = 3
SECOND_SIZE_COSTS = 1
"""Inverters that a second size must save beside its own."""


@dataclass(frozen=True, slots=True)
class WiringNote:
    """What to know of the strings, such as modules that are on none: a text under [solar_wiring] of the catalogues."""

    key: str
    values: Mapping[str, object] = field(default_factory=dict)

    def said(self, lang: Lang) -> str:
        """Return it as a sentence."""
        return filled(lang, f"solar_wiring.{self.key}", self.values)


def chosen_layouts(
    building: Building,
    config: SolarConfig,
    layouts: Mapping[str, Layout],
    per_kwp: Mapping[str, float],
    module: Module,
    *,
    capacity_kwp: float | str,
    inverter: str | None,
) -> tuple[dict[str, Layout], StringPlans, tuple[WiringNote, ...]]:
    """Put modules of a size on the best roofs first, as many as strings take.

    Parameters
    ----------
    building : Building
        Whose roofs they are.
    config : SolarConfig
        Equipment, and the site's extremes of temperature.
    layouts : mapping of str to Layout
        All modules that fit, by roof.
    per_kwp : mapping of str to float
        Energy of a year by roof [kWh/kWp].
    module : Module
        The module.
    capacity_kwp : float or str
        A size [kWp], or "max" for all that fit.
    inverter : str or None
        An inverter of the configuration; the one that fits best where none is named.

    Returns
    -------
    dict of str to Layout
        The modules that are taken, by roof.
    StringPlans
        How they are wired.
    tuple of WiringNote
        Modules that were meant and are on no string, by roof.

    Raises
    ------
    InputError
        If the roofs carry less, or no inverter fits.

    Examples
    --------
    >>> import bkkenergy as bk
    >>> roof = bk.Roof(area_m2=500, tilt_deg=10, azimuth_deg=180)
    >>> made = bk.design(roof, schedule="mea-3-2-lv", floor_m2=3000, capacity_kwp=22).record
    >>> sum(one.layout.module_count for one in made.roofs) == made.strings.module_count
    True
    """
    most = sum(layout.module_count for layout in layouts.values())
    count = most if capacity_kwp == "max" else round(float(capacity_kwp) * 1000 / module.power_w)
    if count > most:
        max_kwp = f"{most * module.power_w / 1000:.1f}"
        raise InputError.of(
            "roofs_too_small",
            kwp=capacity_kwp,
            building=Named(building.id, building.name_th),
            max_kwp=max_kwp,
        )
    names = sorted(layouts, key=lambda key: -per_kwp[key])
    counts = _from_the_best(max(1, count), [layouts[name].module_count for name in names])
    strings = _wired(config, counts, module, inverter)
    takes = [number * strings.modules_in_string for number in strings.strings_by_roof]
    chosen = {
        name: replace(layouts[name], corners_m=layouts[name].corners_m[:take])
        for name, take in zip(names, takes, strict=False)
        if take
    }
    asked = dict(zip(names, counts, strict=False))
    return chosen, strings, tuple(_left_out(config, asked, takes, strings, module))


def _left_out(
    config: SolarConfig, asked: Mapping[str, int], takes: Sequence[int], strings: StringPlans, module: Module
) -> Iterator[WiringNote]:
    """Say which modules fill no string: all strings of a design have one length, and none runs from roof to roof.

    Of a single roof `StringPlans.unused_modules` says it.
    """
    if len(asked) == 1:
        return
    for (roof, count), take in zip(asked.items(), takes, strict=True):
        if take == count:
            continue
        values = {"roof": roof, "count": count - take, "length": strings.modules_in_string}
        if take:
            yield WiringNote("some_left_out", values | {"whole": count})
            continue
        values |= {"inverter": strings.inverter.name}
        alone = _alone(config, count, module)
        yield (
            WiringNote("roof_left_out", values)
            if alone is None
            else WiringNote("roof_alone", values | {"other": alone.inverter.name, "alone": alone.module_count})
        )


def _alone(config: SolarConfig, count: int, module: Module) -> StringPlans | None:
    """Return how a roof's modules would be wired by themselves; None where no inverter of the site's own takes them."""
    try:
        return _wired(config, [count], module, None)
    except InputError:
        return None


def _from_the_best(count: int, most: Sequence[int]) -> list[int]:
    """Give modules to roofs, the best first, each as many as fit; roofs that get none are left out."""
    given: list[int] = []
    for fits in most:
        given.append(min(count - sum(given), fits))
    return [modules for modules in given if modules]


def _wired(config: SolarConfig, counts: Sequence[int], module: Module, wished: str | None) -> StringPlans:
    """Find the wished inverter, or of the site's own one or two sizes that leave few modules out, near 1.2."""
    equipment, site = config.equipment, config.site_temperature
    if wished is not None:
        return _as_plans(plan_strings(counts, module, equipment.inverter(wished), site))
    plans, refusals = [], []
    for inverter in equipment.inverters.values():
        try:
            plans.append(_as_plans(plan_strings(counts, module, inverter, site)))
        except InputError as refusal:
            refusals.append(refusal)
    one_phase_kw = config.wiring.single_phase_up_to_kw
    by_size = sorted(equipment.inverters.values(), key=lambda inverter: -inverter.ac_kw)
    pairs = [
        pair
        for larger, smaller in combinations(by_size, 2)
        if larger.ac_kw > smaller.ac_kw > one_phase_kw
        and (pair := plan_two_sizes(counts, module, larger, smaller, site)) is not None
    ]
    if not plans and not pairs:
        raise InputError.of("no_inverter_fits", count=sum(counts), refusals=tuple(refusals))
    return min((*plans, *pairs), key=lambda plan: _rank(plan, sum(counts), one_phase_kw))


def _as_plans(plan: StringPlan) -> StringPlans:
    return StringPlans((plan,), plan.unused_modules)


def _rank(plan: StringPlans, count: int, one_phase_kw: float) -> tuple[bool, bool, bool, int, float, int]:
    """Rank a plan: most modules at work, a good ratio of DC to AC, then fewest inverters, then the best ratio.

    One-phase inverters are for as many as there are phases.

    A second size has to save two inverters: a spare of one size serves all.
    """
    off = abs(plan.dc_ac_ratio - BEST_DC_AC_RATIO)
    is_wasteful = plan.unused_modules > count * MAX_UNUSED_RATIO
    pieces = plan.inverter_count + SECOND_SIZE_COSTS * (len(plan.plans) - 1)
    is_many = plan.inverter.ac_kw <= one_phase_kw and plan.inverter_count > PHASES
    return is_wasteful, is_many, off > GOOD_DC_AC_WITHIN, pieces, off, plan.unused_modules
