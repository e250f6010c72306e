"""The verification plan of a project, by the option of IPMVP that fits it, written with its proposal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bkkenergy.i18n import Words
from bkkenergy.plan import Project
from bkkenergy.plan.promise import Promise, ProofOption
from bkkenergy.portfolio import Building, Portfolio

IPMVP: dict[ProofOption, str] = {"whole": "C", "system": "B", "parameter": "A", "bill": "B"}
MONTHS_OF_A_SYSTEM = 12
"""A system is measured over a year, which has every season."""
BEFORE_MONTHS = 1
"""A system's use is measured for so long before the works, at the least: it cannot be done afterwards."""


@dataclass(frozen=True, slots=True)
class Verification:
    """How a saving will be shown. ipmvp : A, B or C. meters : what is needed. months : after the works."""

    ipmvp: str
    meters: tuple[str, ...]
    is_to_be_installed: bool
    months: int
    steps: tuple[str, ...]


def verification_of(project: Project, promise: Promise, portfolio: Portfolio, words: Words) -> Verification:
    """Write the verification plan of a project."""
    building = portfolio.buildings.get(project.building)
    proof = promise.proof
    meters = _meters(project, promise, building, portfolio)
    months = promise.months or (1 if proof == "parameter" else MONTHS_OF_A_SYSTEM)
    values: dict[str, Any] = {
        "meters": ", ".join(meters) or "–",
        "months": months,
        "before": BEFORE_MONTHS,
        "count": promise.equipment_count,
        "hours": words.number(promise.hours_a_day, 1),
        "kvar": words.number(promise.kvar),
    }
    is_lacking = proof == "system" and not meters
    steps = [words(f"verification.{proof}_option", ipmvp=IPMVP[proof])]
    steps.append(words("verification.meter_to_install" if is_lacking else f"verification.{proof}_meters", **values))
    steps += [words(f"verification.{proof}_{part}", **values) for part in ("before", "after")]
    steps += [words("verification.interval"), words("verification.changes"), words("verification.report")]
    return Verification(IPMVP[proof], meters, is_lacking, months, tuple(steps))


def _meters(project: Project, promise: Promise, building: Building | None, portfolio: Portfolio) -> tuple[str, ...]:
    if project.system_meters:
        return project.system_meters
    if promise.proof in {"whole", "bill"}:
        return tuple(meter.id for meter in building.main_meters) if building is not None else ()
    equipment = portfolio.equipment.get(promise.equipment)
    return (equipment.meter,) if equipment is not None and equipment.meter else ()
