"""PV plants of an agency, a building or the city: what each made, and how it works beside what it should make."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from bkkenergy.calendar import Period
from bkkenergy.errors import InputError
from bkkenergy.i18n import Words
from bkkenergy.portfolio import Building
from bkkenergy.reports.papers.asked import AskedPaper
from bkkenergy.reports.papers.model import GridColumn, Paper, PaperGrid, PaperText, Value, total_row
from bkkenergy.reports.reasons import why_texts
from bkkenergy.solar.running import PlantMonth
from bkkenergy.usecases.plants import PlantYield, plant_yields
from bkkenergy.usecases.planttexts import plant_notes
from bkkenergy.usecases.plantwork import plant_named, plant_work


def pv_plants(asked: AskedPaper) -> Paper:
    """Make the paper of PV plants. A plant that no meter counts stands there with what is not known of it."""
    words = asked.words
    every = [(building, plant) for building in asked.buildings for plant in _yields(asked, building)]
    columns = (
        GridColumn(words("pv.plant")),
        GridColumn(words("report.building")),
        GridColumn("kWp", "number", 1, is_summed=True),
        GridColumn(f"{words('pv.energy')} ({words('unit.kwh')})", "number", is_summed=True),
        GridColumn("kWh/kWp", "number", 1),
        GridColumn(words("pv.known"), "ratio"),
        GridColumn(words("pv.owner")),
    )
    rows = tuple(
        (
            plant.id, asked.name_of_building(building.id), plant.capacity_kwp, plant.energy_kwh,
            plant.yield_kwh_per_kwp, plant.known_ratio if plant.meters else None, plant.owner,
        )
        for building, plant in every
    )  # fmt: skip
    total = total_row(words("report.sum"), columns, rows) if len(rows) > 1 else None
    known = [plant for _, plant in every if plant.energy_kwh is not None]
    sentence = words("pv.sentence" if known else "pv.nothing", count=len(known), all=len(every),
                     energy=words.number(sum(plant.energy_kwh or 0.0 for plant in known)))  # fmt: skip
    blocks = [PaperGrid(words("pv.plants"), columns, rows, total, words("pv.note"))]
    months, notes = _work(asked, every)
    blocks.append(months)
    texts = [PaperText(words("pv.seen"), tuple(_said_once(notes, len(every), words)))] if notes else []
    return asked.paper([*blocks, *texts], sentence=sentence, sources=[words("pv.source")])


def _yields(asked: AskedPaper, building: Building) -> list[PlantYield]:
    return plant_yields(asked.site.energy, asked.site.portfolio, building, asked.period)


def _said_once(notes: list[tuple[str, str]], count: int, words: Words) -> Iterator[str]:
    """Yield each note once, with the plants that it is of. notes : plant and note."""
    plants: dict[str, list[str]] = {}
    for plant, note in notes:
        plants.setdefault(note, []).append(plant)
    for note, names in plants.items():
        yield f"{words('pv.all') if len(names) == count > 1 else ', '.join(names)}: {note}"


def _work(asked: AskedPaper, plants: list[tuple[Building, PlantYield]]) -> tuple[PaperGrid, list[tuple[str, str]]]:
    """Return the months of the period of each plant, and what is to be said of it, by its building's name."""
    words = asked.words
    columns = (
        GridColumn(words("pv.plant")),
        GridColumn(words("pv.month")),
        GridColumn(f"{words('pv.energy')} ({words('unit.kwh')})", "number"),
        GridColumn(f"{words('pv.expected')} ({words('unit.kwh')})", "number"),
        GridColumn("PR", "ratio", 1),
        GridColumn(words("pv.availability"), "ratio", 1),
        GridColumn(words("pv.outage"), "number", 1),
    )
    rows: list[tuple[Value, ...]] = []
    notes: list[tuple[str, str]] = []
    counts = Counter(building.id for building, _ in plants)
    for building, plant in plants:
        name = asked.name_of_building(building.id) + (f" ({plant.id})" if counts[building.id] > 1 else "")
        try:
            work = plant_work(asked.site, plant_named(asked.site.portfolio, plant.id), today=asked.measured_until)
        except InputError as why:
            notes.append((name, why_texts(why)[words.lang]))
            continue
        rows += [_month_row(plant.id, month, asked) for month in _of_period(work.months, asked.period)]
        notes += [(name, note) for note in plant_notes(work, asked.site.portfolio, words)]
    return PaperGrid(words("pv.months"), columns, tuple(rows), None, words("pv.months_note")), notes


def _of_period(months: tuple[PlantMonth, ...], period: Period) -> Iterator[PlantMonth]:
    first = period.first_day.replace(day=1)
    return (month for month in months if first <= month.month <= period.last_day)


def _month_row(plant: str, month: PlantMonth, asked: AskedPaper) -> tuple[Value, ...]:
    return (
        plant, asked.words.month(month.month), month.energy_kwh, month.expected_kwh, month.performance_ratio,
        month.availability_ratio, month.outage_h,
    )  # fmt: skip
