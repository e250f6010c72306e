"""What is polled: devices of config/poll.toml by the register maps of config/modbus.toml."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from bkkenergy.errors import ConfigError, Fault
from bkkenergy.payloads.registers import RegisterMap
from bkkenergy.portfolio import Meter, Portfolio
from bkkenergy.portfolio.models import MeterId, Slug
from bkkenergy.recipients import Port
from bkkenergy.tomlfiles import Frozen, read_toml, validated

DEVICES, MAPS = "poll.toml", "modbus.toml"


class PolledDevice(Frozen):
    """A meter that is asked over Modbus TCP. word_order : where it is another than the map's."""

    host: Annotated[str, Field(min_length=1, max_length=253)]
    port: Port = 502
    unit: Annotated[int, Field(ge=0, le=255)] = 1
    map: Slug
    meter: MeterId
    every_s: Annotated[int, Field(ge=1, le=3600)] = 60
    timeout_s: Annotated[float, Field(gt=0, le=30)] = 3.0
    word_order: str | None = Field(default=None, pattern="^(high-first|low-first)$")


class PolledMeter(Frozen):
    """A device with its map, and the topic on which its readings are published."""

    device: PolledDevice
    map: RegisterMap
    topic: str


def load_polled(folder: Path, portfolio: Portfolio) -> tuple[PolledMeter, ...]:
    """Return what is to be polled; nothing where there is no poll.toml. Raises ConfigError with every fault."""
    path = folder / DEVICES
    if not path.exists():
        return ()
    faults: list[Fault] = []
    maps = {one.id: one for one in _read(folder / MAPS, "map", RegisterMap, faults)}
    meters = {meter.id: meter for meter in portfolio.meters}
    polled: list[PolledMeter] = []
    for number, device in enumerate(_read(path, "device", PolledDevice, faults)):
        where = f"{path}: device[{number}]"
        found_map, meter = maps.get(device.map), meters.get(device.meter)
        faults += _faults(where, device, found_map, meter, [one.device.meter for one in polled], list(maps))
        if found_map is not None and meter is not None:
            changes: dict[str, Any] = {} if device.word_order is None else {"word_order": device.word_order}
            polled.append(PolledMeter(device=device, map=found_map.model_copy(update=changes), topic=meter.topic))
    if faults:
        raise ConfigError(faults)
    return tuple(polled)


def unverified_maps(polled: Sequence[PolledMeter]) -> list[str]:
    """Return the maps in use for which no source of the maker could be read."""
    return list(dict.fromkeys(one.map.id for one in polled if one.map.unverified))


def load_maps(folder: Path) -> tuple[RegisterMap, ...]:
    """Return the register maps, whether a device is polled or none. Raises ConfigError with every fault."""
    faults: list[Fault] = []
    maps = _read(folder / MAPS, "map", RegisterMap, faults) if (folder / MAPS).exists() else []
    if faults:
        raise ConfigError(faults)
    return tuple(maps)


def _read(path: Path, name: str, model: type[Any], faults: list[Fault]) -> list[Any]:
    try:
        tables = read_toml(path).get(name, [])
    except ConfigError as error:
        faults += error.faults
        return []
    taken = []
    for number, table in enumerate(tables if isinstance(tables, list) else []):
        value, problems = validated(model, table, f"{path}: {name}[{number}]")
        faults += problems
        if value is not None:
            taken.append(value)
    return taken


def _faults(
    where: str, device: PolledDevice, kind: RegisterMap | None, meter: Meter | None, before: list[str], maps: list[str]
) -> list[Fault]:
    faults = []
    if kind is None:
        faults.append(Fault.of("no_map", f"{where}.map", name=device.map, known=", ".join(maps)))
    if meter is None:
        faults.append(Fault.of("no_meter_polled", f"{where}.meter", name=device.meter))
    elif meter.payload != "canonical":
        faults.append(Fault.of("read_by_profile", f"{where}.meter", name=meter.id, profile=meter.payload))
    if device.meter in before:
        faults.append(Fault.of("polled_twice", f"{where}.meter", name=device.meter))
    return faults
