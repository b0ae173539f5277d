"""The command behind ``make scale``."""

import argparse
import os
import resource
import sys

from rich.console import Console
from rich.table import Table

from dev.cluster.binaries import locate
from dev.cluster.progress import say
from dev.lab.figures import show
from dev.lab.stage import quoted_logs
from dev.lab.suite import end_by_sigterm, folder
from dev.scale.phase import Measured, Stopwatch
from dev.scale.run import Run
from dev.scale.world import ScaleWorld

_PHASE_SECONDS = 900.0
_COLUMNS = (
    "phase",
    "all written",
    "all reported",
    "budgets written",
    "statuses (most a second)",
    "API server",
    "etcd",
    "operator",
    "etcd's growth",
    "longest step of the loop so far",
    "bare client: all written",
    "API server",
    "operator ÷ bare",
)


def main() -> int:
    """Measure, and print the table. 1 where an aim is missed that does not depend on the machine."""
    parser = argparse.ArgumentParser(prog="make scale", description=__doc__)
    parser.add_argument("--nodes", type=int, default=1000, metavar="N")
    parser.add_argument(
        "--edits", type=int, default=10, metavar="N", help="edits in five minutes; 0: leave out"
    )
    parser.add_argument(
        "--at-once", type=int, default=16, metavar="N", help="the bare client's requests in flight"
    )
    parser.add_argument(
        "--quick", action="store_true", help="leave out midnight and all but one burst of nodes"
    )
    options = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    end_by_sigterm()
    with folder("scale") as root:
        world = ScaleWorld(root, locate(os.environ, say), options.nodes, options.at_once)
        run = Run(
            world, Stopwatch(world.log, world.meters, _PHASE_SECONDS), say, options.quick, options.edits
        )
        try:
            with quoted_logs(world.stage):
                world.start()
                say(f"{options.nodes} nodes are there")
                say(f"every agent watches, after {world.start_agents():.0f} s more")
                run.all()
        finally:
            world.close()
    _show(run, options.nodes)
    for complaint in run.failures:
        say(f"missed: {complaint}")
    return 1 if run.failures else 0


def _show(run: Run, nodes: int) -> None:
    table = Table(title=f"powercap scale: {nodes} nodes", title_justify="left", show_lines=True)
    for column in _COLUMNS:
        table.add_column(column)
    for what, measured in run.operator.items():
        table.add_row(*_cells(measured), *_beside(measured, run.bare.get(what)))
    console = Console()
    (console if console.is_terminal else Console(width=190)).print(table)
    show(run.figures)


def _cells(measured: Measured) -> list[str]:
    return [
        measured.what,
        _seconds(measured.written_seconds),
        _seconds(measured.reported_seconds),
        str(measured.budget_writes),
        f"{measured.status_writes} ({measured.statuses_a_second})",
        _seconds(measured.used.api_server),
        _seconds(measured.used.etcd),
        _seconds(measured.used.operator),
        f"{measured.used.etcd_mb:.0f} MB",
        "" if measured.longest_step_seconds is None else f"{measured.longest_step_seconds * 1000:.0f} ms",
    ]


def _beside(measured: Measured, bare: Measured | None) -> list[str]:
    if bare is None:
        return ["", "", ""]
    if measured.written_seconds is None or bare.written_seconds is None:
        return [_seconds(bare.reported_seconds), _seconds(bare.used.api_server), ""]
    ratio = measured.written_seconds / bare.written_seconds
    return [_seconds(bare.written_seconds), _seconds(bare.used.api_server), f"{ratio:.2f}"]


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.1f} s"


if __name__ == "__main__":
    sys.exit(main())
