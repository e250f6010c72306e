"""`bkkenergy portfolio`: the portfolio's records in and out, what changed, and taking it back."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from bkkenergy.cli.context import command_line, config_option, today_here
from bkkenergy.cli.days import CommonEra
from bkkenergy.cli.lang import faults_said_in, operator_lang_option
from bkkenergy.cli.output import json_option, print_json
from bkkenergy.cli.proposals import proposals_group
from bkkenergy.cli.records import opened_records
from bkkenergy.cli.revisions import show_changes, show_revisions
from bkkenergy.errors import ConfigError, InputError, NotThere
from bkkenergy.i18n import Words
from bkkenergy.ingest.lists.headings import LIST_KINDS
from bkkenergy.ingest.lists.importing import AskedList, enter_list, look_at_list, write_list
from bkkenergy.portfolio import Records
from bkkenergy.portfolio.snapshot import portfolio_on
from bkkenergy.settings import load_settings
from bkkenergy.site.figures import load_figures
from bkkenergy.site.folder import mappings_folder
from bkkenergy.site.portfolio_files import read_folder, write_folder
from bkkenergy.texts import Lang
from bkkenergy.usecases.portfolio import (
    PortfolioState,
    compare,
    faults_of,
    history,
    import_changes,
    replace_all,
    undo,
)
from bkkenergy.usecases.portfolio_view import SeenRecord, seen_of_building

NAMED = frozenset({"id", "building"})
"""Fields that a line of `show` has in its heading."""
list_kind_option = click.option(
    "--kind", type=click.Choice(LIST_KINDS), default="building", show_default=True, help="What the rows are."
)
reason_option = click.option("--why", required=True, help="The reason, for the history.")
folder_argument = click.argument(
    "folder", type=click.Path(exists=True, file_okay=False, path_type=Path), required=False
)


@click.group(
    "portfolio",
    epilog="""\b
Examples:
  bkkenergy portfolio diff                       what an import of config/ would change
  bkkenergy portfolio import --why "first import"
  bkkenergy portfolio export --to site-2026
  bkkenergy portfolio history --of health.clinic-1
  bkkenergy portfolio undo 12 --why "wrong meter"
  bkkenergy portfolio compare 10 12""",
)
def portfolio_command() -> None:
    """Agencies, buildings, meters and all that belongs to them, as records with history.

    Files in config/ are the source until they are imported once. From then on the state is, and files are a way in and
    out. With [portfolio] source = "files" the files stay the source for good, and the app changes nothing.
    """


@portfolio_command.command("import", epilog='\b\nExamples:\n  bkkenergy portfolio import --why "first import"\n'
                           '  bkkenergy portfolio import new-schools --partial --yes --why "schools"')  # fmt: skip
@folder_argument
@click.option("--partial", is_flag=True, help="Leave things alone that the files do not name.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@reason_option
@operator_lang_option
@config_option
def import_command(folder: Path | None, why: str, lang: Lang, config_dir: Path, *, partial: bool, yes: bool) -> None:
    """Take a folder's records into the state, all of them or none (default: the configuration's own files).

    What would change is shown first. Things that the files do not name are withdrawn, unless --partial is given.
    """
    with faults_said_in(lang), opened_records(config_dir) as state:
        present = state.records()
        new_records = _read(state, folder or config_dir, present, is_partial=partial)
        changes = import_changes(present, new_records, partial)
        show_changes(changes, Words(lang))
        if not changes:
            return
        if not yes:
            click.confirm(Words(lang)("command.portfolio_sure", changes=len(changes)), abort=True)
        done = replace_all(
            state,
            command_line(),
            new_records,
            why=why,
            now=_now(),
            keeps_others=partial,
            expected_revision=present.revision,
        )
    click.echo(Words(lang)("command.portfolio_imported", revision=done.revision, changes=len(done.changes)))


@portfolio_command.command(
    "diff", epilog="\b\nExamples:\n  bkkenergy portfolio diff\n  bkkenergy portfolio diff site-2026"
)
@folder_argument
@click.option("--partial", is_flag=True, help="As for import.")
@json_option
@operator_lang_option
@config_option
def diff_command(folder: Path | None, lang: Lang, config_dir: Path, *, partial: bool, as_json: bool) -> None:
    """Show what an import of a folder would change, and every fault that would stop it."""
    with faults_said_in(lang), opened_records(config_dir) as state:
        present = state.records()
        new_records = _read(state, folder or config_dir, present, is_partial=partial)
        show_changes(import_changes(present, new_records, partial), Words(lang), as_json=as_json)


@portfolio_command.command("export", epilog="\b\nExamples:\n  bkkenergy portfolio export --to site-2026\n"
                           "  bkkenergy portfolio export --to before --revision 11")  # fmt: skip
@click.option("--to", "folder", required=True, type=click.Path(file_okay=False, path_type=Path), help="A new folder.")
@click.option("--revision", type=click.IntRange(1), help="As known at this revision (default: the newest).")
@operator_lang_option
@config_option
def export_command(folder: Path, revision: int | None, lang: Lang, config_dir: Path) -> None:
    """Write all records as files that an import reads back without a change."""
    with opened_records(config_dir) as state:
        files = write_folder(_from(state, config_dir, revision), folder)
    click.echo(Words(lang)("command.files_below", count=len(files), folder=folder))


@portfolio_command.command("history", epilog="\b\nExamples:\n  bkkenergy portfolio history\n"
                           "  bkkenergy portfolio history --of health.clinic-1.main --json")  # fmt: skip
@click.option("--of", "key", help="The id of one thing.")
@click.option("--kind", help="A kind of record, such as meter.")
@click.option("--limit", default=40, show_default=True, type=click.IntRange(1), help="How many lines.")
@json_option
@operator_lang_option
@config_option
def history_command(
    key: str | None, kind: str | None, limit: int, lang: Lang, config_dir: Path, *, as_json: bool
) -> None:
    """Show revisions, the newest first: who, when and why."""
    with opened_records(config_dir) as state:
        revisions = history(state, kind=kind, key=key, limit=limit)
    show_revisions(revisions, Words(lang), as_json=as_json)


@portfolio_command.command("import-list", epilog='\b\nExamples:\n  bkkenergy portfolio import-list schools.xlsx\n'
                           '  bkkenergy portfolio import-list s.xlsx --default type=school --yes --why "schools"\n'
                           '  bkkenergy portfolio import-list m.csv --kind meter --column Rating=rated_kw')  # fmt: skip
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@list_kind_option
@click.option("--column", "columns", multiple=True, metavar="HEADING=FIELD", help="Which field a heading is.")
@click.option(
    "--default",
    "defaults",
    multiple=True,
    metavar="FIELD=TEXT",
    help="What empty cells of a field mean, also of one building type: calendar@school=school.",
)
@click.option("--sheet", help="The sheet, where a workbook has several.")
@click.option("--from", "day", type=CommonEra(["%Y-%m-%d"]), help="From which day it holds (default: always).")
@click.option("--yes", is_flag=True, help="Enter it. Without it nothing is changed.")
@click.option("--why", default="", help="The reason, for the history.")
@operator_lang_option
@config_option
def import_list_command(
    file: Path,
    kind: str,
    columns: tuple[str, ...],
    defaults: tuple[str, ...],
    sheet: str | None,
    day: dt.datetime | None,
    why: str,
    lang: Lang,
    config_dir: Path,
    *,
    yes: bool,
) -> None:
    """Take a list of buildings or other records in, from XLSX or CSV: all of it, or nothing.

    What would change is shown, and each fault with its cell. With --yes it is entered as one revision, and its columns
    are remembered.
    """
    from_day = None if day is None else day.date()
    asked = AskedList(kind, file, _pairs(columns), _pairs(defaults), sheet)
    folder, words = mappings_folder(load_settings(config_dir)), Words(lang)
    with opened_records(config_dir) as state:
        records, who = state.records(), command_line()
        tariffs = load_figures(config_dir).tariffs.schedules
        seen = look_at_list(state, who, asked, records, tariffs, folder=folder, day=today_here(), from_day=from_day)
        for fault in seen.faults:
            said = fault.fault.said(lang)
            click.echo(f"{fault.column}{fault.row} {fault.heading}: {said.what} ({fault.given}). {said.remedy}")
        reading = seen.reading
        count = {"new": len(reading.new), "changed": len(reading.changed), "same": reading.same_count}
        click.echo(words("command.list_read", **count))
        if not yes or seen.faults:
            if seen.faults:
                raise InputError.of("list_faults", count=len(seen.faults))
            return
        done, _ = enter_list(
            state, who, seen, kind, why=why, from_day=from_day, expected_revision=records.revision, folder=folder,
            now=_now(),
        )  # fmt: skip
    click.echo(words("command.list_entered", revision=done.revision, changes=len(done.changes)))


def _pairs(texts: tuple[str, ...]) -> dict[str, str]:
    """Return NAME=TEXT options as a table."""
    pairs = [text.partition("=") for text in texts]
    if wrong := [text for text, (_, sign, _) in zip(texts, pairs, strict=True) if not sign]:
        raise InputError.of("no_pair", text=wrong[0], form="FIELD=TEXT")
    return {name.strip(): value.strip() for name, _, value in pairs}


@portfolio_command.command("export-list", epilog="\b\nExamples:\n  bkkenergy portfolio export-list --to schools.xlsx\n"
                           "  bkkenergy portfolio export-list --kind meter --to meters.xlsx --lang th")  # fmt: skip
@list_kind_option
@click.option("--to", "file", required=True, type=click.Path(dir_okay=False, path_type=Path), help="A new workbook.")
@click.option("--lang", type=click.Choice(["th", "en"]), default="en", show_default=True, help="Of the headings.")
@config_option
def export_list_command(file: Path, kind: str, lang: Lang, config_dir: Path) -> None:
    """Write records as a workbook that import-list reads back without a change."""
    with opened_records(config_dir) as state:
        count = write_list(file, _from(state, config_dir, None), command_line(), kind, today_here(), Words(lang))
    click.echo(Words(lang)("command.records_in", count=count, file=file))


@portfolio_command.command("show", epilog="\b\nExamples:\n  bkkenergy portfolio show health.centre-1\n"
                           "  bkkenergy portfolio show health.centre-1 --on 2026-01-01 --json")  # fmt: skip
@click.argument("building")
@click.option("--on", "day", type=CommonEra(["%Y-%m-%d"]), help="The day (default: today).")
@json_option
@operator_lang_option
@config_option
def show_command(building: str, day: dt.datetime | None, lang: Lang, config_dir: Path, *, as_json: bool) -> None:
    """Show a building with all that belongs to it on a day: meters, roofs, accounts, PV plants, equipment, contacts."""
    on = today_here() if day is None else day.date()
    with opened_records(config_dir) as state:
        records = _from(state, config_dir, None)
    try:
        rows = seen_of_building(records, command_line(), state.kinds, building, on)
    except NotThere:
        raise InputError.of("no_building_on", name=building, day=on) from None
    if as_json:
        print_json(rows)
        return
    if lang == "th":
        from bkkenergy.web.records.view import RecordWords  # noqa: PLC0415 - it brings the web framework

        shown = RecordWords(Words(lang), portfolio_on(records, on), load_figures(config_dir).tariffs.schedules, {})
        for row in rows:
            fields = (
                (line.label, " ".join(one.text for one in line.values)) for line in shown.lines(row.kind, row.value)
            )
            _show_row(row, shown.kind(row.kind), fields, shown.words)
        return
    for row in rows:
        known = ((name, value) for name, value in row.value.items() if value not in (None, "", [], {}, False))
        _show_row(row, row.kind, ((name, value) for name, value in known if name not in NAMED), Words(lang))


def _show_row(row: SeenRecord, kind: str, fields: Iterable[tuple[str, Any]], words: Words) -> None:
    """Print a record: what it is, since when, and its fields; in Thai as pages have them."""
    since = "" if row.valid_from is None else words("command.record_since", day=words.stamp_day(row.valid_from))
    click.secho(f"{kind} {row.key}{since}", bold=True)
    click.echo("  " + ", ".join(f"{name} {value}" for name, value in fields))


@portfolio_command.command("compare", epilog="\b\nExamples:\n  bkkenergy portfolio compare 10\n"
                           "  bkkenergy portfolio compare 10 12 --json")  # fmt: skip
@click.argument("before", type=click.IntRange(0))
@click.argument("after", type=click.IntRange(0), required=False)
@json_option
@operator_lang_option
@config_option
def compare_command(before: int, after: int | None, lang: Lang, config_dir: Path, *, as_json: bool) -> None:
    """Show what differs between two revisions (the later one by default the newest)."""
    with opened_records(config_dir) as state:
        show_changes(compare(state, before, after), Words(lang), as_json=as_json)


@portfolio_command.command("undo", epilog='\b\nExamples:\n  bkkenergy portfolio undo 12 --why "wrong meter"')
@click.argument("number", type=click.IntRange(1))
@reason_option
@operator_lang_option
@config_option
def undo_command(number: int, why: str, lang: Lang, config_dir: Path) -> None:
    """Take a revision back by a new one. Refused where a later revision changed the same."""
    with opened_records(config_dir) as state:
        done = undo(state, command_line(), number, why=why, now=_now())
    show_changes(done.changes, Words(lang))
    click.echo(Words(lang)("command.revision_undid", revision=done.revision, number=number))


portfolio_command.add_command(proposals_group)


def _read(state: PortfolioState, folder: Path, present: Records, *, is_partial: bool = False) -> Records:
    """Read a folder's records. Raises ConfigError with every fault of the files, and of what would be there then."""
    document = read_folder(folder, is_partial=is_partial)
    records = document.records
    after = present.with_changes(import_changes(present, records, is_partial))
    if faults := [*document.faults, *faults_of(state, after, document.places)]:
        raise ConfigError(faults)
    return records


def _from(state: PortfolioState, config_dir: Path, revision: int | None) -> Records:
    """Return the records of a revision; of the files where they are the source."""
    if revision is None and (state.source == "files" or state.newest() == 0):
        return _read(state, config_dir, Records())
    return state.records(revision)


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
