"""Yield of many roofs at once, beside pvlib with one sky, a loop of its ModelChain, and SAM's PVWatts v8, in one run.

All: 8,760 hours, the same weather, PVWatts' DC and inverter models; ours adds the loss of diffuse light at
the glass and the energy after each of thirteen steps. Distinct roofs, hourly results. "pvlib, one sky" is what a person
writes who knows pvlib well: the sun, extraterrestrial light and air mass once, then its functions on hours of daylight.
Rates are by seconds of the processor, of all threads.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import pandas as pd
import pvlib
from pvlib.location import Location
from pvlib.modelchain import ModelChain
from pvlib.pvsystem import Array, FixedMount, PVSystem

from bkkenergy.site.solar_config import load_solar
from bkkenergy.solar.climate import typical_year
from bkkenergy.solar.production import Plane, simulate
from bkkenergy.solar.weather import Weather
from tests.bench.rows import MISSED, faster
from tests.conftest import ROOT
from tests.unit.solar.test_agreement import as_pvlib, as_sam

TARGETS = {"pvlib, one sky": 10.0, "ModelChain": 50.0, "PVWatts v8 (PySAM)": 1.0}
ROOFS, PEER_ROOFS = 1000, 30


def roofs(count: int) -> list[tuple[float, float]]:
    rng = np.random.default_rng(1)
    return [(float(rng.uniform(0, 35)), float(rng.uniform(0, 360))) for _ in range(count)]


def per_second(count: int, work: Callable[[], object]) -> float:
    started_s = time.process_time()
    work()
    return count / (time.process_time() - started_s)


def pvlib_with_one_sky(weather: Weather, found: list[tuple[float, float]]) -> list[pd.Series]:
    """Compute each roof's AC power by pvlib's functions, over a sky that is known once."""
    frame = as_pvlib(weather)
    sun = pvlib.solarposition.get_solarposition(
        frame.index, weather.latitude_deg, weather.longitude_deg, weather.elevation_m
    )
    is_day = sun["apparent_elevation"] > 0
    frame, sun = frame[is_day], sun[is_day]
    extra, air_mass = (
        pvlib.irradiance.get_extra_radiation(frame.index),
        pvlib.atmosphere.get_relative_airmass(sun["apparent_zenith"]),
    )
    cooling = pvlib.temperature.TEMPERATURE_MODEL_PARAMETERS["pvsyst"]["semi_integrated"]
    made = []
    for tilt, azimuth in found:
        angle = pvlib.irradiance.aoi(tilt, azimuth, sun["apparent_zenith"], sun["azimuth"])
        light = pvlib.irradiance.get_total_irradiance(
            tilt, azimuth, sun["apparent_zenith"], sun["azimuth"], frame["dni"], frame["ghi"], frame["dhi"],
            dni_extra=extra, airmass=air_mass, albedo=0.2, model="perez",
        )  # fmt: skip
        seen = light["poa_direct"] * pvlib.iam.physical(angle) + light["poa_diffuse"]
        cell_c = pvlib.temperature.pvsyst_cell(light["poa_global"], frame["temp_air"], frame["wind_speed"], **cooling)
        made.append(pvlib.inverter.pvwatts(pvlib.pvsystem.pvwatts_dc(seen, cell_c, 100, -0.0035), 85))
    return made


def model_chains(weather: Weather, found: list[tuple[float, float]]) -> None:
    frame = as_pvlib(weather)
    place = Location(weather.latitude_deg, weather.longitude_deg, "Asia/Bangkok", weather.elevation_m)
    cooling = pvlib.temperature.TEMPERATURE_MODEL_PARAMETERS["pvsyst"]["semi_integrated"]
    for tilt, azimuth in found:
        array = Array(
            FixedMount(tilt, azimuth),
            module_parameters={"pdc0": 100, "gamma_pdc": -0.0035},
            temperature_model_parameters=cooling,
        )
        ModelChain(
            PVSystem(arrays=[array], inverter_parameters={"pdc0": 85}),
            place,
            transposition_model="perez", aoi_model="physical", spectral_model="no_loss", dc_model="pvwatts", ac_model="pvwatts",
            losses_model="no_loss", temperature_model="pvsyst",
        ).run_model(frame)  # fmt: skip


def pvwatts(resource: dict, found: list[tuple[float, float]]) -> None:
    import PySAM.Pvwattsv8

    model = PySAM.Pvwattsv8.new()
    model.SolarResource.solar_resource_data = resource
    fixed = {"system_capacity": 100, "dc_ac_ratio": 1.2, "losses": 0, "array_type": 1, "module_type": 0, "gcr": 0.3}
    for name, value in fixed.items():
        setattr(model.SystemDesign, name, value)
    for tilt, azimuth in found:
        model.SystemDesign.tilt, model.SystemDesign.azimuth = tilt, azimuth
        model.execute()


def run(rounds: int) -> bool:
    """Print the table; whether every ratio reaches its target."""
    config = load_solar(ROOT / "config")
    weather = typical_year(config.climate)
    planes = [Plane(tilt, azimuth, 100, 85) for tilt, azimuth in roofs(ROOFS)]
    resource = as_sam(weather)
    works = {
        "bkkenergy": (ROOFS, lambda: simulate(weather, planes, config.losses)),
        "pvlib, one sky": (PEER_ROOFS, lambda: pvlib_with_one_sky(weather, roofs(PEER_ROOFS))),
        "ModelChain": (PEER_ROOFS, lambda: model_chains(weather, roofs(PEER_ROOFS))),
        "PVWatts v8 (PySAM)": (PEER_ROOFS, lambda: pvwatts(resource, roofs(PEER_ROOFS))),
    }
    rates: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, (count, work) in works.items():
            rates[name].append(per_second(count, work))
    middle = {name: statistics.median(values) for name, values in rates.items()}
    print(f"{'model':>20} {'roofs a second':>15} {'ratio':>8} {'target':>7}")
    for name, rate in middle.items():
        target = f"{TARGETS[name]:g}" if name in TARGETS else ""
        print(f"{name:>20} {rate:>15,.0f} {middle['bkkenergy'] / rate:>8.1f} {target:>7}")
        if name in TARGETS:
            faster(
                "solar", "a year of a roof, 8,760 hours", 1000 / middle["bkkenergy"], name, 1000 / rate, TARGETS[name]
            )
    print(f"Simulations of 8,760 hours, medians of {rounds} rounds.")
    return all(middle["bkkenergy"] / middle[name] >= target for name, target in TARGETS.items())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    raise SystemExit(0 if run(parser.parse_args().rounds) else MISSED)
