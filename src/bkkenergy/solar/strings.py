"""Modules into strings, and strings into inverters, within the voltages and currents of both.

IEC 62548: the open-circuit voltage at the lowest temperature stays below the system's and the inverter's
limit; at work the voltage stays in the tracker's window; currents stay below a tracker's limits, the
short-circuit current with the factor 1.25.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor

from bkkenergy.errors import InputError
from bkkenergy.solar.assumptions import SiteTemperature
from bkkenergy.solar.module import STC_C, Inverter, Module

SHORT_CIRCUIT_FACTOR = 1.25
BEST_DC_AC_RATIO = 1.2
MIN_DC_AC_RATIO, MAX_DC_AC_RATIO = 0.8, 1.5


@dataclass(frozen=True, slots=True)
class StringWindow:
    """How many modules a string may have, and why.

    v_oc_cold_v, v_mp_hot_v, v_mp_cold_v : of one module at the site's extremes.
    least, most : modules in a string; most may be below least, then none fits.
    """

    v_oc_cold_v: float
    v_mp_cold_v: float
    v_mp_hot_v: float
    least: int
    most: int


@dataclass(frozen=True, slots=True)
class StringPlan:
    """How modules are wired.

    unused_modules : that fill no string. strings_by_roof : as the roofs were given; none runs from roof to roof, and
    roofs share no tracker.
    """

    inverter: Inverter
    inverter_count: int
    modules_in_string: int
    string_count: int
    strings_per_mppt: int
    unused_modules: int
    window: StringWindow
    dc_ac_ratio: float
    strings_by_roof: tuple[int, ...]

    @property
    def module_count(self) -> int:
        """Modules at work."""
        return self.modules_in_string * self.string_count

    @property
    def inverter_kw(self) -> float:
        """Rating of all inverters, AC."""
        return self.inverter.ac_kw * self.inverter_count


@dataclass(frozen=True, slots=True)
class StringPlans:
    """How the modules of a design are wired: a plan for each size of inverter, the largest first.

    Their strings are of one length, and their strings_by_roof of the same roofs. Yields are of all inverters as one of
    their mean ratio. unused_modules : that fill no string.
    """

    plans: tuple[StringPlan, ...]
    unused_modules: int

    @property
    def inverter(self) -> Inverter:
        """The largest inverter."""
        return self.plans[0].inverter

    @property
    def modules_in_string(self) -> int:
        """Modules in a string."""
        return self.plans[0].modules_in_string

    @property
    def inverter_count(self) -> int:
        """All inverters."""
        return sum(plan.inverter_count for plan in self.plans)

    @property
    def string_count(self) -> int:
        """All strings."""
        return sum(plan.string_count for plan in self.plans)

    @property
    def module_count(self) -> int:
        """Modules at work."""
        return sum(plan.module_count for plan in self.plans)

    @property
    def inverter_kw(self) -> float:
        """Rating of all inverters, AC."""
        return sum(plan.inverter_kw for plan in self.plans)

    @property
    def dc_ac_ratio(self) -> float:
        """Power of the modules over that of the inverters."""
        return sum(plan.dc_ac_ratio * plan.inverter_kw for plan in self.plans) / self.inverter_kw

    @property
    def strings_by_roof(self) -> tuple[int, ...]:
        """Strings of all plans on each roof."""
        return tuple(sum(counts) for counts in zip(*(plan.strings_by_roof for plan in self.plans), strict=True))

    def said_inverters(self) -> str:
        """Return how many of which inverters."""
        return " + ".join(f"{plan.inverter_count} x {plan.inverter.name}" for plan in self.plans)


def string_window(module: Module, inverter: Inverter, site: SiteTemperature) -> StringWindow:
    """Compute how many modules a string may have, on the coldest morning and the hottest roof.

    Parameters
    ----------
    module : Module
        The module.
    inverter : Inverter
        The inverter.
    site : SiteTemperature
        Extremes of air and cell [degC].

    Returns
    -------
    StringWindow
        Voltages of one module at the extremes [V], least and most modules in a string.

    References
    ----------
    .. [1] IEC 62548: Photovoltaic (PV) arrays - design requirements.

    Examples
    --------
    >>> from bkkenergy.solar.strings import string_window
    >>> from bkkenergy.library.skies import solar_config
    >>> config = solar_config()
    >>> module, inverter = config.equipment.module("mono-550"), config.equipment.inverter("string-50")
    >>> window = string_window(module, inverter, config.site_temperature)
    >>> window.least <= window.most, window.most * window.v_oc_cold_v <= inverter.max_dc_v
    (True, True)
    """
    per_c_volts = module.beta_voc_per_c
    v_oc_cold = module.v_oc_v * (1 + per_c_volts * (site.record_low_air_c - STC_C))
    # The working voltage falls faster than the open one: about with the power.
    per_c_work = min(module.gamma_pmp_per_c - module.alpha_isc_per_c, per_c_volts)
    v_mp_cold = module.v_mp_v * (1 + per_c_work * (site.record_low_air_c - STC_C))
    v_mp_hot = module.v_mp_v * (1 + per_c_work * (site.high_cell_c - STC_C))
    limit = min(inverter.max_dc_v, module.max_system_v)
    most = min(floor(limit / v_oc_cold + 1e-9), floor(inverter.mppt_high_v / v_mp_cold + 1e-9))
    least = max(1, ceil(inverter.mppt_low_v / v_mp_hot - 1e-9))
    return StringWindow(v_oc_cold, v_mp_cold, v_mp_hot, least, most)


def strings_per_tracker(module: Module, inverter: Inverter) -> int:
    """Count the most strings in parallel on one tracker.

    Parameters
    ----------
    module : Module
        The module.
    inverter : Inverter
        The inverter.

    Returns
    -------
    int
        How many; 0 where even one has too much current.

    References
    ----------
    .. [1] IEC 62548: the short-circuit current is taken with the factor 1.25.

    Examples
    --------
    >>> from bkkenergy.solar.strings import strings_per_tracker
    >>> from bkkenergy.library.skies import solar_config
    >>> equipment = solar_config().equipment
    >>> strings_per_tracker(equipment.module("mono-550"), equipment.inverter("string-50")) >= 1
    True
    """
    by_work = floor(inverter.max_current_a_per_mppt / module.i_mp_a + 1e-9)
    by_fault = floor(inverter.max_isc_a_per_mppt / (module.i_sc_a * SHORT_CIRCUIT_FACTOR) + 1e-9)
    return max(0, min(inverter.strings_per_mppt, by_work, by_fault))


def plan_strings(module_counts: Sequence[int], module: Module, inverter: Inverter, site: SiteTemperature) -> StringPlan:
    """Wire modules to inverters: the plan that uses most modules, with the DC/AC ratio nearest to 1.2.

    A string's modules lie on one roof, since the weakest light limits them all; each roof has trackers of its own.

    Parameters
    ----------
    module_counts : sequence of int
        How many modules lie on each roof.
    module : Module
        The module.
    inverter : Inverter
        The inverter.
    site : SiteTemperature
        Extremes of air and cell [degC].

    Returns
    -------
    StringPlan
        Strings, inverters, and modules that fill no string.

    Raises
    ------
    InputError
        If nothing fits, with the limit that is in the way.

    References
    ----------
    .. [1] IEC 62548: Photovoltaic (PV) arrays - design requirements.

    Examples
    --------
    >>> from bkkenergy.solar.strings import plan_strings
    >>> from bkkenergy.library.skies import solar_config
    >>> config = solar_config()
    >>> module, inverter = config.equipment.module("mono-550"), config.equipment.inverter("string-50")
    >>> plan = plan_strings([110], module, inverter, config.site_temperature)
    >>> plan.modules_in_string * plan.string_count + plan.unused_modules
    110
    """
    window = string_window(module, inverter, site)
    if window.most < window.least:
        raise InputError.of(
            "string_window",
            module=module.name,
            inverter=inverter.name,
            min=window.least,
            max=window.most,
            low_v=f"{inverter.mppt_low_v:g}",
            high_v=f"{min(inverter.max_dc_v, module.max_system_v):g}",
            cold_c=f"{site.record_low_air_c:g}",
        )
    on_tracker = strings_per_tracker(module, inverter)
    if on_tracker == 0:
        raise InputError.of(
            "string_current",
            module=module.name,
            inverter=inverter.name,
            work_a=f"{module.i_mp_a:g}",
            fault_a=f"{module.i_sc_a * SHORT_CIRCUIT_FACTOR:.1f}",
            max_work_a=f"{inverter.max_current_a_per_mppt:g}",
            max_fault_a=f"{inverter.max_isc_a_per_mppt:g}",
        )
    module_count = sum(module_counts)
    if max(module_counts) < window.least:
        key = "string_short" if len(module_counts) == 1 else "strings_short"
        raise InputError.of(key, count=max(module_counts), inverter=inverter.name, min=window.least)
    plans = [
        plan
        for length in range(window.least, window.most + 1)
        if (plan := _plan(module_counts, length, on_tracker, module, inverter, window)) is not None
    ]
    if not plans:
        raise InputError.of(
            "string_ratio",
            count=module_count,
            inverter=inverter.name,
            low=f"{MIN_DC_AC_RATIO:g}",
            high=f"{MAX_DC_AC_RATIO:g}",
            kw=f"{module_count * module.power_w / 1000 / BEST_DC_AC_RATIO:.0f}",
        )
    return min(
        plans, key=lambda plan: (plan.unused_modules, abs(plan.dc_ac_ratio - BEST_DC_AC_RATIO), plan.string_count)
    )


def _plan(
    module_counts: Sequence[int],
    length: int,
    on_tracker: int,
    module: Module,
    inverter: Inverter,
    window: StringWindow,
) -> StringPlan | None:
    by_roof = tuple(count // length for count in module_counts)
    strings = sum(by_roof)
    if strings == 0:
        return None
    power_kw = strings * length * module.power_w / 1000
    by_inputs = ceil(sum(ceil(count / on_tracker) for count in by_roof) / inverter.mppt_count)
    by_power = max(1, round(power_kw / (inverter.ac_kw * BEST_DC_AC_RATIO)))
    count = max(by_inputs, by_power)
    ratio = power_kw / (count * inverter.ac_kw)
    if ratio > MAX_DC_AC_RATIO:
        count = ceil(power_kw / (inverter.ac_kw * MAX_DC_AC_RATIO))
        ratio = power_kw / (count * inverter.ac_kw)
    if ratio < MIN_DC_AC_RATIO:
        return None
    unused = sum(module_counts) - strings * length
    return StringPlan(inverter, count, length, strings, on_tracker, unused, window, ratio, by_roof)


def plan_two_sizes(
    module_counts: Sequence[int], module: Module, larger: Inverter, smaller: Inverter, site: SiteTemperature
) -> StringPlans | None:
    """Wire modules to inverters of two sizes: as many large ones as the best ratio fills, the rest on small ones.

    Parameters
    ----------
    module_counts : sequence of int
        How many modules lie on each roof.
    module : Module
        The module.
    larger, smaller : Inverter
        The inverters.
    site : SiteTemperature
        Extremes of air and cell [degC].

    Returns
    -------
    StringPlans or None
        The pair with most modules at work and the DC/AC ratio nearest to 1.2; None where none is possible.

    Examples
    --------
    >>> from bkkenergy.solar.strings import plan_two_sizes
    >>> from bkkenergy.library.skies import solar_config
    >>> config = solar_config()
    >>> large, small = (config.equipment.inverter(name) for name in ("string-100", "string-20"))
    >>> module, site = config.equipment.module("mono-550"), config.site_temperature
    >>> [plan.inverter_count for plan in plan_two_sizes([256], module, large, small, site).plans]
    [1, 1]
    """
    windows = [string_window(module, inverter, site) for inverter in (larger, smaller)]
    on_tracker = [strings_per_tracker(module, inverter) for inverter in (larger, smaller)]
    if 0 in on_tracker:
        return None
    lengths = range(max(window.least for window in windows), min(window.most for window in windows) + 1)
    pairs = []
    for length in lengths:
        by_roof = [count // length for count in module_counts]
        fills = larger.ac_kw * BEST_DC_AC_RATIO * 1000 / (length * module.power_w)
        large_count = floor(sum(by_roof) / fills + 1e-9)
        first, rest = _split(by_roof, floor(large_count * fills + 1e-9))
        if not sum(first) or not sum(rest):
            continue
        plans = [
            _plan([count * length for count in counts], length, most, module, inverter, window)
            for counts, most, inverter, window in zip(
                (first, rest), on_tracker, (larger, smaller), windows, strict=True
            )
        ]
        unused = sum(module_counts) - sum(by_roof) * length
        pairs += [StringPlans((plans[0], plans[1]), unused)] if plans[0] and plans[1] else []
    best = lambda pair: (pair.unused_modules, abs(pair.dc_ac_ratio - BEST_DC_AC_RATIO), pair.string_count)  # noqa: E731
    return min(pairs, key=best, default=None)


def _split(strings: Sequence[int], first: int) -> tuple[list[int], list[int]]:
    """Deal strings of roofs out to two groups: a number of them to the first one, roof after roof."""
    taken: list[int] = []
    for count in strings:
        taken.append(min(count, first - sum(taken)))
    return taken, [count - share for count, share in zip(strings, taken, strict=True)]
