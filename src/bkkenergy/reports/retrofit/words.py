"""How surveys and candidates are said: as data, and as lines in a language."""

from __future__ import annotations

from typing import Any

from bkkenergy.i18n import Words
from bkkenergy.reports.retrofit.screen import Opportunity, Survey

PROVISIONAL = "*"


def candidate_data(candidate: Opportunity) -> dict[str, Any]:
    """Return a candidate as JSON has it, with units in the names and the sources of its figures."""
    option, worth = candidate.option, candidate.worth
    measure = option.measure
    return {
        "id": candidate.id,
        "building": candidate.building.id,
        "agency": candidate.building.agency,
        "equipment": option.appliance.id,
        "measure": measure.id,
        "saved_kwh_a_year": option.saved_kwh,
        "saved_kwh_interval_90": [option.low_kwh, option.high_kwh],
        "saved_ratio_of_building": candidate.ratio,
        "saved_thb_a_year": worth.saved_thb,
        "cost_thb": [option.cost_low_thb, option.cost_high_thb],
        "npv_thb": worth.npv_thb,
        "npv_thb_range": [worth.npv_low_thb, worth.npv_high_thb],
        "payback_years": worth.payback_years,
        "tco2e_a_year": worth.tco2e,
        "abatement_thb_per_tco2e": worth.abatement_thb_per_t,
        "is_provisional": measure.is_provisional,
        "sources": sorted({figure.source for figure in (measure.price, measure.life, measure.performance)}),
        "proof": {"option": candidate.proof.option, "months": candidate.proof.months},
    }


def survey_data(survey: Survey) -> dict[str, Any]:
    """Return a building's survey as JSON has it."""
    data: dict[str, Any] = {"building": survey.building.id, "why": None if survey.why is None else str(survey.why)}
    calibration, uses = survey.calibration, survey.uses
    if calibration is None or uses is None:
        return data | {"equipment": [], "candidates": []}
    return data | {
        "known_days": survey.known_days,
        "has_weather": survey.has_weather,
        "kwh_a_year": uses.whole_kwh,
        "parts_kwh_a_year": {"base": uses.base_kwh, "weather": uses.weather_kwh, "occupied": uses.occupied_kwh},
        "explained_ratio": calibration.explained_ratio,
        "scale_ratio": calibration.scale_ratio,
        "equipment": [
            {
                "id": one.id,
                "kind": one.kind,
                "by_nameplate_kwh": float(calibration.named_kwh[at]),
                "kwh_a_year": float(calibration.kwh[at]),
                "kwh_interval_90": list(calibration.interval_kwh(at)),
            }
            for at, one in enumerate(calibration.appliances)
        ],
        "candidates": [candidate_data(one) for one in survey.candidates],
    }


def survey_lines(survey: Survey, words: Words) -> list[str]:
    """Return what a survey says of a building as a whole."""
    calibration, uses = survey.calibration, survey.uses
    if calibration is None or uses is None:
        return [survey.why.said(words.lang) if survey.why is not None else ""]
    parts = [("base", uses.base_kwh), ("weather", uses.weather_kwh), ("occupied", uses.occupied_kwh)]
    if not survey.has_weather:
        parts.pop(1)
    lines = [
        words("retrofit.use", kwh=words.number(uses.whole_kwh), days=survey.known_days),
        *(f"  {words(f'parts.{name}')}: {words.number(kwh)} {words('unit.kwh')}" for name, kwh in parts),
        words("retrofit.explained", ratio=words.percent(calibration.explained_ratio)),
    ]
    if not survey.has_weather:
        lines.insert(-1, words("retrofit.no_weather"))
    if calibration.scale_ratio < 1:
        lines.append(words("retrofit.too_much", ratio=words.percent(calibration.scale_ratio)))
    return lines


def measure_name(candidate: Opportunity, words: Words) -> str:
    """Return a measure's name, marked where one of its figures has no public source."""
    measure = candidate.option.measure
    name = words.either(th=measure.name_th, en=measure.name_en)
    return f"{name}{PROVISIONAL}" if measure.is_provisional else name


def proof_text(candidate: Opportunity, words: Words) -> str:
    """Return how a saving can be shown."""
    return words(f"retrofit.proof_{candidate.proof.option}", months=candidate.proof.months or 0)
