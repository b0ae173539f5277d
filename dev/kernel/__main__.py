"""``make kernel``: the agent on the drivers of Linux 6.1 and 6.12, over registers that say what was really written.

    python -m dev.kernel [PYTEST OPTION...] [TEST...]

Installs and builds what is needed, once, and runs the tests in tests/kernel, which boot the machines in QEMU.
"""

import os
import sys

from dev.cluster.progress import say
from dev.kernel.images import image
from dev.kernel.packages import SERIES, require_programs
from dev.lab.suite import run_tests


def _prepare() -> None:
    require_programs(say)
    for series in SERIES:
        say(f"Linux {image(series, os.environ, say).version} is ready")


if __name__ == "__main__":
    sys.exit(run_tests("kernel", sys.argv[1:], _prepare))
