"""The tutorial, line by line in a shell: a new site, its first meter over a real broker, its first report."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bkkenergy.cli.init import with_value
from tests.conftest import ROOT
from tests.integration.test_docs import TUTORIAL, blocks
from tests.servers import free_port, started, stock_mosquitto

BY_A_FRESH_CLONE = "make demo"


class Walker:
    """A reader of the tutorial in an empty folder, with ports that no other test has."""

    def __init__(self, folder: Path, broker_port: int) -> None:
        self.folder, self.broker_port = folder, broker_port
        self.service: subprocess.Popen[bytes] | None = None
        (folder / ".venv").mkdir()
        (folder / ".venv/bin").symlink_to(Path(sys.executable).parent)
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("BKKENERGY_")}

    def do(self, line: str) -> str:
        """Carry out a line as it stands, only with this test's ports; return what it printed."""
        line = line.replace("mosquitto_pub ", f"mosquitto_pub -p {self.broker_port} ")
        if " serve " in line:
            with (self.folder / "serve.log").open("wb") as log:
                words = ["sh", "-c", f"exec {line}"]  # the signal must reach the program, not the shell
                self.service = subprocess.Popen(words, cwd=self.folder, stdout=log, stderr=log, env=self.environment)
            self.wait_for("mqtt_connected")
            return ""
        options = {"cwd": self.folder, "env": self.environment, "timeout": 120}
        done = subprocess.run(["sh", "-ec", line], check=False, capture_output=True, text=True, **options)
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        if " init " in line:
            self.use_ports()
        return done.stdout

    def use_ports(self) -> None:
        """Enter this test's ports in the settings that `init` wrote."""
        path = self.folder / "mysite/config/bkkenergy.toml"
        text = path.read_text(encoding="utf-8")
        ports = (("mqtt", self.broker_port), ("observe", 0), ("web", free_port()))
        for section, port in ports:
            text = with_value(text, section, "port", port)
        path.write_text(text, encoding="utf-8")

    def said(self) -> str:
        """Return what the service printed."""
        return (self.folder / "serve.log").read_text(encoding="utf-8")

    def wait_for(self, words: str) -> None:
        """Wait until the service has printed words."""
        for _ in range(600):
            if words in self.said():
                return
            time.sleep(0.1)
        pytest.fail(self.said())

    def stop(self) -> None:
        """End the service as Ctrl-C does."""
        if self.service is not None:
            self.service.send_signal(signal.SIGINT)
            self.service.wait(60)


@pytest.fixture
def walker(tmp_path, tmp_path_factory):
    """A reader whose broker is Debian's, with the one line that the tutorial adds."""
    (line,) = re.findall(
        r"Write `([^`]+)` to `/etc/mosquitto", (ROOT / "docs/en" / TUTORIAL).read_text(encoding="utf-8")
    )
    with started(stock_mosquitto(tmp_path_factory.mktemp("broker"), line)) as broker:
        walker = Walker(tmp_path, broker.port)
        yield walker
        walker.stop()


@pytest.mark.broker
@pytest.mark.slow
def test_the_tutorial_leads_to_the_report_that_it_promises(walker):
    page = ROOT / "docs/en" / TUTORIAL
    promised_kwh = re.search(r"they are (\d+) kWh", page.read_text(encoding="utf-8"))[1]
    printed = {}
    for line in blocks(page):
        if line == BY_A_FRESH_CLONE:
            continue
        printed[line.split("bkkenergy ")[-1].split(" --")[0]] = walker.do(line)
        if "mosquitto_pub" in line:
            time.sleep(2)  # the ingester's batch
    assert printed["doctor"].count("✓") == len(printed["doctor"].splitlines())
    assert "one-time password" in walker.said()
    assert "my-agency.office.main" in printed["meters status"]
    hours = re.findall(r"\d\d:00 +([\d.]+) +measured", printed["energy show my-agency.office"])
    assert len(hours) == 24
    assert sum(map(float, hours)) == float(promised_kwh)
    report = printed["report my-agency"]
    assert f"Used {promised_kwh} kWh" in report
    paths = re.findall(r"\S+\.(?:html|csv)", report)
    assert len(paths) == 2
    assert f"{promised_kwh}" in Path(paths[0]).read_text(encoding="utf-8")
