"""Fitted baselines in the state: a row for each building, period and fingerprint of the data. Hosts share them."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

import numpy as np
from sqlalchemy import Engine, func, select

from bkkenergy.adapters.bulk import insert_columns, is_among
from bkkenergy.adapters.state import reading, transaction, us_of
from bkkenergy.adapters.state.tables import baseline as table
from bkkenergy.errors import InputError
from bkkenergy.savings.baseline import MODEL_VERSION, Baseline, Diagnostics
from bkkenergy.savings.daily import DailyModel
from bkkenergy.savings.hourly import HourlyModel

ARRAYS = {"constant_kwh": np.float64, "occupied": np.bool_, "knots_c": np.float64, "slopes": np.float64}
_AGAIN = "(building, first_day, last_day, fingerprint) DO UPDATE SET version = excluded.version, model = excluded.model, at_us = excluded.at_us"  # noqa: E501 - a line of SQL


def save_baseline(engine: Engine, building: str, baseline: Baseline, now: dt.datetime) -> None:
    """Store a baseline; the same data give the same row. Raises StoreUnavailable."""
    row = {
        "building": building,
        "first_day": baseline.first.isoformat(),
        "last_day": baseline.last.isoformat(),
        "fingerprint": baseline.fingerprint,
        "version": str(baseline.version),
        "model": json.dumps(asdict(baseline), default=_plain),
        "at_us": us_of(now),
    }
    with transaction(engine) as connection:
        insert_columns(connection, table, {name: [value] for name, value in row.items()}, _AGAIN)


def latest_baseline(engine: Engine, building: str) -> Baseline | None:
    """Return the building's baseline of the latest period; of the same period the one stored last.

    Raises StoreUnavailable, and InputError when it was made by another version of the model.
    """
    baseline = usable_baselines(engine, [building]).get(building)
    if isinstance(baseline, InputError):
        raise baseline
    return baseline


def usable_baselines(engine: Engine, buildings: Sequence[str]) -> Mapping[str, Baseline | InputError]:
    """Return the same of each building that has one, in one read; why, where it cannot be used.

    One baseline of an earlier version, or a damaged one, takes its own building's verdict and nothing else. Raises
    StoreUnavailable.
    """
    columns = table.c
    order = (columns.first_day.desc(), columns.last_day.desc(), columns.at_us.desc(), columns.id.desc())
    rank = func.row_number().over(partition_by=columns.building, order_by=order).label("rank")
    among = is_among(engine.dialect.name == "postgresql", columns.building, buildings)
    ranked = select(columns.building, columns.model, rank).where(among).subquery()
    with reading(engine) as connection:
        rows = connection.execute(select(ranked.c.building, ranked.c.model).where(ranked.c.rank == 1)).all()
    return {row.building: _usable(row.building, row.model) for row in rows}


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    return value.isoformat() if isinstance(value, dt.date) else float(value)


def _usable(building: str, text: str) -> Baseline | InputError:
    try:
        return _loaded(building, text)
    except InputError as why:
        return why


def _loaded(building: str, text: str) -> Baseline:
    """Return a baseline as it was. Raises InputError when it was made by another version of the model, or is none."""
    try:
        record = json.loads(text)
        if record["version"] != MODEL_VERSION:
            raise InputError.of("baseline_version", building=building, version=record["version"], current=MODEL_VERSION)
        model = _model(record["form"], record["model"])
        calendar = _model(record["form"], record["calendar"]) if record.get("calendar") else None
    except (KeyError, ValueError) as error:
        raise InputError.of("baseline_damaged", building=building, reason=error) from error
    return Baseline(
        form=record["form"],
        model=model,
        first=dt.date.fromisoformat(record["first"]),
        last=dt.date.fromisoformat(record["last"]),
        valid_days=record["valid_days"],
        is_provisional=record["is_provisional"],
        fitted=Diagnostics(**record["fitted"]),
        held_out=Diagnostics(**record["held_out"]),
        fold_error_ratio=tuple(record["fold_error_ratio"]),
        fingerprint=record["fingerprint"],
        version=record["version"],
        calendar=calendar,
        calendar_error_ratio=tuple(record.get("calendar_error_ratio", ())),
    )


def _model(form: str, record: Mapping[str, Any]) -> HourlyModel | DailyModel:
    model_type = HourlyModel if form.startswith("hourly") else DailyModel
    given = {key: np.asarray(value, ARRAYS[key]) if key in ARRAYS else value for key, value in record.items()}
    return model_type(**{field.name: given[field.name] for field in fields(model_type)})
