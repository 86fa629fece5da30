"""The panel's web app: Data Docs and evaluation reports behind Airflow's login.

The plugin mounts it at `/evergreen`. Pages are files that a validation or a gate has left. They run
no script, load nothing from elsewhere and are never cached: a page says what was found last.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import PurePosixPath

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response

from evergreen.adapters.data_docs import DataDocs
from evergreen.adapters.installation import open_reports
from evergreen.adapters.reports import BODY, PAGE
from evergreen.config.settings import settings
from evergreen.domain.errors import EvergreenError
from evergreen.panel.access import NotLoggedIn, RetrainedModel, ValidatedModel, ask_to_log_in
from evergreen.panel.run_list import run_list

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
}
"""What is served; anything else, scripts above all, is not."""
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
}
READING = ["GET", "HEAD"]


def make_app() -> FastAPI:
    """Return the app."""
    app = FastAPI(title="Evergreen", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_exception_handler(NotLoggedIn, ask_to_log_in)
    app.add_exception_handler(EvergreenError, _unreachable)
    app.middleware("http")(_with_headers)
    app.add_api_route("/data-docs/{model}/", runs_page, methods=READING)
    app.add_api_route("/data-docs/{model}/{run}/{page:path}", docs_page, methods=READING)
    app.add_api_route("/reports/{model}/{run_key}/{champion}", report, methods=READING)
    return app


def runs_page(model: ValidatedModel) -> HTMLResponse:
    """Return the list of a model's runs."""
    return HTMLResponse(run_list(model, _docs(model).runs()))


def docs_page(model: ValidatedModel, run: str, page: str) -> Response:
    """Return one file of a run's Data Docs."""
    kind = TYPES.get(PurePosixPath(page).suffix)
    try:
        if kind is None:
            raise FileNotFoundError(page)
        return Response(_docs(model).read(run, page), media_type=kind)
    except FileNotFoundError:
        raise HTTPException(404, "there is no such page") from None


def report(model: RetrainedModel, run_key: str, champion: str) -> Response:
    """Return a run's evaluation report against a champion; its JSON with `.json` behind it."""
    as_json = champion.endswith(".json")
    name = BODY if as_json else PAGE
    try:
        data = open_reports(model).read(run_key, champion.removesuffix(".json"), name)
    except FileNotFoundError:
        raise HTTPException(404, "there is no such report") from None
    return Response(data, media_type="application/json" if as_json else TYPES[".html"])


def _docs(model: str) -> DataDocs:
    return DataDocs(settings().docs_root(model))


async def _with_headers(
    request: Request, call_next: Callable[[Request], Awaitable[Response]]
) -> Response:
    response = await call_next(request)
    response.headers.update(HEADERS)
    return response


def _unreachable(_: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"detail": str(error)}, status_code=503)
