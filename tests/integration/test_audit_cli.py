"""`bkkenergy audit`: lines for a spreadsheet, for a log server and for a person, and whether they are as they were."""

from __future__ import annotations

import csv
import datetime as dt
import json
import sqlite3
from contextlib import closing

import pytest

from bkkenergy.adapters.state.auditlog import check_seals, seal_lines
from bkkenergy.adapters.state.users import note
from bkkenergy.site import load_configuration
from bkkenergy.site.lastseal import note_seal
from bkkenergy.site.open import opened_state
from tests.commands import bkkenergy
from tests.web import make_site

OCTOBER = dt.datetime(2026, 10, 5, 3, 30, tzinfo=dt.UTC)


@pytest.fixture
def home(tmp_path):
    site = make_site(tmp_path)
    with opened_state(load_configuration(site / "config").settings) as state:
        for number in range(3):
            detail = {"before": None, "after": f'บ้าน "{number}"'}
            note(state, "malee", "change_user", f"=cmd|{number}", detail, OCTOBER, address="10.0.0.8")
        seal_lines(state, dt.datetime.now(dt.UTC) + dt.timedelta(hours=1))
    return site


def test_lines_are_written_for_a_spreadsheet_and_for_a_log_server(home):
    config = ["--config", home / "config"]
    bkkenergy("audit", "export", "--user", "malee", "-o", home / "o.csv", *config)
    rows = list(csv.DictReader((home / "o.csv").read_text("utf-8-sig").splitlines()))
    assert [row["target"] for row in rows] == ["'=cmd|0", "'=cmd|1", "'=cmd|2"]
    assert rows[0]["at"] == "2026-10-05T03:30:00+00:00"
    lines = bkkenergy("audit", "export", "--user", "malee", "--format", "syslog", *config).splitlines()
    assert lines[0].startswith("<110>1 2026-10-05T03:30:00+00:00 - bkkenergy - audit - {")
    assert json.loads(lines[1].partition(" - audit - ")[2])["detail"]["after"] == 'บ้าน "1"'
    taken = json.loads(bkkenergy("audit", "list", "--action", "export_audit", "--json", *config))
    assert [line["detail"] for line in taken] == [{"lines": 3}] * 2


def test_lines_are_chosen_by_days_of_bangkok(home):
    config = ["--json", "--config", home / "config"]
    for first, last, count in (
        ("2026-10-05", "2026-10-05", 3),
        ("2026-10-04", "2026-10-04", 0),
        ("2026-10-06", "2026-10-31", 0),
    ):
        lines = json.loads(bkkenergy("audit", "list", "--user", "malee", "--since", first, "--until", last, *config))
        assert len(lines) == count, (first, last)


def test_lines_that_were_cut_off_at_the_end_are_found_by_verify_and_doctor(home):
    config = load_configuration(home / "config")
    with opened_state(config.settings) as state:
        note_seal(config.settings, check_seals(state).newest)
    asked = ["--config", home / "config"]
    assert json.loads(bkkenergy("audit", "verify", "--json", *asked))["is_cut"] is False
    with closing(sqlite3.connect(home / "var/state.sqlite")) as state, state:
        state.execute("DELETE FROM audit_seal")
        state.execute("DELETE FROM audit WHERE actor = 'malee'")
    assert "the end of the log was taken out" in bkkenergy("audit", "verify", "--lang", "en", *asked, code=1)
    checks = {line["check"]: line for line in json.loads(bkkenergy("doctor", "--json", *asked, code=1))}
    assert not checks["audit log"]["is_well"]


def test_a_changed_line_is_found_by_verify_and_doctor(home):
    config = ["--config", home / "config"]
    assert "are sealed" in bkkenergy("audit", "verify", "--lang", "en", *config)
    with closing(sqlite3.connect(home / "var/state.sqlite")) as state, state:
        state.execute("UPDATE audit SET actor = 'somsak' WHERE actor = 'malee'")
    assert "were changed, added or taken out" in bkkenergy("audit", "verify", "--lang", "en", *config, code=1)
    checks = {line["check"]: line for line in json.loads(bkkenergy("doctor", "--json", *config, code=1))}
    assert not checks["audit log"]["is_well"]
