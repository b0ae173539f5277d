"""An installation as the chart makes it: from the exchange's page to limits on the node."""

import json
from datetime import UTC, datetime

from dev.cluster.progress import say
from dev.e2e.node import NAME
from dev.e2e.world import NAMESPACE, RELEASE, World


def test_pods_are_ready_and_as_unprivileged_as_they_can_be(world: World) -> None:
    pods = [(pod, 65532) for pod in world.staying("operator")] + [(pod, 0) for pod in world.pods("agent")]
    assert len(pods) == 3, "two operators, one agent"
    for pod, user in pods:
        assert all(
            status["ready"] and status["restartCount"] == 0 for status in pod["status"]["containerStatuses"]
        )
        # What the kernel says of the container's first process, not what the manifest asked for.
        (container,) = pod["spec"]["containers"]
        status = world.plane.kubectl(
            "exec", "-n", NAMESPACE, pod["metadata"]["name"], "-c", container["name"], "--",
            "python3", "-c", "print(open('/proc/1/status').read())",
        )  # fmt: skip
        fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        assert fields["Uid"].split()[0] == str(user)
        assert int(fields["CapEff"], 16) == 0
        assert int(fields["CapBnd"], 16) == 0
        assert fields["NoNewPrivs"] == "1"
        assert fields["Seccomp"] == "2"


def test_images_have_only_what_they_need(world: World) -> None:
    tools = (
        "import importlib.util, shutil;"
        " print([name for name in {} if importlib.util.find_spec(name)], [name for name in {} if shutil.which(name)])"
    )
    for component, foreign in (
        ("operator", ("powercap_agent", "powercap_cli")),
        ("agent", ("powercap_operator", "powercap_cli")),
    ):
        pod = world.staying(component)[0]
        modules = [
            "pip",
            "setuptools",
            "ensurepip",
            *foreign,
            *(["pydantic", "kopf"] if component == "agent" else []),
        ]
        found = world.plane.kubectl(
            "exec", "-n", NAMESPACE, pod["metadata"]["name"], "--",
            "python3", "-c", tools.format(modules, ["gcc", "cc", "ld", "pip", "pip3"]),
        )  # fmt: skip
        assert found.strip() == "[] []", component


def test_the_market_day_was_fetched_once(world: World) -> None:
    days = world.get("marketdays")["items"]
    today = datetime.now(UTC).date()
    complete = [
        day["metadata"]["name"]
        for day in days
        for condition in day["status"]["conditions"]
        if condition["type"] == "Complete" and condition["status"] == "True"
    ]
    assert any(abs((datetime.fromisoformat(name[-10:]).date() - today).days) <= 1 for name in complete), days
    pages = [request for request in world.exchange.requests if request.way == "page"]
    assert len(pages) <= len(days)
    assert all("e2e@example.org" in request.headers["user-agent"] for request in pages)


def test_the_budget_is_on_the_node(world: World) -> None:
    assert world.follows()
    budget = world.get("powerbudget", NAME)
    assert budget["metadata"]["ownerReferences"][0]["kind"] == "Node"
    assert budget["spec"]["policy"] == "default"
    limits = world.limits()
    # 105 W and 85 W share the cap in proportion; dram and psys are left alone.
    first, second = (limits[f"intel-rapl/intel-rapl:{package}/long_term"] for package in (0, 1))
    assert abs(first / second - 105 / 85) < 0.01
    for untouched in (
        "intel-rapl/intel-rapl:0/intel-rapl:0:0/long_term",
        "intel-rapl/intel-rapl:2/long_term",
    ):
        assert limits[untouched] == world.originals[untouched]


def test_an_edited_policy_is_on_the_node_in_a_moment(world: World) -> None:
    before = world.cap()
    patch = json.dumps({"spec": {"maxSource": "90", "minPower": "20"}})
    world.plane.kubectl("patch", "powerpolicy", "default", "--type", "merge", "-p", patch)
    seconds = world.until(lambda: world.cap() < before, "the limits follow the edit", 20)
    say(f"policy edited by kubectl -> limits on the node: {seconds * 1000:.0f} ms")
    world.until(world.follows, "the agent reports the new cap")
    assert world.scheduled_uw() <= 90_000_000


def test_kubectl_explains_every_kind(world: World) -> None:
    for field in (
        "powerpolicy.spec.maxSource",
        "powerbudget.spec.schedule.shares",
        "marketday.spec.deliveryDate",
    ):
        text = world.plane.kubectl("explain", field)
        assert "DESCRIPTION:" in text
        assert "<empty>" not in text


def test_helm_test_passes(world: World) -> None:
    said = world.helm("test", RELEASE, "-n", NAMESPACE, "--timeout", "3m")
    assert "Succeeded" in said
    left = world.get("pods,serviceaccounts,roles,rolebindings", "-n", NAMESPACE)["items"]
    assert not [one["metadata"]["name"] for one in left if one["metadata"]["name"].endswith("-test")]


def test_suspending_is_the_way_to_stop_everything_now(world: World) -> None:
    for suspend, holds in ((True, lambda: world.limits() == world.originals), (False, world.follows)):
        patch = json.dumps({"spec": {"suspend": suspend}})
        world.plane.kubectl("patch", "powerpolicies", "default", "--type", "merge", "-p", patch)
        seconds = world.until(holds, f"the limits after suspend: {suspend}", 20)
        say(f"suspend: {str(suspend).lower()} -> limits on the node: {seconds * 1000:.0f} ms")
