"""What a virtual machine boots: a kernel and an initial file system with its drivers and the simulated registers.

Kept in the user's cache by the kernel's version and the sources in ``guest``, so that only the first run waits for it.
"""

import gzip
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dev.cluster.locks import exclusive
from dev.kernel.packages import Apt
from dev.lab.debian import PreparationError

GUEST: Final = Path(__file__).parent / "guest"
_MODULES: Final = ("virtio_pci", "9pnet_virtio", "9p", "intel_rapl_common")
_BUSYBOX: Final = "/bin/busybox"


@dataclass(frozen=True)
class Image:
    """Files to boot."""

    series: str
    version: str
    kernel: Path
    initramfs: Path


def image(series: str, environ: Mapping[str, str], say: Callable[[str], None]) -> Image:
    """The series' image: the newest version in the cache, or made now from the newest that apt offers.

    Raises:
        PreparationError: it cannot be made.
    """
    cache = Path(environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "powercap" / "kernel" / series
    with exclusive(cache / "lock"):
        folders = sorted(cache.glob("*/vmlinuz"), key=lambda file: file.stat().st_mtime)
        folder = folders[-1].parent if folders else _fetched(series, cache, say)
        made = folder / f"initramfs-{_digest()}.gz"
        if not made.exists():
            say(f"building the registers' module for kernel {folder.name}")
            _build(folder, made)
    return Image(series, folder.name, folder / "vmlinuz", made)


def _fetched(series: str, cache: Path, say: Callable[[str], None]) -> Path:
    """The folder of the newest version, with kernel, headers and the drivers that are needed: 200 MB of 500."""
    apt = Apt(series, cache / "apt")
    say(f"looking for the newest kernel {series}")
    apt.refresh()
    version = apt.newest()
    say(f"downloading kernel {version}: about 120 MB")
    with tempfile.TemporaryDirectory(dir=cache) as draft:
        tree = Path(draft) / "tree"
        apt.unpack(version, tree)
        release = f"{version}-amd64"
        (tree / "boot" / f"vmlinuz-{release}").rename(tree / "vmlinuz")
        _run(["depmod", "-b", str(tree), release])
        _keep_needed_modules(tree, release)
        folder = cache / version
        tree.rename(folder)
    # The headers name the place where they would be installed, and bring a vmlinux for which modules want pahole.
    headers = folder / "usr" / "src" / f"linux-headers-{release}"
    makefile = headers / "Makefile"
    text = makefile.read_text(encoding="ascii")
    makefile.write_text(text.replace("/usr/src/", f"{headers.parent}/"), encoding="ascii")
    (headers / "vmlinux").unlink(missing_ok=True)
    return folder


def _keep_needed_modules(tree: Path, release: str) -> None:
    """Put the modules that a machine needs into ``drivers``, named in the order of their loading; drop the others."""
    drivers, order = tree / "drivers", []
    drivers.mkdir()
    for wanted in _MODULES:
        # -D prints an insmod for each module, dependencies first; "builtin" lines are others.
        for line in _run(["modprobe", "-d", str(tree), "-S", release, "-D", wanted]).splitlines():
            words = line.split()
            if words[:1] == ["insmod"] and words[1] not in order:
                order.append(words[1])
    for file in map(Path, order):
        if file.suffix == ".xz":
            (drivers / file.stem).write_bytes(subprocess.check_output(["xz", "-dc", file]))
        else:
            shutil.copy(file, drivers)
    names = [file.removesuffix(".xz").rpartition("/")[2] for file in order]
    (drivers / "order").write_text("\n".join(names) + "\n", encoding="ascii")
    shutil.rmtree(tree / "lib" / "modules")


def _build(folder: Path, made: Path) -> None:
    with tempfile.TemporaryDirectory() as draft:
        sources = Path(draft) / "module"
        shutil.copytree(GUEST, sources)
        headers = folder / "usr" / "src" / f"linux-headers-{folder.name}-amd64"
        _run(["make", "-C", str(headers), f"M={sources}", "modules"])
        tree = Path(draft) / "tree"
        for name in ("bin", "modules", "proc", "sys", "dev", "host"):
            (tree / name).mkdir(parents=True)
        shutil.copy(_BUSYBOX, tree / "bin")
        shutil.copy(GUEST / "init.sh", tree / "init")
        (tree / "init").chmod(0o755)
        for file in (folder / "drivers").glob("*.ko"):
            shutil.copy(file, tree / "modules")
        shutil.copy(sources / "simrapl.ko", tree / "modules")
        shutil.copy(folder / "drivers" / "order", tree / "order")
        names = "\n".join(str(path.relative_to(tree)) for path in sorted(tree.rglob("*")))
        packed = subprocess.run(
            ["cpio", "-o", "-H", "newc", "--quiet"],
            input=names.encode(),
            cwd=tree,
            capture_output=True,
            check=True,
        )
        new = made.with_suffix(".new")
        new.write_bytes(gzip.compress(packed.stdout, 1))
        os.replace(new, made)


def _digest() -> str:
    digest = hashlib.sha256()
    for file in sorted(GUEST.iterdir()):
        digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:12]


def _run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise PreparationError(f"`{' '.join(command)}` failed:\n{(done.stdout + done.stderr)[-2000:]}")
    return done.stdout
