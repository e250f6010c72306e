"""Delivery reports that came back: an address that they say is refused is not written to again."""

from __future__ import annotations

import structlog

from bkkenergy.adapters.delivery.bounces import read_bounces
from bkkenergy.adapters.state import StateStore
from bkkenergy.errors import BkkEnergyError
from bkkenergy.settings import Settings
from bkkenergy.site import Clock
from bkkenergy.usecases.standings import note_refusal

log = structlog.get_logger(__name__)


def look_for_bounces(engine: StateStore, settings: Settings, clock: Clock) -> int:
    """Read the mailbox of delivery reports, where one is set; return how many addresses were refused for good."""
    asked, refused = settings.mail.bounces, 0
    if asked is None:
        return 0
    known = {to.to.lower() for to in settings.recipient if to.channel == "mail"}
    try:
        for bounce in read_bounces(settings.mail, asked):
            is_ours = bounce.address.lower() in known
            log.warning("mail_bounced", is_final=bounce.is_final, is_ours=is_ours, why=bounce.reason)
            if bounce.is_final and is_ours:
                note_refusal(engine, "mail", bounce.address, bounce.reason, clock())
                refused += 1
    except (BkkEnergyError, ValueError, LookupError) as error:
        log.error("bounces_not_read", why=str(error))  # noqa: TRY400
    return refused
