"""A new site: the configuration that `bkkenergy init` writes runs as it is, and programs get their tokens."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from bkkenergy.cli.init import with_value
from bkkenergy.errors import InputError
from bkkenergy.settings import Settings, load_settings
from bkkenergy.site import load_configuration
from tests.commands import bkkenergy
from tests.conftest import ROOT
from tests.web import make_app


def run(*arguments, code=0, said="") -> str:
    return bkkenergy(*arguments, code=code, said=said)


def test_defaults_make_a_site_that_the_doctor_finds_well(tmp_path, broker):
    run("init", tmp_path, "--port", broker.port, "--yes")
    output = run("doctor", "--config", tmp_path / "config")
    assert "✗" not in output
    assert "broker" in output
    assert "1 agency, 1 building, 1 meter, 0 roofs" in run("check", "--config", tmp_path / "config")


def test_answers_stand_where_they_belong(tmp_path):
    said = "din-daeng\nเขตดินแดง\nDin Daeng\nbroker.example\n8883\ningester\ninflux\nhttp://db:8086\nmail.example\n"
    output = run("init", tmp_path, said=said)
    for step in ("secrets/mqtt-password", "secrets/influx-token", "bkkenergy doctor"):
        assert step in output
    (tmp_path / "secrets").mkdir()
    for name in ("mqtt-password", "influx-token"):
        (tmp_path / "secrets" / name).write_text("x")
    site = load_configuration(tmp_path / "config")
    assert (site.settings.mqtt.host, site.settings.mqtt.port, site.settings.mqtt.username) == (
        "broker.example",
        8883,
        "ingester",
    )
    assert site.settings.mqtt.tls.ca_file == tmp_path / "secrets/ca.crt"
    assert (site.settings.store.kind, site.settings.store.influx.url) == ("influx", "http://db:8086")
    assert site.settings.mail.host == "mail.example"
    assert site.portfolio.agencies["din-daeng"].name_th == "เขตดินแดง"
    assert not site.portfolio.agencies["din-daeng"].demonstration


def test_a_service_keeps_its_data_where_systemd_lets_it(tmp_path):
    run("init", tmp_path, "--layout", "systemd", "--yes")
    settings = load_settings(tmp_path / "config")
    kept = (settings.store.path, settings.ingest.spool, settings.report.folder, settings.state.path)
    assert all(str(path).startswith("/var/lib/bkkenergy/") for path in kept)


def modes(folder: Path) -> dict[str, int]:
    return {str(path.relative_to(folder)): path.stat().st_mode & 0o777 for path in folder.rglob("*")}


def test_containers_find_what_they_mount_whatever_the_umask(tmp_path):
    """The host in .env, secrets and backups in folders of their readers, a configuration that another user can read."""
    deploy = tmp_path / "deploy"
    deploy.mkdir()
    (deploy / "compose.yaml").touch()
    old = os.umask(0o077)
    try:
        output = run("init", deploy / "site", "--layout", "compose", "--host", "energy.example", "--yes")
    finally:
        os.umask(old)
    for step in (
        "make-secrets",
        "energy.example",
        "--to",
        f"cd {deploy} && docker compose build && docker compose up -d",
    ):
        assert step in output
    text = (deploy / ".env").read_text()
    assert "\nBKKENERGY_HOST=energy.example\nBKKENERGY_SITE_FOLDER=./site\n" in text
    found = modes(deploy / "site")
    assert (found["secrets"], found["backups"]) == (0o700, 0o700)
    for name in ("app", "broker", "proxy", "influxdb", "grafana"):
        assert found[f"secrets/{name}"] == 0o755
    assert (found["backups/app"], found["backups/influxdb"]) == (0o777, 0o777)
    for name, mode in found.items():
        if name.startswith("config"):
            assert mode == (0o755 if (deploy / "site" / name).is_dir() else 0o644), name
    settings = load_settings(deploy / "site/config")
    assert settings.observe.host == "0.0.0.0"
    assert (settings.observe.jobs_port, settings.observe.web_port) == (9181, 9182)
    assert settings.mqtt.password_file == deploy / "site/secrets/app/mqtt-password"
    assert "secrets/app/mail-password" in (deploy / "site/config/bkkenergy.toml").read_text()
    assert '"secrets/m' not in (deploy / "site/config/bkkenergy.toml").read_text()


def test_a_site_away_from_the_compose_file_has_its_own_environment(tmp_path):
    output = run("init", tmp_path / "site", "--layout", "compose", "--host", "10.1.2.3", "--yes")
    assert f"BKKENERGY_SITE_FOLDER={tmp_path}/site\n" in (tmp_path / "site/.env").read_text()
    assert f"--env-file {tmp_path}/site/.env" in output
    assert "an IPv4 address" in run("init", tmp_path / "b", "--layout", "compose", "--host", "a b", "--yes", code=2)


def test_an_environment_that_is_there_stays(tmp_path):
    (tmp_path / "compose.yaml").touch()
    (tmp_path / ".env").write_text("BKKENERGY_HOST=mine\n")
    output = run("init", tmp_path / "site", "--layout", "compose", "--host", "other.example", "--yes")
    assert "see that BKKENERGY_HOST is other.example" in output
    assert (tmp_path / ".env").read_text() == "BKKENERGY_HOST=mine\n"


NOWHERE = "/proc/nowhere"
"""Not even root writes there."""
HOPELESS = {
    "init": ["init", f"{NOWHERE}/site", "--yes"],
    "backup": ["backup", f"{NOWHERE}/backup.tar.gz"],
    "restore": ["restore", "{backup}", "--config-to", f"{NOWHERE}/config"],
    "meters passwords": ["meters", "passwords", "--to", NOWHERE],
    "meters acl": ["meters", "acl", "--to", NOWHERE],
    "report": ["report", "my-agency", "-o", NOWHERE],
    "export": ["export", f"{NOWHERE}/readings.csv", "--period", "yesterday"],
    "migrate": ["migrate", "--from", "sqlite", "--to", "sqlite", "--path", f"{NOWHERE}/copy.sqlite"],
}


@pytest.fixture(scope="module")
def small_site(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("small")
    run("init", folder, "--yes")
    run("backup", folder / "backup.tar.gz", "--config", folder / "config")
    return folder


@pytest.mark.parametrize("name", HOPELESS)
def test_a_path_that_cannot_be_written_is_named_without_a_traceback(name, small_site):
    arguments = [word.format(backup=small_site / "backup.tar.gz") for word in HOPELESS[name]]
    if name != "init":
        arguments += ["--config", str(small_site / "config")]
    said = bkkenergy(*arguments, code=None)
    assert "Traceback" not in said
    assert NOWHERE in said


def test_nothing_is_overwritten(tmp_path):
    run("init", tmp_path, "--yes")
    before = (tmp_path / "config/bkkenergy.toml").read_bytes()
    assert "exists already" in run("init", tmp_path, "--yes", code=2)
    assert (tmp_path / "config/bkkenergy.toml").read_bytes() == before
    assert "small letters" in run("init", tmp_path / "other", "--agency", "ดินแดง", "--yes", code=2)
    assert not (tmp_path / "other/config").exists()


def test_every_setting_can_be_set_where_it_stands():
    """Each plain setting of each section, commented out or not."""
    text = (ROOT / "config/bkkenergy.toml").read_text()
    for section in ("mqtt", "ingest", "store", "store.influx", "observe", "state", "jobs", "mail", "web"):
        model = Settings()
        for part in section.split("."):
            model = getattr(model, part)
        for key, value in model:
            if isinstance(value, str | int | float | bool) and f"{key} = " in text and key != "tls":
                assert f"\n{key} = " in with_value(text, section, key, value), (section, key)
    with pytest.raises(InputError, match="no key colour"):
        with_value(text, "mqtt", "colour", "red")
    with pytest.raises(InputError, match="no section"):
        with_value(text, "nothing", "colour", "red")


def test_a_token_reads_as_its_user_until_it_is_ended(tmp_path):
    run("init", tmp_path, "--yes")
    config = tmp_path / "config"
    run("users", "add", "somchai", "--agency", "my-agency", "--config", config)
    secret = run("tokens", "add", "somchai", "--name", "excel", "--config", config).strip()
    assert "excel" in run("tokens", "list", "--config", config)
    assert secret not in run("tokens", "list", "--config", config)
    with TestClient(make_app(tmp_path), base_url="https://testserver") as client:
        asked = {"url": "/api/v1/agencies", "headers": {"Authorization": f"Bearer {secret}"}}
        assert client.get(**asked).status_code == 200
        assert "ended" in run("tokens", "end", "1", "--config", config)
        assert client.get(**asked).status_code == 401
    assert "does not exist" in run("tokens", "end", "1", "--config", config, code=2)
    assert "does not exist" in run("tokens", "add", "nobody", "--config", config, code=2)
