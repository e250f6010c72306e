"""An InfluxDB server by HTTP: statements whose every error is raised, writes, deletion, and what a server must be."""

from __future__ import annotations

import base64
import gzip
import io
import ipaddress
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from http import HTTPStatus
from typing import Any, Literal, TypeVar
from urllib.parse import urlencode, urlsplit

import msgspec
import urllib3
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.rest import ApiException
from influxdb_client.service.write_service import WriteService

from bkkenergy.ports.readings import StoreDenied, StoreRefused, StoreUnavailable, StoreUnfit
from bkkenergy.settings import InfluxSettings
from bkkenergy.texts import Phrase

T = TypeVar("T")

GZIP_LEVEL = 1
READ_BYTES = 1 << 20
REFUSED = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNPROCESSABLE_ENTITY})
DENIED = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND})

CHECK_RIGHTS = Phrase("error.influx_check_rights")
TRIED_AGAIN = Phrase("error.tried_again")
NO_INFLUXQL = "the answer is not that of InfluxQL"
NEEDS_INFLUXQL = Phrase("error.influx_needs_influxql")
REMEDIES: tuple[tuple[str, Phrase], ...] = (
    (
        r"max-select|max-concurrent-queries|query-timeout",
        Phrase("error.influx_raise_limit"),
    ),
    (r"not found|authoriz|permission|privilege", CHECK_RIGHTS),
    (NO_INFLUXQL, NEEDS_INFLUXQL),
    (r"interrupted|killed|aborted|clos|shut", TRIED_AGAIN),
)
PASSING = re.compile(r"max-|timeout|interrupted|killed|aborted|clos|shut", re.IGNORECASE)
"""What a statement fails of today and perhaps not tomorrow."""


class InfluxSeries(msgspec.Struct):
    """A series of an answer, or a part of one: `columns` name the places of each row."""

    tags: dict[str, str] = {}
    columns: list[str] = []
    rows: list[list[Any]] = msgspec.field(default_factory=list, name="values")
    partial: bool = False


class _Result(msgspec.Struct):
    series: list[InfluxSeries] = []
    error: str = ""
    partial: bool = False


class _Answer(msgspec.Struct):
    results: list[_Result] = []
    error: str = ""


class StatementFailed(Exception):
    """The server's words about a statement that did not come to its end."""


def series_of(lines: Iterable[bytes], columns: list[str] | None = None) -> Iterator[InfluxSeries]:
    """Yield the series of a chunked answer to one statement. Raises StatementFailed unless the answer is whole.

    In a chunked answer every result but the last says `partial`: more follows. An answer that ends on such a result, or
    without any, was cut off. That a statement found nothing is said by a result without series.
    """
    decode, is_whole = msgspec.json.Decoder(_Answer).decode, False
    for line in lines:
        if not line.strip():
            continue
        try:
            answer = decode(line)
        except msgspec.DecodeError as error:
            raise StatementFailed(f"{NO_INFLUXQL} ({error})") from error
        for result in answer.results:
            if result.error:
                raise StatementFailed(result.error)
            if columns is not None and any(series.columns != columns for series in result.series):
                raise StatementFailed(f"{NO_INFLUXQL} (columns {result.series[0].columns})")
            yield from result.series
            is_whole = not result.partial and not any(series.partial for series in result.series)
        if answer.error:
            raise StatementFailed(answer.error)
    if not is_whole:
        raise StatementFailed("the answer was cut off before its end")


class InfluxServer:
    """Requests to one server, with the rights of one user or token, about one bucket."""

    def __init__(self, settings: InfluxSettings, *, connections: int = 1) -> None:
        """Open no connection yet. connections : how many stay open, for threads that write at once."""
        self.settings, self.version = settings, ""
        self.where = f"{settings.url} (bucket {settings.bucket})"
        self.api: Literal["auto", "v1", "v2"] = settings.api
        self._encoding: dict[str, str] = {} if is_this_machine(settings.url) else {"Content-Encoding": "gzip"}
        """Of what is written. Within one machine, to pack and unpack costs more than to send."""
        self._pool = urllib3.PoolManager(timeout=settings.timeout_s, retries=False, maxsize=connections)
        self._connections = connections
        self._v2_client: InfluxDBClient | None = None
        self._is_ready = False
        self._lock = threading.Lock()

    def make_ready(self) -> None:
        """Find out what the server speaks, and make the database on a 1.x server.

        Raises StoreUnavailable, StoreUnfit.
        """
        self._is_ready = False
        answer = self._request("GET", "/ping")
        self.version = answer.headers.get("X-Influxdb-Version", "").removeprefix("v")
        is_1 = self.version.startswith("1.")
        if self.settings.api == "auto":
            self.api = "v1" if is_1 else "v2"
        if self.api == "v1" and self.version and not is_1:
            raise StoreUnfit.of("influx_api_v1", url=self.settings.url, version=self.version)
        self._is_ready = True
        if self.api == "v1":
            self._make_database()

    def _make_database(self) -> None:
        """Make the database where it is not there; a user without the right to make one may use what is there."""
        bucket = self.settings.bucket
        if any([bucket] in series.rows for series in self.query("SHOW DATABASES")):
            return
        try:
            self.query(f"CREATE DATABASE {quoted_name(bucket)}")
        except StoreUnavailable as error:
            remedy = Phrase("error.influx_grant", {"bucket": bucket})
            raise StoreUnfit.of("influx_refuses", error=error, remedy=remedy) from error

    def query(self, statement: str) -> list[InfluxSeries]:
        """Return the whole answer to a statement.

        Raises StoreUnavailable where the server gives none, or not all of it.
        """
        return self._answered(statement, None, lambda series: series)

    def select(self, what: str, columns: Sequence[str], take: Callable[[InfluxSeries], T]) -> list[T]:
        """Run a SELECT and take each part as it comes, so that little of the answer is in memory as text.

        columns : what follows the time in each row. An answer with others is none.
        """
        return self._answered(f"SELECT {what}", ["time", *columns], take)

    def _answered(self, statement: str, columns: list[str] | None, take: Callable[[InfluxSeries], T]) -> list[T]:
        try:
            return self._gathered(statement, columns, take)
        except StatementFailed as error:
            raise StoreUnavailable.of(
                "influx_statement",
                where=self.where,
                statement=shortened(statement),
                error=error,
                remedy=remedy_for(str(error)),
            ) from error

    def change(self, statement: str) -> None:
        """Delete data by a statement.

        Raises StoreRefused where the server will not, StoreUnavailable where it cannot now.
        """
        try:
            self._gathered(statement, None, lambda series: series)
        except StoreDenied as error:
            raise StoreRefused(str(error)) from error
        except StatementFailed as error:
            kind = StoreUnavailable if PASSING.search(str(error)) else StoreRefused
            raise kind(f"{self.where}: {shortened(statement)} is refused: {error}. {remedy_for(str(error))}") from error

    def _gathered(self, statement: str, columns: list[str] | None, take: Callable[[InfluxSeries], T]) -> list[T]:
        if not self._is_ready:
            self.make_ready()
        fields = {"db": self.settings.bucket, "epoch": "u", "chunked": "true", "q": statement}
        response = self._request("POST", "/query", fields=fields, encode_multipart=False, preload_content=False)
        try:
            if response.status != HTTPStatus.OK:
                raise self._failure(response.status, response.read())
            # Else it counts as closed once its last byte is in the buffer.
            response.auto_close = False  # type: ignore[attr-defined]
            lines = io.BufferedReader(response, READ_BYTES)
            return [take(series) for series in series_of(lines, columns)]
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise self._unavailable(error) from error
        finally:
            response.close()

    def write(self, lines: bytes) -> None:
        """Send lines stamped in microseconds; what is answered is durable. Raises StoreUnavailable, StoreRefused.

        Threads may write at once, each on a connection for it alone.
        """
        with self._lock:
            if not self._is_ready:
                self.make_ready()
        if self.api == "v1":
            self._write_v1(self.pack(lines))
        else:
            self._write_v2(self.pack(lines))

    def pack(self, lines: bytes) -> bytes:
        """Return lines as they go to this server."""
        return gzip.compress(lines, GZIP_LEVEL) if self._encoding else lines

    def delete(self, start: str, stop: str, predicate: str) -> None:
        """Delete by 2.x's own API, `stop` included. Raises StoreRefused where the server will not."""
        query = urlencode({"org": self.settings.org, "bucket": self.settings.bucket})
        body = {"start": start, "stop": stop, "predicate": predicate}
        response = self._request("POST", f"/api/v2/delete?{query}", json=body)
        if response.status in DENIED:
            raise StoreRefused.of(
                "influx_no_delete", where=self.where, status=response.status, text=_text(response.data)
            )
        if response.status != HTTPStatus.NO_CONTENT:
            raise self._failure(response.status, response.data)

    def buckets(self) -> list[Any]:
        """Return what 2.x says of our bucket to our token. Nothing where it may not know, or has no such API."""
        query = urlencode({"org": self.settings.org, "name": self.settings.bucket})
        response = self._request("GET", f"/api/v2/buckets?{query}")
        if response.status != HTTPStatus.OK:
            return []
        try:
            answer = msgspec.json.decode(response.data)
        except msgspec.DecodeError:
            return []
        buckets: list[Any] = answer.get("buckets", []) if isinstance(answer, dict) else []
        return buckets

    def close(self) -> None:
        """Close the connections."""
        self._pool.clear()
        if self._v2_client is not None:
            self._v2_client.close()

    def _write_v1(self, packed: bytes) -> None:
        query = urlencode({"db": self.settings.bucket, "precision": "u"})
        headers = {**self._encoding, "Content-Type": "text/plain; charset=utf-8"}
        response = self._request("POST", f"/write?{query}", body=packed, headers=headers)
        if response.status != HTTPStatus.NO_CONTENT:
            raise self._failure(response.status, response.data)

    def _write_v2(self, packed: bytes) -> None:
        settings = self.settings
        try:
            WriteService(self._client_of_v2().api_client).post_write(
                org=settings.org,
                bucket=settings.bucket,
                body=packed,
                precision="us",
                content_encoding=self._encoding.get("Content-Encoding", "identity"),
            )
        except ApiException as error:
            raise self._failure(error.status or 0, str(error.body or error.reason)) from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise self._unavailable(error) from error

    def _client_of_v2(self) -> InfluxDBClient:
        """Return influxdb-client, made at the first call."""
        with self._lock:
            if self._v2_client is None:
                settings = self.settings
                self._v2_client = InfluxDBClient(
                    settings.url,
                    self._secret,
                    org=settings.org,
                    timeout=int(settings.timeout_s * 1000),
                    retries=False,
                    connection_pool_maxsize=self._connections,
                )
            return self._v2_client

    @property
    def _secret(self) -> str:
        return self.settings.token.get_secret_value() if self.settings.token else ""

    def _rights(self) -> dict[str, str]:
        """Return name and password on 1.x, where a user is set; the token elsewhere."""
        if self.settings.username and self.api != "v2":
            pair = f"{self.settings.username}:{self._secret}".encode()
            return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
        return {"Authorization": f"Token {self._secret}"} if self._secret else {}

    def _request(self, method: str, path: str, **options: object) -> urllib3.BaseHTTPResponse:
        headers = self._rights() | dict(options.pop("headers", {}))  # type: ignore[call-overload]
        try:
            return self._pool.request(method, self.settings.url + path, headers=headers, **options)  # type: ignore[arg-type]
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise self._unavailable(error) from error

    def _unavailable(self, error: Exception) -> StoreUnavailable:
        return StoreUnavailable.of("influx_silent", url=self.settings.url, error=error)

    def _failure(self, status: int, answer: bytes | str) -> StoreUnavailable | StoreRefused:
        text = _text(answer)
        if status in REFUSED:
            return StoreRefused.of("influx_rejected", where=self.where, status=status, text=text)
        if status in DENIED:
            remedy = Phrase("error.influx_check_token")
            return StoreDenied.of("influx_status", where=self.where, status=status, text=text, remedy=remedy)
        return StoreUnavailable.of(
            "influx_status_retried", where=self.where, status=status, text=text, tried_again=TRIED_AGAIN
        )


def is_this_machine(url: str) -> bool:
    """Return whether a URL leads to this machine by its loopback.

    >>> is_this_machine("http://127.0.0.1:8086"), is_this_machine("http://influx.city.example")
    (True, False)
    """
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def remedy_for(words: str) -> Phrase:
    """Return what a person can do where a statement failed with these words."""
    remedies = (remedy for pattern, remedy in REMEDIES if re.search(pattern, words, re.IGNORECASE))
    return next(remedies, Phrase("error.influx_see_log"))


def quoted_name(name: str) -> str:
    """Return a name between double quotes, as InfluxQL and the predicates of deletion read it."""
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def quoted_text(text: str) -> str:
    """Return a text between single quotes, as InfluxQL reads it."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def shortened(statement: str, most: int = 120) -> str:
    """Return a statement as an error shows it: hundreds of names would hide the rest."""
    return statement if len(statement) <= most else f"{statement[:most]}..."


def _text(answer: bytes | str) -> str:
    return (answer if isinstance(answer, str) else answer.decode(errors="replace")).strip()
