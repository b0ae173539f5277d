"""The agent as a process, on a real API server and a fake powercap tree: what it is for, from end to end."""

import signal
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dev.cluster.control_plane import ControlPlane
from dev.cluster.errors import KubectlError
from dev.lab.agent_process import AgentProcess, eventually
from dev.lab.fake_sysfs import NO_POWERCAP, ONE_SOCKET, PACKAGE, TWO_SOCKETS, Layout, set_limit
from powercap_api.clock import format_time
from powercap_api.powerbudget import PowerBudget
from powercap_api.schedule import pack_shares
from tests.api.conftest import Kube
from tests.support.agent_parts import SCALE_W, schedule_of

QUARTER = timedelta(minutes=15)

StartAgent = Callable[..., AgentProcess]


@pytest.fixture
def agent(control_plane: ControlPlane, tmp_path: Path) -> Iterator[StartAgent]:
    """Makes and starts the agent of a node; every one is killed at the test's end."""
    agents: list[AgentProcess] = []

    def start(layout: Layout = ONE_SOCKET, node: str = "node-1") -> AgentProcess:
        made = AgentProcess(
            tmp_path / node,
            node,
            layout,
            server=control_plane.url,
            token=control_plane.admin_token,
            ca_file=control_plane.ca_file,
        )
        agents.append(made)
        made.start()
        return made

    yield start
    for made in agents:
        made.__exit__(None, None, None)


def budget(
    caps_w: list[int], *, node: str = "node-1", start: datetime | None = None, **spec: Any
) -> dict[str, Any]:
    """A budget whose first slot began just now, with a slot for each quarter of an hour."""
    first = start or datetime.now(UTC) - timedelta(minutes=1)
    return {
        "apiVersion": "powercap.dev/v1alpha1",
        "kind": "PowerBudget",
        "metadata": {"name": node},
        "spec": {
            "policy": "default",
            "maxSourceMicrowatts": SCALE_W * 1_000_000,
            "minPowerMicrowatts": 10_000_000,
            "validUntil": format_time(first + len(caps_w) * QUARTER),
            "schedule": schedule_of(caps_w, first),
        }
        | spec,
    }


def ready(kube: Kube, node: str = "node-1") -> tuple[str, str] | None:
    """Status and reason of the budget's Ready condition."""
    for condition in kube.get("powerbudget", node).get("status", {}).get("conditions", []):
        if condition["type"] == "Ready":
            return condition["status"], condition["reason"]
    return None


def test_a_budget_is_applied_reported_followed_and_undone(kube: Kube, agent: StartAgent) -> None:
    kube.apply(budget([40, 20]))
    node = agent(TWO_SOCKETS)
    # 105 W and 85 W share 40 W; the mmio twin has what its package has.
    node.until_limits(
        **{
            "intel-rapl/intel-rapl:0/long_term": 22_105_263,
            "intel-rapl/intel-rapl:1/long_term": 17_894_737,
            "intel-rapl-mmio/intel-rapl-mmio:0/long_term": 22_105_263,
        }
    )
    eventually(lambda: ready(kube) == ("True", "Applied"), lambda: kube.get("powerbudget", "node-1"))
    body = kube.get("powerbudget", "node-1")
    seen = PowerBudget.from_wire(body).status
    assert seen.current is not None
    assert seen.current.cap == seen.current.applied == "40 W"
    assert seen.current.share == "4 %"
    assert seen.current.why == "4 % of 1000 W, test"
    assert seen.observed_generation == body["metadata"]["generation"]
    assert {zone.name for zone in seen.zones} == {"package-0", "package-1"}

    kube.patch("powerbudget", "node-1", {"spec": {"schedule": budget([30, 20])["spec"]["schedule"]}})
    node.until(lambda limits: limits[PACKAGE] + limits["intel-rapl/intel-rapl:1/long_term"] == 30_000_000)

    node.set_clock(QUARTER)
    node.until(lambda limits: limits[PACKAGE] + limits["intel-rapl/intel-rapl:1/long_term"] == 20_000_000)

    kube.plane.kubectl("delete", "powerbudget", "node-1")
    node.until(lambda limits: limits == node.original)


def test_a_percentage_is_of_the_nodes_own_limits(kube: Kube, agent: StartAgent) -> None:
    body = budget([40, 20], maxSourcePercent=50)
    del body["spec"]["maxSourceMicrowatts"]
    body["spec"]["schedule"][0]["shares"] = pack_shares([10_000, 4_000])
    kube.apply(body)
    node = agent(TWO_SOCKETS)
    # Half of 105 W and 85 W.
    node.until_limits(
        **{"intel-rapl/intel-rapl:0/long_term": 52_500_000, "intel-rapl/intel-rapl:1/long_term": 42_500_000}
    )
    eventually(lambda: ready(kube) == ("True", "Applied"), lambda: kube.get("powerbudget", "node-1"))
    current = kube.get("powerbudget", "node-1")["status"]["current"]
    assert (current["cap"], current["why"]) == ("95 W", "100 % of 95 W (50 % of this node's 190 W), test")


def test_nothing_is_written_to_the_api_when_nothing_changes(kube: Kube, agent: StartAgent) -> None:
    kube.apply(budget([40], stabilisationSeconds=1))
    agent()
    eventually(lambda: ready(kube) == ("True", "Applied"), "Ready")
    version = kube.get("powerbudget", "node-1")["metadata"]["resourceVersion"]
    with pytest.raises(AssertionError, match="not within"):
        eventually(
            lambda: kube.get("powerbudget", "node-1")["metadata"]["resourceVersion"] != version, "a write", 3
        )


def test_a_limit_changed_by_others_is_set_again_and_counted(kube: Kube, agent: StartAgent) -> None:
    kube.apply(budget([40], stabilisationSeconds=1))
    node = agent()
    node.until_limits(**{PACKAGE: 40_000_000})
    eventually(lambda: ready(kube) == ("True", "Applied"), "Ready")
    set_limit(node.root, PACKAGE, 60_000_000)
    node.until_limits(**{PACKAGE: 40_000_000})
    eventually(lambda: kube.get("powerbudget", "node-1")["status"]["reapplied"] == 1, "reapplied")


def test_sigterm_puts_the_originals_back_within_two_seconds_and_says_so(
    kube: Kube, agent: StartAgent
) -> None:
    kube.apply(budget([40]))
    node = agent()
    node.until_limits(**{PACKAGE: 40_000_000})
    node.send(signal.SIGTERM)
    assert node.wait(2) == 0
    assert node.limits() == node.original
    assert ready(kube) == ("False", "Stopped")
    assert not (node.state / "originals.json").exists()


def test_after_kill_9_the_next_agent_goes_on_and_still_knows_the_originals(
    kube: Kube, agent: StartAgent
) -> None:
    kube.apply(budget([40]))
    node = agent()
    node.until_limits(**{PACKAGE: 40_000_000})
    node.send(signal.SIGKILL)
    node.wait()
    assert node.limits()[PACKAGE] == 40_000_000
    kube.patch("powerbudget", "node-1", {"spec": {"schedule": budget([30])["spec"]["schedule"]}})
    node.start()
    node.until_limits(**{PACKAGE: 30_000_000})
    node.send(signal.SIGTERM)
    assert node.wait() == 0
    assert node.limits() == node.original


def test_after_kill_9_and_with_the_budget_gone_the_next_agent_puts_the_originals_back(
    kube: Kube, agent: StartAgent
) -> None:
    kube.apply(budget([40]))
    node = agent()
    node.until_limits(**{PACKAGE: 40_000_000})
    node.send(signal.SIGKILL)
    node.wait()
    kube.plane.kubectl("delete", "powerbudget", "node-1")
    node.start()
    node.until(lambda limits: limits == node.original)


def test_without_api_server_the_slots_go_on_also_for_an_agent_that_is_restarted(
    kube: Kube, agent: StartAgent
) -> None:
    kube.apply(budget([40, 30, 20], onExpiry="Release"))
    node = agent()
    node.until_limits(**{PACKAGE: 40_000_000})
    eventually((node.state / "budget.json").exists, "budget kept")
    kube.plane.stop_api_server()
    try:
        node.set_clock(QUARTER)
        node.until_limits(**{PACKAGE: 30_000_000})
        node.send(signal.SIGKILL)
        node.wait()
        node.start()
        node.set_clock(2 * QUARTER)
        node.until_limits(**{PACKAGE: 20_000_000})
        node.set_clock(4 * QUARTER)
        node.until(lambda limits: limits == node.original)
        node.set_clock(QUARTER)
        node.until_limits(**{PACKAGE: 30_000_000})
    finally:
        kube.plane.start_api_server()
    eventually(
        lambda: kube.get("powerbudget", "node-1")["status"]["current"].get("cap") == "30 W", node.log, 60
    )
    kube.patch("powerbudget", "node-1", {"spec": {"suspend": True}})
    node.until(lambda limits: limits == node.original, 60)
    eventually(lambda: ready(kube) == ("True", "Suspended"), lambda: kube.get("powerbudget", "node-1"))


def test_a_dry_run_reports_and_writes_nothing(kube: Kube, agent: StartAgent) -> None:
    kube.apply(budget([40], dryRun=True))
    node = agent()
    eventually(lambda: ready(kube) == ("True", "DryRun"), lambda: kube.get("powerbudget", "node-1"))
    assert node.limits() == node.original
    (package,) = (zone for zone in kube.get("powerbudget", "node-1")["status"]["zones"] if zone["limits"])
    assert {limit["constraint"]: limit["requestedMicrowatts"] for limit in package["limits"]} == {
        "long_term": 40_000_000,
        "short_term": 50_000_000,
    }


def test_a_node_without_power_capping_says_so_and_is_quiet(kube: Kube, agent: StartAgent) -> None:
    kube.apply(budget([40]))
    node = agent(NO_POWERCAP)
    eventually(lambda: ready(kube) == ("False", "Unsupported"), lambda: kube.get("powerbudget", "node-1"))
    assert len(node.log().splitlines()) <= 5


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        ({"zones": [{"zone": "dram"}]}, "either sharePercent"),
        ({"devices": [{"driver": "nvidia", "sharePercent": 10, "capMicrowatts": 5}]}, "either sharePercent"),
        (
            {
                "zones": [{"zone": "dram", "sharePercent": 50}],
                "devices": [{"driver": "nvidia", "sharePercent": 50}],
            },
            "must leave some",
        ),
        ({"zones": [{"zone": "dram", "sharePercent": 5}, {"zone": "dram", "sharePercent": 6}]}, "Duplicate"),
        ({"split": "Half"}, "Unsupported value"),
    ],
)
def test_rules_that_contradict_themselves_are_refused(
    kube: Kube, spec: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(KubectlError, match=complaint):
        kube.apply(budget([40], **spec))


def test_zone_rules_ramp_and_pressure_as_the_api_server_gives_them(kube: Kube, agent: StartAgent) -> None:
    kube.apply(
        budget(
            [100, 95],
            zones=[{"zone": "dram", "sharePercent": 20}, {"zone": "psys", "capMicrowatts": 200_000_000}],
            split="Even",
            rampMicrowattsPerSecond=100_000_000,
            pressure={},
            dwellSeconds=1,
        )
    )
    node = agent(TWO_SOCKETS)
    node.until_limits(
        **{
            PACKAGE: 40_000_000,
            "intel-rapl/intel-rapl:1/long_term": 40_000_000,
            "intel-rapl/intel-rapl:0/intel-rapl:0:0/long_term": 10_000_000,
            "intel-rapl/intel-rapl:2/long_term": 200_000_000,
        }
    )
    eventually(lambda: ready(kube) == ("True", "Applied"), lambda: kube.get("powerbudget", "node-1"))
    kube.patch("powerbudget", "node-1", {"spec": {"zones": []}})
    node.until(
        lambda limits: (
            limits["intel-rapl/intel-rapl:2/long_term"] == 300_000_000 and limits[PACKAGE] == 50_000_000
        )
    )
