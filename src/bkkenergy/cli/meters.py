"""`bkkenergy meters`: how the meters are doing, which are unknown, and what gateways may write."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from bkkenergy.adapters.state.logbook import Logbook, NotedEvent
from bkkenergy.adapters.state.quarantine import Quarantine
from bkkenergy.calendar import BANGKOK
from bkkenergy.cli.context import command_line, config_option
from bkkenergy.cli.lang import operator_lang_option
from bkkenergy.cli.opening import opened_site
from bkkenergy.cli.output import json_option, plain, print_json
from bkkenergy.errors import InputError
from bkkenergy.i18n import Words
from bkkenergy.ingest.credentials import issue_passwords, write_rules
from bkkenergy.ingest.discover import MeterProposal, adopted, heard_of, proposals
from bkkenergy.ingest.listening import listened
from bkkenergy.ingest.status import (
    STATUS_DAYS,
    MeterStatus,
    acl,
    clock_behind_s,
    meter_status,
    toml_block,
)
from bkkenergy.payloads.decode import FAMILIES
from bkkenergy.payloads.message import Reason
from bkkenergy.portfolio import Meter
from bkkenergy.portfolio.belongings import asked_about
from bkkenergy.portfolio.edits import Put, changes_of
from bkkenergy.portfolio.records import EVER
from bkkenergy.readings import US_PER_S
from bkkenergy.site import Configuration, load_configuration
from bkkenergy.site.open import opened_state
from bkkenergy.texts import Lang, Phrase
from bkkenergy.usecases.portfolio import change, dry_run, portfolio_state

RELOAD = "systemctl reload mosquitto, docker compose exec mosquitto sh -c 'kill -HUP 1'"
"""What has the broker read its files again, as it is installed and in a container."""
ingesters_option = click.option(
    "--ingester",
    "ingesters",
    multiple=True,
    default=("bkkenergy",),
    show_default=True,
    help="An ingester's user at the broker. Each ingester needs its own.",
)


@click.group(
    "meters",
    epilog="""\b
Examples:
  bkkenergy meters status
  bkkenergy meters status health --json
  bkkenergy meters unknown > new-meters.toml
  bkkenergy meters acl --to /etc/bkkenergy/secrets""",
)
def meters_command() -> None:
    """Show how the meters are doing, and commission new ones."""


def _meters_of(config: Configuration, agency: str | None) -> Sequence[Meter]:
    if agency is None:
        return config.portfolio.meters
    if agency not in config.portfolio.agencies:
        known = ", ".join(config.portfolio.agencies)
        raise InputError.of("no_such_agency", name=agency, known=known)
    return tuple(meter for building in config.portfolio.buildings_of(agency) for meter in building.meters)


@meters_command.command("status", epilog="\b\nExample:\n  bkkenergy meters status district-dindaeng")
@click.argument("agency", required=False)
@json_option
@operator_lang_option
@config_option
def status_command(agency: str | None, as_json: bool, lang: Lang, config_dir: Path) -> None:
    """Show last seen, coverage of the last seven days, events and clock of each meter."""
    config = load_configuration(config_dir)
    meters = _meters_of(config, agency)
    with opened_site(config) as opened:
        logbook, now = Logbook(opened.state), dt.datetime.now(dt.UTC)
        statuses = meter_status(opened.energy, logbook, meters, now=now)
        behind_s = clock_behind_s(logbook.gateways().values(), now)
    contacts = {meter.id: asked_about(config.portfolio, meter.building) for meter in meters}
    words = Words(lang)
    if behind_s:
        click.echo(words("command.clock_is_behind", seconds=f"{behind_s:.0f}"), err=True)
    if waiting := sum(status.is_waiting for status in statuses):
        click.echo(words("command.meters_wait", count=waiting), err=True)
    if as_json:
        print_json([plain(status) | {"contacts": contacts[status.meter_id]} for status in statuses])
    else:
        Console().print(_table(statuses, words))
        for line in dict.fromkeys(line for status in statuses if status.is_down for line in contacts[status.meter_id]):
            click.echo(words("command.ask_about_meters", contact=line))


def _table(statuses: Sequence[MeterStatus], words: Words) -> Table:
    table = Table(box=None, header_style="bold")
    for name in ("meter", "last_seen", "coverage", "delay", "events"):
        table.add_column(words(f"command.meter_{name}", days=STATUS_DAYS))
    for status in statuses:
        latest = status.events[0] if status.events else None
        table.add_row(
            status.meter_id,
            words.stamp(status.last_seen) if status.last_seen else words("command.never"),
            "" if status.coverage_ratio is None else words.percent(status.coverage_ratio),
            "" if status.skew_s is None else words("command.seconds", seconds=f"{status.skew_s:+.0f}"),
            f"{len(status.events)}: {_event(latest, words)}" if latest else "",
            style="red" if status.last_seen is None else "yellow" if status.is_poor or latest else None,
        )
    return table


def _event(event: NotedEvent, words: Words) -> str:
    """Return an event and when it was: its slug, which scripts know; in Thai its name."""
    kind = str(event.kind) if words.lang == "en" else words.name("event", str(event.kind))
    at = event.at.astimezone(BANGKOK)
    return f"{kind} {at:%d} {words.month_short(at.date())} {words.time(at)}"


@meters_command.command("unknown", epilog="\b\nExamples:\n  bkkenergy meters unknown\n"
                        "  bkkenergy meters unknown --listen 60 --json")  # fmt: skip
@click.option("--listen", "seconds", type=click.FloatRange(min=0.1), help="Listen to all topics so long, too.")
@json_option
@operator_lang_option
@config_option
def unknown_command(seconds: float | None, lang: Lang, config_dir: Path, *, as_json: bool) -> None:
    """List meters that are heard and not in the portfolio, each as TOML ready to paste and a command that adopts it.

    Every profile is tried on what was refused as unknown: new topics, and new meters on known topics.
    """
    config = load_configuration(config_dir)
    unknown = _proposed(config, seconds)
    if as_json:
        print_json([_as_record(proposal) for proposal in unknown])
        return
    for proposal in unknown:
        click.echo(toml_block(proposal, config.portfolio.buildings, Words(lang)))


def _proposed(config: Configuration, seconds: float | None = None) -> list[MeterProposal]:
    """Return what is proposed of the quarantine's messages, the oldest first, and of those heard now."""
    with opened_site(config) as site:
        quarantine, meters = Quarantine.of(site.state, config.settings.ingest), site.portfolio.meters
        refused = quarantine.listed(reason=Reason.UNKNOWN_METER, limit=1_000_000)
    heard = heard_of(refused)
    if seconds is not None:
        heard += listened(config.settings.mqtt, seconds)
    return proposals(heard, meters, config.profiles)


def _as_record(proposal: MeterProposal) -> dict[str, object]:
    heard = dt.datetime.fromtimestamp(proposal.heard_us / US_PER_S, BANGKOK) if proposal.heard_us else None
    return {
        "topic": proposal.topic,
        "key": proposal.key,
        "profile": proposal.profile,
        "other_profiles": proposal.others,
        "kind": proposal.kind,
        "id": proposal.local_id,
        "building": proposal.building,
        "values": proposal.values,
        "last_heard": heard,
        "payload": proposal.sample,
        "announced": [value._asdict() for value in proposal.announced],
    }


@meters_command.command("adopt", epilog="\b\nExamples:\n"
                        "  bkkenergy meters adopt zigbee2mqtt/pump --building health.clinic-1 --rated-kw 50\n"
                        "  bkkenergy meters adopt gw/7 --key 3 --building health.clinic-1 --rated-kw 100 --yes",
)  # fmt: skip
@click.argument("topic")
@click.option("--key", default="", help="Its name in the payload, where one topic carries many meters.")
@click.option("--building", help="Where it is (default: as its topic says).")
@click.option("--id", "local_id", help="Its name within the building (default: made of its key or topic).")
@click.option("--rated-kw", required=True, type=click.FloatRange(min=0, min_open=True), help="The most that can flow.")
@click.option("--rated-m3-per-h", type=click.FloatRange(min=0, min_open=True), help="The same of a water or gas meter.")
@click.option("--profile", "profile_id", help="A profile of config/payloads (default: the one that reads the most).")
@click.option("--name-en", default="Main meter", show_default=True, help="Its English name.")
@click.option("--name-th", default="มิเตอร์หลัก", show_default=True, help="Its Thai name.")
@click.option("--listen", "seconds", type=click.FloatRange(min=0.1), help="Listen to all topics so long, too.")
@click.option("--yes", is_flag=True, help="Enter it; without, only show what would be entered.")
@operator_lang_option
@config_option
def adopt_command(
    topic: str, key: str, building: str | None, local_id: str | None, rated_kw: float, rated_m3_per_h: float | None,
    profile_id: str | None,
    name_en: str, name_th: str, seconds: float | None, lang: Lang, config_dir: Path, *, yes: bool,
) -> None:  # fmt: skip
    """Enter a meter of `meters unknown` into the portfolio. What would be entered is shown first."""
    words, config = Words(lang), load_configuration(config_dir)
    proposal = next(
        (one for one in _proposed(config, seconds) if (one.topic, one.key) == (topic, key)), MeterProposal(topic, key)
    )
    chosen = {
        "building": building or proposal.building,
        "profile": profile_id or proposal.profile,
        "id": local_id or proposal.local_id,
    }
    body = adopted(proposal, chosen, rated_kw=rated_kw, rated_m3_per_h=rated_m3_per_h, names=(name_th, name_en))
    for field, value in {**body, **{f"last {name}": value for name, value in proposal.values.items()}}.items():
        click.echo(f"{field}: {value}")
    if chosen["profile"] in config.profiles and config.profiles[chosen["profile"]].unverified:
        click.echo(words("command.profile_unverified", source=config.profiles[chosen["profile"]].source))
    with opened_state(config.settings) as engine:
        state, edits = portfolio_state(config, engine), [Put("meter", body)]
        present = state.records()
        if present.of("meter", str(body["id"])):
            raise InputError.of("meter_there", meter=body["id"])
        dry_run(state, present, changes_of(present, edits, EVER, state.kinds))
        if not yes:
            click.echo(words("command.nothing_adopted"))
            return
        done = change(
            state,
            command_line(),
            edits,
            why=str(Phrase("stored.adopted", {"topic": topic})),
            from_day=None,
            expected_revision=present.revision,
            now=dt.datetime.now(dt.UTC),
        )
    click.echo(words("command.adopted", revision=done.revision, meter=body["id"]))


@meters_command.command("acl", epilog="\b\nExamples:\n  bkkenergy meters acl\n"
                        "  bkkenergy meters acl --to /etc/bkkenergy/secrets")  # fmt: skip
@click.option("--to", "folder", type=click.Path(file_okay=False, path_type=Path), help="Write mosquitto-acl there.")
@ingesters_option
@operator_lang_option
@config_option
def acl_command(folder: Path | None, ingesters: tuple[str, ...], lang: Lang, config_dir: Path) -> None:
    """Print mosquitto's access rules: each gateway writes to its topics and nothing else.

    With --to they replace FOLDER/mosquitto-acl, whole or not at all: after a fault the old rules stay. (A shell's
    `> mosquitto-acl` empties the file before this command has begun.)
    """
    config = load_configuration(config_dir)
    decoders = {name: FAMILIES[profile.family](profile) for name, profile in config.profiles.items()}
    topics = {meter.id: decoders[meter.payload].topics(meter.topic) for meter in config.portfolio.meters}
    answers = {meter.id: config.profiles[meter.payload].answer_topics(meter.topic) for meter in config.portfolio.meters}
    rules = acl(config.portfolio.meters, topics, ingesters=ingesters, answers_of=answers)
    if folder is None:
        click.echo(rules, nl=False)
        return
    path, count = write_rules(folder, rules), len(config.portfolio.meters)
    click.echo(Words(lang)("command.rules_written", path=path, count=count, reload=RELOAD))


@meters_command.command("passwords", epilog="\b\nExample:\n  bkkenergy meters passwords --to /etc/bkkenergy/secrets")
@click.option("--to", "folder", required=True, type=click.Path(file_okay=False, path_type=Path), help="Where they go.")
@ingesters_option
@operator_lang_option
@config_option
def passwords_command(folder: Path, ingesters: tuple[str, ...], lang: Lang, config_dir: Path) -> None:
    """Create a password for every gateway: gateway-passwords.csv for installers, mosquitto-passwords for the broker.

    A gateway that has one keeps it; gateways that the portfolio no longer has lose theirs. The ingester's is
    mqtt-password, another ingester's mqtt-password-NAME. Beside each are those of its helpers (doctor, listen).
    """
    config = load_configuration(config_dir)
    gateways = dict.fromkeys(meter.gateway_id for meter in config.portfolio.meters)
    new, gone = issue_passwords(folder, list(gateways), ingesters=ingesters)
    words, count = Words(lang), len(gateways)
    click.echo(words("command.passwords_written", path=folder, count=count, new=new, gone=gone, reload=RELOAD))
