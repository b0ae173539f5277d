"""Builds the Go programs in `programs` once for each Kubernetes version, into the user's cache.

There are two: what everybody needs, etcd, API server and kubectl; and the rest, controllers and a node's programs. The
sources are the same for all versions; go.mod and go.sum of each are in `programs/versions`, written by
`python -m dev.cluster.pin`.

Guarantees: of several processes, also on the same cache, one builds and the others wait for it; a program in
the cache is complete, because it gets its place by a rename; a change to the sources, the pins or Go's version builds
anew under another key, so that a checkout of another branch does not throw this one's program away.
"""

import hashlib
import os
import platform
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dev.cluster.errors import BinariesError
from dev.cluster.locks import cache_folder, exclusive
from dev.cluster.progress import Progress

MINIMUM_GO = "1.26"

NEWEST = "1.37"
"""The version that is built where none is asked for; its etcd and kubectl serve the others too."""
SOURCES = Path(__file__).parent / "programs"
VERSIONS = SOURCES / "versions"


@dataclass(frozen=True)
class Part:
    """One of the programs."""

    name: str
    """Of its file."""
    what: str
    minutes: int
    """About as long does its build take on 2 cores, after those of the parts before."""
    sources: tuple[str, ...]


API_SERVER: Final = Part("api-server", "API server", 5, ("main.go", "api_server.go", "etcd_kubectl.go"))
REST: Final = Part(
    "controllers-and-node",
    "controllers and node programs",
    3,
    ("main.go", "controllers.go", "node_linux.go"),
)
PARTS: Final = (API_SERVER, REST)
_NEWEST_ONLY = "etcd_kubectl.go"
_POLL_SECONDS = 0.2
_PACKAGE_LINE = re.compile(r"[\w.~/-]+")
"""What `go build -v` writes for each package; all else that it writes is a message."""


def versions() -> list[str]:
    """The Kubernetes versions that can be built, such as 1.31, the oldest first."""
    return sorted(
        (folder.name for folder in VERSIONS.iterdir()), key=lambda name: int(name.partition(".")[2])
    )


def sources_of(minor: str, parts: Sequence[Part] = PARTS) -> list[Path]:
    """The Go files that a version's programs are made of."""
    names = {name for part in parts for name in part.sources}
    return [SOURCES / name for name in sorted(names) if minor == NEWEST or name != _NEWEST_ONLY]


def build(minor: str, part: Part, environ: Mapping[str, str], say: Callable[[str], None]) -> Path:
    """A multi-call program of a Kubernetes version, from the cache or built now. Raises BinariesError.

    The newest version's API server comes with etcd and kubectl, the others' without.
    """
    if minor not in versions():
        raise BinariesError(
            f"Kubernetes {minor!r} cannot be built here, only {', '.join(versions())}:"
            " python -m dev.cluster.pin adds a version"
        )
    go = shutil.which("go", path=environ.get("PATH", os.defpath))
    if go is None:
        raise BinariesError(
            "the control plane's programs are built with Go, which is not on the PATH:"
            f" install Go {MINIMUM_GO} or newer, or set KUBEBUILDER_ASSETS to a folder with etcd,"
            " kube-apiserver and kubectl"
        )
    # Static, so that no C compiler is needed; outside of whatever Go workspace this checkout may lie in.
    environ = {**environ, "CGO_ENABLED": "0", "GOWORK": "off"}
    module = [*sources_of(minor, [part]), VERSIONS / minor / "go.mod", VERSIONS / minor / "go.sum"]
    flags = _flags(kubernetes_version(minor))
    folder = cache_folder(environ) / "control-plane" / _key(go, module, flags, environ)
    program = folder / part.name
    if program.exists():
        return program
    progress = Progress(say)
    try:
        waiting = f"another run is building the {part.what} of Kubernetes {minor}, waiting for it"
        with exclusive(folder.with_suffix(".lock"), lambda: progress.update(waiting)):
            if not program.exists():
                _build_into(folder, part, go, module, flags, environ, say)
    finally:
        progress.close()
    return program


def kubernetes_version(minor: str) -> str:
    """With the patch version, as in the minor version's go.mod: the only place where it is written."""
    pins = VERSIONS / minor / "go.mod"
    found = re.search(r"^(?:require)?\s+k8s\.io/kubernetes v(\S+)", pins.read_text(), re.MULTILINE)
    if found is None:
        raise BinariesError(f"{pins} does not require k8s.io/kubernetes")
    return found[1]


def _flags(version: str) -> list[str]:
    """Links the version in, as Kubernetes' own build does: clients cannot parse the default one."""
    major, minor, _ = version.split(".", 2)
    values = {"gitVersion": f"v{version}", "gitMajor": major, "gitMinor": minor}
    packages = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    set_values = [f"-X {package}.{key}={value}" for package in packages for key, value in values.items()]
    return ["-trimpath", "-buildvcs=false", "-ldflags", " ".join(["-s", "-w", *set_values])]


def _key(go: str, module: list[Path], flags: list[str], environ: Mapping[str, str]) -> str:
    """Hash over all that goes into the program: the module's files, Go's version and target, the flags."""
    asked = [go, "env", "GOVERSION", "GOOS", "GOARCH"]
    answer = subprocess.run(asked, cwd=SOURCES, env=environ, capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        raise BinariesError(
            f"`{' '.join(asked)}` failed, is Go older than {MINIMUM_GO}? Install a newer one, or set"
            f" KUBEBUILDER_ASSETS.\n{answer.stderr.strip()}"
        )
    digest = hashlib.sha256(f"{answer.stdout}{flags}".encode())
    for file in module:
        digest.update(f"{file.name}\0".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def _build_into(
    folder: Path,
    part: Part,
    go: str,
    module: list[Path],
    flags: list[str],
    environ: Mapping[str, str],
    say: Callable[[str], None],
) -> None:
    program, version = folder / part.name, kubernetes_version(module[-1].parent.name)
    build_time = f"about {part.minutes} minutes on 2 cores"
    say(f"building the {part.what} of Kubernetes {version} once, {build_time}; cached in {folder}")
    log = folder.with_suffix(".log")
    # One name for all, held by the lock: so that what a killed run has left is found and cleared.
    half_done = folder.with_suffix(".half-done")
    shutil.rmtree(half_done, ignore_errors=True)
    sources = half_done / "module"
    sources.mkdir(parents=True)
    for file in module:
        shutil.copy(file, sources)
    progress = Progress(say)
    try:
        log.write_bytes(b"")
        packages = half_done / "packages"
        _run(
            [go, "list", "-deps", "."], sources, packages, log, environ, lambda: _show_fetching(log, progress)
        )
        total = len(packages.read_text().splitlines())
        packages.unlink()
        log.write_bytes(b"")
        _run(
            [go, "build", "-v", *flags, "-o", str(half_done / part.name), "."],
            sources,
            None,
            log,
            environ,
            lambda: _show_compiling(log, total, progress),
        )
        shutil.rmtree(sources)
        half_done.rename(folder)
        progress.close()
        say(f"built in {progress.elapsed()}: {program} ({_megabytes(program)} MB)")
    finally:
        progress.close()
        shutil.rmtree(half_done, ignore_errors=True)


def _run(
    command: list[str],
    module: Path,
    output: Path | None,
    log: Path,
    environ: Mapping[str, str],
    show: Callable[[], None],
) -> None:
    """Runs Go in the module's folder, with its messages in `log`; BinariesError with their end if it fails."""
    with log.open("ab") as messages, (output or Path(os.devnull)).open("wb") as answers:
        process = subprocess.Popen(
            command, cwd=module, env=environ, stdin=subprocess.DEVNULL, stdout=answers, stderr=messages
        )
        try:
            while process.poll() is None:
                show()
                time.sleep(_POLL_SECONDS)
        finally:
            # Interrupted: without this Go would work on for minutes, unseen.
            if process.poll() is None:
                process.terminate()
                process.wait()
    if process.returncode != 0:
        said = [line for line in _lines(log) if not _PACKAGE_LINE.fullmatch(line)]
        raise BinariesError(
            f"`go {command[1]}` of the control plane failed; all of its output is in {log}, its end:\n"
            + "\n".join(said[-20:])
        )


def _show_fetching(log: Path, progress: Progress) -> None:
    fetched = sum(line.startswith("go: downloading ") for line in _lines(log))
    progress.update(f"fetching Go modules, {fetched} so far")


def _show_compiling(log: Path, total: int, progress: Progress) -> None:
    done = sum(bool(_PACKAGE_LINE.fullmatch(line)) for line in _lines(log))
    # Go names only what it has to compile: with a warm build cache the count ends early.
    progress.update(f"compiling, {done} of at most {total} packages" if done < total - 1 else "linking")


def _lines(log: Path) -> list[str]:
    return log.read_text(errors="replace").splitlines()


def _megabytes(file: Path) -> int:
    return round(file.stat().st_size / 1e6)


def is_linux() -> bool:
    """Whether what is built here includes a node's components."""
    return platform.system() == "Linux"
