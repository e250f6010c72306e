"""How surveys and candidates are said: as data, and as lines in a language."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bkkenergy.dated import SourcedFigure
from bkkenergy.i18n import Words
from bkkenergy.reports.retrofit.screen import Opportunity, Survey
from bkkenergy.reports.retrofit.supply import kvar_figures
from bkkenergy.retrofits.catalogue import BuildingCode

PROVISIONAL = "*"
FIGURES = ("price", "life", "performance")
"""What a measure rests on, in the order of its own figures."""


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
        "saved_thb_interval_90": [worth.saved_low_thb, worth.saved_high_thb],
        "cost_thb": [option.cost_low_thb, option.cost_high_thb],
        "npv_thb": worth.npv_thb,
        "npv_thb_range": [worth.npv_low_thb, worth.npv_high_thb],
        "payback_years": worth.payback_years,
        "tco2e_a_year": worth.tco2e,
        "abatement_thb_per_tco2e": worth.abatement_thb_per_t,
        "is_provisional": measure.is_provisional,
        "capacitors": kvar_figures(option),
        "sources": sorted({figure.source for figure in measure.figures}),
        "figures": {name: _figure_data(figure) for name, figure in zip(FIGURES, measure.figures, strict=True)},
        "proof": {"option": candidate.proof.option, "months": candidate.proof.months},
    }


def _figure_data(figure: SourcedFigure) -> dict[str, Any]:
    return {"source": figure.source, "grade": figure.grade, "entered": figure.entered.isoformat()}


def survey_data(survey: Survey) -> dict[str, Any]:
    """Return a building's survey as JSON has it."""
    data: dict[str, Any] = {"building": survey.building.id, "why": None if survey.why is None else str(survey.why)}
    calibration, uses = survey.calibration, survey.uses
    if calibration is None or uses is None:
        return data | {"equipment": [], "candidates": [candidate_data(one) for one in survey.candidates]}
    return data | {
        "known_days": survey.known_days,
        "has_weather": survey.has_weather,
        "kwh_a_year": uses.whole_kwh,
        "parts_kwh_a_year": {"base": uses.base_kwh, "weather": uses.weather_kwh, "occupied": uses.occupied_kwh},
        "explained_ratio": calibration.explained_ratio,
        "scale_ratio": calibration.scale_ratio,
        "doubled": [list(pair) for pair in survey.doubled],
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
    return [*lines, *doubled_lines(survey, words)]


def doubled_lines(survey: Survey, words: Words) -> list[str]:
    """Say which equipment may have been entered twice."""
    return [words("retrofit.doubled", one=one, other=other) for one, other in survey.doubled]


def measure_name(candidate: Opportunity, words: Words) -> str:
    """Return a measure's name, marked where one of its figures has no public source."""
    measure = candidate.option.measure
    name = words.either(th=measure.name_th, en=measure.name_en)
    if (bank := candidate.option.bank) is not None:
        name = words("retrofit.bank", name=name, kvar=words.number(bank.size_kvar))
    return f"{name}{PROVISIONAL}" if measure.is_provisional else name


def source_lines(candidates: Sequence[Opportunity], words: Words) -> list[tuple[str, list[str]]]:
    """Return each measure with where its figures were read, how sure that is, and when they were entered."""
    measures = {one.option.measure.id: one.option.measure for one in candidates}
    return [
        (
            words.either(th=measure.name_th, en=measure.name_en),
            [figure_line(name, figure, words) for name, figure in zip(FIGURES, measure.figures, strict=True)],
        )
        for measure in measures.values()
    ]


def figure_line(name: str, figure: SourcedFigure, words: Words) -> str:
    """Say where a figure was read, how sure that is, and when it was entered."""
    said = {
        "what": words(f"retrofit.figure_{name}"),
        "source": figure.citation.said(words.lang),
        "grade": words(f"retrofit.grade_{figure.grade}"),
        "date": words.day_year(figure.entered),
    }
    return words("retrofit.figure", **said)


def code_text(code: BuildingCode, words: Words) -> str:
    """Say when works on a building come under the Building Energy Code. It is no judgement of compliance."""
    area = words.number(code.min_area_m2)
    return words("retrofit.code", area=area, source=code.citation.said(words.lang))


def proof_text(candidate: Opportunity, words: Words) -> str:
    """Return how a saving can be shown."""
    return words(f"retrofit.proof_{candidate.proof.option}", months=candidate.proof.months or 0)
