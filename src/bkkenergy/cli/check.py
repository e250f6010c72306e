"""`bkkenergy check`: read the whole configuration and report every fault."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import click

from bkkenergy.cli.context import config_option, today_here
from bkkenergy.cli.lang import operator_lang_option
from bkkenergy.cli.output import json_option, print_json
from bkkenergy.errors import ConfigError, Fault
from bkkenergy.i18n import Words
from bkkenergy.jobs.schedule import settings_faults
from bkkenergy.payloads.check import kind_faults
from bkkenergy.site import Configuration, load_configuration
from bkkenergy.site.index_config import load_index
from bkkenergy.site.open import open_archive
from bkkenergy.site.plan_config import load_plan
from bkkenergy.site.poll_config import load_maps, load_polled, unverified_maps
from bkkenergy.site.record_readers import register_of
from bkkenergy.site.retrofit_config import load_retrofit
from bkkenergy.site.savings_config import SavingsConfig, load_savings
from bkkenergy.site.solar_config import load_solar
from bkkenergy.site.what_counts import what_counts
from bkkenergy.texts import Lang
from bkkenergy.usecases.standing import owner_of


@click.command("check", epilog="\b\nExamples:\n  bkkenergy check\n  bkkenergy check --config /etc/bkkenergy")
@json_option
@operator_lang_option
@config_option
def check_command(lang: Lang, config_dir: Path, *, as_json: bool) -> None:
    """Read every file of the configuration and print all faults at once.

    Each fault says where it is, what is wrong, and what to do. Exit code 1 if there is any.
    """
    try:
        config = load_configuration(config_dir)
    except ConfigError as error:
        faults = list(dict.fromkeys([*error.faults, *_other_faults(config_dir)]))
        _print_faults(faults, lang, as_json=as_json)
        raise SystemExit(1) from None
    if faults := _other_faults(config_dir, config):
        _print_faults(faults, lang, as_json=as_json)
        raise SystemExit(1)
    portfolio = config.portfolio
    counts = _counted(config)
    demos = [agency.id for agency in portfolio.agencies.values() if agency.demonstration]
    maps = unverified_maps(load_polled(config.folder, portfolio))
    if as_json:
        print_json(
            {"faults": [], **counts, "portfolio_revision": portfolio.revision, "demonstrations": demos}
            | {"unverified_profiles": _unverified(config), "unverified_maps": maps}
            | {"what_counts": list(what_counts(config, today_here(), lang))}
        )
        return
    words = Words(lang)
    click.echo(words("check.no_faults", folder=config_dir, **counts))
    click.echo(words("check.of_state", revision=portfolio.revision) if portfolio.revision else words("check.of_files"))
    for line in what_counts(config, today_here(), lang):
        click.echo(line)
    if unverified := _unverified(config):
        click.echo(words("check.unverified_profiles", names=unverified))
    if maps:
        click.echo(words("check.unverified_maps", names=maps))
    if demos:
        click.echo(words("check.demonstrations", count=len(demos), names=demos))


def _unverified(config: Configuration) -> list[str]:
    """Return the profiles that meters use and that are marked as unverified."""
    used = dict.fromkeys(meter.payload for meter in config.portfolio.meters)
    return [name for name in used if config.profiles[name].unverified]


def _counted(config: Configuration) -> dict[str, int]:
    portfolio = config.portfolio
    return {
        "agencies": len(portfolio.agencies),
        "buildings": len(portfolio.buildings),
        "meters": len(portfolio.meters),
        "roofs": sum(len(building.roofs) for building in portfolio.buildings.values()),
        "calendars": len(portfolio.calendars),
        "payload_profiles": len(config.profiles),
    }


def _other_faults(config_dir: Path, config: Configuration | None = None) -> list[Fault]:
    """List faults of what only some commands read: schedule, recipients, solar, savings, plan, polling, measures."""
    faults = settings_faults(config.delivery_on(today_here()), list(config.portfolio.agencies)) if config else []
    for load in (load_solar, load_savings, load_plan, load_index, load_maps, load_retrofit):
        try:
            loaded = load(config_dir)
        except ConfigError as error:
            faults += error.faults
            continue
        if config is not None and isinstance(loaded, SavingsConfig):
            unknown = [
                adjustment.building
                for adjustment in loaded.adjustments
                if owner_of(config.portfolio, adjustment.building) is None
            ]
            where = str(config_dir / "adjustments.toml")
            faults += [Fault.of("no_building_of_name", f"{where}: {name}") for name in unknown]
    return faults + (_faults_beside_portfolio(config) if config else [])


def _faults_beside_portfolio(config: Configuration) -> list[Fault]:
    """List faults of polled devices, of the programme's register, and of the archive of reports."""
    faults = kind_faults(config.portfolio.meters, config.profiles)
    loads: tuple[Callable[[], object], ...] = (
        lambda: load_polled(config.folder, config.portfolio),
        lambda: register_of(config.folder, config.portfolio.records),
        lambda: open_archive(config.settings),
    )
    for load in loads:
        try:
            load()
        except ConfigError as error:
            faults += error.faults
    return faults


def _print_faults(given: Sequence[Fault], lang: Lang, *, as_json: bool) -> None:
    faults = [fault.said(lang) for fault in given]
    if as_json:
        print_json({"faults": [{"where": fault.where, "what": fault.what, "remedy": fault.remedy} for fault in faults]})
        return
    for fault in faults:
        click.echo(f"{click.style(fault.where, bold=True)}: {fault.what}. {fault.remedy}")
    click.echo(click.style(Words(lang)("check.faults", count=len(faults)), fg="red"), err=True)
