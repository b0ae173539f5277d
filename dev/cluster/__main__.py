"""A control plane for working by hand: it runs on in the background until `down`.

python -m dev.cluster up|down|status|delete [--root DIR]
python -m dev.cluster [--root DIR] kubectl ARGUMENT...
"""

import argparse
import os
import shutil
import sys
from pathlib import Path

from dev.cluster.binaries import locate
from dev.cluster.control_plane import COMPONENTS, ControlPlane, stop_components
from dev.cluster.errors import ClusterError
from dev.cluster.locks import exclusive
from dev.cluster.process.component import Component

_DEFAULT_ROOT = Path(__file__).parents[2] / ".cluster"


def main(arguments: list[str]) -> int:
    # kubectl's own flags are not to be taken for ours: everything behind its name is left alone.
    at = arguments.index("kubectl") if "kubectl" in arguments else len(arguments)
    parser = argparse.ArgumentParser(
        prog="python -m dev.cluster",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=["up", "down", "status", "delete", "kubectl"])
    parser.add_argument("--root", type=Path, default=_DEFAULT_ROOT, help="the control plane's folder")
    options = parser.parse_args(arguments[: at + 1])
    root: Path = options.root.absolute()
    try:
        match options.command:
            case "up":
                return _up(root)
            case "down":
                return _down(root)
            case "delete":
                return _delete(root)
            case "status":
                return _status(root)
            case _:
                return _kubectl(root, arguments[at + 1 :])
    except ClusterError as error:
        _say(f"error: {error}")
        return 1


def _up(root: Path) -> int:
    """Prints on stdout what a shell can eval, and all else on stderr."""
    binaries = locate(os.environ, _say)
    with exclusive(root / "lock"):
        control_plane = ControlPlane(binaries, root, detached=True, say=_say)
        wanted = [name for name in COMPONENTS[:3] if binaries.has(name)]
        if set(wanted) <= control_plane.pids.keys():
            _say(f"already runs at {control_plane.url}")
        else:
            # What is left of one that was killed in part.
            control_plane.stop()
            control_plane.start()
    print(f"export KUBECONFIG={control_plane.kubeconfig}")
    return 0


def _down(root: Path) -> int:
    if not root.exists():
        _say("nothing runs")
        return 0
    with exclusive(root / "lock"):
        ended = stop_components(root)
    _say(f"ended {', '.join(ended)}; its data is still in {root}" if ended else "nothing runs")
    return 0


def _delete(root: Path) -> int:
    if root.exists() and not (root / "pki" / "ca.crt").exists():
        raise ClusterError(f"{root} does not look like a control plane's folder, not deleting it")
    stop_components(root)
    if root.exists():
        shutil.rmtree(root)
    _say(f"no control plane, and no data, in {root} any more")
    return 0


def _status(root: Path) -> int:
    """0 where all that `up` starts runs. Asks the processes, not the API."""
    pids = {name: Component(name, root).pid for name in COMPONENTS}
    for name, pid in pids.items():
        print(f"{name:<24} {'-' if pid is None else f'running, pid {pid}'}")
    if pids["kube-apiserver"] is not None:
        print(f"export KUBECONFIG={root / 'kubeconfig'}")
    return 0 if all(pids[name] is not None for name in ("etcd", "kube-apiserver")) else 1


def _kubectl(root: Path, arguments: list[str]) -> int:
    kubeconfig = root / "kubeconfig"
    if not kubeconfig.exists():
        raise ClusterError(f"there is no control plane in {root}: `python -m dev.cluster up` makes one")
    command = [*locate(os.environ, _say).command("kubectl"), f"--kubeconfig={kubeconfig}", *arguments]
    os.execv(command[0], command)  # noqa: S606 (becomes kubectl, terminal included)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
