"""What registers do that they should not, by what was seen of them before."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from bkkenergy.ingest.sanity import Memory, register_events
from bkkenergy.ingest.sort import Sorted
from bkkenergy.metering.events import Event
from bkkenergy.metering.frames import exchanges_of, limits_of
from bkkenergy.portfolio import Meter, MeterKind
from bkkenergy.ports.ledger import MeterSeen
from bkkenergy.ports.readings import ReadingStore
from bkkenergy.readings import US_PER_S

RECALLED_DAYS = 7
"""A register is recalled from this many days before its meter's latest reading, which may be one of power alone."""
US_PER_DAY = 86_400 * US_PER_S


def stretches_of(seen: Mapping[str, MeterSeen], meters: Sequence[str]) -> Iterator[tuple[list[str], int, int]]:
    """Group meters by the day of their latest reading, each with the week up to it: no store is searched through."""
    by_day: dict[int, list[str]] = defaultdict(list)
    for name in meters:
        if name in seen:
            by_day[seen[name].last_us // US_PER_DAY].append(name)
    for day, names in sorted(by_day.items()):
        yield names, (day - RECALLED_DAYS) * US_PER_DAY, (day + 1) * US_PER_DAY


class Watch:
    """Holds registers against what was seen of them before."""

    def __init__(self, meters: Sequence[Meter], *, stuck_after_s: float) -> None:
        self._stuck_after_s = stuck_after_s
        self._limits = limits_of(meters)
        self._ratio = np.array([meter.multiplier for meter in meters])
        self._is_register = np.array([meter.kind is MeterKind.REGISTER for meter in meters], np.bool_)
        self._exchanges = exchanges_of(meters)
        self._memory = Memory.empty(len(meters))

    def take_over(self, meter_ids: Sequence[str], before: Watch, ids_before: Sequence[str]) -> None:
        """Take over what another watch saw of the same meters. A register in another ratio starts without memory."""
        number_of = {name: number for number, name in enumerate(ids_before)}
        rows = [(number, number_of[name]) for number, name in enumerate(meter_ids) if name in number_of]
        if not rows:
            return
        new, old = np.array(rows, np.int64).T
        is_other = self._ratio[new] != before._ratio[old]
        self._memory.take_over(new, before._memory, old)
        self._memory.register_kwh[new[is_other]] = np.nan

    def recall(self, meter_ids: Sequence[str], store: ReadingStore, seen: Mapping[str, MeterSeen]) -> None:
        """Start where the store ends. seen : what the energy ledger knows of each meter. Raises StoreUnavailable."""
        registers = [name for name, is_register in zip(meter_ids, self._is_register, strict=True) if is_register]
        number_of = {name: number for number, name in enumerate(meter_ids)}
        for names, start_us, end_us in stretches_of(seen, registers):
            for name, (ts_us, register_kwh) in store.latest_registers(names, start_us, end_us).items():
                self._memory.ts_us[number_of[name]] = ts_us
                self._memory.moved_us[number_of[name]] = ts_us
                self._memory.register_kwh[number_of[name]] = register_kwh

    def events(self, outcome: Sorted) -> list[Event]:
        """Return what the batch's registers do that they should not."""
        return register_events(
            outcome.batch,
            self._memory,
            self._limits,
            self._is_register,
            self._exchanges,
            stuck_after_s=self._stuck_after_s,
        )
