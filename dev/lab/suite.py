"""What the commands of the suites share: pytest on a suite's folder, and a run with a seed in a folder of its own."""

import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from dev.cluster.errors import BinariesError
from dev.cluster.progress import say
from dev.lab.debian import PreparationError

_FAILED_TO_PREPARE = 2


def pytest_arguments(arguments: Sequence[str], folder: str) -> list[str]:
    """The arguments, and the suite's folder where none of them names a file, a folder or a test.

    What an option takes, such as the word after ``-k``, names none.
    """
    named = any(Path(argument.partition("::")[0]).exists() for argument in arguments)
    return [*arguments] if named else [*arguments, folder]


def run_tests(
    name: str,
    arguments: Sequence[str],
    prepare: Callable[[], object],
    enter: Sequence[str] = (),
    environ: Mapping[str, str] | None = None,
) -> int:
    """Prepare, and run the suite tests/NAME by a command that begins with ``enter``; pytest's exit code, or 2 where the
    machine lacks something.
    """
    began = time.monotonic()
    try:
        prepare()
    except (PreparationError, BinariesError) as error:
        say(f"make {name}: {error}")
        return _FAILED_TO_PREPARE
    say(f"prepared after {time.monotonic() - began:.0f} s")
    command = [*enter, sys.executable, "-m", "pytest", *pytest_arguments(arguments, f"tests/{name}")]
    return subprocess.run(command, env={**os.environ, **(environ or {})}, check=False).returncode


def parse(parser: ArgumentParser) -> Namespace:
    """The options of a run with a seed, which is drawn and said where none is given; SIGTERM ends it in order."""
    parser.add_argument("--seed", type=int, metavar="N", help="of an earlier run, to meet the same again")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="leave logs and data there")
    options = parser.parse_args()
    if options.seed is None:
        options.seed = secrets.randbelow(1_000_000)
    say(f"seed {options.seed}: {parser.prog} SEED={options.seed} makes the same choices again")
    end_by_sigterm()
    return options


def end_by_sigterm() -> None:
    """Let SIGTERM end this process as an exit does, with everything that it started."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))


@contextmanager
def folder(name: str, keep: Path | None = None) -> Iterator[Path]:
    """A folder for a run, which is thrown away unless it is to be kept."""
    with tempfile.TemporaryDirectory(prefix=f"powercap-{name}-") as temporary:
        root = keep or Path(temporary)
        root.mkdir(parents=True, exist_ok=True)
        yield root
