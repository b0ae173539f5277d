"""Opens connections to the API server: the operator's own, and a person's by kubeconfig.

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

ConnectionSettingsError = config.ConfigException
"""There is no kubeconfig, or nothing of use in it."""


@asynccontextmanager
async def kubernetes_client(environ: Mapping[str, str]) -> AsyncIterator[ApiClient]:
    """A client of the cluster that the pod runs in, or else of the one that KUBECONFIG names."""
    configuration = Configuration()
    if "KUBERNETES_SERVICE_HOST" in environ:
        config.load_incluster_config(client_configuration=configuration)
    else:
        await config.load_kube_config(environ.get("KUBECONFIG"), client_configuration=configuration)
    configuration.disable_strict_ssl_verification = True
    async with ApiClient(configuration) as client:
        _ignore_proxy_variables(client)
        client.user_agent = f"powercap-operator/{version('powercap')}"
        yield client


def _ignore_proxy_variables(client: ApiClient) -> None:
    """Reach the API server directly: HTTPS_PROXY is there for the market's sources.

    The client's own session always follows these variables, so another takes its place on the same connector. A
    ``proxy-url`` in the kubeconfig is followed.
    """
    rest = client.rest_client
    connector = rest.pool_manager.connector
    rest.pool_manager.detach()
    rest.pool_manager = aiohttp.ClientSession(connector=connector, trust_env=False, read_bufsize=2**21)


@asynccontextmanager
async def person_client(kubeconfig: str | None, context: str | None) -> AsyncIterator[ApiClient]:
    """A client with a person's own rights, as kubectl would use them; proxies of the environment are followed.

    Args:
        kubeconfig: the file; None stands for what KUBECONFIG names, else ~/.kube/config.
        context: the context in it; None stands for the current one.

    Raises:
        ConnectionSettingsError: no such file or context, or it cannot be used.
    """
    configuration = Configuration()
    await config.load_kube_config(kubeconfig, context, client_configuration=configuration)
    configuration.disable_strict_ssl_verification = True
    async with ApiClient(configuration) as client:
        client.user_agent = f"powercap/{version('powercap')}"
        yield client
