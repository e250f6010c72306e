"""Pages of meters: the board of all that a visitor sees, what was quarantined, and meters that wait to be adopted."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from bkkenergy.adapters.state.logbook import Logbook
from bkkenergy.adapters.state.quarantine import Quarantine
from bkkenergy.ingest.ask import replay_quarantined
from bkkenergy.ingest.discover import MeterProposal, heard_of, proposals
from bkkenergy.ingest.meterboard import BoardRow, MeterState, board_row, in_order
from bkkenergy.ingest.status import clock_behind_s, toml_block
from bkkenergy.payloads.message import OF_DETAILS, Reason
from bkkenergy.portfolio import Building, Portfolio
from bkkenergy.portfolio.belongings import contacts_of, reached_by
from bkkenergy.web.citymap import state_map
from bkkenergy.web.pages_work import named
from bkkenergy.web.render import page
from bkkenergy.web.security import OwnForm, PageVisitor, Visitor, whole_number

router = APIRouter(default_response_class=HTMLResponse)
ROWS_PER_PAGE = 200
BOARD_S = 60.0
MAX_PAGE = 10_000
MAX_SAMPLE = 160


def quarantine_of(visitor: Visitor) -> Quarantine:
    """Return what ingesters refused."""
    return Quarantine.of(visitor.here.opened.state, visitor.here.settings.ingest)


@router.get("/meters")
def meters_page(
    visitor: PageVisitor,
    agency: str = "",
    state: MeterState | None = None,
    q: Annotated[str, Query(max_length=100)] = "",
    page_number: Annotated[int, Query(alias="page", ge=1, le=MAX_PAGE)] = 1,
) -> Response:
    """Show how the visitor's meters are doing, the worst first, whose they are and who can be asked."""
    here = visitor.here
    agencies = visitor.account.reachable(here.portfolio.agencies)
    visitor.need("see", *([agency] if agency else []))
    rows = board_of(visitor, [agency] if agency else agencies)
    counts = Counter(row.state for row in rows)
    words = q.casefold().split()
    matching = [row for row in rows if state in (None, row.state) and _has(visitor, row, words)]
    shown = matching[(page_number - 1) * ROWS_PER_PAGE : page_number * ROWS_PER_PAGE]
    buildings = {row.meter.building: here.portfolio.buildings[row.meter.building] for row in matching}
    return page(
        visitor,
        "meters.html.j2",
        title=visitor.words("web.meters"),
        rows=shown,
        count=len(matching),
        page_number=page_number,
        pages=-(-len(matching) // ROWS_PER_PAGE),
        counts=[(one, counts[one]) for one in MeterState],
        state=state,
        q=q,
        names={row.meter.id: visitor.words.either(th=row.meter.name_th, en=row.meter.name_en) for row in shown},
        buildings=buildings,
        map=state_map(_worst(matching, buildings), here.portfolio.agencies, visitor.words),
        contacts={key: _people(here.portfolio, building) for key, building in buildings.items()},
        agencies=[(one, named(visitor, one)) for one in agencies],
        agency=agency,
        messages=quarantine_of(visitor).listed(limit=50) if visitor.account.may("serve") else [],
        detail_of=lambda item: visitor.words.stored(item.detail, *OF_DETAILS),
        unknown=_unknown(visitor) if visitor.account.may("serve") else [],
    )


def _people(portfolio: Portfolio, building: Building) -> list[tuple[str, str, str]]:
    """Return how each person to ask about a building is reached: words, the telephone, and what is dialled."""
    people = contacts_of(portfolio, building)
    return [(reached_by(one.model_copy(update={"phone": ""})), one.phone, dialled(one.phone)) for one in people]


def dialled(phone: str) -> str:
    """Return the digits of the first telephone number of a text; "" where there is none.

    An extension is for people to say. A number of Thailand ends where it must: 02-123-4567-8 are two lines.
    """
    number = re.search(r"\+?\d[\d\s().-]*", phone)
    if number is None:
        return ""
    digits = "".join(str(int(sign)) for sign in number[0] if sign.isdecimal())
    if number[0].startswith("+"):
        return f"+{digits}"
    return digits[: 9 if re.match("0[2-57]", digits) else 10]


def board_of(visitor: Visitor, agencies: Sequence[str]) -> list[BoardRow]:
    """Return the board of some agencies' meters, the worst first."""
    here = visitor.here

    def compute() -> list[BoardRow]:
        portfolio, now = here.portfolio, here.clock()
        of_agencies = [one for one in portfolio.buildings.values() if one.agency in set(agencies)]
        meters = [(meter, building) for building in of_agencies for meter in building.meters]
        behind_s = clock_behind_s(Logbook(here.opened.state).gateways().values(), now)
        statuses = here.meter_status([meter for meter, _ in meters])
        limit_h = here.settings.alerts.silent_h
        rows = [
            board_row(
                meter,
                status,
                now=now,
                silent_h=portfolio.threshold("silent_h", limit_h, agency=building.agency, building=building.id),
                behind_s=behind_s,
            )
            for (meter, building), status in zip(meters, statuses, strict=True)
        ]
        return in_order(rows)

    key = ("meter board", tuple(agencies), here.portfolio.revision)
    rows: list[BoardRow] = here.cached(key, BOARD_S, compute)
    return rows


def _has(visitor: Visitor, row: BoardRow, words: Sequence[str]) -> bool:
    building = visitor.here.portfolio.buildings[row.meter.building]
    texts = (row.meter.id, row.meter.name_th, row.meter.name_en, building.name_th, building.name_en, row.meter.topic)
    text = " ".join((*texts, row.meter.gateway_id)).casefold()
    return all(word in text for word in words)


def _worst(rows: Sequence[BoardRow], buildings: Mapping[str, Building]) -> list[tuple[Building, MeterState]]:
    """Return each building with the state of its worst meter. rows : the worst first."""
    worst: dict[str, MeterState] = {}
    for row in rows:
        worst.setdefault(row.meter.building, row.state)
    return [(buildings[key], state) for key, state in worst.items()]


# -- meters that are heard and not entered -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Adoptable:
    """A meter that is heard and not entered.

    href : of the form that enters it, as far as it is known. block : as a file has it, where files are the source.
    """

    proposal: MeterProposal
    sample: str
    href: str
    block: str


def _unknown(visitor: Visitor) -> list[Adoptable]:
    here = visitor.here
    heard = heard_of(quarantine_of(visitor).listed(reason=Reason.UNKNOWN_METER, limit=1_000))
    return [_adoptable(visitor, one) for one in proposals(heard, here.portfolio.meters, here.profiles)]


def _adoptable(visitor: Visitor, proposal: MeterProposal) -> Adoptable:
    building = proposal.building if proposal.building in visitor.here.portfolio.buildings else ""
    fields = {
        "building": building,
        "id": proposal.local_id,
        "topic": proposal.topic,
        "payload": proposal.profile,
        "key": proposal.key,
        "kind": proposal.kind.value,
        "why": visitor.words("meter_board.adopted"),
    }
    query = urlencode({name: text for name, text in fields.items() if text})
    sample = proposal.sample[:MAX_SAMPLE].decode("utf-8", "replace")
    portfolio = visitor.here.portfolio
    block = "" if portfolio.revision else toml_block(proposal, portfolio.buildings)
    return Adoptable(proposal, sample, f"/records/new/meter?{query}", block)


@router.post("/meters/replay")
def replay_page(visitor: PageVisitor, form: OwnForm) -> Response:
    """Try refused payloads again: those that are chosen, or all that wait on a topic."""
    visitor.need("serve")
    here = visitor.here
    quarantine = quarantine_of(visitor)
    numbers = [number for value in form.getlist("number") if (number := whole_number(value)) is not None]
    chosen = [item for number in numbers if (item := quarantine.get(number)) is not None]
    topic = str(form.get("topic", ""))
    if topic and "*" not in topic:
        chosen += [item for item in quarantine.listed(topic=topic, limit=1_000) if item.topic == topic]
    replay_quarantined(here.opened, visitor.actor, chosen, quarantine)
    return RedirectResponse("/meters#quarantine", 303)
