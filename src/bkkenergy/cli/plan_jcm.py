"""`bkkenergy plan jcm`: a monitoring sheet of a method of the Joint Crediting Mechanism."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import click

from bkkenergy.cli.context import config_option, period_of
from bkkenergy.cli.opening import opened_site
from bkkenergy.errors import InputError
from bkkenergy.plan.jcm import METHODS, MethodName
from bkkenergy.reports.plan.jcm import NOT_OFFICIAL, Monitoring, monitored_months, monitoring_workbook


@click.command(
    "jcm",
    epilog="""\b
Examples:
  bkkenergy plan jcm TH_AM001 pv.xlsx --meter health.centre-1.pv --period FY2569 --factor 0.4 --factor-source "JC, 2026"
  bkkenergy plan jcm TH_AM005 ac.xlsx --meter health.centre-1.aircon --period FY2569 --factor 0.4 \\
    --factor-source "JC, 2026" --project 6.2 --reference 5.6 --calibration "health.centre-1.aircon=certificate 123\"""",
)
@click.argument("method", type=click.Choice(list(METHODS)))
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--meter", "names", multiple=True, required=True, help="A monitored meter; repeat it for several.")
@click.option("--period", required=True, help="Whole months.")
@click.option("--factor", type=click.FloatRange(0, 2, min_open=True), required=True, help="Emission factor, kgCO2/kWh.")
@click.option("--factor-source", required=True, help="Where the factor is from: the method's guideline, with its date.")
@click.option("--project", type=click.FloatRange(0, min_open=True), help="COP or luminous efficiency of the project.")
@click.option("--reference", type=click.FloatRange(0, min_open=True), help="The same of the reference.")
@click.option(
    "--calibration", "calibrations", metavar="METER=RECORD", multiple=True, help="A meter's calibration record."
)
@config_option
def jcm_command(
    method: str,
    file: Path,
    names: Sequence[str],
    period: str,
    factor: float,
    factor_source: str,
    project: float | None,
    reference: float | None,
    calibrations: Sequence[str],
    config_dir: Path,
) -> None:
    """Write a monitoring sheet of METHOD to FILE (XLSX): monitored energy by month, coverage, factor and formulas.

    No factor of the mechanism for Thailand was read in a public source, so that none is proposed: enter that of your
    project with its source. Energy that is not known counts as nothing.
    """
    chosen = METHODS[cast("MethodName", method)]
    with opened_site(config_dir) as site:
        meters, months = monitored_months(site, names, period_of(period))
    monitoring = Monitoring(
        chosen,
        tuple(meters),
        tuple(months),
        factor,
        factor_source,
        project,
        reference,
        dict(_record(text, {meter.id for meter in meters}) for text in calibrations),
    )
    file.write_bytes(monitoring_workbook(monitoring))
    click.echo(
        f"{file}: {chosen.name} {chosen.version}, {monitoring.energy_kwh:,.1f} kWh, "
        f"{monitoring.reduction.reduction_t:,.3f} tCO2 of reductions"
    )
    click.echo(NOT_OFFICIAL, err=True)


def _record(text: str, names: set[str]) -> tuple[str, str]:
    name, _, record = text.partition("=")
    if name not in names or not record.strip():
        raise InputError(f"--calibration {text!r}: write one of the monitored meters, = and its record.")
    return name, record.strip()
