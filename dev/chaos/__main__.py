"""The command behind ``make chaos``."""

import argparse
import os
import statistics
import sys
import time
from collections.abc import Sequence
from random import Random

from dev.chaos.run import CONVERGENCE_SECONDS, HALF_OPEN_SECONDS, NODES_SECONDS, Run
from dev.chaos.world import AGENTS, ChaosWorld
from dev.cluster.binaries import locate
from dev.cluster.progress import say
from dev.lab.figures import Figure, conclude, counts, show
from dev.lab.stage import StageError
from dev.lab.suite import folder, parse


def main() -> int:
    """Run, and print what happened and what it came to; 1 where something did not hold."""
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument(
        "--minutes", type=float, metavar="N", help="how long (default: 2, or as long as --edits take)"
    )
    parser.add_argument("--edits", type=int, default=sys.maxsize, metavar="N", help="end after so many edits")
    parser.add_argument(
        "--late",
        type=float,
        default=0.0,
        metavar="SECONDS",
        help="how much later than its aim each thing may be, on a machine that does other work too",
    )
    options = parse(parser)
    seed, binaries = options.seed, locate(os.environ, say)
    with folder("chaos", options.keep) as root:
        chance = Random(seed)  # noqa: S311 - to be drawn again
        world = ChaosWorld(root, binaries, Random(seed + 1))  # noqa: S311 - the same
        try:
            world.start()
            minutes = options.minutes or (2 if options.edits == sys.maxsize else 7 * 1440)
            run = Run(world, chance, say, options.edits, time.monotonic() + minutes * 60, options.late)
            run.all()
        except StageError as error:
            say(str(error))
            return 1
        finally:
            world.close()
    _report(run, seed)
    return 1 if run.complaints else 0


def _report(run: Run, seed: int) -> None:
    seen = run.world.proxy.seen
    lived = {program: values for program, values in run.memory.items() if len(values) > 2}
    figures = [
        Figure(
            "seed", str(seed), "", "SEED=… makes the same choices again; what they meet depends on timing"
        ),
        Figure("edits accepted", str(run.made), "none lost", counts(run.edits.made)),
        Figure("edits refused", str(run.edits.refused.total()), "", counts(run.edits.refused)),
        Figure("requests through the proxy", str(seen.total()), "", counts(seen)),
        Figure("disturbances", str(run.disturbances.done.total()), "", counts(run.disturbances.done)),
        Figure(
            "nothing left to do for a fresh operator",
            _seconds(run.decided),
            f"{CONVERGENCE_SECONDS:.0f} s",
            f"{len(run.decided)} rounds, from when all works and an operator leads",
        ),
        Figure("nodes follow and have said so", _seconds(run.followed), f"{NODES_SECONDS:.0f} s", "the same"),
        Figure(
            "all watches half-open: an edit is followed",
            ", ".join(f"{who} {seconds:.0f} s" for who, seconds in run.half_open.items()),
            f"{HALF_OPEN_SECONDS:.0f} s",
            "noticed, watched anew, written, followed",
        ),
        Figure(
            "limits outside [floor, original]",
            str(len(run.limits.complaints)),
            "0",
            f"{run.limits.looks} looks at {len(AGENTS)} nodes, {run.limits.changes} changes",
        ),
        Figure(
            "memory",
            ", ".join(f"{name.split('/')[0]} {mb[0]:.0f} → {mb[-1]:.0f} MB" for name, mb in lived.items()),
            "flat",
            "processes that lived for more than two rounds",
        ),
    ]
    show(figures, "powercap chaos")
    conclude(run.complaints, say)


def _seconds(values: Sequence[float]) -> str:
    return f"{statistics.median(values):.1f} s (most {max(values):.1f} s)"


if __name__ == "__main__":
    sys.exit(main())
