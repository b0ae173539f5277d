"""Programs of suites, as Debian and Ubuntu package them: found, or installed where this may be done."""

import os
import platform
import shutil
import subprocess
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

CNI_FOLDERS = (Path("/usr/lib/cni"), Path("/opt/cni/bin"))
PROGRAMS = {
    "containerd": "containerd",
    "ctr": "containerd",
    "runc": "runc",
    "buildah": "buildah",
    "debootstrap": "debootstrap",
    "iptables": "iptables",
    "nft": "nftables",
    "conntrack": "conntrack",
    "ip": "iproute2",
    "nsenter": "util-linux",
    "unshare": "util-linux",
}
"""Program to the package that has it."""
_EMULATORS = {"qemu-aarch64-static": "qemu-user-static", "qemu-x86_64-static": "qemu-user-static"}
_FOLDERS = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class PreparationError(Exception):
    """This machine cannot run a suite; the message says what to do."""


def require_node_programs(say: Callable[[str], None]) -> None:
    """See to it that every program of a node is there.

    Raises:
        PreparationError: this is no Linux, not root, or something is missing and cannot be installed.
    """
    _require(say, PROGRAMS, plugins=True)


def require_image_programs(say: Callable[[str], None], *, foreign: bool) -> None:
    """The same of what builds images: ``foreign`` ones are for another processor architecture."""
    programs = {name: PROGRAMS[name] for name in ("buildah", "debootstrap", "unshare")}
    _require(say, programs | (_EMULATORS if foreign else {}), plugins=False)


def _require(say: Callable[[str], None], programs: Mapping[str, str], *, plugins: bool) -> None:
    if platform.system() != "Linux":
        raise PreparationError(
            "a kubelet needs Linux: `make e2e-cluster` tries the chart on the cluster of KUBECONFIG"
        )
    if os.geteuid() != 0:
        raise PreparationError(
            "a kubelet and containerd need root: run `sudo make e2e`; `make e2e-cluster` needs only a KUBECONFIG"
        )
    install(_missing(programs, plugins=plugins), say)
    if still := _missing(programs, plugins=plugins):
        raise PreparationError(f"still missing after their installation: {', '.join(sorted(still))}")


def require_programs(programs: Mapping[str, str], say: Callable[[str], None]) -> None:
    """See to it that these programs are there, by the packages that have them.

    Raises:
        PreparationError: one is missing and cannot be installed.
    """
    install(_missing(programs, plugins=False), say)
    if still := _missing(programs, plugins=False):
        raise PreparationError(f"still missing after their installation: {', '.join(sorted(still))}")


def install(packages: Iterable[str], say: Callable[[str], None]) -> None:
    """Install Debian's packages; none is fine.

    Raises:
        PreparationError: this is not root, this is no Debian, or apt fails.
    """
    names = sorted(packages)
    if not names:
        return
    command = ["apt-get", "install", "-y", "-q", "--no-install-recommends", *names]
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise PreparationError(
            f"missing on this machine: {', '.join(names)}. As root on Debian: {' '.join(command)}."
            " Elsewhere install them by the names that your distribution gives them"
        )
    say(f"installing {', '.join(names)}")
    # What they bring is started by the suites alone: no package may leave a service of its own running beside them.
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1", "LC_ALL": "C"}
    for one in (["apt-get", "update", "-q"], command):
        done = subprocess.run(one, env=environ, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise PreparationError(f"`{' '.join(one)}` failed:\n{(done.stdout + done.stderr)[-2000:]}")


def cni_folder() -> Path:
    """Where the network plugins are."""
    for folder in CNI_FOLDERS:
        if (folder / "bridge").exists():
            return folder
    raise PreparationError(f"there is no bridge plugin in {' or '.join(map(str, CNI_FOLDERS))}")


def program(name: str) -> str:
    """The program's path, also where root's PATH is a user's."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:{_FOLDERS}")
    if found is None:
        raise PreparationError(f"{name} is missing")
    return found


def _missing(programs: Mapping[str, str], *, plugins: bool) -> set[str]:
    path = f"{os.environ.get('PATH', '')}:{_FOLDERS}"
    missing = {package for name, package in programs.items() if shutil.which(name, path=path) is None}
    if plugins and not any((folder / "bridge").exists() for folder in CNI_FOLDERS):
        missing.add("containernetworking-plugins")
    return missing
