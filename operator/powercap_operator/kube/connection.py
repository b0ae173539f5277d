"""Opens the operator's connection to the API server.

Servers' certificates are checked as kubectl does: authorities without key identifiers (RFC 5280, 4.2.1), which clusters
made long ago have, are accepted.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from importlib.metadata import version

import aiohttp
from kubernetes_asyncio import config
from kubernetes_asyncio.client import Configuration
from kubernetes_asyncio.client.api_client import ApiClient
from kubernetes_asyncio.config.kube_config import (
    KUBE_CONFIG_DEFAULT_LOCATION,
    KubeConfigLoader,
    KubeConfigMerger,
)


@asynccontextmanager
async def kubernetes_client(environ: Mapping[str, str]) -> AsyncIterator[ApiClient]:
    """A client of the cluster that the pod runs in, or else of the one that KUBECONFIG names."""
    configuration = Configuration()
    if "KUBERNETES_SERVICE_HOST" in environ:
        config.load_incluster_config(client_configuration=configuration)
    else:
        loader = await config.load_kube_config(environ.get("KUBECONFIG"), client_configuration=configuration)
        _refuse_impersonation(environ.get("KUBECONFIG"), loader)
    configuration.disable_strict_ssl_verification = True
    async with ApiClient(configuration) as client:
        _ignore_proxy_variables(client)
        client.user_agent = f"powercap-operator/{version('powercap')}"
        yield client


def _refuse_impersonation(file: str | None, loader: KubeConfigLoader) -> None:
    """The client library passes over ``as`` and its companions: the operator would have more rights than it was given.

    Raises:
        ConfigException: the kubeconfig's user has one of them.
    """
    merged = KubeConfigMerger(file or KUBE_CONFIG_DEFAULT_LOCATION).config
    users = [] if merged is None else merged.value["users"]
    named = ((loader.current_context or {}).get("context") or {}).get("user")
    for entry in users:
        found = sorted(key for key in entry.value.get("user") or {} if key.startswith("as"))
        if entry.value["name"] == named and found:
            raise config.ConfigException(
                f"the operator acts as nobody else: the kubeconfig's user has {', '.join(found)}"
            )


def _ignore_proxy_variables(client: ApiClient) -> None:
    """Reach the API server directly: HTTPS_PROXY is there for the market's sources.

    The client's own session always follows these variables, so another takes its place on the same connector. A
    ``proxy-url`` in the kubeconfig is followed.
    """
    rest = client.rest_client
    connector = rest.pool_manager.connector
    rest.pool_manager.detach()
    rest.pool_manager = aiohttp.ClientSession(connector=connector, trust_env=False, read_bufsize=2**21)
