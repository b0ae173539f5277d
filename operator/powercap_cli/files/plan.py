"""``powercap plan``: the day of caps that a policy gives a node, by files or by a cluster's objects."""

import argparse
import shutil
import sys
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

from powercap_api.names import POWER_POLICY
from powercap_api.poweroverride import PowerOverride
from powercap_api.powerpolicy import PowerPolicy
from powercap_api.schedule import Schedule, Window
from powercap_api.units import PowerFormatError, parse_watts
from powercap_operator.market.csv_format import about_csv, csv_resolution, from_csv
from powercap_operator.market.delivery_day import day_bounds, period_starts
from powercap_operator.market.errors import CsvError, DayIncomplete
from powercap_operator.market.fallback import bare_day
from powercap_operator.market.known_days import DayResults, layers
from powercap_operator.market.results import Period, Query, build_market_day, merge
from powercap_operator.planning.overrides.resolved_override import resolve_override
from powercap_operator.planning.overrides.sweep import make_windows
from powercap_operator.planning.resolved_policy import ResolvedPolicy, resolve

from ..cluster.access import CommandError, add_cluster_options, names_of, now, run_on_cluster
from ..cluster.client import Cluster
from ..cluster.objects import cluster_plan
from ..draw.figure import FigureError
from ..draw.figure import draw_plan as draw_plan_figure
from ..draw.plan_chart import draw_plan, plan_day
from ..draw.results_json import plan_json
from .object_files import ObjectFileError, read_objects
from .results_files import day_in_name, delivery_day

_WIDE: Final = 120
"""A terminal of so many columns has room for the reasons."""
_EXAMPLES: Final = """\
examples:
  powercap market fetch --area FR --auction IDA1 --date 2025-10-09
  powercap plan --policy policy.yaml --csv ida1_FR_2025-10-09.csv
      the caps of 9 October 2025 under the policy in the file, by the exchange's results
  powercap plan --policy policy.yaml --csv ida1_FR_2025-10-09.csv --why
      and why each is what it is
  powercap plan --policy policy.yaml --csv day.csv --date 2025-10-26 --plot day.svg
      the delivery day said by hand, and a figure drawn
  powercap plan --policy share.yaml --csv day.csv --node-watts 200
      maxSource: "80%" in watts, on a node whose limits add up to 200 W without powercap
  powercap plan --policy policy.yaml --csv day.csv --override evening-peak.yaml --why
      the same day of a node that a PowerOverride matches
  powercap plan default --why
      of a policy of the cluster that kubectl talks to, with today's results as the operator has them
  powercap plan --policy solar.yaml --date 2025-10-09
      strategies that look at no market (Solar, Fixed, a Schedule over them) need no results

A policy file is what kubectl apply takes:
  apiVersion: powercap.dev/v1alpha1
  kind: PowerPolicy
  metadata: {name: default}
  spec: {maxSource: "40", minPower: "10", strategy: {type: Price}}
"""


class PlanError(Exception):
    """The plan cannot be made; the message says which input is wrong and how."""


def add_plan_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "plan",
        description="Print the slots that a node would get from a policy and a day of market results.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    source = parser.add_mutually_exclusive_group(required=True)
    name = source.add_argument(
        "name",
        nargs="?",
        metavar="POLICY",
        help="a PowerPolicy of the cluster, with the market days there are",
    )
    name.completer = names_of(POWER_POLICY)  # argcomplete looks for it
    source.add_argument("--policy", type=Path, metavar="FILE", help="a PowerPolicy in YAML or JSON")
    parser.add_argument(
        "--csv",
        type=Path,
        metavar="FILE",
        action="append",
        default=[],
        help="the day's results, as powercap market fetch writes them; for an auction of half the day (IDA3) twice:"
        " first the file of the auction before it (IDA2), then its own",
    )
    parser.add_argument(
        "--date",
        type=delivery_day,
        metavar="DAY",
        help="delivery day (default: from the name of the CSV; without one, today)",
    )
    parser.add_argument(
        "--why", action="store_true", help="say why each cap is what it is, in lines as long as it takes"
    )
    parser.add_argument(
        "--plot", type=Path, metavar="FILE", help="draw the day as a figure too: a .png or .svg file"
    )
    parser.add_argument(
        "--override",
        type=Path,
        metavar="FILE",
        action="append",
        default=[],
        help="PowerOverrides in YAML or JSON, laid over the day of a node that they match; may be given more than once",
    )
    parser.add_argument(
        "--node-watts",
        type=node_watts,
        metavar="WATTS",
        help="what the limits of the node's packages add up to without powercap: turns a policy's percentages into"
        " watts (kubectl get powerbudget NODE -o yaml shows the limits as originalMicrowatts)",
    )
    as_json = "json: market, day, and periods with their starts in UTC, caps and reasons (default: text)"
    parser.add_argument("--format", choices=("text", "json"), default="text", help=as_json)
    add_cluster_options(parser)
    parser.set_defaults(run=run)


def node_watts(text: str) -> int:
    try:
        return parse_watts(text)
    except PowerFormatError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def run(arguments: argparse.Namespace) -> int:
    if arguments.name is not None:
        return run_on_cluster(arguments, lambda cluster: _run_on_cluster(cluster, arguments))
    try:
        policy = resolve(read_policy(arguments.policy), arguments.node_watts)
        results = results_for(policy, arguments.csv, arguments.date)
    except (PlanError, ObjectFileError, CsvError, DayIncomplete) as error:
        sys.stderr.write(f"powercap plan: {error}\n")
        return 1
    return _show(policy, results, arguments)


def _run_on_cluster(cluster: Cluster, arguments: argparse.Namespace) -> int:
    if arguments.csv:
        raise CommandError(
            "--csv goes with --policy FILE: a policy of the cluster follows the cluster's market days"
        )
    policy, results = cluster_plan(cluster, arguments.name, arguments.date, arguments.node_watts, now())
    return _show(policy, results, arguments)


def _show(policy: ResolvedPolicy, results: DayResults, arguments: argparse.Namespace) -> int:
    try:
        windows = read_windows(arguments.override, policy, now())
        planned = plan_day(policy, results, windows)
        if arguments.plot is not None:
            draw_plan_figure(planned, arguments.plot)
    except (PlanError, ObjectFileError, FigureError) as error:
        sys.stderr.write(f"powercap plan: {error}\n")
        return 1
    if arguments.format == "json":
        sys.stdout.write(plan_json(planned))
        return 0
    wide = sys.stdout.isatty() and shutil.get_terminal_size().columns >= _WIDE
    print(draw_plan(planned, why=arguments.why or wide))
    return 0


def results_for(policy: ResolvedPolicy, files: Sequence[Path], day: date | None) -> DayResults:
    """The day to plan: the files' results, or the bare day where the strategy needs none.

    Raises:
        PlanError, CsvError, DayIncomplete: as ``read_day``; also without a file that the strategy needs.
    """
    if files:
        return read_day(policy, files, day or _day_of(files[-1]))
    if policy.request.needs.market:
        raise PlanError(
            f"strategy {policy.strategy_name} needs the day's results: say where they are with"
            " --csv FILE (powercap market fetch writes one)"
        )
    return bare_day(policy.market, day or policy.day(now()))


def _day_of(path: Path) -> date:
    found = day_in_name(about_csv(_text(path)).get("day", "")) or day_in_name(path.name)
    if found is None:
        raise PlanError(f"the name of {path} has no delivery day: say it with --date YYYY-MM-DD")
    return found


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PlanError(f"cannot read the results: {error}") from error


def read_policy(path: Path) -> PowerPolicy:
    """The PowerPolicy in a file.

    Raises:
        ObjectFileError: no such file, no YAML, or no valid policy.
    """
    policies = read_objects(path, PowerPolicy, "the policy")
    if len(policies) > 1:
        raise PlanError(f"{path} has {len(policies)} policies: a plan is of one")
    return policies[0]


def read_windows(paths: Sequence[Path], policy: ResolvedPolicy, now: datetime) -> list[Window]:
    """What the PowerOverrides in the files ask of a node that all of them match; those without a start begin ``now``.

    Raises:
        ObjectFileError: no such file, no YAML, or no valid override.
        PlanError: a limit in watts, and a policy in percent of a node of which nothing is known.
    """
    read = [one for path in paths for one in read_objects(path, PowerOverride, "the override")]
    try:
        overrides = [resolve_override(override, now) for override in read]
    except ValueError as error:
        raise PlanError(f"an override cannot be worked with: {error}") from error
    if policy.limits.in_percent and any(override.cap_uw is not None for override in overrides):
        raise PlanError("the override's limit is in watts and maxSource a percentage: add --node-watts WATTS")
    return make_windows(overrides)


def read_day(policy: ResolvedPolicy, files: Sequence[Path], day: date) -> DayResults:
    """The results in the files, one laid over the other, as the policy's market on that day.

    As in the cluster, an auction of half the day counts for the whole day together with the one before it: the
    day's largest volume may be in the other half.

    Raises:
        PlanError: no such file, periods of another length than the policy's market has, or half a day.
        CsvError: a file cannot be read as that day.
        DayIncomplete: they lack periods, or volumes that the strategy needs.
    """
    market, zone, needs = policy.market, policy.zone, policy.request.needs
    parts = layers(market)
    periods: tuple[Period, ...] = ()
    for path in files:
        periods = merge(periods, _periods_in(path, Query(market, day)))
    data = build_market_day(
        periods,
        Query(market, day),
        expected=period_starts(day, zone, market.resolution_minutes),
        needs_volume=needs.volume,
        needs_price=needs.price,
    )
    if not data.complete and len(files) < len(parts):
        raise PlanError(
            f"{market} has results from 12:00 on, and {parts[0]} stands for the hours before: give both files, as in"
            f" --csv {parts[0].auction}.csv --csv {market.auction}.csv"
        )
    if not data.complete:
        raise DayIncomplete(f"{', '.join(map(str, files))}: {data.why}")
    return DayResults(
        day=day,
        source_day=day,
        periods=Schedule(data.periods, day_bounds(day, zone)[1]),
        names=(),
        currency=market.bidding_zone.currency,
    )


def _periods_in(path: Path, query: Query) -> tuple[Period, ...]:
    text = _text(path)
    about = about_csv(text)
    area, day = about.get("market", "").partition(" ")[0], about.get("day", "")
    if area not in ("", query.market.area) or day not in ("", query.delivery_day.isoformat()):
        raise PlanError(
            f"{path} says that it is of {about.get('market')} on {day}, and {query} was asked for"
        )
    minutes = csv_resolution(text)
    if minutes != query.market.resolution_minutes:
        raise PlanError(
            f"{path} has periods of {minutes} minutes and the policy follows {query.market}:"
            f" set market.resolutionMinutes: {minutes}"
        )
    return from_csv(text, query)
