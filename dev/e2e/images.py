"""The two images, built from their Dockerfiles by buildah, and the base they stand on where no registry is reachable.

Guarantees: an archive in the cache is complete, because it gets its place by a rename, and its name has a hash over
everything that went into it; of several processes one builds and the others wait.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dev.cluster.locks import exclusive
from dev.e2e.packages import PreparationError, program, require_node_programs
from dev.e2e.tools import cache_folder

REPOSITORY = Path(__file__).parents[2]
SUITE = "bookworm"
_BASE = "localhost/powercap-base"
_BASE_PACKAGES = "python3,python3-pip,ca-certificates"
_PRUNED = (
    "var/cache/apt",
    "var/lib/apt/lists",
    "usr/share/doc",
    "usr/share/locale",
    "usr/share/man",
    "var/log",
)
_CONTEXT = ("agent/powercap_agent", "crds/powercap_api", "operator/powercap_operator", "dev/image-root.sh")
_REQUIREMENTS = "dev/requirements-operator.txt"
_PAUSE = Path(__file__).parent / "pause" / "main.go"
_PAUSE_DOCKERFILE = 'FROM scratch\nCOPY pause /pause\nENTRYPOINT ["/pause"]\n'
_KEPT_SECONDS = 24 * 3600
_EPOCH = "1700000000"
"""Time stamp of every file in an image: with the time of the build the same sources give another image each time."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Image:
    """An image as an OCI archive."""

    name: str
    tag: str
    archive: Path

    @property
    def reference(self) -> str:
        """As pods name it."""
        return f"{self.name}:{self.tag}"


@dataclass(frozen=True)
class Images:
    """What a node needs to have."""

    operator: Image
    agent: Image
    pause: Image


def build_images(environ: Mapping[str, str], say: Say) -> Images:
    """From the cache, or built now: two minutes the first time, half a minute after a change.

    Raises:
        PreparationError: a build failed; the message has the end of what it said.
    """
    folder = cache_folder(environ) / "images"
    waiting = False

    def wait() -> None:
        nonlocal waiting
        if not waiting:
            say("another run is building the images, waiting for it")
        waiting = True

    with exclusive(folder / "lock", wait):
        base = folder / f"base-{SUITE}-{_digest(_BASE_PACKAGES, *_PRUNED)}.tar"
        sources = [text for part in _CONTEXT for text in _texts(REPOSITORY / part)]
        operator = _texts(REPOSITORY / "Dockerfile.operator", REPOSITORY / _REQUIREMENTS)
        agent = _texts(REPOSITORY / "Dockerfile.agent")
        images = Images(
            operator=_image(folder, "operator", base.name, *operator, *sources),
            agent=_image(folder, "agent", base.name, *agent, *sources),
            pause=_image(folder, "pause", *_texts(_PAUSE), _PAUSE_DOCKERFILE),
        )
        missing = [
            image for image in (images.operator, images.agent, images.pause) if not image.archive.exists()
        ]
        if missing:
            if not base.exists():
                _make_base(base, say)
            _build(missing, base, environ, say)
    return images


def _image(folder: Path, name: str, *inputs: str) -> Image:
    key = _digest(*inputs)
    return Image(f"localhost/powercap-{name}", key, folder / f"{name}-{key}.tar")


def _texts(*paths: Path) -> list[str]:
    """Names and contents of the files at and below the paths."""
    files = [file for path in paths for file in ([path] if path.is_file() else sorted(path.rglob("*.py")))]
    return [
        text
        for file in files
        for text in (str(file.relative_to(REPOSITORY)), file.read_text(encoding="utf-8"))
    ]


def _digest(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:12]


def _make_base(base: Path, say: Say) -> None:
    """A Debian with Python, from its packages: for machines that reach a package mirror but no image registry."""
    say(f"making the images' base from Debian's packages once, about a minute; cached as {base}")
    with tempfile.TemporaryDirectory(prefix="powercap-base-") as folder:
        root = Path(folder) / "root"
        command = [
            program("debootstrap"),
            "--variant=minbase",
            f"--include={_BASE_PACKAGES}",
            SUITE,
            str(root),
        ]
        run(command, os.environ)
        for pruned in _PRUNED:
            shutil.rmtree(root / pruned, ignore_errors=True)
            (root / pruned).mkdir(parents=True)
        draft = base.with_suffix(".half-done")
        run([program("tar"), "-C", str(root), "--exclude=./dev/*", "-cf", str(draft), "."], os.environ)
        draft.rename(base)


def _build(missing: Sequence[Image], base: Path, environ: Mapping[str, str], say: Say) -> None:
    """Buildah with a storage of its own, thrown away at the end: each of its layers is a copy of everything."""
    with tempfile.TemporaryDirectory(prefix="powercap-buildah-", dir="/var/tmp") as folder:
        work = Path(folder)
        buildah = [program("buildah"), "--root", str(work / "root"), "--runroot", str(work / "run")]
        buildah += ["--storage-driver", "vfs"]
        settings = {**environ, "BUILDAH_ISOLATION": "chroot"}
        build = [*buildah, "bud", "--quiet", "--timestamp", _EPOCH, "--network", "host"]
        if any(image.name != "localhost/powercap-pause" for image in missing):
            (work / "base").mkdir()
            (work / "base" / base.name).hardlink_to(base) if _same_disk(base, work) else shutil.copy(
                base, work / "base"
            )
            (work / "base" / "Dockerfile").write_text(f"FROM scratch\nADD {base.name} /\n")
            run([*build, "--tag", _BASE, str(work / "base")], settings)
        for image in missing:
            say(f"building {image.reference}")
            short = image.name.removeprefix("localhost/powercap-")
            if short == "pause":
                command = [*build, "--tag", image.reference, str(_pause_context(work / "pause"))]
            else:
                arguments = [f"--build-arg={stage}_IMAGE={_BASE}" for stage in ("BUILD", "BASE")]
                dockerfile = REPOSITORY / f"Dockerfile.{short}"
                command = [*build, *arguments, *_pip_volumes(environ), "--tag", image.reference]
                command += ["--file", str(dockerfile), str(REPOSITORY)]
            run(command, settings)
            draft = image.archive.with_suffix(".half-done")
            draft.unlink(missing_ok=True)
            run(
                [*buildah, "push", "--quiet", image.reference, f"oci-archive:{draft}:{image.reference}"],
                settings,
            )
            draft.rename(image.archive)
            _forget_old(image)


def _forget_old(image: Image) -> None:
    """Archives of other versions, a day after they were made: another checkout may use one just now."""
    short = image.name.removeprefix("localhost/powercap-")
    for other in image.archive.parent.glob(f"{short}-*.tar"):
        if other.stat().st_mtime < time.time() - _KEPT_SECONDS:
            other.unlink()


def _same_disk(one: Path, other: Path) -> bool:
    return one.stat().st_dev == other.stat().st_dev


def _pause_context(folder: Path) -> Path:
    folder.mkdir()
    shutil.copy(_PAUSE, folder / "main.go")
    settings = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "", "GOWORK": "off"}
    run([program("go"), "build", "-C", str(folder), "-ldflags=-s -w", "-o", "pause", "main.go"], settings)
    (folder / "Dockerfile").write_text(_PAUSE_DOCKERFILE)
    return folder


def _pip_volumes(environ: Mapping[str, str]) -> list[str]:
    """What pip on this machine is configured by and trusts, mounted for the time of the build."""
    files = [
        Path("/etc/pip.conf"),
        *(Path(environ[name]) for name in ("PIP_CERT", "PIP_CONFIG_FILE") if environ.get(name)),
    ]
    return [f"--volume={file}:{file}:ro" for file in files if file.is_file()]


def run(command: Sequence[str], environ: Mapping[str, str]) -> str:
    """Run a program; what it writes.

    Raises:
        PreparationError: it failed.
    """
    done = subprocess.run(command, env=dict(environ), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise PreparationError(f"`{' '.join(command)}` failed:\n{(done.stdout + done.stderr)[-3000:]}")
    return done.stdout


def main() -> int:
    """Build the images, and say where they are and how large."""

    def say(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    try:
        require_node_programs(say)
        images = build_images(os.environ, say)
    except PreparationError as error:
        say(str(error))
        return 1
    for image in (images.operator, images.agent, images.pause):
        print(f"{image.reference}  {image.archive}  {image.archive.stat().st_size / 1e6:.0f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
