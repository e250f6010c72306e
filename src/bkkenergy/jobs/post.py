"""Messages of closed runs and of alerts into the outbox, and from there to their channels."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any, cast

import structlog

from bkkenergy.adapters.delivery import CHANNELS, DeliveryFailed, Notification, webhook
from bkkenergy.adapters.state import StateStore, StateTransaction
from bkkenergy.adapters.state.outbox import OutboxMessage, Posted, claim, not_sent, post, sent
from bkkenergy.adapters.state.runs import Artefact, Run
from bkkenergy.adapters.state.standings import standing_of
from bkkenergy.errors import BkkEnergyError
from bkkenergy.i18n import Lang, Words
from bkkenergy.jobs.papers import attached_forms, recipients_of
from bkkenergy.jobs.schedule import backoff_s
from bkkenergy.recipients import ENERGY, PICTURE, DocumentKind, Recipient
from bkkenergy.reports.content import AgencyReport
from bkkenergy.reports.render.mail import report_message
from bkkenergy.settings import Settings
from bkkenergy.site.open import open_archive
from bkkenergy.usecases.accountlinks import sends_links
from bkkenergy.usecases.accountnotices import NOTICE
from bkkenergy.usecases.archived import archived_content
from bkkenergy.usecases.standings import note_refusal, picture_path, unsubscribe_path

log = structlog.get_logger(__name__)

SENT_AT_ONCE = 50
MAIL_STEPS, REQUEST_STEPS = 8, 2
"""Answers of a server that one message waits for, at most: a mail's greeting, STARTTLS, rights, addresses, text; or a
connection and an answer."""


def mailed_formats(settings: Settings, run: Run) -> tuple[str, ...]:
    """Return the formats that the recipients by mail of a run's energy report want attached, each once."""
    return tuple(dict.fromkeys(form for to in _mailed(settings, run) if ENERGY in to.documents for form in to.formats))


def mailed_langs(settings: Settings, run: Run) -> tuple[Lang, ...]:
    """Return the languages in which recipients by mail want a run's files, each once."""
    return tuple(dict.fromkeys(recipient.language for recipient in _mailed(settings, run)))


def _mailed(settings: Settings, run: Run) -> list[Recipient]:
    return [recipient for recipient in recipients_of(settings, run) if recipient.channel == "mail"]


def post_report(
    connection: StateTransaction,
    settings: Settings,
    run: Run,
    report: AgencyReport,
    artefacts: Sequence[Artefact],
    now: dt.datetime,
) -> None:
    """Add a message for each recipient who wants the report, in the transaction that closes its run.

    What a person asked to be archived is no news for anyone else, and is not sent.
    """
    if run.is_for_the_archive:
        return
    for recipient in recipients_of(settings, run):
        subject, text, html = report_message(report, Words(recipient.language), recipient.documents)
        attached = tuple(file.path for file in artefacts if _is_attached(file, recipient))
        data: dict[str, Any] = {
            "kind": "report", "agency": run.agency, "period": run.period.slug, "revision": run.revision,
            "energy_kwh": report.total.energy_kwh, "cost_thb": report.total.cost_thb,
            "files": [{"path": file.path, "document": file.document, "form": file.form, "lang": file.lang,
                       "sha256": file.sha256} for file in artefacts],
        }  # fmt: skip
        if recipient.channel == "line":
            pictures = (file.path for file in artefacts if file.form == PICTURE and file.lang == recipient.language)
            data["picture"] = next(pictures, "")
        key = f"report/{run.agency}/{run.period}/r{run.revision}/{recipient.channel}/{recipient.to}"
        message = OutboxMessage(subject=subject, text=text, html=html, attachments=attached, data=data)
        post(connection, key=key, channel=recipient.channel, recipient=recipient.to, message=message, now=now)


def _is_attached(file: Artefact, recipient: Recipient) -> bool:
    """Return whether a recipient's mail has a file attached."""
    forms = {document: attached_forms(document, recipient.formats) for document in recipient.documents}
    return file.lang == recipient.language and file.form in forms.get(cast("DocumentKind", file.document), ())


def send_waiting(engine: StateStore, settings: Settings, now: dt.datetime) -> int:
    """Hand over what waits in the outbox; how many messages were taken. Those that failed are tried again later.

    Any number of processes may: each message is handed over by the one that has claimed it.
    """
    taken = 0
    for _ in range(SENT_AT_ONCE):
        message = claim(engine, now, _claim_s(settings))
        if message is None:
            break
        taken += _handed_over(engine, settings, message, now)
    return taken


def _claim_s(settings: Settings) -> float:
    """How long a message is one process's: as long as a lease, and longer than a server that hangs is waited for."""
    waits_s = {
        "mail": MAIL_STEPS * settings.mail.timeout_s + settings.archive.timeout_s,
        "line": REQUEST_STEPS * settings.line.timeout_s,
        "webhook": REQUEST_STEPS * webhook.TIMEOUT_S,
    }
    channels = {to.channel for to in settings.recipient} | ({"mail"} if sends_links(settings) else set())
    return max([settings.jobs.lease_s, *(waits_s[channel] for channel in channels)])


def _handed_over(engine: StateStore, settings: Settings, posted: Posted, now: dt.datetime) -> bool:
    jobs = settings.jobs
    named = _named(settings, posted)
    try:
        if not named:
            raise DeliveryFailed("this recipient is no longer entered", is_final=True)
        standing = standing_of(engine, posted.channel, posted.recipient)
        if standing is not None and not (_is_notice(posted) and standing.state == "unsubscribed"):
            raise DeliveryFailed(f"nothing is sent here: {standing.state} {standing.reason}".strip(), is_final=True)
        CHANNELS[posted.channel](settings, named[0], _message(engine, settings, posted, now))
    except (BkkEnergyError, OSError) as error:
        if isinstance(error, DeliveryFailed) and error.is_of_address:
            note_refusal(engine, posted.channel, posted.recipient, str(error), now)
        is_final = (isinstance(error, DeliveryFailed) and error.is_final) or posted.tries + 1 >= jobs.max_tries
        wait_s = backoff_s(posted.tries + 1, jobs.retry_first_s, jobs.retry_max_s)
        retry_at = None if is_final else now + dt.timedelta(seconds=wait_s)
        log.error("message_not_sent", key=posted.key, is_final=is_final, why=str(error))  # noqa: TRY400
        not_sent(engine, posted, str(error), retry_at=retry_at)
        return False
    sent(engine, posted, now)
    log.info("message_sent", key=posted.key)
    return True


def _is_notice(posted: Posted) -> bool:
    """Return whether a message says what was changed of an account: it goes to its address whatever it gets else."""
    return bool(posted.message.data.get("kind") == NOTICE)


def _named(settings: Settings, posted: Posted) -> list[Recipient]:
    """Return the recipient of a message; none where it is no longer entered."""
    if _is_notice(posted):
        return [Recipient(to=posted.recipient)]
    return [to for to in settings.recipient if (to.channel, to.to) == (posted.channel, posted.recipient)]


def _message(engine: StateStore, settings: Settings, posted: Posted, now: dt.datetime) -> Notification:
    """Return a message, a mail with its files. Raises UnavailableError where one is not as it was written.

    Links to the site are made now, so that a picture's days begin when it is sent. What has no files, as an alert,
    does not need the archive.
    """
    message, site = posted.message, settings.web.public_address
    may_end = posted.channel == "mail" and not _is_notice(posted)
    picture = str(message.data.get("picture", ""))
    return Notification(
        key=posted.key,
        subject=message.subject,
        text=message.text,
        html=message.html,
        attachments=_attached(settings, message) if posted.channel == "mail" else {},
        data=message.data,
        unsubscribe=f"{site}{unsubscribe_path(engine, posted.id)}" if site and may_end else "",
        picture=f"{site}{picture_path(engine, picture, now)}" if site and picture else "",
    )


def _attached(settings: Settings, message: OutboxMessage) -> dict[str, bytes]:
    """Return the files that a mail has attached, by their names; each is what the list of its run's files says."""
    if not message.attachments:
        return {}
    digests = {PurePosixPath(file["path"]).name: file["sha256"] for file in message.data["files"]}
    archive, names = open_archive(settings), {PurePosixPath(path).name: path for path in message.attachments}
    return {name: archived_content(archive, path, digests[name]) for name, path in names.items()}
