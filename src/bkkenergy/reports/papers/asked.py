"""What a paper is made from: a report of its subject over a period, and the site that it is read from."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bkkenergy.calendar import BANGKOK, Period
from bkkenergy.i18n import Words
from bkkenergy.plan import Project, projects_on
from bkkenergy.portfolio import Building
from bkkenergy.recipients import CITY
from bkkenergy.reports.content import AgencyReport
from bkkenergy.reports.papers.model import Block, Layout, Paper
from bkkenergy.reports.phrasing import cost_method, document_number, is_running, period_text
from bkkenergy.site import Site


@dataclass(frozen=True, slots=True)
class AskedPaper:
    """A paper that is asked for.

    site : as it was on the period's last day. report : of the subject over the period. fields : what a person writes
    on a memorandum. thai_digits : on a memorandum in Thai.
    """

    kind: str
    site: Site
    report: AgencyReport
    period: Period
    words: Words
    now: dt.datetime
    fields: Mapping[str, str] = field(default_factory=dict)
    thai_digits: bool = False

    @property
    def subject_id(self) -> str:
        """The agency, the building, or "city"."""
        return self.report.agency_id

    @property
    def said_period(self) -> str:
        """The period as a reader would say it."""
        return period_text(self.report, self.words)

    @property
    def buildings(self) -> tuple[Building, ...]:
        """The buildings that the paper is about."""
        portfolio = self.site.portfolio
        if self.report.scope == "building":
            return (portfolio.buildings[self.subject_id],)
        return (
            tuple(portfolio.buildings.values()) if self.subject_id == CITY else portfolio.buildings_of(self.subject_id)
        )

    @property
    def measured_until(self) -> dt.date:
        """The day before which projects and plants are measured: today, or the day after the period."""
        return min(self.site.today, self.period.last_day + dt.timedelta(days=1))

    @property
    def projects(self) -> tuple[Project, ...]:
        """The projects of the plan about it, as they were on the period's last day."""
        there = projects_on(self.site.plan_records, min(self.period.last_day, self.site.today))
        return tuple(project for project in there if project.state != "dropped" and self._is_of(project))

    def _is_of(self, project: Project) -> bool:
        if self.report.scope == "building":
            return project.building == self.subject_id
        return self.subject_id in {CITY, project.agency}

    def paper(
        self,
        blocks: Sequence[Block],
        *,
        sentence: str,
        sources: Sequence[str] = (),
        layout: Layout = "sheet",
    ) -> Paper:
        """Return the paper with what is the same of every kind."""
        words, report = self.words, self.report
        if is_running(report):
            sentence = words("report.headline_running", until=words.moment(self.now.astimezone(BANGKOK)), said=sentence)
        return Paper(
            kind=self.kind,
            subject_id=self.subject_id,
            name=words.either(th=report.name_th, en=report.name_en),
            title=words(f"paper.title_{self.kind}"),
            period=self.said_period,
            period_slug=self.period.slug,
            number=f"{document_number(report).rpartition('/')[0]}/{self.kind}",
            lang=words.lang,
            sentence=sentence,
            blocks=tuple(blocks),
            sources=tuple(sources),
            generated_at=self.now.astimezone(BANGKOK),
            is_simulated=report.is_simulated,
            is_final=not is_running(report),
            layout=layout,
        )

    def name_of_building(self, building_id: str) -> str:
        """Return a building's name; of a project without one, its agency's."""
        building = self.site.portfolio.buildings.get(building_id)
        return "" if building is None else self.words.either(th=building.name_th, en=building.name_en)

    @property
    def cost_sources(self) -> list[str]:
        """Say how money was computed."""
        return [cost_method(self.report, self.words)] if self.report.total.cost_thb is not None else []
