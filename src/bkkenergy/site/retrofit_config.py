"""Reads config/retrofit.toml: measures on equipment, and what is taken where a nameplate says nothing."""

from __future__ import annotations

from pathlib import Path

from bkkenergy.errors import ConfigError, Fault
from bkkenergy.retrofits.catalogue import Catalogue
from bkkenergy.site.packaged import packaged_config_dir
from bkkenergy.tomlfiles import read_toml, validated

RETROFIT_FILE = "retrofit.toml"


def load_retrofit(config_dir: Path) -> Catalogue:
    """Load config/retrofit.toml, or the shipped one where a site has none. Raises ConfigError with every fault."""
    path = config_dir / RETROFIT_FILE
    if not path.exists():
        path = packaged_config_dir() / RETROFIT_FILE
    catalogue, faults = validated(Catalogue, read_toml(path), f"{path}:")
    if catalogue is not None:
        ids = [measure.id for measure in catalogue.measures]
        faults += [Fault.of("measure_twice", f"{path}: measure", name=name) for name in set(ids) if ids.count(name) > 1]
        if "other" not in {duty.kind for duty in catalogue.duties}:
            faults.append(Fault.of("no_other_duty", f"{path}: duty"))
    if catalogue is None or faults:
        raise ConfigError(faults)
    return catalogue
