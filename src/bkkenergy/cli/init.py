"""`bkkenergy init`: a commented configuration for a new site, by a few questions or by flags."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import click

from bkkenergy.cli.context import load_site, packaged_config_dir
from bkkenergy.errors import InputError
from bkkenergy.ingest.credentials import new_secret
from bkkenergy.portfolio import load_portfolio
from bkkenergy.settings import FILE_NAME

Layout = Literal["here", "systemd", "compose"]
OWN = ("portfolio", FILE_NAME)
"""What is the site's own; every other part of the shipped configuration is copied: figures with their sources."""
STATE = "/var/lib/bkkenergy"
MQTT_TLS_PORT = 8883
AGENCIES = """\
# Agencies whose reports are made: a stable id, and names in Thai and English.

[[agency]]
id = "{id}"
name_th = "{name_th}"
name_en = "{name_en}"
"""
BUILDINGS = """\
# Buildings of {id} with their meters and roofs. A file an agency; add [[building]] blocks, then run `bkkenergy check`.
# A meter listens to bma/{{agency}}/{{building}}/{{meter}}/readings unless it has a `topic` of its own; devices that
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
"""


@dataclass(frozen=True, slots=True)
class Answers:
    """What a site's operator said."""

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


@click.command(
    "init",
    epilog="\b\nExamples:\n  bkkenergy init mysite\n"
    '  bkkenergy init /etc/bkkenergy --layout systemd --agency din-daeng --name-en "Din Daeng" --yes\n'
    "  bkkenergy init deploy/site --layout compose --yes",
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
@click.option("--yes", is_flag=True, help="Ask nothing: flags, else defaults.")
def init_command(folder: Path, *, layout: Layout, yes: bool, **given: str | int | None) -> None:
    """Write FOLDER/config for a new site: settings, its first agency and building, and the shipped figures.

    Every setting stands there with its default and what it does. Nothing that exists is overwritten.
    """
    config = folder / "config"
    if config.exists():
        raise InputError(f"{config} exists already. Name another folder, or edit what is there.")
    answers = _asked(layout, given, is_asking=not yes)
    write_site(config, answers)
    if layout == "compose":
        for name in ("mqtt-password", "influx-token"):
            new_secret(folder / "secrets" / name)
    # What we write has no faults, or we say which; secrets that a person has to bring are the doctor's to miss.
    (load_site if layout == "compose" or not _wants_secrets(answers) else load_portfolio)(config)
    click.echo(f"{config}: written, and without faults. Next:")
    for step in _next_steps(folder, answers):
        click.echo(f"  {step}")


def _asked(layout: Layout, given: Mapping[str, object], *, is_asking: bool) -> Answers:
    """The flags, and for what they leave out the person's answers, or the layout's defaults."""
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
    found: dict[str, object] = {}
    for name, (question, default) in questions.items():
        value = given.get(name)
        is_moot = name == "influx_url" and found.get("store") == "sqlite"
        if value is None:
            value = click.prompt(question, default=default) if is_asking and not is_moot else default
        found[name] = value
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", str(found["agency"])):
        raise InputError(f"agency id {found['agency']!r}: use small letters, digits and hyphens, such as din-daeng.")
    port = int(str(found.pop("port")))
    return Answers(layout=layout, port=port, **{name: str(value) for name, value in found.items()})


def write_site(config: Path, answers: Answers) -> None:
    """The configuration's files; the folder appears whole or not at all."""
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
    (unfinished / "portfolio/agencies.toml").write_text(AGENCIES.format(**names), encoding="utf-8")
    buildings = unfinished / f"portfolio/buildings/{answers.agency}.toml"
    buildings.write_text(BUILDINGS.format(**names), encoding="utf-8")
    text = (shipped / FILE_NAME).read_text(encoding="utf-8")
    for section, values in _values(answers).items():
        for key, value in values.items():
            text = with_value(text, section, key, value)
    (unfinished / FILE_NAME).write_text(text, encoding="utf-8")
    unfinished.rename(config)


def _values(answers: Answers) -> dict[str, dict[str, str | int | bool]]:
    """Settings that differ from the defaults, by section."""
    found: dict[str, dict[str, str | int | bool]] = {
        "mqtt": {"host": answers.broker, "port": answers.port},
        "store": {"kind": answers.store},
    }
    if answers.username:
        found["mqtt"] |= {"username": answers.username, "password_file": "secrets/mqtt-password"}
    if answers.port == MQTT_TLS_PORT:
        found["mqtt.tls"] = {"ca_file": "secrets/ca.crt"}
    if answers.store == "influx":
        found["store.influx"] = {"url": answers.influx_url, "token_file": "secrets/influx-token"}
    if answers.mail_host:
        found["mail"] = {"host": answers.mail_host}
    if answers.layout == "compose":
        found["web"] = {"host": "0.0.0.0", "behind_proxy": True}  # noqa: S104 - inside its container
    if answers.layout == "systemd":
        found["store"]["path"] = f"{STATE}/bkkenergy.sqlite"
        found["ingest"] = {"spool": f"{STATE}/spool"}
        found["report"] = {"folder": f"{STATE}/reports"}
        found["state"] = {"path": f"{STATE}/state.sqlite"}
        found["web"] = {"behind_proxy": True}
    return found


def with_value(text: str, section: str, key: str, value: str | float | bool) -> str:
    """The settings' text with a key set, where it stands commented out or not; its comment stays.

    Raises InputError where the file knows no such key: the shipped file has them all.
    """
    head = re.search(rf"^(# )?\[{re.escape(section)}\]", text, re.MULTILINE)
    if head is None:
        raise InputError(f"{FILE_NAME}: no section [{section}].")
    after = re.compile(r"^(# )?\[", re.MULTILINE).search(text, head.end())
    end = after.start() if after else len(text)
    written = str(value).lower() if isinstance(value, bool) else f'"{value}"' if isinstance(value, str) else str(value)
    line = re.compile(rf'^(?:# )?{re.escape(key)} = (?:"[^"]*"|[^\s#]+)(.*)$', re.MULTILINE)
    body, count = line.subn(lambda own: f"{key} = {written}{own[1]}", text[head.end() : end], count=1)
    if count == 0:
        raise InputError(f"{FILE_NAME}: no key {key} in [{section}].")
    return f"{text[: head.start()]}[{section}]{body}{text[end:]}"


def _wants_secrets(answers: Answers) -> bool:
    return bool(answers.username) or answers.store == "influx"


def _next_steps(folder: Path, answers: Answers) -> list[str]:
    config, secrets = folder / "config", folder / "secrets"
    steps = [f"enter your buildings in {config}/portfolio/buildings, then: bkkenergy check --config {config}"]
    if answers.layout == "compose":
        steps += [
            f"deploy/make-secrets {secrets} $(hostname -f)",
            f"bkkenergy meters passwords --config {config} --to {secrets}",
            f"bkkenergy meters acl --config {config} > {secrets}/mosquitto-acl",
            "cd deploy && docker compose up -d --build",
        ]
        return steps
    if answers.username:
        steps.append(f"put the broker's password in {secrets}/mqtt-password")
    if answers.store == "influx":
        steps.append(f"put InfluxDB's token in {secrets}/influx-token")
    serve = "systemctl enable --now bkkenergy" if answers.layout == "systemd" else f"bkkenergy serve --config {config}"
    return [*steps, f"bkkenergy doctor --config {config}", serve]
