"""Which models a DAG file makes DAGs for, and what every one of those DAGs has in common."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import (
    DAG,
    BaseOperator,
    ExceptionRetryPolicy,
    Param,
    ParamsDict,
    RetryAction,
    RetryRule,
    get_parsing_context,
)
from airflow.sdk.exceptions import AirflowFailException

from evergreen.config.model_spec import ModelSpec, load_spec, model_folders
from evergreen.config.settings import settings
from evergreen.domain.errors import (
    EvergreenError,
    LakeUnreachable,
    LedgerUnreachable,
    ModelSpecInvalid,
    RegistryUnreachable,
    RunUnreachable,
    StepFailed,
)
from evergreen.orchestration.notifiers import report_failure

RETRIES = 2  # a lost worker or a database that restarts
RETRY_DELAY = timedelta(seconds=20)  # so that a retraining still ends within minutes
EXECUTION_TIMEOUT = timedelta(minutes=10)  # no task of ours but a step works longer
TRANSIENT = [
    LakeUnreachable,
    LedgerUnreachable,
    RegistryUnreachable,
    RunUnreachable,
    StepFailed,
]
PRIORITY = {"rollback": 4, "monitor_hourly": 3, "validate_nightly": 2, "retrain": 1}
"""Who goes first where slots are short: a person who puts a version back, then what watches; a
retraining takes hours anyway. Absolute, as by default a task's weight counts all tasks after it, so
the longest DAG, the retraining, would go first."""
TRAINING_KINDS = ("retrain", "rollback")  # of models that are trained here
RETRY_POLICY = ExceptionRetryPolicy(
    [
        RetryRule(TRANSIENT, RetryAction.RETRY, reason="it may be back soon"),
        RetryRule(EvergreenError, RetryAction.FAIL, reason="only a person can mend this"),
    ]
)


def dag_id_of(model: str, kind: str) -> str:
    """Return `<model>__<kind>`, for example `also_bought__retrain`."""
    return f"{model}__{kind}"


def model_specs(kind: str) -> Iterator[ModelSpec]:
    """Yield the models to make DAGs for.

    A worker that runs one task gets only that task's model. A `model.yaml` that cannot be used does
    not take the other models' DAGs away: its DAG of this kind keeps its id and fails with the text.
    A model that is trained elsewhere is only watched: it has no DAG that retrains or rolls back.
    """
    wanted = get_parsing_context().dag_id
    folders = model_folders(settings().models_dir)
    alone = [folder for folder in folders if dag_id_of(folder.name, kind) == wanted]
    for folder in alone or folders:
        try:
            spec = load_spec(folder)
        except ModelSpecInvalid as error:
            _invalid_dag(folder, kind, str(error))
            continue
        if spec.train.enabled or kind not in TRAINING_KINDS:
            yield spec


@contextmanager
def model_dag(
    spec: ModelSpec, kind: str, *, doc: str, form: Mapping[str, Param], **options: Any
) -> Iterator[DAG]:
    """Make one model's DAG of this kind, with the policy that holds for all of them.

    Args:
        spec: The model.
        kind: `monitor_hourly`, `validate_nightly`, `retrain` or `rollback`.
        doc: The DAG file's docstring: the page in the UI.
        form: The fields of a run by hand.
        options: Anything else that `DAG` takes; it wins.
    """
    defaults = {
        "dag_id": dag_id_of(spec.model, kind),
        "description": doc.strip().partition("\n")[0],
        "doc_md": f"{doc}\n\n{_about(spec)}",
        "tags": {"evergreen", spec.model, kind},
        "default_args": {
            **DEFAULT_ARGS,
            "owner": spec.owner,
            "priority_weight": PRIORITY.get(kind, 1),
            "weight_rule": "absolute",
        },
        "max_active_runs": 1,
        "catchup": False,
    }
    with DAG(**{**defaults, **options}) as dag:
        yield dag
    # Handed to DAG(), the form is validated by jsonschema and copied deeply for each task: 0.4 s
    # for 100 models. Airflow validates it again for every run; a test validates its defaults.
    object.__setattr__(dag, "params", ParamsDict(dict(form)))


DEFAULT_ARGS: Mapping[str, Any] = {
    "retries": RETRIES,
    "retry_delay": RETRY_DELAY,
    "retry_policy": RETRY_POLICY,
    "execution_timeout": EXECUTION_TIMEOUT,
    "on_failure_callback": report_failure,
}


class ReportInvalidSpec(BaseOperator):
    """Fails with the reason why a `model.yaml` cannot be used."""

    def __init__(self, *, reason: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.reason = reason

    def execute(self, context: Mapping[str, Any]) -> None:
        """Fail: nothing but an edit of the file mends it."""
        raise AirflowFailException(self.reason)


def _about(spec: ModelSpec) -> str:
    lines = (
        f"**Model** `{spec.model}`: {spec.description}",
        f"**Owner** {spec.owner}",
        f"**Runbook** {spec.runbook or 'none: name one in model.yaml'}",
    )
    return "  \n".join(lines) + "\n"  # Airflow opens a doc that ends in .md as a file


def _invalid_dag(folder: Path, kind: str, reason: str) -> None:
    with DAG(
        dag_id=dag_id_of(folder.name, kind),
        description="model.yaml cannot be used",
        doc_md=f"This model's `model.yaml` cannot be used, so it is not watched:\n\n> {reason}",
        tags={"evergreen", folder.name, kind, "invalid model.yaml"},
        schedule="@hourly" if kind == "monitor_hourly" else None,
        catchup=False,
        default_args={**DEFAULT_ARGS, "owner": "evergreen", "retries": 0},
    ):
        ReportInvalidSpec(task_id="report_invalid_spec", reason=reason, doc_md=reason)
