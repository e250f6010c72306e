"""The ingester starts quickly and stays small: it loads nothing that only reports, pages or migrations need."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("alembic", "babel", "fastapi", "influxdb_client", "jinja2", "pvlib", "scipy", "shapely")


@pytest.mark.parametrize("module", ["bkkenergy.ingest.service", "bkkenergy.cli.serve"])
def test_the_ingester_loads_no_library_that_it_does_not_need(module):
    code = f"import sys, {module}; print(*sorted(set({HEAVY}) & set(sys.modules)))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert loaded == []
