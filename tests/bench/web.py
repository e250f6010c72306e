"""The web app under load: 1,000 buildings in 50 agencies with a year of 15-minute data, 50 users at once, 2 cores.

Server time of each page from wrk (Debian's load tool), its weight from the answers; the target is p95 under 100 ms.
"""

from __future__ import annotations

import argparse
import datetime as dt
import re
import shutil
import subprocess
import time
import urllib.request
from pathlib import Path

from bkkenergy.adapters.state import open_state
from bkkenergy.adapters.state.baselines import latest_baseline
from bkkenergy.adapters.state.users import SignedIn, add_user, sign_in
from bkkenergy.cli.opening import opened_site
from bkkenergy.site import load_configuration
from tests.bench.reports import DAYS, SETTINGS, fill, site, timed
from tests.bench.rows import MISSED, costs
from tests.ports import free_port
from tests.servers import web_app
from tests.sites import make_jobs

PAGES = ("/", "/agencies/agency-07", "/buildings/agency-07.b-0007", "/reports", "/plan", "/meters?agency=agency-07",
         "/api/v1/buildings?limit=100", "/api/v1/buildings/agency-07.b-0007/power", "/help")  # fmt: skip
EMPTY = "/account"
"""A page that shows no energy: what any page costs, signed in."""
USERS, PAUSE_MS = 50, 3000
LUA = """
local n = 0
request = function()
  n = n + 1
  return wrk.format("GET", paths[(n % #paths) + 1])
end
if pause > 0 then
  delay = function() return math.random(pause / 2, pause * 3 / 2) end
end
done = function(summary, latency, requests)
  io.write(string.format("RESULT %d %d %.1f %.1f %.1f\\n", summary.requests, summary.errors.status,
    latency:percentile(50) / 1000, latency:percentile(95) / 1000, summary.requests / (summary.duration / 1e6)))
end
"""


def prepared(folder: Path, agencies: int, buildings: int) -> tuple[int, str]:
    """A filled site with its hours and days, and the cookie of an admin's session; (port, cookie)."""
    port = free_port()
    if not (folder / "store.sqlite").exists():
        site(folder, agencies, buildings)
        print(f"{buildings} buildings: {fill(folder, DAYS):,} readings")
    text = re.sub(r"\[web\].*", "", SETTINGS, flags=re.DOTALL)
    (folder / "config/bkkenergy.toml").write_text(
        f"{text}\n[web]\nport = {port}\nsecure_cookies = false\nsecond_factor = 'offered'\n"
    )
    loaded = load_configuration(folder / "config")
    jobs = make_jobs(loaded)
    started_s = time.perf_counter()
    while jobs.bring_up():
        pass
    print(f"hours and days of all brought up in {time.perf_counter() - started_s:.0f} s")
    with opened_site(loaded) as opened:
        has_baselines = latest_baseline(opened.state, next(iter(opened.portfolio.buildings))) is not None
    if not has_baselines:
        today = dt.date.today()  # noqa: DTZ011
        seconds, _ = timed(
            folder,
            "baseline",
            "fit",
            "all",
            "--period",
            f"{today - dt.timedelta(days=DAYS)}..{today - dt.timedelta(days=60)}",
        )
        print(f"baselines in {seconds:.0f} s")
    engine, now = open_state(loaded.settings.state), dt.datetime.now(dt.UTC)
    name = f"bench-{int(time.time())}"
    add_user(engine, name, "correct horse battery", "admin", ["all"], now)
    found = sign_in(engine, name, "correct horse battery", now, session_s=36_000, address="")
    assert isinstance(found, SignedIn)
    return port, f"bkkenergy={found.key}"


def load(
    port: int, cookie: str, paths: tuple[str, ...], folder: Path, users: int, seconds: int, pause_ms: int = 0
) -> tuple[int, int, float, float, float]:
    """(requests, errors, p50 ms, p95 ms, requests a second) of so many users on some pages."""
    script = folder / "load.lua"
    script.write_text(f"pause = {pause_ms}\npaths = {{" + ", ".join(f'"{path}"' for path in paths) + "}\n" + LUA)
    command = [
        "wrk",
        "-t2",
        f"-c{users}",
        f"-d{seconds}s",
        "--timeout",
        "10s",
        "-H",
        f"Cookie: {cookie}",
        "-s",
        str(script),
        f"http://127.0.0.1:{port}",
    ]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    count, errors, half, most, rate = re.search(r"RESULT (\d+) (\d+) ([\d.]+) ([\d.]+) ([\d.]+)", output).groups()
    return int(count), int(errors), float(half), float(most), float(rate)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("var/bench-web"))
    parser.add_argument("--keep", action="store_true", help="keep the filled store for the next time")
    parser.add_argument("--agencies", type=int, default=50)
    parser.add_argument("--buildings", type=int, default=1000)
    parser.add_argument("--seconds", type=int, default=4, help="of load on each page")
    given = parser.parse_args()
    if not shutil.which("wrk"):
        raise SystemExit("wrk is not installed: deploy/install-test-packages wrk")
    folder = given.folder.resolve()
    port, cookie = prepared(folder, given.agencies, given.buildings)
    app = web_app(folder / "config", port)
    try:
        app.start()
        missed = 0
        print(f"\n{'page':40} {'kB':>6} {'alone p50':>10} {'p95 ms':>8} {'of an empty page':>17}")
        empty_ms = load(port, cookie, (EMPTY,), folder, 2, given.seconds)[3]
        for path in (EMPTY, *PAGES):
            request = urllib.request.Request(
                f"http://127.0.0.1:{port}{path}", headers={"Cookie": cookie, "Accept-Encoding": "gzip"}
            )
            started_s = time.perf_counter()
            size = len(urllib.request.urlopen(request).read())
            first_ms = (time.perf_counter() - started_s) * 1000
            _, errors, half, most, _ = load(port, cookie, (path,), folder, 2, given.seconds)
            missed += most > 100 or errors > 0
            costs("web", f"{path}, 95 of 100", most, f"an empty page ({EMPTY})", empty_ms)
            print(
                f"{path:40} {size / 1000:6.1f} {half:10.1f} {most:8.1f} {most / empty_ms:17.1f}"
                f"  (first {first_ms:.0f} ms, errors {errors})"
            )
        count, errors, half, most, rate = load(port, cookie, PAGES, folder, USERS, 4 * given.seconds, PAUSE_MS)
        print(
            f"{USERS} users, a page each {PAUSE_MS / 1000:.0f} s: {count} requests, {errors} errors, {rate:.0f} a second, p50 {half:.0f} ms, p95 {most:.0f} ms"
        )
        missed += most > 100
        costs("web", f"any page with {USERS} users, 95 of 100", most, "100 ms", 100.0, 1.0)
        count, errors, half, most, rate = load(port, cookie, PAGES, folder, USERS, 2 * given.seconds)
        print(
            f"{USERS} users on all pages, no pause between requests: {count} requests, {errors} errors, {rate:.0f} a second, p50 {half:.0f} ms, p95 {most:.0f} ms"
        )
        print(f"target p95 < 100 ms: {'reached' if not missed else f'MISSED by {missed} pages'}")
        if missed:
            raise SystemExit(MISSED)
    finally:
        app.stop()
        if not given.keep:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
