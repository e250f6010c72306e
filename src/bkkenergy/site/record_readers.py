"""What savings and plans rest on, from the records where the state is their source, else from their files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bkkenergy.plan import ActionPlan
from bkkenergy.portfolio.records import Records
from bkkenergy.site.plan_config import PLAN_FILE, load_plan
from bkkenergy.site.savings_config import SavingsConfig


def savings_of(config: SavingsConfig, records: Records) -> SavingsConfig:
    """Return the savings' configuration with the adjustments of the records, where these are the source."""
    if not records.revision:
        return config
    return config.model_copy(update={"adjustments": _latest(records, "adjustment")})


def plan_of(config_dir: Path, records: Records) -> ActionPlan | None:
    """Return the city's plan: of the records where they are the source, else of its file; None without one."""
    if not records.revision:
        return load_plan(config_dir) if (config_dir / PLAN_FILE).exists() else None
    goals = _latest(records, "agency_target")
    if not goals:
        return None
    return ActionPlan(
        programmes=_latest(records, "programme"), targets=_latest(records, "target"), agency_target=goals[-1]
    )


def _latest(records: Records, kind: str) -> tuple[Any, ...]:
    """Return the things of a kind as they were entered last."""
    return tuple(entries[-1].value for entries in records.by_kind.get(kind, {}).values())
