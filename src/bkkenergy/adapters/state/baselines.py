"""Versions of baselines in the state: a row for each building, period and fingerprint of the data. Hosts share them."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
from sqlalchemy import Connection, Engine, Row, select, update

from bkkenergy.adapters.bulk import insert_columns, is_among
from bkkenergy.adapters.state import reading, transaction, us_of
from bkkenergy.adapters.state.tables import baseline as table
from bkkenergy.errors import InputError
from bkkenergy.savings.baseline import MODEL_VERSION, Baseline, Diagnostics
from bkkenergy.savings.daily import DailyModel
from bkkenergy.savings.hourly import HourlyModel
from bkkenergy.savings.versions import BaselineVersion, ChainLink, VersionState, latest_accepted

ARRAYS = {"constant_kwh": np.float64, "occupied": np.bool_, "knots_c": np.float64, "slopes": np.float64}
_AGAIN = ", ".join(
    f"{name} = excluded.{name}"
    for name in ("version", "model", "at_us", "state", "reason", "fitted_by", "decided_by", "decided_us", "link")
)
_ON_CONFLICT = f"(building, first_day, last_day, fingerprint) DO UPDATE SET {_AGAIN}"
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class Fitted:
    """A baseline to store as a version. by : who fitted it; decided_by : who accepted it, where it is accepted."""

    building: str
    baseline: Baseline
    state: VersionState = "accepted"
    reason: str = ""
    by: str = ""
    decided_by: str = ""
    link: ChainLink | None = None


def save_baseline(engine: Engine, fitted: Fitted, now: dt.datetime) -> None:
    """Store a baseline; the same data give the same row. Raises StoreUnavailable."""
    baseline = fitted.baseline
    row = {
        "building": fitted.building,
        "first_day": baseline.first.isoformat(),
        "last_day": baseline.last.isoformat(),
        "fingerprint": baseline.fingerprint,
        "version": str(baseline.version),
        "model": json.dumps(asdict(baseline), default=_plain),
        "at_us": us_of(now),
        "state": fitted.state,
        "reason": fitted.reason,
        "fitted_by": fitted.by,
        "decided_by": fitted.decided_by,
        "decided_us": us_of(now) if fitted.decided_by else None,
        "link": None if fitted.link is None else json.dumps(asdict(fitted.link)),
    }
    with transaction(engine) as connection:
        insert_columns(connection, table, {name: [value] for name, value in row.items()}, _ON_CONFLICT)


def latest_baseline(engine: Engine, building: str) -> Baseline | None:
    """Return the building's newest accepted baseline: of the latest period, and of the same the one stored last.

    Raises StoreUnavailable, and InputError when it was made by another version of the model.
    """
    version = latest_accepted(versions_of(engine, [building]).get(building, ()))
    if version is not None and isinstance(version.baseline, InputError):
        raise version.baseline
    return None if version is None else version.usable


def versions_of(engine: Engine, buildings: Sequence[str]) -> Mapping[str, tuple[BaselineVersion, ...]]:
    """Return the versions of each building that has some, the newest first, in one read.

    One baseline of an earlier version, or a damaged one, takes its own building's verdict and nothing else. Raises
    StoreUnavailable.
    """
    columns = table.c
    order = (columns.first_day.desc(), columns.last_day.desc(), columns.at_us.desc(), columns.id.desc())
    among = is_among(engine.dialect.name == "postgresql", columns.building, buildings)
    versions: dict[str, list[BaselineVersion]] = {}
    with reading(engine) as connection:
        for row in connection.execute(select(table).where(among).order_by(*order)):
            versions.setdefault(row.building, []).append(_version_of(row))
    return {building: tuple(each) for building, each in versions.items()}


def locked_version(connection: Connection, number: int) -> BaselineVersion:
    """Return a version, which no other transaction changes until this one ends. Raises InputError."""
    row = connection.execute(select(table).where(table.c.id == number).with_for_update()).one_or_none()
    if row is None:
        raise InputError.of("baseline_unknown", number=number)
    return _version_of(row)


def decide(connection: Connection, number: int, state: VersionState, by: str, now: dt.datetime) -> None:
    """Record what was decided of a version."""
    values = {"state": state, "decided_by": by, "decided_us": us_of(now)}
    connection.execute(update(table).where(table.c.id == number).values(values))


def _version_of(row: Row[Any]) -> BaselineVersion:
    return BaselineVersion(
        number=row.id,
        building=row.building,
        first=dt.date.fromisoformat(row.first_day),
        last=dt.date.fromisoformat(row.last_day),
        fingerprint=row.fingerprint,
        baseline=_usable(row.building, row.model),
        state=row.state,
        reason=row.reason,
        by=row.fitted_by,
        at=EPOCH + dt.timedelta(microseconds=row.at_us),
        decided_by=row.decided_by,
        decided_at=None if row.decided_us is None else EPOCH + dt.timedelta(microseconds=row.decided_us),
        link=None if row.link is None else ChainLink(**row.link),
    )


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
