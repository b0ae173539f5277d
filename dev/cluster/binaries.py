"""Where the programs of a control plane are: in KUBEBUILDER_ASSETS, or built from this folder's Go module.

KUBEBUILDER_ASSETS is what envtest and kubebuilder use, so those who have these binaries already are not made
to build them. Everyone else needs nothing but Go, waits for a build, and has it in the cache from then on.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from dev.cluster.build import API_SERVER, MINIMUM_GO, NEWEST, REST, build, is_linux
from dev.cluster.errors import BinariesError

REQUIRED = ("etcd", "kube-apiserver", "kubectl")
OPTIONAL = ("kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy")

# What node_linux.go adds.
_LINUX_ONLY = frozenset({"kubelet", "kube-proxy"})


@dataclass(frozen=True)
class Binaries:
    """The programs by component name, for example kube-apiserver."""

    commands: Mapping[str, tuple[str, ...]]
    """The beginning of each program's argument list: one path, or the multi-call binary and a component."""

    def has(self, name: str) -> bool:
        return name in self.commands

    def command(self, name: str) -> list[str]:
        """The beginning of the argument list, to be extended. BinariesError where it is missing."""
        if name not in self.commands:
            raise BinariesError(
                f"there is no {name} here, only {', '.join(sorted(self.commands))}: add it to the folder that"
                " KUBEBUILDER_ASSETS names, or unset KUBEBUILDER_ASSETS to have all of them built with Go"
            )
        return list(self.commands[name])


def locate(environ: Mapping[str, str], say: Callable[[str], None], *, least: bool = False) -> Binaries:
    """Finds the programs, building them first where needed: minutes once, milliseconds from then on.

    ``least`` asks for etcd, API server and kubectl alone, of whatever version: those that envtest has installed where
    there are any.
    KUBERNETES in the environment asks for a version to build, such as 1.31; it has etcd and kubectl of the newest.
    Safe to call from several processes at once; one builds and the others wait. Raises BinariesError, which
    says what to do.
    """
    assets = environ.get("KUBEBUILDER_ASSETS", "")
    minor = environ.get("KUBERNETES", "")
    if assets and minor:
        raise BinariesError(
            f"both KUBEBUILDER_ASSETS ({assets}) and KUBERNETES ({minor}) are set, and each says what to run:"
            " unset one of them"
        )
    if assets:
        return _from_assets(Path(assets))
    if least and not minor and (installed := installed_assets(environ)) is not None:
        say(f"the control plane's programs are those in {installed}")
        return _from_assets(installed)
    newest = build(NEWEST, API_SERVER, environ, say)
    api_server = build(minor, API_SERVER, environ, say) if minor else newest
    found = dict.fromkeys(("etcd", "kubectl"), newest) | {"kube-apiserver": api_server}
    if not least:
        rest = build(minor or NEWEST, REST, environ, say)
        found |= {name: rest for name in OPTIONAL if is_linux() or name not in _LINUX_ONLY}
    return Binaries({name: (str(program), name) for name, program in found.items()})


def installed_assets(environ: Mapping[str, str]) -> Path | None:
    """The folder with the newest programs that kubebuilder or ``setup-envtest`` have installed, if any."""
    home = Path(environ.get("HOME") or Path.home())
    data = Path(environ.get("XDG_DATA_HOME") or home / ".local" / "share")
    folders = sorted((data / "kubebuilder-envtest" / "k8s").glob("1.*"), key=_version, reverse=True)
    for folder in (*folders, Path("/usr/local/kubebuilder/bin")):
        if all((folder / name).is_file() for name in REQUIRED):
            return folder
    return None


def _version(folder: Path) -> list[int]:
    """Of a folder such as 1.33.0-linux-amd64."""
    return [int(number) for number in folder.name.partition("-")[0].split(".") if number.isdigit()]


def _from_assets(folder: Path) -> Binaries:
    found = {
        name: (str(folder.absolute() / name),) for name in REQUIRED + OPTIONAL if (folder / name).is_file()
    }
    missing = [name for name in REQUIRED if name not in found]
    if missing:
        raise BinariesError(
            f"KUBEBUILDER_ASSETS is {folder}, where {' and '.join(missing)} is missing: point it to the"
            " folder that `setup-envtest use -p path` prints, or unset it to have the programs built with"
            f" Go {MINIMUM_GO} or newer"
        )
    return Binaries(found)
