"""Findings that persons have put to rest: a JSON file beside the store."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from bkkenergy.errors import InputError
from bkkenergy.savings.insights import Silence
from bkkenergy.store.files import write_whole


def silences_path(store_path: Path) -> Path:
    """Where they are kept."""
    return store_path.parent / "silenced.json"


def read_silences(path: Path) -> list[Silence]:
    """What persons have put to rest. Raises InputError when the file is no JSON of ours."""
    if not path.exists():
        return []
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
        return [Silence(row["building"], row["rule"], row["cost_thb_a_month"]) for row in rows]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: not readable ({error}). Remove it, and silence again what should be.") from error


def write_silences(path: Path, silenced: Sequence[Silence]) -> None:
    """Keep them, all of them."""
    write_whole(path, json.dumps([asdict(each) for each in silenced], default=str, indent=1).encode())
