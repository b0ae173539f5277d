"""Builds the Go module beside this file once for each version of it, into the user's cache.

Guarantees: of several processes, also on the same cache, one builds and the others wait for it; a program in
the cache is complete, because it gets its place by a rename; a change to the module or to Go's version builds
anew under another key, so that a checkout of another branch does not throw this one's program away.
"""

import hashlib
import os
import platform
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from dev.cluster.errors import BinariesError
from dev.cluster.locks import exclusive
from dev.cluster.progress import Progress

MINIMUM_GO = "1.26"

_MODULE = Path(__file__).parent
_PROGRAM = "control-plane"
_POLL_SECONDS = 0.2
_PACKAGE_LINE = re.compile(r"[\w.~/-]+")
"""What `go build -v` writes for each package; all else that it writes is a message."""


def build(environ: Mapping[str, str], say: Callable[[str], None]) -> Path:
    """The multi-call program, from the cache or built now. Raises BinariesError."""
    go = shutil.which("go", path=environ.get("PATH", os.defpath))
    if go is None:
        raise BinariesError(
            "the control plane's programs are built with Go, which is not on the PATH:"
            f" install Go {MINIMUM_GO} or newer, or set KUBEBUILDER_ASSETS to a folder with etcd,"
            " kube-apiserver and kubectl"
        )
    # Static, so that no C compiler is needed; outside of whatever Go workspace this checkout may lie in.
    environ = {**environ, "CGO_ENABLED": "0", "GOWORK": "off"}
    flags = _flags()
    folder = _cache(environ) / _key(go, flags, environ)
    program = folder / _PROGRAM
    if program.exists():
        return program
    progress = Progress(say)
    try:
        waiting = "another run is building the Kubernetes control plane, waiting for it"
        with exclusive(folder.with_suffix(".lock"), lambda: progress.update(waiting)):
            if not program.exists():
                _build_into(folder, go, flags, environ, say)
    finally:
        progress.close()
    return program


def kubernetes_version() -> str:
    """As in go.mod, without the v: the only place where it is written."""
    found = re.search(r"^\s+k8s\.io/kubernetes v(\S+)", (_MODULE / "go.mod").read_text(), re.MULTILINE)
    if found is None:
        raise BinariesError(f"{_MODULE / 'go.mod'} does not require k8s.io/kubernetes")
    return found[1]


def _flags() -> list[str]:
    """Links the version in, as Kubernetes' own build does: clients cannot parse the default one."""
    version = kubernetes_version()
    major, minor, _ = version.split(".", 2)
    values = {"gitVersion": f"v{version}", "gitMajor": major, "gitMinor": minor}
    packages = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    set_values = [f"-X {package}.{key}={value}" for package in packages for key, value in values.items()]
    return ["-trimpath", "-buildvcs=false", "-ldflags", " ".join(["-s", "-w", *set_values])]


def _cache(environ: Mapping[str, str]) -> Path:
    base = environ.get("XDG_CACHE_HOME") or Path(environ.get("HOME") or Path.home()) / ".cache"
    return Path(base) / "powercap" / "control-plane"


def _key(go: str, flags: list[str], environ: Mapping[str, str]) -> str:
    """Hash over all that goes into the program: the module, Go's version and target, the flags."""
    asked = [go, "env", "GOVERSION", "GOOS", "GOARCH"]
    answer = subprocess.run(asked, cwd=_MODULE, env=environ, capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        raise BinariesError(
            f"`{' '.join(asked)}` failed, is Go older than {MINIMUM_GO}? Install a newer one, or set"
            f" KUBEBUILDER_ASSETS.\n{answer.stderr.strip()}"
        )
    digest = hashlib.sha256(f"{answer.stdout}{flags}".encode())
    for file in sorted([_MODULE / "go.mod", _MODULE / "go.sum", *_MODULE.glob("*.go")]):
        digest.update(f"{file.name}\0".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def _build_into(
    folder: Path, go: str, flags: list[str], environ: Mapping[str, str], say: Callable[[str], None]
) -> None:
    say(
        f"building Kubernetes {kubernetes_version()} control plane once, about 8 minutes on 2 cores;"
        f" cached in {folder}"
    )
    log = folder.with_suffix(".log")
    # One name for all, held by the lock: so that what a killed run has left is found and cleared.
    half_done = folder.with_suffix(".half-done")
    shutil.rmtree(half_done, ignore_errors=True)
    half_done.mkdir(parents=True)
    progress = Progress(say)
    try:
        log.write_bytes(b"")
        packages = half_done / "packages"
        _run([go, "list", "-deps", "."], packages, log, environ, lambda: _show_fetching(log, progress))
        total = len(packages.read_text().splitlines())
        packages.unlink()
        log.write_bytes(b"")
        program = half_done / _PROGRAM
        _run(
            [go, "build", "-v", *flags, "-o", str(program), "."],
            None,
            log,
            environ,
            lambda: _show_compiling(log, total, progress),
        )
        half_done.rename(folder)
        progress.close()
        say(f"built in {progress.elapsed()}: {folder / _PROGRAM} ({_megabytes(folder / _PROGRAM)} MB)")
    finally:
        progress.close()
        shutil.rmtree(half_done, ignore_errors=True)


def _run(
    command: list[str], output: Path | None, log: Path, environ: Mapping[str, str], show: Callable[[], None]
) -> None:
    """Runs Go in the module, with its messages in `log`; BinariesError with their end if it fails."""
    with log.open("ab") as messages, (output or Path(os.devnull)).open("wb") as answers:
        process = subprocess.Popen(
            command, cwd=_MODULE, env=environ, stdin=subprocess.DEVNULL, stdout=answers, stderr=messages
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
