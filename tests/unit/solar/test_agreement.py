"""The yield model beside plain pvlib, PVWatts v8 and SAM's detailed model, on the same weather."""

from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd
import pvlib
import pytest
from pvlib.location import Location
from pvlib.modelchain import ModelChain
from pvlib.pvsystem import Array, FixedMount, PVSystem

from bkkenergy.solar.irradiance import sky_of
from bkkenergy.solar.layout import RoofPlane, lay_out
from bkkenergy.solar.module import cec_inverter, cec_module, cec_table
from bkkenergy.solar.production import Models, Plane, simulate
from bkkenergy.solar.roofs import as_plane

pytestmark = pytest.mark.slow
ORIENTATIONS = [(0, 180), *product((10, 15, 25), (0, 90, 180, 270))]
"""Tilt and azimuth. A flat plane faces nowhere: one stands for all."""
KWP, KW = 100.0, 80.0
MODULE = "Jinko_Solar_Co___Ltd_JKM410M_72HL_V"
INVERTER = "SMA_America__STP_62_US_41__480V_"
IN_SERIES, STRINGS = 19, 9


def as_pvlib(weather):
    return pd.DataFrame(
        {
            "ghi": weather.ghi_wm2, "dni": weather.dni_wm2, "dhi": weather.dhi_wm2,
            "temp_air": weather.temp_air_c, "wind_speed": weather.wind_ms,
        },
        index=weather.sun_times,
    )  # fmt: skip


def as_sam(weather):
    at = weather.sun_times
    return {
        "lat": weather.latitude_deg, "lon": weather.longitude_deg, "tz": 7, "elev": weather.elevation_m,
        "year": list(at.year), "month": list(at.month), "day": list(at.day), "hour": list(at.hour), "minute": list(at.minute),
        "gh": list(weather.ghi_wm2), "dn": list(weather.dni_wm2), "df": list(weather.dhi_wm2),
        "tdry": list(weather.temp_air_c), "wspd": list(weather.wind_ms), "tdew": [24.0] * len(at),
        "albedo": [0.2] * len(at), "pres": [1010.0] * len(at),
    }  # fmt: skip


def model_chain(weather, tilt, azimuth, *, module, inverter, dc, ac, cooling, transposition="perez", **strings):
    parameters = {**module, "module_efficiency": 0.2, "alpha_absorption": 0.9}
    array = Array(
        FixedMount(tilt, azimuth),
        albedo=0.2,
        module_parameters=parameters,
        temperature_model_parameters=pvlib.temperature.TEMPERATURE_MODEL_PARAMETERS["pvsyst"][cooling],
        **strings,
    )
    chain = ModelChain(
        PVSystem(arrays=[array], inverter_parameters=inverter),
        Location(weather.latitude_deg, weather.longitude_deg, "Asia/Bangkok", weather.elevation_m),
        transposition_model=transposition,
        aoi_model="physical",
        spectral_model="no_loss",
        dc_model=dc,
        ac_model=ac,
        losses_model="no_loss",
        temperature_model="pvsyst",
    )
    chain.run_model(as_pvlib(weather))
    return chain.results.ac.to_numpy()


@pytest.mark.parametrize(("tilt", "azimuth"), ORIENTATIONS)
@pytest.mark.parametrize("transposition", ["perez", "haydavies", "isotropic"])
def test_pvwatts_agrees_with_model_chain(weather, no_losses, tilt, azimuth, transposition):
    theirs = model_chain(
        weather, tilt, azimuth, dc="pvwatts", ac="pvwatts", cooling="semi_integrated", transposition=transposition,
        module={"pdc0": KWP, "gamma_pdc": -0.0035}, inverter={"pdc0": KW / 0.98, "eta_inv_nom": 0.98},
    )  # fmt: skip
    models = Models(transposition=transposition, incidence="beam", glass="plain")
    ours = simulate(weather, [Plane(tilt, azimuth, KWP, KW)], no_losses, models).ac_kw[0]
    assert ours.sum() == pytest.approx(theirs.sum(), rel=0.0002)
    assert np.corrcoef(ours, theirs)[0, 1] > 0.999


@pytest.mark.filterwarnings("ignore:invalid value encountered in divide")
def test_one_diode_and_sandia_agree_with_model_chain(weather, no_losses):
    module, inverter = cec_module(MODULE), cec_inverter(INVERTER)
    theirs = model_chain(
        weather, 10, 180, dc="cec", ac="sandia", cooling="freestanding",
        module=cec_table("CECMod").loc[MODULE].to_dict(), inverter=cec_table("CECInverter").loc[INVERTER].to_dict(),
        modules_per_string=IN_SERIES, strings=STRINGS,
    ) / 1000  # fmt: skip
    models = Models(
        dc="cec", module=module, inverter=inverter, modules_in_series=IN_SERIES, incidence="beam", glass="plain"
    )
    plane = Plane(10, 180, module.power_w * IN_SERIES * STRINGS / 1000, inverter.ac_kw, "racked")
    ours = simulate(weather, [plane], no_losses, models).ac_kw[0]
    assert ours.sum() == pytest.approx(theirs.sum(), rel=0.0002)
    assert np.corrcoef(ours, theirs)[0, 1] > 0.999


@pytest.mark.parametrize(("tilt", "azimuth"), ORIENTATIONS)
def test_racked_planes_agree_with_sam_pvwatts(weather, no_losses, tilt, azimuth):
    """What is left, about 1 %, is cell temperature: PVWatts uses Fuentes' model, we PVsyst's factors."""
    pvwatts = pytest.importorskip("PySAM.Pvwattsv8")
    model = pvwatts.new()
    model.SolarResource.solar_resource_data = as_sam(weather)
    model.SolarResource.use_wf_albedo = 1
    for name, value in {
        "system_capacity": KWP, "dc_ac_ratio": KWP / KW, "tilt": tilt, "azimuth": azimuth, "losses": 0,
        "array_type": 0, "module_type": 0, "inv_eff": 98, "gcr": 0.01, "bifaciality": 0,
    }.items():  # fmt: skip
        setattr(model.SystemDesign, name, value)
    model.execute()
    theirs = np.array(model.Outputs.ac) / 1000
    models = Models(gamma_pmp_per_c=-0.0037, glass="plain")
    ours = simulate(weather, [Plane(tilt, azimuth, KWP, KW, "racked")], no_losses, models).ac_kw[0]
    assert ours.sum() == pytest.approx(theirs.sum(), rel=0.015)
    assert np.corrcoef(ours, theirs)[0, 1] > 0.999


@pytest.mark.parametrize(("tilt", "azimuth"), ORIENTATIONS)
def test_one_diode_agrees_with_sam_detailed(weather, no_losses, tilt, azimuth):
    """With plain glass, as SAM's, which lets more of the light of sky and ground through than Marion's integral."""
    detailed = pytest.importorskip("PySAM.Pvsamv1")
    theirs = sam_detailed(detailed.default("FlatPlatePVNone"), weather, tilt, azimuth)
    module, inverter = cec_module(MODULE), cec_inverter(INVERTER)
    models = Models(dc="cec", module=module, inverter=inverter, modules_in_series=IN_SERIES, glass="plain")
    plane = Plane(tilt, azimuth, module.power_w * IN_SERIES * STRINGS / 1000, inverter.ac_kw, "racked")
    ours = simulate(weather, [plane], no_losses, models).ac_kw[0]
    assert -0.026 < ours.sum() / theirs.sum() - 1 < 0
    assert np.corrcoef(ours, theirs)[0, 1] > 0.999


@pytest.mark.parametrize("tilt", [10.0, 15.0, 20.0])
def test_sam_s_self_shading_is_between_shade_by_area_and_shade_by_strings(weather, config, no_losses, tilt):
    detailed = pytest.importorskip("PySAM.Pvsamv1")
    roof = RoofPlane(((0, 0), (20, 0), (20, 20), (0, 20)), 0.0, 180.0)
    layout = lay_out(
        roof, config.equipment.module("mono-550"), config.layout, latitude_deg=13.75, longitude_deg=100.5,
        mounting="racked", rack_tilt_deg=tilt,
    )  # fmt: skip
    slant_m = layout.module.length_m if layout.standing == "portrait" else layout.module.width_m
    rows = {"gcr": slant_m / layout.row_pitch_m, "shade_mode": 1, "is_landscape": layout.standing == "landscape"}
    alone, shaded = (sam_detailed(detailed.default("FlatPlatePVNone"), weather, tilt, 180, **how) for how in ({}, rows))
    sky = sky_of(weather)
    by_area, by_strings = (as_plane(layout, sky, 1.0, [], count) for count in (None, IN_SERIES))
    free = replace(by_area, beam_seen=None, sky_seen=1.0, ground_seen=1.0)
    free_kwh, area_kwh, strings_kwh = simulate(weather, [free, by_area, by_strings], no_losses, sky=sky).energy_kwh
    lost = 1 - shaded.sum() / alone.sum()
    assert 1 - area_kwh / free_kwh < lost < 1 - strings_kwh / free_kwh


def sam_detailed(model, weather, tilt, azimuth, *, gcr=0.01, shade_mode=0, is_landscape=False, as_read=None):
    resource = model.SolarResource
    resource.solar_resource_data, resource.use_wf_albedo, resource.sky_model, resource.irrad_mode = (
        as_read or as_sam(weather),
        1,
        2,
        0,
    )
    row, inverter, own = cec_table("CECMod").loc[MODULE], cec_table("CECInverter").loc[INVERTER], cec_module(MODULE)
    model.Module.module_model = 1
    cec = model.CECPerformanceModelWithModuleDatabase
    names = {
        "a_ref": "a_ref", "adjust": "Adjust", "alpha_sc": "alpha_sc", "beta_oc": "beta_oc", "i_l_ref": "I_L_ref", "i_mp_ref": "I_mp_ref",
        "i_o_ref": "I_o_ref", "i_sc_ref": "I_sc_ref", "n_s": "N_s", "r_s": "R_s", "r_sh_ref": "R_sh_ref", "t_noct": "T_NOCT",
        "v_mp_ref": "V_mp_ref", "v_oc_ref": "V_oc_ref", "area": "A_c",
    }  # fmt: skip
    for name, column in names.items():
        setattr(cec, f"cec_{name}", float(row[column]))
    cec.cec_module_width, cec.cec_module_length, cec.cec_temp_corr_mode = own.width_m, own.length_m, 0
    cec.cec_standoff, cec.cec_height, cec.cec_is_bifacial = 6, 0, 0
    model.Inverter.inverter_model, model.Inverter.inv_num_mppt = 0, 1
    model.Inverter.mppt_low_inverter, model.Inverter.mppt_hi_inverter = (
        float(inverter["Mppt_low"]),
        float(inverter["Mppt_high"]),
    )
    for name in ("C0", "C1", "C2", "C3", "Paco", "Pdco", "Pnt", "Pso", "Vdco", "Vdcmax"):
        setattr(model.InverterCECDatabase, f"inv_snl_{name.lower()}", float(inverter[name]))
    design = model.SystemDesign
    design.inverter_count, design.system_capacity = 1, own.power_w * IN_SERIES * STRINGS / 1000
    for name, value in {
        "modules_per_string": IN_SERIES, "nstrings": STRINGS, "tilt": tilt, "azimuth": azimuth, "track_mode": 0, "gcr": gcr, "mppt_input": 1,
    }.items():  # fmt: skip
        setattr(design, f"subarray1_{name}", value)
    for number in (2, 3, 4):
        setattr(design, f"subarray{number}_enable", 0)
    for name in dir(model.Losses):
        if name.startswith(("subarray1_", "acwiring", "transmission", "transformer", "dcoptimizer", "en_snow")):
            value = getattr(model.Losses, name)
            setattr(model.Losses, name, [0.0] * 12 if isinstance(value, tuple) else 0)
    model.Shading.subarray1_shade_mode = shade_mode
    model.Layout.subarray1_mod_orient, model.Layout.subarray1_nmody = int(is_landscape), 1
    model.Layout.subarray1_nmodx = IN_SERIES * STRINGS
    model.value("adjust_constant", 0)
    model.value("dc_adjust_constant", 0)
    model.execute()
    return np.array(model.Outputs.gen)[: len(weather.starts)]
