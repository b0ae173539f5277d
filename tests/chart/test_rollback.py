"""A rollback to older kinds: what people made since can be saved before, as the documentation says."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from dev.cluster.binaries import locate
from dev.cluster.control_plane import ControlPlane
from dev.cluster.progress import say
from dev.e2e.helm import CHART, Helm
from dev.e2e.tools import HELM, locate_tool
from tests.chart.conftest import Object

NAMESPACE = "powercap-system"
POLICY = "powerpolicies.powercap.dev"
NEWER: Object = {"tariff": {"fees": "20"}, "strategy": {"type": "CheapestHours", "hours": 6}}
"""Fields that the older kinds below do not know."""


@pytest.fixture
def plane(tmp_path: Path) -> Iterator[ControlPlane]:
    programs = locate(os.environ, say, least=True)
    with ControlPlane(programs, tmp_path / "plane", controller_manager=False) as found:
        yield found


def _older(folder: Path) -> Path:
    """The chart of before these fields."""
    chart = folder / "powercap"
    shutil.copytree(CHART, chart)
    file = chart / "files" / "crds" / "powerpolicies.yaml"
    crd = yaml.safe_load(file.read_text())
    spec = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    strategy = spec["properties"]["strategy"]
    del spec["properties"]["tariff"], strategy["properties"]["hours"]
    for node in (spec, strategy):
        rules = node["x-kubernetes-validations"]
        node["x-kubernetes-validations"] = [
            one for one in rules if not re.search("self[.](tariff|hours)", one["rule"])
        ]
    file.write_text(yaml.safe_dump(crd))
    return chart


def _save(plane: ControlPlane, folder: Path, notes: str) -> Path:
    """Do what the documentation says, and the notes of an upgrade too."""
    text = (CHART.parents[1] / "docs" / "operations.md").read_text()
    (command,) = re.findall(r"^(kubectl .* > powercap-saved.yaml)$", text, re.MULTILINE)
    assert command in notes
    read, _, rest = command.partition(" | ")
    objects = plane.kubectl(*read.removeprefix("kubectl ").split())
    subprocess.run(["sh", "-ec", rest], input=objects, text=True, cwd=folder, check=True)
    return folder / "powercap-saved.yaml"


def _spec(plane: ControlPlane) -> Object:
    found: Object = json.loads(plane.kubectl("get", POLICY, "default", "-o", "json"))["spec"]
    return found


def test_what_is_saved_before_a_rollback_comes_back(
    plane: ControlPlane, required: Path, tmp_path: Path
) -> None:
    helm = Helm(locate_tool(HELM, os.environ, say), plane.kubeconfig, tmp_path)
    options = ("--namespace", NAMESPACE, "--values", str(required))
    helm("install", "powercap", str(_older(tmp_path)), *options, "--create-namespace")
    notes = helm("upgrade", "powercap", str(CHART), *options)
    patch = json.dumps({"spec": {**NEWER, "market": {"auction": "SDAC"}}})
    plane.kubectl("patch", POLICY, "default", "--type=merge", "-p", patch)
    saved = _save(plane, tmp_path, notes)

    helm("rollback", "powercap", "1", "--namespace", NAMESPACE)
    plane.kubectl("patch", POLICY, "default", "--type=merge", "-p", '{"spec":{"minPower":"12"}}')
    helm("upgrade", "powercap", str(CHART), *options)
    assert "tariff" not in _spec(plane), "then there is nothing to save"
    assert "hours" not in _spec(plane)["strategy"]

    plane.kubectl("apply", "-f", str(saved))
    found = _spec(plane)
    assert found["tariff"]["fees"] == "20"
    assert found["strategy"] == NEWER["strategy"]
    assert found["minPower"] == "10"
