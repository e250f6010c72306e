"""Live power of 1,000 buildings to 50 event streams and one Chromium: CPU and memory of the server, bytes to a client."""

from __future__ import annotations

import argparse
import datetime as dt
import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import numpy as np
from playwright.sync_api import sync_playwright

from bkkenergy.adapters.state import open_state
from bkkenergy.adapters.state.users import SignedIn, add_user, sign_in
from bkkenergy.readings import ReadingBatch
from bkkenergy.site import load_configuration
from bkkenergy.site.open import open_writable
from tests.bench.reports import SETTINGS, site
from tests.chromium import CHROMIUM, FLAGS
from tests.ports import free_port
from tests.servers import web_app

CLIENTS, USERS = 50, 2
TICKS = os.sysconf("SC_CLK_TCK")


def prepared(folder: Path, agencies: int, buildings: int) -> tuple[int, list[str]]:
    """A site whose meters have sent for an hour, and cookies of its users."""
    port = free_port()
    site(folder, agencies, buildings)
    text = re.sub(r"\[web\].*", "", SETTINGS, flags=re.DOTALL)
    (folder / "config/bkkenergy.toml").write_text(
        f"{text}\n[web]\nport = {port}\nsecure_cookies = false\nsecond_factor = 'offered'\n"
    )
    engine, now = open_state(load_configuration(folder / "config").settings.state), dt.datetime.now(dt.UTC)
    cookies = []
    for number in range(USERS):
        add_user(engine, f"bench-{number}", "correct horse battery", "admin", ["all"], now)
        signed = sign_in(engine, f"bench-{number}", "correct horse battery", now, session_s=36_000, address="")
        assert isinstance(signed, SignedIn)
        cookies.append(f"bkkenergy={signed.key}")
    return port, cookies


def send(store, names: tuple[str, ...], at_s: float, rng: np.random.Generator) -> None:
    """One power of each meter."""
    count = len(names)
    at = np.full(count, int(at_s * 1e6), np.int64)
    store.commit(ReadingBatch(names, np.arange(count), at, {"power_kw": rng.uniform(5, 90, count)}))


def used_s(process: int) -> float:
    """CPU time of a process."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory_mb(process: int) -> float:
    text = Path(f"/proc/{process}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", text)[1]) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("var/bench-live"))
    parser.add_argument("--agencies", type=int, default=50)
    parser.add_argument("--buildings", type=int, default=1000)
    parser.add_argument("--seconds", type=int, default=60)
    given = parser.parse_args()
    folder = given.folder.resolve()
    shutil.rmtree(folder, ignore_errors=True)
    port, cookies = prepared(folder, given.agencies, given.buildings)
    config = load_configuration(folder / "config")
    names = tuple(meter.id for building in config.portfolio.buildings.values() for meter in building.main_meters)
    store, rng = open_writable(config.settings), np.random.default_rng(1)
    for minute in range(60, 0, -1):
        send(store, names, time.time() - 60 * minute, rng)
    app = web_app(folder / "config", port)
    clients = []
    try:
        server = app.start().process
        assert server is not None
        alone_mb = memory_mb(server.pid)
        for number in range(CLIENTS):
            out = (folder / f"client-{number}").open("wb")
            address = f"http://127.0.0.1:{port}/live/power?lang=th"
            clients.append(subprocess.Popen(["curl", "-sN", "-b", cookies[number % USERS], address], stdout=out))
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            context = browser.new_context()
            context.add_cookies(
                [{"name": "bkkenergy", "value": cookies[0].partition("=")[2], "url": f"http://127.0.0.1:{port}"}]
            )
            page = context.new_page()
            page.goto(f"http://127.0.0.1:{port}/live")
            page.wait_for_timeout(15_000)
            begun_s, cpu_s = time.monotonic(), used_s(server.pid)
            sizes = [(folder / f"client-{number}").stat().st_size for number in range(CLIENTS)]
            for step in range(given.seconds // 5):
                part = names[step % 12 :: 12]
                send(store, part, time.time(), rng)  # each meter once a minute, a twelfth of them each five seconds
                page.wait_for_timeout(5_000)
            lasted_s = time.monotonic() - begun_s
            cpu_share = (used_s(server.pid) - cpu_s) / lasted_s
            grown = [(folder / f"client-{number}").stat().st_size - size for number, size in enumerate(sizes)]
            shown = page.locator("tr[data-building]").count()
            browser.close()
        heard = sum(size > 0 for size in grown)
        print(
            f"{len(names)} main meters, {heard} of {CLIENTS} streams heard, {shown} lines in Chromium, {lasted_s:.0f} s"
        )
        print(
            f"server: {cpu_share:.1%} of a core, {memory_mb(server.pid):.0f} MB ({alone_mb:.0f} MB before the first stream)"
        )
        print(f"a client: {np.mean(grown) / lasted_s:.0f} bytes/s; {sizes[0] / 1000:.0f} kB at first")
    finally:
        for client in clients:
            client.terminate()
        app.stop()
        store.close()


if __name__ == "__main__":
    main()
