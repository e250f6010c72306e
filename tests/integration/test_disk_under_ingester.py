"""A disk that becomes full, or read-only, under a running ingester: every published reading is stored once in the end."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.integration.conftest import dealt_with, ingesting, publish, wait_until
from tests.integration.test_delivery import updated
from tests.integration.test_faults import STORE_LOOK_S, assert_exact, count_stored, messages

pytestmark = [
    pytest.mark.broker,
    pytest.mark.slow,
    pytest.mark.timeout(180),
    pytest.mark.skipif(os.geteuid() != 0 or shutil.which("mke2fs") is None, reason="only root may mount a disk"),
]

COUNT = 300
"""Messages of each part."""


def ran(*command: object) -> bool:
    return not subprocess.run([*map(str, command)], check=False, capture_output=True).returncode


@contextmanager
def disk(folder: Path, *options: str):
    """A small disk of its own, mounted; skips where that cannot be."""
    folder.mkdir()
    if not ran("mount", *options, folder):
        pytest.skip("may not mount here")
    try:
        yield folder
    finally:
        ran("umount", "--lazy", folder)


def on_disk(settings, folder, spool):
    """Settings whose store, state and spool lie on a disk."""
    settings = updated(settings, "store", path=folder / "var/store.sqlite")
    settings = updated(settings, "state", path=folder / "var/state.sqlite")
    return updated(settings, "ingest", spool=folder / "var/spool" if spool else None)


def fill(folder: Path) -> Path:
    """Leave no byte free."""
    path = folder / "fill"
    with path.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(bytes(4096)):
            pass
    return path


@pytest.mark.parametrize("spool", [False, True], ids=["store", "spool"])
def test_a_disk_that_fills_under_a_running_ingester_and_has_room_again_loses_nothing(
    settings, portfolio, broker, tmp_path, spool
):
    with disk(tmp_path / "disk", "-t", "tmpfs", "-o", "size=24m", "tmpfs") as folder:
        settings = on_disk(settings, folder, spool)
        with ingesting(settings, portfolio) as ingester:
            publish(broker.port, messages(COUNT))
            wait_until(lambda: dealt_with(ingester) >= COUNT)
            for part in (2, 3):  # it fills twice
                full = fill(folder)
                publish(broker.port, messages(part * COUNT)[(part - 1) * COUNT :])
                wait_until(lambda: ingester.state().store_is_unavailable or ingester.state().state_is_unavailable)
                assert ingester.state().is_alive()
                full.unlink()
                wait_until(
                    lambda part=part: count_stored(settings) == part * COUNT * 5, within_s=60, look_s=STORE_LOOK_S
                )
            wait_until(lambda: not ingester.state().store_is_unavailable, within_s=60)
        assert_exact(settings, 3 * COUNT)


def test_a_disk_that_turns_read_only_after_a_fault_loses_nothing_that_was_acknowledged(
    settings, portfolio, broker, tmp_path
):
    """As ext4 does after a fault of the disk: open files take nothing more until a person has checked and mounted it."""
    image = tmp_path / "disk.img"
    with image.open("wb") as file:
        file.truncate(64 << 20)
    assert ran("mke2fs", "-q", "-t", "ext4", image)
    options = ("-o", "loop,errors=remount-ro", image)
    with disk(tmp_path / "disk", *options) as folder:
        settings = on_disk(settings, folder, spool=False)
        device = Path(subprocess.check_output(["findmnt", "-no", "SOURCE", folder], text=True).strip()).name
        with ingesting(settings, portfolio) as ingester:
            publish(broker.port, messages(COUNT))
            wait_until(lambda: dealt_with(ingester) >= COUNT)
            try:
                Path(f"/sys/fs/ext4/{device}/trigger_fs_error").write_text("1")
            except OSError:
                pytest.skip("this kernel raises no fault")
            publish(broker.port, messages(2 * COUNT)[COUNT:])
            wait_until(lambda: ingester.state().store_is_unavailable or ingester.state().state_is_unavailable)
            assert ingester.state().is_alive()
        assert ran("umount", folder), "no file of the disk is open any more"
        ran("e2fsck", "-fy", image)
        assert ran("mount", *options, folder)
        with ingesting(settings, portfolio):
            wait_until(lambda: count_stored(settings) == 2 * COUNT * 5, within_s=60, look_s=STORE_LOOK_S)
        assert_exact(settings, 2 * COUNT)
