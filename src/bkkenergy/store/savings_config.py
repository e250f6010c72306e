"""Reads config/savings.toml: placebo, thresholds, what makes a building designated."""

from __future__ import annotations

from pathlib import Path

from bkkenergy.errors import ConfigError
from bkkenergy.savings.facts import InsightRules
from bkkenergy.savings.index import Designated, StandardUse
from bkkenergy.savings.uncertainty import Placebo
from bkkenergy.tomlfiles import Frozen, read_toml, validated


class SavingsConfig(Frozen):
    """All of it. standard_use : the state's coefficients of each group, none of which ships."""

    placebo: Placebo
    designated: Designated
    insights: InsightRules
    standard_use: tuple[StandardUse, ...] = ()


def load_savings(config_dir: Path) -> SavingsConfig:
    """The file config/savings.toml. Raises ConfigError."""
    path = config_dir / "savings.toml"
    config, faults = validated(SavingsConfig, read_toml(path), f"{path}:")
    if config is None:
        raise ConfigError(faults)
    return config
