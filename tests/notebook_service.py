"""A real service for the notebook of the API: a site with a week of one meter, a user and a token, on a free port."""

from __future__ import annotations

import datetime as dt
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import uvicorn

from bkkenergy.adapters.sqlite import SqliteStore
from bkkenergy.adapters.state import open_state
from bkkenergy.adapters.state.tokens import add_token
from bkkenergy.adapters.state.users import add_user, users
from bkkenergy.calendar import Period, timestamp_us
from bkkenergy.readings import ReadingBatch
from bkkenergy.site import load_configuration, open_site
from bkkenergy.web.app import create_app
from bkkenergy.web.context import AppContext
from tests.conftest import CONFIG_PARTS, ROOT
from tests.servers import free_port
from tests.sites import make_jobs

QUARTER_US = 900_000_000
SETTINGS = """
[store]
path = "var/store.sqlite"
[state]
path = "var/state.sqlite"
[web]
secure_cookies = false
"""


def make_home(home: Path) -> str:
    """Make a site whose readings never change; return a token of a user who sees one agency."""
    (home / "config").mkdir()
    for name in CONFIG_PARTS:
        (home / "config" / name).symlink_to(ROOT / "config" / name)
    (home / "config/bkkenergy.toml").write_text(SETTINGS)
    period = Period.days(dt.date(2025, 11, 2), dt.date(2025, 11, 11))
    at = np.arange(timestamp_us(period.start), timestamp_us(period.end), QUARTER_US)
    hour = (at / 3_600_000_000 + 7) % 24
    kw = np.where((hour > 8) & (hour < 17), 30.0, 6.0) + np.sin(hour / 24 * 2 * np.pi)
    store = SqliteStore(home / "var/store.sqlite")
    store.prepare()
    register = {"energy_kwh": np.round(1000 + np.cumsum(kw) / 4, 2)}
    store.commit(ReadingBatch(("health.centre-1.main",), np.zeros(len(at), np.int64), at, register))
    store.close()
    configuration, now = load_configuration(home / "config"), dt.datetime.now(dt.UTC)
    make_jobs(configuration).bring_up()
    engine = open_state(configuration.settings.state)
    add_user(engine, "somchai", "correct horse battery staple", "viewer", ["health"], now)
    somchai = next(user for user in users(engine) if user["name"] == "somchai")
    return add_token(engine, somchai["id"], "notebook", "read", now, days=1)


@contextmanager
def serving() -> Iterator[None]:
    """Serve the site, with $BKKENERGY_URL and $BKKENERGY_TOKEN set, and stop it at the end."""
    before = {name: os.environ.get(name) for name in ("BKKENERGY_URL", "BKKENERGY_TOKEN")}
    with tempfile.TemporaryDirectory() as folder:
        token, port = make_home(Path(folder)), free_port()
        with open_site(load_configuration(Path(folder) / "config")) as site:
            app = create_app(AppContext(site))
            server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error"))
            thread = threading.Thread(target=server.run)
            thread.start()
            while not server.started and thread.is_alive():
                time.sleep(0.05)
            os.environ |= {"BKKENERGY_URL": f"http://127.0.0.1:{port}", "BKKENERGY_TOKEN": token}
            try:
                yield
            finally:
                server.should_exit = True
                thread.join(30)
                for name, value in before.items():
                    os.environ.pop(name, None) if value is None else os.environ.update({name: value})
