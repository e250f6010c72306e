"""`bkkenergy report`: one agency's report, or every agency's, on demand."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import cast

import click
from rich.progress import track

from bkkenergy.calendar import BANGKOK
from bkkenergy.cli.baseline import savings_site
from bkkenergy.cli.context import config_option, period_of
from bkkenergy.i18n import LANGS, Lang, Words
from bkkenergy.reports.phrasing import headline
from bkkenergy.reports.render import RENDERERS
from bkkenergy.reports.savings.attach import with_judgements
from bkkenergy.reports.write import make_report, write_report


class Names(click.ParamType[tuple[str, ...]]):
    """Names of a fixed set, separated by commas."""

    name = "names"

    def __init__(self, known: tuple[str, ...]) -> None:
        self.known = known

    def convert(
        self, value: str | tuple[str, ...], param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        """The names, or a usage error that lists the known ones."""
        names = tuple(value.split(",")) if isinstance(value, str) else value
        if unknown := sorted(set(names) - set(self.known)):
            self.fail(f"{', '.join(unknown)} is not one of: {', '.join(self.known)}", param, ctx)
        return names


@click.command(
    "report",
    epilog="""\b
Examples:
  bkkenergy report district-dindaeng
  bkkenergy report district-dindaeng --period 2026-11-23 --lang en
  bkkenergy report medical-service --period 2026-10 --format html,pdf,xlsx -o /tmp/reports
  bkkenergy report all --period yesterday --lang th,en""",
)
@click.argument("agency")
@click.option(
    "--period",
    default="yesterday",
    show_default=True,
    help="2026-11-23, 2026-11, FY2570, two days joined by .. or yesterday.",
)
@click.option(
    "--format",
    "formats",
    type=Names(tuple(RENDERERS)),
    default="html",
    show_default=True,
    help="One or more of html,pdf,xlsx,json,csv.",
)
@click.option("--lang", "langs", type=Names(LANGS), default="th", show_default=True, help="th, en, or th,en.")
@click.option(
    "-o",
    "--output",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the files (default: report.folder of the settings).",
)
@config_option
def report_command(
    agency: str, period: str, formats: tuple[str, ...], langs: tuple[str, ...], folder: Path | None, config_dir: Path
) -> None:
    """Write the energy report of AGENCY (or of all) for a period.

    Files are named by agency, period and language; their paths are printed.
    """
    span, now = period_of(period), dt.datetime.now(BANGKOK)
    chosen = cast("tuple[Lang, ...]", langs)
    with savings_site(config_dir) as site:
        agencies = list(site.portfolio.agencies) if agency == "all" else [agency]
        for name in track(agencies, "Reports", disable=len(agencies) == 1, transient=True):
            report = make_report(site.store, site.portfolio, site.settings, site.figures, name, span, now=now)
            report = with_judgements(report, site, span)
            paths = write_report(report, span, folder or site.settings.report.folder, formats, chosen)
            click.echo(f"{name}: {headline(report, Words(chosen[0]))}")
            for path in paths:
                click.echo(f"  {path}")
