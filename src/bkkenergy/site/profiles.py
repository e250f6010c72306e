"""Payload profiles, read from config/payloads."""

from __future__ import annotations

from pathlib import Path

from bkkenergy.errors import ConfigError, Fault
from bkkenergy.payloads.profile import Profile
from bkkenergy.payloads.profilecheck import profile_faults
from bkkenergy.tomlfiles import read_toml, validated


def load_profiles(config_dir: Path, families: frozenset[str]) -> dict[str, Profile]:
    """Read profiles of config_dir/payloads/*.toml by id. Raises ConfigError with every fault."""
    profiles: dict[str, Profile] = {}
    faults: list[Fault] = []
    for path in sorted((config_dir / "payloads").glob("*.toml")):
        try:
            tables = read_toml(path).get("profile", [])
        except ConfigError as error:
            faults += error.faults
            continue
        for number, table in enumerate(tables):
            where = f"{path}: profile[{number}]"
            profile, problems = validated(Profile, table, where)
            faults += problems
            if profile is None:
                continue
            if profile.family not in families:
                known = ", ".join(sorted(families))
                faults.append(Fault.of("no_family", f"{where}.family", name=profile.family, known=known))
            faults += profile_faults(profile, where)
            if profile.id in profiles:
                faults.append(Fault.of("two_profiles", f"{where}.id", name=profile.id))
            profiles[profile.id] = profile
    if faults:
        raise ConfigError(faults)
    return profiles
