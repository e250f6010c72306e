"""Edits: a person's figure for a meter's energy, as a batch of its own that goes before everything else."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bkkenergy.errors import InputError
from bkkenergy.metering.registers import RATING_MARGIN_RATIO, S_PER_H
from bkkenergy.metering.sources import QUARTER_US, IntervalSeries, Precedence
from bkkenergy.portfolio import Meter, Portfolio
from bkkenergy.ports.ledger import IMPORT, BatchKind, Channel, EnergyLedger, LedgerReader, NewBatch
from bkkenergy.readings import US_PER_S
from bkkenergy.usecases.imports import Audit, MeterPreview, details_of, ledger_days, meter_preview

MAX_DAYS = 366


@dataclass(frozen=True, slots=True)
class Edit:
    """What a person says of a meter: its energy from start to end, and why.

    start_us, end_us : half-open, us since 1970 UTC, on quarter-hours. who : the person. at_us : now.
    """

    meter: str
    start_us: int
    end_us: int
    energy_kwh: float
    reason: str
    who: str
    at_us: int
    channel: Channel = IMPORT

    @property
    def series(self) -> IntervalSeries:
        """The figure as one interval."""
        length_s = (self.end_us - self.start_us) / US_PER_S
        return IntervalSeries(np.array([self.start_us], np.int64), length_s, np.array([self.energy_kwh]))


def preview_edit(ledger: EnergyLedger, fresh: LedgerReader, portfolio: Portfolio, edit: Edit) -> MeterPreview:
    """Show what an edit would do. Nothing is written. Raises InputError, DaysPurged."""
    meter = _checked(portfolio, edit)
    return meter_preview(ledger, fresh, meter, edit.series, Precedence.EDIT, edit.channel)


def apply_edit(ledger: EnergyLedger, fresh: LedgerReader, portfolio: Portfolio, edit: Edit, *, audit: Audit) -> int:
    """Let a person's figure count, and return the number of its batch. Raises InputError, DaysPurged.

    One quarter-hour is EDITED. A longer time is divided evenly and ESTIMATED: when it flowed is not known, so that it
    sets no peak.
    """
    preview_edit(ledger, fresh, portfolio, edit)
    meter = _checked(portfolio, edit)
    batch = NewBatch(
        BatchKind.EDIT,
        edit.reason,
        "",
        edit.who,
        edit.at_us,
        (meter.id,),
        edit.start_us,
        edit.end_us,
        1,
        edit.energy_kwh,
        Precedence.EDIT,
    )
    number = ledger.add_batch(batch, [ledger_days(meter, edit.series, edit.channel, usual_interval_s=0.0)])
    details = details_of(batch) | {"channel": edit.channel.name, "energy_kwh": edit.energy_kwh, "reason": edit.reason}
    audit("edit", str(number), details)
    return number


def _checked(portfolio: Portfolio, edit: Edit) -> Meter:
    """Return the meter of an edit that may be made. Raises InputError."""
    meter = portfolio.meters_ever.get(edit.meter)
    if meter is None:
        raise InputError.of("unknown_meter", meter=edit.meter)
    if not meter.is_electric:
        raise InputError.of("meter_of_weather", meter=meter.id)
    if not edit.reason.strip():
        raise InputError.of("edit_reason")
    if edit.start_us % QUARTER_US or edit.end_us % QUARTER_US or edit.end_us <= edit.start_us:
        raise InputError.of("edit_quarters")
    hours = (edit.end_us - edit.start_us) / US_PER_S / S_PER_H
    if hours > MAX_DAYS * 24:
        raise InputError.of("edit_days", days=MAX_DAYS)
    if edit.end_us > edit.at_us:
        raise InputError.of("edit_ahead")
    max_kwh = meter.rated_kw * RATING_MARGIN_RATIO * hours
    if not 0 <= edit.energy_kwh <= max_kwh:
        raise InputError.of(
            "edit_too_much",
            kwh=f"{edit.energy_kwh:g}",
            hours=f"{hours:g}",
            meter=meter.id,
            max_kwh=f"{max_kwh:,.0f}",
            rated_kw=f"{meter.rated_kw:g}",
        )
    return meter
