"""The stand-in API server of the agent's tests answers as a real one: one table holds both."""

import json
import ssl
from typing import Any

import httpx
import pytest

from dev.lab.fake_api import BUDGETS, FakeApi
from tests.api.conftest import Kube
from tests.support.agent_parts import budget_body

OWN = {"fieldSelector": "metadata.name=node-1"}
STATUS = {"status": {"observedGeneration": 1}}
MERGE = "application/merge-patch+json"
REQUESTS = [
    # (method, path below the collection, parameters, content type, status)
    ("GET", "", OWN, None, 200),
    ("PATCH", "/node-1/status", {}, MERGE, 200),
    ("PATCH", "/node-1/status", {}, "application/json", 415),
    ("PATCH", "/node-1/status", {}, "text/plain", 415),
    ("GET", "x", OWN, None, 404),
]


def code(client: httpx.Client, method: str, path: str, parameters: dict[str, str], kind: str | None) -> int:
    content = None if kind is None else json.dumps(STATUS)
    headers = {} if kind is None else {"Content-Type": kind}
    return client.request(
        method, f"{BUDGETS}{path}", params=parameters, content=content, headers=headers
    ).status_code


@pytest.mark.parametrize(("method", "path", "parameters", "kind", "expected"), REQUESTS)
def test_a_request_is_answered_alike(
    kube: Kube, method: str, path: str, parameters: dict[str, str], kind: str | None, expected: int
) -> None:
    body: dict[str, Any] = budget_body([40])
    kube.apply({**body, "metadata": {"name": "node-1"}})
    plane = kube.plane
    admin = {"Authorization": f"Bearer {plane.admin_token}"}
    with (
        httpx.Client(
            base_url=plane.url,
            headers=admin,
            verify=ssl.create_default_context(cafile=str(plane.ca_file)),
            trust_env=False,
        ) as real,
        FakeApi(budget=body) as api,
        httpx.Client(base_url=api.url, trust_env=False) as fake,
    ):
        answers = [code(client, method, path, parameters, kind) for client in (real, fake)]
    assert answers == [expected, expected]
