"""How long the portfolio's records take: files in and out, the state, a change. `python -m tests.bench.portfolio 1000 10`."""

from __future__ import annotations

import datetime as dt
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from bkkenergy.access import server_actor
from bkkenergy.adapters.state import open_state
from bkkenergy.portfolio import portfolio_on
from bkkenergy.portfolio.check import cross_check
from bkkenergy.portfolio.edits import Amend
from bkkenergy.portfolio.records import differences
from bkkenergy.settings import StateSettings
from bkkenergy.site.portfolio_files import read_folder, write_folder
from bkkenergy.usecases.portfolio import PortfolioState, change, replace_all
from tests.schools import school_records


def step(name: str, work: Callable[[], Any]) -> Any:
    began_s, began_cpu_s = time.perf_counter(), time.process_time()
    result = work()
    wall_s, cpu_s = time.perf_counter() - began_s, time.process_time() - began_cpu_s
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"{name:28s} {wall_s:7.2f} s  {cpu_s:7.2f} s CPU  peak {peak_mb} MB", flush=True)
    return result


def main(buildings: int, meters: int, url: str | None = None) -> None:
    """Buildings, meters in each, and the URL of a PostgreSQL state (default: an SQLite file)."""
    folder, now, me = Path(tempfile.mkdtemp()), dt.datetime.now(dt.UTC), server_actor("bench")
    records = step("generate", lambda: school_records(buildings, meters))
    step("write TOML", lambda: write_folder(records, folder / "out"))
    document = step("read TOML", lambda: read_folder(folder / "out"))
    assert not document.faults
    assert differences(records, document.records) == ()
    step("check every day", lambda: cross_check(document.records, {}))
    settings = StateSettings(url=SecretStr(url)) if url else StateSettings(path=folder / "state.sqlite")
    engine = open_state(settings)
    state = PortfolioState(engine)
    step("import", lambda: replace_all(state, me, document.records, why="bench", now=now))
    there = step("read the state", state.records)
    assert differences(records, there) == ()
    portfolio = step("portfolio of a day", lambda: portfolio_on(there, now.date()))
    edit = Amend("building", next(iter(portfolio.buildings)), {"gross_floor_area_m2": 5.0})
    following = replace(state, sound=there)  # as a process that runs knows it
    step(
        "change a building",
        lambda: change(following, me, [edit], why="bench", from_day=None, expected_revision=1, now=now),
    )
    newer = step("read what came after", following.records)
    step("check what came after", lambda: cross_check(newer, {}, sound=there))
    step("look for a revision", state.newest)
    print(f"{len(there.entries)} entries, {len(portfolio.buildings)} buildings, {len(portfolio.meters)} meters")
    engine.dispose()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:])
