"""Real servers for tests, in this machine and for pods: an object store, and MLflow over HTTP.

Each is a context manager that ends what it started. With `host="0.0.0.0"` pods of the test cluster
reach it too, at `POD_HOST`.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from socket import socket
from typing import Any

POD_HOST = "10.244.0.1"
"""This machine, as the test cluster's pods see it."""
BUCKET = "evergreen"
START_S = 120
SERVE_MLFLOW = """
import json, os, sys
import mlflow.server, mlflow.server.handlers, uvicorn
options, host, port = sys.argv[1:]
said = json.loads(options)
os.environ |= {getattr(mlflow.server, name): value for name, value in said.items()}
backend, root = said["BACKEND_STORE_URI_ENV_VAR"], said["ARTIFACT_ROOT_ENV_VAR"]
mlflow.server.handlers.initialize_backend_stores(backend, default_artifact_root=root)
uvicorn.run("mlflow.server.fastapi_app:app", host=host, port=int(port))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A running server: `url` from this machine, `pod_url` from a pod."""

    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pod_url(self) -> str:
        return f"http://{POD_HOST}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Server(Server):
    """A running object store with one bucket; `requests` are those that came, oldest first."""

    requests: list[str]

    def folder(self, name: str) -> str:
        """Return the URL of a folder in the bucket."""
        return f"s3://{BUCKET}/{name}"

    def fill(self, name: str, folder: Path) -> None:
        """Put a folder's files into one of the bucket, past HTTP: thousands in a second."""
        from moto.s3.models import s3_backends

        backend = s3_backends["123456789012"]["aws"]  # moto's own account
        for file in folder.rglob("*"):
            if file.is_file():
                backend.put_object(BUCKET, f"{name}/{file.relative_to(folder)}", file.read_bytes())

    def environment(self, *, pod: bool = False) -> dict[str, str]:
        """Return what boto, s3fs and Polars read."""
        return {
            "AWS_ENDPOINT_URL": self.pod_url if pod else self.url,
            "AWS_ACCESS_KEY_ID": "evergreen-tests",
            "AWS_SECRET_ACCESS_KEY": "planted-secret-of-tests",
            "AWS_DEFAULT_REGION": "us-east-1",
        }


@contextmanager
def s3_server(host: str = "127.0.0.1") -> Iterator[S3Server]:
    """Start moto's server in a thread: a double of S3 that speaks the real protocol over HTTP.

    Two conditional puts at once are judged one after the other, as S3 does and moto does not.
    """
    from moto.moto_server.werkzeug_app import (
        DomainDispatcherApplication,
        MotoRequestHandler,
        create_backend_app,
    )
    from werkzeug.serving import make_server

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    app = _Gate(DomainDispatcherApplication(create_backend_app))
    server = make_server(host, 0, app, threaded=True, request_handler=MotoRequestHandler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        started = S3Server(port=server.server_port, requests=app.requests)
        _ask(f"{started.url}/moto-api/reset", "POST")
        _ask(f"{started.url}/{BUCKET}", "PUT")
        yield started
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Gate:
    def __init__(self, app: Any) -> None:
        self._app = app
        self._lock = threading.Lock()
        self.requests: list[str] = []

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        asked = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}?{environ['QUERY_STRING']}"
        self.requests.append(asked.rstrip("?"))
        conditional = "HTTP_IF_NONE_MATCH" in environ
        with self._lock if conditional else nullcontext():
            return self._app(environ, start_response)


@contextmanager
def mlflow_server(folder: Path, host: str = "127.0.0.1") -> Iterator[Server]:
    """Start MLflow's server on SQLite in a folder; it keeps the artifacts and serves them itself.

    This is `mlflow server --workers 1 --backend-store-uri sqlite:///FOLDER/mlflow.db
    --artifacts-destination FOLDER/artifacts` in one process: the command line imports MLflow, only
    to start a process that imports it again. Its security middleware stays on, and admits localhost
    and private addresses, so pods too.
    """
    with socket() as free:
        free.bind((host, 0))
        started = Server(port=free.getsockname()[1])
    options = {
        "BACKEND_STORE_URI_ENV_VAR": f"sqlite:///{folder}/mlflow.db",
        "ARTIFACT_ROOT_ENV_VAR": "mlflow-artifacts:/",
        "SERVE_ARTIFACTS_ENV_VAR": "true",
        "ARTIFACTS_DESTINATION_ENV_VAR": f"{folder}/artifacts",
    }
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", SERVE_MLFLOW, json.dumps(options), host, str(started.port)],
            cwd=folder,
            env={**os.environ, **quiet},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait(process, f"{started.url}/health", log)
        yield started
    finally:
        process.terminate()
        process.wait(30)


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    """Wait until the server answers, or raise with the end of its log."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            _ask(url, "GET")
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"{url} does not answer: {log.read_text()[-2000:]}")


def _ask(url: str, method: str) -> bytes:
    asked = urllib.request.Request(url, method=method)
    with urllib.request.urlopen(asked, timeout=10) as answer:
        return bytes(answer.read())
