"""The manifests: rights are exactly the least, and their names are those that the settings use."""

from __future__ import annotations

from docker_files import MANIFESTS, load, manifest, manifests

from evergreen.config.settings import Settings

SETTINGS = Settings.model_construct()
LAUNCHER = "evergreen-pod-launcher"


def rights(role: str) -> set[tuple[str, str]]:
    """Return what a role may do as (resource, verb)."""
    rules = manifest("Role", role)["rules"]
    assert all(rule["apiGroups"] == [""] for rule in rules)
    return {(what, verb) for rule in rules for what in rule["resources"] for verb in rule["verbs"]}


def test_airflow_may_do_exactly_this_among_the_steps() -> None:
    pods = {("pods", v) for v in ("create", "get", "list", "watch", "patch", "delete")}
    assert rights(LAUNCHER) == pods | {("pods/log", "get"), ("events", "list"), ("events", "watch")}


def test_nobody_reaches_beyond_a_namespace() -> None:
    kinds = {body["kind"] for body in manifests()}
    assert not {"ClusterRole", "ClusterRoleBinding", "Secret"} & kinds
    assert all(
        resource in {"pods", "pods/log", "events"}
        for role in ("airflow-executor", LAUNCHER)
        for resource, _ in rights(role)
    )


def test_the_launchers_are_the_charts_worker_and_triggerer() -> None:
    binding = manifest("RoleBinding", LAUNCHER)
    assert binding["roleRef"]["name"] == LAUNCHER
    values = load("helm-values.yaml")
    named = {values[part]["serviceAccount"]["name"] for part in ("workers", "triggerer")}
    assert {subject["name"] for subject in binding["subjects"]} == named
    assert {subject["namespace"] for subject in binding["subjects"]} == {"airflow"}
    (scheduler,) = manifest("RoleBinding", "airflow-executor")["subjects"]
    assert scheduler["name"] == values["scheduler"]["serviceAccount"]["name"]


def test_everything_of_the_steps_lies_in_the_settings_namespace() -> None:
    for kind, name in (
        ("ServiceAccount", SETTINGS.pod_service_account),
        ("Role", LAUNCHER),
        ("RoleBinding", LAUNCHER),
        ("NetworkPolicy", "evergreen-step"),
        ("ResourceQuota", "evergreen-steps"),
    ):
        assert manifest(kind, name)["metadata"]["namespace"] == SETTINGS.pod_namespace


def test_the_namespace_enforces_the_strictest_standard() -> None:
    labels = manifest("Namespace", SETTINGS.pod_namespace)["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


def test_a_step_gets_no_token_and_no_rights() -> None:
    account = manifest("ServiceAccount", SETTINGS.pod_service_account)
    assert account["automountServiceAccountToken"] is False
    subjects = [s["name"] for b in manifests() if b["kind"] == "RoleBinding" for s in b["subjects"]]
    assert account["metadata"]["name"] not in subjects


def test_nobody_calls_a_step_and_it_calls_only_what_is_named() -> None:
    spec = manifest("NetworkPolicy", "evergreen-step")["spec"]
    assert spec["podSelector"]["matchLabels"] == {"app.kubernetes.io/name": "evergreen-step"}
    assert spec["policyTypes"] == ["Ingress", "Egress"]
    assert spec["ingress"] == []
    assert all(rule.get("to") and rule.get("ports") for rule in spec["egress"])
    open_to_all = [to for rule in spec["egress"] for to in rule["to"] if "ipBlock" in to]
    assert [block["ipBlock"]["except"] for block in open_to_all] == [["169.254.169.254/32"]]


def test_namespaces_come_first() -> None:
    made: set[str] = set()
    for body in manifests():
        if body["kind"] == "Namespace":
            made.add(body["metadata"]["name"])
        else:
            assert body["metadata"]["namespace"] in made


def test_kubectl_reads_every_file() -> None:
    assert {path.suffix for path in MANIFESTS.iterdir()} == {".yaml"}
