"""The two images, built from their Dockerfiles by buildah on a base that was made here.

Guarantees: an archive in the cache is complete, because it gets its place by a rename, and its name has a hash over
everything that went into it; of several processes one builds and the others wait.
"""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dev.cluster.locks import cache_folder, exclusive
from dev.images.bases import DEBIAN, Base, Say, archive, digest
from dev.images.roots import run
from dev.lab.debian import program

REPOSITORY = Path(__file__).parents[2]
_BASE = "localhost/powercap-base"
_CONTEXT = ("agent/powercap_agent", "crds/powercap_api", "operator/powercap_operator", "dev/image-root.sh")
_REQUIREMENTS = "dev/requirements-operator.txt"
_PAUSE = Path(__file__).parent / "pause" / "main.go"
_PAUSE_DOCKERFILE = 'FROM scratch\nCOPY pause /pause\nENTRYPOINT ["/pause"]\n'
_KEPT_SECONDS = 24 * 3600
_EPOCH = "1700000000"
"""Time stamp of every file in an image: with the time of the build the same sources give another image each time."""


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


def build_images(environ: Mapping[str, str], say: Say, base: Base = DEBIAN) -> Images:
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
        stands_on = base.file_name
        sources = [text for part in _CONTEXT for text in _texts(REPOSITORY / part)]
        operator = _texts(REPOSITORY / "Dockerfile.operator", REPOSITORY / _REQUIREMENTS)
        agent = _texts(REPOSITORY / "Dockerfile.agent")
        images = Images(
            operator=_image(folder, "operator", stands_on, *operator, *sources),
            agent=_image(folder, "agent", stands_on, *agent, *sources),
            pause=_image(
                folder, "pause", *_texts(_PAUSE), _PAUSE_DOCKERFILE, *filter(None, [base.architecture])
            ),
        )
        missing = [
            image for image in (images.operator, images.agent, images.pause) if not image.archive.exists()
        ]
        if missing:
            _build(missing, base, archive(base, folder, say), environ, say)
    return images


def _image(folder: Path, name: str, *inputs: str) -> Image:
    key = digest(*inputs)
    return Image(f"localhost/powercap-{name}", key, folder / f"{name}-{key}.tar")


def _texts(*paths: Path) -> list[str]:
    """Names and contents of the files at and below the paths."""
    files = [file for path in paths for file in ([path] if path.is_file() else sorted(path.rglob("*.py")))]
    return [
        text
        for file in files
        for text in (str(file.relative_to(REPOSITORY)), file.read_text(encoding="utf-8"))
    ]


@contextmanager
def storage(environ: Mapping[str, str]) -> Iterator[tuple[Path, list[str], dict[str, str]]]:
    """A folder, buildah with a storage of its own in it, and its environment.

    All is thrown away at the end: each of its layers is a copy of everything.
    """
    with tempfile.TemporaryDirectory(prefix="powercap-buildah-", dir="/var/tmp") as folder:
        work = Path(folder)
        buildah = [program("buildah"), "--root", str(work / "root"), "--runroot", str(work / "run")]
        yield work, [*buildah, "--storage-driver", "vfs"], {**environ, "BUILDAH_ISOLATION": "chroot"}


def _build(
    missing: Sequence[Image], base: Base, base_archive: Path, environ: Mapping[str, str], say: Say
) -> None:
    with storage(environ) as (work, buildah, settings):
        build = [*buildah, "bud", "--quiet", "--timestamp", _EPOCH, "--network", "host"]
        if base.architecture:
            build.append(f"--platform=linux/{base.architecture}")
        if any(image.name != "localhost/powercap-pause" for image in missing):
            (work / "base").mkdir()
            there = work / "base" / base_archive.name
            there.hardlink_to(base_archive) if _same_disk(base_archive, work) else shutil.copy(
                base_archive, there
            )
            (work / "base" / "Dockerfile").write_text(f"FROM scratch\nADD {base_archive.name} /\n")
            run([*build, "--tag", _BASE, str(work / "base")], settings)
        for image in missing:
            say(f"building {image.reference}")
            short = image.name.removeprefix("localhost/powercap-")
            if short == "pause":
                command = [*build, "--tag", image.reference, str(_pause_context(work / "pause", base))]
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


def _pause_context(folder: Path, base: Base) -> Path:
    folder.mkdir()
    shutil.copy(_PAUSE, folder / "main.go")
    settings = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "", "GOWORK": "off"}
    if base.architecture:
        settings["GOARCH"] = base.architecture
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
