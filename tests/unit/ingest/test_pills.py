"""The worst single message costs little memory: nothing that one gateway sends ends the service."""

import subprocess
import sys

import pytest

from tests.conftest import ROOT

MAX_ADDED_MB = 100


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_worst_message_adds_at_most_100_mb():
    printed = subprocess.run(
        [sys.executable, "-m", "tests.pills"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=280
    ).stdout.splitlines()
    assert len(printed) > 200
    assert [line for line in printed if float(line.split()[0]) > MAX_ADDED_MB] == []
