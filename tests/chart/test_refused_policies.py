"""A policy that the API server would refuse: refused before anything is installed, or made by the corrected upgrade."""

import json
import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dev.cluster.binaries import locate
from dev.cluster.control_plane import ControlPlane
from dev.cluster.progress import say
from dev.e2e.helm import CHART, Helm, HelmError
from dev.e2e.tools import HELM, locate_tool
from tests.chart.conftest import Object, Render, admin_client

NAMESPACE = "powercap-system"
Upgrade = Callable[..., str]
POLICIES = "powerpolicies.powercap.dev"
REFUSED: dict[str, tuple[Object, str]] = {
    "no order": ({"minPower": 60, "maxSource": 40}, "minPower is 60, which is above maxSource, 40"),
    "no order, in other units": ({"minPower": "60000m", "maxSource": "40000000u"}, "is above maxSource"),
    "no order, in percent": ({"minPower": "90%", "maxSource": "80%"}, "minPower is 90%"),
    "no order, by the spec": ({"spec": {"minPower": "141"}}, "minPower is 141"),
    "too little": ({"minPower": "900m"}, "from 1 W"),
    "too much": ({"maxSource": "140k"}, "from 1 W to 100000 W"),
    "no such area": ({"market": {"area": "DE", "auction": "SDAC"}}, "/policy/market/area"),
    "no such strategy": ({"spec": {"strategy": {"type": "price"}}}, "/policy/spec/strategy/type"),
    "no such field": ({"spec": {"stategy": {}}}, "stategy"),
    "no volumes": (
        {"market": {"area": "FR", "auction": "SDAC", "providers": ["EnergyCharts"]}},
        "has volumes",
    ),
    "no volumes between windows": (
        {
            "market": {"area": "FR", "auction": "SDAC", "providers": ["ENTSOE"]},
            "spec": {
                "strategy": {
                    "type": "Schedule",
                    "windows": [{"start": "22:00", "end": "06:00", "power": "40"}],
                }
            },
        },
        "has volumes",
    ),
    "no intraday prices": (
        {
            "market": {"area": "FR", "auction": "IDA1", "providers": ["EnergyCharts"]},
            "spec": {"strategy": {"type": "Price"}},
        },
        "coupled day-ahead auction only",
    ),
    "a strategy's power above all": (
        {"spec": {"strategy": {"type": "Fixed", "power": "200"}}},
        "strategy.power is 200",
    ),
    "a window's power of another form": (
        {
            "spec": {
                "strategy": {
                    "type": "Schedule",
                    "windows": [{"start": "22:00", "end": "06:00", "power": "40%"}],
                }
            }
        },
        "write both in watts",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_the_chart_sees_is_refused_before_anything_is_installed(render: Render, case: str) -> None:
    policy, said = REFUSED[case]
    with pytest.raises(HelmError) as refused:
        render({"policy": policy})
    assert said in str(refused.value)


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    root = tmp_path_factory.mktemp("plane")
    with ControlPlane(locate(os.environ, say, least=True), root, controller_manager=False) as found:
        yield found


@pytest.fixture(scope="module")
def installed_by(plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Helm:
    return Helm(locate_tool(HELM, os.environ, say), plane.kubeconfig, tmp_path_factory.mktemp("helm"))


@pytest.fixture
def upgrade(installed_by: Helm, required: Path) -> Upgrade:
    def upgraded(*options: str) -> str:
        command = ("upgrade", "--install", "powercap", str(CHART), "--namespace", NAMESPACE)
        return installed_by(*command, "--create-namespace", "--values", str(required), *options)

    return upgraded


def _policies(plane: ControlPlane) -> dict[str, Object]:
    items = json.loads(plane.kubectl("get", POLICIES, "-o", "json"))["items"]
    return {item["metadata"]["name"]: item["spec"] for item in items}


def test_what_only_the_server_sees_is_made_good_by_the_corrected_upgrade(
    plane: ControlPlane, upgrade: Upgrade
) -> None:
    same = "policy.spec.strategy.windows[0]"
    windows = (
        "policy.spec.strategy.type=Schedule",
        f"{same}.start=06:00",
        f"{same}.end=06:00",
        f"{same}.power=40",
    )
    bad = [word for value in windows for word in ("--set-string", value)]
    with pytest.raises(HelmError, match="for a whole day write"):
        upgrade(*bad)
    assert _policies(plane) == {}
    said = upgrade()
    assert "PowerPolicy default is made now" in said
    assert _policies(plane)["default"]["maxSource"] == "140"


def test_an_upgrade_leaves_the_policy_alone_and_says_so(plane: ControlPlane, upgrade: Upgrade) -> None:
    upgrade()
    plane.kubectl("patch", POLICIES, "default", "--type=merge", "-p", '{"spec":{"minPower":"40"}}')
    said = upgrade("--set", "policy.minPower=12")
    assert "PowerPolicy default is left as it is" in said
    assert _policies(plane)["default"]["minPower"] == "40"


def test_an_upgrade_adds_no_policy_beside_those_of_a_person(plane: ControlPlane, upgrade: Upgrade) -> None:
    upgrade()
    other = {"apiVersion": "powercap.dev/v1alpha1", "kind": "PowerPolicy", "metadata": {"name": "mine"}}
    plane.kubectl("apply", "-f", "-", input=json.dumps({**other, "spec": {"maxSource": "100"}}))
    plane.kubectl("delete", POLICIES, "default")
    said = upgrade()
    assert "none is made, because there are others" in said
    assert list(_policies(plane)) == ["mine"]
    plane.kubectl("delete", POLICIES, "mine")
    assert "PowerPolicy default is made now" in upgrade()
    assert list(_policies(plane)) == ["default"]


CHOICES: dict[str, list[Any]] = {
    "type": ["Volume", "Price", "CheapestHours", "Solar", "Carbon", "Schedule"],
    "otherwise": [None, "Volume", "Price", "Solar"],
    "providers": [None, ["EPEX"], ["EnergyCharts"], ["ENTSOE", "EnergyCharts"], ["Mock"], ["ENTSOE", "EPEX"]],
    "auction": ["SDAC", "IDA1"],
    "area": ["FR", "GB"],
    "powers": [("10", "40"), ("40", "40"), ("50", "40"), ("20%", "80%"), ("90%", "80%"), ("10", "80%")],
    "window": ["40", "30%", "41", "0.5"],
}
SAID = (
    "has volumes",
    "coupled day-ahead auction only",
    "minPower must not be above maxSource",
    "must be in watts where maxSource is",
    "the power of a window must not be above maxSource",
    "must be at least 1 W",
)
"""Of the server's sentences those that the chart knows too."""


def _random_policy(choose: random.Random) -> Object:
    one = {name: choose.choice(choices) for name, choices in CHOICES.items()}
    strategy: Object = {"type": one["type"]}
    if one["type"] == "Schedule":
        strategy["windows"] = [{"start": "22:00", "end": "06:00", "power": one["window"]}]
        if one["otherwise"]:
            strategy["otherwise"] = {"type": one["otherwise"]}
    market = {"area": one["area"], "auction": one["auction"], "resolutionMinutes": 60}
    if one["providers"]:
        market["providers"] = one["providers"]
    low, high = one["powers"]
    return {"minPower": low, "maxSource": high, "market": market, "spec": {"strategy": strategy}}


def test_the_chart_refuses_what_the_server_refuses_and_nothing_else(
    plane: ControlPlane, render: Render, upgrade: Upgrade
) -> None:
    upgrade()
    choose, refused = random.Random(12), 0
    with admin_client(plane) as client:
        for _ in range(24):
            policy = _random_policy(choose)
            fields = ("minPower", "maxSource", "market")
            spec = {**{name: policy[name] for name in fields}, **policy["spec"]}
            answer = client.post(
                "/apis/powercap.dev/v1alpha1/powerpolicies",
                params={"dryRun": "All", "fieldValidation": "Strict"},
                json={
                    "apiVersion": "powercap.dev/v1alpha1",
                    "kind": "PowerPolicy",
                    "metadata": {"name": "tried"},
                    "spec": spec,
                },
            )
            try:
                render({"policy": policy})
                chart_refuses = ""
            except HelmError as error:
                chart_refuses = str(error)
            said = "" if answer.is_success else answer.json()["message"]
            assert not (chart_refuses and answer.is_success), (policy, chart_refuses)
            if any(sentence in said for sentence in SAID):
                refused += 1
                assert chart_refuses, (policy, said)
    assert 4 < refused < 22
