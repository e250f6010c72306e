"""Roofs out of files as programs write them: the same roof of 30 x 20 m in each form, and files that are not right."""

import contextlib
import io
import json
import math
import zipfile

import ezdxf
import numpy as np
import pyproj
import pytest
import shapefile
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import Polygon

from bkkenergy.adapters.outlines.metres import located
from bkkenergy.adapters.outlines.read import read_outlines
from bkkenergy.errors import ConfigError, InputError
from bkkenergy.portfolio import load_portfolio
from bkkenergy.usecases.roofs import OutlineWish, roofs_of_drawing
from tests.conftest import ROOT, inputs

BUILDING = load_portfolio(ROOT / "config").buildings["district-bangkhen.office"]
LATITUDE, LONGITUDE = BUILDING.latitude_deg, BUILDING.longitude_deg
SQUARE = ((-15.0, -10.0), (15.0, -10.0), (15.0, 10.0), (-15.0, 10.0))
WELL = ((-3.0, -2.0), (3.0, -2.0), (3.0, 2.0), (-3.0, 2.0))
AREA_M2 = 600.0


def degrees(points, east=0.0, north=0.0):
    """Longitude and latitude of metres east and north of the building, by pyproj: another way than the product's."""
    line = pyproj.Geod(ellps="WGS84")
    return [
        line.fwd(LONGITUDE, LATITUDE, math.degrees(math.atan2(x + east, y + north)), math.hypot(x + east, y + north))[
            :2
        ]
        for x, y in points
    ]


def utm(points, crs="EPSG:32647", **shift):
    to_grid = pyproj.Transformer.from_crs("EPSG:4326", crs, always_xy=True)
    return [to_grid.transform(*point) for point in degrees(points, **shift)]


def closed(points):
    return [list(point) for point in (*points, points[0])]


def feature(points, holes=(), **tags):
    rings = [closed(points), *(closed(hole) for hole in holes)]
    return {"type": "Feature", "properties": tags, "geometry": {"type": "Polygon", "coordinates": rings}}


def geojson(*features, **members):
    return json.dumps({"type": "FeatureCollection", "features": list(features), **members}).encode()


def kml(points, hole=None, name="Main hall"):
    def ring(kind, line):
        text = " ".join(f"{x:.9f},{y:.9f},12" for x, y in closed(line))
        return f"<{kind}><LinearRing><coordinates>{text}</coordinates></LinearRing></{kind}>"

    inner = ring("innerBoundaryIs", hole) if hole else ""
    return (
        '<?xml version="1.0" encoding="UTF-8"?><kml xmlns="http://www.opengis.net/kml/2.2"><Document><Placemark>'
        f"<name>{name}</name><ExtendedData><Data name='tilt_deg'><value>5</value></Data><Data name='azimuth_deg'>"
        f"<value>90</value></Data></ExtendedData><Polygon>{ring('outerBoundaryIs', points)}{inner}</Polygon>"
        "</Placemark></Document></kml>"
    ).encode()


def zipped(**files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__", "."), content)
    return buffer.getvalue()


def osm(points, hole):
    """A building as a multipolygon whose outer ring is two ways, and a shed as one way."""
    nodes = dict(enumerate([*points, *hole, *shed()], 1))
    text = [f'<node id="{number}" lon="{x:.9f}" lat="{y:.9f}"/>' for number, (x, y) in nodes.items()]

    def way(number, refs, tags=""):
        return f'<way id="{number}">' + "".join(f'<nd ref="{ref}"/>' for ref in refs) + tags + "</way>"

    text += [way(101, (1, 2, 3)), way(102, (3, 4, 1)), way(103, (5, 6, 7, 8, 5))]
    text.append(way(104, (9, 10, 11, 12, 9), '<tag k="building" v="shed"/>'))
    text.append(way(105, (1, 3), '<tag k="highway" v="footway"/>'))
    text.append(
        '<relation id="7"><member type="way" ref="101" role="outer"/><member type="way" ref="102" role="outer"/>'
        '<member type="way" ref="103" role="inner"/><tag k="type" v="multipolygon"/><tag k="building" v="school"/>'
        '<tag k="roof:shape" v="flat"/></relation>'
    )
    return ("<osm version='0.6'>" + "".join(text) + "</osm>").encode()


def shed():
    return degrees(((20.0, 20.0), (25.0, 20.0), (25.0, 24.0), (20.0, 24.0)))


def overpass(points, hole):
    def line(ring):
        return [{"lon": x, "lat": y} for x, y in closed(ring)]

    members = [
        {"type": "way", "ref": 1, "role": "outer", "geometry": line(points)},
        {"type": "way", "ref": 2, "role": "inner", "geometry": line(hole)},
    ]
    tags = {"building": "yes", "type": "multipolygon", "name:en": "School"}
    return json.dumps(
        {"version": 0.6, "elements": [{"type": "relation", "id": 7, "tags": tags, "members": members}]}
    ).encode()


def dxf(points, *, units=6, hole=None, layer="ROOF", extra=()):
    document = ezdxf.new("R2010")
    document.header["$INSUNITS"] = units
    space = document.modelspace()
    space.add_lwpolyline(points, close=True, dxfattribs={"layer": layer})
    if hole:
        space.add_lwpolyline(hole, close=True, dxfattribs={"layer": layer})
    space.add_line((0, 0), (5, 5), dxfattribs={"layer": "DIM"})
    for draw in extra:
        draw(space)
    stream = io.StringIO()
    document.write(stream)
    return stream.getvalue().encode()


def shape_zip(points, hole, prj, *, name="อาคารเรียน", encoding="cp874", cpg=None):
    files = {kind: io.BytesIO() for kind in ("shp", "shx", "dbf")}
    with shapefile.Writer(**files, shapeType=shapefile.POLYGON, encoding=encoding) as writer:
        writer.field("NAME", "C", 60)
        writer.field("tilt", "N", 5, 1)
        writer.poly([closed(points)[::-1], closed(hole)])
        writer.record(name, 0)
    parts = {f"roofs__{kind}": file.getvalue() for kind, file in files.items()} | {"roofs__prj": prj}
    return zipped(**parts | ({"roofs__cpg": cpg} if cpg else {}))


INDIAN_1975 = "EPSG:24047"
PRJ_INDIAN = pyproj.CRS.from_user_input(INDIAN_1975).to_wkt("WKT1_ESRI")
FORMS = {
    "rfc7946.geojson": lambda: geojson(feature(degrees(SQUARE), [degrees(WELL)], name="Main hall", tilt_deg=0)),
    "with-crs.geojson": lambda: geojson(
        feature(utm(SQUARE), [utm(WELL)]), crs={"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32647"}}
    ),
    "bare.json": lambda: json.dumps(
        {"type": "Polygon", "coordinates": [closed(degrees(SQUARE)), closed(degrees(WELL))]}
    ).encode(),
    "collection.json": lambda: json.dumps(
        {"type": "GeometryCollection", "geometries": [feature(degrees(SQUARE), [degrees(WELL)])["geometry"]]}
    ).encode(),
    "bom.geojson": lambda: b"\xef\xbb\xbf" + geojson(feature(degrees(SQUARE), [degrees(WELL)])),
    "google.kml": lambda: kml(degrees(SQUARE), degrees(WELL)),
    "google.kmz": lambda: zipped(doc__kml=kml(degrees(SQUARE), degrees(WELL))),
    "way.osm": lambda: osm(degrees(SQUARE), degrees(WELL)),
    "overpass.json": lambda: overpass(degrees(SQUARE), degrees(WELL)),
    "metres.dxf": lambda: dxf(SQUARE, hole=WELL),
    "millimetres.dxf": lambda: dxf(
        [(1000 * x, 1000 * y) for x, y in SQUARE], units=4, hole=[(1000 * x, 1000 * y) for x, y in WELL]
    ),
    "utm.dxf": lambda: dxf(utm(SQUARE), hole=utm(WELL)),
    "wgs84.zip": lambda: shape_zip(
        utm(SQUARE), utm(WELL), pyproj.CRS("EPSG:32647").to_wkt("WKT1_ESRI"), encoding="utf-8", cpg="UTF-8"
    ),
    "indian.zip": lambda: shape_zip(utm(SQUARE, INDIAN_1975), utm(WELL, INDIAN_1975), PRJ_INDIAN),
}


def roofs(name, content, **asked):
    drawing = read_outlines(name, content, layers=frozenset(asked.pop("layers", ())))
    return roofs_of_drawing(drawing, BUILDING, OutlineWish(**asked))


@pytest.mark.parametrize("name", FORMS)
def test_the_same_roof_with_its_well_comes_out_of_each_form(name):
    found_roofs = roofs(name, FORMS[name](), within_m=20)
    (roof,) = found_roofs.roofs
    area = Polygon(roof.outline_m, roof.holes_m).area
    assert area == pytest.approx(AREA_M2 - 24, abs=0.6)
    assert len(roof.outline_m) == len(roof.holes_m[0]) == 4
    expected, corners = np.array(sorted(SQUARE)), np.array(sorted((round(x), round(y)) for x, y in roof.outline_m))
    np.testing.assert_array_equal(corners, expected)


def test_names_and_angles_of_a_file_are_the_roof_s():
    (roof,) = roofs("google.kml", kml(degrees(SQUARE))).roofs
    assert (roof.id, roof.tilt_deg, roof.azimuth_deg, roof.building) == ("main-hall", 5, 90, BUILDING.id)


def test_thai_names_of_an_old_shapefile_are_read():
    found_roofs = roofs("indian.zip", FORMS["indian.zip"]())
    assert found_roofs.names == ("อาคารเรียน",)
    assert found_roofs.roofs[0].id == "roof-1"


def test_outlines_of_neighbours_are_left_out_and_counted():
    content = geojson(
        feature(degrees(SQUARE), name="ours"), *(feature(degrees(SQUARE, east=400 + n)) for n in range(3))
    )
    found_roofs = roofs("district.geojson", content)
    assert found_roofs.names == ("ours",)
    assert [note.key for note in found_roofs.notes] == ["others_far", "no_tilt"]
    assert "3 outlines are farther than 100 m" in found_roofs.notes[0].said("en")


def test_roofs_of_one_name_have_ids_of_their_own():
    content = geojson(*(feature(degrees(SQUARE, east=31 * n), name="Hall") for n in range(3)))
    assert [roof.id for roof in roofs("x.geojson", content).roofs] == ["hall", "hall-2", "hall-3"]


@pytest.mark.parametrize(
    ("tags", "asked", "expected"),
    [
        ({"tilt": "10", "azimuth": 180}, {}, (10, 180)),
        ({"roof:angle": "12°", "roof:direction": "SW"}, {}, (12, 225)),
        ({"tilt_deg": 10, "azimuth_deg": 360}, {}, (10, 0)),
        ({"tilt_deg": 10, "azimuth_deg": -90}, {"is_from_south": True}, (10, 90)),
        ({"tilt_deg": 10, "azimuth_deg": 0}, {"is_from_south": True}, (10, 180)),
        ({"tilt_deg": "7,5", "azimuth_deg": "90"}, {}, (7.5, 90)),
        ({}, {"tilt_deg": 5.0, "azimuth_deg": 270.0}, (5, 270)),
        ({"roof:shape": "flat"}, {}, (0, 180)),
    ],
)
def test_angles_come_from_tags_and_else_from_the_person(tags, asked, expected):
    (roof,) = roofs("x.geojson", geojson(feature(degrees(SQUARE), **tags)), **asked).roofs
    assert (roof.tilt_deg, roof.azimuth_deg) == expected


BOWTIE = ((-15.0, -10.0), (15.0, 10.0), (15.0, -10.0), (-15.0, 10.0))
REFUSED = {
    "azimuth -90 of": lambda: ("x.geojson", geojson(feature(degrees(SQUARE), tilt_deg=10, azimuth_deg=-90)), {}),
    "where it looks is not known": lambda: ("x.geojson", geojson(feature(degrees(SQUARE), tilt_deg=10)), {}),
    "no number of degrees": lambda: ("x.geojson", geojson(feature(degrees(SQUARE), tilt_deg="steep")), {}),
    "crosses itself": lambda: ("x.geojson", geojson(feature(degrees(BOWTIE))), {}),
    "latitude first": lambda: ("x.geojson", geojson(feature([(y, x) for x, y in degrees(SQUARE)])), {}),
    "farther than 100 m": lambda: ("x.geojson", geojson(feature(degrees(SQUARE, north=5000))), {}),
    "are no degrees": lambda: ("x.geojson", geojson(feature(utm(SQUARE))), {}),
    "smaller than 4 m2": lambda: ("x.dxf", dxf([(x / 1000, y / 1000) for x, y in SQUARE]), {}),
    "does not say its unit": lambda: ("x.dxf", dxf(SQUARE, units=0), {}),
    "no layer NORTH": lambda: ("x.dxf", dxf(SQUARE), {"layers": ("NORTH",)}),
    "Save it as DXF": lambda: ("x.dxf", b"AC1027\x00\x00", {}),
    "is a DWG drawing": lambda: ("x.dwg", b"AC1027\x00\x00", {}),
    "no DXF that can be read": lambda: ("x.dxf", b"0\nSECTION\nbroken", {}),
    "it is in the binary form": lambda: ("x.dxf", b"AutoCAD Binary DXF\r\n\x1a\x00", {}),
    "invalid float|could not convert|no DXF": lambda: ("x.dxf", dxf(SQUARE).replace(b"-15.0", b"-1x.0"), {}),
    "is no JSON": lambda: ("x.geojson", b"{", {}),
    "is no GeoJSON": lambda: ("x.json", b"[1, 2]", {}),
    "no GeoJSON and no answer": lambda: ("x.json", b'{"a": 1}', {}),
    "has no outline": lambda: (
        "x.geojson",
        geojson({"type": "Feature", "geometry": {"type": "Point", "coordinates": [1, 2]}}),
        {},
    ),
    "is empty": lambda: ("x.geojson", b" \n", {}),
    "this kind of file is not read": lambda: ("roofs.pdf", b"%PDF", {}),
    "document type or entities": lambda: ("x.kml", b"<!DOCTYPE x [<!ENTITY a 'b'>]><kml>&a;</kml>", {}),
    "is no XML": lambda: ("x.osm", b"<osm", {}),
    "are no coordinates": lambda: ("x.kml", kml(degrees(SQUARE)).replace(b",12", b",").replace(b",", b";"), {}),
    "archive cannot be read": lambda: ("x.kmz", b"PK no", {}),
    "no .kml in this": lambda: ("x.kmz", zipped(a__txt=b"x"), {}),
    "has 0 shapefiles": lambda: ("x.zip", zipped(a__txt=b"x"), {}),
    "has 2 shapefiles": lambda: ("x.zip", zipped(a__shp=b"x", b__shp=b"y"), {}),
    "no shapefile that can be read": lambda: ("x.shp", b"not a shape", {}),
    "cannot be changed to degrees": lambda: ("x.dxf", dxf(utm(SQUARE)), {"crs": "EPSG:1"}),
    "no outline is called west": lambda: (
        "x.geojson",
        geojson(feature(degrees(SQUARE), name="a")),
        {"only": ("west",)},
    ),
    "more than 50": lambda: ("x.geojson", geojson(*(feature(degrees(SQUARE)) for _ in range(51))), {}),
    "is not a number": lambda: ("x.geojson", geojson(feature([(1, 2), (float("nan"), 1), (4, 5)])), {}),
}


@pytest.mark.parametrize("message", REFUSED)
def test_what_is_not_right_is_refused_with_its_cause(message):
    name, content, asked = REFUSED[message]()
    with pytest.raises(InputError, match=message) as refusal:
        roofs(name, content, **asked)
    assert refusal.value.said("th") != str(refusal.value)


def test_a_drawing_without_a_place_is_said_to_be_one_and_turned_as_asked():
    upright = roofs("x.dxf", dxf(((0, 0), (30, 0), (30, 10), (0, 10))))
    turned = roofs("x.dxf", dxf(((0, 0), (30, 0), (30, 10), (0, 10))), north_deg=90.0)
    assert [note.key for note in upright.notes] == ["drawing", "passed_over", "no_tilt"]
    (x, y), (width, depth) = (
        np.ptp(np.array(upright.roofs[0].outline_m), axis=0),
        np.ptp(np.array(turned.roofs[0].outline_m), axis=0),
    )
    assert (x, y) == pytest.approx((30, 10))
    assert (width, depth) == pytest.approx((10, 30))


def test_bends_and_circles_of_a_drawing_are_outlines_too():
    content = dxf(SQUARE, extra=[lambda space: space.add_circle((100, 0), 10, dxfattribs={"layer": "TANK"})])
    tank = roofs("x.dxf", content, only=("TANK",)).roofs[0]
    assert Polygon(tank.outline_m).area == pytest.approx(math.pi * 100, rel=0.01)


def test_a_multipolygon_is_a_roof_for_each_part():
    parts = [[closed(degrees(SQUARE))], [closed(degrees(SQUARE, east=40))]]
    shape = {
        "type": "Feature",
        "properties": {"name": "school"},
        "geometry": {"type": "MultiPolygon", "coordinates": parts},
    }
    assert [roof.id for roof in roofs("x.geojson", geojson(shape)).roofs] == ["school-1", "school-2"]


@pytest.mark.parametrize(("east", "north"), [(0, 0), (300, -200), (-450, 450)])
def test_metres_agree_with_the_geodesic_within_centimetres(east, north):
    drawing = read_outlines("x.geojson", geojson(feature(degrees(SQUARE, east=east, north=north))))
    metres = located(drawing, LATITUDE, LONGITUDE, unit_m=None).to_metres(drawing.footprints[0].ring)
    np.testing.assert_allclose(metres, np.array(SQUARE) + np.array([east, north]), atol=0.05)


JUNK = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=8) | st.sampled_from(["Polygon", "Feature", "way", "relation"]),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(
        st.sampled_from(["type", "features", "geometry", "coordinates", "properties", "elements", "id", "nodes", "members", "tags", "crs"]),
        inner, max_size=5,
    ),
    max_leaves=20,
)  # fmt: skip


@settings(max_examples=inputs(150))
@given(document=JUNK, name=st.sampled_from(["x.geojson", "x.json"]))
def test_any_json_is_roofs_or_refused(document, name):
    with contextlib.suppress(InputError, ConfigError):
        assert roofs(name, json.dumps(document).encode()).roofs


WHOLE = {name: FORMS[name]() for name in ("google.kml", "google.kmz", "way.osm", "metres.dxf", "wgs84.zip")}


@settings(max_examples=inputs(60))
@given(data=st.data())
def test_any_damaged_file_is_roofs_or_refused(data):
    name = data.draw(st.sampled_from([*WHOLE]))
    content = bytearray(WHOLE[name])
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    length = data.draw(st.sampled_from([len(content), len(content) // 2, 10]))
    with contextlib.suppress(InputError, ConfigError):
        assert roofs(name, bytes(content[:length])).roofs
