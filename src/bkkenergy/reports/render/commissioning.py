"""The signed record of a meter's commissioning: as a page that stands alone, and as PDF."""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import Sequence

from bkkenergy.adapters.state.commissioning import SignedRecord
from bkkenergy.i18n import Words
from bkkenergy.reports.render.page import as_pdf, environment
from bkkenergy.usecases.meterchecktexts import check_text


def render_commissioning(
    record: SignedRecord, photos: Sequence[bytes], agency_name: str, words: Words, *, is_simulated: bool
) -> bytes:
    """Return the record as a page. photos : JPEGs, in the order of the record's. is_simulated : of a demonstration."""
    body = record.body
    text = environment.get_template("commissioning.html.j2").render(
        t=words,
        lang=words.lang,
        record=record,
        body=body,
        agency_name=agency_name,
        is_simulated=is_simulated,
        building=words.either(th=body["building"]["name_th"], en=body["building"]["name_en"]),
        signed_at=dt.datetime.fromisoformat(body["at"]),
        checks=[check_text(words, **check) for check in body["checks"]],
        photos=[f"data:image/jpeg;base64,{base64.b64encode(photo).decode()}" for photo in photos],
    )
    return text.encode()


def print_commissioning(
    record: SignedRecord, photos: Sequence[bytes], agency_name: str, words: Words, *, is_simulated: bool
) -> bytes:
    """Return the record as PDF. Raises InputError where no browser is installed, PrintFailed."""
    return as_pdf(render_commissioning(record, photos, agency_name, words, is_simulated=is_simulated))
