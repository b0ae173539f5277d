"""``powercap override``: limits nodes, or gives them their original limits, for a while. Makes a PowerOverride."""

import argparse
import re
import sys
import time
from datetime import datetime, timedelta
from typing import Any, Final

import yaml

from powercap_api.clock import ClockFileError, format_time
from powercap_api.conditions import find_condition
from powercap_api.foreign_text import visible
from powercap_api.names import API_VERSION, GROUP, PLURALS, POWER_BUDGET, POWER_OVERRIDE, VERSION
from powercap_api.poweroverride import PowerOverride
from powercap_api.reasons import ConditionType

from .access import CommandError, add_cluster_options, names_of, now, run_on_cluster
from .client import Cluster, ClusterError, NotFoundError

_EXAMPLES: Final = """\
examples:
  powercap override node-a node-b --limit 60 --for 2h --reason "cooling is being repaired"
      60 W at most on each of the two nodes, for two hours from now
  powercap override --all --limit 70% --from 17:00 --until 19:00 --source grid --reason "the grid asks for 30 % less"
      70 % of maxSource on every node this evening; no release lifts it
  powercap override --selector pool=render --release --until 18:00 --reason "the film's last frames"
      the original limits on nodes with that label
  powercap override node-a --limit 60 --for 2h --reason trying --name trial --print
      the object, to be kept in git, and nothing done
  kubectl get poweroverrides; kubectl delete poweroverride NAME
      what there is; end one now

Times are HH:MM on this machine's clock, the next that comes, or whole: 2025-10-09T17:00:00Z.
"""
_CLOCK: Final = re.compile("[0-9]{2}:[0-9]{2}")
_PATH: Final = f"/apis/{GROUP}/{VERSION}/{PLURALS[POWER_OVERRIDE]}"
_WORDS: Final = {
    "duration": "write hours, minutes or seconds, such as 2h, 90m or 1h30m",
    "nodes": "write a node's name as kubectl get nodes shows it",
    "source": "write one word of small letters, digits and -, such as grid",
}
"""What is said beside a pattern."""
_LOOKS: Final = 20
_PAUSE_SECONDS: Final = 0.25
"""How often, and with what pauses, the command looks for what the operator says of the override."""


def add_override_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "override",
        description="Make a PowerOverride: a limit or a release for some nodes, which ends by itself.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    nodes = parser.add_argument("nodes", nargs="*", metavar="NODE", help="names of the nodes")
    nodes.completer = names_of(POWER_BUDGET)  # argcomplete looks for it
    parser.add_argument(
        "--selector",
        "-l",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        help="nodes with this label, too",
    )
    parser.add_argument("--all", action="store_true", help="every node")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "--limit", metavar="POWER", help="most power of each node: 60 (watts) or 70%% (of maxSource)"
    )
    what.add_argument("--release", action="store_true", help="the nodes' original limits")
    end = parser.add_mutually_exclusive_group(required=True)
    end.add_argument("--for", dest="duration", metavar="DURATION", help="how long: 2h, 90m, 1h30m")
    end.add_argument("--until", metavar="TIME", help="when it ends")
    parser.add_argument("--from", dest="start", metavar="TIME", help="when it begins (default: now)")
    parser.add_argument(
        "--reason", required=True, metavar="TEXT", help="why; shown with every cap that comes of it"
    )
    parser.add_argument("--source", default="person", metavar="WORD", help="who asks (default: %(default)s)")
    parser.add_argument("--priority", type=int, default=0, metavar="N", help="of a limit against a release")
    parser.add_argument("--name", help="name of the PowerOverride (default: one that is made up)")
    parser.add_argument("--print", action="store_true", help="print the object and do nothing")
    add_cluster_options(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    try:
        body = override_body(arguments, now().astimezone())
    except (CommandError, ClockFileError) as error:
        sys.stderr.write(f"powercap: {error}\n")
        return 1
    if arguments.print:
        print(yaml.safe_dump(body, sort_keys=False, allow_unicode=True), end="")
        return 0
    return run_on_cluster(arguments, lambda cluster: _make(cluster, body))


def override_body(arguments: argparse.Namespace, now: datetime) -> dict[str, Any]:
    """The PowerOverride that the options ask for; ``now`` has the zone of their times.

    Raises:
        CommandError: they ask for none that there could be.
    """
    start = None if arguments.start is None else _moment(arguments.start, now)
    end = None if arguments.until is None else _moment(arguments.until, start or now)
    spec = {
        "start": None if start is None else format_time(start),
        "end": None if end is None else format_time(end),
        "duration": arguments.duration,
        **_nodes(arguments),
        "limit": arguments.limit,
        "release": arguments.release or None,
        "priority": arguments.priority or None,
        "source": arguments.source,
        "reason": arguments.reason,
    }
    if end is not None and end <= (start or now):
        raise CommandError(f"it would end at {format_time(end)}, before it begins")
    if end is not None and end <= now:
        raise CommandError(
            f"it would have ended at {format_time(end)}: say --until a later time, or --for 2h"
        )
    if arguments.print and arguments.name is None:
        raise CommandError("--print needs --name: an object in a file has a name of its own")
    metadata = {"name": arguments.name} if arguments.name else {"generateName": "override-"}
    body = {
        "apiVersion": API_VERSION,
        "kind": POWER_OVERRIDE,
        "metadata": metadata,
        "spec": {key: value for key, value in spec.items() if value is not None},
    }
    from ..files.contract import RefusedError, admitted  # noqa: PLC0415 - reading the rules takes half a second

    try:
        admitted({**body, "metadata": {"name": arguments.name or "override"}}, PowerOverride)
    except RefusedError as error:
        words = [
            said for name, said in _WORDS.items() if re.match(rf"spec[.]{name}\b.* should match", str(error))
        ]
        raise CommandError("; ".join([str(error), *words])) from error
    return body


def _nodes(arguments: argparse.Namespace) -> dict[str, Any]:
    """The nodes by name or by labels: exactly one of the three ways to say it."""
    ways = [bool(arguments.nodes), bool(arguments.selector), arguments.all]
    if sum(ways) != 1:
        raise CommandError("say which nodes: by name (NODE…), by --selector KEY=VALUE, or --all of them")
    if arguments.nodes:
        return {"nodes": list(dict.fromkeys(arguments.nodes))}
    labels = {}
    for text in arguments.selector:
        key, equals, value = text.partition("=")
        if not (key and equals):
            raise CommandError(f"--selector {text!r} is no label: write KEY=VALUE")
        labels[key] = value
    return {"nodeSelector": labels}


def _moment(text: str, after: datetime) -> datetime:
    """A whole time, or the next time after ``after`` that the clock of its zone shows HH:MM."""
    try:
        if _CLOCK.fullmatch(text):
            shown = after.replace(hour=int(text[:2]), minute=int(text[3:]), second=0, microsecond=0)
            return shown if shown > after else shown + timedelta(days=1)
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise CommandError(
            f"{text!r} is no time: write HH:MM, or a whole time such as 2025-10-09T17:00:00Z"
        ) from error
    if moment.tzinfo is None:
        raise CommandError(
            f"{text!r} has no time zone: write HH:MM, or a whole time such as 2025-10-09T17:00:00Z"
        )
    return moment


def _make(cluster: Cluster, body: dict[str, Any]) -> int:
    for name in body["spec"].get("nodes") or ():
        _check_node(cluster, name)
    query = {"fieldManager": "powercap", "fieldValidation": "Strict"}
    made = cluster.request("POST", _PATH, body, query=query)
    name = made["metadata"]["name"]
    print(f"poweroverride.{GROUP}/{name} created")
    said = visible(_said(cluster, name) or "")
    print(said or f"the operator has not said anything yet: kubectl get poweroverride {name}")
    print(f"to end it now: kubectl delete poweroverride {name}")
    return 0


def _check_node(cluster: Cluster, name: str) -> None:
    """Refuse a name that neither a budget nor a node has; who may read neither is not asked for it.

    Raises:
        CommandError: there is no such node.
    """
    for path in (f"/apis/{API_VERSION}/{PLURALS[POWER_BUDGET]}/{name}", f"/api/v1/nodes/{name}"):
        try:
            cluster.request("GET", path)
        except NotFoundError:
            continue
        except ClusterError:
            return
        return
    raise CommandError(f"there is no node {name}: kubectl get powerbudgets lists those that can be limited")


def _said(cluster: Cluster, name: str) -> str | None:
    """What the operator says of the override; None: nothing within some seconds."""
    for _ in range(_LOOKS):
        found = cluster.request("GET", f"{_PATH}/{name}")
        conditions = (found.get("status") or {}).get("conditions") or []
        active = find_condition(conditions, ConditionType.ACTIVE)
        if active is not None:
            return str(active["message"])
        time.sleep(_PAUSE_SECONDS)
    return None
