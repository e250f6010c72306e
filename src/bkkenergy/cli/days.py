"""Days as commands take them: years of the common era, in which everything is stored."""

from __future__ import annotations

import datetime as dt
from typing import Any

import click

from bkkenergy.calendar import FIRST_YEAR_BE
from bkkenergy.cli.refusals import refused
from bkkenergy.texts import BE_OFFSET_YEARS


class CommonEra(click.DateTime):
    """A day or an instant of the common era. A year of the Buddhist era would be a day five centuries from now."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Convert text, and refuse a year of the Buddhist era with the one that is meant."""
        instant: dt.datetime = super().convert(value, param, ctx)
        if instant.year >= FIRST_YEAR_BE:
            meant = instant.year - BE_OFFSET_YEARS
            self.fail(refused("buddhist_year", year=instant.year, meant=meant), param, ctx)
        return instant
