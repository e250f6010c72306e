"""Reads config/dede.toml: the fields of a designated building's yearly report, each with where it was read."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, get_args

from bkkenergy.dated import SourcedFigure
from bkkenergy.errors import ConfigError, Fault
from bkkenergy.portfolio.models import Name
from bkkenergy.site.packaged import packaged_config_dir
from bkkenergy.tomlfiles import read_toml, validated

DEDE_FILE = "dede.toml"
FieldKey = Literal[
    "legal_entity", "designated_name", "tsic_id", "year", "approved_kw", "installed_kva", "energy_kwh", "energy_mj",
    "persons", "report_due", "open_hours", "air_conditioned_m2", "floor_area_m2", "specific_mj_m2", "pv_kwh",
    "month_kwh", "month_peak_kw", "month_load_factor", "month_cost_thb",
]  # fmt: skip
FIELD_KEYS: tuple[FieldKey, ...] = get_args(FieldKey)


class AnnualField(SourcedFigure):
    """A field of the report: what it is called, and where that was read."""

    key: FieldKey
    name_th: Name
    name_en: Name


def load_annual_fields(config_dir: Path) -> dict[FieldKey, AnnualField]:
    """Load config/dede.toml, or the shipped one where a site has none. Raises ConfigError with every fault."""
    path = config_dir / DEDE_FILE
    if not path.exists():
        path = packaged_config_dir() / DEDE_FILE
    fields: dict[FieldKey, AnnualField] = {}
    faults: list[Fault] = []
    for number, table in enumerate(read_toml(path).get("field", [])):
        field, problems = validated(AnnualField, table, f"{path}: field[{number}]")
        faults += problems
        if field is not None:
            fields[field.key] = field
    if not faults and (lacking := [key for key in FIELD_KEYS if key not in fields]):
        faults.append(Fault.of("fields_lack", f"{path}: field", names=list(lacking)))
    if faults:
        raise ConfigError(faults)
    return fields
