"""What pages ask of a large city's databases, and what the web app's process holds after them."""

from __future__ import annotations

import datetime as dt
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from bkkenergy.adapters.state.users import SignedIn, add_user, sign_in
from bkkenergy.site import Site
from tests.bench.processes import cpu_s, memory_mb
from tests.servers import web_app

ROUNDS = 5


@dataclass(frozen=True)
class Page:
    """A page seen several times."""

    path: str
    first_cpu_ms: float
    cpu_ms: float
    kb: float

    def __str__(self) -> str:
        return (
            f"{self.path:44} {self.cpu_ms:7.1f} ms of CPU, the first time {self.first_cpu_ms:8.1f}; {self.kb:7.1f} kB"
        )


def pages_of(config: Path, site: Site, folder: Path) -> tuple[list[Page], tuple[float, float], float]:
    """Each page, (MB now, MB at most) of the web app after all, and CPU s of its start."""
    now = dt.datetime.now(dt.UTC)
    add_user(site.state, "bench", "correct horse battery", "admin", ["all"], now)
    signed = sign_in(site.state, "bench", "correct horse battery", now, session_s=36_000, address="")
    assert isinstance(signed, SignedIn)
    building = next(iter(site.portfolio.buildings.values()))
    meter = building.meters[0]
    paths = ("/", f"/agencies/{building.agency}", f"/buildings/{building.id}", "/meters", f"/meters?agency={building.agency}",
             f"/meters/{meter.id}/check", "/reports", "/api/v1/buildings?limit=100", "/help")  # fmt: skip
    app = web_app(config, site.settings.web.port)
    try:
        app.start()
        pid, start_s = app.process.pid, cpu_s(app.process.pid)
        pages = [seen(app.url + path, path, f"bkkenergy={signed.key}", pid) for path in paths]
        return pages, (memory_mb(pid), memory_mb(pid, "VmHWM")), start_s
    finally:
        app.stop()


def seen(url: str, path: str, cookie: str, pid: int) -> Page:
    """Look at a page several times."""
    used_s, size = [cpu_s(pid)], 0
    for _ in range(ROUNDS):
        with urllib.request.urlopen(urllib.request.Request(url, headers={"Cookie": cookie}), timeout=120) as answer:
            size = len(answer.read())
        used_s.append(cpu_s(pid))
    return Page(path, (used_s[1] - used_s[0]) * 1000, (used_s[-1] - used_s[1]) / (ROUNDS - 1) * 1000, size / 1000)
