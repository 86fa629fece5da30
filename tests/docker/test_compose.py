"""compose.yaml: references hold, secrets have no defaults, ports stay on this machine."""

from __future__ import annotations

import re

from docker_files import DOCKER, load

from evergreen.config.settings import Settings

TEXT = (DOCKER / "compose.yaml").read_text()
SERVICES = load("compose.yaml")["services"]
EXAMPLE = (DOCKER / ".env.example").read_text()
AIRFLOW = SERVICES["airflow-scheduler"]["environment"]


def test_every_variable_must_be_set_and_is_in_the_example() -> None:
    used = re.findall(r"(?<!\$)\$\{(\w+)([^}]*)\}", TEXT)
    assert {rest for _, rest in used} == {":?set it in docker/.env, see docker/.env.example"}
    declared = re.findall(r"^(\w+)=", EXAMPLE, flags=re.MULTILINE)
    assert {name for name, _ in used} == set(declared)


def test_the_example_holds_no_values() -> None:
    assert re.findall(r"^\w+=(.+)$", EXAMPLE, flags=re.MULTILINE) == []


def test_services_depend_on_services_that_can_answer() -> None:
    for name, service in SERVICES.items():
        for other, how in service.get("depends_on", {}).items():
            healthy = how["condition"] == "service_healthy"
            assert other in SERVICES, f"{name} depends on {other}"
            assert healthy == ("healthcheck" in SERVICES[other]), f"{name} waits for {other}"


def test_every_service_that_stays_is_checked() -> None:
    once = {name for name, service in SERVICES.items() if service.get("restart") == "no"}
    assert once == {"airflow-init"}
    assert {name for name, service in SERVICES.items() if "healthcheck" not in service} == once


def test_nobody_is_root_or_may_become_it() -> None:
    for name, service in SERVICES.items():
        assert re.fullmatch(r"[1-9]\d*:\d+", service["user"]), name
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]


def test_ports_are_this_machines() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", ())]
    assert len(ports) == 3
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_images_have_versions_and_builds_exist() -> None:
    for name, service in SERVICES.items():
        tag = service["image"].rpartition(":")[2]
        assert tag not in {"", "latest"}, name
        if "build" in service:
            assert (DOCKER.parent / service["build"]["dockerfile"]).is_file()
        else:
            assert re.match(r"\d", tag), f"{name}: {service['image']}"


def test_volumes_are_declared_and_files_exist() -> None:
    declared = load("compose.yaml")["volumes"]
    for service in SERVICES.values():
        for volume in service.get("volumes", ()):
            source = volume.partition(":")[0]
            assert (DOCKER / source).is_file() if source.startswith(".") else source in declared


def test_hosts_in_urls_are_services() -> None:
    urls = [value for s in SERVICES.values() for value in s.get("environment", {}).values()]
    hosts = {m[1] for url in urls for m in re.finditer(r"(?:http://|\}@)([\w-]+)", str(url))}
    assert hosts == {"postgres", "store", "mlflow", "airflow-api-server"}


def test_airflows_variables_are_settings() -> None:
    ours = {name for name in AIRFLOW if name.startswith("EVERGREEN_")}
    assert ours <= {f"EVERGREEN_{name.upper()}" for name in Settings.model_fields}
    databases = re.findall(
        r"CREATE DATABASE (\w+);", (DOCKER / "postgres/databases.sql").read_text()
    )
    assert AIRFLOW["EVERGREEN_LEDGER_URL"].rpartition("/")[2] in databases
    store = SERVICES["mlflow"]["environment"]["MLFLOW_BACKEND_STORE_URI"]
    assert store.rpartition("/")[2] in databases
