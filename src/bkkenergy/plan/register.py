"""The programme beside projects: partners, needs and gaps, workshops with what followed, consents to publish. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from bkkenergy.errors import WrongValue
from bkkenergy.plan.projects import NotNegative, ProjectKind
from bkkenergy.portfolio.models import BuildingId, Name, Slug
from bkkenergy.tomlfiles import Frozen

PartnerKind = Literal["esco", "supplier", "financier", "university", "state_enterprise", "association", "other"]
PartnerStanding = Literal["candidate", "shortlisted", "agreed", "declined"]
Gap = Literal["money", "knowledge", "staff", "technology", "data", "procurement", "other"]
WorkshopKind = Literal["workshop", "training", "site_visit", "seminar"]
PublishedFigure = Literal["energy", "intensity", "production"]
Licence = Literal["cc_by_4", "ogl_th"]
Count = Annotated[int, Field(ge=0, le=1_000_000)]
Measures = Annotated[tuple[ProjectKind, ...], Field(min_length=1)]


class Partner(Frozen):
    """A company or an institution that could carry measures out, or pay for them.

    measures : the kinds that it does. finance_thb : what it could pay itself. needs, gaps : what the survey says that
    it needs of the city, and what it lacks. surveyed_on : the day of the survey; None where there was none.
    """

    id: Slug
    name_th: Name
    name_en: Name
    kind: PartnerKind
    measures: Measures
    standing: PartnerStanding = "candidate"
    person: str = ""
    phone: str = ""
    mail: str = ""
    has_jcm: bool = False
    finance_thb: NotNegative | None = None
    surveyed_on: dt.date | None = None
    needs: str = ""
    gaps: str = ""
    note: str = ""


class Need(Frozen):
    """What an agency needs for a measure, as a survey found it, and what it lacks.

    gaps : what stands between the agency and the measure. answered_on : when it was met; answer : how.
    """

    id: Slug
    agency: Slug
    building: BuildingId | None = None
    measure: ProjectKind
    name_th: Name
    name_en: Name | None = None
    gaps: Annotated[tuple[Gap, ...], Field(min_length=1)]
    surveyed_on: dt.date
    answered_on: dt.date | None = None
    answer: str = ""
    note: str = ""

    @model_validator(mode="after")
    def _is_answered_after(self) -> Self:
        if self.answered_on is not None and self.answered_on < self.surveyed_on:
            raise WrongValue("last_before_first")
        return self


class Attendance(Frozen):
    """How many people of an agency were invited to a workshop, and how many came. No names: they are not needed."""

    agency: Slug
    invited: Count = 0
    attended: Count


class WorkshopMaterial(Frozen):
    """What a workshop was given with. address : where it is; empty for what is on paper."""

    name: Name
    address: str = ""


class Workshop(Frozen):
    """A workshop, training, seminar or visit of the programme, with its material and who came."""

    id: Slug
    name_th: Name
    name_en: Name
    kind: WorkshopKind
    first: dt.date
    last: dt.date
    hours: Annotated[float, Field(gt=0, le=1000)] | None = None
    venue: str = ""
    trainer: str = ""
    attendance: tuple[Attendance, ...] = ()
    material: tuple[WorkshopMaterial, ...] = ()
    note: str = ""

    @property
    def attending(self) -> tuple[str, ...]:
        """The agencies that are on its list."""
        return tuple(one.agency for one in self.attendance)

    @model_validator(mode="after")
    def _has_each_agency_once(self) -> Self:
        if self.last < self.first:
            raise WrongValue("last_before_first")
        if len(set(self.attending)) < len(self.attending):
            raise WrongValue("agency_twice")
        return self


class FollowUp(Frozen):
    """What an agency changed after a workshop. project : of the plan, where it became one."""

    id: Slug
    agency: Slug
    building: BuildingId | None = None
    workshop: Slug
    name_th: Name
    name_en: Name | None = None
    changed_on: dt.date
    project: str = ""
    note: str = ""


class Consent(Frozen):
    """An agency's consent that figures of buildings are published, in force from agreed_on until it is withdrawn.

    figures : by month: energy from the grid, the year's energy a square metre, energy that PV produced. agreed_by :
    name and office of who signed. document : number of the letter.
    """

    id: Slug
    agency: Slug
    buildings: Annotated[tuple[BuildingId, ...], Field(min_length=1)]
    figures: Annotated[tuple[PublishedFigure, ...], Field(min_length=1)]
    licence: Licence
    agreed_by: Name
    agreed_on: dt.date
    document: str = ""
    note: str = ""


def published(
    consents: Iterable[Consent], agency_of: Mapping[str, str], today: dt.date
) -> dict[str, dict[PublishedFigure, Consent]]:
    """Return which figures of which buildings may be published, each with the consent that says so.

    Parameters
    ----------
    consents : iterable of Consent
        Those that hold today.
    agency_of : mapping of str to str
        The agency that answers for each building today: another's consent says nothing of it.
    today : date
        A consent that is signed for a later day is none yet.

    Returns
    -------
    dict of str to dict
        By building; where two consents allow the same, the one that was signed last.

    Examples
    --------
    >>> import datetime as dt
    >>> from bkkenergy.plan.register import Consent, published
    >>> consent = Consent(id="c", agency="health", buildings=("health.a", "fire.b"), figures=("energy",),
    ...                   licence="cc_by_4", agreed_by="The director", agreed_on=dt.date(2026, 11, 1))
    >>> agency_of = {"health.a": "health", "fire.b": "fire"}
    >>> sorted(published([consent], agency_of, dt.date(2026, 11, 2)))
    ['health.a']
    >>> published([consent], agency_of, dt.date(2026, 10, 31))
    {}
    """
    allowed: dict[str, dict[PublishedFigure, Consent]] = {}
    for consent in sorted(consents, key=lambda one: one.agreed_on):
        for building in consent.buildings if consent.agreed_on <= today else ():
            if agency_of.get(building) == consent.agency:
                allowed.setdefault(building, {}).update(dict.fromkeys(consent.figures, consent))
    return allowed


def shortlisted(partners: Iterable[Partner], measure: ProjectKind) -> list[Partner]:
    """Return who could do a kind of measure, those that agreed first, then the shortlist, then candidates.

    Parameters
    ----------
    partners : iterable of Partner
        All that are known.
    measure : str
        The kind of measure.

    Returns
    -------
    list of Partner
        Without those that declined.

    Examples
    --------
    >>> from bkkenergy.plan.register import Partner, shortlisted
    >>> names = {"name_th": "ก", "name_en": "A", "kind": "esco", "measures": ("led",)}
    >>> partners = [Partner(id="a", **names), Partner(id="b", standing="agreed", **names)]
    >>> [partner.id for partner in shortlisted(partners, "led")]
    ['b', 'a']
    """
    order: tuple[PartnerStanding, ...] = ("agreed", "shortlisted", "candidate")
    able = [partner for partner in partners if measure in partner.measures and partner.standing in order]
    return sorted(able, key=lambda partner: (order.index(partner.standing), partner.id))
