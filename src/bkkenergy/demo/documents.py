"""What offices have decided on in the demonstration: proposals out of surveys, and a plan that was approved."""

from __future__ import annotations

import datetime as dt

from bkkenergy.access import Actor
from bkkenergy.calendar import BANGKOK
from bkkenergy.recipients import CITY
from bkkenergy.reports.programme.document import draft_plan
from bkkenergy.reports.retrofit.propose import propose
from bkkenergy.reports.retrofit.screen import ranked, surveyed
from bkkenergy.site import Site
from bkkenergy.site.retrofit_config import load_retrofit
from bkkenergy.usecases.plandocuments import approve_document

SURVEYED = ("district-chatuchak.school-1", "district-chatuchak.library")
APPROVER = "ผู้อำนวยการสำนักสิ่งแวดล้อม (สาธิต)"


def enter_documents(site: Site, actor: Actor, now: dt.datetime) -> int:
    """Propose the first measure of some buildings, then draft and approve the city's plan where there is a project.

    Return how many proposals there are.
    """
    buildings = [site.portfolio.buildings[name] for name in SURVEYED if name in site.portfolio.buildings]
    today = now.astimezone(BANGKOK).date()
    surveys = list(surveyed(site, buildings, load_retrofit(site.config.folder), last_day=today - dt.timedelta(days=1)))
    count = 0
    for survey in surveys:
        for first in ranked(survey.candidates)[:1]:
            propose(site, actor, surveys, survey.building, first.option.id, now)
            count += 1
    decided = site.refreshed()
    if not decided.projects:
        return count
    draft = draft_plan(decided, actor, CITY, now, why="demonstration")
    approve_document(site.state, actor, draft.id, APPROVER, today, now, letter="กท 1100/1 (สาธิต)")
    return count
