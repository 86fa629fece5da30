"""Who may see a model's pages: whoever is logged in to Airflow and may read the DAG that made them.

An app that a plugin mounts is not behind Airflow's login by itself, so every page asks here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated
from urllib.parse import quote

from airflow.api_fastapi.app import API_ROOT_PATH
from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.core_api.security import bearer_scheme, get_user, requires_access_dag
from fastapi import Depends, HTTPException, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from fastapi.security import HTTPAuthorizationCredentials

from evergreen.adapters.data_docs import MOUNT
from evergreen.config.model_spec import model_folders
from evergreen.config.settings import settings

LOGIN = "api/v2/auth/login"  # sends on to the login of whatever auth manager is configured


class NotLoggedIn(Exception):
    """Nobody is logged in, or the session has ended."""


async def logged_in(
    request: Request,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer_scheme)],
) -> BaseUser:
    """Return who asks, by Airflow's cookie or by a bearer token.

    Raises:
        NotLoggedIn: neither is valid.
    """
    try:
        return await get_user(request, None, bearer)
    except HTTPException as error:
        raise NotLoggedIn(str(error.detail)) from None


def readable(kind: str) -> Callable[..., str]:
    """Return what lets through whoever may read the model's DAG of this kind."""

    def readable_model(
        model: str, request: Request, user: Annotated[BaseUser, Depends(logged_in)]
    ) -> str:
        """Return the model's name, when the user may read its DAG.

        Raises:
            HTTPException: 403 when the user may not, 404 when there is no such model.
        """
        requires_access_dag("GET", param_dag_id=f"{model}__{kind}")(request, user)
        if model not in {folder.name for folder in model_folders(settings().models_dir)}:
            raise HTTPException(404, f"no model is named {model!r}")
        return model

    return readable_model


WatchedModel = Annotated[str, Depends(readable("monitor_hourly"))]
ValidatedModel = Annotated[str, Depends(readable("validate_nightly"))]
RetrainedModel = Annotated[str, Depends(readable("retrain"))]


def ask_to_log_in(request: Request, error: Exception) -> Response:
    """Send a browser to Airflow's login, from where it comes back; tell others 401."""
    if "text/html" not in request.headers.get("accept", ""):
        challenge = {"WWW-Authenticate": "Bearer"}
        return JSONResponse({"detail": str(error)}, status_code=401, headers=challenge)
    root = request.scope.get("root_path", "")
    back = quote(f"{API_ROOT_PATH.rstrip('/')}{MOUNT}{request.scope['path'].removeprefix(root)}")
    if query := request.scope.get("query_string", b"").decode("ascii", "ignore"):
        back += f"?{query}"  # as it came: it is encoded already
    target = quote(back, safe="")  # so its path is quoted twice: Airflow reads it as a URL
    return RedirectResponse(f"{API_ROOT_PATH}{LOGIN}?next={target}", status_code=302)
