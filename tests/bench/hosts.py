"""Three hosts without a shared disk for some minutes under load: what is lost, doubled or differs when one goes away.

Ingester, worker and web of each host are processes of their own, with the servers on a fourth; all in network
namespaces. In turns one host, chosen at random, is killed whole or cut off, and comes back after a while; the next
turn begins when it has. Reports of an earlier day are due in each turn.
"""

from __future__ import annotations

import argparse
import datetime as dt
import random
import shutil
import time
from pathlib import Path

import structlog

from bkkenergy.calendar import BANGKOK
from tests.bench.rows import costs
from tests.hosts import PAGES, City, Host, city, wait_until

COMMANDS = (("ingest",), ("jobs", "start"), ("web",))
AWAY_S = (10.0, 60.0)
"""From less than PostgreSQL's patience of 30 s to twice that."""


def said(text: str) -> None:
    print(f"{dt.datetime.now(BANGKOK):%H:%M:%S} {text}", flush=True)


def take_away(own: City, host: Host, *, is_cut: bool) -> None:
    own.disturbed += 1
    if is_cut:
        host.cable.pull()
    else:
        host.kill()


def bring_back(host: Host, *, is_cut: bool) -> None:
    if is_cut:
        host.cable.plug()
    else:
        host.start()


def turn(own: City, rng: random.Random, number: int) -> float:
    """One host goes away while reports are due; the others go on, and are asked for pages. Seconds until it is back."""
    victim, is_cut = rng.choice(own.hosts), bool(number % 2)
    away_s = rng.uniform(*AWAY_S)
    own.enter_reports(ago_days=2 + number % 6)
    time.sleep(rng.uniform(0, 3))
    take_away(own, victim, is_cut=is_cut)
    own.rename("health.centre-1", f"Renamed {number}")
    until_s, asked, answered = time.monotonic() + away_s, 0, 0
    while time.monotonic() < until_s:
        for host in own.hosts:
            if host is not victim:
                asked += 1
                answered += host.answer(rng.choice(PAGES), own.cookie)[0] == 200
        time.sleep(1)
    bring_back(victim, is_cut=is_cut)
    began_s = time.monotonic()
    wait_until(victim.is_ready, 120, f"{victim.home.name} does not come back")
    back_s = time.monotonic() - began_s
    said(
        f"turn {number}: {victim.home.name} {'cut off' if is_cut else 'killed'} for {away_s:.0f} s; "
        f"pages of the others {answered} of {asked}; back after {back_s:.1f} s"
    )
    return back_s


def summarise(own: City) -> list[str]:
    """Hold everything against what was sent and entered; what is wrong."""
    own.sender.finish()
    wait_until(lambda: own.lost_and_strange()[0] == 0, 600, "readings are lost")
    wait_until(lambda: not own.wrong_reports(), 600, "a report or a mail is not as it should be")
    paths = [*PAGES, *own.files()]
    wait_until(lambda: not own.differing(paths), 300, "pages differ")
    lost, strange = own.lost_and_strange()
    sent, runs = sum(map(len, own.sender.sent.values())), own.jobs.queue.runs(limit=10_000)
    mails = own.mail.messages
    said(f"{sent:,} readings sent: lost {lost}, twice or otherwise {strange}")
    said(
        f"{len(runs)} reports made, each once; {len({mail['Message-ID'] for mail in mails})} mails, {len(mails)} arrived"
    )
    said(f"{len(paths)} pages and files alike from {len(own.hosts)} web processes")
    return [] if (lost, strange) == (0, 0) else ["readings"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--messages-a-s", type=float, default=100)
    parser.add_argument("--seed", type=int, default=28)
    parser.add_argument("--folder", type=Path, default=Path("var/bench-hosts"))
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30))
    shutil.rmtree(given.folder, ignore_errors=True)
    given.folder.mkdir(parents=True)
    rng = random.Random(given.seed)
    with city(given.folder.resolve(), commands=COMMANDS, messages_a_s=given.messages_a_s) as own:
        said(f"{len(own.hosts)} hosts, {len(COMMANDS)} processes each, {given.messages_a_s:.0f} messages a second")
        until_s, number, back_s = time.monotonic() + given.minutes * 60, 0, list[float]()
        while time.monotonic() < until_s:
            number += 1
            back_s.append(turn(own, rng, number))
        wrong = summarise(own)
    longest_ms = max(back_s) * 1000
    costs("hosts", "a host that was away answers again, at the longest", longest_ms, "a minute", 60_000.0, 1.0)
    raise SystemExit(1 if wrong else 0)


if __name__ == "__main__":
    main()
