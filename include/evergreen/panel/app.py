"""The panel's web app: how every model is, Data Docs and reports, behind Airflow's login.

The plugin mounts it at `/evergreen`. Data Docs and reports are files that a validation or a gate
has left: they run no script. The panel's pages run only our own, load nothing from elsewhere, and
get their numbers from `api`.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Annotated

from airflow.api_fastapi.app import API_ROOT_PATH
from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.exception_handlers import http_exception_handler
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException as StarletteHTTPException

from evergreen.adapters.data_docs import MOUNT, DataDocs
from evergreen.adapters.installation import open_reports
from evergreen.adapters.reports import BODY, PAGE
from evergreen.config.model_spec import model_folders
from evergreen.config.settings import settings
from evergreen.domain.errors import EvergreenError
from evergreen.panel import api, assets, pages
from evergreen.panel.access import (
    NotLoggedIn,
    RetrainedModel,
    ValidatedModel,
    WatchedModel,
    ask_to_log_in,
    logged_in,
)
from evergreen.panel.headers import LEFT_PAGES, with_headers
from evergreen.panel.run_list import run_list

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
}
"""What is served of Data Docs; anything else, scripts above all, is not."""
READING = ["GET", "HEAD"]
FOR_A_YEAR = {"Cache-Control": "private, max-age=31536000, immutable"}
REFUSED = {403: "You may not see this", 404: "There is nothing here"}
AIRFLOW = f"{API_ROOT_PATH.rstrip('/')}/"
"""Path of Airflow's root: `[api] base_url` may have a prefix."""
User = Annotated[BaseUser, Depends(logged_in)]


def make_app() -> FastAPI:
    """Return the app."""
    app = FastAPI(title="Evergreen", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_exception_handler(NotLoggedIn, ask_to_log_in)
    app.add_exception_handler(EvergreenError, _unreachable)
    app.add_exception_handler(StarletteHTTPException, _refused)
    app.middleware("http")(with_headers)
    app.add_api_route("/", overview, methods=READING)
    app.add_api_route("/models/{model}", model, methods=READING)
    app.add_api_route("/models/{model}/backtests", backtests, methods=READING)
    app.add_api_route("/dags/{dag_id}", of_dag, methods=READING)
    app.add_api_route("/icon.svg", icon, methods=READING)
    app.add_api_route("/static/{version}/{name:path}", static, methods=READING)
    app.include_router(api.router)
    app.add_api_route("/data-docs/{model}/", runs_page, methods=READING)
    app.add_api_route("/data-docs/{model}/{run}/{page:path}", docs_page, methods=READING)
    app.add_api_route("/reports/{model}/{run_key}/{champion}", report, methods=READING)
    return app


def overview(_: User) -> HTMLResponse:
    """Return the page with all models."""
    return HTMLResponse(pages.overview_page(AIRFLOW))


def model(model: WatchedModel) -> HTMLResponse:
    """Return the page of one model."""
    return HTMLResponse(pages.model_page(AIRFLOW, model))


def backtests(model: WatchedModel) -> HTMLResponse:
    """Return the page that compares a model's backtests."""
    return HTMLResponse(pages.backtests_page(AIRFLOW, model))


def of_dag(dag_id: str, _: User) -> Response:
    """Send the tab of a model's DAG to the model's page; the tab of another DAG says so.

    Whether the user may see the model is decided there.
    """
    name, found, _kind = dag_id.rpartition("__")
    if found and name in {folder.name for folder in model_folders(settings().models_dir)}:
        return RedirectResponse(f"{AIRFLOW}{MOUNT.strip('/')}/models/{name}", status_code=302)
    return HTMLResponse(pages.stranger_page(AIRFLOW, dag_id[:250]))


def static(version: str, name: str, _: User) -> Response:
    """Return one of the panel's own files; an older version's address has none any more."""
    content = assets.assets().get(name)
    if content is None or version != assets.digest():
        raise HTTPException(404, "there is no such file")
    return Response(content, media_type=assets.media_type(name), headers=FOR_A_YEAR)


def icon(_: User) -> Response:
    """Return the picture beside the panel's name in Airflow's navigation."""
    return Response(assets.assets()["icon.svg"], media_type=assets.media_type("icon.svg"))


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


async def _refused(request: Request, error: Exception) -> Response:
    """Say why in a page where a person looks at one: the frame in Airflow's UI shows it."""
    assert isinstance(error, StarletteHTTPException)
    path = request.scope["path"].removeprefix(request.scope.get("root_path", ""))
    looks = "text/html" in request.headers.get("accept", "")
    if not looks or path.startswith((*LEFT_PAGES, "/api/", "/static/")):
        return await http_exception_handler(request, error)
    title = REFUSED.get(error.status_code, "Something went wrong")
    page = pages.told_page(AIRFLOW, title, str(error.detail))
    return HTMLResponse(page, status_code=error.status_code, headers=error.headers)


def _unreachable(_: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"error": type(error).__name__, "detail": str(error)}, status_code=503)
