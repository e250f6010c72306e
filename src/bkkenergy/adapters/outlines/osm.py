"""Buildings of OpenStreetMap: ways and multipolygons, as XML or as Overpass' JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from xml.etree import ElementTree as ET

from shapely.geometry import LineString, MultiPolygon, Polygon
from shapely.ops import polygonize, unary_union

from bkkenergy.adapters.outlines.footprint import (
    MIN_CORNERS,
    WGS84,
    XY,
    Footprint,
    OutlineFile,
    footprints_of,
    ring_of,
    texts,
)
from bkkenergy.adapters.outlines.xmlfile import attribute, parsed
from bkkenergy.errors import InputError

BUILDING_TAGS = ("building", "building:part", "man_made", "amenity")
"""What has a roof, or is one: a tank, a car park's canopy."""


@dataclass(slots=True)
class _Map:
    """Nodes, ways and relations by number."""

    nodes: dict[int, XY] = field(default_factory=dict)
    ways: dict[int, tuple[XY, ...]] = field(default_factory=dict)
    way_tags: dict[int, dict[str, str]] = field(default_factory=dict)
    relations: list[tuple[int, dict[str, str], list[tuple[str, tuple[XY, ...]]]]] = field(default_factory=list)


def read_osm(content: bytes) -> OutlineFile:
    """Read the buildings of an .osm file. Raises InputError."""
    root = parsed(content)
    return drawing_of_elements([_element(node) for node in root])


def _element(node: ET.Element) -> dict[str, Any]:
    """Return an element of the XML as Overpass' JSON has it."""
    element: dict[str, Any] = {"type": node.tag, **node.attrib}
    element["tags"] = {attribute(tag, "k"): attribute(tag, "v") for tag in node.iter("tag")}
    element["nodes"] = [attribute(part, "ref") for part in node.iter("nd")]
    element["members"] = [dict(part.attrib) for part in node.iter("member")]
    return element


def drawing_of_elements(elements: Sequence[Any]) -> OutlineFile:
    """Make outlines of the buildings among nodes, ways and relations. Raises InputError."""
    try:
        known = _map_of([element for element in elements if isinstance(element, dict)])
    except (KeyError, ValueError, TypeError) as error:
        raise InputError.of("outlines_bad_osm", reason=repr(error)[:200]) from None
    inside: set[tuple[XY, ...]] = set()
    footprints: list[Footprint] = []
    passed_over = 0
    for number, tags, members in known.relations:
        polygon = _multipolygon(members)
        parts = footprints_of(polygon, _name(tags, "relation", number), tags) if _is_building(tags) else []
        footprints += parts
        passed_over += _is_building(tags) and not parts
        inside |= {line for role, line in members if role == "outer"} if parts else set()
    for number, line in known.ways.items():
        tags = known.way_tags.get(number, {})
        if not _is_building(tags) or line in inside:
            continue
        ring = ring_of(line)
        if line and line[0] == line[-1] and len(ring) >= MIN_CORNERS:
            footprints.append(Footprint(_name(tags, "way", number), ring, (), tags))
        else:
            passed_over += 1
    return OutlineFile(tuple(footprints), WGS84, 1.0, passed_over)


def _map_of(elements: Sequence[dict[str, Any]]) -> _Map:
    known = _Map()
    for element in elements:
        if element.get("type") == "node":
            known.nodes[int(element["id"])] = (float(element["lon"]), float(element["lat"]))
    for element in elements:
        if element.get("type") == "way":
            number = int(element["id"])
            known.ways[number] = _line(element, known.nodes)
            known.way_tags[number] = texts(element.get("tags") or {})
    for element in elements:
        if element.get("type") == "relation":
            members = [
                (str(member.get("role") or "outer"), _member_line(member, known))
                for member in element.get("members") or ()
                if member.get("type") == "way"
            ]
            known.relations.append((int(element["id"]), texts(element.get("tags") or {}), members))
    return known


def _line(element: Mapping[str, Any], nodes: Mapping[int, XY]) -> tuple[XY, ...]:
    """Return a way's points: of its own geometry, or by the numbers of its nodes; none where one is not in the file."""
    if geometry := element.get("geometry"):
        return tuple((float(point["lon"]), float(point["lat"])) for point in geometry if point)
    numbers = [int(number) for number in element.get("nodes") or ()]
    return tuple(nodes[number] for number in numbers) if all(number in nodes for number in numbers) else ()


def _member_line(member: Mapping[str, Any], known: _Map) -> tuple[XY, ...]:
    return _line(member, known.nodes) if member.get("geometry") else known.ways.get(int(member["ref"]), ())


def _multipolygon(members: Sequence[tuple[str, tuple[XY, ...]]]) -> Polygon | MultiPolygon:
    """Join the members' lines to rings, and cut the inner ones out of the outer ones."""
    outer, inner = (
        unary_union(
            list(polygonize(unary_union([LineString(line) for role, line in members if _is(role, which, line)])))
        )
        for which in ("outer", "inner")
    )
    whole: Polygon | MultiPolygon = outer.difference(inner)
    return whole


def _is(role: str, which: str, line: tuple[XY, ...]) -> bool:
    return len(line) > 1 and (role == "inner") == (which == "inner")


def _is_building(tags: Mapping[str, str]) -> bool:
    return any(tags.get(key, "no") != "no" for key in BUILDING_TAGS)


def _name(tags: Mapping[str, str], kind: str, number: int) -> str:
    return tags.get("ref") or tags.get("name:en") or tags.get("name") or f"{kind}-{number}"
