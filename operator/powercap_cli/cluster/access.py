"""What commands that work on a cluster share: which cluster, with the person's own rights, and how they fail."""

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version

from .client import Cluster, ClusterError, connected
from .impersonation import Impersonation
from .kubeconfig import KubeconfigError, read_connection


class CommandError(Exception):
    """The command cannot be carried out; the message says why and what to write instead."""


def add_cluster_options(parser: argparse.ArgumentParser) -> None:
    """``--kubeconfig``, ``--context`` and ``--as``, with kubectl's meaning."""
    group = parser.add_argument_group("the cluster")
    group.add_argument(
        "--kubeconfig", metavar="FILE", help="default: what KUBECONFIG names, else ~/.kube/config"
    )
    group.add_argument(
        "--context", metavar="NAME", help="context of the kubeconfig (default: the current one)"
    )
    group.add_argument("--as", dest="as_user", metavar="USER", help="act as this user or service account")
    group.add_argument(
        "--as-group", action="append", default=[], metavar="GROUP", help="in this group; may be repeated"
    )
    group.add_argument("--as-uid", metavar="UID", help="with this uid")


def acting_as(arguments: argparse.Namespace) -> Impersonation:
    """As whom the options say to act."""
    return Impersonation(arguments.as_user or "", arguments.as_uid or "", tuple(arguments.as_group))


def run_on_cluster(arguments: argparse.Namespace, work: Callable[[Cluster], int]) -> int:
    """Do ``work`` on the cluster that the options name; its exit code, or 1 with a sentence on stderr."""
    try:
        with cluster_of(arguments.kubeconfig, arguments.context, acting_as(arguments)) as cluster:
            return work(cluster)
    except (ClusterError, CommandError, KubeconfigError, OSError) as error:
        sys.stderr.write(f"powercap: {error}\n")
        return 1


@contextmanager
def cluster_of(kubeconfig: str | None, context: str | None, acts_as: Impersonation) -> Iterator[Cluster]:
    """The cluster that a context of a kubeconfig names, None standing for the usual ones.

    Raises:
        KubeconfigError: it names none.
    """
    connection = read_connection(kubeconfig, context, os.environ, acts_as)
    with connected(connection, f"powercap/{version('powercap')}") as cluster:
        yield cluster
