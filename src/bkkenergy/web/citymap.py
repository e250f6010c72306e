"""A map of buildings without tiles: where they are, how much they use, and how that compares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from markupsafe import Markup

from bkkenergy.i18n import Words
from bkkenergy.ingest.meterboard import MeterState
from bkkenergy.portfolio import Agency, Building
from bkkenergy.readings import FloatArray
from bkkenergy.web.figures import BuildingFigures
from bkkenergy.web.mapground import map_ground

WIDTH, HEIGHT, MARGIN = 340.0, 280.0, 32.0
MIN_R, MAX_R = 3.5, 11.0
NOTABLE_RATIO = 0.05


def city_map(buildings: Sequence[BuildingFigures], agencies: Mapping[str, Agency], words: Words) -> Markup:
    """Draw buildings as discs, their area by this month's use, their class by its change against the baseline."""
    shown = [figures for figures in buildings if figures.building.latitude_deg]
    if not shown:
        return Markup("")
    x, y = _positions([figures.building for figures in shown])
    used = np.array([figures.month.energy_kwh or 0.0 for figures in shown])
    radius = MIN_R + (MAX_R - MIN_R) * np.sqrt(used / max(used.max(), 1e-9))
    disc = Markup(
        '<a href="/buildings/{}"><circle class="{}" cx="{:.1f}" cy="{:.1f}" r="{:.1f}"><title>{}</title></circle></a>'
    )
    order = np.argsort(-radius)
    discs = [
        disc.format(shown[n].building.id, _class(shown[n]), x[n], y[n], radius[n], _tooltip(shown[n], words))
        for n in order.tolist()
    ]
    ground = map_ground([figures.building for figures in shown], agencies, x, y, words)
    return _drawn(ground, discs, words)


def _drawn(ground: tuple[Markup, Markup], discs: Sequence[Markup], words: Words) -> Markup:
    under, over = ground
    svg = Markup('<svg class="map" viewBox="0 0 {:g} {:g}" role="group" aria-label="{}">{}{}{}</svg>')
    return svg.format(WIDTH, HEIGHT, words("web.map"), under, Markup("").join(discs), over)


def _positions(buildings: Sequence[Building]) -> tuple[FloatArray, FloatArray]:
    """Return where buildings are in the drawing."""
    lat = np.array([building.latitude_deg for building in buildings])
    lon = np.array([building.longitude_deg for building in buildings]) * np.cos(np.radians(lat.mean()))
    reach = max(float(np.ptp(lat)), float(np.ptp(lon)) * HEIGHT / WIDTH, 0.01)
    scale = (HEIGHT - 2 * MARGIN) / reach
    x = WIDTH / 2 + (lon - (lon.max() + lon.min()) / 2) * scale
    y = HEIGHT / 2 - (lat - (lat.max() + lat.min()) / 2) * scale
    return x, y


def state_map(buildings: Sequence[tuple[Building, MeterState]], agencies: Mapping[str, Agency], words: Words) -> Markup:
    """Draw buildings as discs, their class by the state of their worst meter. buildings : the worst first."""
    if not buildings:
        return Markup("")
    x, y = _positions([building for building, _ in buildings])
    disc = Markup(
        '<a href="/meters?q={}"><circle class="m-{}" cx="{:.1f}" cy="{:.1f}" r="5"><title>{}: {}</title></circle></a>'
    )
    discs = [
        disc.format(
            building.id,
            state.value,
            x[number],
            y[number],
            words.either(th=building.name_th, en=building.name_en),
            words(f"meter_board.{state.value}"),
        )
        for number, (building, state) in reversed(list(enumerate(buildings)))
    ]
    return _drawn(map_ground([building for building, _ in buildings], agencies, x, y, words), discs, words)


def _class(figures: BuildingFigures) -> str:
    ratio = figures.month.change_ratio
    if figures.month.energy_kwh is None:
        return "silent"
    if ratio is None:
        return "unknown"
    return "over" if ratio > NOTABLE_RATIO else "under" if ratio < -NOTABLE_RATIO else "same"


def _tooltip(figures: BuildingFigures, words: Words) -> str:
    name = words.either(th=figures.building.name_th, en=figures.building.name_en)
    return words(
        "web.map_label",
        name=name,
        energy=words.number(figures.month.energy_kwh),
        change=words.percent(figures.month.change_ratio, 1, signed=True),
    )
