"""``powercap report``: what policies' nodes drew and cost, from the cluster's PowerReports."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from powercap_api.names import POWER_REPORT
from powercap_api.powerreport import PowerReport, PowerReportSpec
from powercap_operator.worth.measured import Machine

from ..draw import report_figure, report_text
from ..draw.figure import FigureError
from ..files.backtest import add_machine_options, read_curve, static_watts
from ..files.plan import PlanError
from .access import CommandError, add_cluster_options, now, run_on_cluster
from .client import Cluster

_EXAMPLES: Final = """\
examples:
  powercap report
      yesterday, the last 7 and the last 30 days of every policy, from the cluster of your kubeconfig
  powercap report --policy default --curve curve.csv --static-watts 90 --plot report.svg
      one policy, what its caps saved, by the curve and 90 W of static power in each node, and a figure
  kubectl get powerreports -o json | powercap report --file -
      without access of its own

Energy, cost, CO2 and the time in which caps bound are measured. Savings are modelled from the measured draw, as
powercap backtest models them, and told with --curve and --static-watts only; docs/backtest.md says how.
"""


def add_report_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "report",
        description="Add up the cluster's PowerReports: energy, cost, CO2, and what caps saved.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--policy", metavar="NAME", help="only this policy")
    parser.add_argument("--file", metavar="FILE", help="PowerReports as JSON; - for standard input")
    add_machine_options(parser)
    parser.add_argument(
        "--max-source-watts",
        type=static_watts,
        metavar="W",
        help="what maxSource is on a node, where the policy has it in percent",
    )
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the days too: a .png or .svg file")
    parser.add_argument("--format", choices=("text", "csv"), default="text")
    add_cluster_options(parser)
    parser.set_defaults(run=run, now=now)


def run(arguments: argparse.Namespace) -> int:
    if arguments.file is None:

        def ask(cluster: Cluster) -> int:
            bodies = cluster.list_kind(POWER_REPORT)
            return _told(bodies, arguments)

        return run_on_cluster(arguments, ask)
    try:
        return _told(_from_file(arguments.file), arguments)
    except CommandError as error:
        return _fail(str(error))


def _told(bodies: list[Any], arguments: argparse.Namespace) -> int:
    try:
        specs = _wanted(bodies, arguments.policy)
        if arguments.format == "csv":
            sys.stdout.write(report_text.as_csv(specs))
        else:
            terms = report_text.Terms(_machine(arguments), arguments.max_source_watts)
            sys.stdout.write(report_text.text(specs, arguments.now(), terms))
        if arguments.plot is not None:
            report_figure.draw_reports(specs, arguments.plot)
    except (CommandError, PlanError, FigureError, ValueError) as error:
        return _fail(str(error))
    return 0


def _machine(arguments: argparse.Namespace) -> Machine | None:
    if arguments.curve is None and arguments.static_watts is None:
        return None
    if arguments.curve is None or arguments.static_watts is None:
        raise CommandError("--curve and --static-watts go together: savings are modelled by both")
    return Machine(read_curve(arguments.curve), arguments.static_watts)


def _wanted(bodies: list[Any], policy: str | None) -> list[PowerReportSpec]:
    """The reports asked for, by policy and day.

    Raises:
        CommandError: there are none, or they cannot be read.
    """
    try:
        found = [PowerReport.from_wire(body).spec for body in bodies]
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise CommandError(f"a report cannot be read: {where}: {first['msg']}") from error
    wanted = [spec for spec in found if policy in (None, spec.policy)]
    if not wanted:
        raise CommandError(
            "there are no reports"
            + (f" of policy {policy}" if policy else "")
            + ": the operator writes one for each policy with nodes, from the first market period on"
        )
    return sorted(wanted, key=lambda spec: (spec.policy, spec.day))


def _from_file(name: str) -> list[Any]:
    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
        body = json.loads(text)
        return list(body["items"]) if "items" in body else [body]
    except (OSError, ValueError, TypeError) as error:
        raise CommandError(
            f"{name} has no PowerReports in JSON ({error}): kubectl get powerreports -o json > FILE writes them"
        ) from error


def _fail(message: str) -> int:
    print(f"powercap report: {message}", file=sys.stderr)
    return 1
