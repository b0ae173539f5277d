"""``powercap``: the command for people. Every command's ``--help`` teaches by example."""

import argparse
import io
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from .cluster import override, report
from .files import backtest, curve, jobs, market, plan

_EXAMPLES = """\
examples:
  powercap market fetch --area FR --auction IDA1 --date tomorrow
  powercap market show epex_data_2025-10-09.csv
  powercap plan --policy policy.yaml --csv epex_data_2025-10-09.csv
  powercap backtest --policy policy.yaml --history results/
  powercap override node-a --limit 60 --for 2h --reason "cooling is being repaired"
  powercap market parse --help
"""

_OF_THE_EXTRA: Final = frozenset({"argcomplete", "rich"})
"""What the extra ``powercap[kubectl]`` brings."""


def make_parser(environ: Mapping[str, str]) -> argparse.ArgumentParser:
    """All commands; each sets ``run``, a function of the parsed arguments that returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="kubectl powercap" if Path(sys.argv[0]).name.startswith("kubectl-") else "powercap",
        description="Work with market results and power policies: on files, and on a cluster with your own rights.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    market.add_market_parser(commands, environ)
    plan.add_plan_parser(commands)
    backtest.add_backtest_parser(commands)
    curve.add_curve_parser(commands)
    jobs.add_jobs_parser(commands)
    report.add_report_parser(commands)
    override.add_override_parser(commands)
    _add_cluster_commands(commands)
    return parser


def _add_cluster_commands(commands: Any) -> None:
    """Those that draw on a terminal, where what they need is installed; the operator's image is without it."""
    try:
        from .cluster import completion, status, steer  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if error.name not in _OF_THE_EXTRA:
            raise
        return
    status.add_status_parser(commands)
    status.add_node_parser(commands)
    steer.add_steer_parsers(commands)
    completion.add_completion_parser(commands)


def main(argv: Sequence[str] | None = None) -> int:
    """The entry point; the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="replace")  # € and bars, whatever the locale
    parser = make_parser(os.environ)
    if "_ARGCOMPLETE" in os.environ:  # a shell asks, and not a person
        import argcomplete  # noqa: PLC0415 - set by its own scripts only

        argcomplete.autocomplete(parser)
    arguments = parser.parse_args(argv)
    try:
        code = int(arguments.run(arguments))
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(
            os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno()
        )  # the reader has had enough, as in | head
        return 1
    except KeyboardInterrupt:
        return 130
    return code


def complete_kubectl() -> int:
    """The entry point ``kubectl_complete-powercap``, which kubectl runs; the exit code."""
    from .cluster.completion import print_completions  # noqa: PLC0415 - of the extra

    print_completions(make_parser(os.environ), sys.argv[1:] or [""])
    return 0
