"""`bkkenergy bill import`, `list`, `remove`, `check`: the paper bills of electricity accounts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from bkkenergy.cli.context import command_line, config_option, today_here
from bkkenergy.cli.inputfile import InputFile
from bkkenergy.cli.lang import operator_lang_option
from bkkenergy.cli.opening import opened_site
from bkkenergy.cli.output import json_option, plain, print_json
from bkkenergy.errors import ConfigError, InputError
from bkkenergy.i18n import Words
from bkkenergy.ingest.paper.bill import days_of_bill
from bkkenergy.ingest.paper.mapping import BillMapping, load_bill_mapping, save_bill_mapping
from bkkenergy.ingest.paper.read import TEXT, BillFile, all_bills, read_bills
from bkkenergy.reports.billwords import item_name, why_said
from bkkenergy.site import Site
from bkkenergy.site.folder import mappings_folder
from bkkenergy.tariff.paper import PaperBill, faults_within
from bkkenergy.texts import Lang
from bkkenergy.tomlfiles import validated
from bkkenergy.usecases.bills import Billable, read_day_of
from bkkenergy.usecases.energy import building_of
from bkkenergy.usecases.paperbills import (
    CheckedBill,
    account_of,
    bills_of_account,
    checked_bill,
    enter_bills,
    list_bills,
    remove_bill,
)

console = Console()
NOT_METERED = "No meter has energy of these days: there is nothing to compare with."
FILE = InputFile()


@click.command(
    "import",
    epilog="""\b
Examples:
  bkkenergy bill import office bills-2569.xlsx
  bkkenergy bill import office bills-2569.xlsx --column "ยอดเงิน=total" --save-mapping mea --yes
  bkkenergy bill import office september.pdf --label "kwh=จำนวนหน่วย#1" --yes""",
)
@click.argument("account")
@click.argument("file", type=FILE)
@click.option(
    "--column", "columns", metavar="HEADING=FIELD", multiple=True, help="What a column is; HEADING= leaves it."
)
@click.option(
    "--label", "labels", metavar="FIELD=WORDS", multiple=True, help="The words before a field in a PDF's text."
)
@click.option("--sheet", help="Sheet of a workbook.")
@click.option("--mapping", "mapping_name", metavar="NAME", help="Read the file as --save-mapping NAME once said.")
@click.option("--save-mapping", "save_name", metavar="NAME", help="Save columns and labels under a name.")
@click.option("--replace", "is_replacing", is_flag=True, help="Take the place of bills of the same days.")
@click.option(
    "--yes", "is_confirmed", is_flag=True, help="Enter them: without it they are shown, and nothing is entered."
)
@json_option
@operator_lang_option
@config_option
def import_command(
    account: str,
    file: Path,
    columns: Sequence[str],
    labels: Sequence[str],
    sheet: str | None,
    mapping_name: str | None,
    save_name: str | None,
    lang: Lang,
    config_dir: Path,
    *,
    is_replacing: bool,
    is_confirmed: bool,
    as_json: bool,
) -> None:
    """Read the paper bills of ACCOUNT from FILE: CSV, XLSX, or the text of a PDF with one bill.

    Headings and labels are proposed in Thai and English, and shown with what was read. Nothing is entered before you
    have looked at them, and say --yes. Days and years may be of either era.

    Fields: month; from and to, the first and the last day; read_before and read_on, the days of the reads; kwh,
    kwh_on_peak, kwh_off_peak, kw, kvar; energy, energy_on_peak, energy_off_peak, demand, demand_partial, minimum,
    power_factor, service, ft, vat, adjustment, total; account, number, estimated.
    """
    words = Words(lang)
    with opened_site(config_dir) as site:
        chosen = account_of(site.portfolio, account)
        mapping = _mapping(site, columns, labels, sheet, mapping_name)
        if save_name is not None:
            folder = mappings_folder(site.settings)
            click.echo(words("command.import_saved", name=save_bill_mapping(folder, save_name, mapping)), err=True)
        read = _read(site, file, mapping, chosen, chosen.number)
        if not as_json:
            _show(file, read, words)
        entered = None
        if is_confirmed:
            bills = all_bills(file, read)
            now = site.clock()
            entered = enter_bills(
                site.state,
                command_line(),
                site.portfolio,
                chosen.id,
                bills,
                source=file.name,
                replaces=is_replacing,
                now=now,
            )
    if as_json:
        rows = [
            {"where": str(where), "bill": bill.model_dump(mode="json"), "faults": faults_within(bill)}
            for where, bill in read.bills
        ]
        refused = [(str(where), str(why)) for where, why in read.refused]
        print_json({"account": chosen.id, "taken": read.taken, "bills": rows, "refused": refused, "entered": entered})
    elif entered is None:
        click.echo(words("command.bills_not_entered"))
    else:
        new, replaced = len(entered.entered), len(entered.replaced)
        click.echo(words("command.bills_entered", account=chosen.id, new=new, same=entered.same, replaced=replaced))


def _mapping(
    site: Site,
    columns: Sequence[str],
    labels: Sequence[str],
    sheet: str | None,
    mapping_name: str | None,
) -> BillMapping:
    """Return what options say, over a saved mapping. Raises InputError, ConfigError."""
    folder = mappings_folder(site.settings)
    said = {"columns": dict(_pairs(columns, at_last=True)), "labels": dict(_pairs(labels)), "sheet": sheet}
    mapping, faults = validated(BillMapping, said, "options")
    if mapping is None:
        raise ConfigError(faults)
    if mapping_name is not None:
        mapping = mapping.over(load_bill_mapping(folder, mapping_name))
    return mapping


def _pairs(texts: Sequence[str], *, at_last: bool = False) -> Iterable[tuple[str, str]]:
    """Divide options at their sign. at_last : at the last one, since a heading may have one."""
    for text in texts:
        first, sign, second = text.rpartition("=") if at_last else text.partition("=")
        if not sign or not first:
            raise InputError.of("no_pair", text=text, form="HEADING=FIELD, FIELD=WORDS")
        yield first.strip(), second.strip()


def _read(site: Site, file: Path, mapping: BillMapping, what: Billable, number: str) -> BillFile:
    days_of_month = partial(days_of_bill, read_day_of(site, what, today_here()))
    return read_bills(file, mapping, account=number, this_year=today_here().year, days_of_month=days_of_month)


def _show(file: Path, read: BillFile, words: Words) -> None:
    """Show what was taken for what, and the bills."""
    table = Table(title=file.name)
    for column in ("bills_field", "bills_from"):
        table.add_column(words(f"command.{column}"))
    for name, heading in read.taken.items():
        table.add_row(name, heading)
    console.print(table)
    for note in read.notes:
        console.print(note.said(words.lang))
    if read.left_out and read.bills and read.bills[0][0] != TEXT:
        console.print(words("command.bills_left_out", names=", ".join(read.left_out)))
    rows = [(where.said(words.lang), bill, faults_within(bill)) for where, bill in read.bills]
    console.print(_bills_table(rows, words))
    for where, why in read.refused:
        console.print(words("command.bills_refused", where=where, why=why))
    if read.others:
        console.print(words("command.bills_of_others", count=read.others))


def _bills_table(rows: Iterable[tuple[str, PaperBill, Sequence[str]]], words: Words) -> Table:
    table = Table()
    days, baht = (words("command.bill_first"), words("command.bill_last")), words("unit.thb")
    for column in ("", *days, "kWh", "kW", baht, ""):
        table.add_column(column, justify="right" if column in {"kWh", "kW", baht} else "left")
    for where, bill, faults in rows:
        figures = [_number(bill.kwh, 0), _number(bill.demand_kw, 1), _number(bill.total_thb, 2)]
        said = [*([words("command.bill_estimated")] if bill.is_estimated else []), *_faults_said(faults, words)]
        table.add_row(where, words.stamp_day(bill.first), words.stamp_day(bill.last), *figures, "; ".join(said))
    return table


def _faults_said(faults: Sequence[str], words: Words) -> list[str]:
    """Return what is wrong within a bill; in Thai that its lines do not add up, which is all that can be."""
    return list(faults) if words.lang == "en" else [words("command.bill_sum_differs")] * bool(faults)


def _number(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:,.{digits}f}"


@click.command("list", epilog="\b\nExamples:\n  bkkenergy bill list office --all")
@click.argument("account")
@click.option("--all", "with_removed", is_flag=True, help="Those that were removed too.")
@json_option
@operator_lang_option
@config_option
def list_command(account: str, lang: Lang, config_dir: Path, *, with_removed: bool, as_json: bool) -> None:
    """List the paper bills of ACCOUNT, with who entered them and when."""
    with opened_site(config_dir) as site:
        entered = list_bills(site.state, command_line(), site.portfolio, account, with_removed=with_removed)
    if as_json:
        print_json([plain_bill(one) for one in entered])
        return
    words = Words(lang)
    console.print(_bills_table([(str(one.number), one.bill, faults_within(one.bill)) for one in entered], words))
    for one in entered:
        at = f"{words.stamp_day(one.at.date())} {one.at:%H:%M} UTC"
        line = words("command.bill_entered", number=one.number, who=one.by, at=at, source=one.source)
        if one.removed_at is not None:
            line += words("command.bill_removed", who=one.removed_by, why=words.stored(one.removed_why))
        click.echo(line)


def plain_bill(one: Any) -> dict[str, Any]:
    """Return an entered bill as plain data."""
    return {
        "number": one.number,
        "account": one.account,
        **one.bill.model_dump(mode="json", exclude={"number"}),
        "bill_number": one.bill.number,
        "source": one.source,
        "by": one.by,
        "at": one.at.isoformat(),
        "removed_by": one.removed_by,
        "removed_at": one.removed_at and one.removed_at.isoformat(),
        "removed_why": one.removed_why,
    }


@click.command("remove", epilog='\b\nExamples:\n  bkkenergy bill remove 12 --why "the account\'s old meter"')
@click.argument("number", type=int)
@click.option("--why", required=True, help="For the history.")
@operator_lang_option
@config_option
def remove_command(number: int, why: str, lang: Lang, config_dir: Path) -> None:
    """Remove the paper bill NUMBER. The history still has it."""
    with opened_site(config_dir) as site:
        removed = remove_bill(site.state, command_line(), site.portfolio, number, why=why, now=site.clock())
    words = Words(lang)
    days = {
        name: str(day) if lang == "en" else words.date(day)
        for name, day in (("first", removed.bill.first), ("last", removed.bill.last))
    }
    click.echo(words("command.bill_is_removed", account=removed.account, **days))


@click.command(
    "check",
    epilog="""\b
Examples:
  bkkenergy bill check office
  bkkenergy bill check --building education.school-1 --file bills.csv""",
)
@click.argument("account", required=False)
@click.option("--building", help="Instead of an account: a building, and the file of its bills.")
@click.option("--file", "path", type=FILE)
@json_option
@operator_lang_option
@config_option
def check_command(
    account: str | None, building: str | None, path: Path | None, lang: Lang, config_dir: Path, *, as_json: bool
) -> None:
    """Compare the paper bills of ACCOUNT with its meters, item by item, and say what explains a difference.

    The causes are rate, energy, demand, dates (the meters have its energy on other days), estimate (of the utility's
    read), unknown (the meters' own gaps), sum (the paper does not add up). Bills of a file are compared without being
    entered; its fields are those of `bill import`. Exit code 1 when a total differs by more than 1 THB.
    """
    with opened_site(config_dir) as site:
        what, papers = _papers(site, account, building, path)
        checked = [checked_bill(site, what, paper) for paper in papers]
    if as_json:
        print_json([row for one in checked for row in _checked_rows(one)])
    else:
        for one in checked:
            _print_check(str(account or building), one, Words(lang))
    if any(one.difference_thb is not None and abs(one.difference_thb) > 1 for one in checked):
        raise SystemExit(1)


def _papers(
    site: Site, account: str | None, building: str | None, path: Path | None
) -> tuple[Billable, list[PaperBill]]:
    if account is not None and building is None:
        chosen = account_of(site.portfolio, account)
        if path is not None:
            return chosen, all_bills(path, _read(site, path, BillMapping(), chosen, chosen.number))
        return chosen, [one.bill for one in bills_of_account(site.state, chosen)]
    if account is not None or building is None or path is None:
        raise InputError.of("account_or_file")
    house = building_of(site.portfolio, building)
    return house, all_bills(path, _read(site, path, BillMapping(), house, ""))


def _checked_rows(one: CheckedBill) -> list[dict[str, Any]]:
    of_bill = {
        "month": f"{one.paper.month:%Y-%m}",
        "first": one.paper.first,
        "last": one.paper.last,
        "known_ratio": one.known_ratio,
    }
    if one.ours is None:
        unknown = {"ours_thb": None, "difference_thb": None, "causes": ["unknown"], "why": NOT_METERED}
        return [{**of_bill, "item": "total", "paper_thb": one.paper.total_thb, **unknown}]
    return [{**of_bill, **plain(item), "difference_thb": item.difference_thb} for item in one.differences]


def _print_check(name: str, one: CheckedBill, words: Words) -> None:
    paper = one.paper
    table = Table(title=f"{name} {words.stamp_day(paper.first)} – {words.stamp_day(paper.last)}")
    for column in ("item", "paper", "ours", "difference", "why"):
        is_amount = column in {"paper", "ours", "difference"}
        table.add_column(words(f"command.check_{column}"), justify="right" if is_amount else "left")
    for item in one.differences:
        gap = item.difference_thb
        table.add_row(
            item.item if words.lang == "en" else item_name(item.item, words),
            "" if item.paper_thb is None else f"{item.paper_thb:,.2f}",
            f"{item.ours_thb:,.2f}",
            "" if gap is None else f"{gap:+,.2f}",
            why_said(item, words),
        )
    console.print(table)
    for fault in _faults_said(one.faults, words):
        console.print(fault)
    if one.ours is None:
        console.print(words("command.bill_not_metered"))
    elif one.known_ratio < 1:
        console.print(words("command.bill_known", ratio=words.percent(one.known_ratio, 1).replace("%", " %")))
