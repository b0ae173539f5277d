"""``make kernel``: the agent on the drivers of Linux 6.1 and 6.12, over registers that say what was really written.

    python -m dev.kernel [PYTEST OPTION...] [TEST...]

Installs and builds what is needed, once, and runs the tests in tests/kernel, which boot the machines.
"""

import os
import subprocess
import sys
import time

from dev.kernel.images import image
from dev.kernel.packages import SERIES, require_programs
from dev.lab.debian import PreparationError
from dev.lab.suite import pytest_arguments

_FAILED_TO_PREPARE = 2


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main(arguments: list[str]) -> int:
    """Prepare and run; pytest's exit code."""
    began = time.monotonic()
    try:
        require_programs(_say)
        versions = [image(series, os.environ, _say).version for series in SERIES]
    except PreparationError as error:
        _say(f"make kernel: {error}")
        return _FAILED_TO_PREPARE
    _say(
        f"kernels {' and '.join(versions)} are ready after {time.monotonic() - began:.0f} s; booting them in QEMU"
    )
    tests = pytest_arguments(arguments, "tests/kernel")
    return subprocess.run([sys.executable, "-m", "pytest", *tests], check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
