"""Fitted baselines on disk: a JSON file each, named by building, period and the data's fingerprint."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np

from bkkenergy.adapters.files import write_whole
from bkkenergy.errors import InputError
from bkkenergy.savings.baseline import MODEL_VERSION, Baseline, Diagnostics
from bkkenergy.savings.daily import DailyModel
from bkkenergy.savings.hourly import HourlyModel

ARRAYS = {"constant_kwh": np.float64, "occupied": np.bool_, "knots_c": np.float64, "slopes": np.float64}


def save_baseline(folder: Path, building: str, baseline: Baseline) -> Path:
    """Write one; the same data give the same file."""
    path = folder / building / f"{baseline.first}_{baseline.last}_{baseline.fingerprint}.json"
    write_whole(path, json.dumps(asdict(baseline), default=_plain, indent=1).encode())
    return path


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    return value.isoformat() if isinstance(value, dt.date) else float(value)


def load_baseline(path: Path) -> Baseline:
    """Read one. Raises InputError when it was made by another version of the model, or is none."""
    try:
        own = json.loads(path.read_text(encoding="utf-8"))
        if own["version"] != MODEL_VERSION:
            raise InputError(
                f"{path}: made by model version {own['version']}, this is {MODEL_VERSION}. "
                "Fit it again: bkkenergy baseline fit."
            )
        model_type = HourlyModel if own["form"].startswith("hourly") else DailyModel
        given = {key: np.asarray(value, ARRAYS[key]) if key in ARRAYS else value for key, value in own["model"].items()}
        model = model_type(**{field.name: given[field.name] for field in fields(model_type)})
    except (OSError, KeyError, ValueError) as error:
        raise InputError(f"{path}: no readable baseline ({error}). Fit it again: bkkenergy baseline fit.") from error
    return Baseline(
        form=own["form"],
        model=model,
        first=dt.date.fromisoformat(own["first"]),
        last=dt.date.fromisoformat(own["last"]),
        valid_days=own["valid_days"],
        is_provisional=own["is_provisional"],
        fitted=Diagnostics(**own["fitted"]),
        held_out=Diagnostics(**own["held_out"]),
        fold_error_ratio=tuple(own["fold_error_ratio"]),
        fingerprint=own["fingerprint"],
        version=own["version"],
    )


def latest_baseline(folder: Path, building: str) -> Baseline | None:
    """The building's baseline of the latest period; of the same period the one written last."""
    paths = sorted((folder / building).glob("*.json"), key=lambda path: (path.name[:21], path.stat().st_mtime))
    return load_baseline(paths[-1]) if paths else None
