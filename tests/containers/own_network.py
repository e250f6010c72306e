"""Set up the network that the tests live in, then run a command there: python -m tests.containers.own_network COMMAND...

    this machine, "energy.test", 10.99.0.1  --- a cable ---  another machine of the intranet, "office", 10.99.0.2

The other machine knows no way to the containers' own addresses: what is not translated on its way out gets no answer.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.containers.engine import FOLDER, run

HOST, HOST_ADDRESS, OFFICE_ADDRESS = "energy.test", "10.99.0.1", "10.99.0.2"
OFFICE_VARIABLE = "BKKENERGY_TEST_OFFICE"
"""Process id in whose network the other machine's programs run."""


def main() -> None:
    """Make both machines' networks; the command's exit code."""
    hosts = FOLDER / "hosts"
    hosts.write_text(f"127.0.0.1 localhost\n{HOST_ADDRESS} {HOST}\n", encoding="utf-8")
    run(["mount", "--bind", str(hosts), "/etc/hosts"])
    office = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
    try:
        _wait_for_own_network(office.pid)
        for line in (
            "link set lo up",
            f"link add cable type veth peer name cable netns {office.pid}",
            f"address add {HOST_ADDRESS}/24 dev cable",
            "link set cable up",
        ):
            run(["ip", *line.split()])
        for line in ("link set lo up", f"address add {OFFICE_ADDRESS}/24 dev cable", "link set cable up"):
            run(["nsenter", f"--net=/proc/{office.pid}/ns/net", "ip", *line.split()])
        environment = os.environ | {OFFICE_VARIABLE: str(office.pid)}
        raise SystemExit(subprocess.run(sys.argv[1:], check=False, env=environment).returncode)
    finally:
        office.kill()
        office.wait()


def _wait_for_own_network(pid: int) -> None:
    """Wait until the process has left this network."""
    ours, theirs = Path("/proc/self/ns/net"), Path(f"/proc/{pid}/ns/net")
    while ours.readlink() == theirs.readlink():
        os.sched_yield()


def at_the_office(command: list[str]) -> list[str]:
    """Return the command as one that runs on the other machine."""
    return ["nsenter", f"--net=/proc/{os.environ[OFFICE_VARIABLE]}/ns/net", *command]


if __name__ == "__main__":
    main()
