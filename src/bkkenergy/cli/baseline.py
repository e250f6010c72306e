"""`bkkenergy baseline`: fit it, look at it, and judge a period by it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

import click
from rich.console import Console
from rich.progress import track
from rich.table import Table

from bkkenergy.adapters.state.baselines import Fitted, versions_of
from bkkenergy.calendar import past_year
from bkkenergy.cli.context import command_line, config_option, period_of, today_here
from bkkenergy.cli.inputfile import InputFile
from bkkenergy.cli.lang import lang_option, operator_lang_option
from bkkenergy.cli.opening import opened_site
from bkkenergy.cli.output import json_option, print_json
from bkkenergy.cli.spread import dask_option, spreading
from bkkenergy.errors import InputError
from bkkenergy.i18n import Lang, Words
from bkkenergy.ingest.paper.bill import calendar_month
from bkkenergy.ingest.paper.mapping import BillMapping
from bkkenergy.ingest.paper.read import all_bills, read_bills
from bkkenergy.portfolio import Building
from bkkenergy.reports.content import BesideGroup
from bkkenergy.reports.savings.attach import saving_row
from bkkenergy.reports.savings.bills import BilledDays, BillsBaseline, billed_days, monthly_from_bills, split_by_days
from bkkenergy.reports.savings.comparing import ComparisonPool, compared_total
from bkkenergy.reports.savings.fitting import progress_of
from bkkenergy.reports.savings.gather import SavingsAssessment, fit_buildings, judge, judged_total
from bkkenergy.reports.savings.phrasing import (
    Judged,
    baseline_text,
    compared_text,
    judged_text,
    progress_text,
    verdict_text,
    version_data,
    version_text,
)
from bkkenergy.savings.adjust import Adjustment
from bkkenergy.savings.uncertainty import Band, lag_of
from bkkenergy.savings.versions import BaselineVersion, latest_accepted
from bkkenergy.site import Site, load_configuration
from bkkenergy.site.solar_config import load_solar
from bkkenergy.usecases.baselines import decide_on_baseline, store_baseline
from bkkenergy.usecases.energy import buildings_named
from bkkenergy.usecases.paperbills import bills_of_account

console = Console()


@click.group(
    "baseline",
    epilog="""\b
Examples:
  bkkenergy baseline fit all --period FY2569
  bkkenergy baseline show district-bangkhen.office
  bkkenergy baseline check district-bangkhen --period 2026-10""",
)
def baseline_command() -> None:
    """Fit what buildings would have used on a year, and compare the time after it."""


@baseline_command.command(
    "fit",
    epilog="\b\nExamples:\n  bkkenergy baseline fit health --period 2025-01-01..2025-12-31\n"
    "  bkkenergy baseline fit all --dask tcp://10.0.0.5:8786",
)
@click.argument("name")
@click.option("--period", help="The baseline's period (default: the last twelve whole months).")
@click.option("--reason", default="", help="Why it is fitted: it stays with this version of the baseline.")
@dask_option
@lang_option
@config_option
def fit_command(name: str, period: str | None, reason: str, scheduler: str | None, lang: Any, config_dir: Path) -> None:
    """Fit the baselines of NAME: a building, an agency, or all. They are stored in the state, and accepted.

    Earlier ones stay: a period is judged by the newest one that ended before it, a project by its own. The scheduler
    proposes baselines by itself when a building has 330 valid days.
    """
    span = period_of(period) if period else past_year(today_here())
    words = Words(lang)
    failed = 0
    with opened_site(config_dir) as site, spreading(scheduler, site) as spread:
        buildings = buildings_named(site.portfolio, name)
        results = fit_buildings(site, buildings, span, spread=spread.map, with_site=spread.with_site)
        for building, baseline in track(
            results, words("command.doing_baselines"), total=len(buildings), transient=True, console=console
        ):
            if isinstance(baseline, str):
                failed += 1
                click.echo(f"{building.id}: {baseline}", err=True)
                continue
            fitted = Fitted(building.id, baseline, reason=reason)
            store_baseline(site.state, command_line(), site.portfolio, fitted, site.clock())
            named = f"{baseline.first}..{baseline.last} {baseline.fingerprint}"
            click.echo(f"{building.id}: {baseline_text(baseline, words)}\n  {named}")
    if failed:
        raise SystemExit(1)


@baseline_command.command(
    "bills",
    epilog="\b\nExamples:\n  bkkenergy baseline bills education.school-1\n"
    "  bkkenergy baseline bills education.school-1 --file bills.csv --months 12",
)
@click.argument("building")
@click.option("--file", "path", type=InputFile(), help="A file of bills.")
@click.option("--months", default=12, show_default=True, help="How many of the first bills make the baseline.")
@json_option
@operator_lang_option
@config_option
def bills_command(
    building: str, path: Path | None, months: int, lang: Lang, config_dir: Path, *, as_json: bool
) -> None:
    """Fit a baseline of a building without a meter to its paper bills: the first months predict the later ones.

    The bills are those that were entered for its electricity accounts (`bill import`), or those of a file with the same
    fields: month, or from and to; kwh. One whose read was estimated is merged with the next. The bills of several
    accounts are split over their days, and added by calendar month. Temperature is the typical year's.
    """
    config = load_configuration(config_dir)
    chosen = buildings_named(config.portfolio, building)[0]
    try:
        billed = _billed_of_file(path) if path is not None else _billed_of_accounts(config_dir, chosen)
        model = monthly_from_bills(billed, config.portfolio.calendars[chosen.calendar], load_solar(config_dir), months)
    except ValueError as why:
        raise InputError.of("said_of", where=path or chosen.id, why=why) from None
    if as_json:
        rows = [
            {
                "month": str(month),
                "energy_kwh": kwh,
                "baseline_kwh": expected,
                "saving_kwh": expected - kwh,
                "is_in_baseline": is_base,
            }
            for month, kwh, expected, is_base in model.rows
        ]
        print_json({"building": chosen.id, "model": model.model, "cvrmse_ratio": model.cvrmse, "months": rows})
        return
    _show_model(chosen.id, model, Words(lang))


def _show_model(building: str, model: BillsBaseline, words: Words) -> None:
    """Print a baseline from bills: its terms, each month beside it, and how well it fits."""
    terms = model.model
    base, open_day, cooling = f"{terms.base_kwh:,.0f}", f"{terms.open_day_kwh:,.0f}", f"{terms.cooling_kwh_per_c:,.1f}"
    title = words("command.billfit_model", building=building, base=base, open_day=open_day, cooling=cooling)
    table = Table(title=title)
    for column in ("month", "energy", "baseline", "saving"):
        table.add_column(words(f"command.billfit_{column}"), justify="right")
    for month, kwh, expected, is_base in model.rows:
        written = str(month) if words.lang == "en" else words.period(str(month))
        mark = " *" if is_base else "  "
        table.add_row(f"{written}{mark}", f"{kwh:,.0f}", f"{expected:,.0f}", f"{expected - kwh:+,.0f}")
    console.print(table)
    console.print(words("command.billfit_fit", ratio=f"{model.cvrmse:.1%}".replace("%", " %")))
    console.print(words("command.billfit_note"))


def _billed_of_file(path: Path) -> list[BilledDays]:
    read = read_bills(path, BillMapping(), account="", this_year=today_here().year, days_of_month=calendar_month)
    return billed_days(all_bills(path, read))


def _billed_of_accounts(config_dir: Path, building: Building) -> list[BilledDays]:
    """Return the energy that a building was billed. Raises InputError where no account is its own."""
    with opened_site(config_dir) as site:
        accounts = site.portfolio.accounts_of(building.id)
        if not accounts:
            raise InputError.of("no_account_of", building=building.id)
        if shared := [account.id for account in accounts if len(account.buildings) > 1]:
            raise InputError.of("account_shared", account=shared[0])
        by_account = [billed_days([one.bill for one in bills_of_account(site.state, account)]) for account in accounts]
    return by_account[0] if len(by_account) == 1 else split_by_days(by_account)


@baseline_command.command("show", epilog="\b\nExamples:\n  bkkenergy baseline show all --lang en")
@click.argument("name")
@json_option
@lang_option
@config_option
def show_command(name: str, lang: Any, config_dir: Path, *, as_json: bool) -> None:
    """Show the baselines of NAME as versions, how far the next one is, and the adjustments that persons entered."""
    words = Words(lang)
    with opened_site(config_dir) as site:
        buildings = buildings_named(site.portfolio, name)
        versions = versions_of(site.state, [building.id for building in buildings])
        known = [(building, versions.get(building.id, ())) for building in buildings]
        if as_json:
            print_json([_shown_data(site, building, every) for building, every in known])
            return
        for building, every in known:
            click.echo(f"{building.id}: {_newest_text(every, words)}")
            for version in every:
                click.echo(f"  {version_text(version, words)}")
            if progress := progress_text(progress_of(site, building, every), words):
                click.echo(f"  {progress}")
            for adjustment in site.savings.adjustments_of(building.id):
                click.echo(f"  {_adjustment_text(adjustment, words)}")


def _adjustment_text(adjustment: Adjustment, words: Words) -> str:
    last = "…" if adjustment.last is None else words.date(adjustment.last)
    said = {"kwh": f"{adjustment.kwh_a_day:+,.1f}", "reason": adjustment.reason, "by": adjustment.entered_by}
    first, entered = words.date(adjustment.first), words.date(adjustment.entered)
    return words("command.baseline_adjusted", first=first, last=last, entered=entered, **said)


def _newest_text(versions: Sequence[BaselineVersion], words: Words) -> str:
    """Return what the newest baseline is, or why it cannot be used."""
    newest = latest_accepted(versions)
    if newest is None:
        return "–"
    if isinstance(newest.baseline, InputError):
        return newest.baseline.said(words.lang)
    return baseline_text(newest.baseline, words)


def _shown_data(site: Site, building: Building, versions: Sequence[BaselineVersion]) -> dict[str, Any]:
    newest = latest_accepted(versions)
    adjustments = [adjustment.model_dump(mode="json") for adjustment in site.savings.adjustments_of(building.id)]
    fitted = None
    baseline = newest.usable if newest is not None else None
    if baseline is not None:
        fitted = {
            "form": baseline.form,
            "first": baseline.first,
            "last": baseline.last,
            "valid_days": baseline.valid_days,
            "is_provisional": baseline.is_provisional,
            "held_out_cvrmse_ratio": baseline.held_out.cvrmse,
            "held_out_nmbe_ratio": baseline.held_out.nmbe,
            "fingerprint": baseline.fingerprint,
        }
    progress = progress_of(site, building, versions)
    return {
        "building": building.id,
        "baseline": fitted,
        "versions": [version_data(version) for version in versions],
        "progress": None
        if progress.window is None
        else {
            "first": progress.window.first,
            "last": progress.window.last,
            "reason": progress.window.reason,
            "valid_days": progress.valid_days,
            "needed_days": progress.needed_days,
            "why": progress.why.said("en") if progress.why else None,
        },
        "adjustments": adjustments,
    }


@baseline_command.command(
    "accept", epilog="\b\nExamples:\n  bkkenergy baseline accept health\n  bkkenergy baseline accept all"
)
@click.argument("name")
@click.option("--number", type=int, help="One version of a building, as `baseline show` numbers it.")
@operator_lang_option
@config_option
def accept_command(name: str, number: int | None, lang: Lang, config_dir: Path) -> None:
    """Accept the proposed baselines of NAME: from then on buildings are judged by them."""
    _decided(name, number, "accepted", config_dir, Words(lang))


@baseline_command.command(
    "decline", epilog="\b\nExamples:\n  bkkenergy baseline decline district-bangkhen.office --number 3"
)
@click.argument("name")
@click.option("--number", type=int, help="One version of a building, as `baseline show` numbers it.")
@operator_lang_option
@config_option
def decline_command(name: str, number: int | None, lang: Lang, config_dir: Path) -> None:
    """Decline the proposed baselines of NAME. Another is proposed after three months."""
    _decided(name, number, "declined", config_dir, Words(lang))


def _decided(
    name: str, number: int | None, state: Literal["accepted", "declined"], config_dir: Path, words: Words
) -> None:
    with opened_site(config_dir) as site:
        buildings = buildings_named(site.portfolio, name)
        versions = versions_of(site.state, [building.id for building in buildings])
        chosen = [
            version
            for every in versions.values()
            for version in every
            if (version.state == "proposed" if number is None else version.number == number)
        ]
        if not chosen and number is None:
            raise InputError.of("no_proposed_baseline", name=name)
        if not chosen:
            raise InputError.of("no_baseline_number", name=name, number=number)
        for version in chosen:
            decide_on_baseline(site.state, command_line(), site.portfolio, version.number, state, site.clock())
            days = {"first": words.date(version.first), "last": words.date(version.last)}
            said = {"building": version.building, "fingerprint": version.fingerprint, **days}
            click.echo(words(f"command.baseline_{state}", **said))


@baseline_command.command(
    "check",
    epilog="\b\nExamples:\n  bkkenergy baseline check all --period FY2570 --json\n  bkkenergy baseline check health",
)
@click.argument("name")
@click.option("--period", help="What is judged (default: last month).")
@json_option
@lang_option
@config_option
def check_command(name: str, period: str | None, as_json: bool, lang: Any, config_dir: Path) -> None:
    """Show what NAME saved in a period: the total first, since errors of single buildings largely cancel."""
    words = Words(lang)
    last_month = today_here().replace(day=1) - dt.timedelta(days=1)
    span = period_of(period or f"{last_month:%Y-%m}")
    with opened_site(config_dir) as site:
        buildings = buildings_named(site.portfolio, name)
        versions = versions_of(site.state, [building.id for building in buildings])
        assessments = [
            judge(site, building, span, None, versions.get(building.id, ()))
            for building in track(buildings, words("command.doing_savings"), transient=True, console=console)
        ]
        total = judged_total(site, assessments)
        pool = ComparisonPool(site)
        every = [building.id for building in site.portfolio.buildings.values()]
        compared = [
            None if (beside := pool.compared(assessment)) is None else beside.row(every) for assessment in assessments
        ]
    together = compared_total(
        [saving_row(assessment, row) for assessment, row in zip(assessments, compared, strict=True)]
    )
    if as_json:
        rows = [
            judged_data(assessment) | {"compared": None if row is None else asdict(row)}
            for assessment, row in zip(assessments, compared, strict=True)
        ]
        whole = None if total is None else band_data(total) | {"compared": together and asdict(together)}
        print_json({"period": span.slug, "total": whole, "buildings": rows})
        return
    if total is not None:
        click.echo(f"{name} {words.period(span.slug)}: {verdict_text(total, words)}")
        if together is not None:
            click.echo(compared_text(together, words))
    table = Table()
    kwh = words("unit.kwh")
    for column in ("report.building", "saving.expected", "saving.used", "saving.saved", "web.days", "saving.verdict"):
        is_text = column in ("report.building", "saving.verdict")
        unit = f" ({kwh})" if column in ("saving.expected", "saving.used", "saving.saved") else ""
        table.add_column(words(column) + unit, justify="left" if is_text else "right")
    for assessment, row in zip(assessments, compared, strict=True):
        if assessment.saving is None or assessment.band is None:
            table.add_row(assessment.building.id, "", "", "", "", assessment.why_in(lang))
            continue
        saving = assessment.saving
        table.add_row(
            assessment.building.id,
            f"{saving.adjusted_kwh:,.0f}",
            f"{saving.actual_kwh:,.0f}",
            f"{saving.saving_kwh:,.0f}",
            f"{saving.days}/{saving.period_days}",
            _said(assessment, row, words),
        )
    console.print(table)


def _said(assessment: SavingsAssessment, compared: BesideGroup | None, words: Words) -> str:
    """Return a verdict, below it the same without what happened to everyone, and what it rests on."""
    if assessment.saving is None or assessment.band is None or assessment.baseline is None:
        return assessment.why_in(words.lang)
    rests_on = judged_text(Judged.of(assessment.saving, assessment.baseline), words)
    if compared is None and assessment.band.verdict not in {"proven", "increase"}:
        return f"{verdict_text(assessment.band, words)}\n{rests_on}"
    return f"{verdict_text(assessment.band, words)}\n{compared_text(compared, words)}\n{rests_on}"


def band_data(band: Band) -> dict[str, Any]:
    """Return a saving's interval as data."""
    return {
        "saving_ratio": band.saving_ratio,
        "half_width_ratio": band.half_width_ratio,
        "significant_ratio": band.significant_ratio,
        "verdict": band.verdict,
    }


def judged_data(assessment: SavingsAssessment) -> dict[str, Any]:
    """Return a judged building as data."""
    if assessment.saving is None or assessment.band is None or assessment.baseline is None:
        return {"building": assessment.building.id, "why": assessment.why_in("en")}
    return {
        "building": assessment.building.id,
        "baseline_kwh": assessment.saving.baseline_kwh,
        "adjustment_kwh": assessment.saving.adjustment_kwh,
        "actual_kwh": assessment.saving.actual_kwh,
        "saving_kwh": assessment.saving.saving_kwh,
        **band_data(assessment.band),
        "days": assessment.saving.days,
        "period_days": assessment.saving.period_days,
        "calendar_days": assessment.saving.calendar_days,
        "known_kwh": assessment.saving.known_kwh,
        "judged_ratio": assessment.saving.judged_ratio,
        "baseline_years": lag_of(assessment.saving, assessment.baseline),
        "baseline": assessment.baseline.fingerprint,
        "is_provisional": assessment.baseline.is_provisional,
    }
