"""Lines of the audit log at a log server: by TLS, in order, and none is lost while it is away."""

from __future__ import annotations

import datetime as dt
import json
import socketserver
import ssl
import threading
from contextlib import contextmanager

import pytest
from structlog.testing import capture_logs

from bkkenergy.adapters.logserver import MAX_LINE_BYTES, LogServerUnavailable, send_lines
from bkkenergy.adapters.state import open_state
from bkkenergy.adapters.state.users import note
from bkkenergy.jobs.logserver import send_audit_lines
from bkkenergy.settings import LogServerSettings, StateSettings
from tests.ports import free_port
from tests.receivers import self_signed

NOW = dt.datetime(2026, 11, 28, 3, 0, tzinfo=dt.UTC)
LATER = NOW + dt.timedelta(minutes=6)


class Handler(socketserver.StreamRequestHandler):
    """Takes frames of RFC 5425 (LENGTH SPACE MESSAGE) until the client ends."""

    def handle(self):
        while length := b"".join(iter(lambda: self.rfile.read(1).strip(), b"")):
            self.server.got.append(self.rfile.read(int(length)).decode())


@contextmanager
def log_server(port, folder=None):
    """A log server, within TLS where a folder has its certificate; gives the lines that it got."""
    socketserver.ThreadingTCPServer.allow_reuse_address = True
    with socketserver.ThreadingTCPServer(("127.0.0.1", port), Handler) as server:
        server.got = []
        if folder is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*self_signed(folder))
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.got
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def state(tmp_path):
    engine = open_state(StateSettings(path=tmp_path / "state.sqlite"))
    for number in range(3):
        note(engine, "สมชาย", "change_user", f"user {number}", {"after": "a\nb"}, NOW, address="10.0.0.8")
    yield engine
    engine.dispose()


def settings(port, folder=None):
    if folder is None:
        return LogServerSettings(host="127.0.0.1", port=port, tls="none")
    return LogServerSettings(host="127.0.0.1", port=port, ca_file=folder / "server.crt")


def targets(lines):
    return [json.loads(line.partition(" - audit - ")[2])["target"] for line in lines]


def test_each_line_goes_to_the_log_server_by_tls_once_and_in_order(state, tmp_path):
    port = free_port()
    with log_server(port, tmp_path) as got:
        server = settings(port, tmp_path)
        assert send_audit_lines(state, server, NOW) == 0, "another transaction may still be about to add one"
        assert send_audit_lines(state, server, LATER) == 3
        assert send_audit_lines(state, server, LATER) == 0
        note(state, "malee", "sign_in", "malee", {}, LATER, address="")
        assert send_audit_lines(state, server, LATER + dt.timedelta(minutes=6)) == 1
    assert targets(got) == ["user 0", "user 1", "user 2", "malee"]
    assert got[0].startswith("<110>1 2026-11-28T03:00:00+00:00 - bkkenergy - audit - {")
    assert not any("\n" in line for line in got)


def test_a_line_of_a_clock_that_was_ahead_holds_up_no_other(state):
    note(state, "malee", "sign_in", "malee", {}, NOW + dt.timedelta(days=4 * 365), address="")
    note(state, "malee", "sign_in", "later", {}, NOW, address="")
    port = free_port()
    with log_server(port) as got:
        assert send_audit_lines(state, settings(port), LATER) == 5
    assert targets(got)[3:] == ["malee", "later"]


def test_what_is_written_while_the_log_server_is_away_is_sent_when_it_is_back(state):
    port = free_port()
    with capture_logs() as logged:
        assert send_audit_lines(state, settings(port), LATER) == 0
    assert [line["event"] for line in logged] == ["audit_not_sent"]
    with log_server(port) as got:
        assert send_audit_lines(state, settings(port), LATER) == 3
    assert targets(got) == ["user 0", "user 1", "user 2"]


def test_a_server_that_no_one_vouches_for_gets_no_line(state, tmp_path):
    (tmp_path / "other").mkdir()
    self_signed(tmp_path / "other")
    port = free_port()
    with log_server(port, tmp_path) as got:
        for server in (settings(port, tmp_path / "other"), LogServerSettings(host="127.0.0.1", port=port)):
            with pytest.raises(LogServerUnavailable, match="certificate verify failed"):
                send_lines(server, ["<110>1 secret"])
        with pytest.raises(LogServerUnavailable):
            send_lines(LogServerSettings(host="localhost", port=port, ca_file=tmp_path / "server.crt"), ["<110>1 x"])
    assert got == []


def test_a_line_that_is_longer_than_log_servers_take_says_what_it_left_out(state):
    note(state, "malee", "change_user", "long", {"after": "ก" * 5000}, NOW, address="")
    port = free_port()
    with log_server(port) as got:
        assert send_audit_lines(state, settings(port), LATER) == 4
    assert json.loads(got[3].partition(" - audit - ")[2])["detail"]["left_out_bytes"] > MAX_LINE_BYTES


def test_without_a_log_server_nothing_is_sent(state):
    assert send_audit_lines(state, LogServerSettings(), LATER) == 0
