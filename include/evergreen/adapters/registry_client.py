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
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except EvergreenError:
        raise
    except (MlflowException, SQLAlchemyError, OSError) as error:
        if getattr(error, "error_code", None) == "RESOURCE_DOES_NOT_EXIST":
            raise
        cause = " ".join(str(error).split())[:300]
        raise RegistryUnreachable(
            f"MLflow at {url}: {type(error).__name__}: {cause}; check that it runs and "
            "EVERGREEN_MLFLOW_URL, then run again: what was done already is found again"
        ) from error
