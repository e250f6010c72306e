"""A report's first page as mail: styles in place, nothing that would have to be fetched."""

from __future__ import annotations

from collections.abc import Sequence

from bkkenergy.i18n import Words
from bkkenergy.recipients import ENERGY, DocumentKind
from bkkenergy.reports.content import AgencyReport
from bkkenergy.reports.pageone import first_thing, saved_money
from bkkenergy.reports.phrasing import (
    attention_text,
    headline,
    name_of,
    period_text,
    saving_sentence,
    subject_name,
    title,
)
from bkkenergy.reports.render.page import environment
from bkkenergy.reports.savings.phrasing import fault_texts
from bkkenergy.reports.scopewords import of_scope
from bkkenergy.reports.shares import total_change_ratio
from bkkenergy.savings.faultgroups import FaultGroup, fault_groups

MAX_LINES = 5


def report_message(
    report: AgencyReport, words: Words, documents: Sequence[DocumentKind] = (ENERGY,)
) -> tuple[str, str, str]:
    """Return (subject, plain text, HTML) of a report's mail. documents : that it has attached, which name it."""
    name = words.either(th=report.name_th, en=report.name_en)
    named = [title(report, words) if one == ENERGY else words(f"paper.title_{one}") for one in documents]
    subject = f"{', '.join(named)} · {name} · {period_text(report, words)}"
    if report.revision > 1:
        subject += f" · {words('report.revision', number=report.revision)}"
    findings = [_fault(report, fault, words) for fault in fault_groups(report.findings)[:MAX_LINES]]
    attention = [
        f"{subject_name(report, item, words)}: {attention_text(item, words)}" for item in report.attention[:MAX_LINES]
    ]
    lines = [headline(report, words)]
    if saving := saving_sentence(report, words):
        lines.append(saving)
    saved, first = saved_money(report, words), first_thing(report, words)
    if saved.thb is not None:
        lines.append(f"{saved.name}: {words.number(saved.thb)} {words('unit.thb')} ({saved.note})")
    if first is not None:
        stakes = f" · {first.stakes}" if first.stakes else ""
        lines.append(f"{words('one.now')}: {first.title}{stakes} → {first.task} · {words('work.owner')}: {first.owner}")
    lines += [f"• {line}" for line in (*findings, *attention)]
    if report.is_simulated:
        lines.append(words("report.simulated"))
    html = environment.get_template("mail.html.j2").render(
        report=report,
        t=words,
        lang=words.lang,
        name=name,
        title=title(report, words),
        period=period_text(report, words),
        headline=headline(report, words),
        saving=saving,
        saved=saved,
        first_thing=first,
        change_ratio=total_change_ratio(report),
        findings=findings,
        attention=attention,
        attention_title=of_scope("attention", report, words),
    )
    return subject, "\n".join(lines), html


def _fault(report: AgencyReport, fault: FaultGroup, words: Words) -> str:
    texts = fault_texts(fault, words)
    where = name_of(report, fault.chief.building, words)
    return f"{where}: {texts.name}" + (f" · {texts.stakes}" if texts.stakes else "") + f" → {texts.todo}"
