"""The command behind ``make soak``."""

import argparse
import os
import statistics
import sys
import time
from random import Random
from typing import Final

from dev.cluster.binaries import locate
from dev.cluster.control_plane import ControlPlane
from dev.cluster.progress import say
from dev.lab.figures import Figure, conclude, counts, show
from dev.lab.stage import Stage, StageError, quoted_logs
from dev.lab.suite import folder, parse
from dev.soak.run import MARKETS, Soak
from powercap_operator.market.publication import DAILY_LIMIT

GROWTH_MB: Final = 15.0
"""More than that over the days of one process is growth."""
_SETTLED_DAYS: Final = 10
"""After so many days a process has read everything that it keeps."""


def main() -> int:
    """Run, and print what happened and what it came to; 1 where something did not hold."""
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--days", type=int, default=20, metavar="N", help="delivery days (default: 20)")
    options = parse(parser)
    seed, binaries = options.seed, locate(os.environ, say)
    with folder("soak", options.keep) as root:
        plane = ControlPlane(binaries, root / "control-plane", controller_manager=True)
        began = time.monotonic()
        with Stage(root, plane, {}) as stage:
            stage.start_cluster()
            soak = Soak(stage, Random(seed), say, options.days)  # noqa: S311 - to be drawn again
            try:
                with quoted_logs(stage):
                    soak.run()
            except StageError as error:
                soak.judge.complaints.append("\n".join([str(error), *getattr(error, "__notes__", [])]))
    growth = memory_growth(soak)
    soak.judge.complaints += [f"an operator grew by {growth:.1f} MB"] if growth > GROWTH_MB else []
    _report(soak, seed, growth, time.monotonic() - began)
    return 1 if soak.complaints else 0


def memory_growth(soak: Soak) -> float:
    """By how much the operator that lived longest grew after its first days, in MB; 0 where none lived long."""
    longest = max(soak.memory.values(), key=len, default=[])[_SETTLED_DAYS:]
    if len(longest) < 2 * _SETTLED_DAYS:
        return 0.0
    return statistics.median(longest[-_SETTLED_DAYS:]) - statistics.median(longest[:_SETTLED_DAYS])


def _report(soak: Soak, seed: int, growth: float, seconds: float) -> None:
    longest = max(soak.memory.values(), key=len, default=[0.0])
    agent = soak.agent_memory or [0.0]
    counted = soak.cluster.requests
    published, judge = soak.publications.published, soak.judge
    figures = [
        Figure("seed", str(seed), "", "SEED=… makes the same choices again"),
        Figure(
            "delivery days",
            str(len(soak.seconds)),
            str(soak.days),
            f"{len(MARKETS)} markets, {soak.clock_changes} clock changes, {soak.looks} looks",
        ),
        Figure("time", f"{seconds / 60:.1f} min", "", f"{_median(soak.seconds)} s a day"),
        Figure("the operator comes to rest", f"{_median(soak.rests)} s", "", f"{len(soak.rests)} times"),
        Figure(
            "budgets judged",
            str(soak.judge.judged),
            "no gap, no overlap",
            f"{soak.judge.writes} specs were written",
        ),
        Figure("faults", str(soak.done.total()), "", counts(soak.done)),
        Figure(
            "exchange in trouble", str(soak.publications.done.total()), "", counts(soak.publications.done)
        ),
        Figure("edits", str(soak.people.done.total()), "none lost", counts(soak.people.done)),
        Figure(
            "requests to the exchange",
            f"{len(soak.stage.exchange.requests)}, {soak.stage.exchange.most_at_once} at once",
            f"{DAILY_LIMIT} for a market day, 1 at once",
            f"{published} market days published; most for one: {max(counted.values(), default=0)}",
        ),
        Figure("most objects", counts(judge.most), "bounded, none at the end", "at any look"),
        Figure(
            "operator's memory",
            f"{longest[min(_SETTLED_DAYS, len(longest) - 1)]:.0f} → {longest[-1]:.0f} MB ({growth:+.1f})",
            "flat",
            f"the process that lived longest, {len(longest)} days, after {_SETTLED_DAYS}",
        ),
        Figure("agent's memory", f"{agent[0]:.1f} → {agent[-1]:.1f} MB", "flat", "one process"),
    ]
    show(figures, "powercap soak")
    conclude(soak.complaints, say)


def _median(values: list[float]) -> str:
    return f"{statistics.median(values or [0.0]):.1f} (most {max(values or [0.0]):.1f})"


if __name__ == "__main__":
    sys.exit(main())
