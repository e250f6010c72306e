"""The city's plans from config/plan.toml, with every fault named."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from bkkenergy.calendar import BANGKOK
from bkkenergy.errors import ConfigError, Fault
from bkkenergy.plan import ActionPlan
from bkkenergy.portfolio.records import Dated
from bkkenergy.site.record_kinds import dated_table, dated_tables
from bkkenergy.tomlfiles import read_toml

PLAN_FILE = "plan.toml"
Versions = Sequence[Sequence[Dated[Any]]]
"""Those of each table of a file."""
KINDS = ("programme", "target", "agency_target")


def load_plan(config_dir: Path, day: dt.date | None = None) -> ActionPlan:
    """Load programmes and targets as they are on a day, today by default. Raises ConfigError with every fault."""
    path = config_dir / PLAN_FILE
    tables = read_toml(path)
    faults = [
        Fault.of("unknown_table_of", f"{path}: {key}", known=", ".join(KINDS)) for key in tables if key not in KINDS
    ]
    goal = tables.get("agency_target")
    goal_versions, problems = dated_table(f"{path}: agency_target", "agency_target", {} if goal is None else goal)
    programme_versions, programme_faults = dated_tables(path, "programme", tables.get("programme", []))
    target_versions, target_faults = dated_tables(path, "target", tables.get("target", []))
    faults += [*problems, *programme_faults, *target_faults]
    faults += _programme_faults(path, programme_versions, target_versions)
    present = day or dt.datetime.now(BANGKOK).date()
    goals = _on([goal_versions], present)
    if not goals and not faults:
        faults.append(Fault.of("no_goal_on", f"{path}: agency_target", day=present))
    if faults:
        raise ConfigError(faults)
    programmes, targets = (_on(versions, present) for versions in (programme_versions, target_versions))
    return ActionPlan(programmes=programmes, targets=targets, agency_target=goals[-1])


def _programme_faults(path: Path, programmes: Versions, targets: Versions) -> Iterator[Fault]:
    """Find targets of programmes that the file has not."""
    known = {version.value.id for version in chain(*programmes)}
    named = ", ".join(sorted(known))
    for number, versions in enumerate(targets):
        for name in sorted({version.value.programme for version in versions} - known):
            yield Fault.of("no_programme_here", f"{path}: target[{number}].programme", name=name, known=named)


def _on(versions: Versions, day: dt.date) -> tuple[Any, ...]:
    """Return what there is on a day."""
    return tuple(
        version.value
        for version in chain(*versions)
        if version.first <= day and (version.end is None or day < version.end)
    )
