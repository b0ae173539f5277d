"""``powercap curve``: how fast your own work runs under caps, and what it draws, for ``powercap backtest --curve``.

Nothing here sets a cap: whoever runs it does, or the agent on the node. What is written down is the limit that was
in force, and it must be the same before and after the command.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

from powercap_operator.worth import curve

from .package_energy import EnergyMeter, Package, PackageError, find_packages

_ROOT: Final = Path("/sys/class/powercap")
_READ_SECONDS: Final = 1.0
_SHORTEST_SECONDS: Final = 1.0
_EXAMPLES: Final = """\
examples:
  powercap curve run -- make -j8 bench >> runs.csv
      on a node, as root: runs the command under the limit in force and adds a line cap,seconds,joules
  powercap curve fit runs.csv > curve.csv
      once there are runs under a few caps: their means, the curve on standard error
  powercap backtest --policy policy.yaml --history results/ --curve curve.csv

A cap for a run: a PowerPolicy with strategy {type: Fixed, power: "80"} on a node of its own, or by hand
  echo 80000000 > /sys/class/powercap/intel-rapl:0/constraint_0_power_limit_uw
Take four or five caps, the highest one that never binds among them, the same work each time, some minutes long, and
nothing else on the node. Run the command twice under each.
"""


def add_curve_parser(subparsers: Any) -> None:
    """Add ``curve`` and its commands to those of ``powercap``."""
    curve = subparsers.add_parser(
        "curve",
        description="Measure work under caps, and make a curve of it.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = curve.add_subparsers(required=True, metavar="COMMAND")
    measure = commands.add_parser("run", help="run a command under the limit in force, and measure it")
    measure.add_argument(
        "--cap", type=float, metavar="W", help="the cap in watts (default: the packages' long-term limits)"
    )
    measure.add_argument("--repeat", type=int, default=1, metavar="N", help="run it so often (default: 1)")
    measure.add_argument("--powercap-root", type=Path, default=_ROOT, metavar="DIR", help=f"default: {_ROOT}")
    measure.add_argument("command", nargs="+", metavar="COMMAND", help="the work, after --")
    measure.set_defaults(run=run_command)
    fit = commands.add_parser("fit", help="make a curve of runs")
    fit.add_argument("runs", type=Path, metavar="FILE", help="CSV cap,seconds,joules")
    fit.set_defaults(run=fit_runs)


def run_command(arguments: argparse.Namespace) -> int:
    """Run the command and print a line for each run; the exit code."""
    try:
        packages = find_packages(arguments.powercap_root)
        head = "cap,seconds,joules\n" if _has_no_head() else ""
        for _ in range(arguments.repeat):
            print(head + _measured(packages, arguments.cap, arguments.command), flush=True)
            head = ""
    except PackageError as error:
        _warn(str(error))
        return 1
    return 0


def fit_runs(arguments: argparse.Namespace) -> int:
    """Print the runs' means as CSV, and the curve on standard error; the exit code."""
    try:
        runs = curve.average(curve.read_runs(arguments.runs.read_text(encoding="utf-8")))
        curve.Curve.of(runs, arguments.runs.name)
    except (OSError, UnicodeDecodeError, curve.CurveError) as error:
        _warn(f"{arguments.runs}: {error}")
        return 1
    sys.stdout.write(curve.write_runs(runs))
    full = runs[-1]
    print("      cap    work  energy for the same work", file=sys.stderr)
    for run in reversed(runs):
        print(
            f"{run.cap / full.cap * 100:7.0f} % {full.seconds / run.seconds * 100:5.0f} %"
            f" {run.joules / full.joules * 100:5.0f} %",
            file=sys.stderr,
        )
    return 0


def _measured(packages: list[Package], cap_watts: float | None, command: list[str]) -> str:
    """Run the command once; its line.

    Raises:
        PackageError: it failed or was too short, the cap changed meanwhile, or a counter cannot be read.
    """
    before = cap_watts if cap_watts is not None else _limit_watts(packages)
    meter = EnergyMeter(packages)
    began = time.monotonic()
    try:
        process = subprocess.Popen(command, stdout=sys.stderr)
    except OSError as error:
        raise PackageError(f"{command[0]} cannot be run: {error.strerror or error}") from error
    while True:
        try:
            code = process.wait(timeout=_READ_SECONDS)
        except subprocess.TimeoutExpired:
            meter.read()
            continue
        break
    seconds = time.monotonic() - began
    meter.read()
    if code:
        raise PackageError(f"{command[0]} ended with {code}: nothing was measured")
    if seconds < _SHORTEST_SECONDS:
        raise PackageError(f"{command[0]} took {seconds:.2f} s only: take some minutes of work")
    if meter.total_uj == 0:
        raise PackageError("the energy counters did not move: this machine does not count")
    after = cap_watts if cap_watts is not None else _limit_watts(packages)
    if after != before:
        raise PackageError(
            f"the cap changed from {before:g} to {after:g} W while the command ran: run it again"
        )
    return f"{before:g},{seconds:.3f},{meter.total_uj / 1e6:.3f}"


def _limit_watts(packages: list[Package]) -> float:
    return sum(package.limit_uw() for package in packages) / 1e6


def _has_no_head() -> bool:
    """Whether standard output is anything but a file that has something in it."""
    try:
        return os.fstat(sys.stdout.fileno()).st_size == 0
    except OSError:
        return True


def _warn(message: str) -> None:
    print(f"powercap curve: {message}", file=sys.stderr)
