"""Two versions at once: a program that meets tables of a newer one refuses with the remedy, and changes nothing."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from bkkenergy.adapters.sqlite import SCHEMA_NUMBER
from bkkenergy.adapters.state import HEAD
from bkkenergy.ports.readings import NewerTables
from bkkenergy.site import load_configuration, open_site
from bkkenergy.site.follower import Follower, FollowerThread
from bkkenergy.web.app import create_app
from tests.commands import bkkenergy
from tests.integration.conftest import wait_until
from tests.sites import make_context, make_jobs
from tests.web import make_site, signed_in

NEWER = f"{int(HEAD) + 7:04d}"
COMMANDS = ["check", "users list", "jobs list", "jobs start", "ingest", "serve", "web"]


@pytest.fixture
def home(tmp_path):
    return make_site(tmp_path / "site", days=12)


def upgraded(home, name="state"):
    """What a newer version leaves behind it that changed what this one reads, as far as this one can see."""
    statement = f"UPDATE alembic_version SET version_num = '{NEWER}'; UPDATE oldest_program SET head = '{NEWER}'"
    if name == "store":
        statement = f"PRAGMA user_version = {SCHEMA_NUMBER + 1}"
    with closing(sqlite3.connect(home / f"var/{name}.sqlite")) as connection, connection:
        connection.executescript(statement)


def content(home):
    with closing(sqlite3.connect(home / "var/state.sqlite")) as connection:
        return list(connection.iterdump())


def test_every_command_and_service_refuses_tables_of_a_newer_version_and_changes_nothing(home):
    upgraded(home)
    before = content(home)
    for command in COMMANDS:
        said = bkkenergy(*command.split(), "--config", home / "config", code=1)
        assert "newer version of bkkenergy" in said, command
        assert NEWER in said
        assert "Traceback" not in said, command
    said = bkkenergy("doctor", "--config", home / "config", code=1)
    assert said.startswith("✗ portfolio")
    assert "newer version of bkkenergy" in said
    assert "✓ disk" in said, "the other checks are made"
    assert content(home) == before


def test_readings_of_a_newer_version_are_refused_too(home):
    upgraded(home, "store")
    for command in ("ingest", "jobs list", "web"):
        said = bkkenergy(*command.split(), "--config", home / "config", code=1)
        assert "store.sqlite: a newer version of bkkenergy" in said
        assert "Traceback" not in said


def test_a_process_that_runs_while_another_upgrades_does_nothing_more(home):
    """Jobs, web and ingester of the version before, with the state open."""
    config = load_configuration(home / "config")
    jobs, web = make_jobs(config), make_context(config)
    thread = FollowerThread(Follower(config), every_s=0.02)
    thread.start()
    jobs.tick()
    assert thread.portfolio().meters
    upgraded(home)
    before = content(home)
    with pytest.raises(NewerTables, match=NEWER):
        jobs.tick()
    assert jobs.bring_up() == 0
    web.look_now()
    with pytest.raises(NewerTables, match=NEWER):
        _ = web.opened
    wait_until(lambda: not thread._thread.is_alive())
    with pytest.raises(NewerTables, match=NEWER):  # the ingester asks between two batches, and ends
        thread.portfolio()
    thread.stop()
    assert content(home) == before


def test_no_page_of_the_version_before_is_served_and_each_says_that_the_server_is_to_be_looked_after(home):
    context = make_context(load_configuration(home / "config"))
    client = signed_in(create_app(context), "admin")
    upgraded(home)
    context.look_now()
    for path in 3 * ("/", "/api/v1/buildings", "/login"):  # at a look, and between two
        answer = client.get(path)
        assert answer.status_code == 500, path
        assert NEWER in answer.text
        assert "Retry-After" not in answer.headers, "it does not pass by itself"
    assert client.get("/static/app.css").status_code == 200, "which these pages need"


def test_on_an_older_version_s_tables_this_one_goes_on(home):
    with closing(sqlite3.connect(home / "var/store.sqlite")) as connection, connection:
        connection.execute("PRAGMA user_version = 0")
    with open_site(load_configuration(home / "config")) as site:
        assert site.ledger.seen(["health.centre-1.main"])
    with closing(sqlite3.connect(home / "var/store.sqlite")) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (SCHEMA_NUMBER,)
