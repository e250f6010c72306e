"""DXF drawings, by ezdxf: closed polylines of the model, by their layers."""

from __future__ import annotations

import io
from typing import Any

from shapely.geometry import Polygon

from bkkenergy.adapters.outlines.footprint import MIN_CORNERS, Footprint, OutlineFile, ring_of
from bkkenergy.adapters.outlines.optional import needs_extra
from bkkenergy.errors import InputError

FLAT_M = 0.02
"""How far a polygon may leave a bend of the drawing."""
CLOSED = 1e-6
NO_UNIT, METRE = 0, 6
BINARY = b"AutoCAD Binary DXF"
BROKEN = (
    OSError,
    ValueError,
    KeyError,
    IndexError,
    AttributeError,
    TypeError,
    EOFError,
    StopIteration,
    ArithmeticError,
)


def read_dxf(content: bytes, layers: frozenset[str]) -> OutlineFile:
    """Read the closed polylines of a drawing's model, of all layers or of some; names are layers. Raises InputError."""
    document = _document(content)
    known_layers = {entity.dxf.layer for entity in document.modelspace()}
    if unknown := sorted(layers - known_layers):
        raise InputError.of("outlines_no_layer", name=unknown[0], known=", ".join(sorted(known_layers)) or "-")
    unit_m = _unit_m(int(document.header.get("$INSUNITS", NO_UNIT)))
    footprints: list[Footprint] = []
    passed_over = 0
    for entity in document.modelspace():
        if layers and entity.dxf.layer not in layers:
            continue
        ring = _ring(entity, FLAT_M / (unit_m or 1.0))
        if len(ring) >= MIN_CORNERS:
            footprints.append(Footprint(entity.dxf.layer, ring))
        else:
            passed_over += 1
    return OutlineFile(tuple(_with_holes(footprints)), "", unit_m, passed_over)


def _document(content: bytes) -> Any:
    with needs_extra():
        from ezdxf.filemanagement import dxf_stream_info, read  # noqa: PLC0415 - an extra
        from ezdxf.lldxf.const import DXFError  # noqa: PLC0415 - an extra
    if content.startswith(b"AC10"):
        raise InputError.of("outlines_dwg")
    if content.startswith(BINARY):
        raise InputError.of("outlines_no_dxf", reason="it is in the binary form")
    try:
        encoding = dxf_stream_info(io.StringIO(content.decode("ascii", "replace"))).encoding
        return read(io.StringIO(content.decode(encoding), newline=None))  # strict: a digit is not guessed
    except (DXFError, *BROKEN) as error:
        raise InputError.of("outlines_no_dxf", reason=str(error)[:200]) from None


def _unit_m(code: int) -> float | None:
    """Return the metres of a drawing's unit; None where the drawing has none."""
    if code == NO_UNIT:
        return None
    from ezdxf.enums import InsertUnits  # noqa: PLC0415 - an extra
    from ezdxf.units import conversion_factor  # noqa: PLC0415 - an extra

    try:
        return float(conversion_factor(InsertUnits(code), InsertUnits(METRE)))
    except (ValueError, KeyError, IndexError, TypeError):
        return None


def _ring(entity: Any, flat: float) -> tuple[tuple[float, float], ...]:
    """Return the corners of a closed polyline or circle, bends as short straight pieces; none of anything else."""
    from ezdxf import path  # noqa: PLC0415 - an extra

    if entity.dxftype() not in {"LWPOLYLINE", "POLYLINE", "CIRCLE", "ELLIPSE", "SPLINE"}:
        return ()
    try:
        points = [(point.x, point.y) for point in path.make_path(entity).flattening(flat)]
    except (TypeError, ValueError, ZeroDivisionError):
        return ()
    is_closed = (
        len(points) > MIN_CORNERS and max(abs(a - b) for a, b in zip(points[0], points[-1], strict=True)) < CLOSED
    )
    return ring_of(points) if is_closed else ()


def _with_holes(footprints: list[Footprint]) -> list[Footprint]:
    """Return the outer outlines; one that lies within another of its layer is a hole of it."""
    polygons = [Polygon(footprint.ring) for footprint in footprints]
    order = sorted(range(len(footprints)), key=lambda number: -polygons[number].area)
    whole: list[int] = []
    holes: dict[int, list[int]] = {}
    for number in order:
        within = [
            outer
            for outer in whole
            if footprints[outer].name == footprints[number].name
            and polygons[outer].is_valid
            and polygons[number].is_valid
            and polygons[outer].contains(polygons[number])
        ]
        if within:
            holes.setdefault(within[-1], []).append(number)
        else:
            whole.append(number)
    return [
        Footprint(
            footprints[number].name,
            footprints[number].ring,
            tuple(footprints[hole].ring for hole in holes.get(number, ())),
        )
        for number in sorted(whole)
    ]
