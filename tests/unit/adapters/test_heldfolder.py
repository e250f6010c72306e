"""Folders that a process holds, and what it leaves where it is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from bkkenergy.adapters import heldfolder
from bkkenergy.adapters.heldfolder import HeldFolder

MAKES_ONE = """
import sys
from bkkenergy.adapters.heldfolder import HeldFolder
folder = HeldFolder("held-")
(folder.path / "profile").mkdir()
print(folder.path, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_a_folder_goes_when_it_is_removed(temporary: Path) -> None:
    folder = HeldFolder("held-")
    (folder.path / "page.html").write_text("x")
    folder.remove()
    assert not list(temporary.iterdir())


def test_what_a_killed_process_left_goes_with_the_next_folder_and_what_one_holds_stays(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heldfolder, "MAKING_S", -1.0)
    other = temporary / "other-folder"
    other.mkdir()
    with subprocess.Popen(
        [sys.executable, "-c", MAKES_ONE],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | {"TMPDIR": str(temporary)},
    ) as process:  # fmt: skip
        theirs = Path(process.stdout.readline().strip())
        HeldFolder("held-").remove()
        assert (theirs / "profile").exists()
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert theirs.exists()
    HeldFolder("held-").remove()
    assert not theirs.exists()
    assert other.exists()


def test_a_folder_that_was_just_made_is_not_taken_for_one_that_was_left(temporary: Path) -> None:
    (temporary / "held-young").mkdir()
    HeldFolder("held-").remove()
    assert (temporary / "held-young").exists()


def test_a_link_with_the_prefix_leads_to_nothing_that_is_removed(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heldfolder, "MAKING_S", -1.0)
    (temporary / "data").mkdir()
    (temporary / "data" / "kept.txt").write_text("x")
    (temporary / "held-link").symlink_to(temporary / "data")
    HeldFolder("held-").remove()
    assert (temporary / "data" / "kept.txt").exists()
