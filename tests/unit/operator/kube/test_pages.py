"""Lists are read a page at a time, and a page is consumed before the next one is asked for."""

import asyncio
from collections.abc import Mapping
from typing import Any

from kubernetes_asyncio.client.api_client import ApiClient

from powercap_api.names import NODE, POWER_BUDGET
from powercap_operator.kube.client import Cluster, path_of


class PagedCluster(Cluster):
    """A cluster of 1,100 objects that notes what it is asked."""

    def __init__(self, client: ApiClient) -> None:
        super().__init__(client)
        self.asked: list[tuple[str, dict[str, str]]] = []

    async def request(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        content_type: str = "application/json",
        query: list[tuple[str, str]] | None = None,
        seconds: float = 0,
    ) -> dict[str, Any]:
        """The page after the token."""
        del method, body, content_type, seconds
        parameters = dict(query or [])
        self.asked.append((path, parameters))
        first = int(parameters.get("continue", "0"))
        last = min(first + int(parameters["limit"]), 1100)
        metadata = {"resourceVersion": "7", **({"continue": str(last)} if last < 1100 else {})}
        return {"metadata": metadata, "items": [{"metadata": {"name": f"n{i}"}} for i in range(first, last)]}


def test_a_page_is_consumed_before_the_next_one_is_asked_for() -> None:
    async def read() -> tuple[list[int], list[int], list[tuple[str, dict[str, str]]]]:
        sizes, requests = [], []
        async with ApiClient() as client:
            cluster = PagedCluster(client)
            async for items, version in cluster.pages(path_of(POWER_BUDGET)):
                assert version == "7"
                sizes.append(len(items))
                requests.append(len(cluster.asked))
        return sizes, requests, cluster.asked

    sizes, requests, asked = asyncio.run(read())
    assert sizes == [500, 500, 100]
    assert requests == [1, 2, 3], "one request for each page, when the page before it was done with"
    assert {path for path, _ in asked} == {"/apis/powercap.dev/v1alpha1/powerbudgets"}
    assert [parameters.get("continue") for _, parameters in asked] == [None, "500", "1000"]


def test_nodes_are_read_in_pages_too() -> None:
    async def read() -> tuple[int, str]:
        async with ApiClient() as client:
            cluster = PagedCluster(client)
            count = sum([len(items) async for items, _ in cluster.pages(path_of(NODE))])
        return count, cluster.asked[0][0]

    assert asyncio.run(read()) == (1100, "/api/v1/nodes")
