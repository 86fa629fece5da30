"""Where this installation keeps its state and runs its steps: `EVERGREEN_*` in the environment.

Every setting has a default that works on a laptop; production sets URLs. Nothing in a DAG changes
between the two.
"""

from __future__ import annotations

from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from evergreen.domain.errors import SettingsInvalid, WindowInvalid
from evergreen.domain.windows import floor_hour

PROJECT = Path(__file__).resolve().parents[3]


class Settings(BaseSettings):
    """The settings of one installation. `EVERGREEN_HOME` alone moves all state."""

    model_config = SettingsConfigDict(env_prefix="EVERGREEN_", frozen=True, extra="ignore")

    home: Path = PROJECT / ".evergreen"
    """All local state: lake, ledger, MLflow, published sets, runs, Airflow's home."""
    models_dir: Path = PROJECT / "include" / "models"
    """One folder for each model, with its `model.yaml`."""
    gx_dir: Path = PROJECT / "great_expectations"
    """Great Expectations' file context: the models' suites, and how Data Docs look."""
    lake_url: str = ""
    """Root of the event lake, any fsspec URL; a model's own `lake.url` wins. Default: HOME/lake."""
    runs_url: str = ""
    """Root of the run directories that steps share. Default: HOME/runs."""
    published_url: str = ""
    """Root of the published sets. Default: HOME/published."""
    docs_url: str = ""
    """Root of the Data Docs, the pages of every validation. Default: HOME/data_docs."""
    quarantine_url: str = ""
    """Root of the sampled rows of hours in quarantine. Default: HOME/quarantine."""
    ledger_url: str = ""
    """SQLAlchemy URL of the ledger. Default: SQLite in HOME; PostgreSQL in production."""
    mlflow_url: str = ""
    """MLflow tracking and registry URI. Default: SQLite in HOME."""
    mlflow_ui_url: str = ""
    """Where people open MLflow, for links. Default: EVERGREEN_MLFLOW_URL, where that is http."""
    compute: Literal["local", "kubernetes"] = "local"
    """Where steps run: processes of the worker, or pods of the trainer image."""
    pod_image: str = ""
    """The trainer image of every model that names none of its own, by digest where possible."""
    pod_namespace: str = "evergreen"
    """Where the pods run. Airflow's role reaches no further."""
    pod_service_account: str = "evergreen-step"
    """Whose name the pods carry; it needs no rights, and its token is not mounted."""
    pod_secrets: str = ""
    """Kubernetes secrets, comma separated, whose keys the pods see as environment: object store and
    MLflow credentials. They never pass through Airflow."""
    pod_template: Path | None = None
    """A pod's YAML for what no other setting says: volumes, pull secrets, annotations."""
    pod_start_timeout_s: int = Field(600, ge=1)
    """A pod that has not started by then, in seconds, fails its task: pulling, a new node."""
    pod_poll_interval_s: int = Field(5, ge=1)
    """How often the triggerer asks for a pod's state, in seconds."""
    pod_log_interval_s: int = Field(15, ge=1)
    """How often a running pod's new log lines are copied into the task's log, in seconds."""
    pod_logs_url: str = ""
    """Where people read a pod's log, for links: a URL with `{namespace}` and `{pod}`. Default: no
    links."""
    kubeconfig: Path | None = None
    """How to reach the cluster from outside of it. Default: the service account of Airflow's own
    pod."""
    monitor_since: datetime | None = None
    """First hour that the scheduler monitors, one after the other, for a lake whose clock lags the
    wall clock. Default: only the newest hour."""

    slack_token: SecretStr | None = None
    """Slack's bot token, `xoxb-…`. Default: the password of Airflow's connection
    `EVERGREEN_SLACK_CONNECTION`. Without any, messages are printed and kept in the ledger."""
    slack_connection: str = "slack_default"
    """Airflow's connection, of type `slack`, that has the token; its extra may have `base_url`."""
    slack_url: str = ""
    """Where Slack's Web API is. Default: Slack's own."""
    runbooks_url: str = ""
    """Where people read `docs/runbooks/`, for links in messages: the folder's address in your
    Git server, say. Default: messages name the file."""

    poll_interval_s: float = Field(2.0, gt=0)
    """How often a waiting sensor asks the lake, in seconds. An object store may want 15 or more."""

    @field_validator("home", "models_dir", "gx_dir", "pod_template", "kubeconfig")
    @classmethod
    def _absolute(cls, path: Path | None) -> Path | None:
        return None if path is None else path.expanduser().absolute()

    @field_validator("pod_logs_url")
    @classmethod
    def _can_be_filled_in(cls, template: str) -> str:
        try:
            template.format(namespace="", pod="")
        except (KeyError, IndexError, ValueError, AttributeError):
            raise ValueError("expected a URL with {namespace} and {pod}, and no other {}") from None
        return template

    @field_validator("monitor_since")
    @classmethod
    def _on_the_hour(cls, moment: datetime | None) -> datetime | None:
        try:
            return None if moment is None else floor_hour(moment)
        except WindowInvalid as error:
            raise ValueError(str(error)) from None

    def lake_root(self, model: str) -> str:
        """The lake of one model."""
        return f"{self.lake_url or self.home / 'lake'}/{model}"

    def runs_root(self, model: str) -> str:
        """The run directories of one model, one folder a run key."""
        return f"{self.runs_url or self.home / 'runs'}/{model}"

    def published_root(self, model: str) -> str:
        """The published sets of one model: `CURRENT` and `version=N/`."""
        return f"{self.published_url or self.home / 'published'}/{model}"

    def docs_root(self, model: str) -> str:
        """The Data Docs of one model, one folder a run."""
        return f"{self.docs_url or self.home / 'data_docs'}/{model}"

    def quarantine_root(self, model: str) -> str:
        """The sampled rows of one model's hours in quarantine: `<table>/<hour>/<fact>.parquet`."""
        return f"{self.quarantine_url or self.home / 'quarantine'}/{model}"

    @property
    def ledger(self) -> str:
        """The ledger's SQLAlchemy URL."""
        return self.ledger_url or f"sqlite:///{self.home / 'ledger.db'}"

    @property
    def mlflow(self) -> str:
        """MLflow's tracking and registry URI."""
        return self.mlflow_url or f"sqlite:///{self.home / 'mlflow' / 'mlflow.db'}"

    @property
    def mlflow_ui(self) -> str:
        """Where people open MLflow, without a user or password of the URL; `""` for nowhere."""
        scheme, found, rest = (self.mlflow_ui_url or self.mlflow).partition("://")
        if not found or scheme not in ("http", "https"):
            return ""
        host, slash, path = rest.partition("/")
        return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}".rstrip("/")


@cache
def settings() -> Settings:
    """Return the settings of this process, read once from the environment.

    Raises:
        SettingsInvalid: a value cannot be used; the text names the variable.
    """
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = "EVERGREEN_" + "_".join(str(part) for part in first["loc"]).upper()
        raise SettingsInvalid(f"{name}={first['input']!r}: {first['msg']}") from None
