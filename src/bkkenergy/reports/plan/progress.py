"""The plan's progress: every project measured as far as meters allow, summed by agency and for the city."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from contextlib import suppress

from bkkenergy.calendar import Period
from bkkenergy.errors import InputError
from bkkenergy.plan import Measured, Project
from bkkenergy.reports.savings.gather import hours_of
from bkkenergy.reports.savings.plan import is_of_whole, measured_savings, why_unmeasured
from bkkenergy.site import Site


def measured_projects(site: Site, projects: Sequence[Project], today: dt.date) -> dict[str, Measured]:
    """Compute what each done project saves in a year, as measured up to yesterday; those that cannot be are left
    out.
    """
    last_day = today - dt.timedelta(days=1)
    done = [
        project for project in projects if project.state == "done" and project.done_on and project.done_on <= last_day
    ]
    series = {}
    for name in {
        project.building for project in done if project.building in site.portfolio.buildings and is_of_whole(project)
    }:
        building = site.portfolio.buildings[name]
        first = min(
            project.done_on for project in done if project.building == name and is_of_whole(project) and project.done_on
        )
        if building.main_meters:
            with suppress(InputError):  # gross use is not known: the project is left out
                series[name] = hours_of(site, building, Period.days(first, last_day))
    return measured_savings(site, done, series, last_day)


def why_each(site: Site, projects: Sequence[Project], today: dt.date) -> dict[str, InputError]:
    """Return why projects of options A and B are not measured up to yesterday; the others are left out."""
    last_day = today - dt.timedelta(days=1)
    known = {project.id: why_unmeasured(site, project, last_day) for project in projects}
    return {name: why for name, why in known.items() if why is not None}
