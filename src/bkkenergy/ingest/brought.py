"""What a file of a utility brings once it is read: energies of intervals, or readings, and of which meters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bkkenergy.errors import InputError
from bkkenergy.ingest.fileratios import FileMeters, Side
from bkkenergy.ingest.files import Imported, judged_readings
from bkkenergy.ingest.sheets import FileMapping, FileTable, target_of
from bkkenergy.metering.sources import IntervalSeries
from bkkenergy.portfolio import Portfolio
from bkkenergy.ports.channels import IMPORT, Channel
from bkkenergy.usecases.fields import channels_of, field_of


@dataclass(frozen=True, slots=True)
class BroughtIntervals:
    """Energies of intervals. series : of each meter. channel : a register of all of them."""

    series: Mapping[str, IntervalSeries]
    channel: Channel


@dataclass(frozen=True, slots=True)
class BroughtReadings:
    """Registers and values of an instant, which are stored as readings. side : on which they are."""

    meters: FileMeters
    readings: Imported
    side: Side | None


def check_columns(portfolio: Portfolio, mapping: FileMapping) -> None:
    """Raise InputError for a meter that is not known, or named twice, or has no such channel."""
    known = portfolio.meters_ever
    targets = {column: target_of(text) for column, text in mapping.columns.items()}
    for column, target in targets.items():
        if target.meter not in known:
            raise InputError.of("file_meter_unknown", column=column, meter=target.meter)
        if list(targets.values()).count(target) > 1:
            raise InputError.of("file_meter_twice", column=column, target=target)
        if target.channel is not IMPORT and target.channel not in channels_of(known[target.meter]):
            raise InputError.of("meter_has_no", meter=target.meter, name=target.channel.name)


def brought_by(
    file: Path, sheet: FileTable, portfolio: Portfolio, side: Side | None, *, latest_us: int
) -> BroughtIntervals | BroughtReadings:
    """Return what a file brings. Raises InputError where its columns do not go together."""
    targets = {column: target_of(text) for column, text in sheet.meters.items()}
    are_readings = {kind in {"register", "gauge"} for kind in sheet.values.values()}
    if len(are_readings) > 1:
        raise InputError.of("file_registers_and_others", file=file)
    if are_readings == {True}:
        names = list(dict.fromkeys(target.meter for target in targets.values()))
        meters = FileMeters.of(portfolio, names)
        columns = {
            column: (names.index(target.meter), field_of(portfolio.meters_ever[target.meter], target.channel.name))
            for column, target in targets.items()
        }
        return BroughtReadings(
            meters, judged_readings(sheet.wide, columns, meters, latest_us=latest_us, side=side), side
        )
    if side is Side.SECONDARY:
        raise InputError.of("import_side_of_energies", file=file)
    channels = {target.channel for target in targets.values()}
    if len(channels) > 1:
        raise InputError.of("file_several_channels", file=file)
    return BroughtIntervals({target.meter: sheet.series(column) for column, target in targets.items()}, channels.pop())
