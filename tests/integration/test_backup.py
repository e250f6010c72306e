"""Backup, wipe, restore: readings, state, reports and what is computed from them are as before."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import threading

import numpy as np
import pytest

from bkkenergy.calendar import BANGKOK
from bkkenergy.cli.context import load_site
from bkkenergy.readings import ReadingBatch
from bkkenergy.store.backup import BackupBroken, back_up, restore
from bkkenergy.store.sqlite import SqliteStore
from tests.web import METERS, make_site

NOW = dt.datetime(2026, 11, 25, 3, 0, tzinfo=BANGKOK)


@pytest.fixture
def home(tmp_path):
    (tmp_path / "site").mkdir()
    return make_site(tmp_path / "site")


def run(home, *args, code=0):
    command = [sys.executable, "-m", "bkkenergy", *args, "--config", str(home / "config")]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=False, env=os.environ | {"COLUMNS": "200"}
    )
    assert done.returncode == code, done.stderr + done.stdout
    return done.stdout + done.stderr


def hashes(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def report(home, where):
    """A report made anew, without the time at which it was made."""
    day = (dt.datetime.now(BANGKOK).date() - dt.timedelta(days=1)).isoformat()
    run(home, "report", "health", "--period", day, "--format", "json,csv", "-o", str(where))
    data = json.loads((where / f"health/health_{day}.json").read_text())
    data.pop("generated_at")
    return data, (where / f"health/health_{day}.th.csv").read_bytes()


def test_after_a_wipe_everything_is_as_before(home, tmp_path):
    archive = home / "var/reports/archive"
    before, made = hashes(archive), report(home, tmp_path / "before")
    runs = run(home, "jobs", "list", "--json")
    told = run(home, "backup", str(tmp_path / "b.tar.gz"))
    assert "left out: secrets" in told
    shutil.rmtree(home / "var")
    shutil.rmtree(home / "config")
    back = run(tmp_path / "elsewhere", "restore", str(tmp_path / "b.tar.gz"), "--config-to", str(home / "config"))
    assert "restored" in back
    assert hashes(archive) == before
    assert report(home, tmp_path / "after") == made, "byte for byte"
    assert run(home, "jobs", "list", "--json") == runs
    assert "admin" in run(home, "users", "list")
    assert "no faults" in run(home, "check")


def test_what_is_there_is_not_overwritten(home, tmp_path):
    run(home, "backup", str(tmp_path / "b.tar.gz"))
    assert "exists already" in run(home, "backup", str(tmp_path / "b.tar.gz"), code=2)
    told = run(home, "restore", str(tmp_path / "b.tar.gz"), code=2)
    assert "store.sqlite" in told
    assert "exists already" in told
    assert "is not empty" in run(
        home, "restore", str(tmp_path / "b.tar.gz"), "--config-to", str(home / "config"), code=2
    )


@pytest.mark.parametrize("how", ["cut_short", "a_file_changed", "no_backup"])
def test_a_backup_that_is_not_what_was_written_changes_nothing(home, tmp_path, how):
    path, site = tmp_path / "b.tar.gz", load_site(home / "config")
    back_up(site.settings, home / "config", path, now=NOW, told=lambda _: None)
    if how == "cut_short":
        path.write_bytes(path.read_bytes()[:-2000])
    elif how == "no_backup":
        path.write_bytes(b"something else")
    else:
        with tarfile.open(path) as tar:
            tar.extractall(tmp_path / "x", filter="data")
        (tmp_path / "x/silenced.json").write_text("[]")
        manifest = json.loads((tmp_path / "x/manifest.json").read_text())
        manifest["files"]["silenced.json"] = {"sha256": "0" * 64, "bytes": 2}
        (tmp_path / "x/manifest.json").write_text(json.dumps(manifest))
        with tarfile.open(path, "w:gz") as tar:
            for file in (tmp_path / "x").iterdir():
                tar.add(file, file.name)
    shutil.rmtree(home / "var")
    with pytest.raises(BackupBroken, match="Take another"):
        restore(path, site.settings, home / "config", told=lambda _: None)
    assert not (home / "var/store.sqlite").exists()


def test_a_backup_taken_while_readings_come_holds_one_moment(home, tmp_path):
    """A writer commits batches of two meters, always both; the copy holds both or neither of each."""
    site, stop = load_site(home / "config"), threading.Event()
    start = 2_000_000_000_000_000

    def write() -> None:
        store = SqliteStore(site.settings.store.path)
        for n in range(100_000):
            if stop.is_set():
                break
            at = np.array([start + n * 1_000_000] * 2)
            store.commit(ReadingBatch(METERS[:2], np.array([0, 1]), at, {"energy_kwh": np.array([float(n)] * 2)}))
        store.close()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        back_up(site.settings, home / "config", tmp_path / "b.tar.gz", now=NOW, told=lambda _: None)
    finally:
        stop.set()
        writer.join()
    shutil.rmtree(home / "var")
    restore(tmp_path / "b.tar.gz", site.settings, home / "config", told=lambda _: None)
    store = SqliteStore(site.settings.store.path)
    one, two = (store.readings([meter], start, 2**62).column("energy_kwh").tolist() for meter in METERS[:2])
    store.close()
    assert one == two == [float(n) for n in range(len(one))]
