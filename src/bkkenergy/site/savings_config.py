"""Reads config/savings.toml: placebo, thresholds, what makes a building designated."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

from bkkenergy.errors import ConfigError, Fault
from bkkenergy.portfolio.document import DAY
from bkkenergy.portfolio.records import Dated
from bkkenergy.savings.adjust import Adjustment
from bkkenergy.savings.designated import Designated
from bkkenergy.savings.facts import InsightRules
from bkkenergy.savings.uncertainty import Placebo
from bkkenergy.savings.worth import DemandChange
from bkkenergy.savings.yearly import ByDays, ChangeByDays
from bkkenergy.site.record_kinds import dated_tables
from bkkenergy.tomlfiles import Frozen, read_toml, validated


class SavingsConfig(Frozen):
    """All of it."""

    placebo: Placebo
    year_on_year: ChangeByDays
    forecast: ByDays
    demand_change: DemandChange
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
    tables = read_toml(entered) if entered.exists() else {}
    versions, problems = dated_tables(entered, "adjustment", tables.get("adjustment", []))
    faults += problems
    for key in tables.keys() - {"adjustment"}:
        faults.append(Fault.of("unknown_table", f"{entered}: {key}", known="adjustment"))
    if config is None or faults:
        raise ConfigError(faults)
    return config.model_copy(update={"adjustments": tuple(within_their_days(chain(*versions)))})


def within_their_days(versions: Iterable[Dated[Adjustment]]) -> Iterator[Adjustment]:
    """Return each version of adjustments, cut to the days on which it is what is entered."""
    for version in versions:
        lasts = [day for day in (version.value.last, version.end and version.end - DAY) if day is not None]
        first, last = max(version.value.first, version.first), min(lasts, default=None)
        if last is None or first <= last:
            yield version.value.model_copy(update={"first": first, "last": last})
