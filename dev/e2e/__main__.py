"""``make e2e``: the chart on a real kubelet, from images built from the two Dockerfiles.

    python -m dev.e2e [PYTEST OPTION...] [TEST...]

Prepares what the tests in tests/e2e need, and runs them in a network namespace of their own, where the control plane,
containerd, the kubelet and kube-proxy are started by the tests' fixtures. Logs of a failed run stay in a folder whose
name is printed.
"""

import os
import shutil
import sys

from dev.cluster.binaries import locate
from dev.cluster.progress import say
from dev.e2e.network import inside, make_network, remove_network
from dev.e2e.node import clear_away
from dev.e2e.tools import HELM, HELM_OLDEST, locate_tool
from dev.e2e.world import ROOT_VARIABLE, make_root
from dev.images.build import build_images
from dev.lab.debian import PreparationError, require_node_programs
from dev.lab.suite import run_tests


def main(arguments: list[str]) -> int:
    """Prepare and run; pytest's exit code."""
    network, root = f"powercap-e2e-{os.getpid()}", make_root()
    try:
        enter, environ = inside(network), {ROOT_VARIABLE: str(root)}
        return run_tests("e2e", arguments, lambda: _prepare(network), enter, environ)
    finally:
        clear_away(root)
        shutil.rmtree(root, ignore_errors=True)
        remove_network(network)


def _prepare(network: str) -> None:
    """Everything that is fetched: from inside of the namespace nothing can be."""
    require_node_programs(say)
    if not locate(os.environ, say).has("kubelet"):
        raise PreparationError("KUBEBUILDER_ASSETS has no kubelet: unset it to have one built with Go")
    for helm in (HELM, HELM_OLDEST):
        locate_tool(helm, os.environ, say)
    build_images(os.environ, say)
    make_network(network)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
