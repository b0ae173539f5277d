"""An API server for the tests of each of the agent's parts that speak with one."""

from collections.abc import Iterator

import pytest

from dev.lab.fake_api import FakeApi


@pytest.fixture
def api() -> Iterator[FakeApi]:
    budget = {
        "metadata": {"name": "node-1", "uid": "u", "resourceVersion": "9"},
        "spec": {"policy": "listed"},
    }
    with FakeApi(budget=budget) as server:
        yield server
