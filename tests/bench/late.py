"""Readings a second into an InfluxDB that answers each write a second later, as InfluxDB 3 does, beside an old commit's.

    python -m tests.bench.late [--rounds N] [--delay-s S] [--quick]

A real InfluxDB 1.x stands behind a proxy of the tests' own, which holds each answer back.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path

from bkkenergy.portfolio import load_portfolio
from bkkenergy.settings import StoreSettings
from tests.bench.__main__ import as_packets, end_session, ingester, leave_backlog, messages, servers, source_of
from tests.bench.rows import MISSED, faster
from tests.conftest import ROOT
from tests.lateproxy import answering_late

MESSAGES, OLD_MESSAGES = 150_000, 4_000
"""Of one reading each. The old commit needs a second for each thousand."""
TIMES_OLD = 20.0


def run(given: argparse.Namespace) -> bool:
    """Print both in each round; whether the median ratio reaches its target."""
    part = 10 if given.quick else 1
    backlog = messages(load_portfolio(ROOT / "config"), 1)
    found: dict[str, list[float]] = {"ours": [], "old": []}
    with (
        tempfile.TemporaryDirectory(prefix="bkkenergy-bench-") as folder,
        servers(Path(folder)) as (port, influx),
        source_of(given.against, Path(folder)) as old,
        answering_late(influx.port, given.delay_s) as url,
    ):

        def store(name: str) -> StoreSettings:
            own = influx.bucket(name.replace("-", "_")).model_copy(update={"url": url})
            return StoreSettings(kind="influx", path=Path(folder) / f"{name}.sqlite", influx=own)

        for number in range(given.rounds):
            for name, source, count in (("ours", ROOT, MESSAGES // part), ("old", old, OLD_MESSAGES // part)):
                own = f"{name}-{number}"
                leave_backlog(port, own, as_packets(backlog[:count]), count)
                measured = ingester(source, port, store, count, 1)(own)
                end_session(port, own)
                found[name].append(measured.readings_per_s)
                print(
                    f"{name:>5} {measured.readings_per_s:>9,.0f} readings/s, at most {measured.peak_mb:.0f} MB",
                    flush=True,
                )
    ours, theirs = (statistics.median(found[name]) for name in ("ours", "old"))
    what = f"1,000 readings to InfluxDB that answers after {given.delay_s:g} s"
    faster("late", what, 1e6 / ours, f"commit {given.against}", 1e6 / theirs, TIMES_OLD)
    print(f"{ours / theirs:.1f} times the old commit (target: {TIMES_OLD:g})")
    return ours / theirs >= TIMES_OLD


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--delay-s", type=float, default=1.0, help="how much later each answer comes")
    parser.add_argument("--against", default="851c55d", help="the old commit")
    parser.add_argument("--quick", action="store_true", help="a tenth of the messages")
    arguments = parser.parse_args()
    raise SystemExit(0 if run(arguments) else MISSED)
