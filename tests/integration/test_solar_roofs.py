"""`bkkenergy solar roofs` and `solar horizon` as an engineer calls them: seen first, entered with a reason."""

import json
import shutil
import tomllib

import pytest

from bkkenergy.portfolio.kinds import BuildingRoof
from tests.commands import bkkenergy
from tests.conftest import ROOT

BUILDING = "district-bangkhen.office"
SETTINGS = '[store]\npath = "var/store.sqlite"\n[state]\npath = "var/state.sqlite"\n[observe]\nport = 0\n'


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    """A site of the demonstration's files, imported."""
    folder = tmp_path_factory.mktemp("site") / "config"
    shutil.copytree(ROOT / "config", folder)
    (folder / "bkkenergy.toml").write_text(SETTINGS)
    bkkenergy("portfolio", "import", "--yes", "--why", "first", "--config", folder)
    return folder


@pytest.fixture(scope="module")
def outlines(tmp_path_factory, config):
    """Two roofs beside the building's place, one with a well."""
    table = json.loads(bkkenergy("portfolio", "show", BUILDING, "--json", "--config", config))
    (value,) = (row["value"] for row in table if row["kind"] == "building")
    lat, lon = value["latitude_deg"], value["longitude_deg"]

    def ring(west, south, east, north):
        corners = [(west, south), (east, south), (east, north), (west, north), (west, south)]
        return [[lon + x / 108_000, lat + y / 110_600] for x, y in corners]

    features = [
        {"type": "Feature", "properties": {"name": name, "tilt_deg": 5, "azimuth_deg": 180}, "geometry": {"type": "Polygon", "coordinates": rings}}
        for name, rings in (("East", [ring(0, 0, 30, 20), ring(10, 8, 14, 12)]), ("West", [ring(-40, 0, -5, 20)]))
    ]  # fmt: skip
    path = tmp_path_factory.mktemp("files") / "roofs.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


def roofs(config, *arguments, ok=True):
    return bkkenergy("solar", "roofs", *arguments, "--building", BUILDING, "--config", config, code=0 if ok else None)


def test_roofs_are_shown_as_a_table_a_plan_and_toml_and_nothing_is_entered(config, outlines, tmp_path):
    output = roofs(config, outlines, "--preview", tmp_path / "plan.svg", "-o", tmp_path / "roofs.toml", "--lang", "en")
    assert "East" in output
    tables = tomllib.loads((tmp_path / "roofs.toml").read_text())["building"]["roofs"]
    values = [BuildingRoof.model_validate(table | {"building": BUILDING}) for table in tables]
    assert [(value.id, len(value.holes_m)) for value in values] == [("east", 1), ("west", 0)]
    plan = (tmp_path / "plan.svg").read_text()
    assert plan.startswith("<svg xmlns=")
    assert plan.count("<polygon") > 100
    assert ">west</text>" in plan
    assert '"east"' not in bkkenergy("portfolio", "show", BUILDING, "--json", "--config", config)


def test_entered_roofs_are_the_building_s_and_are_designed_for(config, outlines):
    assert "--why" in roofs(config, outlines, "--enter", ok=False)
    roofs(config, outlines, "--enter", "--why", "survey of 2026")
    assert "survey of 2026" in bkkenergy("portfolio", "history", "--config", config)
    found = json.loads(bkkenergy("portfolio", "show", BUILDING, "--json", "--config", config))
    assert {row["value"]["id"] for row in found if row["kind"] == "roof"} >= {"east", "west"}
    options = json.loads(bkkenergy("solar", "size", BUILDING, "--json", "--config", config))["options"]
    assert max(option["capacity_kwp"] for option in options) > 200


def test_one_outline_is_taken_by_its_name(config, outlines):
    data = json.loads(roofs(config, outlines, "--only", "West", "--json"))
    assert [roof["name"] for roof in data["roofs"]] == ["West"]
    assert data["roofs"][0]["capacity_kwp"] > 80


def test_a_horizon_of_a_file_is_printed_for_a_roof(tmp_path):
    path = tmp_path / "pvgis.csv"
    path.write_text("A\tH_hor\n-90.0\t10.0\n0.0\t1.0\n")
    output = bkkenergy("solar", "horizon", path)
    assert "count from south" in output
    assert tomllib.loads(output)["horizon"] == [[90.0, 10.0], [180.0, 1.0]]
