"""The manifests of deploy/kubernetes: what they start is there, and their own tools take them, where those are here."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter

import pytest
import yaml

from bkkenergy import settings
from bkkenergy.cli.init import METRICS_PORTS
from tests.commands import bkkenergy
from tests.conftest import ROOT

FOLDER = ROOT / "deploy/kubernetes"
MANIFESTS = [
    own
    for path in sorted(FOLDER.glob("*.yaml"))
    if path.name != "kustomization.yaml"
    for own in yaml.safe_load_all(path.read_text("utf-8"))
]
WORKLOADS = [own for own in MANIFESTS if own["kind"] in {"Deployment", "StatefulSet"}]
METRICS = {
    "ingest": settings.ObserveSettings().port,
    "jobs": METRICS_PORTS["jobs_port"],
    "web": METRICS_PORTS["web_port"],
}
VERSIONS = ("1.32.0", "1.37.0")


def pod_of(workload):
    return workload["spec"]["template"]


def test_each_part_runs_twice_on_different_nodes_and_gives_way_one_at_a_time():
    assert [own["metadata"]["name"] for own in WORKLOADS] == ["ingest", "jobs", "web"]
    kept = {own["metadata"]["name"]: own["spec"] for own in MANIFESTS if own["kind"] == "PodDisruptionBudget"}
    for own in WORKLOADS:
        labels = pod_of(own)["metadata"]["labels"]
        assert own["spec"]["replicas"] == 2
        assert own["spec"]["selector"]["matchLabels"] == labels
        assert kept[own["metadata"]["name"]]["selector"]["matchLabels"] == labels
        (spread,) = pod_of(own)["spec"]["topologySpreadConstraints"]
        assert spread["labelSelector"]["matchLabels"] == labels


@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda own: own["metadata"]["name"])
def test_what_a_pod_starts_is_a_command_without_rights_that_writes_where_it_may(workload):
    spec = pod_of(workload)["spec"]
    (box,) = spec["containers"]
    command = [word for word in box["args"] if word not in {"--log-format", "json"}]
    assert "Usage:" in bkkenergy(*command, "--help")
    assert box["securityContext"] == {
        "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
    }  # fmt: skip
    assert spec["securityContext"]["runAsNonRoot"]
    user = re.search(r"USER (\d+):(\d+)", (ROOT / "deploy/Containerfile").read_text("utf-8"))
    assert (spec["securityContext"]["runAsUser"], spec["securityContext"]["fsGroup"]) == tuple(map(int, user.groups()))
    volumes = [own["name"] for own in spec["volumes"]]
    volumes += [own["metadata"]["name"] for own in workload["spec"].get("volumeClaimTemplates", [])]
    assert Counter(own["name"] for own in box["volumeMounts"]) == Counter(volumes)
    ports = {own["name"]: own["containerPort"] for own in box.get("ports", [])}
    assert ports.get("http", settings.WebSettings().port) == settings.WebSettings().port
    assert ports["metrics"] == METRICS[workload["metadata"]["name"]]
    reached = [
        value
        for policy in MANIFESTS if policy["kind"] == "NetworkPolicy" and policy["metadata"]["name"] == "metrics"
        for rule in policy["spec"]["podSelector"]["matchExpressions"] for value in rule["values"]
    ]  # fmt: skip
    assert pod_of(workload)["metadata"]["labels"]["app.kubernetes.io/name"] in reached
    assert box["resources"]["limits"]["memory"]


def test_an_ingester_that_comes_back_has_its_name_and_its_spool():
    """Its name is its session's at the broker; the spool has what the store did not."""
    (own,) = [own for own in WORKLOADS if own["kind"] == "StatefulSet"]
    assert own["metadata"]["name"] == "ingest"
    (claim,) = own["spec"]["volumeClaimTemplates"]
    assert claim["spec"]["resources"]["requests"]["storage"] == "10Gi"
    assert settings.IngestSettings().spool_max_bytes < 10 * 2**30


@pytest.mark.parametrize("language", ["en", "th"])
def test_the_guide_names_variables_that_are_read(language):
    text = (ROOT / f"docs/{language}/how-to/operator.md").read_text("utf-8")
    named = set(re.findall(r"BKKENERGY_[A-Z_]+", text[text.index("secrets.env") :].split("\n## ")[0]))
    known = {value for name, value in vars(settings).items() if name.endswith("_VARIABLE")}
    assert named
    assert named <= known


def test_kustomize_builds_all_of_it_and_each_manifest_holds_to_the_schema():
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not here: it has kustomize")
    done = subprocess.run(["kubectl", "kustomize", FOLDER], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    built = list(yaml.safe_load_all(done.stdout))
    assert len(built) == len(MANIFESTS)
    assert all(own["metadata"].get("namespace") == "bkkenergy" for own in built if own["kind"] != "Namespace")
    images = {
        box["image"] for own in built if own["kind"] in {"Deployment", "StatefulSet"}
        for box in pod_of(own)["spec"]["containers"]
    }  # fmt: skip
    assert images == {"registry.example.org/bkkenergy-site:1"}
    schema = pytest.importorskip("kubernetes_validate", reason="pip install kubernetes-validate")
    for version in VERSIONS:
        for own in built:
            schema.validate(own, version, strict=True)
