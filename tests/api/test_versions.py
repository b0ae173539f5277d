"""The API server refuses what was decided from an object that has changed since, whoever sends it and however late."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from kubernetes_asyncio import config
from kubernetes_asyncio.client import Configuration
from kubernetes_asyncio.client.api_client import ApiClient

from powercap_api.names import MARKET_DAY, POWER_BUDGET, POWER_POLICY
from powercap_operator.kube.client import Cluster, ConflictError
from tests.api.conftest import Kube

SPEC = {
    "policy": "default",
    "maxSourceMicrowatts": 40_000_000,
    "minPowerMicrowatts": 10_000_000,
    "validUntil": "2025-10-09T22:00:00Z",
}


def do(kube: Kube, work: Callable[[Cluster], Awaitable[Any]]) -> Any:
    """With the operator's client."""

    async def run() -> Any:
        configuration = Configuration()
        await config.load_kube_config(str(kube.plane.kubeconfig), client_configuration=configuration)
        async with ApiClient(configuration) as client:
            return await work(Cluster(client))

    return asyncio.run(run())


def version(body: dict[str, Any]) -> int:
    return int(body["metadata"]["resourceVersion"])


def test_a_budget_is_made_only_where_there_is_none(kube: Kube) -> None:
    made = do(kube, lambda cluster: cluster.apply(POWER_BUDGET, "node-a", {}, SPEC, None))
    with pytest.raises(ConflictError, match="node-a"):
        do(kube, lambda cluster: cluster.apply(POWER_BUDGET, "node-a", {}, SPEC | {"suspend": True}, None))
    assert kube.get("powerbudget", "node-a")["metadata"]["resourceVersion"] == str(version(made))


def test_a_budget_that_has_changed_is_neither_written_nor_deleted(kube: Kube) -> None:
    made = do(kube, lambda cluster: cluster.apply(POWER_BUDGET, "node-a", {}, SPEC, None))
    changed = do(
        kube,
        lambda cluster: cluster.apply(POWER_BUDGET, "node-a", {}, SPEC | {"dryRun": True}, version(made)),
    )
    with pytest.raises(ConflictError):
        do(kube, lambda cluster: cluster.apply(POWER_BUDGET, "node-a", {}, SPEC, version(made)))
    with pytest.raises(ConflictError):
        do(kube, lambda cluster: cluster.delete(POWER_BUDGET, "node-a", version(made)))
    assert kube.get("powerbudget", "node-a")["spec"]["dryRun"] is True
    do(kube, lambda cluster: cluster.delete(POWER_BUDGET, "node-a", version(changed)))
    assert kube.items("powerbudgets") == {}
    do(kube, lambda cluster: cluster.delete(POWER_BUDGET, "node-a", version(changed)))


def test_a_request_is_not_counted_on_a_day_that_has_changed(kube: Kube) -> None:
    spec = {
        "area": "FR",
        "auction": "IDA1",
        "resolutionMinutes": 15,
        "provider": "EPEX",
        "deliveryDate": "2025-10-09",
    }
    made = do(kube, lambda cluster: cluster.create(MARKET_DAY, "epex-fr-ida1-2025-10-09", spec))
    with pytest.raises(ConflictError):
        do(kube, lambda cluster: cluster.create(MARKET_DAY, "epex-fr-ida1-2025-10-09", spec))

    def count(requests: int) -> Callable[[Cluster], Awaitable[Any]]:
        status = {"fetch": {"requests": requests}}
        return lambda cluster: cluster.apply_status(
            MARKET_DAY, "epex-fr-ida1-2025-10-09", status, version(made)
        )

    do(kube, count(1))
    with pytest.raises(ConflictError):
        do(kube, count(1))


def test_a_policys_status_is_of_the_policy_that_was_seen(kube: Kube) -> None:
    kube.apply(
        {
            "apiVersion": "powercap.dev/v1alpha1",
            "kind": "PowerPolicy",
            "metadata": {"name": "default"},
            "spec": {"maxSource": "40"},
        }
    )
    seen = version(kube.get("powerpolicy", "default"))
    kube.patch("powerpolicy", "default", {"spec": {"maxSource": "50"}})
    with pytest.raises(ConflictError):
        do(kube, lambda cluster: cluster.apply_status(POWER_POLICY, "default", {"nodes": 1}, seen))
