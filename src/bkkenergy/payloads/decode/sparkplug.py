"""Sparkplug B: protobuf payloads, births with names, data with aliases, and rebirth requests.

Source: Eclipse Sparkplug Specification 3.0.0, topics 4.1, births and aliases 6.4.6, sequence 6.4.1,
rebirth request 6.4.20.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bkkenergy.payloads.decode.base import DecodedRow, Outgoing, RowDecoder, Step
from bkkenergy.payloads.decode.births import LONGEST_PAUSE_US, Birth, Births, Place
from bkkenergy.payloads.decode.fields import MAX_ELEMENTS, applies_to, names_in, read_element, search
from bkkenergy.payloads.decode.sparkplug_proto import Payload
from bkkenergy.payloads.decode.sparkplug_values import SEPARATOR, Element, Elements, Stamps, opened, unit_of
from bkkenergy.payloads.message import DecodeError, Message, Reason
from bkkenergy.payloads.profile import Profile

NAMESPACE = "spBv1.0"
REBIRTH = "Node Control/Rebirth"
SESSION_NUMBER = "bdSeq"
BOOLEAN = 11
SEQUENCES = 256
US_PER_MS = 1000
BIRTHS, DATA = frozenset({"NBIRTH", "DBIRTH"}), frozenset({"NDATA", "DDATA"})
SHOWN_NAMES = 12
NO_NAME = (
    "{count} metrics of {address} have an alias and no name (the first: {alias}): no birth was seen, and a rebirth is "
    "asked. Replay this when the node has answered."
)
FITS_NOTHING = "no metric fits profile {profile!r}, whose fields look for {fields}. The metrics are: {names}"


def place_of(topic: str) -> Place:
    """Parse a topic into its parts. Raises DecodeError."""
    parts = topic.split("/")
    if len(parts) not in {4, 5} or parts[0] != NAMESPACE:
        raise DecodeError.of("sparkplug_topic", topic=repr(topic), namespace=NAMESPACE)
    return Place(parts[1], parts[2], parts[3], parts[4] if len(parts) == 5 else "")  # noqa: PLR2004


def rebirth_request(source: Place, now_us: int) -> Outgoing:
    """Return the command that asks an edge node to send its birth certificates again."""
    now_ms = now_us // US_PER_MS
    command = Payload(timestamp=now_ms)
    metric = command.metrics.add(name=REBIRTH, datatype=BOOLEAN, timestamp=now_ms)
    metric.boolean_value = True
    return Outgoing(f"{NAMESPACE}/{source.group}/NCMD/{source.node}", command.SerializeToString())


class SparkplugDecoder(RowDecoder):
    """Remembers births. A metric "meter/energy" is field "energy" of the meter with key "meter".

    Each metric at each time is a value of the row of that meter and time. Members of templates are metrics
    below the template's name. Arrays are lists and tables lists of rows, for paths such as "Values[0]".
    """

    def __init__(self, profile: Profile) -> None:
        super().__init__(profile)
        self.births = Births()
        self._addresses: set[str] = set()
        paths = [spec.path for spec in profile.fields.values() if spec.path]
        self._names = names_in((*paths, *(path for path in (profile.each, profile.when) if path)))

    def topics(self, address: str) -> Sequence[str]:
        """Return births, data and deaths of the node, and of the device where there is one."""
        self._addresses.add(address)
        parts = address.split("/")
        _, group, node, *device = parts if len(parts) >= 3 else (*parts, "", "", "")  # noqa: PLR2004
        topics = [f"{NAMESPACE}/{group}/{kind}/{node}" for kind in ("NBIRTH", "NDATA", "NDEATH")]
        topics += [f"{NAMESPACE}/{group}/{kind}/{node}/{d}" for d in device for kind in ("DBIRTH", "DDATA", "DDEATH")]
        return topics

    def rows(self, message: Message, steps: list[Step]) -> Iterable[DecodedRow]:
        """Return a row for each meter and time that the message names. Raises DecodeError."""
        source = place_of(message.topic)
        payload = opened(message.payload, steps)
        steps.append(Step("message", f"{source.kind}, seq {payload.seq}, {len(payload.metrics)} metrics"))
        if source.kind == "NDEATH":
            self._died(source, payload, steps)
            return []
        if source.kind in BIRTHS:
            self.births.born(_birth(source, payload))
        elif source.kind not in DATA:
            return []
        self._check_sequence(source, payload, message.received_us, steps)
        elements = self._elements(source, payload, message.received_us, steps)
        rows = [row for element in elements.parts() for row in self._read(source, element, steps)]
        if source.kind in BIRTHS and not rows and not elements.has_wanted_null and source.address in self._addresses:
            self._report_misfit(payload, steps)
        return rows

    def _died(self, source: Place, payload: Any, steps: list[Step]) -> None:
        number = _session_number(payload)
        if not self.births.died(source, number):
            steps.append(Step("death", f"of session {number}, which is not the present one: left out"))

    def _check_sequence(self, source: Place, payload: Any, now_us: int, steps: list[Step]) -> None:
        """Check that sequence numbers run 0..255 over a node's births and data; a gap means something was lost."""
        if not payload.HasField("seq") or self.births.is_shared or self.births.is_frozen:
            return
        session = self.births.session(source)
        expected = None if session.sequence is None else (session.sequence + 1) % SEQUENCES
        if expected is None and source.kind in DATA:  # its births are of another process, and others may be lost
            self._ask_for_birth(source, now_us)
        if expected is not None and payload.seq not in {expected, session.sequence}:
            steps.append(Step("sequence", f"{payload.seq} after {session.sequence}: a message is missing"))
            self._ask_for_birth(source, now_us)
        session.sequence = payload.seq

    def _ask_for_birth(self, source: Place, now_us: int) -> None:
        """Ask a node for its births, again after 10 s and then each minute: a request may be lost."""
        session = self.births.session(source)
        if self.births.is_frozen or (session.asked_us is not None and now_us - session.asked_us < session.pause_us):
            return
        if session.asked_us is not None:
            session.pause_us = min(2 * session.pause_us, LONGEST_PAUSE_US)
        session.asked_us = now_us
        self.ask([rebirth_request(source, now_us)])

    def _elements(self, source: Place, payload: Any, now_us: int, steps: list[Step]) -> Elements:
        """Return the metrics of a payload by meter and time."""
        birth = self.births.birth(source)
        stamps = Stamps(payload.timestamp, now_us)
        elements = Elements(birth, self._names, stamps, steps)
        nameless = []
        for metric in payload.metrics:
            name = metric.name or birth.names.get(metric.alias, "")
            if isinstance(name, bytes):  # what protobuf gives for text that is none
                raise DecodeError.of("sparkplug_name", name=repr(name))
            if name:
                elements.add(metric, name, stamps.ms(metric.timestamp) or stamps.payload_ms)
            else:
                nameless.append(metric.alias)
        if nameless:
            self._ask_for_birth(source, now_us)
            detail = NO_NAME.format(count=len(nameless), address=source.address, alias=nameless[0])
            steps.append(Step("births", detail, is_fault=True, reason=Reason.NO_BIRTH))
        return elements

    def _read(self, source: Place, element: Element, steps: list[Step]) -> Iterable[DecodedRow]:
        """Yield what the profile reads of one meter's metrics of one time."""
        profile, parts = self.profile, [element.values]
        if profile.each is not None:
            listed = search(profile.each, element.values)
            parts = [part for part in listed if part is not None] if isinstance(listed, list) else []
            if len(parts) > MAX_ELEMENTS:
                raise DecodeError.of("sparkplug_elements", count=len(parts), max_elements=MAX_ELEMENTS)
        for part in parts:
            element_steps: list[Step] = []
            try:
                if not applies_to(profile, part, element.values, steps):
                    continue
                row = read_element(profile, source.address, part, element.values, element_steps, units=element.units)
            except DecodeError as error:
                steps.append(Step(element.key or "node", str(error), is_fault=True))
                continue
            steps += [step for step in element_steps if step.is_fault]
            if row.values:
                stamp_us = element.stamp_ms * US_PER_MS if element.stamp_ms else None
                ts_us = stamp_us if row.ts_us is None else row.ts_us
                name = element.key or source.address
                steps += [Step(f"{name} {field}", f"{value:.10g}") for field, value in row.values.items()]
                yield DecodedRow(
                    (source.address, row.address[1] or element.key), min(ts_us, 2**62) if ts_us else None, row.values
                )

    def _report_misfit(self, payload: Any, steps: list[Step]) -> None:
        """Say which metrics a node has, where a meter expects some and none fits."""
        metric_names = [
            metric.name for metric in payload.metrics if not metric.name.startswith((SESSION_NUMBER, "Node Control/"))
        ]
        if not metric_names:
            return
        names = ", ".join(repr(name) for name in metric_names[:SHOWN_NAMES])
        names += f" and {len(metric_names) - SHOWN_NAMES} more" if len(metric_names) > SHOWN_NAMES else ""
        fields = ", ".join(sorted(self._names))
        detail = FITS_NOTHING.format(profile=self.profile.id, fields=fields, names=names)
        steps.append(Step("metrics", detail, is_fault=True))


def _birth(source: Place, payload: Any) -> Birth:
    named = [metric for metric in payload.metrics if isinstance(metric.name, str) and metric.name]
    units: Mapping[str, str] = {metric.name: unit for metric in named if (unit := unit_of(metric))}
    return Birth(
        source.group,
        source.node,
        source.device,
        payload.timestamp,
        _session_number(payload),
        {metric.alias: metric.name for metric in named if metric.HasField("alias")},
        {metric.name: metric.datatype for metric in named if metric.datatype},
        dict(units) | _units_of_members(named),
    )


def _units_of_members(metrics: Iterable[Any], above: str = "") -> dict[str, str]:
    """Return the units that members of templates state, by their full names."""
    units: dict[str, str] = {}
    for metric in metrics:
        name = f"{above}{metric.name}"
        if above and (unit := unit_of(metric)):
            units[name] = unit
        if metric.WhichOneof("value") == "template_value" and not metric.template_value.is_definition:
            units |= _units_of_members(metric.template_value.metrics, name + SEPARATOR)
    return units


def _session_number(payload: Any) -> int | None:
    """Return bdSeq, by which a death names the session that it ends; None where there is none."""
    for metric in payload.metrics:
        if metric.name == SESSION_NUMBER:
            kind = metric.WhichOneof("value")
            return int(getattr(metric, kind)) if kind in {"int_value", "long_value"} else None
    return None
