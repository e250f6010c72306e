"""Reads config/solar: climate, equipment and what designs assume, with every fault at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bkkenergy.errors import ConfigError, Fault
from bkkenergy.solar.assumptions import SolarConfig
from bkkenergy.tomlfiles import read_toml, validated


def load_solar(config_dir: Path) -> SolarConfig:
    """Load the folder config/solar. Raises ConfigError."""
    folder = config_dir / "solar"
    faults: list[Fault] = []
    tables: dict[str, Any] = {}
    for name in ("climate", "design", "equipment", "typical_loads"):
        try:
            tables[name] = read_toml(folder / f"{name}.toml")
        except ConfigError as error:
            faults += error.faults
    if faults:
        raise ConfigError(faults)
    equipment = {
        "modules": {entry.get("id", ""): entry for entry in tables["equipment"].get("module", [])},
        "inverters": {entry.get("id", ""): entry for entry in tables["equipment"].get("inverter", [])},
    }
    sections = {
        "climate": tables["climate"].get("climate"),
        "typical_loads": tables["typical_loads"].get("typical_loads"),
    }
    whole = {**sections, "equipment": equipment, **tables["design"]}
    config, faults = validated(SolarConfig, whole, f"{folder}:")
    if config is None:
        raise ConfigError(faults)
    return config
