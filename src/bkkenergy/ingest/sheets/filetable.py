"""What a file of a utility says once it is read: columns of meters, what was found out, and refused rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bkkenergy.ingest.files import Wide, WideValues
from bkkenergy.metering.sources import IntervalSeries
from bkkenergy.readings import BoolArray
from bkkenergy.texts import Phrase


@dataclass(frozen=True, slots=True)
class Refusal:
    """A row that was not taken, and why. row : its number in the file, from 1."""

    row: int
    column: str
    why: Phrase


@dataclass(frozen=True, slots=True)
class FileTable:
    """What a file says.

    wide : the chosen columns. values : what each holds. refused : rows, by number. notes : what was found out.
    estimated : column -> (k,) whether the file calls the value an estimate; no entry where it never does.
    meters : column -> meter or meter:channel, as the mapping says or as the file names them.
    """

    wide: Wide
    values: Mapping[str, WideValues]
    refused: Sequence[Refusal]
    notes: Sequence[Phrase]
    estimated: Mapping[str, BoolArray] = field(default_factory=dict)
    meters: Mapping[str, str] = field(default_factory=dict)

    def series(self, column: str) -> IntervalSeries:
        """Return a column as energies of intervals. Raises InputError where rows go on at another pace."""
        series = self.wide.series(column, self.values[column])
        return IntervalSeries(series.start_us, series.interval_s, series.energy_kwh, self.estimated.get(column))
