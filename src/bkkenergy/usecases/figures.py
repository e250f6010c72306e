"""Figures that a person takes in: Ft from a table of a utility, into the site's own files."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bkkenergy.access import Actor
from bkkenergy.adapters.state import StateStore, transaction
from bkkenergy.adapters.state.users import enter_audit
from bkkenergy.calendar import BANGKOK
from bkkenergy.dated import Grade
from bkkenergy.errors import InputError
from bkkenergy.site.figures import load_figures
from bkkenergy.site.ft_file import FtRow, add_ft
from bkkenergy.tariff.schedule import Ft
from bkkenergy.usecases.powers import use_case


@dataclass(frozen=True, slots=True)
class FigureFiles:
    """Where a site's figures are. folder : of the configuration. state : with the audit log."""

    folder: Path
    state: StateStore


@dataclass(frozen=True, slots=True)
class FtTable:
    """Periods of a table that a person has seen. known : the Ft that they were compared with."""

    new: Sequence[FtRow]
    known: Sequence[Ft]
    source: str
    grade: Grade


@use_case("figures.import_ft", "serve", "server")
def enter_ft(files: FigureFiles, actor: Actor, table: FtTable, now: dt.datetime) -> None:
    """Enter periods of Ft, with their line in the audit log: all of them, or none.

    Raises ConfigError, InputError where the Ft was changed since it was compared, NotAllowed, StoreUnavailable.
    """
    with transaction(files.state) as connection:
        if tuple(load_figures(files.folder).tariffs.ft) != tuple(table.known):
            raise InputError.of("ft_changed_meanwhile")
        rows = [
            {"from": row.first_day.isoformat(), "to": row.last_day and row.last_day.isoformat(), "thb": row.thb_per_kwh}
            for row in table.new
        ]
        detail = {"source": table.source, "grade": table.grade, "periods": rows}
        enter_audit(connection, actor, "import_ft", "tariffs/rules.toml", detail, now)
        entered = now.astimezone(BANGKOK).date()
        add_ft(files.folder, table.new, source=table.source, grade=table.grade, entered=entered)
