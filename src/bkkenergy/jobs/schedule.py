"""Which reports should exist by now: pure functions of the schedule, the clock and what the ledger holds."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence

from bkkenergy.adapters.state.runs import Due
from bkkenergy.calendar import BANGKOK, FISCAL_YEAR_FIRST_MONTH, Period, buddhist_year, fiscal_year_of
from bkkenergy.errors import Fault
from bkkenergy.portfolio.more import PortfolioRecipient
from bkkenergy.recipients import ALL, CITY, Recipient, ReportKind
from bkkenergy.settings import FILE_NAME, ReportSchedule, Settings

NewestDays = Mapping[tuple[str, str], dt.date]


def scopes_of(schedule: ReportSchedule, agencies: Sequence[str]) -> list[str]:
    """Return the agencies of a line of the schedule; "all" is each of them and the city."""
    return [*agencies, CITY] if ALL in schedule.agencies else list(schedule.agencies)


def due_at(schedule: ReportSchedule, period: Period) -> dt.datetime:
    """Return when the report of a period is due: a day's and a week's the next morning, a longer one's on its day
    of the month after.
    """
    after = period.last_day + dt.timedelta(days=1)
    day = after if schedule.kind in {"day", "week"} else after.replace(day=schedule.day)
    return dt.datetime.combine(day, dt.time.fromisoformat(schedule.at), BANGKOK)


def period_before(kind: ReportKind, day: dt.date) -> Period:
    """Return the last period of a kind that ended before a day."""
    if kind == "day":
        return Period.day(day - dt.timedelta(days=1))
    if kind == "week":
        return Period.week(day - dt.timedelta(days=7))
    last = day.replace(day=1) - dt.timedelta(days=1)
    if kind == "quarter":
        begun = Period.month(day.year, day.month).quarter_number
        year = fiscal_year_of(day).last_day.year
        return Period.quarter(buddhist_year(year if begun > 1 else year - 1), begun - 1 or 4)
    if kind == "month":
        return Period.month(last.year, last.month)
    ended = day.year if day.month >= FISCAL_YEAR_FIRST_MONTH else day.year - 1
    return Period.fiscal_year(buddhist_year(ended))


def missed(schedule: ReportSchedule, newest: dt.date | None, now: dt.datetime, most: int) -> list[Period]:
    """List periods that are due, the newest first: those after `newest`, at most `most`; without one, the last alone.

    A service that starts for the first time has missed nothing.
    """
    periods: list[Period] = []
    period = period_before(schedule.kind, now.astimezone(BANGKOK).date())
    if due_at(schedule, period) > now:
        period = period_before(schedule.kind, period.first_day)
    while len(periods) < most and (newest is None or period.first_day > newest):
        periods.append(period)
        if newest is None:
            break
        period = period_before(schedule.kind, period.first_day)
    return periods


def due_runs(
    schedules: Iterable[ReportSchedule], agencies: Sequence[str], newest: NewestDays, now: dt.datetime, most: int
) -> list[Due]:
    """List what should be in the ledger by now and is not yet, the oldest first."""
    to_enter = [
        Due(agency=agency, period=period, due_at=due_at(schedule, period))
        for schedule in schedules
        for agency in scopes_of(schedule, agencies)
        for period in missed(schedule, newest.get((schedule.kind, agency)), now, most)
    ]
    return sorted(to_enter, key=lambda due: (due.due_at, due.agency))


def since(schedules: Iterable[ReportSchedule], agencies: Sequence[str], first: dt.date, now: dt.datetime) -> list[Due]:
    """List all that was due for periods that begin on or after a day: what a person asks to be caught up."""
    lines = list(schedules)
    before = first - dt.timedelta(days=1)
    begins: dict[tuple[str, str], dt.date] = {
        (line.kind, agency): before for line in lines for agency in scopes_of(line, agencies)
    }
    days = (now.astimezone(BANGKOK).date() - first).days + 1
    return due_runs(lines, agencies, begins, now, max(days, 1))


def settings_faults(settings: Settings, agencies: Sequence[str]) -> list[Fault]:
    """List what of the schedule and the recipients does not fit the portfolio, or cannot be sent."""
    known = {*agencies, CITY, ALL}
    named = ", ".join(sorted(known))
    lines = [(f"jobs.schedule[{number}]", line.agencies) for number, line in enumerate(settings.jobs.schedule)]
    lines = [(f"{FILE_NAME}: {where}", agencies) for where, agencies in lines]
    recipients = [(_where(number, recipient), recipient) for number, recipient in enumerate(settings.recipient)]
    lines += [(where, recipient.agencies) for where, recipient in recipients]
    faults = [
        Fault.of("agency_not_there", f"{where}.agencies", name=agency, known=named)
        for where, names in lines
        for agency in names
        if agency not in known
    ]
    if not settings.mail.host and any(_is_of_settings(one) and one.channel == "mail" for one in settings.recipient):
        faults.append(Fault.of("mail_no_server", f"{FILE_NAME}: mail.host"))
    faults += [
        Fault.of("secret_absent", f"{where}.secret_file", file=recipient.secret_file)
        for where, recipient in recipients
        if recipient.secret_file and not recipient.secret_file.exists()
    ]
    return faults


def _is_of_settings(recipient: Recipient) -> bool:
    """Return whether the operator enters a recipient, who also names the mail server; else a manager does."""
    return not isinstance(recipient, PortfolioRecipient)


def _where(number: int, recipient: Recipient) -> str:
    """Return where a recipient is entered: in the portfolio, or in the settings."""
    if isinstance(recipient, PortfolioRecipient):
        return f"recipient {recipient.id}"
    return f"{FILE_NAME}: recipient[{number}]"


def backoff_s(tries: int, first_s: float, max_s: float) -> float:
    """Return how long to wait before the next try: doubled each time, up to `max_s`."""
    doubled: float = first_s * 2.0 ** max(tries - 1, 0)
    return min(doubled, max_s)


def entry_of(schedules: Iterable[ReportSchedule], kind: str, agency: str) -> ReportSchedule | None:
    """Return the schedule's line that a run comes from; one that names its agency goes before "all"."""
    lines = [line for line in schedules if line.kind == kind]
    named = [line for line in lines if agency in line.agencies]
    return next(iter([*named, *[line for line in lines if ALL in line.agencies]]), None)
