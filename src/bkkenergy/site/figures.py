"""The figures that reports rest on, read from config/ with their sources, and every fault in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

from bkkenergy.carbon import GridFactor
from bkkenergy.errors import ConfigError, Fault
from bkkenergy.tariff.flat import FlatRate
from bkkenergy.tariff.schedule import Ft, OffPeakDays, Rules, Schedule, Tariffs
from bkkenergy.tomlfiles import Frozen, read_toml, validated

EntryT = TypeVar("EntryT", bound=Frozen)


class RatesAndTariffs(Frozen):
    """Rates, tariffs and factors."""

    flat_rate: FlatRate
    tariffs: Tariffs
    grid_factors: tuple[GridFactor, ...]


def load_figures(config_dir: Path) -> RatesAndTariffs:
    """Load the figures of config_dir. Raises ConfigError with every fault."""
    faults: list[Fault] = []
    folder = config_dir / "tariffs"
    flat = _entries(folder / "flat.toml", "flat", FlatRate, faults)
    schedules = _entries(folder / "schedules.toml", "schedule", Schedule, faults)
    ft = _entries(folder / "rules.toml", "ft", Ft, faults)
    rules = _entries(folder / "rules.toml", "rules", Rules, faults)
    off_peak_days = _entries(folder / "rules.toml", "off_peak_days", OffPeakDays, faults)
    factors = _entries(config_dir / "factors.toml", "grid_factor", GridFactor, faults)
    if faults:
        raise ConfigError(faults)
    tariffs = Tariffs(
        schedules={schedule.id: schedule for schedule in schedules},
        ft=tuple(ft),
        rules=rules[0],
        off_peak_days=off_peak_days[0],
    )
    return RatesAndTariffs(flat_rate=flat[0], tariffs=tariffs, grid_factors=tuple(factors))


def _entries(path: Path, key: str, model: type[EntryT], faults: list[Fault]) -> list[EntryT]:
    """Read the [key] table or the [[key]] tables of a file; at least one, or a fault."""
    try:
        listed: Any = read_toml(path).get(key)
    except ConfigError as error:
        faults += error.faults
        return []
    if not listed:
        faults.append(Fault(f"{path}: {key}", "there is none", f"Enter at least one {key}."))
        return []
    entries = []
    for number, table in enumerate(listed if isinstance(listed, list) else [listed]):
        where = f"{path}: {key}[{number}]" if isinstance(listed, list) else f"{path}: {key}"
        entry, problems = validated(model, table, where)
        faults += problems
        if entry is not None:
            entries.append(entry)
    return entries
