"""What commands that work on a cluster share: which cluster, with the person's own rights, and how they fail."""

import argparse
import asyncio
import os
import sys
from collections.abc import Awaitable, Callable

from powercap_operator.kube.client import Cluster, ClusterError
from powercap_operator.kube.connection import ConnectionSettingsError, person_client


class CommandError(Exception):
    """The command cannot be carried out; the message says why and what to write instead."""


def add_cluster_options(parser: argparse.ArgumentParser) -> None:
    """``--kubeconfig`` and ``--context``, with kubectl's meaning."""
    group = parser.add_argument_group("the cluster")
    group.add_argument(
        "--kubeconfig", metavar="FILE", help="default: what KUBECONFIG names, else ~/.kube/config"
    )
    group.add_argument(
        "--context", metavar="NAME", help="context of the kubeconfig (default: the current one)"
    )


def run_on_cluster(arguments: argparse.Namespace, work: Callable[[Cluster], Awaitable[int]]) -> int:
    """Do ``work`` on the cluster that the options name; its exit code, or 1 with a sentence on stderr."""
    try:
        return asyncio.run(_on_cluster(arguments.kubeconfig, arguments.context, work))
    except (ClusterError, CommandError, ConnectionSettingsError, OSError) as error:
        sys.stderr.write(f"powercap: {error}\n")
        return 1


async def _on_cluster(
    kubeconfig: str | None, context: str | None, work: Callable[[Cluster], Awaitable[int]]
) -> int:
    file = kubeconfig or os.environ.get("KUBECONFIG") or None
    async with person_client(file, context) as client:
        return await work(Cluster(client))
