"""``powercap``: the command for people. Every command's ``--help`` teaches by example."""

import argparse
import io
import os
import sys
from collections.abc import Mapping, Sequence

from . import backtest, curve, market, override, plan

_EXAMPLES = """\
examples:
  powercap market fetch --area FR --auction IDA1 --date tomorrow
  powercap market show epex_data_2025-10-09.csv
  powercap plan --policy policy.yaml --csv epex_data_2025-10-09.csv
  powercap backtest --policy policy.yaml --history results/
  powercap override node-a --limit 60 --for 2h --reason "cooling is being repaired"
  powercap market parse --help
"""


def make_parser(environ: Mapping[str, str]) -> argparse.ArgumentParser:
    """All commands; each sets ``run``, a function of the parsed arguments that returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="powercap",
        description="Work with market results and power policies, without a cluster, and override policies on one.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    market.add_market_parser(commands, environ)
    plan.add_plan_parser(commands)
    backtest.add_backtest_parser(commands)
    curve.add_curve_parser(commands)
    override.add_override_parser(commands)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """The entry point; the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="replace")  # € and bars, whatever the locale
    arguments = make_parser(os.environ).parse_args(argv)
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
