"""The shipped alert rules, evaluated by Debian's vmalert over three hours planted in a real VictoriaMetrics."""

from __future__ import annotations

import datetime as dt
import json
import re
import shutil
import subprocess
import time

import pytest
import requests
import yaml
from prometheus_client import generate_latest

from bkkenergy.adapters.broker_troubles import TroubleKind
from bkkenergy.adapters.work import REGISTRY
from bkkenergy.cli.init import METRICS_PORTS
from bkkenergy.ingest.metrics import Metrics
from bkkenergy.payloads.message import Reason
from bkkenergy.settings import ObserveSettings
from tests.conftest import ROOT

RULES = ROOT / "deploy/prometheus/bkkenergy.rules.yaml"
MINUTES = 180
ALERTS = {rule["alert"]: rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]}
TROUBLE = next(iter(TroubleKind)).value
REASON = next(iter(Reason)).value


def healthy(minute: int) -> dict[str, float]:
    """What a scrape of a good ingester has, a message and ten readings a second."""
    commits = 60 * minute
    return {
        "up": 1,
        "bkkenergy_mqtt_connected": 1,
        "bkkenergy_messages_received_total": 60 * minute,
        "bkkenergy_readings_accepted_total": 600 * minute,
        f'bkkenergy_refused_total{{reason="{REASON}"}}': minute,
        f'bkkenergy_mqtt_trouble{{kind="{TROUBLE}"}}': 0,
        "bkkenergy_spool_batches": 1 if minute % 5 == 0 else 0,
        'bkkenergy_commit_seconds_bucket{le="0.1"}': commits,
        'bkkenergy_commit_seconds_bucket{le="10.0"}': commits,
        'bkkenergy_commit_seconds_bucket{le="+Inf"}': commits,
        "bkkenergy_own_clock_behind_seconds": -3,
        "bkkenergy_lost_commits": 0,
        'bkkenergy_gateway_last_message_timestamp_seconds{gateway="gw-1"}': START_S + 60 * minute - 900,
        'up{job="bkkenergy-jobs"}': 1,
        **{
            f'bkkenergy_task_last_success_timestamp_seconds{{task="{task}"}}': START_S + 60 * minute - 2
            for task in TASKS
        },
        **{f'bkkenergy_task_first_begin_timestamp_seconds{{task="{task}"}}': START_S for task in TASKS},
        **{f'bkkenergy_tasks_under_way{{task="{task}"}}': 0 for task in TASKS},
        'bkkenergy_tasks_total{outcome="done",task="page"}': 60 * minute,
        'bkkenergy_tasks_total{outcome="failed",task="page"}': minute,
        'bkkenergy_tasks_total{outcome="failed",task="report"}': minute // 60,
        'bkkenergy_task_seconds_bucket{le="0.1",task="page"}': 60 * minute,
        'bkkenergy_task_seconds_bucket{le="+Inf",task="page"}': 60 * minute,
    }


TASKS = ("ledger", "schedule")
START_S = int(dt.datetime(2026, 11, 20, tzinfo=dt.UTC).timestamp())
SICK = {
    "IngesterDown": lambda _: {"up": 0},
    "BrokerAway": lambda _: {"bkkenergy_mqtt_connected": 0},
    "NothingReceived": lambda _: {"bkkenergy_messages_received_total": 77},
    "BrokerTrouble": lambda _: {f'bkkenergy_mqtt_trouble{{kind="{TROUBLE}"}}': 1},
    "StoreAway": lambda minute: {"bkkenergy_spool_batches": 1 + minute},
    "StoreSlow": lambda minute: {'bkkenergy_commit_seconds_bucket{le="0.1"}': 30 * minute},
    "CommitsLost": lambda _: {"bkkenergy_lost_commits": 3},
    "ManyRefused": lambda minute: {f'bkkenergy_refused_total{{reason="{REASON}"}}': 60 * minute},
    "OurClockIsWrong": lambda _: {"bkkenergy_own_clock_behind_seconds": -90},
    "WorkerDown": lambda _: {'up{job="bkkenergy-jobs"}': 0},
    "WorkStopped": lambda _: {'bkkenergy_task_last_success_timestamp_seconds{task="ledger"}': START_S},
    "ReportsFail": lambda minute: {'bkkenergy_tasks_total{outcome="failed",task="report"}': minute // 10},
    "PagesFail": lambda minute: {'bkkenergy_tasks_total{outcome="failed",task="page"}': 30 * minute},
    "GatewaySilent": lambda _: {'bkkenergy_gateway_last_message_timestamp_seconds{gateway="gw-1"}': START_S - 900},
}


def never_done(minute: int) -> dict[str, float]:
    """Of a worker whose first work failed, and all after it."""
    return {name: value for name, value in healthy(minute).items() if "last_success" not in name}


def scrape(instance: str, minute: int, values: dict[str, float]) -> list[str]:
    lines = []
    for name, value in values.items():
        labels = name.partition("{")[2].rstrip("}")
        job = "" if "job=" in labels else 'job="bkkenergy"'
        every = ",".join(filter(None, (f'instance="{instance}"', job, labels)))
        lines.append(f"{name.partition('{')[0]}{{{every}}} {value} {(START_S + 60 * minute) * 1000}")
    return lines


def test_what_is_scraped_has_the_names_that_rules_ask_for_and_the_ports_that_are_set(tmp_path):
    scraped = yaml.safe_load((RULES.parent / "scrape.yaml").read_text())["scrape_configs"]
    (_, observe_port), *others = [
        (job["job_name"], int(job["static_configs"][0]["targets"][0].removeprefix("127.0.0.1:"))) for job in scraped
    ]
    assert observe_port == ObserveSettings().port
    assert dict(others) == {
        "bkkenergy-jobs": METRICS_PORTS["jobs_port"], "bkkenergy-web": METRICS_PORTS["web_port"],
    }  # fmt: skip
    named = set(re.findall(r'job="([^"]+)"', RULES.read_text()))
    assert named <= {job["job_name"] for job in scraped}
    for path in sorted(RULES.parent.glob("scrape*.yaml")):
        command = ["victoria-metrics", f"-promscrape.config={path}", "-promscrape.config.strictParse", "-dryRun",
                   f"-storageDataPath={tmp_path}"]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, f"{path.name}: {done.stderr}"


@pytest.fixture(scope="module")
def planted(victoria) -> str:
    """A VictoriaMetrics that scraped a good ingester for three hours, and one for each way to be sick; its address."""
    url = f"http://127.0.0.1:{victoria.port}"
    lines = []
    for minute in range(MINUTES):
        for sickness, change in SICK.items():
            lines += scrape(sickness, minute, healthy(minute) | change(minute))
        lines += scrape("good", minute, healthy(minute))
        lines += scrape("never", minute, never_done(minute))
    requests.post(f"{url}/api/v1/import/prometheus", data="\n".join(lines), timeout=30).raise_for_status()
    requests.get(f"{url}/internal/force_flush", timeout=30)
    return url


@pytest.fixture(scope="module")
def fired(planted) -> dict[str, set[str]]:
    """The alerts that fired, by the instance that was planted sick in one way, and a good one."""
    url = planted
    vmalert = shutil.which("vmalert")
    assert vmalert, "vmalert is not installed: deploy/install-test-packages"
    begin, end = (
        dt.datetime.fromtimestamp(START_S + 60 * minute, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        for minute in (0, MINUTES)
    )
    command = [vmalert, f"-rule={RULES}", f"-datasource.url={url}", "-datasource.queryStep=1m", f"-remoteWrite.url={url}", f"-replay.timeFrom={begin}",
               f"-replay.timeTo={end}", "-replay.disableProgressBar", "-replay.rulesDelay=0s", "-remoteWrite.flushInterval=100ms"]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    by_instance: dict[str, set[str]] = {}
    for _ in range(100):
        requests.get(f"{url}/internal/force_flush", timeout=30)
        asked = {"match[]": 'ALERTS{alertstate="firing"}'}
        lines = requests.get(f"{url}/api/v1/export", params=asked, timeout=30).text.splitlines()
        by_instance = {instance: set() for instance in (*SICK, "good", "never")}
        for alert in (json.loads(line)["metric"] for line in lines):
            by_instance[alert["instance"]].add(alert["alertname"])
        if all(by_instance[name] for name in (*SICK, "never")):
            break
        time.sleep(0.1)
    return by_instance


@pytest.mark.slow
def test_each_alert_fires_for_what_it_names_and_no_other_does(fired):
    assert set(SICK) == set(ALERTS), "each rule has its case"
    assert fired == {**{name: {name} for name in SICK}, "good": set(), "never": {"WorkStopped"}}


def test_the_rules_ask_for_metrics_that_there_are():
    shown = (generate_latest(Metrics().registry) + generate_latest(REGISTRY)).decode()
    for rule in ALERTS.values():
        for name in re.findall(r"bkkenergy_\w+", rule["expr"]):
            base = name.removesuffix("_total").removesuffix("_bucket")
            assert f"# HELP {base}" in shown, name
        assert re.search(r"[\u0e00-\u0e7f]", rule["annotations"]["summary_th"])
        assert rule["annotations"]["remedy"]


@pytest.mark.parametrize("name", ["ingester", "workers"])
def test_every_query_of_the_service_s_dashboards_finds_what_was_scraped(planted, name):
    board = json.loads((ROOT / f"deploy/grafana/service/{name}.json").read_text())
    (source,) = yaml.safe_load((ROOT / "deploy/grafana/service/datasource.yaml").read_text())["datasources"]
    queries = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    assert len(queries) >= len(board["panels"])
    assert {panel["datasource"]["uid"] for panel in board["panels"]} == {source["uid"]}
    for query in queries:
        asked = {"query": query, "start": START_S + 5400, "end": START_S + 10_000, "step": 300}
        answer = requests.get(f"{planted}/api/v1/query_range", params=asked, timeout=30).json()
        assert answer["status"] == "success", query
        assert answer["data"]["result"], query
