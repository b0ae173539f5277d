"""Writes go.mod and go.sum of one Kubernetes version: `python -m dev.cluster.pin 1.31.0`, once for each version.

k8s.io/kubernetes requires its staging modules as v0.0.0 and replaces them with folders of its own. Replacements do
not reach those who import a module, so go.mod here points each at the published module of the same patch version.
Not every patch version of every module is published: modules that are only listed and never compiled
(sample-apiserver and the like) may be of another patch version, and for the others the command fails; another patch
version of Kubernetes may do.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from dev.cluster.build import VERSIONS, sources_of

_NEVER_COMPILED = frozenset({"code-generator", "sample-apiserver", "sample-cli-plugin", "sample-controller"})
_HEADER = """\
// Kubernetes {version}, written by `python -m dev.cluster.pin {version}`. The replacements are of the staging modules.
module powercap.dev/dev/cluster/programs

go {go}
"""


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m dev.cluster.pin",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("version", help="of k8s.io/kubernetes, such as 1.31.0")
    version: str = parser.parse_args(arguments).version
    try:
        folder = _pin(version)
    except subprocess.CalledProcessError as error:
        print(
            f"error: `{' '.join(error.cmd)}` failed, as it says above. Where a module of Kubernetes {version} is not"
            " published, try another patch version: go list -m -versions k8s.io/kubernetes",
            file=sys.stderr,
        )
        return 1
    print(f"wrote {folder}; `make cluster KUBERNETES={folder.name}` builds it")
    return 0


def _pin(version: str) -> Path:
    """Writes the folder of the version and returns it."""
    minor, _, _ = version.rpartition(".")
    target = VERSIONS / minor
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for source in sources_of(minor):
            shutil.copy(source, folder)
        (folder / "go.mod").write_text(_go_mod(version, folder))
        _go(folder, "mod", "tidy")
        target.mkdir(parents=True, exist_ok=True)
        for name in ("go.mod", "go.sum"):
            shutil.copy(folder / name, target / name)
    return target


def _go_mod(version: str, folder: Path) -> str:
    """What `go mod tidy` completes: the version wanted, and a replacement for each of its staging modules."""
    found = _download(folder, f"k8s.io/kubernetes@v{version}")
    upstream = json.loads(_go(folder, "mod", "edit", "-json", found["GoMod"]))
    staging_version = f"v0.{version.partition('.')[2]}"
    lines = [_HEADER.format(version=version, go=upstream["Go"])]
    lines.append(f"require k8s.io/kubernetes v{version}\n\nreplace (")
    for replaced in upstream["Replace"]:
        module = replaced["Old"]["Path"]
        if replaced["New"]["Path"].startswith("./staging/"):
            lines.append(f"\t{module} => {module} {_published(module, staging_version, folder)}")
    return "\n".join([*lines, ")", ""])


def _published(module: str, version: str, folder: Path) -> str:
    """The version where it is to be had; for a module that is never compiled else the first of the same minor."""
    if module.removeprefix("k8s.io/") in _NEVER_COMPILED:
        try:
            _download(folder, f"{module}@{version}")
        except subprocess.CalledProcessError:
            return f"{version.rpartition('.')[0]}.0"
    return version


def _download(folder: Path, module: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(_go(folder, "mod", "download", "-json", module))
    return answer


def _go(folder: Path, *arguments: str) -> str:
    """Output of `go` in a folder outside of any module; its messages go to the terminal."""
    environ = {**os.environ, "GOWORK": "off", "GOFLAGS": "-mod=mod"}
    return subprocess.run(
        ["go", *arguments], cwd=folder, env=environ, stdout=subprocess.PIPE, text=True, check=True
    ).stdout


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
