"""GeoJSON (RFC 7946; the older form with a member `crs` too), and OpenStreetMap's JSON of Overpass."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from shapely.errors import GEOSException
from shapely.geometry import shape

from bkkenergy.adapters.outlines.footprint import WGS84, Footprint, OutlineFile, footprints_of, named, texts
from bkkenergy.adapters.outlines.osm import drawing_of_elements
from bkkenergy.errors import InputError

MAX_DEPTH = 20
LAST_OF_CRS84 = "CRS84"


def read_geojson(content: bytes) -> OutlineFile:
    """Read the polygons of a GeoJSON file, or the buildings of an Overpass answer. Raises InputError."""
    try:
        document = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise InputError.of("outlines_no_json", reason=str(error)[:200]) from None
    if not isinstance(document, dict):
        raise InputError.of("outlines_no_geojson")
    if isinstance(document.get("elements"), list):
        return drawing_of_elements(document["elements"])
    footprints: list[Footprint] = []
    passed_over = 0
    for geometry, tags in _geometries(document, {}, 0):
        parts = _parts(geometry, tags)
        footprints += parts
        passed_over += not parts
    return OutlineFile(tuple(footprints), _crs(document), 1.0, passed_over)


def _geometries(node: Any, tags: dict[str, str], depth_count: int) -> Iterator[tuple[dict[str, Any], dict[str, str]]]:
    """Return each geometry of a document, with what is said of it."""
    if depth_count > MAX_DEPTH or not isinstance(node, dict):
        return
    match node.get("type"):
        case "FeatureCollection":
            for feature in _list(node.get("features")):
                yield from _geometries(feature, tags, depth_count + 1)
        case "Feature":
            known = {"id": node["id"]} if "id" in node else {}
            said = node.get("properties")
            own_tags = texts(known | (said if isinstance(said, dict) else {}))
            yield from _geometries(node.get("geometry"), own_tags, depth_count + 1)
        case "GeometryCollection":
            for geometry in _list(node.get("geometries")):
                yield from _geometries(geometry, tags, depth_count + 1)
        case str():
            yield node, tags
        case _:
            raise InputError.of("outlines_no_geojson")


def _list(node: Any) -> list[Any]:
    return node if isinstance(node, list) else []


def _parts(geometry: dict[str, Any], tags: dict[str, str]) -> list[Footprint]:
    if geometry.get("type") not in {"Polygon", "MultiPolygon"}:
        return []
    try:
        return footprints_of(shape(geometry), named(tags), tags)
    except (ValueError, TypeError, AttributeError, IndexError, KeyError, GEOSException) as error:
        raise InputError.of("outlines_bad_shape", name=named(tags) or "?", reason=str(error)[:200]) from None


def _crs(document: dict[str, Any]) -> str:
    """Return the coordinates' system: WGS84 by RFC 7946, or what the older member names."""
    member = document.get("crs")
    if not isinstance(member, dict):
        return WGS84
    properties = member.get("properties")
    name = str(properties.get("name", "")) if isinstance(properties, dict) else ""
    if not name or name.endswith(LAST_OF_CRS84):
        return WGS84
    return "EPSG:" + name.rsplit(":", 1)[-1] if "EPSG" in name.upper() else name
