"""``powercap status`` and ``powercap node``: what goes on in a cluster, and on one node of it."""

import argparse
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any, Final

from powercap_api.names import (
    API_VERSION,
    MARKET_DAY,
    PLURALS,
    POWER_BUDGET,
    POWER_OVERRIDE,
    POWER_POLICY,
)
from powercap_api.units import format_watts_of_many, format_watts_short

from .access import CommandError, add_cluster_options, get_named, names_of, now, run_on_cluster
from .client import Cluster, ClusterError, NotFoundError
from .overview import Object, market_clock, overview
from .screen import Screen, print_json

_WATCH_SECONDS: Final = 5.0
_SHOWN_NODES: Final = 20

_HELD_BACK: Final = {True: ": their cap held them back", False: ": their cap did not hold them back"}
"""What ``status.draw`` says of packages or accelerators."""


def add_status_parsers(subparsers: Any) -> None:
    """Add ``status`` and ``node`` to the commands of ``powercap``."""
    parser = subparsers.add_parser(
        "status",
        description="One screen on what powercap does in a cluster.",
    )
    parser.add_argument(
        "--watch", "-w", action="store_true", help=f"again every {_WATCH_SECONDS:.0f} s, until Ctrl-C"
    )
    _add_output(parser)
    add_cluster_options(parser)
    parser.set_defaults(run=run_status)
    parser = subparsers.add_parser(
        "node",
        description="What a node's PowerBudget asks for during the next 24 hours and why, and what is in force.",
    )
    node = parser.add_argument("node", metavar="NODE")
    node.completer = names_of(POWER_BUDGET)  # argcomplete looks for it
    _add_output(parser)
    add_cluster_options(parser)
    parser.set_defaults(run=run_node)


def _add_output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--output", "-o", choices=("json",), help="data for programs, in place of tables")
    parser.add_argument(
        "--utc", action="store_true", help="times in UTC (default: on the clock of the policy's market)"
    )


def run_status(arguments: argparse.Namespace) -> int:
    """Show it once, or again and again; the exit code."""
    return run_on_cluster(arguments, lambda cluster: _status(cluster, arguments))


def _status(cluster: Cluster, arguments: argparse.Namespace) -> int:
    screen = Screen()
    while True:
        policies = cluster.list_kind(POWER_POLICY)
        days, budgets, overrides = map(cluster.list_kind, (MARKET_DAY, POWER_BUDGET, POWER_OVERRIDE))
        seen = overview(policies, days, budgets, now(), overrides)
        if arguments.output == "json":
            print_json(seen)
        else:
            if arguments.watch and screen.console.is_terminal:
                screen.console.clear()
            show_overview(screen, seen, UTC if arguments.utc else market_clock(policies))
        if not arguments.watch:
            return 0
        time.sleep(_WATCH_SECONDS)


def show_overview(screen: Screen, seen: Object, clock: tzinfo = UTC) -> None:
    """The screen of ``powercap status``."""
    if not seen["policies"]:
        screen.say("There is no PowerPolicy: kubectl explain powerpolicy.spec", "yellow")
    else:
        keys = (
            "name",
            "maxSource",
            "strategy",
            "market",
            "nodes",
            "share",
            "cap",
            "price",
            "ready",
            "reason",
        )
        columns = (
            "POLICY",
            "MAXSOURCE",
            "STRATEGY",
            "MARKET",
            "NODES",
            "SHARE",
            "CAP",
            "PRICE",
            "READY",
            "REASON",
        )
        screen.table(columns, ([policy[key] for key in keys] for policy in seen["policies"]))
        for policy in seen["policies"]:
            if policy["ready"] != "True":
                screen.say(f"{policy['name']}: {policy['message']}")
    if seen["overrides"]:
        screen.heading(f"Overrides in force, times in {clock}")
        said = ("limit", "nodes", "asked", "achieved", "source", "reason")
        screen.table(
            ("OVERRIDE", "UNTIL", *map(str.upper, said)),
            ([one["name"], _at(one["end"], clock), *(one[key] for key in said)] for one in seen["overrides"]),
        )
    if seen["marketDays"]:
        screen.heading("Market days")
        rows = ([day["name"], day["complete"], day["reason"]] for day in seen["marketDays"])
        screen.table(("MARKETDAY", "COMPLETE", "REASON"), rows)
    nodes = seen["nodes"]
    others = f"; with nothing that can be capped: {nodes['unsupported']}" if nodes["unsupported"] else ""
    screen.heading(f"{nodes['following']} of {nodes['total']} nodes follow their budget{others}")
    if nodes["capMicrowatts"]:
        powers = [format_watts_of_many(nodes[f"{name}Microwatts"]) for name in ("cap", "applied", "draw")]
        screen.say("allowed now {}, read back {}, drawn in the slot before {}".format(*powers))
    late = nodes["notFollowing"]
    if late:
        rows = ([one["name"], one["reason"], one["message"]] for one in late[:_SHOWN_NODES])
        screen.table(("NODE", "REASON", "WHAT"), rows)
        if len(late) > _SHOWN_NODES:
            screen.say(f"and {len(late) - _SHOWN_NODES} more: kubectl get powerbudgets")


def run_node(arguments: argparse.Namespace) -> int:
    return run_on_cluster(arguments, lambda cluster: _node(cluster, arguments))


def _node(cluster: Cluster, arguments: argparse.Namespace) -> int:
    name = arguments.node
    try:
        budget = cluster.request("GET", f"/apis/{API_VERSION}/{PLURALS[POWER_BUDGET]}/{name}")
    except NotFoundError as error:
        raise CommandError(
            f"node {name} has no PowerBudget: no policy selects it, or there is no such node. kubectl get powerbudgets"
            " lists those that have one"
        ) from error
    from .node_view import node_view  # noqa: PLC0415 - with pydantic, which status does without

    seen = node_view(budget, now())
    if arguments.output == "json":
        print_json(seen)
    else:
        show_node(Screen(), seen, UTC if arguments.utc else _clock_of(cluster, seen["policy"]))
    return 0


def _clock_of(cluster: Cluster, policy: str) -> tzinfo:
    """The clock of the policy's market; UTC where the policy is gone or may not be read."""
    try:
        return market_clock([get_named(cluster, POWER_POLICY, policy)])
    except (ClusterError, CommandError):
        return UTC


def show_node(screen: Screen, seen: Object, clock: tzinfo = UTC) -> None:
    """The screen of ``powercap node``: what holds now and what is in force, then what is to come."""
    current, draw = seen["current"], seen["draw"]
    screen.say(f"{seen['name']}, policy {seen['policy']}: {seen['reason']}", "bold")
    screen.say(seen["message"])
    screen.say(f"Times are in {clock}.")
    period = (
        f"{_at(current['start'], clock)} to {_at(current.get('end'), clock)}"
        if current.get("start")
        else None
    )
    rows = [
        ("cap", "cap"),
        ("applied", "applied"),
        ("share", "share"),
        ("drawn before", "draw"),
        ("why", "why"),
    ]
    screen.table(("NOW", ""), [("period", period), *((title, current.get(key)) for title, key in rows)])
    if draw:
        screen.say(f"in the {draw['seconds'] / 60:.0f} min measured before this slot:")
        for part in ("packages", "accelerators"):
            if drawn := draw.get(part):
                average = format_watts_short(drawn["averageMicrowatts"])
                screen.say(f"  {part} drew {average}{_HELD_BACK.get(drawn.get('binds'), '')}")
    screen.heading("Limits")
    keys = ("zone", "constraint", "original", "asked", "inForce", "reason", "message")
    screen.table(
        ("ZONE", "CONSTRAINT", "ORIGINAL", "ASKED", "IN FORCE", "REASON", "WHAT"),
        ([limit[key] for key in keys] for limit in seen["limits"]),
    )
    if seen["overrides"]:
        screen.heading("Overrides")
        screen.table(("FROM", "TO", "LIMIT", "WHY"), _timed(seen["overrides"], ("limit", "why"), clock))
    reasons = {one["why"] for one in seen["slots"]}
    same = f": {next(iter(reasons))}" if len(reasons) == 1 else ""
    screen.heading(f"Caps until {_at(seen['validUntil'], clock)} at most{same}")
    columns = ("share", "cap") if same else ("share", "cap", "why")
    screen.table(("FROM", "TO", *map(str.upper, columns)), _timed(seen["slots"], columns, clock))


def _timed(rows: list[Object], keys: Sequence[str], clock: tzinfo) -> Iterator[list[Any]]:
    for one in rows:
        yield [_at(one["start"], clock), _at(one["end"], clock), *(one[key] for key in keys)]


def _at(moment: str | None, clock: tzinfo) -> str:
    """Day and time on a clock."""
    return "-" if moment is None else f"{datetime.fromisoformat(moment).astimezone(clock):%a %H:%M}"
