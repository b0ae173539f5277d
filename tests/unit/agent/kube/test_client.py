"""What the agent's client says of requests that fail, and where the API server is."""

import ssl
from pathlib import Path

import pytest

from dev.cluster.pki import Authority
from dev.lab.fake_api import BUDGETS, FakeApi
from powercap_agent.kube.client import (
    ApiClient,
    ApiRefusedError,
    ApiUnreachableError,
    Endpoint,
    EndpointError,
)

OWN = f"{BUDGETS}?fieldSelector=metadata.name%3Dnode-1"


def test_no_server_at_all() -> None:
    client = ApiClient(Endpoint("http://127.0.0.1:9"), "test")
    with pytest.raises(ApiUnreachableError):
        client.get(OWN)


def test_a_refusal_says_what_the_server_said(api: FakeApi) -> None:
    api.status_codes.append(403)
    with pytest.raises(ApiRefusedError, match="403: told to answer 403"):
        ApiClient(Endpoint(api.url), "test").get(OWN)


def test_in_a_pod_the_endpoint_is_known() -> None:
    assert Endpoint.in_cluster("10.0.0.1", "443").server == "https://10.0.0.1:443"
    assert Endpoint.in_cluster("fd00::1", "443").server == "https://[fd00::1]:443"
    with pytest.raises(EndpointError, match="--server"):
        Endpoint.in_cluster(None, None)


@pytest.mark.parametrize("key_identifiers", [True, False])
def test_an_authority_without_key_identifiers_is_trusted_as_by_kubectl(
    tmp_path: Path, *, key_identifiers: bool
) -> None:
    authority = Authority(tmp_path, key_identifiers=key_identifiers)
    pair = authority.issue("server", "kube-apiserver", addresses=["127.0.0.1"])
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(pair.public, pair.private)
    with FakeApi(tls=tls) as server:
        endpoint = Endpoint(server.url, ca_file=str(authority.files.public))
        assert ApiClient(endpoint, "test").get(OWN)["items"] == []


def test_another_clusters_authority_is_not_trusted(tmp_path: Path) -> None:
    pair = Authority(tmp_path / "one").issue("server", "kube-apiserver", addresses=["127.0.0.1"])
    other = Authority(tmp_path / "other")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(pair.public, pair.private)
    with FakeApi(tls=tls) as server:
        endpoint = Endpoint(server.url, ca_file=str(other.files.public))
        with pytest.raises(ApiUnreachableError, match="CERTIFICATE_VERIFY_FAILED"):
            ApiClient(endpoint, "test").get(OWN)


@pytest.mark.parametrize("body", [b"[" * 5000, b'{"a":' * 200_000, b"[" * 101 + b"]" * 101, b'{"a": "\xff"}'])
def test_an_answer_nested_deeply_is_refused(api: FakeApi, body: bytes) -> None:
    api.body = body
    with pytest.raises(ApiUnreachableError, match="the answer is no JSON"):
        ApiClient(Endpoint(api.url), "test").get(OWN)


@pytest.mark.parametrize("body", [b"[" * 100 + b"]" * 100, b'["' + b"[{" * 5000 + b'\\"[[", {}]', b"[[],{}]"])
def test_an_answer_with_many_brackets_is_read(api: FakeApi, body: bytes) -> None:
    api.body = body
    assert ApiClient(Endpoint(api.url), "test").get(OWN)
