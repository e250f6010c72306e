"""Reads config/savings.toml: placebo, thresholds, what makes a building designated."""

from __future__ import annotations

from pathlib import Path

from bkkenergy.errors import ConfigError, Fault
from bkkenergy.savings.adjust import Adjustment
from bkkenergy.savings.facts import InsightRules
from bkkenergy.savings.index import Designated
from bkkenergy.savings.uncertainty import Placebo
from bkkenergy.tomlfiles import Frozen, read_toml, validated


class SavingsConfig(Frozen):
    """All of it."""

    placebo: Placebo
    designated: Designated
    insights: InsightRules
    adjustments: tuple[Adjustment, ...] = ()

    def adjustments_of(self, building: str) -> tuple[Adjustment, ...]:
        """Return what persons entered for a building."""
        return tuple(adjustment for adjustment in self.adjustments if adjustment.building == building)


def load_savings(config_dir: Path) -> SavingsConfig:
    """Load the files config/savings.toml and config/adjustments.toml. Raises ConfigError."""
    path, entered = config_dir / "savings.toml", config_dir / "adjustments.toml"
    config, faults = validated(SavingsConfig, read_toml(path), f"{path}:")
    adjustments = []
    tables = read_toml(entered) if entered.exists() else {}
    for number, table in enumerate(tables.get("adjustment", [])):
        adjustment, problems = validated(Adjustment, table, f"{entered}: adjustment[{number}]")
        faults += problems
        adjustments += [adjustment] if adjustment else []
    for key in tables.keys() - {"adjustment"}:
        faults.append(Fault(f"{entered}: {key}", "this table is not known here", "Write each under [[adjustment]]."))
    if config is None or faults:
        raise ConfigError(faults)
    return config.model_copy(update={"adjustments": tuple(adjustments)})
