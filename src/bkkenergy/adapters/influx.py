"""Readings in InfluxDB: line protocol in, InfluxQL out, on 1.x, 2.x and 3."""

from __future__ import annotations

import datetime as dt
import re
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait

import numpy as np
import pandas as pd

from bkkenergy.adapters.influx_server import (
    CHECK_RIGHTS,
    NEEDS_INFLUXQL,
    InfluxSeries,
    InfluxServer,
    quoted_name,
    quoted_text,
)
from bkkenergy.adapters.ledger.beside import MarksBeside
from bkkenergy.adapters.line_protocol import MEASUREMENT, TAG, encode
from bkkenergy.ports.readings import (
    DEFAULT_FIELDS,
    NotedState,
    StoreDenied,
    StoreRefused,
    StoreUnavailable,
    StoreUnfit,
    UnmarkedCommit,
)
from bkkenergy.readings import MORE_FIELDS, US_PER_S, WEATHER_FIELDS, ReadingBatch
from bkkenergy.settings import InfluxSettings

METERS_PER_QUERY = 200
WRITES_AT_ONCE = 16
"""Requests that wait for the server together. InfluxDB 3 answers each at its next flush, once a second."""
LATEST_US = 9_223_372_036_854_774
"""InfluxDB counts nanoseconds in 64 bits: the year 2262."""
PROBE = "bkkenergy_probe"
STATES = "bkkenergy_state"
"""One value a start of a process: few, so that all years are soon read."""
PROBE_US = 946_684_800 * US_PER_S
"""Where the probe stands, written over each time: 2000-01-01. Where the server lets data expire, today instead."""
PROBE_TRIES, PROBE_WAIT_S = 5, 0.2
DURATION_PART_S = {"h": 3600.0, "m": 60.0, "s": 1.0}


class InfluxStore:
    """The ReadingStore on an InfluxDB server.

    Writes go to /write on 1.x and through influxdb-client to /api/v2/write elsewhere, one batch a
    request, answered before `commit` returns; several may be on their way, each by `begin`. The library's
    own background batching is never used: it can lose points after they were acknowledged to the broker.
    """

    def __init__(self, settings: InfluxSettings, marks: MarksBeside | None = None) -> None:
        """Open no connection yet.

        marks : of the energy ledger, for each batch. A store without them can be read, and refuses to commit.
        """
        self.server, self._marks = InfluxServer(settings, connections=WRITES_AT_ONCE), marks
        self._writers = ThreadPoolExecutor(WRITES_AT_ONCE, "influx-writer")
        self._begun: dict[int, tuple[ReadingBatch, Future[None]]] = {}
        """By the identity of a batch, which is alive for as long: its write, and how that ended."""

    def prepare(self) -> None:
        """Find out what the server speaks, and make the database on a 1.x server."""
        self.server.make_ready()

    def probe(self) -> None:
        """Write a value that no page shows, and read it back: another token or bucket to read than to write is seen."""
        try:
            is_found = self._is_given_back()
        except (StoreDenied, StoreRefused) as error:
            raise StoreUnfit.of("store_probe_failed", error=error) from error
        except StoreUnavailable as error:
            if any(str(remedy) in str(error) for remedy in (CHECK_RIGHTS, NEEDS_INFLUXQL)):
                raise StoreUnfit.of("store_probe_failed", error=error) from error
            raise
        if not is_found:
            raise StoreUnfit.of("influx_not_read_back", where=self.server.where, check_rights=CHECK_RIGHTS)

    def _is_given_back(self) -> bool:
        is_kept = self.expires_after_s() is None
        at_us = PROBE_US if is_kept else int(time.time()) // 86_400 * 86_400 * US_PER_S
        where = f"value FROM {PROBE} WHERE time = {at_us}u"
        for attempt in range(PROBE_TRIES):  # another process that starts now may write over it
            value = time.time_ns() // 1000
            self.server.write(f"{PROBE} value={value}.0 {at_us}".encode())
            values_of = self.server.select(where, ["value"], lambda series: [int(row[1]) for row in series.rows])
            if [value] in values_of:
                return True
            time.sleep(PROBE_WAIT_S * (attempt + 1))
        return False

    def note_state(self, state: str, host: str) -> None:
        """Record which state a host uses, beside the probe: hosts that share readings should share it."""
        shown = host.replace("\\", "").replace('"', "")
        self.server.write(f'{STATES},state={state} host="{shown}" {time.time_ns() // 1000}'.encode())

    def noted_states(self) -> Sequence[NotedState]:
        """Return the states that were noted, each with the host that did so last."""
        states = self.server.select(
            f"host FROM {STATES} GROUP BY state",
            ["host"],
            lambda series: NotedState(
                series.tags["state"], str(series.rows[-1][1]), int(series.rows[0][0]), int(series.rows[-1][0])
            ),
        )
        return sorted(states, key=lambda noted: noted.first_us)

    def expires_after_s(self) -> float | None:
        """Return how long the bucket, or the default policy, stores data; None where for ever or not known."""
        if self.server.api == "auto":
            self.prepare()
        if self.server.api == "v1":
            policies = self.server.query(f"SHOW RETENTION POLICIES ON {quoted_name(self.server.settings.bucket)}")
            rows = [dict(zip(series.columns, row, strict=True)) for series in policies for row in series.rows]
            rules_s = [_duration_s(row["duration"]) for row in rows if row.get("default")]
        else:
            rules = [rule for bucket in self.server.buckets() for rule in bucket.get("retentionRules", [])]
            rules_s = [float(rule.get("everySeconds", 0)) for rule in rules]
        return min((own_s for own_s in rules_s if own_s > 0), default=None)

    commits_at_once = WRITES_AT_ONCE

    def begin(self, batch: ReadingBatch, on_sent: Callable[[], None] | None = None) -> None:
        """Write the batch in a thread and on a connection for it alone."""
        if id(batch) not in self._begun:
            self._begun[id(batch)] = batch, self._writers.submit(self._put, batch, on_sent)

    def abandon(self) -> None:
        """Wait for the end of all that is begun, and forget it."""
        begun, self._begun = self._begun, {}
        wait([written for _, written in begun.values()])

    def commit(self, batch: ReadingBatch) -> None:
        """Store the batch by one request; an HTTP answer of success comes after it is durable."""
        begun = self._begun.get(id(batch))
        if begun is None:
            self._put(batch)
            return
        try:
            begun[1].result()
        finally:
            self._begun.pop(id(batch), None)

    def _put(self, batch: ReadingBatch, on_sent: Callable[[], None] | None = None) -> None:
        if self._marks is None:
            raise UnmarkedCommit("This store was opened to be read: no energy ledger would notice what is committed.")
        if lines := encode(batch):
            with self._marks.around(batch):
                if on_sent is not None:
                    on_sent()
                self.server.write(lines)

    def readings(
        self, meter_ids: Sequence[str], start_us: int, end_us: int, fields: Sequence[str] = DEFAULT_FIELDS
    ) -> ReadingBatch:
        """Return readings of the meters with start <= instant < end, sorted by meter and instant."""
        parts = [ReadingBatch.empty(meter_ids)]
        number_of = {name: number for number, name in enumerate(meter_ids)}

        def taken(series: InfluxSeries) -> ReadingBatch:
            table = np.array(series.rows, np.float64)  # exact to the year 2255
            meter = np.full(len(table), number_of[series.tags[TAG]], np.int64)
            columns = {name: np.ascontiguousarray(table[:, number]) for number, name in enumerate(fields, start=1)}
            return ReadingBatch(tuple(meter_ids), meter, table[:, 0].astype(np.int64), columns)

        for names in _chunks(meter_ids):
            parts += self.server.select(
                f"{', '.join(fields)} FROM {MEASUREMENT} WHERE {_is_one_of(names)} "
                f"AND {_between(start_us, end_us)} GROUP BY {TAG}",
                fields,
                taken,
            )
        return ReadingBatch.concat(parts).in_order()

    def count(
        self, meter_ids: Sequence[str], start_us: int, end_us: int, fields: Sequence[str] = DEFAULT_FIELDS
    ) -> Mapping[str, Mapping[str, int]]:
        """Count the values of each field that the meters have with start <= instant < end. The server counts."""
        counted = ", ".join(f"count({name}) AS {name}" for name in fields)

        def taken(series: InfluxSeries) -> tuple[str, Mapping[str, int]]:
            row = dict(zip(series.columns, series.rows[0], strict=True))
            return series.tags[TAG], {name: int(row[name]) for name in fields if row[name]}

        counts: dict[str, Mapping[str, int]] = {}
        for names in _chunks(meter_ids):
            where = f"{_is_one_of(names)} AND {_between(start_us, end_us)}"
            counts |= self.server.select(f"{counted} FROM {MEASUREMENT} WHERE {where} GROUP BY {TAG}", fields, taken)
        return counts

    def last_seen_us(self, meter_ids: Sequence[str]) -> Mapping[str, int]:
        """Return the instant of the latest reading of each meter that has one."""
        return self._outermost_us("last", meter_ids, max)

    def first_seen_us(self, meter_ids: Sequence[str]) -> Mapping[str, int]:
        """Return the instant of the earliest reading of each meter that has one."""
        return self._outermost_us("first", meter_ids, min)

    def _outermost_us(self, which: str, meter_ids: Sequence[str], of_two: Callable[[int, int], int]) -> dict[str, int]:
        times_us: dict[str, int] = {}
        for field in ("energy_kwh", "power_kw", *WEATHER_FIELDS, *MORE_FIELDS):
            for name, (ts_us, _) in self._outermost(which, meter_ids, field).items():
                times_us[name] = of_two(ts_us, times_us.get(name, ts_us))
        return times_us

    def last_before_us(self, meter_id: str, before_us: int, field: str) -> int | None:
        """Return the instant of a meter's last reading of a field before an instant; None without one."""
        return self._nearest_us(meter_id, f"time < {min(before_us, LATEST_US)}u", field, "DESC")

    def first_from_us(self, meter_id: str, from_us: int, field: str) -> int | None:
        """Return the instant of a meter's first reading of a field from an instant on; None without one."""
        return self._nearest_us(meter_id, f"time >= {from_us}u AND time < {LATEST_US}u", field, "ASC")

    def _nearest_us(self, meter_id: str, when: str, field: str, order: str) -> int | None:
        answer = self.server.select(
            f"{field} FROM {MEASUREMENT} WHERE {_is_one_of([meter_id])} AND {when} ORDER BY time {order} LIMIT 1",
            [field],
            lambda series: int(series.rows[0][0]),
        )
        return answer[0] if answer else None

    def forget(self, meter_ids: Sequence[str], start_us: int, before_us: int) -> None:
        """Delete readings: by one request where the measurement has no other meter, else by one a meter."""
        if self.server.api == "auto":
            self.prepare()
        if not meter_ids or start_us >= before_us:
            return
        has_no_other = self._meters() <= set(meter_ids)
        for name in [None] if has_no_other else meter_ids:
            if self.server.api == "v1":
                only_meter = "" if name is None else f"{TAG} = {quoted_text(name)} AND "
                self.server.change(f"DELETE FROM {MEASUREMENT} WHERE {only_meter}{_between(start_us, before_us)}")  # noqa: S608
            else:
                only_meter = "" if name is None else f" AND {TAG}={quoted_name(name)}"
                last_us = before_us - 1  # this API deletes its `stop` too
                self.server.delete(_instant(start_us), _instant(last_us), f'_measurement="{MEASUREMENT}"{only_meter}')

    def _meters(self) -> set[str]:
        """Return every meter that the measurement has."""
        answer = self.server.query(f"SHOW TAG VALUES FROM {MEASUREMENT} WITH KEY = {TAG}")
        return {str(value) for series in answer for _, value in series.rows}

    def latest_registers(self, meter_ids: Sequence[str], start_us: int, end_us: int) -> Mapping[str, tuple[int, float]]:
        """Return instant and value of each meter's latest import register with start <= instant < end."""
        return self._outermost("last", meter_ids, "energy_kwh", f" AND {_between(start_us, end_us)}")

    def _outermost(
        self, which: str, meter_ids: Sequence[str], field: str, when: str = ""
    ) -> dict[str, tuple[int, float]]:
        rows: dict[str, tuple[int, float]] = {}
        for names in _chunks(meter_ids):
            rows |= self.server.select(
                f"{which}({field}) FROM {MEASUREMENT} WHERE {_is_one_of(names)}{when} GROUP BY {TAG}",
                [which],
                lambda series: (series.tags[TAG], (int(series.rows[0][0]), float(series.rows[0][1]))),
            )
        return rows

    def close(self) -> None:
        """Close connections and files, once what is begun has ended."""
        self._writers.shutdown(cancel_futures=True)
        self.server.close()
        if self._marks is not None:
            self._marks.close()


def _chunks(meter_ids: Sequence[str]) -> list[Sequence[str]]:
    return [meter_ids[at : at + METERS_PER_QUERY] for at in range(0, len(meter_ids), METERS_PER_QUERY)]


def _is_one_of(meter_ids: Sequence[str]) -> str:
    pattern = "|".join(re.escape(name).replace("/", r"\/") for name in meter_ids)
    return f"{TAG} =~ /^({pattern})$/"


def _between(start_us: int, end_us: int) -> str:
    return f"time >= {start_us}u AND time < {min(end_us, LATEST_US)}u"


def _instant(ts_us: int) -> str:
    """Format an instant as RFC 3339 with microseconds."""
    latest = pd.Timestamp(min(max(ts_us, 0), LATEST_US), unit="us", tz=dt.UTC)
    return latest.isoformat(timespec="microseconds")


def _duration_s(text: str) -> float:
    """Parse a duration as 1.x shows it, to seconds: 168h0m0s, or 0s for ever."""
    return sum(float(number) * DURATION_PART_S[part] for number, part in re.findall(r"([\d.]+)([hms])", text))
