"""Random kills of an ingester under load, on a mosquitto whose queue has a bound and which counts nothing aloud.

    python -m tests.peers.kills [ROUNDS [SEED [doctor]]]

Each round sends floods of random lengths from four gateways, kills the ingester with kill -9 at a random moment of them, and starts it again
after a random time. It prints what was stored of what the broker acknowledged, and what the log said in that round. A loss of
which it said nothing is silent; one that is said where nothing was lost is a false alarm (`queue_unproven` is a doubt, no
alarm). With `doctor`, the doctor has measured the queue before. Outside `make test`.
"""

from __future__ import annotations

import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

from bkkenergy.adapters.canary_file import CanaryFile
from tests.conftest import ROOT
from tests.peers.harsh import ANSWERS_WITHIN_S, Part, parts_of, published, wait_at_most
from tests.servers import Server, free_port, mosquitto_path

CONF = """listener {port} 127.0.0.1
allow_anonymous true
user root
sys_interval 0
max_queued_messages {queued}
"""
QUEUED = 1_000
GATEWAYS, MAX_EACH = 4, 2_000
SAID = re.compile(r"mqtt_trouble\s+kind=(\w+)")
CERTAIN = {"queue_full", "messages_lost", "canary_missed", "session_lost"}
ENDS_WITHIN_S = 300
CANARY_S = 5


class LoggedPart(Part):
    """An ingester whose log is read."""

    def start(self, *, must_be_ready: bool = True) -> None:
        command = [sys.executable, "-m", "bkkenergy", "ingest", "--config", str(self.site), "--log-level", "warning"]
        with (self.site / "log").open("ab") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
        wait_at_most(self.is_ready, ANSWERS_WITHIN_S)
        assert not must_be_ready or self.is_ready(), "it is not subscribed"

    def has_judged_all(self) -> bool:
        """Whether nothing is awaited and no span waits to be judged."""
        notes = CanaryFile(self.site.parent / f"var/session-harsh-{self.name}.canary").read()
        return not (notes.counts.away or notes.counts.live or notes.sent)

    def said(self) -> Counter[str]:
        return Counter(SAID.findall((self.site / "log").read_text("utf-8")))


def a_round(part: LoggedPart, port: int, first: int, dice: random.Random) -> tuple[int, int, Counter[str]]:
    before = part.said()
    counts, acked = [dice.randrange(20, 2_000) for _ in range(GATEWAYS)], list[int]()

    def flood(number: int) -> None:
        acked.append(published(port, first + number * MAX_EACH, counts[number]))

    gateways = [threading.Thread(target=flood, args=(number,)) for number in range(GATEWAYS)]
    for gateway in gateways:
        gateway.start()
    time.sleep(dice.uniform(0.05, 1.5))
    part.stop(signal.SIGKILL)
    time.sleep(dice.uniform(0, 3))
    if dice.random() < 1 / 3:  # and once more, before anything could be judged
        part.start(must_be_ready=False)
        time.sleep(dice.uniform(0, 1))
        part.stop(signal.SIGKILL)
    part.start(must_be_ready=False)
    for gateway in gateways:
        gateway.join()
    wait_at_most(part.is_ready, ENDS_WITHIN_S)
    stored = part.settled(first, GATEWAYS * MAX_EACH)
    for _ in range(3):  # one more canary may be due
        time.sleep(CANARY_S)
        wait_at_most(part.has_judged_all, ENDS_WITHIN_S)
    return stored, sum(acked), part.said() - before


def main(rounds: str = "30", seed: str = "1", doctor: str = "") -> None:
    folder, dice, port = Path(tempfile.mkdtemp()), random.Random(int(seed)), free_port()
    folder.chmod(0o777)
    (folder / "conf").write_text(CONF.format(port=port, queued=QUEUED))
    server = Server([mosquitto_path() or "mosquitto", "-c", str(folder / "conf")], port)
    silent = alarms = lossy = 0
    try:
        server.start()
        with parts_of(folder, port, "", "one", kind=LoggedPart) as (part,):
            part.start()
            if doctor:
                asked = [sys.executable, "-m", "bkkenergy", "doctor", "--config", str(part.site)]
                subprocess.run(asked, cwd=ROOT, stdout=subprocess.DEVNULL, check=False)
            for number in range(int(rounds)):
                stored, acked, said = a_round(part, port, 10_000 * number, dice)
                lossy += stored < acked
                silent += stored < acked and not said
                alarms += stored >= acked and bool(CERTAIN & set(said))
                print(f"{number}: {stored} of {acked}; {dict(said)}", flush=True)
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
    print(
        f"{rounds} rounds, seed {seed}: {lossy} with losses, {silent} of them silent; {alarms} false alarms", flush=True
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
