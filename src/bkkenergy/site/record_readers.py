"""What savings and plans rest on, from the records where the state is their source, else from their files."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

from bkkenergy.plan import ActionPlan
from bkkenergy.portfolio.records import Records
from bkkenergy.site.plan_config import PLAN_FILE, load_plan
from bkkenergy.site.portfolio_files import read_register
from bkkenergy.site.savings_config import SavingsConfig, within_their_days


def savings_of(config: SavingsConfig, records: Records) -> SavingsConfig:
    """Return the savings' configuration with the adjustments of the records, where these are the source."""
    if not records.revision:
        return config
    versions = [
        version for key in records.by_kind.get("adjustment", {}) for version in records.history("adjustment", key)
    ]
    return config.model_copy(update={"adjustments": tuple(within_their_days(versions))})


def plan_of(config_dir: Path, records: Records, day: dt.date) -> ActionPlan | None:
    """Return the city's plan on a day: of the records where they are the source, else of its file; None without one."""
    if not records.revision:
        return load_plan(config_dir, day) if (config_dir / PLAN_FILE).exists() else None
    goals = _on(records, "agency_target", day)
    if not goals:
        return None
    return ActionPlan(
        programmes=_on(records, "programme", day), targets=_on(records, "target", day), agency_target=goals[-1]
    )


def register_of(config_dir: Path, records: Records) -> Records:
    """Return the records that hold the programme's register: those of the portfolio, or of its file where files are
    the source. Raises ConfigError.
    """
    if records.revision:
        return records
    return read_register(config_dir, records)


def _on(records: Records, kind: str, day: dt.date) -> tuple[Any, ...]:
    """Return the things of a kind that there are on a day."""
    return tuple(records.on(kind, day).values())
