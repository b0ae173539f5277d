"""The command behind ``make mutants``: changes what decides, bit by bit, and counts how much of it the tests notice.

mutmut makes the changes and runs the tests. It is run by uv in an environment of its own, made from the pins and one
more package. A sample over all modules is tried: all of it takes many hours.
"""

import argparse
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from dev.cluster.progress import say
from dev.mutants.results import Change, Mutant, change_of, draw, read_mutants
from dev.mutants.survivors import FILE, read_kinds, reason_for
from dev.mutants.workshop import REPOSITORY, prepare

MUTMUT: Final = "mutmut==3.8.1"
LEAST_PERCENT: Final = 85
_FOLDER: Final = REPOSITORY / "build" / "mutants"
_TO_BEGIN_WITH: Final = "powercap_agent.planning.meaning.x_is_package__mutmut_1"
"""mutmut makes all changes before it tries any: the first run is for that."""
_AT_ONCE: Final = 400
"""Names on one command line."""
_NICE: Final = 15


def main() -> int:
    """Try a sample; 1 where too few changes are noticed."""
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    parser.add_argument("--total", type=int, default=200, metavar="N", help="so many of all changes")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="which ones")
    parser.add_argument("--at-once", type=int, default=os.cpu_count() or 1, metavar="N")
    parser.add_argument(
        "--report", action="store_true", help="judge what the run before found, and try nothing"
    )
    options = parser.parse_args()
    os.nice(_NICE)
    if not options.report:
        prepare(_FOLDER)
        _mutmut(options.at_once, [_TO_BEGIN_WITH])
    names = draw(read_mutants(_FOLDER), options.seed, options.total)
    if not options.report:
        say(f"{len(names)} changes are tried")
        for begin in range(0, len(names), _AT_ONCE):
            _mutmut(options.at_once, names[begin : begin + _AT_ONCE])
    chosen = set(names)
    mutants = [mutant for mutant in read_mutants(_FOLDER) if mutant.name in chosen]
    return _judge(mutants)


def _mutmut(at_once: int, names: list[str]) -> None:
    command = [
        *(str(Path(sys.executable).with_name("uv")), "tool", "run", "--quiet", "--from", MUTMUT),
        *("--with-requirements", str(REPOSITORY / "dev" / "requirements.txt"), "--python", sys.executable),
        *("mutmut", "run", "--max-children", str(at_once), *names),
    ]
    done = subprocess.run(command, cwd=_FOLDER, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"mutmut ended with {done.returncode}:\n{done.stdout[-3000:]}")


def _judge(mutants: list[Mutant]) -> int:
    killed, tried = Counter[str](), Counter[str]()
    for mutant in mutants:
        tried[mutant.module] += mutant.exit_code is not None
        killed[mutant.module] += mutant.is_killed
    survivors = [mutant for mutant in mutants if mutant.exit_code is not None and not mutant.is_killed]
    kinds = read_kinds()
    changes = [change_of(_FOLDER, mutant) for mutant in survivors]
    unknown = [change for change in changes if reason_for(change, kinds) is None]
    _show(killed, tried)
    percent = 100 * killed.total() / max(tried.total(), 1)
    say(f"{killed.total()} of {tried.total()} noticed: {percent:.1f} % ({LEAST_PERCENT} % are wanted)")
    say(f"{len(changes)} survive, {len(changes) - len(unknown)} of them with a reason in {FILE.name}")
    _tell(unknown)
    return 1 if percent < LEAST_PERCENT else 0


def _show(killed: Counter[str], tried: Counter[str]) -> None:
    table = Table(title="powercap mutants", title_justify="left")
    for column in ("module", "tried", "noticed"):
        table.add_column(column)
    for module in sorted(tried):
        table.add_row(module, str(tried[module]), str(killed[module]))
    console = Console()
    (console if console.is_terminal else Console(width=100)).print(table)


def _tell(unknown: Iterable[Change]) -> None:
    for change in unknown:
        say(f"no test notices, in {change.where}:\n  - {change.was}\n  + {change.now}")


if __name__ == "__main__":
    sys.exit(main())
