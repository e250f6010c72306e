"""How much of a report's energy a comparison or a verdict rests on: none is given on too little of it."""

from __future__ import annotations

from collections.abc import Collection

from bkkenergy.reports.content import AgencyReport, YearBefore

MIN_COMPARED_RATIO = 0.8
"""Of the energy: below it a change of what can be compared says nothing of the whole."""
MIN_JUDGED_RATIO = 0.9
"""Of the energy: below it a saving of what can be judged is no verdict on the whole."""


def energy_share(report: AgencyReport, names: Collection[str]) -> float:
    """Return the share of the energy that some buildings (or agencies) used, 0..1."""
    used_kwh = sum(building.use.energy_kwh or 0.0 for building in report.buildings if building.id in names)
    return used_kwh / report.total.energy_kwh if report.total.energy_kwh else 0.0


def compared_ratio(report: AgencyReport) -> float:
    """Return the share of the energy whose buildings (or agencies) can be compared with the usual, 0..1."""
    return energy_share(report, {one.id for one in report.buildings if one.use.change_ratio is not None})


def total_change_ratio(report: AgencyReport) -> float | None:
    """Return the whole's change against the usual; None where too little of the energy can be compared."""
    return report.total.change_ratio if compared_ratio(report) >= MIN_COMPARED_RATIO else None


def year_before_ratio(report: AgencyReport, before: YearBefore) -> float:
    """Return the share of the energy whose buildings can be compared with the year before, 0..1.

    Reports from before `compared_kwh` know how many buildings they are alone.
    """
    if before.compared_kwh is not None and report.total.energy_kwh:
        return before.compared_kwh / report.total.energy_kwh
    return before.building_count / before.all_count if before.all_count else 0.0


def year_change_ratio(report: AgencyReport) -> float:
    """Return the share of the energy whose buildings are beside the year before by their baselines, 0..1."""
    return energy_share(report, {one.building_id for one in report.year_changes if one.adjusted_kwh is not None})


def judged_ratio(report: AgencyReport) -> float:
    """Return the share of the energy that is judged by baselines, 0..1: of buildings with one, their judged part."""
    judged_kwh = 0.0
    energy_kwh = {building.id: building.use.energy_kwh or 0.0 for building in report.buildings}
    for saving in report.savings:
        if saving.band is not None:
            part = 1.0
            if saving.known_kwh and saving.actual_kwh is not None:
                part = min(saving.actual_kwh / saving.known_kwh, 1.0)
            judged_kwh += part * energy_kwh.get(saving.building_id, 0.0)
    return judged_kwh / report.total.energy_kwh if report.total.energy_kwh else 0.0


def has_verdict(report: AgencyReport) -> bool:
    """Return whether the whole's saving or rise is significant, and rests on enough of the energy."""
    saving = report.total_saving
    return saving is not None and saving.is_significant and judged_ratio(report) >= MIN_JUDGED_RATIO
