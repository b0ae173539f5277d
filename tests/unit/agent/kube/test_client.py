"""What the agent's client says of requests that fail, and where the API server is."""

import pytest

from dev.lab.fake_api import FakeApi
from powercap_agent.kube.client import (
    ApiClient,
    ApiRefusedError,
    ApiUnreachableError,
    Endpoint,
    EndpointError,
)


def test_no_server_at_all() -> None:
    client = ApiClient(Endpoint("http://127.0.0.1:9"), "test")
    with pytest.raises(ApiUnreachableError):
        client.get("/x")


def test_a_refusal_says_what_the_server_said(api: FakeApi) -> None:
    api.status_codes.append(403)
    with pytest.raises(ApiRefusedError, match="403: told to answer 403"):
        ApiClient(Endpoint(api.url), "test").get("/x")


def test_in_a_pod_the_endpoint_is_known() -> None:
    assert Endpoint.in_cluster("10.0.0.1", "443").server == "https://10.0.0.1:443"
    assert Endpoint.in_cluster("fd00::1", "443").server == "https://[fd00::1]:443"
    with pytest.raises(EndpointError, match="--server"):
        Endpoint.in_cluster(None, None)
