"""Energy of 25 planes beside pvlib's ModelChain, SAM's PVWatts v8 and SAM's detailed model, on three weathers.

    python -m tests.bench.agreement             some minutes; --year a CAMS year elsewhere, --planes 5 for a quick look

Each model gets the same hours. Glass is plain throughout, as SAM's is. Nothing is lost but at the glass, in the module and
in the inverter. The worst plane and the worst month of any plane are printed: 0°, and 5, 15, 30° x eight azimuths.

Apart from all hours the year is shown without those in whose middle the sun is below the horizon: in some of them a file has
beam, which ModelChain lets fall on planes from below, and ours does not.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pvlib
import PySAM.Pvsamv1
import PySAM.Pvwattsv8

from bkkenergy.adapters.weather import read_weather_file
from bkkenergy.readings import FloatArray
from bkkenergy.site.solar_config import load_solar
from bkkenergy.solar.climate import typical_year
from bkkenergy.solar.irradiance import sky_of
from bkkenergy.solar.module import cec_inverter, cec_module, cec_table
from bkkenergy.solar.production import Models, Plane, simulate
from bkkenergy.solar.weather import Weather, completed
from tests.bench.rows import MISSED
from tests.conftest import ROOT
from tests.unit.solar import test_agreement as peers

PLANES = [(0, 180), *product((5, 15, 30), range(0, 360, 45))]
TARGETS = {"ModelChain PVWatts": 0.0002, "ModelChain CEC, Sandia": 0.0002}
"""The most that a year of any plane may differ while the sun is up."""
LOST = (
    "mismatch", "module_quality", "light_induced_degradation", "dc_wiring", "ac_wiring", "unavailability", "soiling_per_day",
)  # fmt: skip


@dataclass(frozen=True)
class Apart:
    """How far ours is from a model's, as a share. sun_up : the worst plane's year of hours with the sun up.

    least, most : of all planes' years; month : the worst of any plane; correlation : the least of hours.
    """

    least: float
    most: float
    sun_up: float
    month: float
    correlation: float


def weathers(cams: Path) -> dict[str, Weather]:
    """Each weather by its name: the built-in year, a satellite's year of Bangkok, and a TMY3 that pvlib brings."""
    typical = typical_year(load_solar(ROOT / "config").climate)
    greensboro = Path(pvlib.__file__).parent / "data/723170TYA.CSV"
    files = {"CAMS 2023 of Bangkok": cams, "Greensboro TMY3": greensboro}
    return {"typical year": typical} | {
        name: completed(read_weather_file(path), typical) for name, path in files.items()
    }


def modelchain_pvwatts(weather: Weather, tilt: int, azimuth: int) -> FloatArray:
    return peers.model_chain(
        weather, tilt, azimuth, dc="pvwatts", ac="pvwatts", cooling="freestanding",
        module={"pdc0": peers.KWP, "gamma_pdc": -0.0035}, inverter={"pdc0": peers.KW / 0.98, "eta_inv_nom": 0.98},
    )  # fmt: skip


def modelchain_cec(weather: Weather, tilt: int, azimuth: int) -> FloatArray:
    module, inverter = cec_table("CECMod").loc[peers.MODULE], cec_table("CECInverter").loc[peers.INVERTER]
    return (
        peers.model_chain(
            weather, tilt, azimuth, dc="cec", ac="sandia", cooling="freestanding", module=module.to_dict(),
            inverter=inverter.to_dict(), modules_per_string=peers.IN_SERIES, strings=peers.STRINGS,
        )
        / 1000
    )  # fmt: skip


def pvwatts(weather: Weather, tilt: int, azimuth: int) -> FloatArray:
    model = PySAM.Pvwattsv8.new()
    model.SolarResource.solar_resource_data = as_sam(weather)
    model.SolarResource.use_wf_albedo = 1
    for name, value in {
        "system_capacity": peers.KWP, "dc_ac_ratio": peers.KWP / peers.KW, "tilt": tilt, "azimuth": azimuth, "losses": 0,
        "array_type": 0, "module_type": 0, "inv_eff": 98, "gcr": 0.01, "bifaciality": 0,
    }.items():  # fmt: skip
        setattr(model.SystemDesign, name, value)
    model.execute()
    return np.array(model.Outputs.ac) / 1000


def detailed(weather: Weather, tilt: int, azimuth: int) -> FloatArray:
    model = PySAM.Pvsamv1.default("FlatPlatePVNone")
    return peers.sam_detailed(model, weather, tilt, azimuth, as_read=as_sam(weather))


def as_sam(weather: Weather) -> dict[str, object]:
    """Return the weather as SAM takes it, in its own zone: its first hour is the year's first."""
    zone_h = round(weather.longitude_deg / 15)
    at = weather.sun_times.tz_convert(f"Etc/GMT{-zone_h:+d}")
    return peers.as_sam(weather) | {
        "tz": zone_h, "year": list(at.year), "month": list(at.month), "day": list(at.day), "hour": list(at.hour),
    }  # fmt: skip


@dataclass(frozen=True)
class Peer:
    """A model and ours for the same devices. incidence : which light the glass reflects; ModelChain knows the beam's alone."""

    theirs: Callable[[Weather, int, int], FloatArray]
    models: Models
    capacity_kwp: float
    inverter_kw: float


def models_beside() -> Mapping[str, Peer]:
    """Each model by its name, with ours for the same devices."""
    module, inverter = cec_module(peers.MODULE), cec_inverter(peers.INVERTER)
    kwp = module.power_w * peers.IN_SERIES * peers.STRINGS / 1000
    devices = {
        "dc": "cec",
        "module": module,
        "inverter": inverter,
        "modules_in_series": peers.IN_SERIES,
        "glass": "plain",
    }
    return {
        "ModelChain PVWatts": Peer(modelchain_pvwatts, Models(incidence="beam", glass="plain"), peers.KWP, peers.KW),
        "ModelChain CEC, Sandia": Peer(modelchain_cec, Models(incidence="beam", **devices), kwp, inverter.ac_kw),
        "PVWatts v8": Peer(pvwatts, Models(gamma_pmp_per_c=-0.0037, glass="plain"), peers.KWP, peers.KW),
        "SAM detailed": Peer(detailed, Models(**devices), kwp, inverter.ac_kw),
    }


def apart(weather: Weather, peer: Peer, planes: Sequence[tuple[int, int]]) -> Apart:
    """Compare ours with a model over planes."""
    config = load_solar(ROOT / "config")
    losses = config.losses.model_copy(update=dict.fromkeys(LOST, 0.0))
    ours = simulate(
        weather,
        [Plane(tilt, azimuth, peer.capacity_kwp, peer.inverter_kw, "racked") for tilt, azimuth in planes],
        losses, peer.models,
    ).ac_kw  # fmt: skip
    theirs = np.array([peer.theirs(weather, tilt, azimuth) for tilt, azimuth in planes])
    month = weather.sun_times.tz_convert(f"Etc/GMT{-round(weather.longitude_deg / 15):+d}").month
    months = [pd.DataFrame(values.T).groupby(np.asarray(month)).sum() for values in (ours, theirs)]
    years = ours.sum(axis=1) / theirs.sum(axis=1) - 1
    sky = sky_of(weather)
    sun_up = ours[:, sky.rows].sum(axis=1) / theirs[:, sky.rows].sum(axis=1) - 1
    by_month = (months[0] / months[1] - 1).to_numpy().ravel()
    correlation = min(np.corrcoef(a, b)[0, 1] for a, b in zip(ours, theirs, strict=True))
    return Apart(
        years.min(), years.max(), sun_up[np.abs(sun_up).argmax()], by_month[np.abs(by_month).argmax()], correlation
    )


def main() -> int:
    """Print the table; 4 where ModelChain differs by more than its target."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--year", type=Path, default=ROOT / "../shared/data/bangkok-cams-2023.epw", help="of CAMS, as EPW"
    )
    parser.add_argument("--planes", type=int, default=len(PLANES))
    given = parser.parse_args()
    is_reached = True
    print(f"{'weather':>22} {'model':>24} {'years':>20} {'sun up':>8} {'worst month':>12} {'least r':>9}")
    for name, weather in weathers(given.year).items():
        for model, peer in models_beside().items():
            got = apart(weather, peer, PLANES[: given.planes])
            years = f"{got.least:+.3%} to {got.most:+.3%}"
            print(
                f"{name:>22} {model:>24} {years:>20} {got.sun_up:>+8.3%} {got.month:>+12.2%} {got.correlation:>9.6f}",
                flush=True,
            )
            is_reached &= abs(got.sun_up) <= TARGETS.get(model, 1.0)
    return 0 if is_reached else MISSED


if __name__ == "__main__":
    raise SystemExit(main())
