"""`bkkenergy init`: a commented configuration for a new site, by a few questions or by flags."""

from __future__ import annotations

import os
import re
import shutil
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import click

from bkkenergy.errors import InputError
from bkkenergy.ingest.credentials import new_secret
from bkkenergy.portfolio import load_portfolio
from bkkenergy.settings import FILE_NAME
from bkkenergy.site import load_configuration
from bkkenergy.site.packaged import packaged_config_dir

Layout = Literal["here", "systemd", "compose"]
OWN = ("portfolio", FILE_NAME)
"""What is the site's own; every other part of the shipped configuration is copied: figures with their sources."""
STATE = "/var/lib/bkkenergy"
MQTT_TLS_PORT = 8883
METRICS_PORTS = {"jobs_port": 9181, "web_port": 9182}
"""As deploy/ publishes and scrapes them; that of the ingester is its default."""
COMPOSE_FILE = "compose.yaml"
SECRETS_OF = ("app", "broker", "influxdb", "proxy", "grafana")
"""Each container's folder below secrets/. It is mounted whole, so that a file that is replaced is seen."""
BACKUPS_OF = ("app", "influxdb")
"""The folder below backups/ of each container that makes backups."""
ENVIRONMENT = """\
# What `docker compose` needs to know of this site. Written by `bkkenergy init`; edit it, then `docker compose up -d`.

# The name or address by which people reach this machine: the one in the certificate.
BKKENERGY_HOST={host}
BKKENERGY_SITE_FOLDER={site}

# Ports on this machine.
# BKKENERGY_HTTPS_PORT=443
# BKKENERGY_HTTP_PORT=80
# BKKENERGY_MQTT_PORT=8883

# The most memory that these may use, and for how many days backups stay.
# BKKENERGY_INFLUXDB_MEMORY=4g
# BKKENERGY_BROKER_MEMORY=3g
# BKKENERGY_BACKUP_DAYS=30
"""
AGENCIES = """\
# Agencies whose reports are made: a stable id, and names in Thai and English.

[[agency]]
id = "{id}"
name_th = "{name_th}"
name_en = "{name_en}"
"""
BUILDINGS = """\
# Buildings of {id} with their meters and roofs. A file an agency; add [[building]] blocks, then run `bkkenergy check`.
# A meter listens to bma/{{agency}}/{{building}}/{{meter}}/readings unless it has a `topic`; devices that
# speak otherwise name their `payload` (config/payloads). `bkkenergy meters unknown` prints what is heard and unknown.

[[building]]
agency = "{id}"
id = "office"
name_th = "อาคารสำนักงาน"
name_en = "Office"
type = "district_office"
gross_floor_area_m2 = 5000       # for kWh/m2
latitude_deg = 13.7563           # for the sun
longitude_deg = 100.5018
tariff = "mea-3-2-lv"            # as on its bill; config/tariffs/schedules.toml has them all
calendar = "office"              # config/calendars.toml
# roofs = [{{ id = "main", area_m2 = 500, tilt_deg = 5, azimuth_deg = 180 }}]

[[building.meters]]
id = "main"
rated_kw = 500                   # the most that can flow: transformer or main breaker
# register_digits = 7            # whole digits of its counter; or, for any other value: rollover_kwh = 65.536
# resolution_kwh = 0.1           # the least that its counter shows; learned where it is left out
# restarts_at_zero = true        # its counter loses its value with its supply
# kind = "net"                   # one counter that runs both ways; or "interval", "power", "weather"

# [[building.meters]]              # a sub-meter
# id = "canteen"
# parent = "main"
# rated_kw = 40
# tenant = true                  # a tenant's: taken off the building's use

# [[building.virtual_meters]]      # sums and differences of meters
# id = "landlord"
# name_th = "ส่วนกลาง"
# name_en = "Landlord"
# plus = ["main"]
# minus = ["canteen"]
# purpose = "landlord"           # or "tenant": taken off the building's use
"""


IN_THE_APP = "# Agencies and buildings of this site are entered in the app.\n"


@dataclass(frozen=True, slots=True)
class Answers:
    """What a site's operator said. agency : "" where all is set up in the browser."""

    layout: Layout
    agency: str
    name_th: str
    name_en: str
    broker: str
    port: int
    username: str
    store: str
    influx_url: str
    mail_host: str
    host: str = ""


@click.command(
    "init",
    epilog="\b\nExamples:\n  bkkenergy init mysite\n"
    '  bkkenergy init /etc/bkkenergy --layout systemd --agency din-daeng --name-en "Din Daeng" --yes\n'
    "  bkkenergy init deploy/site --layout compose --host energy.bangkok.go.th",
)
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--layout",
    type=click.Choice(["here", "systemd", "compose"]),
    default="here",
    show_default=True,
    help="here: data beside the configuration; systemd: data in /var/lib/bkkenergy; compose: deploy/compose.yaml.",
)
@click.option("--agency", help="Id of the first agency, such as district-dindaeng.")
@click.option("--name-th", help="Its name in Thai.")
@click.option("--name-en", help="Its name in English.")
@click.option("--broker", help="Host of the MQTT broker.")
@click.option("--port", type=click.IntRange(1, 65_535), help="Its port; 8883 is TLS.")
@click.option("--username", help="The ingester's user at the broker; empty where it asks for none.")
@click.option("--store", type=click.Choice(["sqlite", "influx"]), help="Where readings live.")
@click.option("--influx-url", help="Of the InfluxDB server.")
@click.option("--mail-host", help="The server that takes our mail; empty for none.")
@click.option("--host", help="compose: the name or address by which people reach this machine.")
@click.option("--yes", is_flag=True, help="Ask nothing: flags, else defaults.")
def init_command(folder: Path, *, layout: Layout, yes: bool, **given: str | int | None) -> None:
    """Write FOLDER/config for a new site: settings, its first agency and building, and the shipped figures.

    With --layout compose also FOLDER/secrets, FOLDER/backups and the .env of `docker compose`.

    Every setting is written with its default and what it does. Nothing that exists is overwritten.
    """
    config = folder / "config"
    if config.exists():
        raise InputError.of("folder_is_there", config=config)
    answers = _asked(layout, given, is_asking=not yes)
    write_site(config, answers)
    if layout == "compose":
        _prepare_for_compose(folder, answers)
    # What we write has no faults, or we say which; secrets that a person has to bring are the doctor's to miss.
    (load_configuration if layout == "compose" or not _wants_secrets(answers) else load_portfolio)(config)
    click.echo(f"{config}: written, and without faults. Next:")
    for step in _next_steps(folder, answers):
        click.echo(f"  {step}")


def _asked(layout: Layout, given: Mapping[str, object], *, is_asking: bool) -> Answers:
    """Ask the person for what the flags leave out, or take the layout's defaults."""
    is_compose = layout == "compose"
    questions: dict[str, tuple[str, object]] = {
        "agency": ("Id of the first agency", "my-agency"),
        "name_th": ("Its name in Thai", "หน่วยงานของเรา"),
        "name_en": ("Its name in English", "Our agency"),
        "broker": ("Host of the MQTT broker", "mosquitto" if is_compose else "127.0.0.1"),
        "port": ("Its port (8883 is TLS)", 8883 if is_compose else 1883),
        "username": ("The ingester's user at the broker (empty for none)", "bkkenergy" if is_compose else ""),
        "store": ("Where readings live: sqlite or influx", "influx" if is_compose else "sqlite"),
        "influx_url": ("Address of InfluxDB", "http://influxdb:8086" if is_compose else "http://127.0.0.1:8086"),
        "mail_host": ("Server that takes our mail (empty for none)", ""),
    }
    if is_compose:
        questions["host"] = ("Name or address by which people reach this machine", socket.getfqdn())
    answers: dict[str, object] = {}
    for name, (question, default) in questions.items():
        value = given.get(name)
        is_moot = name == "influx_url" and answers.get("store") == "sqlite"
        if value is None:
            value = click.prompt(question, default=default) if is_asking and not is_moot else default
        answers[name] = value
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", str(answers["agency"])):
        raise InputError.of("init_agency", given=repr(answers["agency"]))
    if is_compose and not re.fullmatch(r"[A-Za-z0-9.-]+", str(answers["host"])):
        raise InputError.of("init_host", given=repr(answers["host"]))
    port = int(str(answers.pop("port")))
    return Answers(layout=layout, port=port, **{name: str(value) for name, value in answers.items()})


def is_nothing_there(folder: Path) -> bool:
    """Return whether a folder is missing or empty, so that a site may be made there."""
    return not folder.exists() or (folder.is_dir() and not any(folder.iterdir()))


def write_empty_site(config: Path) -> None:
    """Write a configuration without agencies, to be set up in the browser of this machine."""
    if config.exists():
        config.rmdir()
    write_site(config, Answers("here", "", "", "", "127.0.0.1", 1883, "", "sqlite", "", ""))


def write_site(config: Path, answers: Answers) -> None:
    """Write the configuration's files; the folder appears whole or not at all."""
    shipped = packaged_config_dir()
    unfinished = config.with_name(config.name + ".part")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    for part in sorted(shipped.iterdir()):
        if part.name not in OWN:
            copy = shutil.copytree if part.is_dir() else shutil.copyfile
            copy(part, unfinished / part.name)
    names = {"id": answers.agency, "name_th": answers.name_th, "name_en": answers.name_en}
    (unfinished / "portfolio/buildings").mkdir(parents=True)
    agencies = AGENCIES.format(**names) if answers.agency else IN_THE_APP
    (unfinished / "portfolio/agencies.toml").write_text(agencies, encoding="utf-8")
    if answers.agency:
        buildings = unfinished / f"portfolio/buildings/{answers.agency}.toml"
        buildings.write_text(BUILDINGS.format(**names), encoding="utf-8")
    text = (shipped / FILE_NAME).read_text(encoding="utf-8")
    for section, values in _values(answers).items():
        for key, value in values.items():
            text = with_value(text, section, key, value)
    if answers.layout == "compose":
        text = text.replace('"secrets/', '"secrets/app/')  # those that are commented out, too
    (unfinished / FILE_NAME).write_text(text, encoding="utf-8")
    _make_readable(unfinished)
    unfinished.rename(config)


def _make_readable(folder: Path) -> None:
    """Let every user read a folder that holds no secret, whatever the umask: the service runs as another user."""
    for where, _, names in os.walk(folder):
        Path(where).chmod(0o755)
        for name in names:
            (Path(where) / name).chmod(0o644)


def _prepare_for_compose(folder: Path, answers: Answers) -> None:
    """Make the folders that containers mount, the first secrets, and the environment of `docker compose`.

    Only the owner enters secrets/ and backups/; what is below them is open to the containers' users.
    """
    for parent, names, mode in (("secrets", SECRETS_OF, 0o755), ("backups", BACKUPS_OF, 0o777)):
        for name in names:
            (folder / parent / name).mkdir(parents=True, exist_ok=True)
            (folder / parent / name).chmod(mode)
        (folder / parent).chmod(0o700)
    for name in ("mqtt-password", "influx-token"):
        new_secret(folder / "secrets/app" / name)
    path = _environment_file(folder)
    if path.exists():
        click.echo(
            f"{path} exists already, and stays as it is: see that BKKENERGY_HOST is {answers.host} there.", err=True
        )
        return
    site = f"./{folder.name}" if path.parent == folder.parent else str(folder.resolve())
    path.write_text(ENVIRONMENT.format(host=answers.host, site=site), encoding="utf-8")
    path.chmod(0o644)


def _environment_file(folder: Path) -> Path:
    """Return the .env that `docker compose` reads by default: beside compose.yaml; a site elsewhere has one in its
    folder.
    """
    is_beside = (folder.parent / COMPOSE_FILE).exists()
    return (folder.parent if is_beside else folder) / ".env"


def _values(answers: Answers) -> dict[str, dict[str, str | int | bool]]:
    """Return settings that differ from the defaults, by section."""
    values: dict[str, dict[str, str | int | bool]] = {
        "mqtt": {"host": answers.broker, "port": answers.port},
        "store": {"kind": answers.store},
    }
    if answers.username:
        values["mqtt"] |= {"username": answers.username, "password_file": "secrets/mqtt-password"}
    if answers.port == MQTT_TLS_PORT:
        values["mqtt.tls"] = {"ca_file": "secrets/ca.crt"}
    if answers.store == "influx":
        values["store.influx"] = {"url": answers.influx_url, "token_file": "secrets/influx-token"}
    if answers.mail_host:
        values["mail"] = {"host": answers.mail_host}
    if answers.layout == "compose":
        values["web"] = {"host": "0.0.0.0", "behind_proxy": True}  # noqa: S104 - inside its container
        values["observe"] = {"host": "0.0.0.0", **METRICS_PORTS}  # noqa: S104 - published on 127.0.0.1 of the host alone
    if not answers.agency:
        values["web"] = {"secure_cookies": False}
    if answers.layout == "systemd":
        values["store"]["path"] = f"{STATE}/bkkenergy.sqlite"
        values["ingest"] = {"spool": f"{STATE}/spool"}
        values["report"] = {"folder": f"{STATE}/reports"}
        values["state"] = {"path": f"{STATE}/state.sqlite"}
        values["web"] = {"behind_proxy": True}
        values["observe"] = {**METRICS_PORTS}
    return values


def with_value(text: str, section: str, key: str, value: str | float | bool) -> str:
    """Set a key in the settings' text, whether it is commented out or not; its comment stays.

    Raises InputError where the file has no such key: the shipped file has them all.
    """
    head = re.search(rf"^(# )?\[{re.escape(section)}\]", text, re.MULTILINE)
    if head is None:
        raise InputError.of("init_section", file_name=FILE_NAME, section=section)
    after = re.compile(r"^(# )?\[", re.MULTILINE).search(text, head.end())
    end = after.start() if after else len(text)
    written = str(value).lower() if isinstance(value, bool) else f'"{value}"' if isinstance(value, str) else str(value)
    line = re.compile(rf'^(?:# )?{re.escape(key)} = (?:"[^"]*"|[^\s#]+)(.*)$', re.MULTILINE)
    body, count = line.subn(lambda match: f"{key} = {written}{match[1]}", text[head.end() : end], count=1)
    if count == 0:
        raise InputError.of("init_key", file_name=FILE_NAME, name=key, section=section)
    return f"{text[: head.start()]}[{section}]{body}{text[end:]}"


def _wants_secrets(answers: Answers) -> bool:
    return bool(answers.username) or answers.store == "influx"


def _compose_step(folder: Path) -> str:
    if _environment_file(folder).parent == folder.parent:
        return f"cd {folder.parent} && docker compose build && docker compose up -d"
    compose = f"docker compose --env-file {folder}/.env -f deploy/{COMPOSE_FILE}"
    return f"{compose} build && {compose} up -d"


def _next_steps(folder: Path, answers: Answers) -> list[str]:
    config, secrets = folder / "config", folder / "secrets"
    steps = [f"enter your buildings in {config}/portfolio/buildings, then: bkkenergy check --config {config}"]
    if answers.layout == "compose":
        steps += [
            f"deploy/make-secrets {secrets} {answers.host}",
            f"bkkenergy meters passwords --config {config} --to {secrets}",
            f"bkkenergy meters acl --config {config} --to {secrets}",
            _compose_step(folder),
        ]
        return steps
    if answers.username:
        steps.append(f"put the broker's password in {secrets}/mqtt-password")
    if answers.store == "influx":
        steps.append(f"put InfluxDB's token in {secrets}/influx-token")
    serve = "systemctl enable --now bkkenergy" if answers.layout == "systemd" else f"bkkenergy serve --config {config}"
    return [*steps, f"bkkenergy doctor --config {config}", serve]
