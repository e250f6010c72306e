from dataclasses import replace
from itertools import combinations

import numpy as np
import pvlib
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import Polygon

from bkkenergy.errors import InputError
from bkkenergy.library.packaged import demonstration
from bkkenergy.portfolio import Roof
from bkkenergy.solar.irradiance import sky_of
from bkkenergy.solar.layout import RoofPlane, grid_azimuths_deg, lay_out, roof_of_area, row_pitch_m, usable_area
from bkkenergy.solar.module import CEC, cec_inverter, cec_module, cec_table
from bkkenergy.solar.production import simulate
from bkkenergy.solar.roofs import as_plane, check_apart
from bkkenergy.solar.shading import Box
from bkkenergy.solar.strings import SHORT_CIRCUIT_FACTOR, plan_strings, plan_two_sizes, string_window
from tests.conftest import inputs

PLACE = {"latitude_deg": 13.75, "longitude_deg": 100.5}
L_SHAPE = ((0, 0), (30, 0), (30, 15), (12, 15), (12, 20), (0, 20))
MACHINE = Box(((14, 6), (18, 6), (18, 9), (14, 9)), 2.0)
MODULES, INVERTERS = list(cec_table("CECMod").index), list(cec_table("CECInverter").index)


@pytest.mark.parametrize("mounting", ["flush", "racked"])
@pytest.mark.parametrize("azimuth", [180, 150, 90])
def test_modules_lie_on_the_roof_apart_from_each_other_and_from_obstacles(config, mounting, azimuth):
    roof = RoofPlane(L_SHAPE, 5, azimuth, (MACHINE,))
    found = lay_out(roof, config.equipment.module("mono-550"), config.layout, **PLACE, mounting=mounting)
    usable = usable_area(roof, config.layout).buffer(1e-6)
    shapes = [Polygon(corners) for corners in found.corners_m]
    assert all(usable.covers(shape) for shape in shapes)
    assert sum(shape.area for shape in shapes) == pytest.approx(
        Polygon(L_SHAPE).intersection(_union(shapes)).area, rel=1e-6
    )
    assert found.module_count > (80 if mounting == "racked" else 110)
    tilt = 10 if mounting == "racked" else 5
    flat = found.module.area_m2 * np.cos(np.radians(tilt))
    assert shapes[0].area == pytest.approx(flat, rel=1e-6)


def _union(shapes):
    from shapely import union_all

    return union_all(shapes)


def test_rows_do_not_shade_each_other_in_december(config):
    import pandas as pd
    import pvlib

    pitch = row_pitch_m(2.278, 10, 180, 13.75, 100.5)
    at = pd.date_range("2025-12-21 09:00", "2025-12-21 15:00", freq="10min", tz="Asia/Bangkok")
    sun = pvlib.solarposition.get_solarposition(at, 13.75, 100.5)
    profile = np.tan(np.radians(sun["apparent_elevation"])) / np.cos(np.radians(sun["azimuth"] - 180))
    depth, rise = 2.278 * np.cos(np.radians(10)), 2.278 * np.sin(np.radians(10))
    assert (rise / profile <= pitch - depth + 1e-9).all()
    assert (rise / profile).max() == pytest.approx(pitch - depth)


def test_more_setback_never_gives_more_modules(config):
    module, roof = config.equipment.module("mono-550"), RoofPlane(L_SHAPE, 5, 180)
    counts = [
        lay_out(roof, module, config.layout.model_copy(update={"setback_m": setback}), **PLACE).module_count
        for setback in (0, 0.6, 1.2, 2.4)
    ]
    assert counts == sorted(counts, reverse=True)


def test_a_roof_that_carries_nothing_says_why(config):
    with pytest.raises(InputError, match=r"no module of 2.278 x 1.134 m fits"):
        lay_out(
            RoofPlane(((0, 0), (2, 0), (2, 2), (0, 2)), 0, 180),
            config.equipment.module("mono-550"),
            config.layout,
            **PLACE,
        )
    with pytest.raises(InputError, match="crosses itself"):
        lay_out(
            RoofPlane(((0, 0), (9, 9), (9, 0), (0, 9)), 0, 180),
            config.equipment.module("mono-550"),
            config.layout,
            **PLACE,
        )


def test_an_area_becomes_a_rectangle_of_that_area():
    roof = roof_of_area(500, 5, 135)
    assert Polygon(roof.outline_m).area == pytest.approx(500)
    assert not roof.is_known


@settings(deadline=None, max_examples=inputs(300))
@given(st.sampled_from(MODULES), st.sampled_from(INVERTERS), st.integers(1, 3000))
def test_strings_never_pass_the_limits_of_any_pair(config, module_name, inverter_name, count):
    module, inverter, site = cec_module(module_name), cec_inverter(inverter_name), config.site_temperature
    try:
        plan = plan_strings([count], module, inverter, site)
    except InputError as refusal:
        remedy = str(refusal)
    else:
        remedy = ""
    if remedy:
        assert "Take" in remedy
        return
    window = string_window(module, inverter, site)
    length = plan.modules_in_string
    assert (
        length * module.v_oc_v * (1 + module.beta_voc_per_c * (site.record_low_air_c - 25))
        <= min(inverter.max_dc_v, module.max_system_v) + 1e-6
    )
    assert window.v_mp_hot_v * length >= inverter.mppt_low_v - 1e-6
    assert window.v_mp_cold_v * length <= inverter.mppt_high_v + 1e-6
    assert plan.strings_per_mppt * module.i_mp_a <= inverter.max_current_a_per_mppt + 1e-6
    assert plan.strings_per_mppt * module.i_sc_a * SHORT_CIRCUIT_FACTOR <= inverter.max_isc_a_per_mppt + 1e-6
    assert plan.string_count <= plan.inverter_count * inverter.mppt_count * plan.strings_per_mppt
    assert plan.module_count + plan.unused_modules == count
    assert 0.8 <= plan.dc_ac_ratio <= 1.5 + 1e-9


def test_refusals_explain_themselves(config):
    site, module = config.site_temperature, config.equipment.module("mono-550")
    with pytest.raises(InputError, match="modules make no string"):
        plan_strings([3], module, config.equipment.inverter("string-100"), site)
    narrow = config.equipment.inverter("string-100").model_copy(update={"mppt_low_v": 1040, "mppt_high_v": 1060})
    with pytest.raises(InputError, match="wider window"):
        plan_strings([100], module, narrow, site)
    weak = config.equipment.inverter("string-100").model_copy(update={"max_current_a_per_mppt": 9})
    with pytest.raises(InputError, match="more than a tracker"):
        plan_strings([100], module, weak, site)
    with pytest.raises(InputError, match="DC/AC ratio"):
        plan_strings([60], module, config.equipment.inverter("string-100"), site)


def test_equipment_is_found_by_id_or_in_the_cec_tables(config):
    assert config.equipment.module(CEC + MODULES[0]).name
    with pytest.raises(InputError, match="cec:Jinko"):
        config.equipment.module("jinko")
    with pytest.raises(InputError, match="string-50"):
        config.equipment.inverter("nothing-like-it")


def test_no_string_runs_from_roof_to_roof(config):
    module, inverter = config.equipment.module("mono-550"), config.equipment.inverter("string-5")
    plan = plan_strings([12, 12], module, config.equipment.inverter("string-5"), config.site_temperature)
    assert (plan.modules_in_string, plan.strings_by_roof, plan.unused_modules) == (12, (1, 1), 0) or (
        plan.modules_in_string in {4, 6} and len(set(plan.strings_by_roof)) == 1 and plan.unused_modules == 0
    )
    with pytest.raises(InputError, match="on one roof, and the largest has 2"):
        plan_strings([2, 2, 2], module, inverter, config.site_temperature)


@settings(deadline=None, max_examples=inputs(200))
@given(
    st.sampled_from(["string-5", "string-20", "string-50", "string-100"]),
    st.lists(st.integers(1, 300), min_size=1, max_size=5),
)
def test_each_roof_has_its_own_strings_and_trackers(config, inverter_name, counts):
    module, inverter = config.equipment.module("mono-550"), config.equipment.inverter(inverter_name)
    try:
        plan = plan_strings(counts, module, inverter, config.site_temperature)
    except InputError:
        return
    assert all(
        strings * plan.modules_in_string <= count for strings, count in zip(plan.strings_by_roof, counts, strict=True)
    )
    trackers = sum(-(-strings // plan.strings_per_mppt) for strings in plan.strings_by_roof)
    assert trackers <= plan.inverter_count * inverter.mppt_count
    assert plan.module_count + plan.unused_modules == sum(counts)


SQUARE = ((0, 0), (20, 0), (20, 20), (0, 20))
TURNED = ((0, 0), (14.1422, 14.1422), (0, 28.2843), (-14.1422, 14.1422))


@pytest.mark.parametrize("mounting", ["flush", "racked"])
def test_a_flat_roof_that_is_turned_carries_as_many_modules(config, mounting):
    module = config.equipment.module("mono-550")
    straight, turned = (
        lay_out(RoofPlane(outline, 0.0, 180.0), module, config.layout, **PLACE, mounting=mounting)
        for outline in (SQUARE, TURNED)
    )
    assert turned.module_count >= 0.9 * straight.module_count
    assert abs(turned.module_azimuth_deg - 180.0) == pytest.approx(0.0 if mounting == "flush" else 45.0, abs=0.2)


def test_a_steep_roof_keeps_its_rows_down_the_slope():
    assert grid_azimuths_deg(RoofPlane(TURNED, 20.0, 180.0), 180.0) == (180.0,)


def test_pv_that_is_there_already_takes_its_room(config):
    module, roof = config.equipment.module("mono-550"), RoofPlane(SQUARE, 5.0, 180.0)
    whole = lay_out(roof, module, config.layout, **PLACE)
    beside = lay_out(roof, module, config.layout, **PLACE, existing_kwp=30.0)
    covered_m2 = (whole.module_count - beside.module_count) * module.area_m2
    assert covered_m2 == pytest.approx(30.0 * config.layout.existing_m2_per_kwp, abs=module.area_m2)
    assert beside.warnings == ("existing_pv",)
    with pytest.raises(InputError, match="already covers about 480 m2"):
        lay_out(roof, module, config.layout, **PLACE, existing_kwp=80.0)


def test_an_obstacle_that_crosses_itself_is_refused(config):
    bow = Box(((5, 5), (9, 9), (9, 5), (5, 9)), 2.0)
    with pytest.raises(InputError, match="obstacle 1 crosses itself"):
        lay_out(RoofPlane(SQUARE, 5.0, 180.0, (bow,)), config.equipment.module("mono-550"), config.layout, **PLACE)


def test_roofs_over_one_another_are_refused_and_neighbours_are_not():
    building = next(one for one in demonstration().buildings.values() if one.roofs)
    left, right = (
        Roof(id=name, outline_m=[(x, 0), (x + 20, 0), (x + 20, 20), (x, 20)], tilt_deg=5, azimuth_deg=180)
        for name, x in (("left", 0), ("right", 20))
    )
    check_apart(building.model_copy(update={"roofs": (left, right)}))
    twice = left.model_copy(update={"id": "again"})
    with pytest.raises(InputError, match=r"left and again lie over one another \(400 m2\)"):
        check_apart(building.model_copy(update={"roofs": (left, twice)}))


def test_the_voltage_of_a_test_is_no_limit_of_the_device():
    name = next(name for name in cec_table("CECInverter").index if "STP_62_US" in name or "STP62" in name)
    assert cec_inverter(name).max_dc_v == 1000


@pytest.mark.parametrize(
    ("tilt_deg", "low", "high"), [(10.0, -0.024, -0.010), (15.0, -0.034, -0.016), (20.0, -0.046, -0.022)]
)
def test_rows_shade_one_another_as_infinite_sheds_do(config, weather, tilt_deg, low, high):
    """What pvlib's infinite sheds lose on their front against a row alone; light about the sun is shaded with the beam."""
    layout = lay_out(
        RoofPlane(SQUARE, 0.0, 180.0), config.equipment.module("mono-550"), config.layout, **PLACE,
        mounting="racked", rack_tilt_deg=tilt_deg,
    )  # fmt: skip
    sky = sky_of(weather)
    shaded = simulate(weather, [as_plane(layout, sky, 1.0, [])], config.losses, sky=sky)
    alone = simulate(
        weather,
        [replace(as_plane(layout, sky, 1.0, []), beam_seen=None, sky_seen=1.0, ground_seen=1.0)],
        config.losses,
        sky=sky,
    )
    lost = float(shaded.step_kwh["shading"][0] / alone.step_kwh["shading"][0]) - 1
    slant_m = layout.module.length_m if layout.standing == "portrait" else layout.module.width_m
    front = [
        pvlib.bifacial.infinite_sheds.get_irradiance_poa(
            tilt_deg, layout.module_azimuth_deg, 90 - sky.elevation_deg, sky.azimuth_deg, gcr, 1.0, slant_m / gcr,
            sky.ghi_wm2, sky.dhi_wm2, sky.dni_wm2, 0.2, model="haydavies", dni_extra=1361.0,
        )["poa_global"]
        for gcr in (slant_m / layout.row_pitch_m, 0.01)
    ]  # fmt: skip
    of_sheds = float(np.nansum(front[0]) / np.nansum(front[1])) - 1
    assert lost == pytest.approx(of_sheds, abs=0.007)
    assert low < lost < high


@pytest.mark.parametrize("width_m", [0.0, 0.6, 1.2])
@pytest.mark.parametrize("mounting", ["flush", "racked"])
def test_a_walkway_has_the_width_that_was_asked_for(config, mounting, width_m):
    rules = config.layout.model_copy(update={"walkway_every_rows": 2, "walkway_m": width_m})
    plain, walked = (
        lay_out(
            RoofPlane(SQUARE, 0.0, 180.0), config.equipment.module("mono-550"), one, **PLACE,
            mounting=mounting, max_modules=None,
        )
        for one in (config.layout, rules)
    )  # fmt: skip
    across = 1 if walked.module_azimuth_deg in {0.0, 180.0} else 0
    low, high = walked.corners_m[..., across].min(axis=1), walked.corners_m[..., across].max(axis=1)
    rows = np.unique(np.stack([low, high], axis=1).round(4), axis=0)
    gaps = rows[1:, 0] - rows[:-1, 1]
    if mounting == "racked":
        assert gaps.max() == pytest.approx(max(width_m, gaps.min()), abs=1e-3)
        assert (gaps[::2].max() - gaps[::2].min(), gaps[1::2].max() - gaps[1::2].min()) == pytest.approx(
            (0, 0), abs=1e-3
        )
    else:
        modules = shapely.union_all(shapely.polygons(walked.corners_m))
        joined = modules.buffer(rules.module_gap_m).buffer(-rules.module_gap_m)
        parts = shapely.get_parts(joined)
        near_m = min((a.distance(b) for a, b in combinations(parts, 2)), default=width_m)
        assert near_m >= width_m - 1e-3
    assert walked.module_count <= plain.module_count
    assert (walked.module_count < plain.module_count) == (width_m > 0.0)


@pytest.mark.parametrize("count", [256, 300, 330, 410, 520, 1000])
def test_two_sizes_of_inverter_share_the_strings_of_one_length(config, count):
    equipment, site, module = config.equipment, config.site_temperature, config.equipment.module("mono-550")
    large, small = equipment.inverter("string-100"), equipment.inverter("string-20")
    pair = plan_two_sizes([count - 40, 40], module, large, small, site)
    assert pair is not None
    assert pair.module_count + pair.unused_modules == count
    assert {plan.modules_in_string for plan in pair.plans} == {pair.modules_in_string}
    assert pair.strings_by_roof == tuple(modules // pair.modules_in_string for modules in (count - 40, 40))
    for plan in pair.plans:
        assert 0.8 <= plan.dc_ac_ratio <= 1.5
        assert plan.window.least <= plan.modules_in_string <= plan.window.most
        on_trackers = sum(-(-strings // plan.strings_per_mppt) for strings in plan.strings_by_roof)
        assert on_trackers <= plan.inverter_count * plan.inverter.mppt_count
    kw = sum(plan.inverter_count * plan.inverter.ac_kw for plan in pair.plans)
    assert pair.dc_ac_ratio == pytest.approx(pair.module_count * module.power_w / 1000 / kw)


def test_two_sizes_are_none_where_the_smaller_one_has_nothing_left(config):
    equipment, site, module = config.equipment, config.site_temperature, config.equipment.module("mono-550")
    assert plan_two_sizes([30], module, equipment.inverter("string-100"), equipment.inverter("string-20"), site) is None
