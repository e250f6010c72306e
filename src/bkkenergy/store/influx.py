"""Readings in InfluxDB: line protocol in, InfluxQL out, on 1.x, 2.x and 3."""

from __future__ import annotations

import gzip
import io
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from http import HTTPStatus
from urllib.parse import urlencode

import numpy as np
import pandas as pd
import urllib3
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.rest import ApiException
from influxdb_client.service.write_service import WriteService

from bkkenergy.readings import WEATHER_FIELDS, ReadingBatch
from bkkenergy.settings import InfluxSettings
from bkkenergy.store.base import DEFAULT_FIELDS, StoreAway, StoreRefused
from bkkenergy.store.kept import Kept
from bkkenergy.store.line_protocol import HOURS, MEASUREMENT, TAG, encode
from bkkenergy.store.rollup import StaleMarks

GZIP_LEVEL = 1
METERS_A_QUERY = 200
LATEST_US = 9_223_372_036_854_774
"""InfluxDB counts nanoseconds in 64 bits: the year 2262."""
REFUSED = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNPROCESSABLE_ENTITY})


class InfluxStore:
    """The ReadingStore on an InfluxDB server.

    Writes go to /write on 1.x and through influxdb-client to /api/v2/write elsewhere, one batch a
    request, answered before `commit` returns. The library's own background batching is never used:
    it can lose points after they were acknowledged to the broker.
    """

    def __init__(self, settings: InfluxSettings, marks: StaleMarks | None = None) -> None:
        """Marks : told of every batch before it is sent, so that hours and days are computed anew."""
        self._settings, self._marks = settings, marks
        self._pool = urllib3.PoolManager(timeout=settings.timeout_s, retries=False)
        token = settings.token.get_secret_value() if settings.token else ""
        self._headers = {"Authorization": f"Token {token}"} if token else {}
        self._token = token
        self._api = settings.api
        self._v2_client: InfluxDBClient | None = None

    @cached_property
    def kept(self) -> Kept:
        """What is kept of days whose readings are deleted, in the file beside that also holds the marks."""
        if self._marks is None:
            raise ValueError("an InfluxStore without a file beside it keeps nothing. Make it by open_store.")
        return Kept(self._marks.path)

    def prepare(self) -> None:
        """Find out what the server speaks, and make the database on a 1.x server."""
        version = self._version()
        if self._api == "auto":
            self._api = "v1" if version.removeprefix("v").startswith("1.") else "v2"
        if self._api == "v1":
            self._query(f'CREATE DATABASE "{self._settings.bucket}"')

    def commit(self, batch: ReadingBatch) -> None:
        """Store the batch by one request; an HTTP answer of success comes after it is durable."""
        body = encode(batch)
        if body and self._marks is not None:
            self._marks.mark(batch)
        self._write(body)

    def keep_hours(self, hours: ReadingBatch) -> None:
        """Hours of packed days as a measurement of their own, for dashboards: energy_kwh in the hour from its stamp."""
        self._write(encode(hours, HOURS))

    def _write(self, body: bytes) -> None:
        if not body:
            return
        if self._api == "auto":
            self.prepare()
        packed = gzip.compress(body, GZIP_LEVEL)
        if self._api == "v1":
            self._write_v1(packed)
        else:
            self._write_v2(packed)

    def readings(
        self, meter_ids: Sequence[str], start_us: int, end_us: int, fields: Sequence[str] = DEFAULT_FIELDS
    ) -> ReadingBatch:
        """Readings of the meters with start <= instant < end, sorted by meter and instant."""
        parts = [ReadingBatch.empty(meter_ids)]
        place = {name: number for number, name in enumerate(meter_ids)}
        for some in _chunks(meter_ids):
            frame = self._query(
                f"SELECT {', '.join(fields)} FROM {MEASUREMENT} WHERE {_is_one_of(some)} "  # noqa: S608
                f"AND time >= {start_us}u AND time < {min(end_us, LATEST_US)}u GROUP BY {TAG}"
            )
            if len(frame):
                parts.append(
                    ReadingBatch(
                        tuple(meter_ids),
                        np.asarray(_meters(frame).map(place), np.int64),
                        np.asarray(frame["time"], np.int64),
                        {name: frame[name].to_numpy(np.float64) for name in fields},
                    )
                )
        return ReadingBatch.concat(parts).in_order()

    def last_seen_us(self, meter_ids: Sequence[str]) -> Mapping[str, int]:
        """Instant of the latest reading of each meter that has one."""
        return self._outermost_us("last", meter_ids, max)

    def first_seen_us(self, meter_ids: Sequence[str]) -> Mapping[str, int]:
        """Instant of the earliest reading of each meter that has one."""
        return self._outermost_us("first", meter_ids, min)

    def _outermost_us(self, which: str, meter_ids: Sequence[str], of_two: Callable[[int, int], int]) -> dict[str, int]:
        found: dict[str, int] = {}
        for field in ("energy_kwh", "power_kw", *WEATHER_FIELDS):
            for name, (ts_us, _) in self._outermost(which, meter_ids, field).items():
                found[name] = of_two(ts_us, found.get(name, ts_us))
        return found

    def forget(self, meter_ids: Sequence[str], before_us: int) -> None:
        """Delete readings, a meter a request. InfluxDB 3 Core deletes nothing, and refuses."""
        if self._api == "auto":
            self.prepare()
        for name in meter_ids:
            if self._api == "v1":
                quoted = name.replace("'", "\\'")
                self._query(f"DELETE FROM {MEASUREMENT} WHERE {TAG} = '{quoted}' AND time < {before_us}u")  # noqa: S608
            else:
                self._delete_v2(name, before_us)

    def _delete_v2(self, meter: str, before_us: int) -> None:
        stop = pd.Timestamp(before_us, unit="us", tz="UTC").isoformat()
        predicate = f'_measurement="{MEASUREMENT}" AND {TAG}="{meter}"'
        body = {"start": "1970-01-01T00:00:00Z", "stop": stop, "predicate": predicate}
        query = urlencode({"org": self._settings.org, "bucket": self._settings.bucket})
        response = self._request("POST", f"/api/v2/delete?{query}", json=body)
        if response.status != HTTPStatus.NO_CONTENT:
            raise self._failure(response.status, response.data.decode(errors="replace"))

    def latest_registers(self, meter_ids: Sequence[str]) -> Mapping[str, tuple[int, float]]:
        """Instant and value of the latest import register of each meter that has one."""
        return self._outermost("last", meter_ids, "energy_kwh")

    def _outermost(self, which: str, meter_ids: Sequence[str], field: str) -> dict[str, tuple[int, float]]:
        latest: dict[str, tuple[int, float]] = {}
        for some in _chunks(meter_ids):
            frame = self._query(
                f"SELECT {which}({field}) FROM {MEASUREMENT} WHERE {_is_one_of(some)} GROUP BY {TAG}"  # noqa: S608
            )
            if len(frame):
                values = zip(frame["time"].astype(int), frame[which].astype(float), strict=True)
                latest |= dict(zip(_meters(frame), values, strict=True))
        return latest

    def close(self) -> None:
        """Let go of the connections."""
        self._pool.clear()
        if "kept" in self.__dict__:
            self.kept.close()
        if self._marks is not None:
            self._marks.close()
        if self._v2_client is not None:
            self._v2_client.close()

    def _version(self) -> str:
        response = self._request("GET", "/ping")
        return response.headers.get("X-Influxdb-Version", "")

    def _write_v1(self, packed: bytes) -> None:
        response = self._request(
            "POST",
            f"/write?db={self._settings.bucket}&precision=u",
            body=packed,
            headers={"Content-Encoding": "gzip", "Content-Type": "text/plain; charset=utf-8"},
        )
        if response.status != HTTPStatus.NO_CONTENT:
            raise self._failure(response.status, response.data.decode(errors="replace"))

    def _write_v2(self, packed: bytes) -> None:
        settings = self._settings
        if self._v2_client is None:
            self._v2_client = InfluxDBClient(
                settings.url, self._token, org=settings.org, timeout=int(settings.timeout_s * 1000), retries=False
            )
        try:
            WriteService(self._v2_client.api_client).post_write(
                org=settings.org, bucket=settings.bucket, body=packed, precision="us", content_encoding="gzip"
            )
        except ApiException as error:
            raise self._failure(error.status or 0, str(error.body or error.reason)) from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise self._away(error) from error

    def _query(self, statement: str) -> pd.DataFrame:
        """The answer to an InfluxQL statement; empty where there is none."""
        response = self._request(
            "POST",
            "/query",
            fields={"db": self._settings.bucket, "epoch": "u", "q": statement},
            encode_multipart=False,
            headers={"Accept": "application/csv"},
        )
        if response.status != HTTPStatus.OK:
            raise self._failure(response.status, response.data.decode(errors="replace"))
        if not response.data.strip():
            return pd.DataFrame()
        frame = pd.read_csv(io.BytesIO(response.data), dtype={"name": "category", "tags": "category"})
        if "error" in frame.columns:
            raise StoreAway(f"{self._settings.url}: {statement!r} failed: {frame['error'].iloc[0]}.")
        if len(frame) and "time" not in frame.columns:
            raise StoreAway(
                f"{self._settings.url}: the server answers no InfluxQL. Reports need InfluxDB 1.x, 2.x or 3."
            )
        return frame

    def _request(self, method: str, path: str, **options: object) -> urllib3.BaseHTTPResponse:
        headers = self._headers | dict(options.pop("headers", {}))  # type: ignore[call-overload]
        try:
            return self._pool.request(method, self._settings.url + path, headers=headers, **options)  # type: ignore[arg-type]
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise self._away(error) from error

    def _away(self, error: Exception) -> StoreAway:
        return StoreAway(
            f"{self._settings.url}: InfluxDB does not answer ({error}). Start it, or mend store.influx.url."
        )

    def _failure(self, status: int, text: str) -> StoreAway | StoreRefused:
        where = f"{self._settings.url} (bucket {self._settings.bucket})"
        if status in REFUSED:
            return StoreRefused(f"{where}: refused with HTTP {status}: {text.strip()}")
        remedy = "Check the bucket and the token." if status in {401, 403, 404} else "It is tried again."
        return StoreAway(f"{where}: HTTP {status}: {text.strip()}. {remedy}")


def _chunks(meter_ids: Sequence[str]) -> list[Sequence[str]]:
    return [meter_ids[at : at + METERS_A_QUERY] for at in range(0, len(meter_ids), METERS_A_QUERY)]


def _is_one_of(meter_ids: Sequence[str]) -> str:
    pattern = "|".join(re.escape(name).replace("/", r"\/") for name in meter_ids)
    return f"{TAG} =~ /^({pattern})$/"


def _meters(frame: pd.DataFrame) -> pd.Series:
    return frame["tags"].cat.rename_categories(lambda tag: tag.removeprefix(f"{TAG}="))
