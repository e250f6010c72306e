"""Late data: whether what is archived is still what the store says, and a new revision where it is not."""

from __future__ import annotations

import datetime as dt

import structlog

from bkkenergy.adapters.state.runs import Run
from bkkenergy.calendar import BANGKOK, Period
from bkkenergy.jobs.runner import Figures, RunContext, changes_between
from bkkenergy.recipients import CITY
from bkkenergy.reports.gather import period_figures
from bkkenergy.usecases.during import site_during

log = structlog.get_logger(__name__)


def look_for_late_data(context: RunContext) -> int:
    """Add a new revision of each recent report that late data have changed; return how many.

    Recent is what ended within `jobs.late_days`; the city's report follows its agencies'.
    """
    now = context.clock()
    today = now.astimezone(BANGKOK).date()
    jobs = context.settings.jobs
    count = 0
    for run in _newest_of_recent(context, today - dt.timedelta(days=jobs.late_days)):
        after = {name: figures for name, figures in _figures_now(context, run).items() if name in (run.figures or {})}
        changed = changes_between(run.figures or {}, after, jobs.late_change_ratio)
        if changed and context.queue.again(run, ", ".join(change.building_id for change in changed), now):
            log.info("late_data", agency=run.agency, period=run.period.slug, buildings=len(changed))
            count += 1
    return count


def _newest_of_recent(context: RunContext, ended_after: dt.date) -> list[Run]:
    """List the newest revision of each agency's periods that ended within the time, where it is done."""
    newest: dict[tuple[str, Period], Run] = {}
    for run in context.queue.runs(since=ended_after - dt.timedelta(days=366)):
        newest.setdefault((run.agency, run.period), run)
    return [
        run
        for run in newest.values()
        if run.state == "done"
        and run.agency != CITY
        and run.agency in context.site.portfolio.agencies
        and run.period.last_day >= ended_after
    ]


def _figures_now(context: RunContext, run: Run) -> Figures:
    site = site_during(context.site, run.period)
    return period_figures(site.energy, site.portfolio, run.agency, run.period)
