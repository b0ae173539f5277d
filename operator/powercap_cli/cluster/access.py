"""What commands that work on a cluster share: which cluster, with the person's own rights, and how they fail."""

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from powercap_api.clock import ClockFileError, open_clock
from powercap_api.names import API_VERSION, PLURALS

from .client import Cluster, ClusterError, NotFoundError, connected
from .impersonation import Impersonation
from .kubeconfig import KubeconfigError, read_connection

_COMPLETION_SECONDS: Final = 3.0
"""Somebody waits at the keyboard."""


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
    except (ClusterError, CommandError, KubeconfigError, ClockFileError, OSError) as error:
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


def now() -> datetime:
    """The moment, by the clock of a rehearsal where POWERCAP_CLOCK_FILE names the file that its operator reads."""
    file = os.environ.get("POWERCAP_CLOCK_FILE")
    return open_clock(Path(file) if file else None).now()


def get_named(cluster: Cluster, kind: str, name: str) -> dict[str, Any]:
    """An object of one of our kinds.

    Raises:
        CommandError: there is none of that name.
        ClusterError: the API server refused or did not answer.
    """
    try:
        return cluster.request("GET", f"/apis/{API_VERSION}/{PLURALS[kind]}/{name}")
    except NotFoundError as error:
        raise CommandError(f"there is no {kind} {name}: kubectl get {PLURALS[kind]}") from error


def names_of(kind: str) -> Callable[..., list[str]]:
    """Completes the names of a kind's objects in the cluster that the options name; none where it cannot be asked."""

    def complete(prefix: str, parsed_args: argparse.Namespace, **_others: object) -> list[str]:
        try:
            file = getattr(parsed_args, "kubeconfig", None)
            with cluster_of(file, parsed_args.context, acting_as(parsed_args)) as cluster:
                path = f"/apis/{API_VERSION}/{PLURALS[kind]}"
                found = cluster.request("GET", path, seconds=_COMPLETION_SECONDS)["items"]
        except (ClusterError, KubeconfigError, OSError) as error:
            from argcomplete.io import warn  # noqa: PLC0415 - of the extra; it is what calls this

            warn(f"powercap: {error}")
            return []
        names = (item["metadata"]["name"] for item in found)
        return [name for name in names if name.startswith(prefix)]

    return complete
