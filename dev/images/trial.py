"""Starts both images without a cluster.

Checks that their Python is the one meant, that all our modules can be imported with warnings as errors, and that the
programs end with the sentence for people who start them outside a cluster.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from dev.images.bases import Base
from dev.images.build import Image, Images, storage
from dev.images.roots import run
from dev.lab.debian import PreparationError, program

_OPTIONAL: Final = ("argcomplete", "matplotlib", "numpy", "rich")
"""What the command on people's machines has, and the operator's image has not."""
_IMPORT_ALL: Final = f"""\
import importlib, pkgutil, platform, sys
names, without = [], []
for package in sys.argv[1:]:
    for found in pkgutil.walk_packages(importlib.import_module(package).__path__, package + "."):
        if found.name.endswith(".__main__"):
            continue
        try:
            importlib.import_module(found.name)
            names.append(found.name)
        except ModuleNotFoundError as error:
            if error.name.partition(".")[0] not in {_OPTIONAL!r}:
                raise
            without.append(found.name)
print(platform.python_version(), platform.machine(), sys.executable, len(names), len(without))
"""
"""walk_packages passes over a package that it cannot import, but names it first: the import here fails then."""


@dataclass(frozen=True)
class Started:
    """What an image's Python said of itself."""

    python: str
    machine: str
    executable: str
    imported: int
    left_out: int
    """Modules of ours that need what only the command has."""


@dataclass(frozen=True)
class _Start:
    arguments: Sequence[str]
    status: int
    says: str
    environ: Mapping[str, str]


_AGENT: Final = (
    _Start(["--help"], 0, "usage: powercap-agent", {}),
    _Start(["restore", "--powercap-root", "/none", "--state-dir", "/state"], 0, "", {}),
    _Start([], 2, "outside a cluster, name the API server with --server", {"NODE_NAME": "n1"}),
)
_OPERATOR: Final = (
    _Start(["--help"], 0, "usage: powercap-operator", {}),
    _Start([], 2, "no cluster to work with", {}),
)


def start_both(images: Images, base: Base, environ: Mapping[str, str]) -> dict[str, Started]:
    """Start both.

    Raises:
        PreparationError: one did not do what it should; the message has what it did.
    """
    return {
        "operator": _start(images.operator, ["powercap_api", "powercap_operator"], _OPERATOR, base, environ),
        "agent": _start(images.agent, ["powercap_agent"], _AGENT, base, environ),
    }


def _start(
    image: Image, packages: Sequence[str], starts: Sequence[_Start], base: Base, environ: Mapping[str, str]
) -> Started:
    with storage(environ) as (_, buildah, settings):
        platform = [f"--platform=linux/{base.architecture}"] if base.architecture else []
        container = run(
            [*buildah, "from", "--quiet", *platform, f"oci-archive:{image.archive}"], settings
        ).strip()
        configured = json.loads(run([*buildah, "inspect", container], settings))["OCIv1"]["config"]
        within = [*buildah, "run", "--network", "host"]
        said = run(
            [*within, container, "--", "python3", "-W", "error", "-c", _IMPORT_ALL, *packages], settings
        ).split()
        started = Started(said[0], said[1], said[2], int(said[3]), int(said[4]))
        if not started.python.startswith(f"{base.python}.") or started.machine != base.machine:
            raise PreparationError(
                f"{image.reference} should have Python {base.python} for {base.machine} and has {started}"
            )
        for start in starts:
            variables = [f"--env={name}={value}" for name, value in start.environ.items()]
            command = [*within, *variables, container, "--", *configured["Entrypoint"], *start.arguments]
            _expect(start, command, settings)
    return started


def _expect(start: _Start, command: Sequence[str], settings: Mapping[str, str]) -> None:
    # The status is a shell's to report: whoever runs containers may have errors of its own.
    script = '"$@"; echo "status $?"'
    done = run([program("sh"), "-c", f"({script}) 2>&1", "sh", *command], settings)
    if start.says not in " ".join(done.split()) or f"status {start.status}\n" not in done:
        raise PreparationError(
            f"{command[-1]} should have ended with {start.status} and {start.says!r}:\n{done[-2000:]}"
        )
