"""Purges raw readings past their years, whose days are in the energy ledger. No row changes by it.

In this order: bring the days up, compare, note what goes, count again, delete. A crash anywhere leaves rows as they
are: days that are noted are never computed from what is left, and the next run ends the deletion.

A deletion needs two witnesses for a meter and a month: the ledger, with the number of values that its rows were
computed from, and the same number counted by the store itself just before. Where they differ the readings stay, and
the run names the meter: a read came short, a day waits, or readings came after their day was purged. Readings that
come between the last count and the deletion may be deleted with the others: their days are noted as late. How old
is old follows the newest readings and today, whichever is earlier: a clock that is ahead deletes nothing. Meters
without a clock are stamped by ours, and would follow it. So the first deletion of a site waits until a person has seen
what it would delete, and so does one whose cut leaps.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import structlog

from bkkenergy.calendar import Period, day_of_us
from bkkenergy.errors import BkkEnergyError
from bkkenergy.portfolio import Meter, MeterKind
from bkkenergy.ports.ledger import IMPORT, EnergyLedger, Purged
from bkkenergy.readings import FIELDS
from bkkenergy.settings import Settings
from bkkenergy.site import Site
from bkkenergy.texts import Phrase
from bkkenergy.usecases.fields import channels_of, fields_of
from bkkenergy.usecases.follow import follow_configuration
from bkkenergy.usecases.recompute import recompute
from bkkenergy.usecases.runs import DAY, midnight_us
from bkkenergy.usecases.witnesses import DayStretch, PurgeState, WitnessComparison, ask_both, readings_of, values_stored

log = structlog.get_logger(__name__)

BRING_UP_S = 600.0
"""A purge computes marked days for this long at most: live meters go on marking theirs."""
LEFT_BEFORE_CUT = dt.timedelta(days=7)
"""Readings before the cut that stay, to read registers at its edge."""
LEAP = dt.timedelta(days=400)
"""A cut that moves on by more than this at once is of a wrong clock, of a changed raw_years, or a year late."""
ONE_IN = 4
"""The newest readings are those that one meter in this many has reached: a device with a wrong clock sets no cut."""


class DeletionWaits(BkkEnergyError):
    """Readings are past their years, and no person has agreed to a deletion here yet, or not to one that leaps."""


@dataclass(frozen=True, slots=True)
class Planned:
    """What the first deletion would take: meters with the day of their oldest reading and how many readings."""

    cut: dt.date
    meters: Mapping[str, tuple[dt.date, int]]

    @property
    def readings(self) -> int:
        """How many in all."""
        return sum(count for _, count in self.meters.values())


@dataclass(frozen=True, slots=True)
class PurgeRun:
    """What a run did: days of meters whose readings were deleted, and how many these were.

    undeleted : meters whose readings are past their years and were not deleted, since ledger and store do not agree.
    """

    cut: dt.date
    days: int
    deleted: int
    undeleted: Mapping[str, int]


def due_cut(settings: Settings, today: dt.date) -> dt.date | None:
    """Return the first day whose readings stay: the first of a month, so that work comes once a month; None: all do."""
    years = settings.store.raw_years
    return None if years == 0 else dt.date(today.year - years, today.month, 1)


def planned(site: Site, *, today: dt.date) -> Planned | None:
    """Return what a deletion would take now; None where nothing is past its years. Changes nothing."""
    due = _due(site, today)
    if due is None:
        return None
    by_end: dict[dt.date, list[str]] = defaultdict(list)
    for meter in due.meters:
        by_end[_edge(site, meter, due.cut).deleted_before].append(meter.id)
    meters = {
        name: (day_of_us(due.first_us[name]), readings_of(counts))
        for end, names in by_end.items()
        if due.first_day < end
        for name, counts in values_stored(site, names, due.first_day, end - DAY).items()
    }
    return Planned(due.cut, meters) if meters else None


def purge(
    site: Site,
    *,
    today: dt.date,
    is_seen: bool = False,
    on_progress: Callable[[str], object] = lambda _: None,
) -> PurgeRun | None:
    """Delete readings that are past their years and in the ledger; None where there is nothing to do.

    is_seen : a person has just seen what goes, and the cut may leap. on_progress : called with what begins. Meters that
    the portfolio no longer has keep their readings.
    Raises DeletionWaits, StoreUnavailable, and StoreRefused where the server will not delete.
    """
    due = _due(site, today)
    if due is None:
        site.ledger.purges.set_undeleted({})
        return None
    if not is_seen and (why := _wants_a_person(site, due)):
        if planned(site, today=today) is None:
            return None
        raise DeletionWaits.of(
            "deletion_waits",
            meters=len(due.meters),
            years=site.settings.store.raw_years,
            why=why,
        )
    on_progress("computing")
    _bring_up(site, due)
    on_progress("comparing")
    comparisons = _compared(site, due)
    plans = [plan for meter in due.meters if (plan := _plan(site, due, meter, comparisons[meter.id])) is not None]
    on_progress("deleting")
    deleted = _delete(site, due, plans)
    undeleted = _held(site, due)
    site.ledger.purges.set_undeleted(undeleted)
    days = sum(plan.days for plan in plans if plan.meter.id in deleted)
    return PurgeRun(due.cut, days, sum(deleted.values()), undeleted) if deleted or undeleted else None


def _wants_a_person(site: Site, due: _Due) -> Phrase | None:
    """Return why a person is to look at a deletion first; None where there is no need."""
    agreed = site.ledger.purges.agreed()
    if agreed is None:
        return Phrase("error.deletion_first")
    before = purged_before(site.ledger) or due_cut(site.settings, day_of_us(agreed.at_us))
    if before is None or due.cut - before <= LEAP:
        return None
    return Phrase("error.deletion_leaps", {"before": before, "cut": due.cut})


def purged_before(ledger: EnergyLedger, meters: Sequence[str] | None = None) -> dt.date | None:
    """Return the first day from which no meter's readings were deleted; None where none were."""
    spans = ledger.purges.spans(meters)
    return max((span.deleted_before for purged in spans.values() for span in purged), default=None)


@dataclass(frozen=True, slots=True)
class _Due:
    """What is past its years: all before `left`, of meters with readings before it. first_us : of each."""

    cut: dt.date
    meters: tuple[Meter, ...]
    first_us: Mapping[str, int]

    @property
    def left(self) -> dt.date:
        """The first day whose readings stay, for the registers at the edge."""
        return self.cut - LEFT_BEFORE_CUT

    @property
    def first_day(self) -> dt.date:
        """The day of the earliest reading."""
        return day_of_us(min(self.first_us[meter.id] for meter in self.meters))

    @property
    def months(self) -> list[dt.date]:
        """The first day of every month with such readings, up to the cut."""
        months = [self.first_day.replace(day=1)]
        while (after := Period.month(months[-1].year, months[-1].month).last_day + DAY) < self.cut:
            months.append(after)
        return months


def _due(site: Site, today: dt.date) -> _Due | None:
    """Return what is past its years by the newest readings and today; None where that is nothing."""
    names = list(site.portfolio.meters_ever)
    seen = site.ledger.seen(names)
    newest_us = sorted((meter_seen.last_us for meter_seen in seen.values()), reverse=True)
    if site.settings.store.raw_years == 0 or not newest_us:
        return None
    cut = due_cut(site.settings, min(today, day_of_us(newest_us[len(newest_us) // ONE_IN])))
    if cut is None:
        return None
    left_us = midnight_us(cut - LEFT_BEFORE_CUT)
    first_us = {name: meter_seen.first_us for name, meter_seen in seen.items() if meter_seen.first_us < left_us}
    there = site.readings.count(list(first_us), min(first_us.values(), default=left_us), left_us, FIELDS)
    meters = tuple(meter for meter in site.portfolio.meters if meter.id in there)  # what is deleted is seen for ever
    return _Due(cut, meters, first_us) if meters else None


def _bring_up(site: Site, due: _Due) -> None:
    follow_configuration(site)
    recompute(site, meters=[meter.id for meter in due.meters], within_s=BRING_UP_S)


def _stretches(meter: Meter, due: _Due, purged: Sequence[Purged], late: Sequence[dt.date]) -> Iterator[DayStretch]:
    """Split the months up to the cut where the state of a meter's days changes, and around days with late readings.

    So these days stay alone, and hold no others of their month back.
    """
    edges = {day for span in purged for day in (span.first, span.deleted_before, span.last + DAY)}
    edges |= {day for first in late for day in (first, first + DAY)}
    inside = {day for day in edges if due.months[0] < day < due.cut}
    starts = sorted({*due.months, *inside})
    for first, end in zip(starts, [*starts[1:], due.cut], strict=True):
        yield DayStretch(meter, first, end - DAY, _state(first, purged))


def _state(day: dt.date, purged: Sequence[Purged]) -> PurgeState:
    span = next((span for span in purged if span.first <= day <= span.last), None)
    if span is None:
        return PurgeState.OPEN
    if day >= span.deleted_before:
        return PurgeState.LEFT
    return PurgeState.GONE if span.is_done else PurgeState.UNFINISHED


def _compared(site: Site, due: _Due) -> dict[str, list[WitnessComparison]]:
    """Return what the witnesses say of all days of each meter up to the cut, in order."""
    names = [meter.id for meter in due.meters]
    spans, late = site.ledger.purges.spans(names), site.ledger.purges.late(names)
    comparisons: dict[str, list[WitnessComparison]] = {meter.id: [] for meter in due.meters}
    stretches = [
        stretch
        for meter in due.meters
        for stretch in _stretches(meter, due, spans.get(meter.id, ()), late.get(meter.id, ()))
    ]
    for comparison in ask_both(site, stretches):
        comparisons[comparison.stretch.meter.id].append(comparison)
    return comparisons


@dataclass(frozen=True, slots=True)
class _Edge:
    """Where the readings that stay begin, and the rows that may still be computed from them."""

    deleted_before: dt.date
    open_from: dt.date


def _edge(site: Site, meter: Meter, cut: dt.date) -> _Edge:
    """Return the edge of a meter: the last reading before the cut stays, with what it is itself read by.

    A gap that reaches over the cut is so always known from both its ends. A second register that has fallen silent for
    good holds nothing back.
    """
    plain = _Edge(cut - LEFT_BEFORE_CUT, cut)
    if meter.kind is MeterKind.WEATHER:
        return plain
    cut_us = midnight_us(cut)
    fields = [
        name for number, name in enumerate(fields_of(meter))
        if (number == 0 and meter.is_electric) or site.readings.first_from_us(meter.id, cut_us, name) is not None
    ]  # fmt: skip
    last = _last_day(site, meter, fields, cut)
    if last is None:
        return plain
    before = _last_day(site, meter, fields, last) or last
    return _Edge(min(plain.deleted_before, before - DAY), last)


def _last_day(site: Site, meter: Meter, fields: Sequence[str], before: dt.date) -> dt.date | None:
    """Return the day of the last reading before a day; of several registers the earliest."""
    times_us = [site.readings.last_before_us(meter.id, midnight_us(before), name) for name in fields]
    return min((day_of_us(at) for at in times_us if at is not None), default=None)


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is to be noted and deleted of a meter."""

    meter: Meter
    spans: list[Purged]
    stretches: list[DayStretch]
    days: int


def _plan(site: Site, due: _Due, meter: Meter, compared: Sequence[WitnessComparison]) -> _Plan | None:
    """Plan up to the first open stretch on which the witnesses differ; None where nothing is to be deleted."""
    doubted = (
        comparison.stretch.first
        for comparison in compared
        if comparison.stretch.state is PurgeState.OPEN and not comparison.agrees
    )
    cut = next(doubted, due.cut)
    edge = _edge(site, meter, cut)
    doomed = [
        _clipped(comparison.stretch, edge.deleted_before)
        for comparison in compared
        if comparison.agrees and comparison.readings and comparison.stretch.first < edge.deleted_before
    ]
    if not doomed or due.first_us[meter.id] >= midnight_us(edge.deleted_before):
        return None
    known = site.ledger.purges.spans([meter.id]).get(meter.id, ())
    opened = [
        comparison.stretch
        for comparison in compared
        if comparison.stretch.state is PurgeState.OPEN and comparison.stretch.last < cut
    ]
    first_day = day_of_us(due.first_us[meter.id])  # days before it are those of files alone
    days = [
        day
        for day in _days_with_rows(site, meter)
        if first_day <= day < edge.open_from and any(stretch.first <= day <= stretch.last for stretch in opened)
    ]
    new = [Purged(day, day, min(edge.deleted_before, day + DAY), is_done=False) for day in days]
    return _Plan(meter, _joined([*known, *new]), doomed, len(days))


def _clipped(stretch: DayStretch, before: dt.date) -> DayStretch:
    return replace(stretch, last=min(stretch.last, before - DAY))


def _days_with_rows(site: Site, meter: Meter) -> list[dt.date]:
    channels = (IMPORT,) if meter.is_electric else channels_of(meter)
    return sorted({day for channel in channels for day in site.ledger.stored_days(meter.id, channel)})


def _joined(spans: Iterable[Purged]) -> list[Purged]:
    """Join spans without a day between them. What is begun is not done."""
    joined: list[Purged] = []
    for span in sorted(spans):
        before = joined[-1] if joined else None
        if before is not None and before.last + DAY >= span.first:
            deleted_before = max(before.deleted_before, span.deleted_before)
            joined[-1] = Purged(before.first, span.last, deleted_before, is_done=False)
        else:
            joined.append(replace(span, is_done=False))
    return joined


@dataclass
class _Ranges:
    """Stretches of time that are to be deleted, with their meters."""

    names: dict[tuple[int, int], list[str]] = field(default_factory=lambda: defaultdict(list))

    def add(self, meter: str, stretches: Sequence[DayStretch]) -> None:
        """Add neighbouring stretches of a meter as one."""
        start = end = None
        for stretch in stretches:
            if end is not None and stretch.first != end + DAY:
                self._put(meter, start, end)
                start = None
            start, end = start or stretch.first, stretch.last
        self._put(meter, start, end)

    def _put(self, meter: str, start: dt.date | None, last: dt.date | None) -> None:
        if start is not None and last is not None:
            self.names[midnight_us(start), midnight_us(last + DAY)].append(meter)


def _delete(site: Site, due: _Due, plans: Sequence[_Plan]) -> dict[str, int]:
    """Delete where both witnesses, asked again, agree. Return how many readings of each meter.

    Where they do not, since a day was marked or a reading came meanwhile, the deletion of that meter is not
    finished: the next run goes on with it.

    Meters that have nothing so old are given to the store with the others: where it has no other meters, it can delete
    by one request.
    """
    purges = site.ledger.purges
    noted = purges.late([plan.meter.id for plan in plans])
    begun = purges.begin({plan.meter.id: plan.spans for plan in plans})
    doomed = [stretch for plan in plans if plan.meter.id in begun for stretch in plan.stretches]
    agreed: dict[str, list[DayStretch]] = defaultdict(list)
    deleted: dict[str, int] = {}
    unfinished: set[str] = set()
    for comparison in ask_both(site, doomed):
        name = comparison.stretch.meter.id
        if not comparison.agrees:
            unfinished.add(name)
        elif comparison.readings:
            agreed[name].append(comparison.stretch)
            deleted[name] = deleted.get(name, 0) + comparison.readings
    ranges = _Ranges()
    for name, stretches in agreed.items():
        ranges.add(name, stretches)
    idle = [meter.id for meter in site.portfolio.meters if meter not in due.meters]
    for (start_us, end_us), names in ranges.names.items():
        busy = site.readings.count(idle, start_us, end_us, FIELDS)
        site.readings.forget([*names, *(name for name in idle if name not in busy)], start_us, end_us)
    _warn_of_commits(site, agreed, noted)
    purges.finish(sorted(begun - unfinished))
    return deleted


def _warn_of_commits(
    site: Site, gone: Mapping[str, Sequence[DayStretch]], noted: Mapping[str, Sequence[dt.date]]
) -> None:
    """Log days of which readings were committed after they were counted, since those may be deleted too.

    No store counts and deletes in one step with a commit. But each commit to a day of a purge notes it as late.
    """
    for name, days in site.ledger.purges.late(list(gone)).items():
        new = set(days) - set(noted.get(name, ()))
        touched = sorted(day for day in new if any(stretch.first <= day <= stretch.last for stretch in gone[name]))
        if touched:
            log.error("readings_came_while_others_were_deleted", meter=name, first=str(touched[0]), days=len(touched))


def _held(site: Site, due: _Due) -> dict[str, int]:
    """Count readings past their years on which the witnesses differ, of each meter that has some."""
    counts: dict[str, int] = {}
    for name, compared in _compared(site, due).items():
        is_doubted = False
        for comparison in compared:
            is_doubted = is_doubted or (comparison.stretch.state is PurgeState.OPEN and not comparison.agrees)
            if (is_doubted or not comparison.agrees) and comparison.stretch.first < due.left:
                part = _clipped(comparison.stretch, due.left)
                counts[name] = counts.get(name, 0) + readings_of(
                    values_stored(site, [name], part.first, part.last).get(name, {})
                )
    return counts
