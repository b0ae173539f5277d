"""``kubectl powercap`` through the real kubectl, on a real API server."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from dev.cluster.binaries import Binaries
from powercap_api.clock import format_time, write_offset
from powercap_api.markets import Auction, Market, market_day_name
from powercap_api.names import API_VERSION
from powercap_api.schedule import pack_shares
from powercap_operator.market.results import Period, Query
from powercap_operator.sources.mock import made_up_periods
from tests.api.conftest import Kube

BIN = Path(sys.executable).parent
Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def kubectl(kube: Kube, binaries: Binaries, tmp_path: Path) -> Command:
    """kubectl with the plugin on its PATH."""

    def run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*binaries.command("kubectl"), *arguments],
            env={
                **os.environ,
                "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
                "HOME": str(tmp_path),
                "KUBECONFIG": str(kube.plane.kubeconfig),
                **environ,
            },
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


def policy(name: str) -> dict[str, object]:
    return {
        "apiVersion": "powercap.dev/v1alpha1",
        "kind": "PowerPolicy",
        "metadata": {"name": name},
        "spec": {"maxSource": "140", "minPower": "40", "strategy": {"type": "Fixed"}},
    }


def budget(name: str) -> dict[str, object]:
    spec = {
        "policy": "one",
        "schedule": [
            {
                "start": "2025-10-08T22:00:00Z",
                "stepSeconds": 900,
                "shares": pack_shares([5000]),
                "basis": "FR: Fixed",
            }
        ],
        "maxSourceMicrowatts": 140_000_000,
        "minPowerMicrowatts": 40_000_000,
        "validUntil": "2100-01-01T00:00:00Z",
    }
    return {
        "apiVersion": "powercap.dev/v1alpha1",
        "kind": "PowerBudget",
        "metadata": {"name": name},
        "spec": spec,
    }


def test_status_and_node(kube: Kube, kubectl: Command) -> None:
    kube.apply(policy("one"), budget("node-1"))
    shown = kubectl("powercap", "status")
    assert shown.returncode == 0, shown.stderr
    assert "one" in shown.stdout
    assert "0 of 1 nodes follow their budget" in shown.stdout
    seen = json.loads(kubectl("powercap", "status", "-o", "json").stdout)
    assert [one["name"] for one in seen["policies"]] == ["one"]
    assert seen["nodes"]["notFollowing"][0]["name"] == "node-1"
    node = kubectl("powercap", "node", "node-1")
    assert "70 W" in node.stdout, node.stderr
    assert json.loads(kubectl("powercap", "node", "node-1", "-o", "json").stdout)["slots"][0]["cap"] == "70 W"


def test_the_clock_of_a_rehearsal_counts(kube: Kube, kubectl: Command, tmp_path: Path) -> None:
    kube.apply(policy("one"), budget("node-1"))
    offset = tmp_path / "offset"
    write_offset(offset, datetime(2025, 10, 9, 9, 7, tzinfo=UTC) - datetime.now(UTC))
    shown = kubectl("powercap", "node", "node-1", POWERCAP_CLOCK_FILE=str(offset)).stdout
    assert "Thu 00:00  " in shown  # the first slot of the schedule, on the market's clock
    assert (
        "Wed 22:00  "
        in kubectl("powercap", "node", "node-1", "--utc", POWERCAP_CLOCK_FILE=str(offset)).stdout
    )
    offset.write_text("soon")
    assert (
        "write a number of seconds" in kubectl("powercap", "status", POWERCAP_CLOCK_FILE=str(offset)).stderr
    )


def test_suspend_resume_and_exempt(kube: Kube, kubectl: Command) -> None:
    kube.apply(policy("one"), policy("two"))
    kube.add_node("node-1")
    assert kubectl("powercap", "suspend", "one").stdout == "powerpolicy/one suspended\n"
    suspended = {name: item["spec"]["suspend"] for name, item in kube.items("powerpolicies").items()}
    assert suspended == {"one": True, "two": False}
    assert kubectl("powercap", "resume", "--all").returncode == 0
    assert not any(item["spec"]["suspend"] for item in kube.items("powerpolicies").values())
    assert "by name" in kubectl("powercap", "suspend").stderr
    assert kubectl("powercap", "exempt", "node-1").returncode == 0
    assert kube.get("node", "node-1")["metadata"]["labels"]["powercap.dev/exempt"] == "true"
    assert kubectl("powercap", "exempt", "node-1", "--undo").returncode == 0
    assert "powercap.dev/exempt" not in kube.get("node", "node-1")["metadata"].get("labels", {})


def test_plan_and_market_show_read_the_cluster(kube: Kube, kubectl: Command) -> None:
    market = Market("FR", Auction.IDA1, 15)
    today = datetime.now(UTC).astimezone(market.bidding_zone.zone).date()
    name = market_day_name("Mock", market, today)
    periods = [period_body(period) for period in made_up_periods(Query(market, today))]
    following = policy("one") | {
        "spec": {"maxSource": "140", "minPower": "40", "market": {"providers": ["Mock"]}}
    }
    kube.apply(following, policy("fixed"), market_day(name, today))
    missing = kubectl("powercap", "plan", "one")
    assert (missing.returncode, "has no results for" in missing.stderr) == (1, True)
    complete = {
        "type": "Complete",
        "status": "True",
        "reason": "Complete",
        "message": "all periods",
        "lastTransitionTime": "2025-10-09T00:00:00Z",
    }
    status = {"status": {"conditions": [complete], "periods": periods}}
    kube.patch("marketday", name, status, "status")
    planned = kubectl("powercap", "plan", "one")
    assert "12:00-12:15" in planned.stdout, planned.stderr
    assert "140 W" in planned.stdout
    assert "140 W" in kubectl("powercap", "plan", "fixed").stdout
    shown = kubectl("powercap", "market", "show", "--cluster", name)
    assert str(today) in shown.stdout, shown.stderr
    ghost = kubectl("powercap", "market", "show", "--cluster", "ghost")
    assert (ghost.returncode, "there is no MarketDay ghost" in ghost.stderr) == (1, True)
    assert "--csv goes with --policy" in kubectl("powercap", "plan", "one", "--csv", "day.csv").stderr


def market_day(name: str, day: date) -> dict[str, object]:
    spec = {
        "provider": "Mock",
        "area": "FR",
        "auction": "IDA1",
        "resolutionMinutes": 15,
        "deliveryDate": day.isoformat(),
    }
    return {"apiVersion": API_VERSION, "kind": "MarketDay", "metadata": {"name": name}, "spec": spec}


def period_body(period: Period) -> dict[str, str]:
    return {"start": format_time(period.start), "volume": str(period.volume), "price": str(period.price)}


def test_what_is_not_there_is_said(kube: Kube, kubectl: Command, tmp_path: Path) -> None:
    nobody = kubectl("powercap", "node", "ghost")
    assert (nobody.returncode, "node ghost has no PowerBudget" in nobody.stderr) == (1, True)
    assert (
        "there is no PowerPolicy ghost: kubectl get powerpolicies"
        in kubectl("powercap", "suspend", "ghost").stderr
    )
    assert "there is no Node ghost: kubectl get nodes" in kubectl("powercap", "exempt", "ghost").stderr
    limited = kubectl("powercap", "override", "ghost", "--limit", "60", "--for", "2h", "--reason", "a test")
    assert (limited.returncode, "there is no node ghost" in limited.stderr) == (1, True)
    assert kube.items("poweroverrides") == {}
    nowhere = kubectl("powercap", "status", "--context", "elsewhere")
    assert nowhere.returncode == 1
    assert "elsewhere" in nowhere.stderr
    assert "Traceback" not in nowhere.stderr
    missing = kubectl("powercap", "status", KUBECONFIG=str(tmp_path / "nothing"))
    assert missing.returncode == 1
    assert missing.stderr == (
        f"powercap: there is no kubeconfig at {tmp_path}/nothing: set KUBECONFIG, or say --kubeconfig FILE\n"
    )
    assert kube.get("nodes")["items"] == []


def test_kubectl_completes_commands_and_names(kube: Kube, kubectl: Command) -> None:
    kube.apply(policy("one"), budget("node-1"))
    commands = kubectl("__complete", "powercap", "s").stdout.splitlines()
    assert {"status", "suspend"} <= set(commands)
    assert "node-1" in kubectl("__complete", "powercap", "node", "").stdout.splitlines()
    assert "node-1" in kubectl("__complete", "powercap", "override", "n").stdout.splitlines()
    assert "node-1" in kubectl("__complete", "powercap", "exempt", "n").stdout.splitlines()
    assert "one" in kubectl("__complete", "powercap", "suspend", "o").stdout.splitlines()
    assert "one" in kubectl("__complete", "powercap", "plan", "o").stdout.splitlines()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_name_the_command(kubectl: Command, shell: str) -> None:
    assert "powercap" in kubectl("powercap", "completion", shell).stdout
