"""A log server: lines of syslog by TCP, within TLS where it is not switched off (RFC 5424, 5425 and 6587)."""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from bkkenergy.errors import UnavailableError
from bkkenergy.settings import LogServerSettings

FACILITY_AND_SEVERITY = 13 * 8 + 6
"""Of syslog, RFC 5424: log audit, informational."""
MAX_LINE_BYTES = 8192
"""What a log server takes at least where it follows RFC 5425, 4.3.1."""


class LogServerUnavailable(UnavailableError):
    """The log server cannot be reached, or is not the one that is vouched for."""


def syslog_line(line: Mapping[str, Any]) -> str:
    """Return a line of the audit log as one message of syslog. line : with `at` in ISO 8601."""
    body = json.dumps(dict(line), ensure_ascii=False, sort_keys=True)
    return f"<{FACILITY_AND_SEVERITY}>1 {line['at']} - bkkenergy - audit - {body}"


def shortened(line: Mapping[str, Any]) -> str:
    """Return a line as a message that a log server takes whole: one that is too long says so in place of its detail."""
    text = syslog_line(line)
    length = len(text.encode())
    return text if length <= MAX_LINE_BYTES else syslog_line({**line, "detail": {"left_out_bytes": length}})


def send_lines(server: LogServerSettings, texts: Iterable[str]) -> None:
    """Send messages, and wait until the server has taken what was sent. Raises LogServerUnavailable.

    Syslog has no answer: the server's own close, after ours, is what shows that it has read to the end.
    """
    frames = b"".join(b"%d %b" % (len(content), content) for content in map(str.encode, texts))
    try:
        with socket.create_connection((server.host, server.port), timeout=server.timeout_s) as plain:
            if server.tls == "none":
                _send_all(plain, frames)
                return
            context = ssl.create_default_context(cafile=str(server.ca_file) if server.ca_file else None)
            with context.wrap_socket(plain, server_hostname=server.host) as secured:
                _send_all(secured, frames)
    except OSError as error:
        raise LogServerUnavailable.of("log_server", host=server.host, port=server.port, error=error) from error


def _send_all(connection: socket.socket, frames: bytes) -> None:
    connection.sendall(frames)
    if isinstance(connection, ssl.SSLSocket):
        with suppress(ssl.SSLEOFError, ssl.SSLZeroReturnError):  # many servers close without TLS's own farewell
            connection.unwrap()
        return
    connection.shutdown(socket.SHUT_WR)
    while connection.recv(1024):
        pass
