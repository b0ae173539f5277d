"""Lists a kind anew, for what its watch has missed."""

import asyncio

from .cache import WorldCache
from .client import Cluster


async def relist(cluster: Cluster, cache: WorldCache, kind: str) -> None:
    """Take a list page by page, and a page object by object: of each only what decisions need stays in memory.

    Raises:
        ClusterError: the list was not answered to its end; what came before is in the cache.
    """
    listed: set[str] = set()
    list_version = "0"
    async for bodies, version in cluster.pages(kind):
        list_version = version
        for body in bodies:
            listed.add(body["metadata"]["name"])
            cache.put(kind, body)
            await asyncio.sleep(0)
    cache.drop_unlisted(kind, listed, list_version)
