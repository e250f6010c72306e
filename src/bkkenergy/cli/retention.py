"""`bkkenergy retention`: how long readings stay, what was purged, what a purge would delete, and purging now."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.status import Status

from bkkenergy.cli.context import command_line, config_option, today_here
from bkkenergy.cli.lang import operator_lang_option
from bkkenergy.cli.opening import opened_site
from bkkenergy.cli.output import json_option, print_json
from bkkenergy.cli.refusals import refused
from bkkenergy.i18n import Lang, Words
from bkkenergy.site import Site
from bkkenergy.usecases.purge import Planned, PurgeRun, due_cut, planned, purged_before
from bkkenergy.usecases.server import agree_to_purges, purge_readings


@click.command(
    "retention",
    epilog="\b\nExamples:\n  bkkenergy retention\n  bkkenergy retention --confirm\n  bkkenergy retention --run",
)
@click.option(
    "--confirm", "is_confirmed", is_flag=True, help="Agree to the first deletion, or one that leaps, after a list."
)
@click.option("--yes", "is_sure", is_flag=True, help="With --confirm: do not ask.")
@click.option("--run", "is_run", is_flag=True, help="Delete now what is past its years.")
@json_option
@operator_lang_option
@config_option
def retention_command(
    lang: Lang, config_dir: Path, *, is_confirmed: bool, is_sure: bool, is_run: bool, as_json: bool
) -> None:
    """Show which readings were purged, and what a purge would delete. The scheduler purges once a month.

    Readings older than store.raw_years are deleted where their days are in the energy ledger, computed from as many
    values as the store counts. Every report reads the ledger and comes out as before. Deleted readings do not come
    back: the first deletion waits until a person agrees, and so does one that reaches more than a year further than
    the last. Back up before. Exit code 1 where readings stayed that should
    have gone.
    """
    if as_json and (is_confirmed or is_run):
        raise click.UsageError(refused("retention_json"))
    words = Words(lang)
    with opened_site(config_dir) as site:
        if as_json:
            print_json(_data(site))
            return
        if is_confirmed:
            _confirm(site, words, is_sure=is_sure)
        if is_confirmed or is_run:
            _show_run(_purged(site, words, is_seen=is_confirmed), words)
        _show_purged(site, words)
        purges = site.ledger.purges
        if purges.agreed() is None and not is_confirmed:
            _show_planned(planned(site, today=today_here()), words)
            click.echo(words("command.retention_not_agreed"))
        undeleted, late = purges.undeleted(), purges.late()
    for meter, count in undeleted.items():
        click.echo(words("command.retention_undeleted", meter=meter, count=f"{count:,}"))
    for meter, days in late.items():
        first = words.stamp_day(days[0])
        click.echo(words("command.retention_late", meter=meter, count=f"{len(days):,}", first=first))
    raise SystemExit(1 if undeleted and (is_confirmed or is_run) else 0)


def _data(site: Site) -> dict[str, Any]:
    """Return what is purged and what a purge would delete."""
    purges, plan = site.ledger.purges, planned(site, today=today_here())
    agreed = purges.agreed()
    meters = {} if plan is None else plan.meters
    return {
        "raw_years": site.settings.store.raw_years,
        "due_before": due_cut(site.settings, today_here()),
        "agreed_by": None if agreed is None else agreed.who,
        "purged_before": purged_before(site.ledger),
        "purged_days": _purged_days(site),
        "would_delete": [
            {"meter": meter, "oldest_day": oldest, "readings": readings} for meter, (oldest, readings) in meters.items()
        ],
        "undeleted_readings": purges.undeleted(),
        "late_days": purges.late(),
    }


def _purged_days(site: Site) -> int:
    return sum((span.last - span.first).days + 1 for spans in site.ledger.purges.spans().values() for span in spans)


def _confirm(site: Site, words: Words, *, is_sure: bool) -> None:
    """Show what would go, and note who agrees. Where nothing would go there is nothing to agree to."""
    plan = planned(site, today=today_here())
    _show_planned(plan, words)
    if plan is None:
        return
    if not (is_sure or click.confirm(words("command.retention_ask"))):
        raise SystemExit(1)
    agree_to_purges(site, command_line(), plan)


def _purged(site: Site, words: Words, *, is_seen: bool) -> PurgeRun | None:
    title = words("command.retention_purge")
    with Status(title, console=Console(stderr=True)) as status:
        return purge_readings(
            site,
            command_line(),
            today=today_here(),
            is_seen=is_seen,
            on_progress=lambda what: status.update(f"{title}: {what}"),
        )


def _show_run(run: PurgeRun | None, words: Words) -> None:
    if run is None:
        click.echo(words("command.retention_nothing"))
        return
    click.echo(words("command.retention_done", count=run.deleted, days=run.days))


def _show_purged(site: Site, words: Words) -> None:
    settings = site.settings
    due, before, agreed = due_cut(settings, today_here()), purged_before(site.ledger), site.ledger.purges.agreed()
    years = settings.store.raw_years
    since = words("command.retention_years", years=years, day=words.stamp_day(due)) if due else ""
    click.echo(since or words("command.retention_ever"))
    if agreed is not None:
        click.echo(words("command.retention_agreed", who=agreed.who))
    if before is None:
        click.echo(words("command.retention_none_yet"))
        return
    click.echo(words("command.retention_before", day=words.stamp_day(before), count=_purged_days(site)))


def _show_planned(plan: Planned | None, words: Words) -> None:
    """Show each building's meters, the day of the oldest reading, and how many readings would be deleted."""
    if plan is None:
        click.echo(words("command.retention_none_due"))
        return
    click.echo(words("command.retention_would", count=plan.readings, meters=len(plan.meters)))
    by_building = defaultdict(list)
    for meter, readings_of_meter in plan.meters.items():
        by_building[meter.rpartition(".")[0]].append(readings_of_meter)
    for building, meters in sorted(by_building.items()):
        count, oldest = sum(readings for _, readings in meters), min(day for day, _ in meters)
        counts = {"count": count, "meters": len(meters), "first": words.stamp_day(oldest)}
        click.echo(words("command.retention_building", building=building, **counts))
