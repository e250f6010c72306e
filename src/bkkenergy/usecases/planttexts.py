"""What is said of a plant that runs: what its figures rest on, and its drops."""

from __future__ import annotations

from bkkenergy.i18n import Words
from bkkenergy.portfolio import Portfolio
from bkkenergy.solar.plantdays import Drop
from bkkenergy.usecases.plantwork import PlantWork


def plant_notes(work: PlantWork, portfolio: Portfolio, words: Words) -> list[str]:
    """Say what the figures rest on, and what cannot be known."""
    notes = [words(f"plant.light_{work.light}", station=_station_name(work.station, portfolio, words))]
    notes.append(words(f"plant.witness_{work.witness}"))
    if not work.planes_are_entered:
        notes.append(words("plant.planes_not_entered"))
    if work.rate is not None:
        rate = work.rate
        notes.append(
            words(
                "plant.rate",
                rate=words.percent(rate.ratio_per_year, 1, signed=True),
                low=words.percent(rate.low_ratio, 1, signed=True),
                high=words.percent(rate.high_ratio, 1, signed=True),
            )
        )
    if work.dust is not None:
        notes.append(
            words(
                "plant.dust",
                rate=words.percent(work.dust.ratio_per_day, 2),
                lost=words.percent(work.dust.lost_ratio, 1),
                cleanings=work.dust.cleanings,
            )
        )
    return notes


def _station_name(station: str | None, portfolio: Portfolio, words: Words) -> str:
    """Return a station's name with that of its building; its id where it is entered no more."""
    meter = next((one for one in portfolio.meters if one.id == station), None)
    if meter is None:
        return station or ""
    building = portfolio.buildings[meter.building]
    name = words.either(th=meter.name_th, en=meter.name_en)
    return f"{name} ({words.either(th=building.name_th, en=building.name_en)})"


def drop_text(drop: Drop, portfolio: Portfolio, words: Words) -> str:
    """Say of a drop since when, by how much, and of what."""
    meters = {meter.id: words.either(th=meter.name_th, en=meter.name_en) for meter in portfolio.meters}
    return words(
        f"plant.drop_{drop.kind}",
        day=words.date(drop.day),
        drop=words.percent(drop.drop_ratio, 1),
        meter=meters.get(drop.meter or "", drop.meter or ""),
    )
