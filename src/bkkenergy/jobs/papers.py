"""Papers of a run beside its energy report: which are archived, in which forms, and what cannot be made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from bkkenergy.adapters.state.runs import Run
from bkkenergy.errors import InputError
from bkkenergy.i18n import Lang, Words
from bkkenergy.jobs.schedule import entry_of
from bkkenergy.recipients import ENERGY, AttachedFormat, DocumentKind, PaperKind, Recipient
from bkkenergy.reports.content import AgencyReport
from bkkenergy.reports.papers.kinds import (
    PLAIN_STATIONERY,
    forms_of,
    make_paper,
    paper_name,
    render_paper,
    stationery_of,
)
from bkkenergy.reports.papers.model import Paper
from bkkenergy.reports.render.browser import Browser, installed_browser
from bkkenergy.settings import Settings
from bkkenergy.site import Site
from bkkenergy.usecases.stationery import MemoTerms

USUAL_PAPERS: Mapping[str, tuple[PaperKind, ...]] = MappingProxyType(
    {
        "day": (),
        "week": ("poster",),
        "month": ("committee", "memo"),
        "quarter": ("committee", "progress", "memo"),
        "fiscal_year": ("committee", "progress", "training", "partner", "pv", "memo"),
    }
)
"""What is archived of a period where the schedule names no papers."""
USUAL_FORMS: Mapping[PaperKind, tuple[AttachedFormat, ...]] = MappingProxyType(
    {"memo": ("docx", "pdf"), "poster": ("pdf",)}
)
"""Forms in which a paper is archived. A memorandum is completed by hand: its official form is the document."""
LASTING_FORMS: tuple[AttachedFormat, ...] = ("pdf", "xlsx")
WITHOUT_BROWSER: tuple[AttachedFormat, ...] = ("html",)


@dataclass(frozen=True, slots=True)
class PaperFile:
    """A file of a paper that was made."""

    document: PaperKind
    form: str
    lang: Lang
    name: str
    content: bytes


@dataclass(slots=True)
class PapersOfRun:
    """The papers that a run has. faults : of those that could not be made; the energy report does not wait for them."""

    site: Site
    settings: Settings
    run: Run
    browser: Browser
    faults: list[str] = field(default_factory=list)

    def files(self, report: AgencyReport, langs: Sequence[Lang]) -> Iterator[PaperFile]:
        """Make each paper in each language and form. Raises StoreUnavailable; what cannot be made joins `faults`."""
        for kind in papers_of(self.settings, self.run):
            try:
                stationery = stationery_of(self.site, report.agency_id) if kind == "memo" else PLAIN_STATIONERY
                papers = [self._paper(kind, report, lang, stationery.terms) for lang in langs]
                for paper in papers:
                    for form in archived_forms(self.settings, self.run, kind):
                        content = render_paper(paper, form, self.browser, stationery)
                        yield PaperFile(kind, form, paper.lang, paper_name(paper, form), content)
            except InputError as why:
                self.faults.append(f"{Words('en')(f'paper.title_{kind}')}: {why}")

    def _paper(self, kind: PaperKind, report: AgencyReport, lang: Lang, terms: MemoTerms) -> Paper:
        return make_paper(
            self.site, kind, report, self.run.period, lang, now=self.site.clock(), fields=terms.fields,
            thai_digits=terms.thai_digits,
        )  # fmt: skip


def papers_of(settings: Settings, run: Run) -> tuple[PaperKind, ...]:
    """Return the papers that a run has: of the schedule's line, and those that recipients want."""
    entry = entry_of(settings.jobs.schedule, run.kind, run.agency)
    usual = USUAL_PAPERS[run.kind] if entry is None or entry.papers is None else entry.papers
    asked = (document for to in recipients_of(settings, run) for document in to.documents if document != ENERGY)
    return tuple(dict.fromkeys((*usual, *asked)))


def recipients_of(settings: Settings, run: Run) -> list[Recipient]:
    """List who wants a run's report, or papers of it."""
    return [
        recipient for recipient in settings.recipient if run.kind in recipient.reports and recipient.wants(run.agency)
    ]


def picture_langs(settings: Settings, run: Run) -> tuple[Lang, ...]:
    """Return the languages of a run's pictures: those of its recipients by LINE, where pictures are allowed."""
    if not (settings.line.pictures and settings.web.public_address and installed_browser()):
        return ()
    return tuple(dict.fromkeys(to.language for to in recipients_of(settings, run) if to.channel == "line"))


def archived_forms(settings: Settings, run: Run, kind: PaperKind) -> tuple[AttachedFormat, ...]:
    """Return the forms in which a paper is archived: what lasts, and what is mailed. Without a browser it is a page."""
    usual = USUAL_FORMS.get(kind, LASTING_FORMS)
    if installed_browser() is None:
        usual = tuple(form for form in usual if form != "pdf") or WITHOUT_BROWSER
    mailed = [to for to in recipients_of(settings, run) if to.channel == "mail" and kind in to.documents]
    return tuple(dict.fromkeys((*usual, *(form for to in mailed for form in attached_forms(kind, to.formats)))))


def attached_forms(document: DocumentKind, formats: Sequence[AttachedFormat]) -> tuple[AttachedFormat, ...]:
    """Return the forms of a document that a mail has attached: those wanted that it has, else its usual form."""
    if document == ENERGY:
        return tuple(formats)
    has = forms_of(document)
    return tuple(form for form in formats if form in has) or USUAL_FORMS.get(document, LASTING_FORMS)[:1]
