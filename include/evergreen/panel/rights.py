"""What a user may see and start, by the rights on a model's DAGs: Airflow's, none of our own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.models.dag import DagModel

from evergreen.config.model_spec import ModelSpec

Kind = Literal["monitor_hourly", "validate_nightly", "retrain", "rollback"]
WATCHED: Kind = "monitor_hourly"
"""The DAG that every model has: who may read it sees the model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A form of Airflow's that starts something.

    Parameters:
        path: of the page whose button *Trigger* opens it, below Airflow's root.
        help: what it does, and what is safe to know before.
        refused: why the user cannot use it; None when he can.
    """

    name: str
    path: str
    help: str
    refused: str | None


def visible(models: Iterable[str], user: BaseUser) -> set[str]:
    """Return the models whose monitor DAG the user may read: one query, however many there are."""
    by_dag = {f"{model}__{WATCHED}": model for model in models}
    if not by_dag:
        return set()
    teams = DagModel.get_dag_id_to_team_name_mapping(list(by_dag))
    of_team: dict[str | None, set[str]] = {}
    for dag_id in by_dag:
        of_team.setdefault(teams.get(dag_id), set()).add(dag_id)
    manager: Any = get_auth_manager()
    allowed: set[str] = set()
    for team, dag_ids in of_team.items():
        allowed |= manager.filter_authorized_dag_ids(
            dag_ids=dag_ids, user=user, method="GET", team_name=team
        )
    return {by_dag[dag_id] for dag_id in allowed}


def forms(spec: ModelSpec, user: BaseUser) -> list[Form]:
    """Return what a person can start for a model, and why not where he cannot."""
    model = spec.model
    retrain = "Trains a challenger now. It serves only if the gate finds it better."
    rollback = "Puts an older version back. It asks for the version and a reason."
    backfill = (
        "Measures hours of the past again. It never pages, retrains or deploys. "
        "In the form choose Backfill."
    )
    elsewhere = None if spec.train.enabled else f"{model} is trained elsewhere: ask {spec.owner}"
    return [
        _form("Retrain", model, "retrain", "", retrain, user, elsewhere),
        _form("Roll back", model, "rollback", "", rollback, user, elsewhere),
        _form("Backfill", model, WATCHED, "/backfills", backfill, user, None),
    ]


def _form(
    name: str, model: str, kind: Kind, page: str, text: str, user: BaseUser, refused: str | None
) -> Form:
    dag_id = f"{model}__{kind}"
    if refused is None and not _may_start(dag_id, user):
        refused = f"You may look, but not start {dag_id}: ask whoever gives rights in Airflow"
    return Form(name=name, path=f"dags/{dag_id}{page}", help=text, refused=refused)


def _may_start(dag_id: str, user: BaseUser) -> bool:
    return get_auth_manager().is_authorized_dag(
        method="POST",
        access_entity=DagAccessEntity.RUN,
        details=DagDetails(id=dag_id, team_name=DagModel.get_team_name(dag_id)),
        user=user,
    )
