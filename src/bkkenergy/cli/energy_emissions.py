"""`bkkenergy energy emissions`: what an agency's electricity emits, month by month."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from bkkenergy.calendar import past_year
from bkkenergy.cli.context import config_option, period_of, today_here
from bkkenergy.cli.lang import lang_option
from bkkenergy.cli.opening import opened_site
from bkkenergy.cli.output import json_option, plain, print_json
from bkkenergy.i18n import Words
from bkkenergy.usecases.emissions import EmissionMonths, emission_months

console = Console()


@click.command(
    "emissions",
    epilog="\b\nExamples:\n  bkkenergy energy emissions health --period FY2569\n"
    "  bkkenergy energy emissions health --lang en --json",
)
@click.argument("agency")
@click.option("--period", help="Months (default: the last twelve whole ones).")
@json_option
@lang_option
@config_option
def emissions_command(agency: str, period: str | None, as_json: bool, lang: Any, config_dir: Path) -> None:
    """Show what AGENCY's electricity emits by month: scope 2, and scope 3 category 3.

    Scope 2 is by the factor of each day, and all by the newest factor, so that a change of the factor is not taken for
    one of use.
    """
    span = period_of(period) if period else past_year(today_here())
    with opened_site(config_dir) as site:
        emissions = emission_months(site, agency, span)
    if as_json:
        factors = [one.model_dump(mode="json") for one in emissions.factors]
        upstream = [one.model_dump(mode="json") for one in emissions.upstream_factors]
        data: dict[str, object] = plain(replace(emissions, factors=(), upstream_factors=()))
        print_json(data | {"factors": factors, "upstream_factors": upstream})
        return
    _print(emissions, span.slug, Words(lang))


def _print(emissions: EmissionMonths, slug: str, words: Words) -> None:
    table = Table(title=f"{emissions.agency} {words.period(slug)}")
    newest = emissions.factors[-1] if emissions.factors else None
    by_newest = words.number(newest.kg_co2e_per_kwh if newest else None, 4)
    same = words("emission.same", factor=by_newest)
    heads = ("emission.own", "emission.upstream_short")
    table.add_column(words("emission.month"))
    for head in (words("unit.kwh"), words("balance.known"), words(heads[0]), same, words(heads[1])):
        table.add_column(head, justify="right")
    for month in emissions.months:
        table.add_row(
            words.month(month.month),
            words.number(month.energy_kwh),
            words.percent(month.known_ratio),
            *(words.number(_tonnes(kg), 2) for kg in (month.co2e_kg, month.same_co2e_kg, month.upstream_co2e_kg)),
        )
    console.print(table)
    if emissions.has_change:
        console.print(words("emission.page_note", factor=by_newest))
    for factor in (*emissions.factors, *emissions.upstream_factors):
        console.print(f"{words.number(factor.kg_co2e_per_kwh, 4)}: {factor.citation.said(words.lang)}")


def _tonnes(kg: float | None) -> float | None:
    return None if kg is None else kg / 1000
