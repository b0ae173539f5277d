"""Command-line tools written in Go, each built once per version into the user's cache.

Guarantees: of several processes one builds and the others wait; what is in the cache is complete, because it gets
its place by a rename; a new version is built beside the old one.
"""

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from dev.cluster.errors import BinariesError
from dev.cluster.locks import cache_folder, exclusive
from dev.cluster.progress import Progress, say


@dataclass(frozen=True)
class Tool:
    """A program as ``go install`` builds it."""

    name: str
    version: str
    package: str

    @property
    def folder(self) -> str:
        """Its folder's name in the cache."""
        return f"{self.name}-{self.version}"


HELM = Tool("helm", "v4.3.1", "helm.sh/helm/v4/cmd/helm")
HELM_OLDEST = Tool("helm", "v3.17.4", "helm.sh/helm/v3/cmd/helm")
"""The oldest that docs/install.md states."""
ACTIONLINT = Tool("actionlint", "v1.7.12", "github.com/rhysd/actionlint/cmd/actionlint")
KUBE_SCORE = Tool("kube-score", "v1.20.0", "github.com/zegl/kube-score/cmd/kube-score")


def locate_tool(tool: Tool, environ: Mapping[str, str], say: Callable[[str], None]) -> Path:
    """The program, from the cache or built now.

    Raises:
        BinariesError: there is no Go, or the build failed.
    """
    folder = cache_folder(environ) / "tools" / tool.folder
    program = folder / tool.name
    if program.exists():
        return program
    go = shutil.which("go", path=environ.get("PATH", os.defpath))
    if go is None:
        raise BinariesError(
            f"{tool.name} {tool.version} is built with Go, which is not on the PATH: install Go 1.26 or newer"
        )
    progress = Progress(say)
    waiting = f"another run is building {tool.name}, waiting for it"
    with exclusive(folder.with_name(f"{folder.name}.lock"), lambda: progress.update(waiting)):
        if not program.exists():
            _build(tool, go, folder, environ, say)
    return program


def _build(tool: Tool, go: str, folder: Path, environ: Mapping[str, str], say: Callable[[str], None]) -> None:
    say(f"building {tool.name} {tool.version} once, up to 3 minutes on 2 cores; cached in {folder}")
    half_done = folder.with_name(f"{folder.name}.half-done")
    shutil.rmtree(half_done, ignore_errors=True)
    half_done.mkdir(parents=True)
    command = [go, "install", "-trimpath", "-ldflags", _version_flags(tool), f"{tool.package}@{tool.version}"]
    settings = {**environ, "GOBIN": str(half_done), "CGO_ENABLED": "0", "GOFLAGS": "", "GOWORK": "off"}
    # A folder without a go.mod above it: `go install pkg@version` takes no notice of one, but GOFLAGS=-mod would.
    done = subprocess.run(command, cwd=half_done, env=settings, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        shutil.rmtree(half_done, ignore_errors=True)
        raise BinariesError(f"`{' '.join(command)}` failed:\n{done.stderr.strip()[-2000:]}")
    half_done.rename(folder)


def _version_flags(tool: Tool) -> str:
    """Helm renders charts for its own idea of Kubernetes' version; without this it also says v4.0 of itself."""
    if tool.name != "helm":
        return "-s -w"
    major = tool.version.removeprefix("v").split(".")[0]
    return f"-s -w -X helm.sh/helm/v{major}/internal/version.version={tool.version}"


if __name__ == "__main__":
    for wanted in (HELM, KUBE_SCORE):
        print(locate_tool(wanted, os.environ, say))
