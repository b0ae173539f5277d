"""The operator's client of an API server that a test stands in for."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from powercap_operator.kube.client import Cluster, WatchLimits
from powercap_operator.kube.connection import kubernetes_client


def kubeconfig_of(url: str, folder: Path, ca_file: Path | None = None) -> Path:
    """A kubeconfig for whoever answers at ``url``, whom an authority has given a certificate."""
    kubeconfig = folder / "kubeconfig"
    trusted = {} if ca_file is None else {"certificate-authority": str(ca_file)}
    kubeconfig.write_text(
        json.dumps(
            {
                "current-context": "here",
                "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me"}}],
                "clusters": [{"name": "here", "cluster": {"server": url, **trusted}}],
                "users": [{"name": "me", "user": {"token": "t"}}],
            }
        )
    )
    return kubeconfig


@asynccontextmanager
async def cluster_at(url: str, folder: Path, watches: WatchLimits | None = None) -> AsyncIterator[Cluster]:
    """The client, with limits of its own for watches."""
    async with kubernetes_client({"KUBECONFIG": str(kubeconfig_of(url, folder))}) as client:
        yield Cluster(client, watches=watches or WatchLimits())
