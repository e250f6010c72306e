"""Backup, wipe, restore: readings, state, reports and what is computed from them are as before."""

from __future__ import annotations

import datetime as dt
import gzip
import hashlib
import io
import json
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import tarfile
import threading
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from bkkenergy.adapters.outbound import Outbound, waiting_in
from bkkenergy.adapters.sqlite import SqliteStore
from bkkenergy.calendar import BANGKOK
from bkkenergy.readings import ReadingBatch
from bkkenergy.site import load_configuration
from bkkenergy.site.folder import outbound_file
from bkkenergy.usecases.backup import BackupBroken, back_up, restore
from tests.commands import bkkenergy
from tests.web import METERS, make_site

NOW = dt.datetime(2026, 11, 25, 3, 0, tzinfo=BANGKOK)


@pytest.fixture
def home(tmp_path):
    (tmp_path / "site").mkdir()
    return make_site(tmp_path / "site", days=3)


def run(home, *args, code=0):
    return bkkenergy(*args, "--config", home / "config", code=code)


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
    output = run(home, "backup", str(tmp_path / "b.tar.gz"))
    assert "left out: secrets" in output
    shutil.rmtree(home / "var")
    shutil.rmtree(home / "config")
    back = run(tmp_path / "elsewhere", "restore", str(tmp_path / "b.tar.gz"), "--config-to", str(home / "config"))
    assert "restored" in back
    assert hashes(archive) == before
    assert report(home, tmp_path / "after") == made, "byte for byte"
    assert run(home, "jobs", "list", "--json") == runs
    assert "admin" in run(home, "users", "list")
    assert "no faults" in run(home, "check")


def test_readings_that_wait_for_the_broker_are_in_the_backup(home, tmp_path):
    settings = load_configuration(home / "config").settings
    outbound_file(settings).parent.mkdir(exist_ok=True)
    poller = Outbound(settings.mqtt, outbound_file(settings))
    poller.put("bma/a/b/c/readings", b"{}")
    run(home, "backup", str(tmp_path / "b.tar.gz"))
    shutil.rmtree(home / "var")
    run(home, "restore", str(tmp_path / "b.tar.gz"))
    assert waiting_in(outbound_file(settings)) == 1


def test_what_is_there_is_not_overwritten(home, tmp_path):
    run(home, "backup", str(tmp_path / "b.tar.gz"))
    assert "exists already" in run(home, "backup", str(tmp_path / "b.tar.gz"), code=2)
    output = run(home, "restore", str(tmp_path / "b.tar.gz"), code=2)
    assert f"There already: {home}/var/" in output
    assert "store.sqlite" in output
    assert "is not empty" in run(
        home, "restore", str(tmp_path / "b.tar.gz"), "--config-to", str(home / "config"), code=2
    )


@pytest.mark.parametrize("database", ["store.sqlite", "state.sqlite"])
def test_a_damaged_database_is_no_backup_and_commands_name_it(home, tmp_path, database):
    """Night after night it took the place of the good ones, each with its hash."""
    path = home / "var" / database
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (page_bytes,) = connection.execute("PRAGMA page_size").fetchone()
        pages = [row[0] for row in connection.execute("SELECT rootpage FROM sqlite_master WHERE rootpage > 0")]
    with path.open("r+b") as file:
        for page in pages:
            file.seek((page - 1) * page_bytes)
            file.write(b"\xff" * page_bytes)
    target = tmp_path / "b.tar.gz"
    output = run(home, "backup", str(target), code=2)
    assert f"{path}: the file is damaged" in output
    assert not target.exists()
    assert f"✗ file: {path}: damaged" in run(home, "doctor", code=1)
    output = run(home, "report" if database == "store.sqlite" else "jobs", *REPORT_OR_LIST[database], code=3)
    assert "Traceback" not in output
    assert path.name in output


REPORT_OR_LIST = {"store.sqlite": ("health", "--period", "yesterday"), "state.sqlite": ("list",)}


@pytest.mark.parametrize("database", ["store.sqlite", "state.sqlite", "readings.db"])
@pytest.mark.parametrize("end", ["-wal", "-shm", "-journal"])
def test_a_log_that_was_left_behind_is_not_read_into_what_is_restored(home, tmp_path, database, end):
    """SQLite adopts it, whoever wrote it: a backup of 1,000 readings came back with the 3,000 of a killed service."""
    if database == "readings.db":  # as an operator calls the store
        (home / "var/store.sqlite").rename(home / "var" / database)
        settings = home / "config/bkkenergy.toml"
        settings.write_text(settings.read_text().replace("store.sqlite", database))
    run(home, "backup", str(tmp_path / "b.tar.gz"))
    left = home / f"var/{database}{end}"
    shutil.rmtree(home / "var")
    left.parent.mkdir()
    left.write_bytes(b"of another time")
    output = run(home, "restore", str(tmp_path / "b.tar.gz"), code=2)
    assert str(left) in output
    assert [left] == list((home / "var").iterdir())


def rewritten(path, change):
    """The archive again, after `change(members, manifest)`: [(TarInfo, content)] and the manifest, both to be altered."""
    with tarfile.open(path) as tar:
        members = [(member, tar.extractfile(member).read()) for member in tar.getmembers()]
    manifest = json.loads(members.pop()[1])
    change(members, manifest)
    if isinstance(manifest, dict) and manifest.get("files") is None:
        manifest.pop("files", None)
    with tarfile.open(path, "w:gz") as tar:
        for member, content in members:
            tar.addfile(member, io.BytesIO(content))
        put(tar, "manifest.json", json.dumps(manifest).encode())


def put(tar, name, content=b"", **given):
    member = tarfile.TarInfo(name)
    member.size = len(content)
    for key, value in given.items():
        setattr(member, key, value)
    tar.addfile(member, io.BytesIO(content))


def added(name, content=b"x", *, is_named=True, **given):
    """An archive with one more member, in the manifest or not."""

    def change(members, manifest):
        member = tarfile.TarInfo(name)
        member.size = len(content) if given.get("type", tarfile.REGTYPE) == tarfile.REGTYPE else 0
        for key, value in given.items():
            setattr(member, key, value)
        members.insert(0, (member, content))
        if is_named:
            manifest["files"][name] = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": member.size}

    return change


def entry_changed(**given):
    return lambda members, manifest: manifest["files"]["store.sqlite"].update(given)


def manifest_changed(**given):
    return lambda members, manifest: manifest.update(given)


def content_changed(members, manifest):
    at = next(at for at, (member, _) in enumerate(members) if member.name == "store.sqlite")
    member, content = members[at]
    members[at] = (member, content[:-1] + bytes([content[-1] ^ 1]))


HOSTILE = {
    "a_file_changed": content_changed,
    "a_file_missing": lambda members, manifest: members.pop(0),
    "a_file_twice": lambda members, manifest: members.append(members[0]),
    "a_hash_of_another": entry_changed(sha256="0" * 64),
    "a_size_of_another": entry_changed(bytes=2),
    "a_file_that_no_manifest_names": added("config/settings-extra.toml", is_named=False),
    "a_file_that_no_manifest_names_elsewhere": added("evil", is_named=False),
    "an_absolute_path": added("/tmp/bkkenergy-evil"),
    "a_path_upwards": added("../evil"),
    "a_path_upwards_within": added("config/../../evil"),
    "a_path_of_dots": added("config/./evil"),
    "an_empty_part": added("config//evil"),
    "a_name_of_nothing": added(""),
    "a_nul_in_a_name": added("config/e\0vil", pax_headers={"path": "config/e\0vil"}),
    "a_file_as_a_folder": added("store.sqlite/evil"),
    "a_symbolic_link": added("config/evil", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
    "a_hard_link": added("config/evil", type=tarfile.LNKTYPE, linkname="../../etc/passwd"),
    "a_folder": added("config", type=tarfile.DIRTYPE),
    "a_device": added("config/evil", type=tarfile.CHRTYPE, devmajor=1, devminor=5),
    "a_pipe": added("config/evil", type=tarfile.FIFOTYPE),
    "a_sparse_file": added("config/evil", pax_headers={"GNU.sparse.map": "0,1", "GNU.sparse.size": "1000000000000"}),
    "a_manifest_without_files": manifest_changed(files=None),
    "a_manifest_whose_files_are_a_list": manifest_changed(files=["store.sqlite"]),
    "a_manifest_whose_sizes_are_text": entry_changed(bytes="2"),
    "a_manifest_of_another_format": manifest_changed(format="bkkenergy.backup/9"),
}
"""What somebody who can change a backup may make of it; each is refused by name of the fault."""


def raw_archive(*blocks):
    return gzip.compress(b"".join(blocks) + bytes(1024))


def header(name=b"config/evil", size=b"00000000001\0", kind=b"0"):
    raw = bytearray(512)
    raw[: len(name)], raw[100:108], raw[124 : 124 + len(size)] = name, b"0000644\0", size
    raw[156:157], raw[257:265] = kind, b"ustar\x0000"
    raw[148:156] = b" " * 8
    raw[148:156] = b"%06o\0 " % sum(raw)
    return bytes(raw)


RAW = {
    "nothing": b"",
    "something_else": b"something else",
    "no_member": raw_archive(),
    "not_packed": bytes(10240),
    "noise_in_a_gzip_file": gzip.compress(os.urandom(4096))[:-600] + b"x" * 592,
    "a_negative_size": raw_archive(header(size=b"\xff" * 10 + b"\xfe\x00"), bytes(512)),
    "a_size_beyond_the_file": raw_archive(header(size=b"77777777777\0"), b"x" * 512),
    "a_chain_of_long_names": raw_archive(*[header(b"l", b"00000000001\0", b"L") + b"x" * 512] * 3000),
    "a_manifest_that_is_no_json": raw_archive(header(b"manifest.json"), b"{" + bytes(511)),
    "a_manifest_nested_without_end": raw_archive(header(b"manifest.json", b"00000303240\0"), b"[" * 100_352),
}
"""Files that are no archive, or one that no tar program writes."""


def is_refused(home, path, tmp_path):
    """Nothing lies anywhere that was not there before."""
    site = load_configuration(home / "config")
    shutil.rmtree(home / "var", ignore_errors=True)
    (home / "var").mkdir()
    before = hashes(tmp_path)
    with pytest.raises(BackupBroken, match=r"Take another|this version reads"):
        restore(path, site.settings, home / "config", on_progress=lambda _: None)
    assert hashes(tmp_path) == before
    assert list((home / "var").iterdir()) == []
    assert not Path("/tmp/bkkenergy-evil").exists()


@pytest.fixture(scope="module")
def good_backup(tmp_path_factory):
    folder = tmp_path_factory.mktemp("good")
    home = make_site(folder, days=3)
    back_up(
        load_configuration(home / "config").settings,
        home / "config",
        folder / "b.tar.gz",
        now=NOW,
        on_progress=lambda _: None,
    )
    return home, folder / "b.tar.gz"


@pytest.mark.parametrize("how", HOSTILE)
def test_a_backup_that_is_not_what_was_written_changes_nothing(good_backup, tmp_path, how):
    home, path = shutil.copytree(good_backup[0] / "config", tmp_path / "config").parent, tmp_path / "b.tar.gz"
    shutil.copy(good_backup[1], path)
    rewritten(path, HOSTILE[how])
    is_refused(home, path, tmp_path)


@pytest.mark.parametrize("how", RAW)
def test_a_file_that_is_no_backup_changes_nothing(good_backup, tmp_path, how):
    home, path = shutil.copytree(good_backup[0] / "config", tmp_path / "config").parent, tmp_path / "b.tar.gz"
    path.write_bytes(RAW[how])
    is_refused(home, path, tmp_path)


@pytest.mark.parametrize("content", [RAW["noise_in_a_gzip_file"], RAW["a_chain_of_long_names"]])
def test_configuration_of_a_file_that_is_no_backup_is_not_placed(good_backup, tmp_path, content):
    path = tmp_path / "b.tar.gz"
    path.write_bytes(content)
    output = run(good_backup[0], "restore", str(path), "--config-to", str(tmp_path / "restored/config"), code=1)
    assert "Traceback" not in output
    assert sorted(tmp_path.rglob("*")) == [path, tmp_path / "restored"]


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_a_backup_cut_short_changes_nothing(good_backup, tmp_path, share):
    home, path = shutil.copytree(good_backup[0] / "config", tmp_path / "config").parent, tmp_path / "b.tar.gz"
    path.write_bytes(good_backup[1].read_bytes()[: int(good_backup[1].stat().st_size * share)])
    is_refused(home, path, tmp_path)


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.95])
def test_a_backup_with_bytes_damaged_changes_nothing(good_backup, tmp_path, share):
    """On a failing disk: deflate itself breaks, or a hash does."""
    home, path = shutil.copytree(good_backup[0] / "config", tmp_path / "config").parent, tmp_path / "b.tar.gz"
    raw = bytearray(good_backup[1].read_bytes())
    at = int(len(raw) * share)
    raw[at : at + 64] = bytes(byte ^ 0xA5 for byte in raw[at : at + 64])
    path.write_bytes(raw)
    is_refused(home, path, tmp_path)


def test_an_archive_written_again_as_it_was_is_restored(good_backup, tmp_path):
    """So the refusals above are for what was changed."""
    home, path = shutil.copytree(good_backup[0] / "config", tmp_path / "config").parent, tmp_path / "b.tar.gz"
    shutil.copy(good_backup[1], path)
    rewritten(path, lambda members, manifest: None)
    manifest = restore(path, load_configuration(home / "config").settings, home / "config", on_progress=lambda _: None)
    for name, entry in manifest["files"].items():
        if not name.startswith("config/"):
            where = home / "var" / name.replace("archive/", "reports/archive/", 1)
            assert hashlib.sha256(where.read_bytes()).hexdigest() == entry["sha256"], name


def test_times_of_files_come_back_and_rights_to_write_are_the_owners(home, tmp_path):
    site, path = load_configuration(home / "config"), tmp_path / "b.tar.gz"
    old = home / "var/reports/archive/old.json"
    old.parent.mkdir(parents=True, exist_ok=True)
    old.write_text("{}")
    old.chmod(0o4777)
    os.utime(old, (1_700_000_000, 1_700_000_000))
    back_up(site.settings, home / "config", path, now=NOW, on_progress=lambda _: None)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    shutil.rmtree(home / "var")
    restore(path, site.settings, home / "config", on_progress=lambda _: None)
    assert old.stat().st_mtime == 1_700_000_000
    assert stat.S_IMODE(old.stat().st_mode) == 0o755


@pytest.mark.parametrize(
    "target", ["/proc/b.tar.gz", "config/bkkenergy.toml/b.tar.gz", "config/bkkenergy.toml/x/b.tar.gz"]
)
def test_a_backup_to_where_nothing_can_be_written_is_told_with_the_remedy(home, target):
    output = run(home, "backup", str(home / target), code=2)
    assert "Traceback" not in output
    assert "Name a file in a folder that this user may write to, such as" in output
    assert str(home / "var") in output


def test_a_backup_that_finds_no_room_leaves_nothing_behind(home, tmp_path):
    command = ["prlimit", "--fsize=5000", sys.executable, "-m", "bkkenergy", "backup", str(tmp_path / "out/b.tar.gz")]
    done = subprocess.run(
        [*command, "--config", str(home / "config")], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("target", ["/proc/restored/config", "b.tar.gz/restored/config"])
def test_a_restore_to_where_nothing_can_be_written_is_told_with_the_remedy(home, tmp_path, target):
    run(home, "backup", str(tmp_path / "b.tar.gz"))
    output = run(home, "restore", str(tmp_path / "b.tar.gz"), "--config-to", str(tmp_path / target), code=2)
    assert "Traceback" not in output
    assert "Let --config-to name a folder that this user may write to" in output


def test_a_restore_below_a_file_is_told_with_the_remedy(home, tmp_path):
    run(home, "backup", str(tmp_path / "b.tar.gz"))
    shutil.rmtree(home / "var")
    (home / "var").write_text("")
    output = run(home, "restore", str(tmp_path / "b.tar.gz"), code=2)
    assert "Traceback" not in output
    assert "Let this user write below" in output


def test_a_folder_that_cannot_be_read_is_an_error_and_not_left_out(home, tmp_path):
    """Here since its path is longer than the system takes, which holds for every user."""
    name = "d" * 250
    (home / "config/deep").mkdir()
    at = os.open(home / "config/deep", os.O_RDONLY)
    for _ in range(20):
        os.mkdir(name, dir_fd=at)
        within = os.open(name, os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = within
    os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=at))
    os.close(at)
    try:
        with pytest.raises(OSError, match="too long"):
            back_up(
                load_configuration(home / "config").settings,
                home / "config",
                tmp_path / "b.tar.gz",
                now=NOW,
                on_progress=lambda _: None,
            )
        assert not list(tmp_path.glob("b.tar.gz*"))
    finally:
        shutil.rmtree(home / "config/deep")


def test_a_file_that_changes_while_it_is_taken_is_as_its_hash_says(home, tmp_path):
    """Replaced after the backup has begun with it: the archive holds one of both, and the manifest says which."""
    site, path, old = load_configuration(home / "config"), tmp_path / "b.tar.gz", home / "var/reports/archive/old.json"
    old.parent.mkdir(parents=True, exist_ok=True)
    old.write_text('{"a": 1}')

    def replace(name):
        if name == "archive/old.json":
            (home / "var/new").write_text('{"a": 2}')
            (home / "var/new").replace(old)

    back_up(site.settings, home / "config", path, now=NOW, on_progress=replace)
    shutil.rmtree(home / "var")
    restore(path, site.settings, home / "config", on_progress=lambda _: None)
    assert json.loads(old.read_text())["a"] in {1, 2}


def test_what_has_no_place_under_the_settings_is_told(home, tmp_path, monkeypatch):
    run(home, "backup", str(tmp_path / "b.tar.gz"))
    shutil.rmtree(home / "var")
    monkeypatch.setenv("BKKENERGY_STATE_URL", "postgresql://127.0.0.1:1/none")
    assert "not restored: state.sqlite" in run(home, "restore", str(tmp_path / "b.tar.gz"))
    assert (home / "var/store.sqlite").exists()


def test_a_backup_taken_while_readings_come_holds_one_moment(home, tmp_path):
    """A writer commits batches of two meters, always both; the copy holds both or neither of each."""
    site, stop = load_configuration(home / "config"), threading.Event()
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
        back_up(site.settings, home / "config", tmp_path / "b.tar.gz", now=NOW, on_progress=lambda _: None)
    finally:
        stop.set()
        writer.join()
    shutil.rmtree(home / "var")
    restore(tmp_path / "b.tar.gz", site.settings, home / "config", on_progress=lambda _: None)
    store = SqliteStore(site.settings.store.path)
    one, two = (store.readings([meter], start, 2**62).column("energy_kwh").tolist() for meter in METERS[:2])
    store.close()
    assert one == two == [float(n) for n in range(len(one))]
