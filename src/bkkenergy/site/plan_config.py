"""The city's plans from config/plan.toml, with every fault named."""

from __future__ import annotations

from pathlib import Path

from bkkenergy.errors import ConfigError, Fault
from bkkenergy.plan import ActionPlan
from bkkenergy.tomlfiles import read_toml, validated

PLAN_FILE = "plan.toml"


def load_plan(config_dir: Path) -> ActionPlan:
    """Load programmes and targets. Raises ConfigError with every fault."""
    path = config_dir / PLAN_FILE
    table = read_toml(path)
    named = {
        "programmes": table.pop("programme", []),
        "targets": table.pop("target", []),
        **table,
    }
    plan, faults = validated(ActionPlan, named, f"{path}:")
    if plan is not None:
        known = {programme.id for programme in plan.programmes}
        faults += [
            Fault(f"{path}: target[{number}].programme", f"{target.programme!r} is no programme of this file",
                  f"Use one of: {', '.join(sorted(known))}.")
            for number, target in enumerate(plan.targets)
            if target.programme not in known
        ]  # fmt: skip
    if plan is None or faults:
        raise ConfigError(faults)
    return plan
