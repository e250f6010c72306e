"""What a command of root makes in a site of the service's user belongs to that user, who goes on writing into it."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from bkkenergy.adapters.files import hand_over, make_file, make_folder, write_whole
from bkkenergy.ingest.inhand import InHand
from bkkenergy.ingest.spool import Spool
from tests import commands
from tests.builders import readings

SERVICE = 54_321
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can run a command on another user's site")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder of the service's user, which that user reaches: a test's own folder is root's alone."""
    with tempfile.TemporaryDirectory(prefix="bkkenergy-owner-") as name:
        os.chown(name, SERVICE, SERVICE)
        yield Path(name)


def bkkenergy(*arguments: str) -> None:
    """Run a command as root with the strictest umask that servers have, in a child: a umask is of a whole process."""
    in_a_child(lambda: commands.bkkenergy(*arguments), umask=0o077)


def as_service(does: Callable[[], object]) -> None:
    """Do something in a process of the service's user."""
    in_a_child(does, user=SERVICE)


def in_a_child(does: Callable[[], object], *, user: int = 0, umask: int = 0o022) -> None:
    """Do something in a process of its own, which has to end well."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.umask(umask)
            if user:
                os.setgroups([])
                os.setgid(user)
                os.setuid(user)
            does()
            status = 0
        except BaseException as error:  # noqa: BLE001 - whatever it is, the child must not return into the test
            os.write(2, f"{error!r}\n".encode())
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def write_into(path: Path) -> None:
    """Commit to a database as the service does: in its log beside it."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        connection.execute("CREATE TABLE written (number INTEGER)")
        connection.execute("DROP TABLE written")


def owners(folder: Path) -> dict[str, int]:
    return {path.relative_to(folder).as_posix(): path.lstat().st_uid for path in folder.rglob("*")}


@pytest.fixture
def site(folder) -> Path:
    """A site whose data folder is there and empty, as systemd-tmpfiles or a volume make it."""
    bkkenergy("init", str(folder / "site"), "--yes")
    for path in (folder / "site", *(folder / "site").rglob("*")):
        os.chown(path, SERVICE, SERVICE)
    (folder / "site/var").mkdir(exist_ok=True)
    os.chown(folder / "site/var", SERVICE, SERVICE)
    return folder / "site"


@pytest.mark.parametrize(
    "asked",
    [
        [["users", "list"]],
        [["imports", "list"]],
        [["quarantine", "list"], ["jobs", "list"], ["retention"]],
    ],
    ids=["state", "readings", "several"],
)
def test_the_service_writes_into_what_a_command_of_root_has_made(site, asked):
    config = str(site / "config")
    for command in asked:
        bkkenergy(*command, "--config", config)
    made = owners(site / "var")
    assert any(name.endswith(".sqlite") for name in made), made
    assert set(made.values()) == {SERVICE}, made

    as_service(lambda: [write_into(path) for path in (site / "var").rglob("*.sqlite")])


def test_a_restored_site_is_of_the_service(site, folder):
    config, backup = str(site / "config"), folder / "backup.tar.gz"
    bkkenergy("users", "list", "--config", config)
    bkkenergy("backup", str(backup), "--config", config)
    for path in sorted((site / "var").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    bkkenergy("restore", str(backup), "--config", config)
    assert set(owners(site / "var").values()) == {SERVICE}


@pytest.mark.parametrize("make", [make_folder, make_file, lambda path: write_whole(path, b"x")])
def test_folders_above_what_is_made_are_of_the_service_too(folder, make):
    make(folder / "a/b/c")
    assert owners(folder) == dict.fromkeys(["a", "a/b", "a/b/c"], SERVICE)
    as_service(lambda: (folder / "a/b/more").write_bytes(b"x"))


def test_what_lies_in_a_folder_is_handed_over_and_links_lead_to_nothing_that_is(folder, tmp_path):
    of_root = tmp_path / "of-root"
    of_root.mkdir()
    (of_root / "file").touch()
    (folder / "a/b").mkdir(parents=True)
    (folder / "a/link").symlink_to(of_root)
    (folder / "a/b/link").symlink_to(of_root / "file")
    hand_over(folder / "a")
    assert set(owners(folder).values()) == {SERVICE}
    assert of_root.stat().st_uid == (of_root / "file").stat().st_uid == 0


def test_a_link_that_leads_elsewhere_makes_no_file_there(folder, tmp_path):
    (folder / "state.sqlite").symlink_to(tmp_path / "elsewhere")
    make_file(folder / "state.sqlite")
    assert not (tmp_path / "elsewhere").exists()


def test_what_an_ingester_of_root_spools_the_service_drains(folder):
    spool = Spool(folder / "var/spool", max_bytes=1 << 20)
    assert spool.append(readings("m", [1.0]))
    spool.close()
    InHand(folder / "var/in-hand").close()
    assert set(owners(folder).values()) == {SERVICE}

    def drain() -> None:
        drained = Spool(folder / "var/spool", max_bytes=1 << 20)
        assert drained.oldest() is not None
        drained.remove()
        assert drained.is_empty

    as_service(drain)


def test_in_a_folder_of_root_all_stays_as_it_is(tmp_path):
    make_file(tmp_path / "a/file")
    assert (tmp_path / "a").stat().st_uid == 0
    there = (tmp_path / "a/file").stat()
    assert (there.st_uid, there.st_mode & 0o007) == (0, 0), "no file for everyone"
