"""What kopf would remember of each object takes memory for nothing, as only events are handled."""

import asyncio

from kopf import Memo

from powercap_operator.kube.watches import NoMemories


def test_nothing_is_kept_of_an_object() -> None:
    memories = NoMemories()

    async def run() -> None:
        for number in range(3):
            body = {"metadata": {"uid": f"uid-{number}"}}
            memory = await memories.recall(body, noticed_by_listing=True, memobase=Memo())
            assert memory.noticed_by_listing, "handlers are given one of their own"

    asyncio.run(run())
    assert list(memories.iter_all_memories()) == []
