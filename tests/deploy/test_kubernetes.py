"""The Kubernetes files, as far as they can be checked without a cluster."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import ray
import yaml
from kubernetes.client import ApiClient

from tests.deploy.commands import check_impasto

FOLDER = Path(__file__).parents[2] / "deploy" / "kubernetes"
MODELS = {
    "Service": "V1Service",
    "Deployment": "V1Deployment",
    "PersistentVolumeClaim": "V1PersistentVolumeClaim",
}


def documents() -> Iterator[tuple[str, dict[str, Any]]]:
    for path in sorted(FOLDER.glob("*.yaml")):
        for document in yaml.safe_load_all(path.read_text()):
            yield f"{path.name} {document['kind']} {document['metadata']['name']}", document


def document(kind: str) -> dict[str, Any]:
    (found,) = [each for _, each in documents() if each["kind"] == kind]
    return found


def pod_templates() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every pod template in the files, by where it is."""
    for name, each in documents():
        spec = each["spec"]
        if each["kind"] == "Deployment":
            yield name, spec["template"]
        elif each["kind"] == "RayCluster":
            yield f"{name} head", spec["headGroupSpec"]["template"]
            yield from ((f"{name} {group['groupName']}", group["template"]) for group in spec["workerGroupSpecs"])
        elif each["kind"] == "RayJob":
            yield name, spec["submitterPodTemplate"]


def through(model: str, value: dict[str, Any]) -> Any:
    """``value`` read as a model of the Kubernetes client and written again: what the model does not know is gone."""
    client = ApiClient()
    read = client.deserialize(json.dumps(value), model, "application/json")
    return client.sanitize_for_serialization(read)


def test_a_wrong_name_does_not_survive_the_models() -> None:
    wrong = {"spec": {"containers": [{"name": "a", "image": "b", "volumeMount": []}]}}
    assert through("V1PodTemplateSpec", wrong) != wrong


@pytest.mark.parametrize(("name", "template"), list(pod_templates()))
def test_pod_templates_are_what_kubernetes_knows(name: str, template: dict[str, Any]) -> None:
    assert through("V1PodTemplateSpec", template) == template
    spec = template["spec"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    volumes = {volume["name"] for volume in spec.get("volumes", [])}
    for container in spec["containers"]:
        assert {mount["name"] for mount in container.get("volumeMounts", [])} <= volumes
        assert "memory" in container["resources"]["limits"]
        for variable in container.get("env", []):
            assert "PASSWORD" not in variable["name"] or "valueFrom" in variable, "a password in plain text"


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, value in documents() if value["kind"] in MODELS])
def test_plain_objects_are_what_kubernetes_knows(name: str, value: dict[str, Any]) -> None:
    assert through(MODELS[value["kind"]], value) == value


def test_services_lead_to_pods() -> None:
    labels = [each["spec"]["template"]["metadata"]["labels"] for _, each in documents() if each["kind"] == "Deployment"]
    services = {each["metadata"]["name"]: each for _, each in documents() if each["kind"] == "Service"}
    for service in services.values():
        assert service["spec"]["selector"] in labels
    cluster = (FOLDER / "raycluster.yaml").read_text()
    assert set(re.findall(r"(?:@|redisAddress: )([\w-]+):6379", cluster)) == set(services)


def test_the_cluster_is_as_agreed() -> None:
    spec = document("RayCluster")["spec"]
    assert spec["rayVersion"] == ray.__version__
    assert spec["authOptions"] == {"mode": "token"}
    assert spec["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"
    assert spec["enableInTreeAutoscaling"] is True
    assert spec["gcsFaultToleranceOptions"]["redisPassword"]["valueFrom"]["secretKeyRef"]["name"] == "impasto-redis"
    actors, learners = spec["workerGroupSpecs"]
    assert 1 == actors["minReplicas"] < actors["maxReplicas"]
    requests = [group["template"]["spec"]["containers"][0]["resources"]["requests"] for group in (actors, learners)]
    assert "nvidia.com/gpu" not in requests[0]
    assert requests[1]["nvidia.com/gpu"] == "1"
    for group in (actors, learners):
        assert group["minReplicas"] <= group["replicas"] <= group["maxReplicas"]


def test_no_variable_is_one_that_kuberay_sets() -> None:
    """KubeRay refuses a cluster with ``gcsFaultToleranceOptions`` and one of these in its head."""
    for name, template in pod_templates():
        if "Ray" in name:
            names = {each["name"] for container in template["spec"]["containers"] for each in container["env"]}
            assert not names & {"REDIS_PASSWORD", "REDIS_USERNAME", "RAY_REDIS_ADDRESS"}, name
    assert "REDIS_" not in document("RayJob")["spec"]["runtimeEnvYAML"]
    head = document("RayCluster")["spec"]["headGroupSpec"]["template"]["spec"]["containers"][0]["env"]
    url = next(each["value"] for each in head if each["name"] == "IMPASTO_REDIS")
    assert set(re.findall(r"\$\((\w+)\)", url)) < {each["name"] for each in head}


def test_the_job_runs_a_command_that_there_is_on_the_cluster_that_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = document("RayJob")["spec"]
    assert spec["clusterSelector"] == {"ray.io/cluster": document("RayCluster")["metadata"]["name"]}
    assert yaml.safe_load(spec["runtimeEnvYAML"])["env_vars"].keys() == {"RAY_JOB_STOP_WAIT_TIME_S"}
    words = shlex.split(spec["entrypoint"])
    assert words[:3] == ["python", "-m", "cluster"]
    settings = check_impasto(words[3:], monkeypatch).settings
    assert settings.system.policy_learners == settings.system.discriminator_learners == 1
    # What is asked for has room: one actor a CPU, less the driver's.
    actors, _ = document("RayCluster")["spec"]["workerGroupSpecs"]
    cpus = int(actors["template"]["spec"]["containers"][0]["resources"]["requests"]["cpu"])
    assert settings.system.actors + 1 <= cpus * actors["maxReplicas"]
