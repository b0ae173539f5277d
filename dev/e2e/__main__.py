"""``make e2e``: the chart on a real kubelet, from images built from the two Dockerfiles.

    python -m dev.e2e [PYTEST OPTION...] [TEST...]

Prepares what the tests in tests/e2e need, and runs them in a network namespace of their own, where the control plane,
containerd, the kubelet and kube-proxy are started by the tests' fixtures. Logs of a failed run stay in a folder whose
name is printed.
"""

import os
import shutil
import subprocess
import sys
import time

from dev.cluster.binaries import locate
from dev.cluster.errors import BinariesError
from dev.e2e.network import inside, make_network, remove_network
from dev.e2e.node import clear_away
from dev.e2e.tools import HELM, HELM_OLDEST, ToolError, locate_tool
from dev.e2e.world import ROOT_VARIABLE, make_root
from dev.images.build import build_images
from dev.lab.debian import PreparationError, require_node_programs
from dev.lab.suite import pytest_arguments

_FAILED_TO_PREPARE = 2


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main(arguments: list[str]) -> int:
    """Prepare and run; pytest's exit code."""
    began = time.monotonic()
    network = f"powercap-e2e-{os.getpid()}"
    try:
        _prepare(network)
    except (PreparationError, ToolError, BinariesError) as error:
        _say(f"make e2e: {error}")
        return _FAILED_TO_PREPARE
    _say(f"prepared after {time.monotonic() - began:.0f} s")
    root = make_root()
    try:
        command = [
            *inside(network),
            sys.executable,
            "-m",
            "pytest",
            *pytest_arguments(arguments, "tests/e2e"),
        ]
        return subprocess.run(command, env={**os.environ, ROOT_VARIABLE: str(root)}, check=False).returncode
    finally:
        clear_away(root)
        shutil.rmtree(root, ignore_errors=True)
        remove_network(network)
        _say(f"end-to-end tests took {time.monotonic() - began:.0f} s")


def _prepare(network: str) -> None:
    """Everything that is fetched: from inside of the namespace nothing can be."""
    require_node_programs(_say)
    if not locate(os.environ, _say).has("kubelet"):
        raise PreparationError("KUBEBUILDER_ASSETS has no kubelet: unset it to have one built with Go")
    for helm in (HELM, HELM_OLDEST):
        locate_tool(helm, os.environ, _say)
    build_images(os.environ, _say)
    make_network(network)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
