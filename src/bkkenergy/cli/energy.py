"""`bkkenergy energy`: the energy of meters and buildings, interval by interval, and a building's balance."""

from __future__ import annotations

import csv
import datetime as dt
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import pandas as pd
from rich.console import Console
from rich.table import Table

from bkkenergy.calendar import BANGKOK, Period, Step, timestamp_us
from bkkenergy.cli.context import command_line, config_option, period_of
from bkkenergy.cli.days import CommonEra
from bkkenergy.cli.energy_emissions import emissions_command
from bkkenergy.cli.imports import show_preview
from bkkenergy.cli.lang import lang_option, operator_lang_option
from bkkenergy.cli.opening import opened_site
from bkkenergy.cli.output import json_option, print_json
from bkkenergy.errors import InputError
from bkkenergy.i18n import Words
from bkkenergy.portfolio import Meter, Portfolio
from bkkenergy.ports.channels import CHANNELS, Channel
from bkkenergy.readings import Quality
from bkkenergy.site import Site
from bkkenergy.texts import Lang, Term
from bkkenergy.usecases.balance import BuildingEnergy, SubMeters, building_energy
from bkkenergy.usecases.balance_record import balance_record, flows_of, sub_meters_record
from bkkenergy.usecases.channels import channel_series
from bkkenergy.usecases.edits import Edit, preview_edit
from bkkenergy.usecases.energy import KWH_DIGITS, IntervalEnergy, building_of, energy_series, listed_kwh, listed_values
from bkkenergy.usecases.flows import Flow
from bkkenergy.usecases.gross import pv_of
from bkkenergy.usecases.plants import plant_text, plant_yields
from bkkenergy.usecases.server import edit_energy
from bkkenergy.usecases.standing import site_then

console = Console()
STEPS = ("15min", "60min", "day", "month")
step_option = click.option(
    "--step", type=click.Choice(STEPS), default="day", show_default=True, help="Length of the intervals."
)
period_option = click.option("--period", required=True, help="A day, a month, FY2570, or two days.")


@click.group(
    "energy",
    epilog="""\b
Examples:
  bkkenergy energy show district-bangkhen.office --period 2026-10
  bkkenergy energy show health.centre-1.main --period 2026-10-01 --step 15min --format csv
  bkkenergy energy balance district-bangkhen.office --period 2026-10""",
)
def energy_command() -> None:
    """Show the energy of meters and buildings by the ledger, with its quality and balance; enter figures by hand."""


energy_command.add_command(emissions_command)


@energy_command.command(
    "show",
    epilog="\b\nExamples:\n  bkkenergy energy show district-bangkhen.office --period 2026-10\n"
    "  bkkenergy energy show health.centre-1.main --period yesterday --step 15min --format csv",
)
@click.argument("name", metavar="METER|BUILDING")
@period_option
@step_option
@click.option(
    "--channel",
    type=click.Choice(list(CHANNELS)),
    default="import",
    show_default=True,
    help="All but import and export are of one meter.",
)
@click.option("--format", "form", type=click.Choice(["table", "csv", "json"]), default="table", show_default=True)
@json_option
@operator_lang_option
@config_option
def show_command(
    name: str, period: str, step: Step, channel: str, form: str, lang: Lang, config_dir: Path, *, as_json: bool
) -> None:
    """Show the energy of a meter, or of a building's main meters, with the quality of each interval.

    Or another channel of a meter: reactive energy, water, the temperature of a room.

    The energy is what was counted; the quality is the poorest within an interval. Of one that is missing or incomplete,
    the energy is a part.
    """
    span, words, form = period_of(period), Words(lang), "json" if as_json else form
    with opened_site(config_dir) as site:
        if channel not in {"import", "export"}:
            _show_channel(site_then(site, name, span), name, span, step, CHANNELS[channel], form, words)
            return
        then = site_then(site, name, span)
        meters = meters_named(then.portfolio, name)
        series = _in_steps(lambda: energy_series(then.energy, meters, span, step, CHANNELS[channel]))
    if series.waiting:
        click.echo(words("command.days_wait", count=len(series.waiting)), err=True)
    _print_series(name, series, step, form, site.portfolio.revision, words)


def meters_named(portfolio: Portfolio, name: str) -> Sequence[Meter]:
    """Return a meter, or a building's main meters. Raises InputError."""
    meter = next((meter for meter in portfolio.meters if meter.id == name), None)
    if meter is None:
        return building_of(portfolio, name).main_meters
    if not meter.is_electric:
        raise InputError.of("not_electric", name=name, kind=Term(meter.kind, f"meter_kind.{meter.kind}"))
    return [meter]


def _in_steps(compute: Any) -> Any:
    """Compute, and say it to a person where the step does not fit the period."""
    try:
        return compute()
    except ValueError as error:
        raise InputError.of("as_it_says", why=error) from None


def _show_channel(site: Site, name: str, span: Period, step: Step, channel: Channel, form: str, words: Words) -> None:
    """Print a channel of a meter. Raises InputError."""
    meter = next((meter for meter in site.portfolio.meters if meter.id == name), None)
    if meter is None:
        raise InputError.of("channel_of_meter", name=name, channel=channel.name)
    series = _in_steps(lambda: channel_series(site.energy, meter, span, step, channel))
    if series.waiting:
        click.echo(words("command.days_wait", count=len(series.waiting)), err=True)
    values = listed_values(series.values, KWH_DIGITS)
    quality = [Quality(value).name.lower() for value in series.quality.tolist()]
    starts = [start.isoformat() for start in series.starts]
    rows = list(zip(starts, values, quality, strict=True))
    if form == "json":
        body = {"id": name, "channel": channel.name, "unit": channel.unit, "step": step, "starts": starts}
        waiting = [day.isoformat() for day in series.waiting]
        print_json(body | {"values": values, "quality": quality, "waiting_days": waiting})
    elif form == "csv":
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(["start", f"value [{channel.unit}]", "quality"])
        writer.writerows(rows)
    else:
        table = _series_table(channel.unit, words)
        for start, (_, value, how) in zip(series.starts, rows, strict=True):
            table.add_row(words.stamp(start), words.number(value, 3), _quality(how, words))
        console.print(table)


def _series_table(unit: str, words: Words) -> Table:
    table = Table(words("command.interval_start"), box=None, header_style="bold")
    table.add_column(unit, justify="right")
    table.add_column(words("command.interval_quality"))
    return table


def _quality(name: str, words: Words) -> str:
    """Return a quality as files and JSON have it; in Thai its name."""
    return name if words.lang == "en" else words(f"explore.quality_{name}")


def _print_series(
    name: str, interval_energy: IntervalEnergy, step: Step, form: str, revision: int, words: Words
) -> None:
    quality = [Quality(value).name.lower() for value in interval_energy.quality.tolist()]
    energy = listed_kwh(interval_energy.energy_kwh)
    starts = [start.isoformat() for start in interval_energy.starts]
    rows = list(zip(starts, energy, quality, strict=True))
    if form == "json":
        series = {"id": name, "step": step, "starts": starts, "energy_kwh": energy, "quality": quality}
        waiting = [day.isoformat() for day in interval_energy.waiting]
        print_json(series | {"waiting_days": waiting, "portfolio_revision": revision})
    elif form == "csv":
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(["start", "energy_kwh", "quality"])
        writer.writerows(rows)
    else:
        table = _series_table("kWh", words)
        for start, (_, kwh, how) in zip(interval_energy.starts, rows, strict=True):
            table.add_row(words.stamp(start), words.number(kwh, 2), _quality(how, words))
        table.add_section()
        known = [kwh for kwh in energy if kwh is not None]
        table.add_row("", words.number(sum(known) if known else None, 2), "")
        console.print(table)


@energy_command.command(
    "balance",
    epilog="\b\nExamples:\n  bkkenergy energy balance district-bangkhen.office --period 2026-10\n"
    "  bkkenergy energy balance medical-service.klang --period 2026-10 --step day --json",
)
@click.argument("building")
@period_option
@step_option
@json_option
@lang_option
@config_option
def balance_command(building: str, period: str, step: Step, as_json: bool, lang: Any, config_dir: Path) -> None:
    """Show where BUILDING's energy comes from and goes: grid, PV, tenants, use, sub-meters, virtual meters.

    Gross use is import + production - export - tenants. Each total has the share of the period that is known.
    """
    span = period_of(period)
    with opened_site(config_dir) as opened:
        site = site_then(opened, building, span)
        chosen = building_of(site.portfolio, building)
        is_unmetered = pv_of(site.portfolio, site.projects, chosen, span).is_unmetered
        energy: BuildingEnergy = _in_steps(
            lambda: building_energy(site.energy, chosen, span, step, is_unmetered=is_unmetered)
        )
        plants = plant_yields(site.energy, site.portfolio, chosen, span)
        revision = site.portfolio.revision
    if as_json:
        sub_meters = sub_meters_record(chosen, energy)["main_meters"]
        record = balance_record(chosen, energy, step, plants)
        print_json(record | {"main_meters": sub_meters, "portfolio_revision": revision})
    else:
        _print_balance(building, energy, span, Words(lang))
        for plant in plants:
            click.echo(plant_text(plant, Words(lang)))


@energy_command.command(
    "edit",
    epilog="\b\nExamples:\n  bkkenergy energy edit health.centre-1.main --from 2026-10-05T08:00 \\\n"
    '    --to 2026-10-05T12:00 --kwh 120 --reason "meter was bypassed, clamp readings by the electrician" --dry-run',
)
@click.argument("meter")
@click.option("--from", "start", type=CommonEra(["%Y-%m-%dT%H:%M", "%Y-%m-%d"]), required=True, help="Bangkok's time.")
@click.option("--to", "end", type=CommonEra(["%Y-%m-%dT%H:%M", "%Y-%m-%d"]), required=True, help="Not included.")
@click.option("--kwh", type=float, required=True, help="What flowed in that time.")
@click.option(
    "--reason", required=True, help="Why: it is written to the audit log and shown by `bkkenergy imports list`."
)
@click.option("--channel", type=click.Choice(["import", "export"]), default="import", show_default=True)
@click.option("--dry-run", "is_dry_run", is_flag=True, help="Show what would change, and change nothing.")
@operator_lang_option
@config_option
def edit_command(
    meter: str,
    start: dt.datetime,
    end: dt.datetime,
    kwh: float,
    reason: str,
    channel: str,
    lang: Lang,
    config_dir: Path,
    *,
    is_dry_run: bool,
) -> None:
    """Set METER's energy, before all that was measured, estimated or imported.

    A quarter-hour is flagged as edited; a longer time is divided evenly, flagged as estimated, and sets no peak.
    """
    start_us, end_us = (timestamp_us(pd.Timestamp(at).tz_localize(BANGKOK)) for at in (start, end))
    words = Words(lang)
    with opened_site(config_dir) as site:
        person = command_line()
        edit = Edit(meter, start_us, end_us, kwh, reason, person.name, site.now_us(), CHANNELS[channel])
        show_preview(preview_edit(site.ledger, site.energy, site.portfolio, edit), words)
        if is_dry_run:
            click.echo(words("command.import_unchanged"))
            return
        number = edit_energy(site, person, edit)
    click.echo(words("command.edit_done", number=number))


def _print_balance(name: str, energy: BuildingEnergy, span: Period, words: Words) -> None:
    if energy.waiting:
        click.echo(words("balance.waiting", count=len(energy.waiting)), err=True)
    table = _table(f"{name} {words.period(span.slug)}", words)
    for key, flow in flows_of(energy.balance).items():
        if flow is not None or key != "tenants":
            _row(table, words(f"balance.{key}"), flow, words)
    for virtual in energy.virtual_meters:
        _row(table, words.either(th=virtual.meter.name_th, en=virtual.meter.name_en), virtual.flow, words)
    console.print(table)
    for note in energy.balance.notes:
        console.print(words(f"balance.note_{note.value}"))
    for split in energy.sub_meters:
        _print_split(split, words)
        for note in set(split.notes) - set(energy.balance.notes):
            console.print(words(f"balance.note_{note.value}"))


def _print_split(split: SubMeters, words: Words) -> None:
    table = _table(f"{words('balance.sub_meters')}: {split.meter.id}", words, words("balance.share"))
    _row(table, words.either(th=split.meter.name_th, en=split.meter.name_en), split.whole, words, "")
    for part in split.parts:
        name = words.either(th=part.meter.name_th, en=part.meter.name_en)
        _row(table, f"  {name}", part.flow, words, words.percent(part.share_ratio, 1))
    _row(table, f"  {words('balance.rest')}", split.rest, words, words.percent(split.rest_ratio, 1))
    console.print(table)
    if split.exceed_main:
        console.print(words("balance.exceed_main"), style="yellow")


def _table(title: str, words: Words, *more: str) -> Table:
    table = Table(title=title)
    table.add_column("")
    for column in ("kWh", words("balance.known"), *more):
        table.add_column(column, justify="right")
    return table


def _row(table: Table, name: str, flow: Flow | None, words: Words, *more: str) -> None:
    total = None if flow is None else flow.total_kwh
    known = None if flow is None else flow.known_ratio
    table.add_row(name, words.number(total, 1), words.percent(known, 1), *more)
