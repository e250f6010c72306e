"""Roofs as they are built: what is on them already, several grids, holes, ballast, and faults seen when they are entered."""

import numpy as np
import pytest
import shapely
from shapely.geometry import Polygon

from bkkenergy.errors import InputError
from bkkenergy.portfolio import load_portfolio
from bkkenergy.portfolio.models import Roof
from bkkenergy.portfolio.more import PvPlant
from bkkenergy.portfolio.roofcheck import roof_faults
from bkkenergy.solar.chosen import chosen_layouts
from bkkenergy.solar.layout import RoofPlane, lay_out, loads_kg_m2
from bkkenergy.solar.roofs import laid, with_plants
from tests.conftest import ROOT

BUILDING = load_portfolio(ROOT / "config").buildings["district-bangkhen.office"]
SQUARE = ((0, 0), (20, 0), (20, 20), (0, 20))
BOWTIE = ((0, 0), (9, 9), (9, 0), (0, 9))


def roof(name="a", outline=SQUARE, **fields):
    return Roof(**({"id": name, "outline_m": outline, "tilt_deg": 0, "azimuth_deg": 180} | fields))


def shifted(outline, east):
    return tuple((x + east, y) for x, y in outline)


def plant(kwp, *roofs, name="p"):
    return PvPlant(id=name, building=BUILDING.id, capacity_kwp=kwp, roofs=roofs)


def existing(roofs, plants):
    building = BUILDING.model_copy(update={"roofs": tuple(roofs)})
    return [one.installed_kwp or 0 for one in with_plants(building, plants).roofs]


def test_the_same_pv_as_a_plant_and_on_its_roof_counts_once():
    assert existing([roof(installed_kwp=50)], [plant(50, "a")]) == [50]
    assert existing([roof(installed_kwp=50)], [plant(50)]) == [50]
    assert existing([roof(installed_kwp=50)], [plant(30)]) == [50]


def test_a_plant_that_the_roof_does_not_know_takes_its_room():
    assert existing([roof()], [plant(40, "a")]) == [40]
    assert existing([roof(installed_kwp=10)], [plant(40, "a")]) == [40]
    assert existing([roof(installed_kwp=50)], [plant(80)]) == [80]


def test_plants_are_spread_over_their_roofs_by_area():
    two = [roof("a"), roof("b", shifted(((0, 0), (20, 0), (20, 60), (0, 60)), 30))]
    assert existing(two, [plant(40, "a", "b")]) == pytest.approx([10, 30])
    assert existing(two, [plant(40)]) == pytest.approx([10, 30])
    assert existing(two, [plant(40, "b"), plant(8, name="q")]) == pytest.approx([2, 46])
    assert existing(two, [plant(40, "of-another-building")]) == pytest.approx([10, 30])


def test_without_plants_roofs_stay_as_they_are():
    assert existing([roof(installed_kwp=7), roof("b", shifted(SQUARE, 30))], []) == [7, 0]


def test_modules_leave_room_for_the_plant(config):
    module = config.equipment.module("mono-550")
    building = BUILDING.model_copy(update={"roofs": (roof(),)})
    whole = laid(building.roofs[0], module, building, config.layout)
    beside = laid(with_plants(building, [plant(40)]).roofs[0], module, building, config.layout)
    assert whole.module_count - beside.module_count == np.ceil(40 * config.layout.existing_m2_per_kwp / module.area_m2)
    with pytest.raises(InputError, match="existing PV|already"):
        laid(with_plants(building, [plant(400)]).roofs[0], module, building, config.layout)


TURNED = ((0, 0), (30, 0), (30, 12), (44, 26), (35.5, 34.5), (13, 12), (0, 12))
"""A hall with a wing at 45 degrees."""
STEM = ((0, 0), (50, 0), (50, 10.2), (29.3, 10.2), (29.3, 40), (18.9, 40), (18.9, 10.2), (0, 10.2))


def layout_of(outline, config, **fields):
    plane = RoofPlane(outline, 0.0, 180.0, **fields)
    return lay_out(plane, config.equipment.module("mono-550"), config.layout, latitude_deg=13.75, longitude_deg=100.5)


def overlaps(layout):
    shapes = shapely.polygons(layout.corners_m)
    tree = shapely.STRtree(shapes)
    one, other = tree.query(shapes, predicate="intersects")
    return [shapes[a].intersection(shapes[b]).area for a, b in zip(one, other, strict=True) if a < b]


def test_what_one_grid_leaves_another_fills(config, monkeypatch):
    several = layout_of(STEM, config)
    monkeypatch.setattr("bkkenergy.solar.layout.MAX_GRIDS", 1)
    one = layout_of(STEM, config)
    assert several.module_count > 1.04 * one.module_count
    np.testing.assert_array_equal(several.corners_m[: one.module_count], one.corners_m)


@pytest.mark.parametrize(
    "outline",
    [
        SQUARE,
        TURNED,
        STEM,
        ((0, 0), (33, 0), (33, 7), (21, 7), (21, 25), (0, 25)),
        ((0, 0), (40, 3), (37, 23), (2, 18)),
    ],
)
def test_modules_of_all_grids_lie_apart_and_within_the_roof(outline, config):
    layout = layout_of(outline, config)
    assert max(overlaps(layout), default=0) < 1e-6
    usable = Polygon(outline).buffer(-config.layout.setback_m + 1e-6, join_style="mitre")
    assert shapely.covers(usable, shapely.polygons(layout.corners_m)).all()


def test_no_module_lies_over_a_hole_or_its_edge(config):
    well = ((6, 6), (14, 6), (14, 14), (6, 14))
    layout = layout_of(SQUARE, config, holes_m=(well,))
    kept_free = Polygon(well).buffer(config.layout.setback_m - 1e-6, join_style="mitre")
    assert layout.module_count > 40
    assert not shapely.intersects(shapely.polygons(layout.corners_m), kept_free).any()


def test_racks_weigh_what_holds_them_down(config):
    module = config.equipment.module("mono-550")
    flush, no_ballast = loads_kg_m2(module, config.layout, "flush")
    racked, ballast = loads_kg_m2(module, config.layout, "racked")
    assert (no_ballast, racked - ballast) == (0, pytest.approx(flush + config.layout.rack_kg_m2))
    assert racked * 9.81 == pytest.approx(config.layout.wind_uplift_pa)
    calm = config.layout.model_copy(update={"wind_uplift_pa": 50.0})
    assert loads_kg_m2(module, calm, "racked") == (pytest.approx(flush + config.layout.rack_kg_m2), 0)
    assert loads_kg_m2(module.model_copy(update={"weight_kg": None}), calm, "racked") == (None, 0)


FAULTY = {
    "roof_crosses": [roof(outline=BOWTIE)],
    "roofs_overlap": [roof(), roof("b", shifted(SQUARE, 10))],
    "obstacle_crosses": [roof(obstacles=({"outline_m": BOWTIE, "height_m": 1},))],
    "hole_crosses": [roof(holes_m=(BOWTIE,))],
    "hole_outside": [roof(holes_m=(shifted(((1, 1), (2, 1), (2, 2)), 50),))],
    "holes_touch": [roof(holes_m=(((2, 2), (8, 2), (8, 8), (2, 8)), ((5, 5), (9, 5), (9, 9), (5, 9))))],
}


@pytest.mark.parametrize("key", FAULTY)
def test_what_no_design_could_use_is_a_fault_of_the_portfolio(key):
    (fault,) = roof_faults(FAULTY[key], "building")
    assert fault.key == key
    assert fault.where.startswith("building.roofs")
    assert fault.said("th").what != fault.what


@pytest.mark.parametrize("roofs", [[], [roof()], [roof(), roof("b", shifted(SQUARE, 20))], [roof(outline=SQUARE[::-1])],
                                   [roof(outline=(*SQUARE, SQUARE[0]))], [roof(outline=(), area_m2=100)],
                                   [roof(obstacles=({"outline_m": shifted(SQUARE, 100), "height_m": 30},))]])  # fmt: skip
def test_what_can_be_built_is_no_fault(roofs):
    assert list(roof_faults(roofs, "building")) == []


def wiring_of(config, counts, inverter=None):
    """Notes of a design on rectangular roofs that carry these numbers of modules."""
    module = config.equipment.module("mono-550")
    layouts = {}
    for name, count in counts.items():
        outline = shifted(((0, 0), (60, 0), (60, 40), (0, 40)), 100 * len(layouts))
        layouts[name] = lay_out(
            RoofPlane(outline, 5.0, 180.0),
            module,
            config.layout,
            latitude_deg=13.75,
            longitude_deg=100.5,
            max_modules=count,
        )
    yields = {name: 1400.0 - number for number, name in enumerate(layouts)}
    return chosen_layouts(BUILDING, config, layouts, yields, module, capacity_kwp="max", inverter=inverter)


def test_a_tiny_roof_beside_a_big_one_is_wired_or_said_to_be_left_out(config):
    chosen, strings, notes = wiring_of(config, {"big": 144, "tiny": 2})
    assert [note.key for note in notes] == ["roof_left_out"]
    assert "tiny" not in chosen
    assert "Roof tiny: 2 modules make no string" in notes[0].said("en")
    assert notes[0].said("th") != notes[0].said("en")
    assert strings.module_count == 144


def test_a_small_roof_that_another_inverter_could_take_alone_is_named(config):
    """Beside a device whose tracker needs 15 modules in a string."""
    high = config.equipment.inverter("string-50").model_copy(update={"id": "high", "name": "High", "mppt_low_v": 500})
    inverters = dict(config.equipment.inverters) | {"high": high}
    with_high = config.model_copy(update={"equipment": config.equipment.model_copy(update={"inverters": inverters})})
    chosen, strings, notes = wiring_of(with_high, {"big": 144, "small": 10}, inverter="high")
    assert list(chosen) == ["big"]
    assert strings.inverter.name == "High"
    assert notes[-1].key == "roof_alone"
    assert "String inverter 5 kW (typical) would take 10 of them" in notes[-1].said("en")


@pytest.mark.parametrize(
    "counts", [{"a": 144}, {"a": 143}, {"a": 100, "b": 37}, {"a": 31, "b": 29, "c": 3}, {"a": 7, "b": 7}]
)
def test_each_module_is_on_a_string_or_in_a_note(counts, config):
    chosen, strings, notes = wiring_of(config, counts)
    assert sum(layout.module_count for layout in chosen.values()) == strings.module_count
    left = sum(note.values["count"] for note in notes) if len(counts) > 1 else strings.unused_modules
    assert strings.module_count + left == sum(counts.values())


@pytest.mark.parametrize(
    ("kwp", "inverters"),
    [
        (20, "3 x 5"),
        (40, "2 x 20"),
        (60, "1 x 50"),
        (120, "1 x 100"),
        (140, "1 x 100 + 1 x 20"),
        (300, "2 x 100 + 1 x 50"),
    ],
)
def test_inverters_are_few_near_the_best_ratio_and_of_two_sizes_where_that_saves_some(config, kwp, inverters):
    _, strings, _ = wiring_of(config, {"roof": round(kwp * 1000 / 550)})
    assert " + ".join(f"{plan.inverter_count} x {plan.inverter.ac_kw:g}" for plan in strings.plans) == inverters
    assert 0.8 <= strings.dc_ac_ratio <= 1.5
