"""What a link opens without signing in: the end of messages to an address, and a picture of a report for some days."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from bkkenergy.adapters.state.standings import standing_of
from bkkenergy.errors import NotThere
from bkkenergy.i18n import Words
from bkkenergy.site.open import open_archive
from bkkenergy.usecases.archived import archived_file, file_of_run
from bkkenergy.usecases.standings import begin_by_link, end_by_link, message_of_link, need_picture
from bkkenergy.web.papers import MEDIA
from bkkenergy.web.render import dead_link, open_page
from bkkenergy.web.security import here_of, language_of

router = APIRouter(default_response_class=HTMLResponse)
UNSEEN = {"X-Robots-Tag": "noindex", "Referrer-Policy": "strict-origin"}
"""No address of such a page leaves it. With `no-referrer` a browser would not say from which site its form comes."""


@router.get("/unsubscribe/{number:int}/{given}")
def unsubscribe_page(number: int, given: str, request: Request) -> Response:
    """Ask whether messages to an address shall end. To look ends nothing: programs open links of mails too."""
    state, lang = here_of(request).opened.state, language_of(request, None)
    try:
        posted = message_of_link(state, number, given)
    except NotThere:
        return dead_link(lang, "unsubscribe")
    name, _, domain = posted.recipient.partition("@")
    answer = open_page(
        lang,
        "unsubscribe.html.j2",
        title=Words(lang)("unsubscribe.title"),
        address=f"{name[:2]}…@{domain}" if domain else f"{name[:2]}…",
        standing=standing_of(state, posted.channel, posted.recipient),
        path=f"/unsubscribe/{number}/{given}",
    )
    answer.headers.update({**UNSEEN, "Cache-Control": "no-store"})
    return answer


@router.post("/unsubscribe/{number:int}/{given}")
def unsubscribe(number: int, given: str, request: Request) -> Response:
    """End messages to an address: by the page's button, or by one click of a mail program (RFC 8058)."""
    here = here_of(request)
    try:
        end_by_link(here.opened.state, number, given, here.clock())
    except NotThere:
        return dead_link(language_of(request, None), "unsubscribe")
    return RedirectResponse(f"/unsubscribe/{number}/{given}", 303)


@router.post("/unsubscribe/{number:int}/{given}/undo")
def subscribe(number: int, given: str, request: Request) -> Response:
    """Send to an address again."""
    here = here_of(request)
    try:
        begin_by_link(here.opened.state, number, given, here.clock())
    except NotThere:
        return dead_link(language_of(request, None), "unsubscribe")
    return RedirectResponse(f"/unsubscribe/{number}/{given}", 303)


@router.get("/shared/{until_s:int}/{given}/{agency}/{period}/{revision}/{name}")
def shared_picture(
    until_s: int, given: str, agency: str, period: str, revision: str, name: str, request: Request
) -> Response:
    """Return a report's picture by a link that was sent, until it is over."""
    here, path = here_of(request), f"{agency}/{period}/{revision}/{name}"
    try:
        need_picture(here.opened.state, until_s, given, path, here.clock())
        picture = file_of_run(here.opened.state, path)
    except NotThere:
        return dead_link(language_of(request, None), "shared")
    content = archived_file(open_archive(here.settings), picture)
    headers = {**UNSEEN, "Cache-Control": "private, max-age=3600"}
    return Response(content, media_type=MEDIA[picture.form], headers=headers)


@router.get("/unsubscribe/{_rest:path}")
@router.get("/shared/{_rest:path}")
def broken_link(_rest: str, request: Request) -> Response:
    """Say what to do with a link that a mail program cut off."""
    return dead_link(language_of(request, None), request.url.path.split("/")[1])
