"""A site with users of every role, its app in this process, and a browser's way of signing in."""

from __future__ import annotations

import datetime as dt
import functools
import gc
import re
import shutil
import tempfile
import threading
import time
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import uvicorn
from fastapi.testclient import TestClient

from bkkenergy.access import ROLES
from bkkenergy.adapters.sqlite import SqliteStore
from bkkenergy.adapters.state import open_state
from bkkenergy.adapters.state.scenarios import keep_scenario
from bkkenergy.adapters.state.users import add_user
from bkkenergy.calendar import BANGKOK, Period, timestamp_us
from bkkenergy.jobs.service import Jobs
from bkkenergy.plan import Project
from bkkenergy.plan.promise import Promise
from bkkenergy.readings import ReadingBatch
from bkkenergy.site import Clock, load_configuration, open_site, wall_clock
from bkkenergy.usecases.uptodate import up_to_date
from bkkenergy.web.app import create_app
from tests.conftest import CONFIG_PARTS, ROOT
from tests.folders import shared_folder
from tests.planned import save_projects
from tests.servers import free_port
from tests.sites import make_context

PASSWORD = "correct horse battery staple"
SETTINGS = """
[store]
path = "var/store.sqlite"
[state]
path = "var/state.sqlite"
[report]
formats = ["html", "csv"]
languages = ["th", "en"]
[jobs]
schedule = [{ kind = "day", at = "00:00", agencies = ["health", "education", "city"] }]
[web]
secure_cookies = false
second_factor = "offered"
requests_per_min = 0
"""
METERS = ("health.centre-1.main", "health.centre-2.main", "education.headquarters.main")
QUARTER_US = 900_000_000


def make_site(home: Path, *, days: int = 40, settings: str = SETTINGS) -> Path:
    """A configuration with readings, users, projects, and yesterday's reports; a copy of one that is a few minutes old."""
    quarter = int(dt.datetime.now(dt.UTC).timestamp()) // 900
    shutil.copytree(prepared_site(days, settings, quarter), home, symlinks=True, dirs_exist_ok=True)
    return home


@functools.cache
def prepared_site(days: int, settings: str, _quarter: int) -> Path:
    """A site as `make_site` gives it, closed, made once in a quarter of an hour of this process."""
    home = shared_folder("site")
    (home / "config").mkdir()
    for name in CONFIG_PARTS:
        (home / "config" / name).symlink_to(ROOT / "config" / name)
    (home / "config/bkkenergy.toml").write_text(settings)
    now = dt.datetime.now(dt.UTC)
    today = now.astimezone(BANGKOK).date()
    store = SqliteStore(home / "var/store.sqlite")
    store.prepare()
    period = Period.days(today - dt.timedelta(days=days), today)
    at = np.arange(timestamp_us(period.start), int(now.timestamp() * 1e6), QUARTER_US)
    hour = (at / 3_600_000_000 + 7) % 24
    kw = np.where((hour > 8) & (hour < 17), 30.0, 6.0)
    for number, meter in enumerate(METERS, 1):
        register = 1000 + np.cumsum(kw) / 4 * number
        columns = {"energy_kwh": register, "power_kw": kw * number}
        store.commit(ReadingBatch((meter,), np.zeros(len(at), np.int64), at, columns))
    store.close()
    site = load_configuration(home / "config")
    with open_site(site) as opened:
        jobs = Jobs(up_to_date(opened))
        jobs.bring_up()
        jobs.tick()
    engine = open_state(site.settings.state)
    for role in ROLES:
        add_user(engine, f"{role}-health", PASSWORD, role, ["health"], now)
    add_user(engine, "admin", PASSWORD, "admin", ["all"], now)
    save_projects(
        engine,
        [
            Project(id=f"led-{agency}", agency=agency, kind="led", name_th=f"หลอด {agency}", name_en=f"LED {agency}", due_year_be=2570, expected_kwh=1000, promise=Promise(made_on=today, kwh=1000))
            for agency in ("health", "education")
        ],
        now,
    )  # fmt: skip
    for agency, building in (("health", "health.centre-1"), ("education", "education.headquarters")):
        keep_scenario(engine, agency, f"kept of {agency}", {"building": building, "kwp": "20"}, "engineer", now)
    engine.dispose()
    assert not list(home.rglob("*-wal")), "all is in the files themselves"
    return home


class MovableClock:
    """A clock that a test moves."""

    ahead = dt.timedelta()

    def __call__(self) -> dt.datetime:
        return dt.datetime.now(dt.UTC) + self.ahead


def make_app(home: Path, clock: Clock = wall_clock):
    """The app of a site."""
    site = load_configuration(home / "config")
    return create_app(make_context(site, clock))


def walked(found):
    """Routes, those of included routers too."""
    for route in found:
        if hasattr(route, "original_router"):
            yield from walked(route.original_router.routes)
        elif getattr(route, "methods", None):
            yield route


def signed_in(app, name: str, password: str = PASSWORD) -> TestClient:
    """A browser in which somebody has signed in."""
    client = TestClient(app, follow_redirects=False)
    answer = client.post("/login", data={"name": name, "password": password, "next": "/"})
    assert answer.status_code == 303, answer.text
    return client


def csrf_of(client: TestClient) -> str:
    """The secret that this session's forms carry."""
    return re.search(r'name="csrf" value="([^"]+)"', client.get("/help").text)[1]


class _Form(HTMLParser):
    """What a browser would send of one form of a page, before anybody types."""

    def __init__(self, action: str) -> None:
        super().__init__()
        self.action, self.inside = action, False
        self.sent: dict[str, str] = {}
        self._select = self._area = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        name = given.get("name") or ""
        if tag == "form":
            self.inside = (given.get("action") or "") == self.action
        elif not self.inside:
            return
        elif tag == "input" and (given.get("type") not in {"checkbox", "radio"} or "checked" in given):
            self.sent[name] = given.get("value") or ""
        elif tag == "select":
            self._select, self.sent[name] = name, ""
        elif tag == "option" and "selected" in given and self._select:
            self.sent[self._select] = given.get("value") or ""
        elif tag == "textarea":
            self._area, self.sent[name] = name, ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self._area = ""
        elif tag == "select":
            self._select = ""
        elif tag == "form":
            self.inside = False

    def handle_data(self, data: str) -> None:
        if self.inside and self._area:
            self.sent[self._area] += data


def open_uploads() -> list[tempfile.SpooledTemporaryFile]:
    """Return files of forms that were not closed."""
    spooled = [one for one in gc.get_objects() if isinstance(one, tempfile.SpooledTemporaryFile)]
    return [file for file in spooled if not file.closed]


def form_of(page: str, action: str) -> dict[str, str]:
    """What a browser would send of the form of a page that goes to an address, untouched."""
    form = _Form(action)
    form.feed(page)
    assert form.sent, f"the page has no form for {action}"
    return form.sent


def serving(app):
    """Serve an app for as long as its address is used."""
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.02)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(10)
