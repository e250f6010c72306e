"""How a PV plant works: its months against what the light should give, its drops, how it ages and soils."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd

from bkkenergy.calendar import Period, edges
from bkkenergy.errors import InputError
from bkkenergy.portfolio import Building, Meter, Portfolio
from bkkenergy.portfolio.more import PvPlant
from bkkenergy.ports.ledger import LedgerReader
from bkkenergy.readings import FloatArray
from bkkenergy.site import Site
from bkkenergy.solar.assumptions import SolarConfig
from bkkenergy.solar.climate import typical_year
from bkkenergy.solar.irradiance import in_plane, sky_of
from bkkenergy.solar.plantdays import (
    Drop,
    PlantDays,
    Soiling,
    YearlyRate,
    drops,
    part_drops,
    plant_days,
    soiling,
    yearly_rate,
)
from bkkenergy.solar.production import Models, Plane, heating_c_per_wm2, simulate
from bkkenergy.solar.running import PlantHours, PlantMonth, plant_months
from bkkenergy.solar.strings import BEST_DC_AC_RATIO
from bkkenergy.solar.weather import Provenance, Weather, rows_at, with_components
from bkkenergy.texts import Named
from bkkenergy.usecases.energy import meters_energy_kwh, station_hours, station_of

Light = Literal["station", "typical"]
Witness = Literal["station", "plants", "none"]
YEARS = 3
MAX_STATION_KM = 25.0
"""Farther away a station's clouds are others."""
KM_PER_DEG = 111.2
MIN_PEERS = 2
HALF_AN_HOUR = pd.Timedelta(minutes=30)
DEFAULT_PLANE = (10.0, 180.0)


@dataclass(frozen=True, slots=True)
class PlantWork:
    """How a plant works.

    light : measured by a station near it, or that of a typical year: then a performance ratio cannot be given, and
    months are compared with what is usual. witness : what drops of the whole plant are found by. rate, dust : None
    where they cannot be known yet. planes_are_entered : else it is taken to face south at 10 degrees.
    """

    plant: PvPlant
    period: Period
    light: Light
    station: str | None
    witness: Witness
    months: tuple[PlantMonth, ...]
    drops: tuple[Drop, ...]
    rate: YearlyRate | None
    dust: Soiling | None
    planes_are_entered: bool


def plant_named(portfolio: Portfolio, plant_id: str) -> PvPlant:
    """Return a plant of the portfolio. Raises InputError with the ids that there are."""
    plant = portfolio.pv_plants.get(plant_id)
    if plant is None:
        raise InputError.of("no_plant", plant=plant_id, known=", ".join(portfolio.pv_plants) or "–")
    return plant


def plant_work(site: Site, plant: PvPlant, *, today: dt.date, years: int = YEARS) -> PlantWork:
    """Judge a plant by the whole months of some years, up to yesterday. Raises InputError and StoreUnavailable.

    A plant that no meter counts has nothing to judge.
    """
    portfolio, building = site.portfolio, site.portfolio.buildings[plant.building]
    by_id = {meter.id: meter for meter in portfolio.meters}
    meters = tuple(by_id[name] for name in plant.meters if name in by_id)
    if not meters:
        raise InputError.of("plant_not_metered", plant=plant.id, building=Named(building.id, building.name_th))
    period = _period(plant, _since(portfolio, plant), today, years)
    quarter_kwh = meters_energy_kwh(site.energy, meters, period, "15min")
    hours, station, light = _hours(site, plant, building, period, quarter_kwh.sum(axis=1))
    months = plant_months(hours, quarter_kwh=quarter_kwh.sum(axis=1), inverter_kw=plant.inverter_kw)
    days = plant_days(hours)
    peers = _beside_others(site.energy, portfolio, plant, period, hours)
    judged: PlantDays | None = days if light == "station" else peers
    witness: Witness = "station" if light == "station" else "none" if peers is None else "plants"
    if light != "station":
        months = tuple(replace(month, performance_ratio=None, pr_25c_ratio=None) for month in months)
    each_day = quarter_kwh.reshape(len(period.dates), -1, len(meters)).sum(axis=1)
    whole = () if judged is None else drops(judged)
    parts = part_drops(period.first_day, tuple(meter.id for meter in meters), each_day)
    return PlantWork(
        plant,
        period,
        light,
        station.id if station is not None and light == "station" else None,
        witness,
        months,
        tuple(sorted((*whole, *parts), key=lambda drop: drop.day)),
        yearly_rate(days) if light == "station" else None,
        soiling(days) if light == "station" else None,
        bool(_roofs(plant, building)),
    )


def _period(plant: PvPlant, since: dt.date | None, today: dt.date, years: int) -> Period:
    """Return the days up to yesterday from which the plant is as it is now."""
    last = today - dt.timedelta(days=1)
    first = max(dt.date(last.year - years, last.month, 1), since or dt.date.min)
    if first > last:
        raise InputError.of("plant_not_begun", plant=plant.id, day=first)
    return Period.days(first, last)


def _since(portfolio: Portfolio, plant: PvPlant) -> dt.date | None:
    """Return the day from which the plant has its present capacity: from it on its days can be compared."""
    entries = sorted(portfolio.records.of("pv_plant", plant.id), key=lambda entry: entry.valid_from)
    since = plant.commissioned
    for entry in entries[1:]:
        if portfolio.records.on("pv_plant", entry.valid_from - dt.timedelta(days=1))[plant.id] != entry.value:
            since = entry.valid_from
    return since


def _roofs(plant: PvPlant, building: Building) -> list[tuple[float, float, float]]:
    """Return tilt, azimuth and share of the roofs that carry the plant."""
    named = [roof for roof in building.roofs if roof.id in plant.roofs]
    carrying = named or [roof for roof in building.roofs if roof.installed_kwp]
    weights = [roof.installed_kwp or 1.0 for roof in carrying]
    return [
        (roof.tilt_deg, roof.azimuth_deg, weight / sum(weights)) for roof, weight in zip(carrying, weights, strict=True)
    ]


def _hours(
    site: Site, plant: PvPlant, building: Building, period: Period, quarter_kwh: FloatArray
) -> tuple[PlantHours, Meter | None, Light]:
    """Return the plant's hours with the light that is known of them, and where it comes from."""
    config: SolarConfig = site.solar
    starts = edges(period, "60min")[:-1]
    typical = typical_year(config.climate)
    rows = rows_at(typical, starts)
    station = _near_station(site.portfolio, building)
    ghi, temp = np.full(len(starts), np.nan), np.full(len(starts), np.nan)
    if station is not None:
        measured = station_hours(site.energy, station, period).reindex(starts)
        ghi = measured["ghi_wm2"].to_numpy(np.float64)
        temp = measured["temp_air_c"].to_numpy(np.float64)
    light: Light = "station" if np.isfinite(ghi).any() else "typical"
    is_lit_known = np.isfinite(ghi) if light == "station" else np.ones(len(starts), np.bool_)
    weather = _weather(typical, rows, starts, building, ghi, temp)
    planes = _roofs(plant, building) or [(*DEFAULT_PLANE, 1.0)]
    poa, cell, expected = _modelled(weather, planes, plant, config)
    hours = PlantHours(
        starts,
        quarter_kwh.reshape(-1, 4).sum(axis=1),
        np.where(is_lit_known, poa, np.nan),
        cell,
        np.where(is_lit_known, expected, np.nan),
        plant.capacity_kwp,
        next(iter(config.equipment.modules.values())).gamma_pmp_per_c,
    )
    return hours, station, light


def _near_station(portfolio: Portfolio, building: Building) -> Meter | None:
    station = station_of(portfolio, building)
    if station is None:
        return None
    other = portfolio.buildings[station.building]
    north = (other.latitude_deg - building.latitude_deg) * KM_PER_DEG
    east = (other.longitude_deg - building.longitude_deg) * KM_PER_DEG * np.cos(np.radians(building.latitude_deg))
    return station if float(np.hypot(north, east)) <= MAX_STATION_KM else None


def _weather(
    typical: Weather,
    rows: np.ndarray,
    starts: pd.DatetimeIndex,
    building: Building,
    ghi: FloatArray,
    temp: FloatArray,
) -> Weather:
    ghi_wm2 = np.where(np.isfinite(ghi), np.clip(ghi, 0, None), typical.ghi_wm2[rows])
    dni_wm2, dhi_wm2 = with_components(
        starts + HALF_AN_HOUR, ghi_wm2, latitude_deg=building.latitude_deg, longitude_deg=building.longitude_deg
    )
    return replace(
        typical,
        starts=starts,
        ghi_wm2=ghi_wm2,
        dni_wm2=dni_wm2,
        dhi_wm2=dhi_wm2,
        temp_air_c=np.where(np.isfinite(temp), temp, typical.temp_air_c[rows]),
        wind_ms=typical.wind_ms[rows],
        rain_mm=typical.rain_mm[rows],
        humidity_percent=typical.humidity_percent[rows],
        latitude_deg=building.latitude_deg,
        longitude_deg=building.longitude_deg,
        provenance=Provenance("measured", "สถานี", "Station", "a station of the portfolio", "Boland et al. 2008"),
    )


def _modelled(
    weather: Weather, planes: Sequence[tuple[float, float, float]], plant: PvPlant, config: SolarConfig
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return (n,) light on the planes [W/m2], cells [degC], and what a plant in order makes [kWh]."""
    sky = sky_of(weather)
    tilt, azimuth, share = (np.array(side) for side in zip(*planes, strict=True))
    parts = in_plane(sky, tilt, azimuth, albedo=0.2, beam_seen=np.ones((1, 1)), sky_seen=np.ones(len(planes)))
    light = share @ (parts.beam_wm2 + parts.near_sun_wm2 + parts.sky_wm2 + parts.ground_wm2)
    poa, cell = np.zeros(len(weather.starts)), weather.temp_air_c.copy()
    poa[sky.rows] = light
    cell[sky.rows] += light * heating_c_per_wm2("flush", weather.wind_ms[sky.rows])
    inverter_kw = plant.inverter_kw or plant.capacity_kwp / BEST_DC_AC_RATIO
    segments = [
        Plane(one_tilt, one_azimuth, plant.capacity_kwp * part, inverter_kw * part)
        for one_tilt, one_azimuth, part in planes
    ]
    in_order = config.losses.model_copy(update={"unavailability": 0.0})
    gamma = next(iter(config.equipment.modules.values())).gamma_pmp_per_c
    models = Models(gamma_pmp_per_c=gamma, spread_ratio=config.quarter_hours.spread_ratio)
    production = simulate(weather, segments, in_order, models, sky=sky)
    return poa, cell, production.ac_kw.sum(axis=0)


def _beside_others(
    ledger: LedgerReader, portfolio: Portfolio, plant: PvPlant, period: Period, hours: PlantHours
) -> PlantDays | None:
    """Return the plant's daily yield over the median of the other plants'; None with fewer than two of them."""
    by_id = {meter.id: meter for meter in portfolio.meters}
    yields = []
    for other in portfolio.pv_plants.values():
        meters = [by_id[name] for name in other.meters if name in by_id]
        if other.id == plant.id or not meters:
            continue
        energy_kwh = meters_energy_kwh(ledger, meters, period, "day").sum(axis=1)
        if np.isfinite(energy_kwh).any():
            yields.append(energy_kwh / other.capacity_kwp)
    if len(yields) < MIN_PEERS:
        return None
    every = np.array(yields)
    enough = np.isfinite(every).sum(axis=0) >= MIN_PEERS
    usual = np.full(every.shape[1], np.nan)
    usual[enough] = np.nanmedian(every[:, enough], axis=0)
    mine = hours.energy_kwh.reshape(len(usual), -1).sum(axis=1) / plant.capacity_kwp
    is_bright = usual >= 1
    index = np.where(is_bright, mine / np.where(is_bright, usual, 1.0), np.nan)
    return PlantDays(period.first_day, index, np.nan_to_num(usual))


def work_record(work: PlantWork) -> dict[str, Any]:
    """Return it as a plain record, the same for the command line's JSON and the API."""
    return {
        "plant": work.plant.id,
        "building": work.plant.building,
        "capacity_kwp": work.plant.capacity_kwp,
        "first": work.period.first_day.isoformat(),
        "last": work.period.last_day.isoformat(),
        "light": work.light,
        "station": work.station,
        "witness": work.witness,
        "planes_are_entered": work.planes_are_entered,
        "months": [
            asdict(month) | {"month": month.month.isoformat(), "against_expected_ratio": month.against_expected_ratio}
            for month in work.months
        ],
        "drops": [asdict(drop) | {"day": drop.day.isoformat()} for drop in work.drops],
        "yearly_rate": None if work.rate is None else asdict(work.rate),
        "soiling": None if work.dust is None else asdict(work.dust),
    }
