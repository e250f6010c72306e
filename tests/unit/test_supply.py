"""What the service is made of: every package locked by its hash, its licence listed and accepted, no registry named."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.conftest import ROOT
from tests.licences import ACCEPTED, LIST, licence_of, names, parts, table

LOCKS = ("requirements.lock", "requirements-dev.lock")


@pytest.mark.parametrize("lock", LOCKS)
def test_locks_name_versions_and_hashes_and_no_registry(lock):
    text = (ROOT / lock).read_text()
    assert "://" not in text
    entries = re.split(r"\n(?=\S)", text.replace("\\\n", " ").strip())
    assert len(entries) > 50
    for entry in entries:
        assert re.match(r"[A-Za-z0-9_.-]+(\[[^\]]*\])?==\S+", entry), entry
        assert "--hash=sha256:" in entry, entry


def test_what_runs_is_among_what_is_tested():
    dev = (ROOT / "requirements-dev.lock").read_text()
    pinned = re.findall(r"^(\S+==\S+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    extra = [own for own in pinned if f"{own} " not in dev and not own.startswith(("amqtt", "transitions"))]
    assert [own for own in extra if own.split("==")[0] in dev] == []


def test_every_licence_is_listed_and_accepted():
    assert LIST.read_text() == table(), "run: python -m tests.licences"
    for name in names():
        for part in parts(licence_of(name) or "MIT"):
            assert part in ACCEPTED, f"{name}: {part}"


def test_an_audit_that_looks_nothing_up_does_not_pass(tmp_path):
    """It exited with 0 where there was no network: a gate that opened when it was blind."""
    script, lock = ROOT / "deploy/audit", ROOT / "requirements.lock"
    done = subprocess.run([sys.executable, script, lock], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Not all was looked up" in done.stdout


def test_security_md_says_how_fast_and_what_is_signed():
    text = (ROOT / "SECURITY.md").read_text()
    for said in ("## Versions and advisories", "## Packages", "git tag -s", "SHA256SUMS", "make audit"):
        assert said in text, said
