"""What deploy/ ships, as far as it runs without a container engine: each part is started as it is shipped, and attacked.

On an engine: tests/containers, by `make test-containers`.
"""

from __future__ import annotations

import datetime as dt
import gc
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx2 as httpx
import numpy as np
import paho.mqtt.client as mqtt
import pytest
import yaml
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from bkkenergy.adapters.state.quarantine import Quarantine
from bkkenergy.calendar import BANGKOK
from bkkenergy.portfolio import load_portfolio
from bkkenergy.readings import FIELDS, ReadingBatch
from bkkenergy.settings import Settings, StoreSettings
from bkkenergy.site import load_configuration
from bkkenergy.site.open import opened_state
from bkkenergy.usecases.runs import midnight_us
from tests.commands import bkkenergy
from tests.conftest import ROOT
from tests.integration.conftest import dealt_with, ingesting, reading, wait_until
from tests.ports import free_port
from tests.servers import Server, started, web_app
from tests.sites import energy, influx_store, on_postgresql
from tests.web import PASSWORD, make_site

DEPLOY = ROOT / "deploy"
ONE, TWO = "my-agency.office", "my-agency.annex"
TOPIC, OTHER = (f"bma/my-agency/{name}/main/readings" for name in ("office", "annex"))
ANNEX = """
[[building]]
agency = "my-agency"
id = "annex"
name_th = "อาคาร 2"
name_en = "Annex"
type = "district_office"
gross_floor_area_m2 = 900
latitude_deg = 13.75
longitude_deg = 100.5
tariff = "mea-3-2-lv"
calendar = "office"
[[building.meters]]
id = "main"
rated_kw = 100
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """A site as its operator makes it: init, certificates, passwords, access rules."""
    folder = tmp_path_factory.mktemp("deploy") / "site"
    bkkenergy("init", folder, "--layout", "compose", "--host", "localhost", "--yes")
    with (folder / "config/portfolio/buildings/my-agency.toml").open("a") as file:
        file.write(ANNEX)
    subprocess.run(
        [DEPLOY / "make-secrets", folder / "secrets", "localhost", "127.0.0.1"], check=True, capture_output=True
    )
    give_passwords(folder)
    return folder


def give_passwords(folder: Path) -> str:
    output = bkkenergy("meters", "passwords", "--config", folder / "config", "--to", folder / "secrets")
    bkkenergy("meters", "acl", "--config", folder / "config", "--to", folder / "secrets")
    return output


def password_of(site: Path, user: str) -> str:
    if user == "bkkenergy":
        return (site / "secrets/app/mqtt-password").read_text()
    lines = (site / "secrets/gateway-passwords.csv").read_text().splitlines()
    return dict(line.split(",") for line in lines)[user]


@pytest.fixture(scope="module")
def secure_broker(site, tmp_path_factory) -> Iterator[Server]:
    """mosquitto with the shipped files; only folders, the port and the address differ."""
    home, port = tmp_path_factory.mktemp("mosquitto"), free_port()
    (home / "conf.d").mkdir()
    for name in ("bkkenergy.conf", "listener.conf"):
        text = (DEPLOY / "mosquitto" / name).read_text().replace("/etc/mosquitto/secrets", str(site / "secrets/broker"))
        (home / "conf.d" / name).write_text(text.replace("listener 8883", f"listener {port} 127.0.0.1"))
    text = (DEPLOY / "mosquitto/mosquitto.conf").read_text()
    text = text.replace("/mosquitto/data/", f"{home}/").replace("/etc/mosquitto/conf.d", str(home / "conf.d"))
    (home / "mosquitto.conf").write_text(f"user root\n{text}")
    path = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
    with started(Server([path, "-c", str(home / "mosquitto.conf")], port)) as server:
        yield server


def gateway(
    site: Path, server: Server, user: str | None, password: str | None = None, *, ca: bool = True
) -> mqtt.Client:
    client = mqtt.Client(
        CallbackAPIVersion.VERSION2,
        client_id=f"as-{user}-{time.monotonic()}",
        protocol=MQTTProtocolVersion.MQTTv5,
        # One user is one session: a client that came back would throw the next one of its user off, and so on.
        reconnect_on_failure=False,
    )
    if ca:
        client.tls_set(str(site / "secrets/ca.crt"))
    if user:
        client.username_pw_set(user, password or password_of(site, user))
    client.reasons = []
    client.on_connect = lambda _c, _u, _f, reason, _p: client.reasons.append(str(reason))
    client.on_disconnect = lambda _c, _u, _f, reason, _p: client.reasons.append(f"cut: {reason}")
    return client


def connected(client: mqtt.Client, server: Server) -> list[str]:
    """What the broker answered within three seconds."""
    client.connect("127.0.0.1", server.port)
    client.loop_start()
    until_s = time.monotonic() + 3
    while not client.reasons and time.monotonic() < until_s:
        time.sleep(0.02)
    return client.reasons


def hang_up(*clients: mqtt.Client) -> None:
    for client in clients:
        client.disconnect()
        client.loop_stop()


@pytest.fixture
def site_settings(site, settings, secure_broker):
    """The settings that init wrote, with this test's address of the broker, store and session."""
    written = load_configuration(site / "config").settings
    assert written.mqtt.tls is not None
    assert written.store.kind == "influx"
    own = written.mqtt.model_copy(
        update={"host": "127.0.0.1", "port": secure_broker.port, "client_id": settings.mqtt.client_id}
    )
    return settings.model_copy(update={"mqtt": own})


def test_the_shipped_broker_takes_each_gateways_own_topics_and_nothing_else(site, site_settings, secure_broker):
    portfolio = load_configuration(site / "config").portfolio
    overheard = []
    with ingesting(site_settings, portfolio) as ingester:
        one = gateway(site, secure_broker, ONE)
        assert connected(one, secure_broker) == ["Success"]
        one.on_message = lambda *_: overheard.append(1)
        one.subscribe([("#", 1), ("$SYS/#", 1), (OTHER, 1)])
        for user, topic in ((ONE, OTHER), (ONE, "bma/x/y/z/readings"), ("bkkenergy", TOPIC)):
            attacker = gateway(site, secure_broker, user)
            connected(attacker, secure_broker)
            attacker.publish(topic, reading(time.time(), energy_kwh=666), qos=1)
            time.sleep(0.3)
            hang_up(attacker)
        wait_until(lambda: ingester.subscriber.is_connected)
        hang_up(one)
        one = gateway(site, secure_broker, ONE)
        assert connected(one, secure_broker) == ["Success"]
        one.publish(TOPIC, reading(time.time(), energy_kwh=9), qos=1).wait_for_publish(5)
        two = gateway(site, secure_broker, TWO)
        connected(two, secure_broker)
        two.publish(OTHER, reading(time.time(), energy_kwh=7), qos=1).wait_for_publish(5)
        wait_until(lambda: dealt_with(ingester) >= 2)
        time.sleep(0.5)
        hang_up(one, two)
        assert dealt_with(ingester) == 2
    assert overheard == []
    with opened_state(site_settings) as state:
        assert Quarantine.of(state, site_settings.ingest).listed() == []


# paho leaves the socket of a failed handshake to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_the_shipped_broker_refuses_strangers(site, secure_broker):
    nobody = gateway(site, secure_broker, None)
    assert connected(nobody, secure_broker)[0] == "Not authorized"
    guess = gateway(site, secure_broker, ONE, "guess")
    assert connected(guess, secure_broker)[0] in {"Not authorized", "Bad user name or password"}
    hang_up(nobody, guess)
    plain = gateway(site, secure_broker, ONE, ca=False)
    assert "Success" not in connected(plain, secure_broker)
    hang_up(plain)
    trusting_the_system = gateway(site, secure_broker, ONE, ca=False)
    trusting_the_system.tls_set()
    with pytest.raises(ssl.SSLCertVerificationError):
        trusting_the_system.connect("127.0.0.1", secure_broker.port)
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.load_verify_locations(site / "secrets/ca.crt")
    old.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings(action="ignore"):
        old.minimum_version = ssl.TLSVersion.TLSv1
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    client = gateway(site, secure_broker, ONE, ca=False)
    client.tls_set_context(old)
    with pytest.raises((ssl.SSLError, ConnectionError)):
        client.connect("127.0.0.1", secure_broker.port)
    gc.collect()


def test_a_flood_of_a_message_is_cut_off_and_the_broker_lives(site, secure_broker):
    client = gateway(site, secure_broker, ONE)
    assert connected(client, secure_broker) == ["Success"]
    client.publish(TOPIC, b" " * 3_000_000, qos=1)
    wait_until(lambda: any(reason.startswith("cut") for reason in client.reasons))
    hang_up(client)
    again = gateway(site, secure_broker, ONE)
    assert connected(again, secure_broker) == ["Success"]
    hang_up(again)


def test_a_gateway_that_left_the_portfolio_is_shut_out_after_a_reload(site, secure_broker):
    old_password = password_of(site, TWO)
    kept = password_of(site, ONE)
    path = site / "config/portfolio/buildings/my-agency.toml"
    with_annex = path.read_text()
    path.write_text(with_annex.replace(ANNEX, ""))
    try:
        assert "0 new, 1 taken away" in give_passwords(site)
        secure_broker.process.send_signal(1)  # HUP: read passwords and rules again
        time.sleep(0.5)
        gone, still = gateway(site, secure_broker, TWO, old_password), gateway(site, secure_broker, ONE)
        assert connected(gone, secure_broker)[0] in {"Not authorized", "Bad user name or password"}
        assert connected(still, secure_broker) == ["Success"]
        assert password_of(site, ONE) == kept
        hang_up(gone, still)
    finally:
        path.write_text(with_annex)
        give_passwords(site)
        secure_broker.process.send_signal(1)


def test_a_fault_in_the_configuration_leaves_the_brokers_files_as_they_are(site):
    path, folder = site / "config/portfolio/buildings/my-agency.toml", site / "secrets/broker"
    good, before = path.read_text(), {file.name: file.read_bytes() for file in folder.iterdir()}
    path.write_text(good + "\n[[building]]\nid = 7\n")
    try:
        for command in ("acl", "passwords"):
            said = bkkenergy("meters", command, "--config", site / "config", "--to", site / "secrets", code=1)
            assert "Traceback" not in said, said
    finally:
        path.write_text(good)
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before
    assert not (site / "secrets/mosquitto-acl").exists()


def test_passwords_are_cut_out_by_a_shell_as_they_are(site):
    """No carriage return, which a shell would leave at the password's end."""
    assert b"\r" not in (site / "secrets/gateway-passwords.csv").read_bytes()


def test_secrets_are_for_their_owner_alone(site):
    assert (site / "secrets").stat().st_mode & 0o077 == 0
    assert (site / "backups").stat().st_mode & 0o077 == 0
    for name in ("gateway-passwords.csv", "ca.key"):
        assert (site / "secrets" / name).stat().st_mode & 0o077 == 0, name


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_the_brokers_files_belong_to_the_user_of_its_container_alone(site):
    files = list((site / "secrets/broker").iterdir())
    assert {file.name for file in files} == {
        "broker.crt",
        "broker.key",
        "ca.crt",
        "mosquitto-acl",
        "mosquitto-passwords",
    }
    for file in files:
        assert (file.stat().st_uid, file.stat().st_gid, file.stat().st_mode & 0o077) == (1883, 1883, 0), file


def test_secrets_of_an_older_version_are_moved_where_containers_find_them(tmp_path):
    folder = tmp_path / "secrets"
    folder.mkdir()
    make = [DEPLOY / "make-secrets", folder, "localhost"]
    subprocess.run(make, check=True, capture_output=True)
    of = {"broker": ("broker.crt", "broker.key"), "proxy": ("web.crt", "web.key"), "app": ("mqtt-password", "influx-token"),
          "influxdb": ("influx-password",), "grafana": ("grafana-password",)}  # fmt: skip
    content = {}
    for part, names in of.items():
        for name in names:
            content[part, name] = (folder / part / name).read_bytes()
            (folder / part / name).rename(folder / name)
        shutil.rmtree(folder / part)
    subprocess.run(make, check=True, capture_output=True)
    for (part, name), written in content.items():
        assert (folder / part / name).read_bytes() == written, name
        assert not (folder / name).exists(), name
    for part in ("influxdb", "grafana"):
        assert (folder / part / "influx-token").read_bytes() == content["app", "influx-token"]


def compose_config(*more: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """What docker-compose makes of the shipped file, and of more over it."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("BKKENERGY_")}
    files = [part for name in ("compose.yaml", *more) for part in ("-f", str(DEPLOY / name))]
    command = ["docker-compose", *files, "--project-directory", str(DEPLOY), "config"]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=own | environment, timeout=60)


def test_compose_refuses_to_start_without_the_host():
    done = compose_config()
    assert done.returncode != 0
    assert "BKKENERGY_HOST" in done.stderr


def test_the_compose_file_is_valid_and_mounts_only_what_is_there(site):
    done = compose_config(BKKENERGY_HOST="localhost", BKKENERGY_SITE_FOLDER=str(site))
    assert done.returncode == 0, done.stderr
    found = yaml.safe_load(done.stdout)
    services = {"mosquitto", "influxdb", "ingest", "jobs", "web", "backup", "influx-backup", "proxy", "grafana"}
    assert set(found["services"]) == services
    assert [name for name, service in found["services"].items() if "build" in service] == ["web"]
    for name, service in found["services"].items():
        assert service["healthcheck"]["test"], name
        assert service["mem_limit"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert name == "influxdb" or service["read_only"], name
        assert ":latest" not in service["image"], name
        assert re.search(r":(local|[\d.]+)$", service["image"]), name
        for volume in service["volumes"]:
            source = volume.split(":")[0] if isinstance(volume, str) else volume["source"]
            assert not str(source).startswith("/") or Path(source).exists(), (name, source)
            is_ours = str(source).startswith(str(DEPLOY))
            assert is_ours or not Path(source).is_file(), (
                f"{name}: {source} is a single file, whose replacement goes unseen"
            )
    written = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    open_ports = sorted(port for own in written.values() for port in own.get("ports", []))
    assert open_ports == [
        "${BKKENERGY_HTTPS_PORT:-443}:8443",
        "${BKKENERGY_HTTP_PORT:-80}:8080",
        "${BKKENERGY_MQTT_PORT:-8883}:8883",
        "127.0.0.1:3000:3000",
        "127.0.0.1:9180:9180",
        "127.0.0.1:9181:9181",
        "127.0.0.1:9182:9182",
    ]
    assert found["networks"]["inner"]["internal"]
    assert {name for name, own in written.items() if "outer" in own.get("networks", [])} == {
        "mosquitto", "jobs", "web", "proxy", "grafana",
    }  # fmt: skip
    assert written["proxy"]["cap_add"] == ["NET_BIND_SERVICE"]


def test_one_of_several_hosts_reaches_servers_elsewhere_and_has_a_name_of_its_own(site):
    given = {"BKKENERGY_HOST": "localhost", "BKKENERGY_SITE_FOLDER": str(site)}
    assert "BKKENERGY_HOST_NAME" in compose_config("compose.hosts.yaml", **given).stderr
    done = compose_config("compose.hosts.yaml", BKKENERGY_HOST_NAME="host-2", **given)
    assert done.returncode == 0, done.stderr
    services = yaml.safe_load(done.stdout)["services"]
    for name in ("ingest", "jobs", "web"):
        assert services[name]["hostname"] == "host-2"
        assert "outer" in services[name]["networks"], name
    assert "metrics" in services["ingest"]["networks"]


def nightly(folder: Path, name: str, command: str, *, seconds: float = 2.0) -> str:
    """Run deploy/nightly for a while; what it said."""
    process = subprocess.Popen(
        [DEPLOY / "nightly", folder, name, "sh", "-c", command, "backup"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip
    time.sleep(seconds)
    os.killpg(process.pid, 15)
    return process.communicate(timeout=10)[0]


def test_a_nightly_backup_is_made_at_once_where_there_is_none_and_old_ones_go(tmp_path):
    old, other = tmp_path / "site-2020-01-01", tmp_path / "by-hand-2020"
    for path in (old, other):
        path.mkdir()
        os.utime(path, (1, 1))
    assert ": made" in nightly(tmp_path, "site-%Y-%m-%d", 'mkdir "$1" && echo whole > "$1/file"')
    made = sorted(tmp_path.glob("site-2*"))
    assert [(path / "file").read_text() for path in made] == ["whole\n"]
    assert other.exists()
    assert nightly(tmp_path, "site-%Y-%m-%d", 'mkdir "$1"') == "", "there is one of today"


def test_a_nightly_backup_that_fails_leaves_the_old_ones_and_nothing_unfinished_under_a_good_name(tmp_path):
    old = tmp_path / "site-2020-01-01"
    old.mkdir()
    os.utime(old, (1, 1))
    said = nightly(tmp_path, "site-%Y-%m-%d", 'mkdir "$1" && echo part > "$1/file" && exit 1')
    assert "NOT made" in said
    assert [path.name for path in tmp_path.iterdir() if not path.name.startswith(".")] == [old.name]


UNITS = sorted((DEPLOY / "systemd").glob("*.service"))


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_each_unit_ends_before_it_takes_the_machines_memory(unit):
    limits = re.findall(r"^MemoryMax=(\d+)G$", unit.read_text(), re.MULTILINE)
    assert [1 <= int(limit) <= 4 for limit in limits] == [True]


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.stem)
def test_units_are_sound_and_hardened(unit, tmp_path):
    text = unit.read_text()
    for arguments in re.findall(r"bin/bkkenergy (.+?) --config", text):
        command = arguments.split("/var/backups")[0].split(" $$")[0].split()
        bkkenergy(*command, "--help")
    offline = ["systemd-analyze", "security", "--offline=true", "--threshold=30", "--no-pager", str(unit)]
    done = subprocess.run(offline, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout[-400:] + done.stderr
    copy = tmp_path / unit.name
    copy.write_text(text.replace("/opt/bkkenergy/.venv/bin/bkkenergy", sys.executable))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(copy)], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert unit.name not in done.stderr, done.stderr


def test_the_parts_of_a_host_are_started_and_stopped_together(tmp_path):
    target = DEPLOY / "systemd/bkkenergy-host.target"
    wanted = re.findall(r"bkkenergy-\w+\.service", target.read_text().partition("Wants=")[2])
    assert wanted == [f"bkkenergy-{part}.service" for part in ("ingest", "jobs", "web")]
    assert all(f"PartOf={target.name}\n" in (DEPLOY / "systemd" / name).read_text() for name in wanted)
    for path in (target, *(DEPLOY / "systemd" / name for name in wanted)):
        (tmp_path / path.name).write_text(
            path.read_text().replace("/opt/bkkenergy/.venv/bin/bkkenergy", sys.executable)
        )
    command = ["systemd-analyze", "verify", "--man=no", str(tmp_path / target.name)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_ledger_is_compared_also_where_the_backup_cannot_be_read(tmp_path):
    """The key of encrypted backups is better not on this machine: then the ledger was never looked at."""
    program = tmp_path / "bkkenergy"
    program.write_text('#!/bin/sh\necho "$1" >> asked\n[ "$1" = doctor ]\n')
    program.chmod(0o755)
    text = (DEPLOY / "systemd/bkkenergy-verify.service").read_text()
    (line,) = re.findall(r"^ExecStart=/bin/sh -c '(.*)'$", text, re.MULTILINE)
    line = line.replace("$$", "$").replace("/opt/bkkenergy/.venv/bin/bkkenergy", str(program))
    done = subprocess.run(["/bin/sh", "-c", line], cwd=tmp_path, check=False, capture_output=True, timeout=60)
    assert (tmp_path / "asked").read_text().split() == ["restore", "doctor"]
    assert done.returncode == 1


def queries() -> Iterator[tuple[str, str]]:
    for path in sorted((DEPLOY / "grafana/dashboards").glob("*.json")):
        board = json.loads(path.read_text())
        for panel in board["panels"]:
            for target in panel["targets"]:
                yield f"{path.stem}: {panel['title']} {target['refId']}", target["query"]
        for variable in board["templating"]["list"]:
            yield f"{path.stem}: ${variable['name']}", variable["query"]


@pytest.mark.influx
def test_every_query_of_the_dashboards_finds_what_readings_say(influx, bucket):
    settings = influx.bucket(bucket)
    at = (int(time.time()) - 3 * 3600 + np.arange(0, 3 * 3600, 60)) * 1_000_000
    with closing(influx_store(settings)) as store:
        store.prepare()
        for meter in ("a.b.main", "a.c.main"):
            columns = {name: 100.0 + np.arange(len(at)) for name in FIELDS}
            store.commit(ReadingBatch((meter,), np.zeros(len(at), np.int64), at, columns))
    for name, query in queries():
        asked = (
            query.replace("$timeFilter", "time > now() - 6h")
            .replace("$__interval", "15m")
            .replace("$meter", "a.b.main")
        )
        assert "$" not in asked.replace("$/", ""), asked
        result = influx.query(settings, asked)
        assert "error" not in result, (name, result)
        rows = [row for series in result.get("series", []) for row in series["values"]]
        assert any(value is not None for row in rows for value in row[1:]), (name, asked)


@pytest.mark.postgres
def test_every_query_of_the_ledger_s_dashboard_finds_what_the_ledger_says(postgres, config_dir, tmp_path):
    board = json.loads((DEPLOY / "grafana/ledger/energy.json").read_text())
    (source,) = yaml.safe_load((DEPLOY / "grafana/ledger/datasource.yaml").read_text())["datasources"]
    panels = [target for panel in board["panels"] for target in panel["targets"]]
    assert {own["datasource"]["uid"] for own in (*panels, *board["templating"]["list"])} == {source["uid"]}
    settings = on_postgresql(Settings(store=StoreSettings(path=tmp_path / "store.sqlite")), postgres.port)
    meter, day = "health.centre-1.main", dt.date(2026, 3, 1)
    with energy(settings, load_portfolio(config_dir)) as site:
        at = midnight_us(day) + np.arange(97) * 900_000_000
        columns = {name: np.arange(97.0) for name in ("energy_kwh", "export_kwh")}
        site.store.commit(ReadingBatch((meter,), np.zeros(97, np.int64), at, columns))
        site.bring_up()
        with site.ledger._engine.connect() as connection:
            assert connection.exec_driver_sql(board["templating"]["list"][0]["query"]).scalars().all() == [meter]
            for target in panels:
                query = target["rawSql"].replace("$meter", meter)
                for name, instant_us in (("From", at[0]), ("To", at[-2])):
                    query = query.replace(f"$__unixEpoch{name}()", str(instant_us // 1_000_000))
                assert "$" not in query
                rows = connection.exec_driver_sql(query).all()
                assert [value for _, value in rows] == [4.0] * 24
                assert rows[0][0] == dt.datetime(2026, 3, 1, tzinfo=BANGKOK)


@pytest.fixture
def behind_proxy(site, tmp_path) -> Iterator[tuple[str, str, ssl.SSLContext]]:
    """The web app, and the shipped Caddyfile before it."""
    web_port, port, plain_port = free_port(), free_port(), free_port()
    text = f"""
[store]
path = "var/store.sqlite"
[state]
path = "var/state.sqlite"
[jobs]
schedule = []
[web]
port = {web_port}
behind_proxy = true
second_factor = "offered"
"""
    home = make_site(tmp_path, days=2, settings=text)
    app = web_app(home / "config", web_port)
    environment = os.environ | {
        "BKKENERGY_SITE": f"https://:{port}",
        "BKKENERGY_PLAIN": f"http://:{plain_port}",
        "BKKENERGY_HEALTH": f"http://127.0.0.1:{free_port()}",
        "BKKENERGY_HOST": "localhost",
        "BKKENERGY_HTTPS_PORT": str(port),
        "BKKENERGY_UPSTREAM": f"127.0.0.1:{web_port}",
        "BKKENERGY_TLS_CERT": str(site / "secrets/proxy/web.crt"),
        "BKKENERGY_TLS_KEY": str(site / "secrets/proxy/web.key"),
        "HOME": str(tmp_path),
    }
    names = [f"{name}={environment[name]}" for name in environment if name.startswith("BKKENERGY_") or name == "HOME"]
    proxy = Server(
        ["env", *names, "caddy", "run", "--config", str(DEPLOY / "caddy/Caddyfile"), "--adapter", "caddyfile"], port
    )
    with started(app), started(proxy):
        yield (
            f"https://localhost:{port}",
            f"http://127.0.0.1:{plain_port}",
            ssl.create_default_context(cafile=site / "secrets/ca.crt"),
        )


def is_agreed(url, trust, version, ciphers="ALL"):
    """Whether a server speaks a version of TLS with one of some ciphers."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=trust.get_ca_certs(binary_form=True)[0])
    context.set_ciphers(f"{ciphers}:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = ssl.TLSVersion[version]
    port = int(url.rpartition(":")[2])
    try:
        plain = socket.create_connection(("127.0.0.1", port), timeout=10)
        with plain, context.wrap_socket(plain, server_hostname="localhost"):
            return True
    except ssl.SSLError:
        return False


def test_the_shipped_proxy_gives_tls_and_tells_where_requests_come_from(behind_proxy, tmp_path):
    url, plain_url, trust = behind_proxy
    with httpx.Client(
        base_url=url, verify=trust, follow_redirects=True, headers={"X-Forwarded-For": "203.0.113.9"}
    ) as client:
        page = client.get("/login")
        assert page.status_code == 200
        assert "max-age" in page.headers["Strict-Transport-Security"]
        assert "server" not in page.headers
        csrf = re.search(r'name="csrf" value="([^"]*)"', page.text)
        form = {"name": "admin", "password": PASSWORD} | ({"csrf": csrf[1]} if csrf else {})
        answer = client.post("/login", data=form)
        assert answer.status_code == 200
        assert any(cookie.name == "__Host-bkkenergy" and cookie.secure for cookie in client.cookies.jar)
        log = client.get("/admin").text
        assert "127.0.0.1" in log
        assert "203.0.113.9" not in log  # what a client says of itself is not believed
        for path in ("/metrics", "/healthz", "/readyz"):
            assert client.get(path).status_code == 404
        for length, is_taken in ((3, True), (14, False)):
            photo = {"photo": ("photo.jpg", b"x" * (length * 1_000_000), "image/jpeg")}
            sent = client.post("/meters/a/photos", files=photo, data={"csrf": "none"})
            assert (sent.status_code == 403) == is_taken, f"a photo of {length} MB is read before its form is refused"
        assert client.get("/api/v1/openapi.json").status_code == 200
        assert "alt-svc" not in page.headers  # no HTTP/3: its port is not published
    for version, is_spoken in (("TLSv1_1", False), ("TLSv1_2", True), ("TLSv1_3", True)):
        assert is_agreed(url, trust, version) == is_spoken, version
    assert not is_agreed(url, trust, "TLSv1_2", "AES128-SHA:AES256-SHA:DES-CBC3-SHA"), "no forward secrecy"
    with httpx.Client(base_url=url.replace("localhost", "127.0.0.1"), verify=trust) as client:
        assert 'name="password"' in client.get("/login").text
    answer = httpx.get(f"{plain_url}/reports?x=1")
    assert (answer.status_code, answer.headers["location"]) == (308, f"{url}/reports?x=1")
    program = httpx.get(f"{plain_url}/api/v1/buildings", headers={"Authorization": "Bearer x"})
    assert (program.status_code, "location" in program.headers) == (403, False), (
        "a token that came in the clear is said"
    )


def test_the_image_has_no_root_and_no_loose_versions():
    lines = (DEPLOY / "Containerfile").read_text().splitlines()
    assert "USER 10001:10001" in lines
    assert any("--require-hashes -r requirements.lock" in line for line in lines)
    copied = [line.split()[1] for line in lines if line.startswith("COPY") and "--from" not in line]
    for source in copied:
        assert (ROOT / source).exists(), source


def test_a_builder_is_sent_what_the_image_is_made_of_and_nothing_else():
    """No secrets, no data: .dockerignore leaves out everything, then takes back what is copied."""
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert lines[0] == "*"
    copied = [
        line for line in (DEPLOY / "Containerfile").read_text().splitlines() if re.match(r"COPY (?!--from)", line)
    ]
    wanted = {source for line in copied for source in line.split()[1:-1]}
    assert {line[1:] for line in lines if line.startswith("!")} == wanted
