"""What persons noted of a report's days, as the report has it."""

from __future__ import annotations

import datetime as dt

from bkkenergy.adapters.state.notes import DayNote
from bkkenergy.calendar import Period
from bkkenergy.i18n import Words
from bkkenergy.reports.content import ReportNote
from bkkenergy.site import Site
from bkkenergy.usecases.notes import notes_seen


def report_notes(site: Site, agency: str, period: Period) -> tuple[ReportNote, ...]:
    """Return what was noted of an agency's period, the oldest first. Raises StoreUnavailable."""
    notes = notes_seen(site.state, agency, None, period)
    return tuple(ReportNote(note.building, note.first, note.end, note.text, note.by) for note in notes)


def note_time(note: DayNote | ReportNote, words: Words) -> str:
    """Return the days of a note, or its hours."""
    last_day = (note.end - dt.timedelta(microseconds=1)).date()
    if all((instant.hour, instant.minute) == (0, 0) for instant in (note.first, note.end)):
        first, last = words.day_year(note.first.date()), words.day_year(last_day)
        return first if first == last else f"{first} – {last}"
    end = words.time(note.end) if note.end.date() == note.first.date() else words.moment(note.end)
    return f"{words.moment(note.first)} – {end}"
