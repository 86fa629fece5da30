"""Parses the DAG files the way Airflow does."""

from __future__ import annotations

from typing import Any

from evergreen.config.settings import PROJECT


def parse() -> Any:
    """Return the bag of all DAG files: `dags` by id, `import_errors` by file."""
    from airflow.dag_processing.dagbag import DagBag

    return DagBag(dag_folder=str(PROJECT / "dags"), safe_mode=False)


def dags() -> dict[str, Any]:
    """Return the DAGs by id; a file that cannot be imported fails the test."""
    bag = parse()
    assert bag.import_errors == {}
    return dict(bag.dags)
