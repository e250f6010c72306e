"""A site with users of every role, its app in this process, and a browser's way of signing in."""

from __future__ import annotations

import datetime as dt
import functools
import re
import shutil
from pathlib import Path

import numpy as np
from fastapi.testclient import TestClient

from bkkenergy.access import ROLES
from bkkenergy.adapters.sqlite import SqliteStore
from bkkenergy.adapters.state import open_state
from bkkenergy.adapters.state.scenarios import keep_scenario
from bkkenergy.adapters.state.users import add_user
from bkkenergy.calendar import BANGKOK, Period, timestamp_us
from bkkenergy.jobs.service import Jobs
from bkkenergy.plan import Project
from bkkenergy.readings import ReadingBatch
from bkkenergy.site import Clock, load_configuration, open_site, wall_clock
from bkkenergy.usecases.uptodate import up_to_date
from bkkenergy.web.app import create_app
from tests.conftest import CONFIG_PARTS, ROOT
from tests.folders import shared_folder
from tests.planned import save_projects
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
            Project(id=f"led-{agency}", agency=agency, kind="led", name_th=f"หลอด {agency}", name_en=f"LED {agency}", due_year_be=2570, expected_kwh=1000)
            for agency in ("health", "education")
        ],
        now,
    )  # fmt: skip
    for agency, building in (("health", "health.centre-1"), ("education", "education.headquarters")):
        keep_scenario(engine, agency, f"kept of {agency}", {"building": building, "kwp": "20"}, "engineer", now)
    engine.dispose()
    assert not list(home.rglob("*-wal")), "all is in the files themselves"
    return home


def make_app(home: Path, clock: Clock = wall_clock):
    """The app of a site."""
    site = load_configuration(home / "config")
    return create_app(make_context(site, clock))


def signed_in(app, name: str, password: str = PASSWORD) -> TestClient:
    """A browser in which somebody has signed in."""
    client = TestClient(app, follow_redirects=False)
    answer = client.post("/login", data={"name": name, "password": password, "next": "/"})
    assert answer.status_code == 303, answer.text
    return client


def csrf_of(client: TestClient) -> str:
    """The secret that this session's forms carry."""
    return re.search(r'name="csrf" value="([^"]+)"', client.get("/help").text)[1]
