"""Files that are uploaded go through ClamAV where it is set: by its own daemon, with a signature of the test's."""

from __future__ import annotations

import base64
import datetime as dt
import os
import shutil
import socketserver
import subprocess
import threading
import time
import zlib
from contextlib import contextmanager

import pytest

from bkkenergy.adapters import virusscanner
from bkkenergy.adapters.state.auditlog import LinesAsked, audit_lines
from bkkenergy.adapters.virusscanner import LARGEST_BYTES, ScannerUnavailable, signatures_day, virus_in
from bkkenergy.calendar import BANGKOK
from bkkenergy.ingest.doctor import scanner_checks
from bkkenergy.settings import Settings
from bkkenergy.web.bodies import MAX_IMPORT_BYTES, MAX_PHOTO_BYTES
from bkkenergy.websettings import WebSettings
from tests.ports import free_port
from tests.web import SETTINGS, csrf_of, make_app, make_site, signed_in

# A form that is refused leaves its file to the garbage collector.
pytestmark = [pytest.mark.filterwarnings("ignore::ResourceWarning")]
EICAR = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
"""The file that every scanner knows, and that does nothing. In two parts, so that no scanner takes this one away."""
DAEMON = shutil.which("clamd", path=f"{os.environ['PATH']}:/usr/sbin")


class Answering(socketserver.StreamRequestHandler):
    """Reads a command as clamd(8) has it, and answers."""

    def handle(self):
        command = b""
        while not command.endswith(b"\0"):
            command += self.rfile.read(1)
        if command == b"zVERSION\0":
            self.wfile.write(self.server.version)
            return
        assert command == b"zINSTREAM\0"
        parts = []
        while length := int.from_bytes(self.rfile.read(4), "big"):
            parts.append(self.rfile.read(length))
        self.wfile.write(self.server.answer_to(b"".join(parts)))


@contextmanager
def scanner(answer_to, version=b""):
    """What speaks as clamd does: for answers that a real one gives too seldom."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Answering) as server:
        server.answer_to, server.version = answer_to, version
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"tcp:127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def by_name(content):
    return b"stream: Eicar-Test-Signature FOUND\0" if EICAR in content else b"stream: OK\0"


@pytest.fixture(scope="module")
def clamd(tmp_path_factory):
    """Debian's daemon on a socket, that knows EICAR alone: its real signatures come by the network."""
    if DAEMON is None:
        pytest.skip("clamd is not installed: apt install clamav-daemon")
    folder = tmp_path_factory.mktemp("clamd")
    (folder / "test.ndb").write_text(f"Test.Eicar:0:*:{EICAR.hex()}\n")
    path = folder / "clamd.conf"
    path.write_text(f"LocalSocket {folder}/ctl\nDatabaseDirectory {folder}\nForeground yes\nStreamMaxLength 1M\n")
    with subprocess.Popen([DAEMON, "-c", str(path)], stdout=subprocess.DEVNULL) as process:
        until_s = time.monotonic() + 60
        while not (folder / "ctl").exists() and process.poll() is None and time.monotonic() < until_s:
            time.sleep(0.05)
        yield f"unix:{folder}/ctl"
        process.terminate()


def test_the_real_scanner_finds_what_it_knows_and_nothing_else(clamd):
    assert virus_in(clamd, b"at,energy_kwh\n1,2\n") == ""
    assert virus_in(clamd, b"") == ""
    assert virus_in(clamd, EICAR).startswith("Test.Eicar")
    assert virus_in(clamd, b"x" * 500_000 + EICAR).startswith("Test.Eicar")
    with pytest.raises(ScannerUnavailable, match="StreamMaxLength"):
        virus_in(clamd, b"x" * 3_000_000)
    assert signatures_day(clamd) is None, "it has those of the test alone"


@pytest.mark.parametrize(
    "answer",
    [b"", b"stream: OK", b"stream: Can't allocate memory ERROR\0", b"\xff\xfe\0", b"OK\0", b"stream: OK " * 1_000],
)
def test_an_answer_that_does_not_say_that_all_was_looked_at_is_none(answer):
    with scanner(lambda _content: answer) as address, pytest.raises(ScannerUnavailable):
        virus_in(address, b"x")


@pytest.mark.parametrize(
    "address", ["tcp:127.0.0.1:{free}", "unix:/nonexistent/ctl", "tcp:127.0.0.1:99999", f"tcp:{'a' * 70}:1"]
)
def test_a_scanner_that_is_away_is_said(address):
    with pytest.raises(ScannerUnavailable, match="does not answer"):
        virus_in(address.format(free=free_port()), b"x")


def test_a_scanner_that_takes_too_long_is_given_up(monkeypatch):
    """In all, not for each piece: one that says a byte now and then would hold a thread for hours."""
    monkeypatch.setattr(virusscanner, "TIMEOUT_S", 0.3)

    def dripping(_content):
        time.sleep(0.5)
        return b"stream: OK\0"

    with scanner(dripping) as address, pytest.raises(ScannerUnavailable, match="timed out"):
        virus_in(address, b"x")


def test_the_largest_file_is_that_of_the_web_app():
    assert max(MAX_IMPORT_BYTES, MAX_PHOTO_BYTES) == LARGEST_BYTES


@pytest.mark.parametrize(
    ("days", "answer", "is_well", "said"),
    [
        (0, b"stream: OK\0", True, "of {day}"),
        (30, b"stream: OK\0", False, "of {day}"),
        (None, b"stream: OK\0", False, "no signatures"),
        (0, b"INSTREAM size limit exceeded. ERROR\0", False, "StreamMaxLength"),
    ],
)
def test_doctor_says_how_the_scanner_does(days, answer, is_well, said):
    day = dt.datetime.now(BANGKOK) - dt.timedelta(days=days or 0)
    number = "" if days is None else f"/27825/{day:%a %b %d %H:%M:%S %Y}"
    with scanner(lambda _content: answer, f"ClamAV 1.4.6{number}\0".encode()) as address:
        (check,) = scanner_checks(Settings(web=WebSettings(virus_scanner=address)))
    assert (check.is_well, said.format(day=day.date()) in check.observed) == (is_well, True)
    assert check.said("th").observed != check.observed
    assert not list(scanner_checks(Settings())), "none is set"


def app_with(home, address):
    (make_site(home) / "config/bkkenergy.toml").write_text(f'{SETTINGS}virus_scanner = "{address}"\n')
    return make_app(home)


def sent(client, path, content):
    files = {"file": ("roofs.csv", content, "text/csv")}
    return client.post(path, data={"csrf": csrf_of(client)}, files=files, params={"lang": "en"})


UPLOADS = (
    "/imports/upload", "/records/upload/building", "/agencies/health/memo/template/file", "/solar/weather/health.centre-1",
    "/records/roofs/health.centre-1",
)  # fmt: skip


def test_a_file_with_a_known_virus_is_refused_wherever_it_is_sent(tmp_path):
    with scanner(by_name) as address:
        app = app_with(tmp_path, address)
        admin = signed_in(app, "admin")
        for path in UPLOADS:
            answer = sent(admin, path, EICAR)
            assert (answer.status_code, "Eicar-Test-Signature" in answer.text) == (422, True), path
        for path, content in (("/records/upload/building", EICAR), ("/imports/upload", zlib.compress(EICAR))):
            carried = {"csrf": csrf_of(admin), "name": "roofs.csv", "content": base64.b64encode(content).decode()}
            answer = admin.post(path, data=carried)
            assert (answer.status_code, "ไม่รับไฟล์" in answer.text) == (422, True), "what a form says it sent before"
        assert "Eicar" not in sent(admin, "/agencies/health/memo/template/file", b"no document").text
        photo = {"photo": ("a.jpg", EICAR, "image/jpeg")}
        answer = admin.post(
            "/meters/health.centre-1.main/photos", data={"csrf": csrf_of(admin)}, files=photo, params={"lang": "en"}
        )
        assert (answer.status_code, "Eicar" in answer.text) == (422, True)
    lines = audit_lines(app.state.here.opened.state, 50, LinesAsked(action="refuse_file"))
    assert [(line["actor"], line["detail"]) for line in lines] == 8 * [("admin", {"virus": "Eicar-Test-Signature"})]
    assert lines[-1]["target"] == "roofs.csv"


def test_while_the_scanner_is_away_no_file_is_taken(tmp_path):
    admin = signed_in(app_with(tmp_path, f"tcp:127.0.0.1:{free_port()}"), "admin")
    for path in UPLOADS:
        answer = sent(admin, path, b"id,name\n")
        assert (answer.status_code, "no file is taken" in answer.text.lower()) == (503, True), path
    assert admin.get("/records").status_code == 200
