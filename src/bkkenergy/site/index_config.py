"""Reads config/index.toml: the state's standard use of each group of agencies, and its target."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from bkkenergy.dated import SourcedFigure, overlaps
from bkkenergy.errors import ConfigError, WrongValue
from bkkenergy.savings.index import StandardUse
from bkkenergy.site.packaged import packaged_config_dir
from bkkenergy.tomlfiles import Frozen, read_toml, validated

INDEX_FILE = "index.toml"


class StateTarget(SourcedFigure):
    """How far below the standard use the state asks its agencies to be."""

    below_standard_ratio: Annotated[float, Field(gt=0, lt=1)]


class IndexGroup(Frozen):
    """A sub-group of agencies, as the e-report numbers them."""

    id: str
    name_th: str
    name_en: str


class IndexConfig(Frozen):
    """All of it. A group may be without public coefficients: then its standard use is not given."""

    state_target: StateTarget
    groups: tuple[IndexGroup, ...]
    standard_use: tuple[StandardUse, ...]

    @model_validator(mode="after")
    def _is_of_known_groups(self) -> Self:
        known = {group.id for group in self.groups}
        if strange := sorted({one.group for one in self.standard_use} - known):
            raise WrongValue("no_group", names=", ".join(strange))
        for group in known:
            for energy in ("electricity", "fuel"):
                of_one = [one for one in self.standard_use if (one.group, one.energy) == (group, energy)]
                if pairs := overlaps(of_one):
                    raise WrongValue("two_of_group", group=group, energy=energy, day=pairs[0][1].valid_from)
        return self


def load_index(config_dir: Path) -> IndexConfig:
    """Load config/index.toml, or the shipped one where a site has none. Raises ConfigError with every fault."""
    path = config_dir / INDEX_FILE
    if not path.exists():
        path = packaged_config_dir() / INDEX_FILE
    table = read_toml(path)
    config, faults = validated(
        IndexConfig,
        {"groups": table.pop("group", []), "standard_use": table.pop("standard_use", []), **table},
        f"{path}:",
    )
    if config is None or faults:
        raise ConfigError(faults)
    return config
