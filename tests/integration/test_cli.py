"""The command as a person or a script uses it: text, files and exit codes."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx2 as httpx
import pandas as pd
import pytest
from click.testing import CliRunner

from bkkenergy import __version__
from bkkenergy.adapters.state import open_state
from bkkenergy.adapters.state.alerts import open_alerts
from bkkenergy.adapters.state.quarantine import Quarantine
from bkkenergy.cli import COMMANDS, cli
from bkkenergy.cli.lang import lang_of_locale
from bkkenergy.demo.meters import SILENT_FROM_YESTERDAY
from bkkenergy.payloads.message import Reason, Refused
from bkkenergy.settings import Settings, StateSettings, StoreSettings
from bkkenergy.site.open import open_store, open_writable
from tests import reference_cli
from tests.builders import DAY_US, QUARTER_US, readings
from tests.commands import bkkenergy
from tests.conftest import CONFIG_PARTS, ROOT
from tests.integration.conftest import publish, reading, wait_until
from tests.servers import free_port

METER = "environment.headquarters.main"
WEEKS = 4


@pytest.fixture
def site(tmp_path, config_dir) -> Path:
    """A site's config folder: the shipped files, and settings of the test's own."""
    folder = tmp_path / "site/config"
    folder.mkdir(parents=True)
    for name in CONFIG_PARTS:
        (folder / name).symlink_to(config_dir / name)
    (folder / "bkkenergy.toml").write_text("[observe]\nport = 0\n")
    return folder


@pytest.fixture
def store(site):
    opened = open_writable(Settings(store=StoreSettings(path=site.parent / "var/bkkenergy.sqlite")))
    yield opened
    opened.close()


def run(*arguments: object, code: int = 0) -> str:
    """What `bkkenergy ARGUMENTS` prints."""
    output = bkkenergy(*arguments, code=code, cwd=ROOT)
    assert "Traceback" not in output
    return output


def run_alone(*arguments: object, code: int = 0) -> str:
    """The same from a process of its own, as a script would start it."""
    done = subprocess.run(
        [sys.executable, "-m", "bkkenergy", *map(str, arguments)], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def month_of_readings(store, kwh_a_quarter=10.0):
    steps = (WEEKS * 7 + 1) * 96
    store.commit(
        readings(
            METER, [1000 + kwh_a_quarter * n for n in range(steps + 1)], start_us=DAY_US - WEEKS * 7 * 96 * QUARTER_US
        )
    )


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example(name):
    help_text = CliRunner().invoke(cli, [name, "--help"])
    assert help_text.exit_code == 0
    assert f"bkkenergy {name}" in help_text.output
    assert "Example" in help_text.output


def test_the_reference_of_commands_is_made_from_them():
    assert reference_cli.PAGE.read_text(encoding="utf-8") == reference_cli.reference(), "run: make docs"


def test_the_version_is_told():
    assert f"bkkenergy {__version__}" in run_alone("version")


def test_check_finds_the_shipped_configuration_sound():
    assert "no faults. 12 agencies, 40 buildings" in run_alone("check", "--config", ROOT / "config")


def test_check_tells_every_fault_of_every_file_and_fails(site):
    (site / "bkkenergy.toml").write_text("[mqtt]\nport = 0\n")
    (site / "factors.toml").unlink()
    (site / "factors.toml").write_text('[[grid_factor]]\npurpose = "guess"\n')
    output = run_alone("check", "--config", site, code=1)
    assert "bkkenergy.toml: mqtt.port" in output
    assert "factors.toml: grid_factor[0].purpose" in output
    assert "faults." in output


def test_a_folder_that_is_no_configuration_says_what_to_do(tmp_path):
    output = run("report", "health", "--config", tmp_path, code=1)
    assert "bkkenergy.toml: the file does not exist. Create it, or name the folder with --config." in output


def test_a_report_is_written_in_each_format_and_language(site, store, tmp_path):
    month_of_readings(store)
    output = run(
        "report",
        "environment",
        "--period",
        "2026-11-23",
        "--format",
        "html,json,csv",
        "--lang",
        "th,en",
        "-o",
        tmp_path / "out",
        "--config",
        site,
    )
    files = {path.name for path in (tmp_path / "out/environment").iterdir()}
    stem = "environment_2026-11-23"
    assert files == {f"{stem}.th.html", f"{stem}.en.html", f"{stem}.json", f"{stem}.th.csv", f"{stem}.en.csv"}
    assert "ใช้ไฟฟ้า 960 หน่วย ใกล้เคียงกับปกติ" in output
    report = json.loads((tmp_path / f"out/environment/{stem}.json").read_text())
    assert report["total"]["energy_kwh"] == pytest.approx(960)
    assert report["total"]["usual_kwh"] == pytest.approx(960)


def test_formats_and_languages_may_be_repeated_or_joined_by_commas(site, store, tmp_path):
    month_of_readings(store)
    chosen = ("--format", "html", "--format", "json,csv", "--format", "html", "--lang", "th", "--lang", "en")
    run("report", "environment", "--period", "2026-11-23", *chosen, "-o", tmp_path / "out", "--config", site)
    endings = sorted(path.name.split(".", 1)[1] for path in (tmp_path / "out/environment").iterdir())
    assert endings == ["en.csv", "en.html", "json", "th.csv", "th.html"]


def test_reports_of_a_month_of_all_agencies_and_the_city(site, store, tmp_path):
    month_of_readings(store)
    run("report", "all", "--period", "2026-11", "-o", tmp_path, "--config", site)
    assert len(list(tmp_path.glob("*/*_2026-11.th.html"))) == 13


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        pytest.param(["report", "no-such"], "agency 'no-such' is not in the portfolio. Use one of: culture-sports", id="unknown_agency"),
        pytest.param(["report", "health", "--period", "2026-99"], "period '2026-99' is not understood", id="no_period"),
        pytest.param(["report", "health", "--format", "odt"], "odt is not one of: html, pdf, xlsx, docx, json, csv", id="unknown_format"),
        pytest.param(["export", "x.txt", "--period", "2026-11"], "neither .csv nor .parquet", id="unknown_file_form"),
        pytest.param(["quarantine", "replay"], "numbers of payloads, or --all", id="replay_of_nothing"),
        pytest.param(["quarantine", "show", "7"], "no payload 7", id="no_such_payload"),
    ],
)  # fmt: skip
def test_wrong_arguments_exit_with_2_and_the_remedy(site, store, arguments, says):
    assert says in run(*arguments, "--config", site, code=2)


def test_a_process_exits_with_2_for_wrong_arguments_too(site):
    assert "agency 'no-such' is not in the portfolio" in run_alone("report", "no-such", "--config", site, code=2)


def test_a_store_that_is_unavailable_exits_with_3(site):
    (site / "bkkenergy.toml").write_text('[store]\nkind = "influx"\n[store.influx]\nurl = "http://127.0.0.1:9"\n')
    assert "does not answer" in run_alone("report", "health", "--config", site, code=3)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_what_is_exported_is_imported_again(site, store, tmp_path, suffix):
    month_of_readings(store)
    file = tmp_path / f"november.{suffix}"
    assert "2,209 readings" in run("export", file, "--period", "2026-11", "--agency", "environment", "--config", site)
    before = store.readings([METER], 0, 2**52)
    store._connection.execute("DELETE FROM reading")
    assert "2,209 readings" in run("import", file, "--config", site)
    again = store.readings([METER], 0, 2**52)
    november = before.take(before.ts_us >= again.ts_us[0])
    assert again.ts_us.tolist() == november.ts_us.tolist()
    assert again.column("energy_kwh").tolist() == november.column("energy_kwh").tolist()


def test_rows_that_cannot_be_imported_are_written_beside_the_file(site, store, tmp_path):
    file = tmp_path / "mixed.csv"
    file.write_text(f"meter,ts,energy_kwh\n{METER},2026-11-23T00:00:00Z,5\nnobody,2026-11-23T00:00:00Z,5\n")
    output = run("import", file, "--config", site, code=1)
    assert "1 row was refused (1 unknown_meter)" in output
    assert "Nothing was imported. --skip-refused imports the other rows." in output
    assert len(store.readings([METER], 0, 2**52)) == 0
    run("import", file, "--skip-refused", "--config", site)
    kept = pd.read_csv(tmp_path / "mixed.csv.refused.csv")
    assert kept[["meter", "reason"]].to_numpy().tolist() == [["nobody", "unknown_meter"]]
    assert len(store.readings([METER], 0, 2**52)) == 1


def test_a_wide_file_is_imported_by_column(site, store, tmp_path):
    file = tmp_path / "wide.csv"
    hours = pd.date_range("2026-11-23", periods=24, freq="h")
    pd.DataFrame({"ts": hours, "power_kw": 12.5, "temp_air_c": 30.0}).to_csv(file, index=False)
    run("import", file, "--column", f"power_kw={METER}", "--config", site)
    run("report", "environment", "--period", "2026-11-23", "--format", "json", "-o", tmp_path, "--config", site)
    report = json.loads((tmp_path / "environment/environment_2026-11-23.json").read_text())
    assert report["total"]["energy_kwh"] == pytest.approx(300)
    too_much = tmp_path / "watts.csv"
    pd.DataFrame({"ts": hours, "power_kw": 12_500.0}).to_csv(too_much, index=False)
    output = run("import", too_much, "--column", f"power_kw={METER}", "--config", site, code=2)
    assert "24 values lie beyond the 240 kW" in output
    assert "no meter 'x'" in run("import", file, "--column", "power_kw=x", "--config", site, code=2)
    assert "no column of numbers 'kw'" in run("import", file, "--column", f"kw={METER}", "--config", site, code=2)


def test_quarantine_is_listed_shown_and_replayed(site, store):
    engine = open_state(StateSettings(path=site.parent / "var/state.sqlite"))
    quarantine = Quarantine(engine, max_messages=100, max_bytes=10**6)
    ts = int(dt.datetime(2026, 11, 23, 3, tzinfo=dt.UTC).timestamp())
    topic = "bma/environment/headquarters/main/readings"
    good_now = Refused(topic, reading(ts), Reason.TIME_AHEAD, "ts lies in the future.")
    quarantine.keep(
        [good_now, Refused(topic, b"{broken", Reason.NOT_DECODED, "no JSON")], {"messages": 2}, now_us=DAY_US
    )
    engine.dispose()
    listed = run("quarantine", "list", "--config", site)
    assert "not_decoded" in listed
    assert "2 kept" in listed
    assert "not_decoded" not in run("quarantine", "list", "--reason", "time_ahead", "--config", site)
    assert "{broken" in run("quarantine", "show", 2, "--config", site)
    assert "1 payload replayed (1 reading), 1 stay" in run("quarantine", "replay", "--all", "--config", site, code=1)
    assert len(store.readings([METER], 0, 2**52)) == 1
    assert "1 kept" in run("quarantine", "list", "--config", site)


@pytest.mark.broker
def test_serve_ingests_writes_yesterdays_reports_and_ends_when_told(site, broker):
    (site / "bkkenergy.toml").write_text(
        f'[mqtt]\nport = {broker.port}\nclient_id = "serve-test"\n[observe]\nport = 0\n'
        '[jobs]\nschedule = [{ kind = "day", at = "00:00" }]\n'
        f"[web]\nport = {free_port()}\n"
    )
    command = [sys.executable, "-m", "bkkenergy", "serve", "--config", str(site), "--log-format", "json"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            assert process.stderr is not None
            ends = threading.Timer(60, process.kill)
            ends.start()
            seen = []
            while "mqtt_connected" not in seen or seen.count("report_archived") < 13:
                line = process.stderr.readline()
                assert line, f"it says no more after: {seen}"
                seen.append(json.loads(line)["event"])
            ends.cancel()
            publish(broker.port, [("bma/environment/headquarters/main/readings", reading(1_763_900_000))])
            reader = open_store(StoreSettings(path=site.parent / "var/bkkenergy.sqlite"))
            wait_until(lambda: len(reader.readings([METER], 0, 2**52)) == 1)
            reader.close()
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
        finally:
            process.kill()
    assert len(list((site.parent / "var/reports/archive").glob("*/*/r1/*.th.html"))) == 13


@pytest.mark.broker
def test_the_demonstration_runs_to_its_end(tmp_path):
    output = run_alone("demo", "--exit", "--days", 9, "--broker", "mosquitto", "--folder", tmp_path, "--lang", "en")
    assert "readings a second" in output
    assert "mosquitto" in output
    assert "3 items were rejected and quarantined" in output
    assert len(list(tmp_path.glob("reports/*/*.th.html"))) == 13
    data = [json.loads(path.read_text()) for path in sorted(tmp_path.glob("reports/*/*.json"))]
    assert all(report["is_simulated"] and report["total"]["energy_kwh"] > 100 for report in data)
    kinds = {item["kind"] for report in data for item in report["attention"]}
    assert kinds >= {"low_coverage", "register_reset", "use_up"}


@pytest.mark.parametrize(
    ("environment", "lang"),
    [
        ({"LANG": "en_US.UTF-8"}, "en"),
        ({"LANG": "en"}, "en"),
        ({"LANG": "th_TH.UTF-8"}, "th"),
        ({"LANG": "en_US.UTF-8", "LC_ALL": "th_TH.UTF-8"}, "th"),
        ({"LANG": "th_TH.UTF-8", "LC_ALL": "", "LC_MESSAGES": "en_GB.UTF-8"}, "en"),
        ({"LANG": "C.UTF-8"}, "th"),
        ({"LANG": "eng"}, "th"),
        ({}, "th"),
    ],
)
def test_the_language_is_the_locale_s_where_that_is_english_and_else_thai(environment, lang):
    assert lang_of_locale(environment) == lang


@pytest.mark.broker
@pytest.mark.parametrize(
    ("locale", "options", "shown"),
    [
        (
            "en_US.UTF-8",
            ("--lang", "th", "--broker", "amqtt"),
            ("ใช้ไฟฟ้า", "สำนักการแพทย์", "ข้อมูลสาธิต", "ปฏิเสธ 3 รายการ", "กด Ctrl-C"),
        ),
        (
            "en_US.UTF-8",
            (),
            ("Used ", "Medical Service Department", "Demonstration:", "3 items were rejected and quarantined", "Live:"),
        ),
    ],
)
def test_the_demonstration_goes_on_live_until_it_is_interrupted(tmp_path, locale, options, shown):
    command = [sys.executable, "-m", "bkkenergy", "demo", "--days", "2", "--every", "1", "--folder", str(tmp_path)]
    command += options
    environment = os.environ | {"PYTHONUNBUFFERED": "1", "LC_ALL": locale}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment) as process:
        try:
            assert process.stdout is not None
            output = ""
            headline, agency, note, refused, live = shown
            while live not in output:
                output += process.stdout.readline()
                assert process.poll() is None
            address, password = re.search(r"(http://\S+) .* demo\b.* (\S+)$", output, re.MULTILINE).groups()
            with httpx.Client(base_url=address, follow_redirects=True, timeout=60) as client:
                page = client.post("/login", data={"name": "demo", "password": password}).text
                assert note in page
                assert agency in page
            assert headline in output
            assert agency in output
            assert ("amqtt" if "amqtt" in options else "mosquitto") in output
            assert refused in output
            state = open_state(StateSettings(path=tmp_path / "demo-state.sqlite"))
            wait_until(lambda: SILENT_FROM_YESTERDAY in {alarm.meter for alarm in open_alerts(state)})
            store = open_store(StoreSettings(path=tmp_path / "demo.sqlite"))
            first = store.last_seen_us([METER])[METER]
            wait_until(lambda: store.last_seen_us([METER])[METER] > first)
            store.close()
            time.sleep(0.2)
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == 0
        finally:
            process.kill()


@pytest.mark.parametrize(
    "command",
    [
        ["plan", "add", "led-9", "--agency", "health", "--kind", "led", "--name-th", "ก", "--name-en", "H", "--due", "2570", "--from", "2569-01-01"],
        ["portfolio", "show", "health.centre-1", "--on", "2569-01-01"],
        ["figures", "list", "--on", "2569-01-01"],
    ],
    ids=lambda command: command[0],
)  # fmt: skip
def test_a_day_of_the_buddhist_era_is_refused_with_the_year_that_is_meant(command):
    result = CliRunner().invoke(cli, command)
    assert result.exit_code == 2
    assert "2569 is a year of the Buddhist era. Write 2026." in " ".join(result.output.split()).replace("│ ", "")
