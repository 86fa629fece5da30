"""The chart's values: every EVERGREEN_* is a setting, and no secret is written down."""

from __future__ import annotations

from docker_files import load

from evergreen.config.settings import Settings

VALUES = load("helm-values.yaml")
ENV = {entry["name"]: entry["value"] for entry in VALUES["env"]}
SECRETS = {entry["envName"] for entry in VALUES["secret"]}


def test_every_variable_is_a_setting() -> None:
    ours = {name for name in ENV.keys() | SECRETS if name.startswith("EVERGREEN_")}
    assert len(ours) >= 10
    assert ours <= {f"EVERGREEN_{name.upper()}" for name in Settings.model_fields}


def test_steps_run_in_pods_of_the_namespace_that_the_manifests_make() -> None:
    assert ENV["EVERGREEN_COMPUTE"] == "kubernetes"
    assert ENV["EVERGREEN_POD_NAMESPACE"] == "evergreen"
    assert ENV["EVERGREEN_POD_SERVICE_ACCOUNT"] == "evergreen-step"
    assert ENV["EVERGREEN_POD_SECRETS"] == "evergreen-steps"


def test_settings_accept_the_values() -> None:
    read = {name.removeprefix("EVERGREEN_").lower(): value for name, value in ENV.items()}
    assert Settings(**read).compute == "kubernetes"  # type: ignore[arg-type]


def test_the_charts_own_launching_role_is_off() -> None:
    assert VALUES["executor"] == "KubernetesExecutor"
    assert VALUES["allowPodLaunching"] is False


def test_passwords_come_from_a_secret() -> None:
    assert "EVERGREEN_LEDGER_URL" in SECRETS
    assert not {"AWS_SECRET_ACCESS_KEY", "EVERGREEN_LEDGER_URL"} & ENV.keys()
    named = (VALUES["data"]["metadataSecretName"], VALUES["fernetKeySecretName"])
    named += (VALUES["apiSecretKeySecretName"], VALUES["jwtSecretName"])
    assert set(named) == {"evergreen-airflow"}


def test_images_are_not_latest() -> None:
    assert VALUES["images"]["airflow"]["tag"] != "latest"
    assert not ENV["EVERGREEN_POD_IMAGE"].endswith(":latest")
