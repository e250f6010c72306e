"""A browser that prints pages, one after the other: started once, since starting costs more than printing.

It is spoken to in Chrome's DevTools protocol over a pipe: no port is opened.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import resource
import select
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Self

from bkkenergy.adapters.heldfolder import HeldFolder
from bkkenergy.errors import BkkEnergyError, InputError
from bkkenergy.texts import Phrase

BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "chrome")
PRINTED_WITHIN_S = 120.0
ENDED_WITHIN_S = 5.0
SANDBOX_VARIABLE = "BKKENERGY_BROWSER_SANDBOX"
REMEDY = Phrase("error.printer_no_namespaces", {"variable": SANDBOX_VARIABLE})
FROM_US, TO_US = 3, 4
"""The descriptors on which the browser expects its pipe."""
A4_IN = (8.27, 11.69)
DRAWN_PX, PICTURE_PX = 800, (840, 1188)
PAGES_PER_BROWSER = 200
"""A browser is replaced after this many pages, so that its memory does not grow."""
MAX_DATA_BYTES = 3 << 29
"""What each of its processes may write into: a page that takes more is not printed."""
LESS_URGENT = 5
"""What is added to the browser's niceness: who waits for a page of the web app goes first."""


class PrintFailed(BkkEnergyError):
    """The browser did not print a page."""

    key = "error.print_failed"


class Browser:
    """A headless Chromium in a with-block, started by the first page and again after a failure."""

    def __init__(self) -> None:
        self._path, self._number, self._pages, self._unread = "", 0, 0, b""
        self._pid = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def picture(self, svg: bytes, side_px: int) -> bytes:
        """Draw an SVG as a PNG within a square, transparent where it is. As an image it runs and loads nothing.

        Raises InputError where no browser is installed, PrintFailed when it fails.
        """
        source = base64.b64encode(svg).decode()
        page = (
            "<!doctype html><style>body{margin:0;height:100vh;background:center/contain no-repeat "
            f"url(data:image/svg+xml;base64,{source})}}</style>"
        )
        return self._seen(page.encode(), side_px, side_px)

    def page_picture(self, page: bytes) -> bytes:
        """Draw the top of a self-contained page as a PNG, as a telephone shows it: as wide as A4, and as high.

        Raises InputError where no browser is installed, PrintFailed when it fails.
        """
        return self._seen(page, *PICTURE_PX)

    def _seen(self, page: bytes, width_px: int, height_px: int) -> bytes:
        with self._running():
            self._show(page)
            size = {"width": width_px, "height": height_px, "deviceScaleFactor": 1, "mobile": False}
            self._call("Emulation.setDeviceMetricsOverride", session=True, **size)
            clear = {"r": 0, "g": 0, "b": 0, "a": 0}
            self._call("Emulation.setDefaultBackgroundColorOverride", session=True, color=clear)
            drawn = base64.b64decode(self._call("Page.captureScreenshot", session=True, format="png")["data"])
            self._call("Emulation.setDefaultBackgroundColorOverride", session=True)
            self._call("Emulation.clearDeviceMetricsOverride", session=True)
        return drawn

    def pdf(self, page: bytes) -> bytes:
        """Print a self-contained page as PDF, as the browser prints it: fonts embedded, Thai broken between words,
        tagged for readers aloud, with its language, its title and an outline of its headings.

        Raises InputError where no browser is installed, PrintFailed when it fails; the next page starts it again.
        """
        with self._running():
            return self._printed(page)

    @contextmanager
    def _running(self) -> Iterator[None]:
        """Have a browser, after some pages a new one; one that fails is stopped."""
        try:
            if not self._pid or self._pages >= PAGES_PER_BROWSER:
                self._stop()
                self._start()
            yield
        except PrintFailed:
            self._stop()
            raise

    def _show(self, page: bytes) -> None:
        self._pages += 1
        source = self._folder.path / "page.html"
        source.write_bytes(page)
        self._call("Page.navigate", url=source.as_uri(), session=True)
        self._event("Page.loadEventFired")

    def _printed(self, page: bytes) -> bytes:
        self._show(page)
        width, height = A4_IN
        printed = self._call(
            "Page.printToPDF", session=True, printBackground=True, preferCSSPageSize=True,
            paperWidth=width, paperHeight=height, generateTaggedPDF=True, generateDocumentOutline=True,
        )  # fmt: skip
        return base64.b64decode(printed["data"])

    def _start(self) -> None:
        browser = installed_browser()
        if browser is None:
            raise InputError.of("no_browser")
        self._path, self._pages, self._unread = browser, 0, b""
        self._folder = HeldFolder("bkkenergy-print-")
        self._pid, self._write, self._read = _spawn(self._path, str(self._folder.path))
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self._call("Page.enable", session=True)

    def _stop(self) -> None:
        if not self._pid:
            return
        for descriptor in (self._write, self._read):
            with suppress(OSError):
                os.close(descriptor)
        _end(self._pid)
        self._pid = 0
        self._folder.remove()

    def _call(self, method: str, *, session: bool = False, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = self._session
        try:
            remaining = json.dumps(message).encode() + b"\0"
            while remaining:
                remaining = remaining[os.write(self._write, remaining) :]
        except OSError as error:
            raise PrintFailed.of("printer_ended", path=self._path, error=error) from error
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise PrintFailed.of(
                        "printer_says", path=self._path, method=method, why=answer["error"].get("message")
                    )
                result: dict[str, Any] = answer["result"]
                return result

    def _event(self, name: str) -> None:
        while self._next().get("method") != name:
            pass

    def _next(self) -> dict[str, Any]:
        """Read the next message of the browser, ended by a zero byte."""
        until_s = time.monotonic() + PRINTED_WITHIN_S
        while b"\0" not in self._unread:
            ready, _, _ = select.select([self._read], [], [], max(0.0, until_s - time.monotonic()))
            part = os.read(self._read, 1 << 20) if ready else b""
            if not part:
                raise PrintFailed.of(
                    "printer_silent", path=self._path, printed_within_s=f"{PRINTED_WITHIN_S:.0f}", remedy=REMEDY
                )
            self._unread += part
        message, _, self._unread = self._unread.partition(b"\0")
        answer: dict[str, Any] = json.loads(message)
        return answer


def drawn_by_browser(svg: bytes) -> bytes:
    """Draw an SVG as a PNG in a browser of its own. Raises InputError, PrintFailed."""
    with Browser() as browser:
        return browser.picture(svg, DRAWN_PX)


def installed_browser() -> str | None:
    """Return the path of the browser that prints; None where none is installed."""
    return next((path for name in BROWSERS if (path := shutil.which(name))), None)


def _spawn(path: str, folder: str) -> tuple[int, int, int]:
    """Start the browser; return its process id, and the ends of the pipes that lead to it and from it."""
    arguments = [
        path, "--headless", "--disable-gpu", "--remote-debugging-pipe", f"--user-data-dir={folder}/profile",
        "--no-first-run", "--disable-extensions", "--disable-background-networking", "about:blank",
    ]  # fmt: skip
    if os.geteuid() == 0 or os.environ.get(SANDBOX_VARIABLE) == "no":
        arguments.insert(1, "--no-sandbox")  # it refuses to run for root, and in containers that allow no namespaces
    their_read, our_write = os.pipe()
    our_read, their_write = os.pipe()
    moved = [fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 10) for descriptor in (their_read, their_write)]
    try:
        actions = [
            (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
            (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
            (os.POSIX_SPAWN_DUP2, moved[0], FROM_US),
            (os.POSIX_SPAWN_DUP2, moved[1], TO_US),
        ]
        environment = os.environ | {"HOME": folder}
        pid = os.posix_spawn(path, arguments, environment, file_actions=actions, setpgroup=0)
    finally:
        for descriptor in (their_read, their_write, *moved):
            os.close(descriptor)
    _bind(pid)
    return pid, our_write, our_read


def _bind(pid: int) -> None:
    """Bound the memory of the browser and of the processes that it starts, and make them less urgent."""
    with suppress(ProcessLookupError, PermissionError):  # it has ended; what reads its pipe says so
        resource.prlimit(pid, resource.RLIMIT_DATA, (MAX_DATA_BYTES, MAX_DATA_BYTES))
        os.setpriority(os.PRIO_PROCESS, pid, os.getpriority(os.PRIO_PROCESS, 0) + LESS_URGENT)


def _end(pid: int) -> None:
    """Wait for the browser to end by itself, its pipe being closed; then end it and its helpers."""
    until_s = time.monotonic() + ENDED_WITHIN_S
    while time.monotonic() < until_s:
        if os.waitpid(pid, os.WNOHANG)[0]:
            break
        time.sleep(0.02)
    else:
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
