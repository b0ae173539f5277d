"""What other people's tools say of the chart. Every waiver has its reason."""

import os
import subprocess
from pathlib import Path

import yaml

from dev.cluster.progress import say
from dev.e2e.helm import CHART, Helm
from dev.e2e.tools import KUBE_SCORE, locate_tool
from tests.chart.conftest import Render

WAIVERS = {
    "container-image-pull-policy": "IfNotPresent is right for images by version; Always makes a registry's outage ours",
    "container-security-context-user-group-id": "the limits' files belong to root, so the agent must be root too",
    "deployment-has-host-podantiaffinity": "operators are spread over nodes by topologySpreadConstraints",
    "container-resources": "no CPU limit: throttling an agent delays caps; memory has one",
    "pod-networkpolicy": "off by default, because clusters differ in the ports of their API server and DNS",
}


def test_helm_lint(helm: Helm, required: Path) -> None:
    assert "0 chart(s) failed" in helm("lint", "--strict", "--values", str(required), str(CHART))


def test_kube_score(render: Render, tmp_path: Path) -> None:
    file = tmp_path / "rendered.yaml"
    file.write_text(render().text)
    program = locate_tool(KUBE_SCORE, os.environ, say)
    ignored = [option for waiver in WAIVERS for option in ("--ignore-test", waiver)]
    command = [
        str(program),
        "score",
        "--output-format",
        "ci",
        "--kubernetes-version",
        "v1.30",
        *ignored,
        str(file),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    bad = [line for line in done.stdout.splitlines() if line.startswith(("[CRITICAL]", "[WARNING]"))]
    assert (done.returncode, bad) == (0, []), done.stdout + done.stderr


def test_artifact_hub_is_told_of_every_kind() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    listed = {kind["name"] for kind in yaml.safe_load(chart["annotations"]["artifacthub.io/crds"])}
    there = {
        yaml.safe_load(file.read_text())["metadata"]["name"]
        for file in (CHART / "files" / "crds").glob("*.yaml")
    }
    assert listed == there
