"""`bkkenergy plan`: targets, projects from survey to proof, workbooks, and data sheets for partners."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import track
from rich.table import Table

from bkkenergy.adapters.files import write_whole
from bkkenergy.adapters.state import StateStore, open_state
from bkkenergy.adapters.state.projects import project_of, projects, steps_of
from bkkenergy.carbon import avoided
from bkkenergy.cli.context import command_line, config_option, today_here
from bkkenergy.cli.days import CommonEra
from bkkenergy.cli.inputfile import InputFile
from bkkenergy.cli.lang import lang_option, operator_lang_option
from bkkenergy.cli.opening import opened_site
from bkkenergy.cli.output import json_option, print_json
from bkkenergy.cli.plan_history import compare_command, history_command, undo_command, withdraw_command
from bkkenergy.cli.plan_jcm import jcm_command
from bkkenergy.cli.plan_proposal import promises_command, proposal_command
from bkkenergy.errors import ConfigError, InputError
from bkkenergy.i18n import Lang, Words
from bkkenergy.plan import (
    PROJECT_KINDS,
    PROJECT_OPTIONS,
    PROJECT_STATES,
    Measured,
    Project,
    ProjectState,
    project_faults,
    roll_up,
)
from bkkenergy.plan.jcm import METHODS
from bkkenergy.reports.plan.datasheet import data_sheet, data_sheet_workbook
from bkkenergy.reports.plan.phrasing import way_text
from bkkenergy.reports.plan.progress import measured_projects
from bkkenergy.reports.plan.sheets import plan_workbook, read_workbook
from bkkenergy.reports.savings.plan import why_unmeasured
from bkkenergy.reports.solar.gather import screened
from bkkenergy.site import Site, load_configuration
from bkkenergy.site.plan_config import load_plan
from bkkenergy.solar.climate import typical_year
from bkkenergy.tariff.flat import cost_thb
from bkkenergy.tomlfiles import validated
from bkkenergy.usecases.plan import enter_projects, move_project

console = Console()


from_option = click.option(
    "--from",
    "day",
    type=CommonEra(["%Y-%m-%d"]),
    help="From which day on it is so (default: today; of what is done, the day it was done on).",
)


def state_of(config_dir: Path) -> StateStore:
    """Open the state's database of a configuration."""
    return open_state(load_configuration(config_dir).settings.state)


@click.group(
    "plan",
    epilog="""\b
Examples:
  bkkenergy plan targets
  bkkenergy plan export plan.xlsx                 fill it in, then
  bkkenergy plan import plan.xlsx
  bkkenergy plan move led-dindaeng endorsed --note "budget of FY2570"
  bkkenergy plan progress --by agency
  bkkenergy plan history --of led-dindaeng
  bkkenergy plan datasheet partners.xlsx --mask""",
)
def plan_command() -> None:
    """Manage the action plan: what the city wants, what agencies do, and what meters prove of it."""


@plan_command.command("targets", epilog="\b\nExamples:\n  bkkenergy plan targets --lang en")
@json_option
@lang_option
@config_option
def targets_command(lang: Any, config_dir: Path, *, as_json: bool) -> None:
    """Show the city's plans and their targets, with their sources."""
    plan, words = load_configuration(config_dir).plan or load_plan(config_dir), Words(lang)
    if as_json:
        print_json(plan.model_dump(mode="json", include={"programmes", "targets"}))
        return
    for programme in plan.programmes:
        click.secho(words.either(th=programme.name_th, en=programme.name_en), bold=True)
        for target in plan.targets:
            if target.programme == programme.id:
                what = words.either(th=target.what_th, en=target.what_en)
                year = words.year(target.year_be - 543)
                click.echo(f"  {year}: {words.number(target.quantity)} {target.unit}: {what}")
                click.echo(f"      {target.citation.said(lang)}")


@plan_command.command("list", epilog="\b\nExamples:\n  bkkenergy plan list --agency health --state done")
@click.option("--agency", help="Only this agency's.")
@click.option("--state", type=click.Choice(PROJECT_STATES), help="Only in this state.")
@json_option
@lang_option
@config_option
def list_command(agency: str | None, state: str | None, lang: Any, config_dir: Path, *, as_json: bool) -> None:
    """List the projects."""
    words = Words(lang)
    listed = [project for project in projects(state_of(config_dir), agency=agency) if state in (None, project.state)]
    if as_json:
        print_json([project.model_dump(mode="json") for project in listed])
        return
    if not listed:
        click.echo(words("command.plan_empty"))
        return
    table = Table()
    for name in ("plan.id", "plan.agency", "plan.kind", "report.plan_project", "plan.state", "report.plan_due"):
        table.add_column(words(name), overflow="fold")
    for project in listed:
        name = words.either(th=project.name_th, en=project.name_en)
        year = words.year(project.due_year_be - 543)
        kind, now = words(f"project_kind.{project.kind}"), words(f"project_state.{project.state}")
        table.add_row(project.id, project.agency, kind, name, now, year)
    console.print(table)


@plan_command.command(
    "add",
    epilog="\b\nExamples:\n  bkkenergy plan add led-dindaeng --agency district-dindaeng --building "
    'district-dindaeng.office --kind led \\\n    --name-th "เปลี่ยนหลอด LED" --name-en "LED lamps" '
    "--budget 1200000 --expected-kwh 90000 --due 2570",
)
@click.argument("project_id")
@click.option("--agency", required=True, help="Whose project it is.")
@click.option("--building", default="", help="The building that saves; empty for the whole agency.")
@click.option("--kind", required=True, type=click.Choice(PROJECT_KINDS), help="What kind of measure.")
@click.option("--name-th", required=True, help="Its name in Thai.")
@click.option("--name-en", required=True, help="Its name in English.")
@click.option("--due", "due_year_be", required=True, type=int, help="Year by which it is done, Buddhist era.")
@click.option("--owner", default="", help="Who is responsible.")
@click.option("--budget", "budget_thb", default=0.0, help="Baht.")
@click.option("--expected-kwh", default=0.0, help="kWh saved, or made, a year.")
@click.option("--pv-meter", default="", help="The meter that counts what its PV makes.")
@click.option(
    "--option",
    type=click.Choice(PROJECT_OPTIONS),
    default="whole",
    show_default=True,
    help="How its saving is measured.",
)
@click.option("--system-meter", "system_meters", multiple=True, help="What its system takes; repeat it for several.")
@click.option("--cooling-meter", default="", help="What cooling its system makes.")
@click.option("--reference", "reference_efficiency", type=float, help="COP or lm/W of what was replaced.")
@click.option("--efficiency", "project_efficiency", type=float, help="COP or lm/W of what is there now.")
@click.option("--before-kw", type=float, help="Power as measured before.")
@click.option("--after-kw", type=float, help="Power as measured after.")
@click.option("--hours", "hours_a_year", type=float, help="Hours of use a year, stipulated.")
@click.option(
    "--stipulated-half", "stipulated_half_ratio", type=float, help="Half of its 90 % interval: 0.2 is ± 20 %."
)
@click.option("--method", type=click.Choice(list(METHODS)), help="Its method of JCM or T-VER.")
@click.option("--note", default="", help="Anything else.")
@from_option
@operator_lang_option
@config_option
def add_command(project_id: str, day: dt.datetime | None, lang: Lang, config_dir: Path, **given: Any) -> None:
    """Add the project PROJECT_ID, as surveyed. Reports up to the day before do not have it."""
    config = load_configuration(config_dir)
    project, faults = validated(Project, {"id": project_id, **given}, f"project {project_id}")
    faults += project_faults(project, config.portfolio, f"project {project_id}") if project else []
    if project is None or faults:
        raise ConfigError(faults)
    engine = open_state(config.settings.state)
    if any(known.id == project_id for known in projects(engine)):
        raise InputError.of("project_there", project=project_id)
    enter_projects(
        engine, command_line(), [project], dt.datetime.now(dt.UTC), from_day=None if day is None else day.date()
    )
    click.echo(f"{project_id}: {_state_name(project.state, lang)}")


@plan_command.command(
    "move", epilog='\b\nExamples:\n  bkkenergy plan move led-dindaeng done --on 2026-09-15 --by "Somchai"'
)
@click.argument("project_id")
@click.argument("state", type=click.Choice(PROJECT_STATES))
@click.option("--on", "day", help="The day (default: today); for done, the first day on which it saves.")
@click.option("--by", default="", help="Who says so (default: the system's user).")
@click.option("--note", default="", help="Why; needed for a step back.")
@operator_lang_option
@config_option
def move_command(
    project_id: str, state: ProjectState, day: str | None, by: str, note: str, lang: Lang, config_dir: Path
) -> None:
    """Take a project to its next state: surveyed, proposed, endorsed, running, done; or back, with a note."""
    try:
        on = dt.date.fromisoformat(day) if day else today_here()
    except ValueError:
        raise InputError.of("no_such_day_of", option="--on", text=day) from None
    now = dt.datetime.now(dt.UTC)
    move_project(state_of(config_dir), command_line(), project_id, state, on, note, now, by=by)
    click.echo(f"{project_id}: {_state_name(state, lang)}")


def _state_name(state: ProjectState, lang: Lang) -> str:
    """Return the state of a project: the slug, which commands take; in Thai its name."""
    return state if lang == "en" else Words(lang)(f"project_state.{state}")


@plan_command.command("show", epilog="\b\nExamples:\n  bkkenergy plan show led-dindaeng --lang en")
@click.argument("project_id")
@json_option
@lang_option
@config_option
def show_command(project_id: str, lang: Any, config_dir: Path, *, as_json: bool) -> None:
    """Show how a project came to where it is, and what it saves, as measured."""
    words = Words(lang)
    engine = state_of(config_dir)
    project = project_of(engine, project_id)
    with opened_site(config_dir) as site:
        measured = measured_projects(site, _of_building(site.projects, project), today_here()).get(project.id)
        last_day = today_here() - dt.timedelta(days=1)
        why = None if measured is not None else why_unmeasured(site, project, last_day)
        measured_text = _measured_text(site, project, measured, words) if why is None else why.said(lang)
    if as_json:
        known = {"measured": measured, "why": why and why.said("en"), "steps": steps_of(engine, project_id)}
        print_json(project.model_dump(mode="json") | known)
        return
    click.secho(words.either(th=project.name_th, en=project.name_en), bold=True)
    lines = {
        "agency": project.agency,
        "building": project.building,
        "kind": words(f"project_kind.{project.kind}"),
        "state": words(f"project_state.{project.state}"),
        "owner": project.owner,
        "due_year_be": words.year(project.due_year_be - 543),
        "budget_thb": words.number(project.budget_thb),
        "expected_kwh": words.number(project.expected_kwh),
    }
    for name, value in lines.items():
        click.echo(f"  {words(f'plan.{name}')}: {value or words.number(None)}")
    click.echo(f"  {words('report.plan_measured_head')}: {measured_text}")
    for step in steps_of(engine, project_id):
        who = f" ({step.by})" if step.by else ""
        note = f": {step.note}" if step.note else ""
        click.echo(f"  {words.date(step.day)} {words(f'project_state.{step.state}')}{who}{note}")


def _of_building(known: Sequence[Project], project: Project) -> list[Project]:
    """Return the projects that share the building's saving with this one."""
    return [
        other for other in known if other.id == project.id or (project.building and other.building == project.building)
    ]


def _measured_text(site: Site, project: Project, measured: Measured | None, words: Words) -> str:
    if measured is None:
        return words("plan.not_measured")
    emission = avoided(measured.kwh_a_year, site.figures.grid_factors, today_here(), method=project.method)
    rate = site.figures.flat_rate_on(today_here())
    said = words(
        "plan.measured",
        kwh=words.number(measured.kwh_a_year),
        half=words.number(measured.half_width_kwh),
        thb=words.number(None if rate is None else cost_thb(measured.kwh_a_year, rate)),
        tonnes=words.number(emission.co2e_kg / 1000, 1),
        days=measured.days,
    )
    factor = emission.factor
    by = words(
        "plan.by_method_factor" if factor.method else "plan.by_factor",
        method=factor.method,
        factor=words.number(factor.kg_co2e_per_kwh, 4),
        grade=factor.grade,
        source=factor.citation,
    )
    return f"{said}\n  {words('plan.way')}: {way_text(measured, words)}\n  {by}"


@plan_command.command("progress", epilog="\b\nExamples:\n  bkkenergy plan progress --by kind --json")
@click.option("--by", type=click.Choice(["agency", "kind", "state"]), default="agency", show_default=True)
@json_option
@lang_option
@config_option
def progress_command(by: str, lang: Any, config_dir: Path, *, as_json: bool) -> None:
    """Sum the projects up: how many, at what budget, expected, decided, done, and measured."""
    words = Words(lang)
    with opened_site(config_dir) as site:
        measured = measured_projects(site, site.projects, today_here())
        rows = roll_up(site.projects, measured, lambda project: str(getattr(project, by)))
        rows += roll_up(site.projects, measured, lambda _: words("by_scope.total_city"))
    if as_json:
        print_json(rows)
        return
    table = Table()
    columns = ("count", "budget_thb", "expected_kwh", "decided_kwh", "done_kwh", "measured_kwh")
    table.add_column(words(f"command.by_{by}"), overflow="fold")
    for name in columns:
        table.add_column(words(f"plan.sum_{name}"), justify="right")
    for row in rows:
        table.add_row(row.name, *(words.number(getattr(row, name)) for name in columns))
    console.print(table)


@plan_command.command("export", epilog="\b\nExamples:\n  bkkenergy plan export plan.xlsx --lang en")
@click.argument("path", type=click.Path(dir_okay=False, path_type=Path))
@lang_option
@config_option
def export_command(path: Path, lang: Any, config_dir: Path) -> None:
    """Write all projects, with what was measured, as a workbook that can be filled in and imported."""
    with opened_site(config_dir) as site:
        measured = measured_projects(site, site.projects, today_here())
        write_whole(path, plan_workbook(site.projects, Words(lang), measured))
        click.echo(Words(lang)("command.plan_exported", count=len(site.projects), path=path))


@plan_command.command("import", epilog="\b\nExamples:\n  bkkenergy plan import plan.xlsx")
@click.argument("path", type=InputFile())
@click.option("--why", default="", help="The reason, for the history (default: the name of the file).")
@from_option
@operator_lang_option
@config_option
def import_command(path: Path, why: str, day: dt.datetime | None, lang: Lang, config_dir: Path) -> None:
    """Import the projects of a workbook: new ones are added, known ones replaced; all, or with a fault none."""
    config = load_configuration(config_dir)
    imported = read_workbook(path, config.portfolio)
    engine = open_state(config.settings.state)
    known = enter_projects(
        engine,
        command_line(),
        imported,
        dt.datetime.now(dt.UTC),
        why=why or path.name,
        from_day=None if day is None else day.date(),
    )
    new = len(imported) - len(known)
    click.echo(Words(lang)("command.plan_imported", new=new, replaced=len(known)))


@plan_command.command(
    "datasheet", epilog="\b\nExamples:\n  bkkenergy plan datasheet partners.xlsx --mask --key key-for-us.csv"
)
@click.argument("path", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--mask", is_flag=True, help="Codes for names, figures rounded to two digits.")
@click.option("--key", "key_path", type=click.Path(dir_okay=False, path_type=Path), help="Write which code is whose.")
@lang_option
@config_option
def datasheet_command(path: Path, key_path: Path | None, lang: Any, config_dir: Path, *, mask: bool) -> None:
    """Write roofs that pay back, and retrofits not begun, as a data sheet for private partners."""
    words = Words(lang)
    with opened_site(config_dir) as site:
        weather = typical_year(site.solar.climate)
        buildings = list(site.portfolio.buildings.values())
        bar = iter(track(buildings, words("command.doing_roofs"), transient=True, console=console))
        screening = screened(site, weather, buildings, today=today_here(), on_read=lambda: next(bar, None))
        sheet = data_sheet(screening.rows, site.projects, site.portfolio, words, is_masked=mask)
    write_whole(path, data_sheet_workbook(sheet, words))
    counts = {"roofs": len(sheet.solar), "retrofits": len(sheet.retrofit)}
    click.echo(words("command.plan_partners", **counts, path=path))
    if key_path is not None and sheet.key is not None:
        lines = "".join(f"{row['code']},{row['id']}\r\n" for row in sheet.key)
        write_whole(key_path, ("\ufeffcode,id\r\n" + lines).encode())
        click.echo(f"  {key_path}")


for command in (history_command, compare_command, undo_command, withdraw_command):
    plan_command.add_command(command)


plan_command.add_command(jcm_command)
plan_command.add_command(proposal_command)
plan_command.add_command(promises_command)
