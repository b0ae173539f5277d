"""A control plane for working by hand: it runs on in the background until `down`.

python -m dev.cluster up|down|status [--root DIR]
"""

import argparse
import os
import sys
from pathlib import Path

from dev.cluster.binaries import locate
from dev.cluster.control_plane import COMPONENTS, ControlPlane, stop_components
from dev.cluster.errors import ClusterError
from dev.cluster.locks import exclusive
from dev.cluster.process.component import Component
from dev.cluster.progress import say

_DEFAULT_ROOT = Path(__file__).parents[2] / ".cluster"


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m dev.cluster",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=["up", "down", "status"])
    parser.add_argument("--root", type=Path, default=_DEFAULT_ROOT, help="the control plane's folder")
    options = parser.parse_args(arguments)
    root: Path = options.root.absolute()
    try:
        match options.command:
            case "up":
                return _up(root)
            case "down":
                return _down(root)
            case _:
                return _status(root)
    except ClusterError as error:
        say(f"error: {error}")
        return 1


def _up(root: Path) -> int:
    """Prints on stdout what a shell can eval, and all else on stderr."""
    binaries = locate(os.environ, say)
    with exclusive(root / "lock"):
        control_plane = ControlPlane(binaries, root, detached=True, say=say)
        wanted = [name for name in COMPONENTS[:3] if binaries.has(name)]
        if set(wanted) <= control_plane.pids.keys():
            say(f"already runs at {control_plane.url}")
        else:
            # What is left of one that was killed in part.
            control_plane.stop()
            control_plane.start()
    print(f"export KUBECONFIG={control_plane.kubeconfig}")
    return 0


def _down(root: Path) -> int:
    if not root.exists():
        say("nothing runs")
        return 0
    with exclusive(root / "lock"):
        ended = stop_components(root)
    say(f"ended {', '.join(ended)}; its data is still in {root}" if ended else "nothing runs")
    return 0


def _status(root: Path) -> int:
    """0 where all that `up` starts runs. Asks the processes, not the API."""
    pids = {name: Component(name, root).pid for name in COMPONENTS}
    for name, pid in pids.items():
        print(f"{name:<24} {'-' if pid is None else f'running, pid {pid}'}")
    if pids["kube-apiserver"] is not None:
        print(f"export KUBECONFIG={root / 'kubeconfig'}")
    return 0 if all(pids[name] is not None for name in ("etcd", "kube-apiserver")) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
