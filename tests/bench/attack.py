"""What a manager waits for a page while the service is attacked, beside what the same page takes in quiet, turn by turn.

The attack: half requests, a byte a second, as many as an address may hold and again when they are cut off; and users
who ask for designs of one roof without end. The manager comes from another address of this machine.
"""

from __future__ import annotations

import argparse
import http.client
import itertools
import multiprocessing
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlencode

from tests.bench.rows import MISSED, costs
from tests.ports import free_port
from tests.web import PASSWORD, SETTINGS, make_site

PAGES = ("/agencies/health", "/buildings/health.centre-1", "/reports")
MANAGER, ATTACKERS = ("manager-health", "127.0.0.2"), ("viewer-health", "engineer-health", "admin")
HALVES = 400
"""Half requests that are tried at once; the service holds 200 of one address."""
MAX_TIMES = 4.0


@contextmanager
def served(home: Path):
    """The port of a service on a site, in a process of its own."""
    port = free_port()
    (home / "config/bkkenergy.toml").write_text(SETTINGS + f"port = {port}\n")
    process = subprocess.Popen(
        [sys.executable, "-m", "bkkenergy", "web", "--config", str(home / "config")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while process.poll() is None:
            with suppress(OSError):
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait(30)


class Browser:
    """A user who has signed in, from an address of this machine."""

    def __init__(self, port: int, name: str, address: str = "127.0.0.1") -> None:
        self.line = http.client.HTTPConnection("127.0.0.1", port, timeout=120, source_address=(address, 0))
        form = urlencode({"name": name, "password": PASSWORD, "next": "/"})
        answer = self._asked("POST", "/login", form, {"Content-Type": "application/x-www-form-urlencoded"})
        assert answer.status == 303, answer.status
        self.cookie = "; ".join(one.partition(";")[0] for one in answer.headers.get_all("set-cookie"))

    def get(self, path: str) -> int:
        """The status of a page, read to its end."""
        return self._asked("GET", path, None, {"Cookie": self.cookie}).status

    def _asked(self, method: str, path: str, body: str | None, headers: dict[str, str]) -> http.client.HTTPResponse:
        self.line.request(method, path, body, headers)
        answer = self.line.getresponse()
        answer.read()
        self.line.close()  # the next request connects again, beside those of the attack
        return answer


def ask_for_designs(port: int, name: str, until: threading.Event, answers) -> None:
    """Ask for one design after the other, each of another roof."""
    with suppress(OSError, http.client.HTTPException):
        browser = Browser(port, name)
        for number in itertools.count():
            if until.is_set():
                return
            asked = {"building": "health.centre-1", "area_m2": 90_000 - number, "kwp": "max", "against": "500"}
            answers.put(f"design {browser.get('/solar?' + urlencode(asked))}")


def hold_half_requests(port: int, until: threading.Event) -> None:
    """Hold half requests, a byte a second each, and connect again where one was cut off."""
    halves: list[socket.socket] = []
    while not until.is_set():
        for _ in range(HALVES - len(halves)):
            with suppress(OSError):
                half = socket.create_connection(("127.0.0.1", port), timeout=1)
                half.setblocking(False)
                half.send(b"GET / HTTP/1.1\r\nX-a: ")
                halves.append(half)
        until.wait(1.0)
        for half in list(halves):
            try:
                half.send(b"a")
            except BlockingIOError:
                continue
            except OSError:
                half.close()
                halves.remove(half)


def attack(port: int, until, answers) -> None:
    """Attack until it is enough; in a process of its own, so that who measures is not slowed."""
    threads = [threading.Thread(target=hold_half_requests, args=(port, until))]
    threads += [
        threading.Thread(target=ask_for_designs, args=(port, name, until, answers)) for name in ATTACKERS for _ in "12"
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@contextmanager
def attacked(port: int):
    """An attack while something else is done; a counter of what its designs were answered is filled at the end."""
    context = multiprocessing.get_context("spawn")
    until, answers, counted = context.Event(), context.Queue(), Counter()
    attacker = context.Process(target=attack, args=(port, until, answers), daemon=True)
    attacker.start()
    try:
        counted[answers.get(timeout=120)] += 1  # the first design is made: everything is under way
        yield counted
    finally:
        until.set()
        while attacker.is_alive() or not answers.empty():
            with suppress(Exception):
                counted[answers.get(timeout=0.2)] += 1
        attacker.join()


def waits_ms(browser: Browser, count: int) -> list[float]:
    """Return the time of each page, ms. count : how many are asked for."""
    waits = []
    for path, _ in zip(itertools.cycle(PAGES), range(count), strict=False):
        began_s = time.perf_counter()
        status = browser.get(path)
        assert status == 200, f"{path}: {status}"
        waits.append((time.perf_counter() - began_s) * 1000)
    return waits


def run(rounds: int, count: int) -> bool:
    """Measure by turns; whether the manager waited at most `MAX_TIMES` as long."""
    quiet: list[float] = []
    busy: list[float] = []
    answered: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder, served(make_site(Path(folder))) as port:
        manager = Browser(port, *MANAGER)
        waits_ms(manager, 2 * len(PAGES))
        for _ in range(rounds):
            quiet += waits_ms(manager, count)
            with attacked(port) as counted:
                busy += waits_ms(manager, count)
            answered += counted
    print(f"answers to the attack: {dict(answered)}")
    reached = True
    for what, of in (("half of a manager's pages", 50), ("95 of 100 of a manager's pages", 95)):
        usual_ms, under_ms = (statistics.quantiles(waits, n=100)[of - 1] for waits in (quiet, busy))
        row = costs("attack", f"{what}, under attack", under_ms, "the same without it", usual_ms, MAX_TIMES)
        print(f"{what}: {usual_ms:.1f} ms in quiet, {under_ms:.1f} ms under attack: {row.ratio:.1f} times")
        reached &= bool(row.is_reached)
    return reached


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pages", type=int, default=80, help="in each turn")
    given = parser.parse_args()
    raise SystemExit(0 if run(given.rounds, given.pages) else MISSED)
