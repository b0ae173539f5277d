"""``powercap suspend``, ``resume`` and ``exempt``: the edits that a person makes in a hurry."""

import argparse
from typing import Any

from powercap_api.names import API_VERSION, EXEMPT_LABEL, PLURALS, POWER_BUDGET, POWER_POLICY

from .access import CommandError, add_cluster_options, names_of, run_on_cluster
from .client import Cluster, NotFoundError

_MERGE = "application/merge-patch+json"


def add_steer_parsers(subparsers: Any) -> None:
    """Add ``suspend``, ``resume`` and ``exempt`` to the commands of ``powercap``."""
    for name, suspend, what in (
        ("suspend", True, "put the original limits back on the nodes of policies, and keep them"),
        ("resume", False, "cap the nodes of suspended policies again"),
    ):
        parser = subparsers.add_parser(name, description=f"{what[0].upper()}{what[1:]}.")
        policies = parser.add_argument("policies", nargs="*", metavar="POLICY")
        policies.completer = names_of(POWER_POLICY)  # argcomplete looks for it
        parser.add_argument("--all", action="store_true", help="every policy")
        add_cluster_options(parser)
        parser.set_defaults(run=run_suspend, suspend=suspend)
    parser = subparsers.add_parser(
        "exempt",
        description=f"Label nodes {EXEMPT_LABEL}=true: no policy selects them, and they get their original limits.",
    )
    nodes = parser.add_argument("nodes", nargs="+", metavar="NODE")
    nodes.completer = names_of(POWER_BUDGET)
    parser.add_argument("--undo", action="store_true", help="take the label away: policies select them again")
    add_cluster_options(parser)
    parser.set_defaults(run=run_exempt)


def run_suspend(arguments: argparse.Namespace) -> int:
    """Edit ``spec.suspend``; the exit code."""

    def edit(cluster: Cluster) -> int:
        names = arguments.policies
        if bool(names) == arguments.all:
            raise CommandError("say which policies: by name (POLICY…), or --all of them")
        if arguments.all:
            names = [policy["metadata"]["name"] for policy in cluster.list_kind(POWER_POLICY)]
        for name in names:
            path = f"/apis/{API_VERSION}/{PLURALS[POWER_POLICY]}/{name}"
            _patch(cluster, path, {"spec": {"suspend": arguments.suspend}}, f"{POWER_POLICY} {name}")
            print(f"powerpolicy/{name} {'suspended' if arguments.suspend else 'resumed'}")
        return 0

    return run_on_cluster(arguments, edit)


def run_exempt(arguments: argparse.Namespace) -> int:
    """Label the nodes; the exit code."""

    def label(cluster: Cluster) -> int:
        value = None if arguments.undo else "true"
        for name in arguments.nodes:
            body = {"metadata": {"labels": {EXEMPT_LABEL: value}}}
            _patch(cluster, f"/api/v1/nodes/{name}", body, f"Node {name}")
            print(f"node/{name} {'is no longer exempt' if arguments.undo else 'is exempt'}")
        return 0

    return run_on_cluster(arguments, label)


def _patch(cluster: Cluster, path: str, body: dict[str, Any], what: str) -> None:
    try:
        cluster.request("PATCH", path, body, _MERGE)
    except NotFoundError as error:
        raise CommandError(f"there is no {what}: kubectl get {path.split('/')[-2]}") from error
