"""Processes start quickly: the ingester without what reports, pages or migrations need, all without what only PV computes."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ("alembic", "babel", "fastapi", "influxdb_client", "jinja2", "pvlib", "scipy", "shapely")


PV = ("pvlib", "requests", "scipy.interpolate", "scipy.optimize", "scipy.sparse", "scipy.special")


def loaded(modules: str, of: tuple[str, ...]) -> list[str]:
    """Which of several libraries come with modules."""
    code = f"import sys, {modules}; print(*sorted(set({of}) & set(sys.modules)))"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()


def test_the_ingester_loads_no_library_that_it_does_not_need():
    assert loaded("bkkenergy.ingest.service, bkkenergy.cli.serve", HEAVY) == []


def test_pages_reports_jobs_and_the_demonstration_load_what_computes_pv_when_they_compute_it():
    assert loaded("bkkenergy.web.app, bkkenergy.cli.report, bkkenergy.cli.jobs, bkkenergy.cli.demo", PV) == []
