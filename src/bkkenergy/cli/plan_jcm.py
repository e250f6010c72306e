"""`bkkenergy plan jcm`: a monitoring sheet of a method of the Joint Crediting Mechanism."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import click

from bkkenergy.calendar import Period
from bkkenergy.carbon import factor_on
from bkkenergy.cli.context import config_option, period_of
from bkkenergy.cli.lang import operator_lang_option
from bkkenergy.cli.opening import opened_site
from bkkenergy.errors import InputError
from bkkenergy.i18n import Lang, Words
from bkkenergy.plan import Project
from bkkenergy.plan.jcm import METHODS, JcmMethod, MethodName
from bkkenergy.reports.plan.jcm import Monitoring, monitored_months, monitoring_workbook
from bkkenergy.site import Site


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
@click.option("--of", "project_id", help="A project of the plan: its meters and efficiencies, where none are given.")
@click.option("--meter", "names", multiple=True, help="A monitored meter; repeat it for several.")
@click.option("--period", required=True, help="Whole months.")
@click.option("--factor", type=click.FloatRange(0, 2, min_open=True), help="Emission factor, kgCO2/kWh.")
@click.option("--factor-source", help="Where the factor is from: the method's guideline, with its date.")
@click.option("--project", type=click.FloatRange(0, min_open=True), help="COP or luminous efficiency of the project.")
@click.option("--reference", type=click.FloatRange(0, min_open=True), help="The same of the reference.")
@click.option(
    "--calibration", "calibrations", metavar="METER=RECORD", multiple=True, help="A meter's calibration record."
)
@operator_lang_option
@config_option
def jcm_command(
    method: str,
    file: Path,
    project_id: str | None,
    names: Sequence[str],
    period: str,
    factor: float | None,
    factor_source: str | None,
    project: float | None,
    reference: float | None,
    calibrations: Sequence[str],
    lang: Lang,
    config_dir: Path,
) -> None:
    """Write a monitoring sheet of METHOD to FILE (XLSX): monitored energy by month, coverage, factor and formulas.

    No factor of the mechanism for Thailand, and none of T-VER, was read in a public source, so that none is shipped:
    give that of your project with its source, or enter it in factors.toml with its method. Energy that is not known
    counts as nothing.
    """
    chosen, span = METHODS[cast("MethodName", method)], period_of(period)
    with opened_site(config_dir) as site:
        if project_id is not None:
            entered = _entered(site, project_id, chosen)
            names = names or entered.system_meters or tuple(filter(None, [entered.pv_meter]))
            project = project if project is not None or not chosen.ratio else entered.project_efficiency
            reference = reference if reference is not None or not chosen.ratio else entered.reference_efficiency
        if not names:
            raise InputError.of("no_meter_named")
        kg_co2_per_kwh, source = _factor(site, chosen, span, factor, factor_source)
        meters, months = monitored_months(site, names, span)
    monitoring = Monitoring(
        chosen,
        tuple(meters),
        tuple(months),
        kg_co2_per_kwh,
        source,
        project,
        reference,
        dict(_record(text, {meter.id for meter in meters}) for text in calibrations),
    )
    file.write_bytes(monitoring_workbook(monitoring))
    figures = {"kwh": f"{monitoring.energy_kwh:,.1f}", "tonnes": f"{monitoring.reduction.reduction_t:,.3f}"}
    click.echo(Words(lang)("command.jcm_written", file=file, method=chosen.name, version=chosen.version, **figures))
    click.echo(Words(lang)("plan.jcm_note"), err=True)


def _entered(site: Site, project_id: str, method: JcmMethod) -> Project:
    """Return a project of the plan. Raises InputError where there is none, or it is of another method."""
    project = next((one for one in site.projects if one.id == project_id), None)
    if project is None:
        raise InputError.of("no_project", project=project_id)
    if project.method is not None and project.method != method.name:
        raise InputError.of("project_of_method", project=project_id, method=project.method, asked=method.name)
    return project


def _factor(site: Site, method: JcmMethod, span: Period, given: float | None, source: str | None) -> tuple[float, str]:
    """Return the method's factor and its source: as given, else as entered for all days of the period."""
    if given is not None:
        if not (source or "").strip():
            raise InputError.of("factor_without_source")
        return given, str(source).strip()
    if source is not None:
        raise InputError.of("factor_with_source")
    entered = {
        factor_on(site.figures.grid_factors, day, "project", method=method.name)
        for day in (span.first_day, *_begun(site, method, span))
    }
    if len(entered) > 1:
        raise InputError.of("factor_changes", method=method.name, period=str(span))
    (one,) = entered
    return one.kg_co2e_per_kwh, f"{one.source} (grade {one.grade}, from {one.valid_from})"


def _begun(site: Site, method: JcmMethod, span: Period) -> list[dt.date]:
    return [
        one.valid_from
        for one in site.figures.grid_factors
        if one.method == method.name and span.first_day < one.valid_from <= span.last_day
    ]


def _record(text: str, names: set[str]) -> tuple[str, str]:
    name, _, record = text.partition("=")
    if name not in names or not record.strip():
        raise InputError.of("no_calibration", text=text)
    return name, record.strip()
