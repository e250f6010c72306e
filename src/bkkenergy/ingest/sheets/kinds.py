"""What a column of a file may be in: units by the channel that it is of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from bkkenergy.errors import InputError
from bkkenergy.ingest.sheets.cells import ENERGY_KINDS, OTHER_UNITS, UNITS, Kind, in_base_unit, plain_unit
from bkkenergy.ingest.sheets.mapping import FileMapping
from bkkenergy.ingest.sheets.numbers import Number
from bkkenergy.ingest.sheets.table import TableForm
from bkkenergy.ports.channels import CHANNELS, IMPORT, Channel
from bkkenergy.texts import Phrase, Term, chained

KINDS_OF: Mapping[str, tuple[Kind, ...]] = {
    "kWh": ENERGY_KINDS,
    "kvarh": ("reactive power", "reactive energy"),
    "m3": ("volume", "flow"),
    "kvar": ("reactive power",),
    "kVA": ("apparent power",),
    "kW": ("power",),
    "V": ("voltage",),
    "A": ("current",),
    "1": ("ratio",),
    "degC": ("temperature",),
    "W/m2": ("irradiance",),
}
"""Unit of a channel -> what a column of it may be in."""
GAUGES_OF_FILES = frozenset(channel for channel in CHANNELS.values() if not channel.is_additive)
"""Channels whose values are of an instant: they are stored as readings."""


def kind_named(kind: str) -> Term:
    """Return the name of what a unit measures."""
    return Term(kind, f"file_kind.{kind.replace(' ', '_')}")


def unit_of(
    column: str, cells: Iterable[Number | Phrase], form: TableForm, mapping: FileMapping, channel: Channel
) -> str:
    """Return the unit of a column: as asked, by most cells, or by its headings. Raises InputError for another's."""
    if mapping.unit is not None:
        unit = plain_unit(mapping.unit)
    else:
        counts = Counter(cell.unit for cell in cells if isinstance(cell, Number))
        unit = (counts.most_common(1)[0][0] if counts else "") or form.units[column]
    if not unit and channel in GAUGES_OF_FILES:
        raise InputError.of("file_unit_unsaid", column=column, example="°C")
    if not unit or (unit in UNITS and UNITS[unit][0] in KINDS_OF[channel.unit]):
        return unit
    if unit in UNITS or unit in OTHER_UNITS or unit == form.units[column]:
        fitting = chained("file_kind.either", [kind_named(kind) for kind in KINDS_OF[channel.unit] if kind != "pulses"])
        other = "" if channel is not IMPORT else Phrase("error.sheet_other_channel")
        raise InputError.of("sheet_unit_unfit", column=repr(column), unit=unit, fitting=fitting, other=other)
    raise InputError.of("file_unit_unknown", column=column, unit=unit)


def converted(cell: Number | Phrase, unit: str, *, is_signed: bool) -> float | Phrase:
    """Return a cell in the unit of its kind, by its own unit before that of its column; or why it cannot be."""
    if isinstance(cell, Phrase):
        return cell
    cell_unit = cell.unit or unit
    if cell_unit and cell_unit not in UNITS:
        return Phrase("row.unknown_unit", {"unit": cell_unit})
    if cell_unit and unit and UNITS[cell_unit][0] != UNITS[unit][0]:
        return Phrase("row.other_unit", {"unit": cell_unit, "column": unit})
    value = in_base_unit(cell.value, cell_unit) if cell_unit else cell.value
    return Phrase("row.negative", {"value": f"{value:g}"}) if value < 0 and not is_signed else value
