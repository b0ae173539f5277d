"""``powercap backtest``: what a policy would have saved on past days, and what it would have cost in work."""

import argparse
import sys
from datetime import date
from pathlib import Path
from typing import Any, Final

from powercap_api.policy.strategy import StrategyType
from powercap_api.powerpolicy import PowerPolicy
from powercap_operator.market.errors import MarketError
from powercap_operator.market.known_days import market_of
from powercap_operator.planning.resolved_policy import ResolvedPolicy, resolve
from powercap_operator.worth import comparison, curve, history, load
from powercap_operator.worth.measured import power_of

from ..draw import backtest_text
from ..draw.backtest_figure import draw_backtest
from ..draw.figure import FigureError
from .history_files import Folder, read_folder
from .jobs import run_backtest
from .object_files import ObjectFileError
from .plan import PlanError, node_watts, read_policy

_EXAMPLES: Final = """\
examples:
  powercap backtest --policy policy.yaml --history results/
      bill, energy and work of one node on every day in the folder: with the policy's caps, without, and with the
      flat cap that does the same work
  powercap backtest --policy policy.yaml --history results/ --compare Volume,Price --plot out.svg
      the policy with other strategies too, the cheapest per unit of work first, and a figure
  powercap backtest --policy policy.yaml --history results/ --static-watts 90 --curve curve.csv --load trace.csv
      the rest of the machine draws 90 W whatever the cap; your own curve (powercap curve), your own load
  powercap backtest --jobs jobs.csv --policy waitpolicy.yaml --history results/
      what jobs would have saved by waiting for cheap hours, by what was known at each time

The folder holds CSV files as powercap market fetch writes them and saved results pages; carbon intensities and shares
of renewable power, which Carbon, Renewable and the sum of CO2 need, are columns in them or files of their own.
docs/backtest.md has the model, so that you can compute it again.
"""


def add_backtest_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "backtest",
        description="Compare a policy on past days with no cap and with the flat cap that does the same work.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--policy",
        type=Path,
        required=True,
        metavar="FILE",
        help="a PowerPolicy in YAML or JSON; with --jobs, a WaitPolicy",
    )
    parser.add_argument(
        "--jobs",
        type=Path,
        metavar="FILE",
        help="jobs that can wait, in place of nodes: CSV submitted,hours,waitHours",
    )
    parser.add_argument(
        "--history", type=Path, required=True, metavar="DIR", help="a folder with days of market results"
    )
    parser.add_argument("--from", dest="first", type=date.fromisoformat, metavar="DAY", help="first day")
    parser.add_argument("--to", dest="last", type=date.fromisoformat, metavar="DAY", help="last day")
    parser.add_argument(
        "--load",
        type=Path,
        metavar="FILE",
        help="what a node draws uncapped: CSV time,watts, a trace or a day's profile (default: maxSource)",
    )
    add_machine_options(parser)
    parser.add_argument(
        "--compare",
        type=_strategies,
        metavar="NAMES",
        default=(),
        help="strategies to compare, such as Volume,Price: the policy with each of them",
    )
    parser.add_argument(
        "--node-watts",
        type=node_watts,
        metavar="W",
        help="what the limits of the node's packages add up to without powercap, where the policy has percentages",
    )
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw it too: a .png or .svg file")
    parser.add_argument("--format", choices=("text", "json", "csv"), default="text")
    parser.set_defaults(run=run)


def add_machine_options(parser: argparse.ArgumentParser) -> None:
    """Add what a machine does with its power: ``--curve`` and ``--static-watts``."""
    parser.add_argument(
        "--curve", type=Path, metavar="FILE", help="power to work: CSV cap,seconds,joules (powercap curve)"
    )
    parser.add_argument(
        "--static-watts",
        type=static_watts,
        metavar="W",
        help="power of the rest of the machine, whatever the cap (backtest: half of maxSource without it)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the comparison, and draw it where that was asked for; the exit code."""
    if arguments.jobs is not None:
        return run_backtest(arguments)
    try:
        policies = _policies(read_policy(arguments.policy), arguments.compare, arguments.node_watts)
        first = policies[0]
        market = market_of(first.policy.spec.market)
        folder = read_folder(arguments.history, market)
        for line in folder.left_out:
            _warn(line)
        days = history.make_history([(day.query, day.periods) for day in folder.days], market)
        static = arguments.static_watts
        if static is None:
            static = first.limits.max_uw / 1e6 / 2  # with 0 any cap would pay
        setting = comparison.prepare(
            first,
            days,
            read_curve(arguments.curve),
            _load(arguments.load, first),
            static,
            arguments.first,
            arguments.last,
        )
        results = comparison.ranked([comparison.compare(policy, days, setting) for policy in policies])
        if arguments.plot is not None:
            draw_backtest(setting, results, arguments.plot)
    except comparison.NoDaysError as error:
        _warn(f"{error}{_hint(folder, first)}")
        return 1
    except (PlanError, ObjectFileError, MarketError, curve.CurveError, load.LoadError, FigureError) as error:
        _warn(str(error))
        return 1
    write = {"text": backtest_text.text, "json": backtest_text.as_json, "csv": backtest_text.as_csv}
    said = backtest_text.Said(
        setting,
        tuple(results),
        str(market),
        first.limits.min_uw / 1e6,
        static_is_default=arguments.static_watts is None,
        has_load=arguments.load is not None,
    )
    sys.stdout.write(write[arguments.format](said))
    return 0


def _policies(policy: PowerPolicy, strategies: tuple[str, ...], node_uw: int | None) -> list[ResolvedPolicy]:
    """The policy, or the policy with each of the strategies: with its own parameters where it has that one."""
    given = resolve(policy, node_uw)
    if node_uw is None and (given.max_source.percent is not None or given.min_power.percent is not None):
        raise PlanError("the policy has percentages: say of how many watts with --node-watts")
    if not strategies:
        return [given]
    from .contract import RefusedError, admitted  # noqa: PLC0415 - reading the rules takes half a second

    made = []
    for name in strategies:
        if policy.spec.strategy.type == name:
            made.append(given)
            continue
        body = policy.to_wire()
        body["spec"]["strategy"] = {"type": name}
        try:
            other = admitted(body, PowerPolicy)
        except RefusedError as error:
            raise PlanError(f"strategy {name}: {error}") from error
        metadata = policy.metadata.model_copy(update={"name": f"{policy.metadata.name} with {name}"})
        made.append(resolve(other.model_copy(update={"metadata": metadata}), node_uw))
    return made


def read_curve(path: Path | None) -> curve.Curve:
    """The curve in the file, or the default one.

    Raises:
        PlanError, CurveError: the file cannot be read.
    """
    return curve.default_curve() if path is None else curve.Curve.of(curve.read_runs(_read(path)), path.name)


def _load(path: Path | None, policy: ResolvedPolicy) -> load.Load:
    if path is None:
        return load.FullLoad(policy.limits.max_uw / 1e6)
    return load.read_load(_read(path), policy.wall_clock)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PlanError(f"cannot read {path}: {error}") from error


def _hint(folder: Folder, policy: ResolvedPolicy) -> str:
    if folder.days:
        return ""
    if folder.others:
        return (
            f" (the folder has {', '.join(folder.others)}, the policy follows"
            f" {market_of(policy.policy.spec.market)}: set market.area and market.auction)"
        )
    return (
        ""
        if folder.refused
        else " (the folder has no file of results: powercap market fetch and import write some)"
    )


def _strategies(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    known = [kind.value for kind in StrategyType]
    for name in names:
        if name not in known:
            raise argparse.ArgumentTypeError(f"{name!r} is no strategy: {', '.join(known)}")
    return names


def static_watts(text: str) -> float:
    """A power in watts; argparse turns the error into a message."""
    try:
        return power_of(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _warn(message: str) -> None:
    print(f"powercap backtest: {message}", file=sys.stderr)
