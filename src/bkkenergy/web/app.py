"""The application: routes put together, errors answered, and what browsers must refuse."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from urllib.parse import quote

import structlog
from anyio import to_thread
from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.middleware.gzip import GZipMiddleware

from bkkenergy import __version__
from bkkenergy.adapters.state.users import unknown_user_hash
from bkkenergy.errors import BkkEnergyError, NotAllowed, NotThere, UnavailableError
from bkkenergy.i18n import Words
from bkkenergy.ports.readings import StoreUnfit
from bkkenergy.site.folder import service_folders
from bkkenergy.site.open import open_archive
from bkkenergy.web import (
    api,
    api_balance,
    api_bills,
    api_channels,
    api_explore,
    api_findings,
    api_notes,
    api_official,
    api_papers,
    api_plan,
    api_plants,
    api_portfolio,
    api_programme,
    api_proposal,
    api_readings,
    api_retrofit,
    api_savings,
    api_survey,
    api_work,
    api_worth,
    api_year,
    live,
    oidc,
    pages_account,
    pages_bills,
    pages_commission,
    pages_components,
    pages_energy,
    pages_ereport,
    pages_explore,
    pages_find,
    pages_findings,
    pages_flows,
    pages_help,
    pages_imports,
    pages_install,
    pages_links,
    pages_meters,
    pages_notes,
    pages_official,
    pages_opendata,
    pages_passkeys,
    pages_plandocument,
    pages_plant,
    pages_programme,
    pages_proposal,
    pages_retrofit,
    pages_setup,
    pages_shared,
    pages_signin,
    pages_solar,
    pages_stationery,
    pages_survey,
    pages_wall,
    pages_work,
    pages_worth,
    pages_year,
)
from bkkenergy.web.assets import STATIC
from bkkenergy.web.bodies import BoundedBodies
from bkkenergy.web.budgets import HeavyWork
from bkkenergy.web.citymoney import CityMoney
from bkkenergy.web.context import AppContext
from bkkenergy.web.delays import Delays, Rate, Throttle
from bkkenergy.web.figures import CityFigures
from bkkenergy.web.livefigures import LiveFigures
from bkkenergy.web.problems import problem, with_problem_schema
from bkkenergy.web.records import forms as record_forms
from bkkenergy.web.records import lists as record_lists
from bkkenergy.web.records import pages as record_pages
from bkkenergy.web.records import proposals as record_proposals
from bkkenergy.web.records import roofs as record_roofs
from bkkenergy.web.render import onward_page, open_page, page
from bkkenergy.web.security import (
    DENIED_EVERY_S,
    MustChangePassword,
    NeedsClick,
    NeedsCode,
    NeedsPassword,
    NotSignedIn,
    address_of,
    asker_of,
    hardened,
    here_of,
    is_of_another_site,
    language_of,
    note_denied,
    shown_path,
    visitor_of,
    with_headers,
)

GZIP_FROM_BYTES, GZIP_LEVEL = 800, 5
"""Level 9 takes twice the time of a page of 124 kB for 2 % less."""
THREADS = 6
STATUS_OF: tuple[tuple[type[Exception], int], ...] = (
    (UnavailableError, 503),
    (StoreUnfit, 500),  # a person has to act before it goes on
    (NotAllowed, 403),
    (NotThere, 404),
)
STATUS_KEYS = {status: f"web.error_{status}" for status in (403, 404, 408, 413, 422, 429, 500, 503)}
RETRY = {"Retry-After": "5"}
PAGES = (
    pages_account,
    pages_bills,
    pages_components,
    oidc,
    pages_commission,
    pages_energy,
    pages_ereport,
    pages_explore,
    pages_find,
    pages_findings,
    pages_flows,
    pages_help,
    pages_imports,
    pages_install,
    pages_links,
    pages_meters,
    pages_notes,
    pages_official,
    pages_opendata,
    pages_passkeys,
    pages_plandocument,
    pages_plant,
    pages_programme,
    pages_proposal,
    pages_setup,
    pages_signin,
    pages_retrofit,
    pages_shared,
    pages_solar,
    pages_stationery,
    pages_wall,
    pages_survey,
    pages_work,
    pages_worth,
    pages_year,
    record_pages,
    record_forms,
    record_lists,
    record_roofs,
    record_proposals,
    live,
)
API = (
    api,
    api_balance,
    api_channels,
    api_explore,
    api_findings,
    api_notes,
    api_work,
    api_worth,
    api_plan,
    api_plants,
    api_programme,
    api_savings,
    api_bills,
    api_official,
    api_papers,
    api_year,
    api_portfolio,
    api_readings,
    api_retrofit,
    api_proposal,
    api_survey,
)
log = structlog.get_logger(__name__)


@asynccontextmanager
async def few_threads(app: FastAPI) -> AsyncIterator[None]:
    """Answer with few threads: more of them only pass Python's lock around, and every answer takes longer."""
    to_thread.current_default_thread_limiter().total_tokens = THREADS
    yield
    app.state.resets.close()


def create_app(here: AppContext, *, first_run_key: str = "") -> FastAPI:
    """Create the app over a site. Serve it by uvicorn, behind a proxy with TLS. Raises ConfigError of the archive.

    first_run_key : of the link by which the first administrator is made; "" where there is none.
    """
    app = FastAPI(
        title="bkkenergy",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
        lifespan=few_threads,
        dependencies=[Depends(_hold_fit)],
    )
    open_archive(here.settings)  # better no app than one that shows no report
    here.city, here.money = CityFigures(here), CityMoney(here)
    app.state.here, app.state.heavy, app.state.scans = here, HeavyWork(), HeavyWork()
    app.state.live, app.state.streams = LiveFigures(here), live.Streams()
    app.state.throttle, app.state.delays = Throttle(), Delays()
    app.state.rate = Rate(here.settings.web.requests_per_min)
    app.state.resets = pages_links.Resets()
    app.state.first_run_key = first_run_key
    unknown_user_hash()  # at the first such sign-in it would take twice as long, and say that there is no such user
    app.add_middleware(GZipMiddleware, minimum_size=GZIP_FROM_BYTES, compresslevel=GZIP_LEVEL)
    app.add_middleware(BoundedBodies)
    app.middleware("http")(own_pages_alone)
    app.middleware("http")(with_headers)
    app.mount("/static", Static(directory=STATIC), name="static")
    for pages in PAGES:
        app.include_router(pages.router, include_in_schema=False)
    for part in API:
        app.include_router(part.router)
    bare = app.openapi
    app.openapi = lambda: with_problem_schema(bare())  # type: ignore[method-assign]
    app.add_exception_handler(NotSignedIn, _to_sign_in)
    app.add_exception_handler(MustChangePassword, lambda _request, _error: RedirectResponse("/account", 303))
    app.add_exception_handler(NeedsCode, lambda request, _error: _to(request, "/login/code"))
    app.add_exception_handler(NeedsClick, _ask_for_a_click)
    app.add_exception_handler(NeedsPassword, lambda request, _error: _to(request, "/again"))
    app.add_exception_handler(StarletteHTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(BkkEnergyError, _failed)
    app.add_exception_handler(Exception, _broken)
    return app


class Static(StaticFiles):
    """Our static files, cached by browsers for ever: their address changes with their content."""

    async def get_response(self, path: str, scope: object) -> Response:
        """Return a file, with how long it may be cached."""
        response = await super().get_response(path, scope)  # type: ignore[arg-type]
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response


async def _hold_fit(request: Request) -> None:
    """Serve nothing of tables that a newer version made: the site looks at them once in a second."""
    here_of(request).hold_fit()


async def own_pages_alone(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    """Refuse what a page of another site sends, the sign-in too: else it could sign a person in as someone else."""
    if not is_of_another_site(request):
        return await call_next(request)
    address = address_of(request)
    here_of(request).cached(("foreign", address), DENIED_EVERY_S, lambda: _foreign(request, address))
    return await run_in_threadpool(_http_error, request, HTTPException(403, "sent by a page of another site"))


def _foreign(request: Request, address: str) -> None:
    """Log what a page of another site sent, once a minute of an address: who was led there may not know it."""
    origin = request.headers.get("Origin", "")[:128]
    log.warning("refused_of_another_site", address=address, path=shown_path(request)[:255], origin=origin)


def _is_api(request: Request) -> bool:
    return request.url.path.startswith("/api/")


def _to_sign_in(request: Request, _error: Exception) -> Response:
    return _to(request, "/login")


def _to(request: Request, path: str) -> Response:
    """Lead to a page that goes on to what was asked for."""
    target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return RedirectResponse(f"{path}?next={quote(target if request.method == 'GET' else '/')}", 303)


def _ask_for_a_click(request: Request, _error: Exception) -> Response:
    """Show a page whose button asks for what was asked for, so that a person says it."""
    target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    visitor = asker_of(request)
    lang = visitor.lang if visitor else language_of(request, None)
    words = Words(lang)
    return onward_page(lang, target, words("web.heavy"), words("web.heavy_text"))


def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, StarletteHTTPException)  # noqa: S101 - registered for it alone
    headers = dict(error.headers) if isinstance(error, HTTPException) and error.headers else None
    if _is_api(request):
        return problem(error.status_code, str(error.detail), request, headers)
    response = _error_page(request, error.status_code)
    response.headers.update(headers or {})
    return response


def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for it alone
    if _is_api(request):
        faults = "; ".join(f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}" for one in error.errors())
        return problem(422, faults, request)
    return _error_page(request, 422)


def _failed(request: Request, error: Exception) -> Response:
    """Return the service's errors: a store that is unreachable, input that cannot be used."""
    status = next((status for kind, status in STATUS_OF if isinstance(error, kind)), 422)
    if isinstance(error, NotAllowed):
        note_denied(request)
    if _is_api(request):
        detail = _without_folders(str(error), request)
        return problem(status, detail, request, RETRY if status == HTTPStatus.SERVICE_UNAVAILABLE else None)
    if status in {403, 404}:
        return _error_page(request, status)
    log.warning("page_failed", path=shown_path(request), status=status, error=str(error))
    return _error_page(request, status, error)


def _broken(request: Request, _error: Exception) -> Response:
    """Answer a fault of the service itself; the server logs it with its place in the code."""
    if _is_api(request):
        return hardened(request, problem(500, "The service failed. Its log says why.", request))
    return hardened(request, _error_page(request, 500))


def _without_folders(text: str, request: Request) -> str:
    """Return a text with the server's own files by their names alone; the log has where they lie."""
    settings = request.app.state.here.settings
    for folder in service_folders(settings):
        text = text.replace(f"{folder}/", "")
    return text


def _error_page(request: Request, status: int, error: Exception | None = None) -> Response:
    """Return a page that says what went wrong in the reader's language, with the menu for who is signed in."""
    visitor = visitor_of(request)
    lang = visitor.lang if visitor else language_of(request, None)
    text = Words(lang)(STATUS_KEYS.get(status, "web.error_other"))
    detail = _without_folders(error.said(lang), request) if isinstance(error, BkkEnergyError) else ""
    detail = "" if detail == text else detail
    if visitor is None:
        return open_page(lang, "error.html.j2", title=text, status=status, text=text, detail=detail)
    return page(visitor, "error.html.j2", title=text, status=status, text=text, detail=detail)
