"""MLflow's client: opened quietly, and failing soon with a name instead of late with a trace."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from evergreen.adapters.files import Files
from evergreen.adapters.secret_free import secret_free
from evergreen.domain.errors import EvergreenError, RegistryUnreachable

if TYPE_CHECKING:
    from mlflow import MlflowClient

ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "GIT_PYTHON_REFRESH": "quiet",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",  # MLflow's own 7 take minutes on a closed port
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
}
"""What is set before MLflow is imported, unless the environment says otherwise."""


def open_client(url: str) -> MlflowClient:
    """Return a client of the tracking server and registry at `url`.

    A local SQLite file is made at first use; processes that come at once wait for the first.

    Raises:
        RegistryUnreachable: no server, or no writable file there.
    """
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    if not url.startswith("sqlite:///"):
        return _connect(url)
    file = Path(url.removeprefix("sqlite:///"))
    with Files(str(file.parent), error=RegistryUnreachable).alone(file.name):
        if not file.exists():
            print("evergreen: setting up MLflow's database, once; a few seconds", file=sys.stderr)  # noqa: T201
        elif not os.access(file, os.W_OK):
            raise RegistryUnreachable(f"MLflow's database {file} is not writable; fix permissions")
        return _connect(url)


def _connect(url: str) -> MlflowClient:
    from mlflow import MlflowClient

    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.ERROR)
    with explained(url):
        return MlflowClient(tracking_uri=url, registry_uri=url)


@contextmanager
def explained(url: str) -> Iterator[None]:
    """Turn what MLflow raises into `RegistryUnreachable`; its own 'not there' passes."""
    try:
        yield
    except EvergreenError:
        raise
    except _raised_by(url) as error:
        if getattr(error, "error_code", None) == "RESOURCE_DOES_NOT_EXIST":
            raise
        said = " ".join(str(error).split())
        cause = secret_free(said)
        raise RegistryUnreachable(
            f"MLflow at {secret_free(url)}: {type(error).__name__}: {cause[:300]}; check that it "
            "runs and EVERGREEN_MLFLOW_URL, then run again: what was done already is found again"
        ) from (error if cause == said else None)


def _raised_by(url: str) -> tuple[type[Exception], ...]:
    """Return what MLflow raises; of SQL only where it opens a database itself, not over HTTP."""
    from mlflow.exceptions import MlflowException

    if url.startswith(("http://", "https://")):
        return MlflowException, OSError  # the trainer's image has no SQLAlchemy
    from sqlalchemy.exc import SQLAlchemyError

    return MlflowException, SQLAlchemyError, OSError
