"""A process ends where the API server's data went back, and only there."""

import asyncio
from collections.abc import Iterator

import pytest

from powercap_api.names import NODE
from powercap_operator.kube.cache import WorldCache
from powercap_operator.kube.client import ClusterError
from powercap_operator.kube.rewind import RewindWatch, RewoundError


def watch(answers: list[int | None], known: int = 100) -> RewindWatch:
    coming: Iterator[int | None] = iter(answers)

    async def newest() -> int:
        answer = next(coming)
        if answer is None:
            raise ClusterError("no answer")
        return answer

    return RewindWatch(newest, lambda: known, again_seconds=0.0)


@pytest.mark.parametrize("answers", [[100], [101], [None], [99, 100], [99, None]])
def test_newer_data_and_no_answer_and_one_that_lags_behind_say_nothing(answers: list[int | None]) -> None:
    asyncio.run(watch(answers).look())


def test_older_data_seen_twice_ends_the_process() -> None:
    with pytest.raises(RewoundError, match="version 100 was seen, and 60 is the newest now"):
        asyncio.run(watch([50, 60]).look())


def test_what_was_seen_is_the_highest_of_objects_and_lists() -> None:
    cache = WorldCache()
    assert cache.latest == 0
    cache.put(NODE, {"metadata": {"name": "a", "resourceVersion": "7"}})
    cache.drop_unlisted(NODE, {"a"}, "12")
    assert cache.latest == 12
    cache.put(NODE, {"metadata": {"name": "a", "resourceVersion": "15"}})
    cache.put(NODE, {"metadata": {"name": "a", "resourceVersion": "14"}})
    assert cache.latest == 15
    cache.drop(NODE, "a", "21")
    assert cache.latest == 21


def test_it_looks_until_the_data_went_back_and_says_so() -> None:
    beats: list[int] = []
    said = asyncio.run(watch([50, 60]).run(lambda: beats.append(1)))
    assert said.startswith("the API server's data went back")
    assert beats == [1]
