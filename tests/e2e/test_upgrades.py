"""``helm upgrade``: what users changed stays, what the chart has is brought up to date."""

import json
import re
import shutil
from pathlib import Path

import pytest
import yaml

from dev.e2e.helm import CHART, HelmError
from dev.e2e.node import NAME
from dev.e2e.world import NAMESPACE, World

_DROPPED_COLUMN = "Reason"


def _previous_version(folder: Path) -> Path:
    """The chart with an older version's number, kinds and templates: a column and the agents' priority are missing."""
    chart = folder / "powercap"
    shutil.copytree(CHART, chart)
    description = chart / "Chart.yaml"
    description.write_text(
        re.sub(r"^version: .*$", "version: 0.0.1", description.read_text(), flags=re.MULTILINE)
    )
    for file in (chart / "files" / "crds").glob("*.yaml"):
        crd = yaml.safe_load(file.read_text())
        for version in crd["spec"]["versions"]:
            version["additionalPrinterColumns"] = [
                column for column in version["additionalPrinterColumns"] if column["name"] != _DROPPED_COLUMN
            ]
        file.write_text(yaml.safe_dump(crd))
    return chart


def _columns(world: World) -> set[str]:
    crd = world.get("crd", "powerpolicies.powercap.dev")
    return {
        column["name"]
        for version in crd["spec"]["versions"]
        for column in version["additionalPrinterColumns"]
    }


def _policy(world: World) -> dict[str, str]:
    found: dict[str, str] = world.get("powerpolicy", "default")["spec"]
    return found


@pytest.fixture(scope="module")
def old_world(bare_world: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    """The cluster with the previous version of the chart."""
    chart = _previous_version(tmp_path_factory.mktemp("previous"))
    bare_world.install("--set", "policy.maxSource=140", chart=chart)
    bare_world.until(bare_world.follows, "the node follows its budget after helm install")
    return bare_world


def test_the_previous_version_is_upgraded_and_edits_survive(old_world: World) -> None:
    assert _policy(old_world)["maxSource"] == "140"
    assert _DROPPED_COLUMN not in _columns(old_world)
    patch = json.dumps({"spec": {"maxSource": "120", "minPower": "30"}})
    old_world.plane.kubectl("patch", "powerpolicy", "default", "--type", "merge", "-p", patch)
    policy = old_world.get("powerpolicy", "default")["metadata"]["uid"]

    old_world.upgrade("--set", "policy.maxSource=100")

    assert _DROPPED_COLUMN in _columns(old_world), "helm upgrade did not upgrade the kinds"
    assert (_policy(old_world)["maxSource"], _policy(old_world)["minPower"]) == ("120", "30")
    assert old_world.get("powerpolicy", "default")["metadata"]["uid"] == policy
    old_world.until(old_world.follows, "the node follows its budget after helm upgrade")


def test_changed_values_take_effect_and_can_be_rolled_back(old_world: World) -> None:
    old_world.upgrade("--set", "agent.minWatts=100", "--set", "operator.logLevel=debug")
    (agent,), operators = old_world.pods("agent"), old_world.staying("operator")
    assert {"name": "POWERCAP_MIN_WATTS", "value": "100"} in agent["spec"]["containers"][0]["env"]
    assert len(operators) == 2
    for operator in operators:
        assert {"name": "LOG_LEVEL", "value": "debug"} in operator["spec"]["containers"][0]["env"]
    old_world.until(
        lambda: old_world.cap() >= 100_000_000 - 250_000, "no cap below the agents' own floor of 100 W"
    )
    old_world.helm("rollback", "powercap", "-n", NAMESPACE, "--wait", "--timeout", "90s")
    old_world.until(old_world.follows, "the node follows its budget after helm rollback")
    (agent,) = old_world.pods("agent")
    assert {"name": "POWERCAP_MIN_WATTS", "value": "5"} in agent["spec"]["containers"][0]["env"]


def test_bad_values_are_refused_before_anything_changes(old_world: World) -> None:
    revision = old_world.helm("history", "powercap", "-n", NAMESPACE, "--max", "1", "-o", "json")
    for bad in ("policy.maxSource=40W", "agent.minPercent=200", "operator.historyDays=1", "nonsense=1"):
        with pytest.raises(HelmError, match="don't meet the specifications"):
            old_world.upgrade("--set", bad)
    assert old_world.helm("history", "powercap", "-n", NAMESPACE, "--max", "1", "-o", "json") == revision


def test_uninstalling_keeps_policies_and_a_new_installation_takes_them_up(old_world: World) -> None:
    old_world.uninstall()
    assert old_world.limits() == old_world.originals
    assert _policy(old_world)["maxSource"] == "120"
    assert old_world.get("powerbudgets")["items"] == []

    old_world.install("--set", "policy.maxSource=55", "--set", "crds.keep=false")

    assert _policy(old_world)["maxSource"] == "120", "the policy that was there was replaced"
    old_world.until(old_world.follows, "the node follows its budget again")
    assert old_world.get("powerbudget", NAME)["spec"]["policy"] == "default"
    old_world.uninstall()
    assert old_world.limits() == old_world.originals
    assert not old_world.plane.kubectl("get", "crd", "-o", "name"), "crds.keep=false left kinds behind"
