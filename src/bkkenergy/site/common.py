"""What the settings of hosts that share a state have in common: a digest of each part. Pure but for reading files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr

from bkkenergy.adapters.files import files_below
from bkkenergy.errors import ConfigError
from bkkenergy.settings import FILE_NAME, Settings
from bkkenergy.site.configuration import Configuration
from bkkenergy.site.poll_config import DEVICES, MAPS
from bkkenergy.site.portfolio_files import OTHER_FILES
from bkkenergy.tomlfiles import read_toml

OF_ONE_HOST = frozenset({"observe", "backup", "state"})
"""Sections that each host has for itself; where the state is, is known by reaching it."""
OF_SECTION = {
    "mqtt": {"topics", "share", "sparkplug_host_id"},
    "ingest": {"max_ahead_s", "stuck_after_s"},
}
"""What is common of a section that else is a host's own: how it reaches the broker, and how it gathers batches."""
NOT_OF_SECTION = {"web": {"host", "port", "behind_proxy", "secure_cookies", "refresh_s"}}
FILES_OF_ONE_HOST = frozenset({FILE_NAME, DEVICES, MAPS})
"""Read apart, and what one host's poller asks."""
FILES_OF_PORTFOLIO = frozenset({"portfolio", "calendars.toml", *OTHER_FILES})
"""Not read where the portfolio is in the state."""
FORMS = frozenset({".toml", ".docx", ".png"})
"""Of the files that are read beside the settings. What an editor or a package leaves there says nothing."""


def digests_of(config: Configuration) -> dict[str, str]:
    """Return a digest of each part of the settings that must be alike on all hosts: sections, and files beside them.

    A section that says nothing but what is so without it has none: a version that knows more settings changes nothing.
    """
    parts = {f"[{name}]": _digest(section) for name, section in _sections(config.settings) if section}
    contents: dict[str, list[tuple[str, Any]]] = {}
    for path in files_below(config.folder):
        relative = path.relative_to(config.folder)
        part = relative.parts[0]
        if path.suffix in FORMS and part not in FILES_OF_ONE_HOST and is_in_use(config, part):
            contents.setdefault(part, []).append((relative.as_posix(), _content(path)))
    return parts | {name: _digest(sorted(files)) for name, files in contents.items()}


def is_in_use(config: Configuration, part: str) -> bool:
    """Check whether a part says anything: once the portfolio is in the state, its files do not."""
    return part not in FILES_OF_PORTFOLIO or config.portfolio.revision == 0


def _sections(settings: Settings) -> Iterator[tuple[str, Any]]:
    """Yield what is common of each section, without what is so by default."""
    for name in type(settings).model_fields:
        section = getattr(settings, name)
        if name in OF_ONE_HOST:
            continue
        if isinstance(section, BaseModel):
            section = section.model_dump(
                include=OF_SECTION.get(name), exclude=NOT_OF_SECTION.get(name), exclude_defaults=True
            )
        elif isinstance(section, tuple):
            section = [entry.model_dump(exclude_defaults=True) for entry in section]
        yield name, _without_paths(section)


def _without_paths(value: Any) -> Any:
    """Return settings without secrets, and without paths, which are other ones on each host."""
    if isinstance(value, dict):
        said = {
            key: _without_paths(inner)
            for key, inner in value.items()
            if not (isinstance(inner, Path | SecretStr) or key.endswith("_file"))
        }
        return {key: inner for key, inner in said.items() if inner != {}}
    if isinstance(value, list | tuple):
        return [_without_paths(inner) for inner in value]
    return value


def _content(path: Path) -> Any:
    """Return what a file says: comments and layout of a TOML file say nothing."""
    try:
        return read_toml(path) if path.suffix == ".toml" else hashlib.sha256(path.read_bytes()).hexdigest()
    except (ConfigError, OSError):
        return None  # one that is in use was read before, so this is none


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()
